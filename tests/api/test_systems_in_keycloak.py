"""A department's system with the real Keycloak: applied, given a token, and let issue."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml
from pydantic import HttpUrl
from simulators.desk_office import furnish_desks
from simulators.keycloak import RealmForTests
from simulators.office import MARKET_BUREAU
from simulators.signed_in import connect_browser
from simulators.terminal import Told, zhengyin

from api.commands.common import Exit
from api.office import authorise_for_development
from api.settings import Settings
from api.wiring import Services, open_services, system_clock
from idp.client_authentication import PrivateKeyJwt, load_client_key
from idp.settings import IdentitySettings

pytestmark = pytest.mark.real

SYSTEM = Path(__file__).parents[2] / "demo" / "systems" / "civil.yaml"
CLIENT = "system-civil"
ISSUE, READ = "certificates:issue", "certificates:read"


@dataclass(slots=True)
class Department:
    """The platform, a realm, and a department that holds its system's key."""

    services: Services
    realm: RealmForTests
    http: httpx.Client

    def ask(self, *scopes: str) -> httpx.Response:
        """Ask for a token by client credentials."""
        folder = self.services.settings.data / "identity" / "systems" / CLIENT
        key = load_client_key((folder / "client.pem").read_bytes())
        form, headers = PrivateKeyJwt(key, CLIENT).authenticate(
            {"grant_type": "client_credentials", "scope": " ".join(scopes)},
            oidc_issuer=self.realm.issuer,
            at=datetime.now(UTC),
        )
        endpoint = f"{self.realm.issuer}/protocol/openid-connect/token"
        return httpx.post(endpoint, data=dict(form), headers=dict(headers))

    def bearer(self, *scopes: str) -> dict[str, str]:
        answer = self.ask(*scopes)
        assert answer.status_code == 200, answer.text
        assert not answer.json().keys() & {"refresh_token", "id_token"}
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def issue(self, key: str, headers: dict[str, str]) -> httpx.Response:
        folder = self.services.office.catalogue.find("senior-citizen-card").folder
        order = json.loads((folder / "sample.json").read_bytes())
        body = {"type": "senior-citizen-card", "order": order}
        return self.http.post(
            "/v1/certificates", json=body, headers=headers | {"Idempotency-Key": key}
        )


@pytest.fixture(scope="module")
def department(
    realm: RealmForTests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Department]:
    settings = Settings(
        data=tmp_path_factory.mktemp("systems") / "office",
        public_url=HttpUrl(realm.origin),
        identity=IdentitySettings(issuer=HttpUrl(realm.issuer)),
    )
    published = httpx.get(f"{realm.issuer}/protocol/openid-connect/certs").json()["keys"]
    furnish_desks(settings, realm.platform_key, [key for key in published if key["use"] == "sig"])
    with open_services(settings, clock=system_clock) as services:
        authorise_for_development(
            services.office.permissions, services.office.authorities, at=system_clock()
        )
        yield Department(services, realm, connect_browser(services))


@pytest.fixture(autouse=True)
def _operator(realm: RealmForTests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_ISSUER", realm.issuer)
    monkeypatch.setenv("IDP_KEYCLOAK_ADMIN_PASSWORD", realm.server.password)


def apply(department: Department, file: Path) -> Told:
    return zhengyin("systems", "apply", file, "--data", department.services.settings.data)


def test_a_system_is_applied_and_issues_for_its_authority_alone(
    department: Department, tmp_path: Path
) -> None:
    first, again = apply(department, SYSTEM), apply(department, SYSTEM)
    assert first.status == again.status == Exit.OK, first.err
    assert f"client {CLIENT}" in first.out
    assert f"client {CLIENT}" not in again.out
    both = department.bearer(ISSUE, READ)
    issued, same = department.issue("key-1", both), department.issue("key-1", both)
    assert issued.status_code == 201, issued.text
    assert issued.json() == same.json()
    path = issued.json()["links"]["self"]
    reading = department.bearer(READ)
    assert department.http.get(path, headers=reading).json()["number"] == issued.json()["number"]
    refused = department.issue("key-2", reading)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    # What the file does not grant, the identity server does not give.
    assert department.ask("acting").status_code == 400
    # Nor does a token say which authority it is for against the file that is applied here.
    members = yaml.safe_load(SYSTEM.read_bytes()) | {"authority": MARKET_BUREAU}
    moved = tmp_path / "moved.yaml"
    moved.write_text(yaml.safe_dump(members, allow_unicode=True), encoding="utf-8")
    assert apply(department, moved).status == Exit.OK
    refused = department.issue("key-3", both)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    elsewhere = department.bearer(READ)
    assert department.http.get(path, headers=elsewhere).status_code == 404
    assert apply(department, SYSTEM).status == Exit.OK
