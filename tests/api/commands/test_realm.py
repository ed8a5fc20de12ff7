"""`realm apply`, `diff`, `export` against the real Keycloak."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulators.keycloak import KeycloakServer
from simulators.terminal import Told, zhengyin

from api.commands.common import Exit
from idp.realm.admin import RealmAdmin
from idp.realm.connection import AdminConnection
from idp.server.process import free_port

REALM = f"test-apply-{os.getpid()}"


@dataclass(frozen=True, slots=True)
class Operator:
    """The commands on one data folder, and a hand at the realm behind their back."""

    folder: Path
    connection: AdminConnection
    admin: RealmAdmin

    def realm(self, command: str, *arguments: str | Path) -> Told:
        return zhengyin("realm", command, *arguments, "--data", self.folder)

    def change_client(
        self, client_id: str, attributes: dict[str, str] | None = None, **fields: object
    ) -> None:
        client = self.admin.client(client_id)
        assert client is not None
        body = {**client, **fields, "attributes": {**client["attributes"], **(attributes or {})}}
        self.connection.put((REALM, "clients", client["id"]), body)


@pytest.fixture(scope="module")
def operator(
    keycloak: KeycloakServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IDP_ISSUER", f"{keycloak.url}/realms/{REALM}")
        patch.setenv("IDP_KEYCLOAK_ADMIN_PASSWORD", keycloak.password)
        folder = tmp_path_factory.mktemp("realm")
        yield Operator(folder, keycloak.connection, keycloak.admin(REALM))
        keycloak.connection.delete((REALM,))


@pytest.mark.real
def test_a_realm_from_nothing(operator: Operator) -> None:
    told = operator.realm("diff")
    assert (told.status, told.out.splitlines()[0]) == (Exit.FAILED, f"realm {REALM}")

    applied = operator.realm("apply")
    assert applied.status == Exit.OK, applied.err
    assert {"sign-in flow", "user profile", "client platform"} <= set(applied.out.splitlines())
    again = operator.realm("apply")
    assert len(again.out.splitlines()) == 1
    assert operator.realm("diff").status == Exit.OK

    pinned = json.loads((operator.folder / "approval-keys.json").read_bytes())
    assert pinned["client_id"] == "platform-approvals"
    assert pinned["thumbprints"] == list(operator.admin.signing_key_thumbprints())
    assert {path.name for path in (operator.folder / "identity").iterdir()} == {
        "platform.pem",
        "platform-admin.pem",
    }


@pytest.mark.real
def test_what_was_changed_by_hand_is_found_and_mended(operator: Operator) -> None:
    connection, authentication = operator.connection, (REALM, "authentication")
    connection.put((REALM,), {"registrationAllowed": True, "resetPasswordAllowed": True})
    action = {"providerId": "CONFIGURE_TOTP", "name": "Configure OTP"}
    connection.post((*authentication, "register-required-action"), action)
    connection.put(
        (*authentication, "required-actions", "UPDATE_PASSWORD"),
        {
            "alias": "UPDATE_PASSWORD",
            "name": "Update Password",
            "enabled": False,
            "priority": 57,
            "config": {},
        },
    )
    profile = connection.get((REALM, "users", "profile"))
    for attribute in profile["attributes"]:
        attribute["permissions"]["edit"] = ["admin", "user"]
    connection.put((REALM, "users", "profile"), profile)
    flow = connection.get((REALM,))["browserFlow"]
    executions = (*authentication, "flows", flow, "executions")
    for execution in connection.list(executions):
        if execution.get("providerId") == "auth-otp-form":
            connection.put(executions, {**execution, "requirement": "DISABLED"})
    operator.change_client(
        "platform",
        redirectUris=["http://localhost:8000/*"],
        directAccessGrantsEnabled=True,
        attributes={"default.acr.values": "al1", "pkce.code.challenge.method": ""},
    )
    operator.change_client("account", enabled=True)
    service = operator.admin.client("platform-admin")
    management = operator.admin.client("realm-management")
    assert service is not None
    assert management is not None
    account = connection.get((REALM, "clients", service["id"], "service-account-user"))["id"]
    mapped = (REALM, "users", account, "role-mappings", "clients", management["id"])
    everything = connection.get((REALM, "clients", management["id"], "roles", "realm-admin"))
    connection.post(mapped, [everything])

    told = operator.realm("diff")
    assert told.status == Exit.FAILED
    for line in (
        "  registrationAllowed: True → False",
        "  resetPasswordAllowed: True → False",
        "required action CONFIGURE_TOTP",
        "required action UPDATE_PASSWORD",
        "  identityLevel.permissions.edit: ['admin', 'user'] → ['admin']",
        "sign-in flow",
        "  attributes.default.acr.values: al1 → –",
        "  attributes.pkce.code.challenge.method: – → S256",
        "  directAccessGrantsEnabled: True → False",
        "client account",
        "client platform-admin",
    ):
        assert line in told.out.splitlines(), line
    assert "realm-admin" in told.out

    assert operator.realm("apply").status == Exit.OK
    assert operator.realm("diff").status == Exit.OK


@pytest.mark.real
def test_scopes_and_mappers_come_back(operator: Operator) -> None:
    connection = operator.connection
    scopes = {scope["name"]: scope for scope in connection.list((REALM, "client-scopes"))}
    (mapper,) = scopes["identity-level"]["protocolMappers"]
    models = (REALM, "client-scopes", scopes["identity-level"]["id"], "protocol-mappers", "models")
    mapper["config"]["user.attribute"] = "username"
    connection.put((*models, mapper["id"]), mapper)
    platform = operator.admin.client("platform")
    assert platform is not None
    here = (REALM, "clients", platform["id"])
    connection.put((*here, "default-client-scopes", scopes["identity-document"]["id"]), {})
    mapper = {**mapper, "name": "another"}
    connection.post((*here, "protocol-mappers", "models"), {**mapper, "id": None})
    connection.delete((REALM, "client-scopes", scopes["full-name"]["id"]))

    told = operator.realm("diff")
    assert "  identity_level.config.user.attribute: username → identityLevel" in told.out
    assert "identity-document" in told.out
    assert "client platform: mappers" in told.out
    assert "client scope full-name" in told.out
    assert operator.realm("apply").status == Exit.OK
    assert operator.realm("diff").status == Exit.OK


@pytest.mark.real
def test_strangers_are_named_and_left(operator: Operator) -> None:
    operator.connection.post((REALM, "clients"), {"clientId": "stranger"})
    operator.admin.put_client({"clientId": "portal-of-ours", "enabled": True})
    provider = {
        "alias": "elsewhere",
        "providerId": "oidc",
        "config": {
            "clientId": "x",
            "authorizationUrl": "http://localhost/a",
            "tokenUrl": "http://localhost/t",
        },
    }
    operator.connection.post((REALM, "identity-provider", "instances"), provider)
    told = operator.realm("diff")
    assert told.out.splitlines()[::2] == ["client stranger", "identity provider elsewhere"]
    applied = operator.realm("apply")
    assert "client stranger" in applied.err
    assert operator.admin.client("stranger") is not None
    operator.admin.delete_client("stranger")
    operator.connection.delete((REALM, "identity-provider", "instances", "elsewhere"))


@pytest.mark.real
def test_an_export_tells_no_secret(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "realm.json"
    assert operator.realm("export", "-o", file).status == Exit.OK
    exported = json.loads(file.read_bytes())
    assert exported["realm"] == REALM
    assert [user["username"] for user in exported["users"]] == ["service-account-platform-admin"]
    assert operator.realm("export").json["realm"] == REALM
    for client in exported["clients"]:
        assert set(client.get("secret", "")) <= {"*"}


def test_a_server_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_ISSUER", f"http://localhost:{free_port()}/realms/district")
    monkeypatch.delenv("IDP_KEYCLOAK_URL", raising=False)
    told = zhengyin("realm", "apply", "--data", tmp_path)
    assert (told.status, "[provider_unavailable]" in told.err) == (Exit.TRY_AGAIN, True)


def test_a_provider_that_is_no_keycloak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_ISSUER", "https://login.example.test")
    told = zhengyin("realm", "diff", "--data", tmp_path)
    assert (told.status, "[no_realm]" in told.err) == (Exit.CONFIGURATION, True)
