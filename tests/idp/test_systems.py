"""A department's system is one strict file: every fault listed, the least granted."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from idp.errors import InvalidPortalError, InvalidSystemError
from idp.portals import read_portal
from idp.systems import Permission, System, Systems, read_system

SAMPLES = sorted((Path(__file__).parents[2] / "demo" / "systems").glob("*.yaml"))
AUTHORITY = "11999901MB10000293"
LEAST: dict[str, Any] = {
    "kind": "system",
    "client": "system-x",
    "names": {"zh": "系统", "en": "System"},
    "authority": AUTHORITY,
    "may": ["certificates:read"],
}


def written(**changes: object) -> bytes:
    members = {name: value for name, value in (LEAST | changes).items() if value is not ...}
    return yaml.safe_dump(members, allow_unicode=True).encode()


def faults(**changes: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSystemError) as caught:
        read_system(written(**changes))
    return [(fault.place, fault.kind.value) for fault in caught.value.faults]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_samples_are_systems(path: Path) -> None:
    assert read_system(path.read_bytes()).may == tuple(Permission)


def test_a_client_gets_tokens_for_itself_alone_and_only_what_its_file_grants() -> None:
    system = read_system(written())
    client: dict[str, Any] = dict(system.as_client(keys={"keys": []}))
    assert client["optionalClientScopes"] == ["certificates:read"]
    assert client["serviceAccountsEnabled"] is True
    for door in (
        *("publicClient", "standardFlowEnabled", "implicitFlowEnabled", "fullScopeAllowed"),
        "directAccessGrantsEnabled",
    ):
        assert client[door] is False
    assert client["redirectUris"] == client["webOrigins"] == []
    assert client["clientAuthenticatorType"] == "client-jwt"
    assert client["attributes"]["token.endpoint.auth.signing.alg"] == "ES256"
    (mapper,) = client["protocolMappers"]
    assert mapper["protocolMapper"] == "oidc-hardcoded-claim-mapper"
    assert mapper["config"]["claim.name"] == "authority"
    assert mapper["config"]["claim.value"] == AUTHORITY
    assert mapper["config"]["access.token.claim"] == "true"
    assert system.account == "client:system-x"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": "portal"}, ("/kind", "not_one_of")),
        ({"kind": ...}, ("/kind", "required")),
        ({"client": "portal-x"}, ("/client", "pattern")),
        ({"client": "system-../x"}, ("/client", "pattern")),
        ({"client": "system-x\n"}, ("/client", "pattern")),
        ({"client": 1}, ("/client", "not_text")),
        ({"names": {"zh": "系统"}}, ("/names/en", "required")),
        ({"authority": ...}, ("/authority", "required")),
        ({"authority": "11999901MB10000294"}, ("/authority", "malformed")),
        ({"authority": AUTHORITY.lower()}, ("/authority", "malformed")),
        ({"authority": f" {AUTHORITY}"}, ("/authority", "malformed")),
        ({"may": ...}, ("/may", "required")),
        ({"may": []}, ("/may", "too_short")),
        ({"may": "certificates:read"}, ("/may", "not_a_list")),
        ({"may": ["certificates:revoke"]}, ("/may/0", "not_one_of")),
        ({"may": ["certificates:read", "certificates:read"]}, ("/may", "twice")),
        ({"home": "https://x.example"}, ("/home", "unknown_key")),
        ({"public_keys": [{"kty": "RSA"}]}, ("/public_keys/0/kty", "not_one_of")),
    ],
    ids=str,
)
def test_each_fault_is_found(changes: dict[str, object], expected: tuple[str, str]) -> None:
    assert expected in faults(**changes)


def test_all_faults_are_listed_and_no_value_is_quoted() -> None:
    with pytest.raises(InvalidSystemError) as caught:
        read_system(written(client="secret", authority="secret", may=["secret"], more="secret"))
    places = [fault.place for fault in caught.value.faults]
    assert places == ["/authority", "/client", "/may/0", "/more"]
    assert "secret" not in str(caught.value)


def test_a_portal_is_no_system_and_takes_no_systems_name() -> None:
    with pytest.raises(InvalidPortalError) as caught:
        read_portal(written())
    assert ("/client", "reserved") in [(f.place, f.kind.value) for f in caught.value.faults]


@given(st.binary(max_size=200))
def test_whatever_the_octets_are_they_are_a_system_or_refused(octets: bytes) -> None:
    try:
        system = read_system(octets)
    except InvalidSystemError:
        return
    assert isinstance(system, System)


def test_what_was_applied_is_found_until_its_file_goes(tmp_path: Path) -> None:
    systems = Systems(tmp_path / "systems")
    assert systems.find("system-x") is None
    systems.folder.mkdir()
    (systems.folder / "system-x.yaml").write_bytes(written())
    (systems.folder / "system-y.yaml").write_bytes(written())
    (tmp_path / "system-z.yaml").write_bytes(written(client="system-z"))
    assert systems.find("system-x") == read_system(written())
    for other in ("system-y", "system-z", "../system-z", "system-x\n", "portal-x", ""):
        assert systems.find(other) is None
    (systems.folder / "system-x.yaml").unlink()
    assert systems.find("system-x") is None
