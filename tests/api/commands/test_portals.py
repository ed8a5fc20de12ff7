"""`portals apply`: every fault named before anything is done; the realm learns of portals."""

from pathlib import Path

import pytest
from simulators.keycloak import RealmForTests
from simulators.terminal import Told, zhengyin

from api.commands.common import Exit
from idp.client_authentication import load_client_key, public_jwks
from idp.portals import Portals

SAMPLES = sorted((Path(__file__).parents[3] / "demo" / "portals").glob("*.yaml"))


def apply(data: Path, *files: Path) -> Told:
    return zhengyin("portals", "apply", *files, "--data", data)


def test_faults_of_all_files_are_listed_and_nothing_is_done(tmp_path: Path) -> None:
    files = [tmp_path / "one.yaml", tmp_path / "two.yaml"]
    files[0].write_text("client: portal-one\nhome: http://secret.example\n", encoding="utf-8")
    files[1].write_text("a: [", encoding="utf-8")
    told = apply(tmp_path / "data", *files)
    assert told.status == Exit.BAD_DATA
    assert "[invalid_portal]" in told.err
    for line in ("one.yaml/home:", "one.yaml/names: is missing", "two.yaml/: no plain YAML"):
        assert line in told.err
    assert "secret" not in told.err
    assert not (tmp_path / "data" / "portals").exists()


def test_two_portals_are_not_one(tmp_path: Path) -> None:
    twin = tmp_path / "twin.yaml"
    twin.write_bytes(SAMPLES[0].read_bytes())
    told = apply(tmp_path / "data", SAMPLES[0], twin)
    assert told.status == Exit.BAD_DATA
    assert "/client: two files say the same" in told.err
    assert "/home: two files say the same" in told.err


@pytest.mark.parametrize(
    ("variable", "value", "member"),
    [
        ("IDP_CLIENT_ID", "portal-civil", "client"),
        ("IDP_APPROVAL_CLIENT_ID", "portal-civil", "client"),
        ("IDP_API_AUDIENCE", "portal-civil", "client"),
        ("ZHENGYIN_PUBLIC_URL", "http://civil.localhost:8202", "home"),
    ],
)
def test_no_portal_takes_the_place_of_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, member: str
) -> None:
    monkeypatch.setenv(variable, value)
    told = apply(tmp_path / "data", *SAMPLES)
    assert told.status == Exit.BAD_DATA
    assert f"portal-civil/{member}: " in told.err


def test_an_issuer_that_is_no_realm_has_no_portals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_ISSUER", "https://provider.example")
    assert apply(tmp_path, SAMPLES[0]).status == Exit.CONFIGURATION


def test_an_identity_server_that_is_away_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_ISSUER", "http://127.0.0.1:9/realms/x")
    monkeypatch.delenv("IDP_KEYCLOAK_URL", raising=False)
    told = apply(tmp_path, SAMPLES[0])
    assert told.status == Exit.TRY_AGAIN
    assert not list(tmp_path.glob("portals/*.yaml"))


@pytest.mark.real
def test_portals_become_clients(
    realm: RealmForTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_ISSUER", realm.issuer)
    monkeypatch.setenv("IDP_KEYCLOAK_ADMIN_PASSWORD", realm.server.password)
    first = apply(tmp_path, *SAMPLES)
    assert first.status == Exit.OK, first.err
    assert "client portal-market" in first.out
    again = apply(tmp_path, *SAMPLES)
    assert again.status == Exit.OK
    assert "client portal-market" not in again.out
    salts = set()
    for portal in Portals(tmp_path / "portals"):
        folder = tmp_path / "identity" / "portals" / portal.client
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
        salts.add((folder / "salt").read_text(encoding="ascii"))
        client = realm.operator.client(portal.client)
        assert client is not None
        key = load_client_key((folder / "client.pem").read_bytes())
        assert public_jwks(key)["keys"][0]["x"] in client["attributes"]["jwks.string"]
        assert client["redirectUris"] == [portal.redirect_uri]
        assert client["publicClient"] is client["directAccessGrantsEnabled"] is False
    assert len(salts) == 2
    assert not [salt for salt in salts if salt in first.out + first.err]
