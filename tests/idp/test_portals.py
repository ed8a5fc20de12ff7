"""A portal is one strict file: every fault listed, the least granted, a `sub` of its own."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from idp.errors import InvalidPortalError
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.portals import Portal, PortalClaim, Portals, read_portal
from idp.strict_yaml import LONGEST, MalformedYamlError, read_yaml

SAMPLES = sorted((Path(__file__).parents[2] / "demo" / "portals").glob("*.yaml"))
KEYS = {"keys": [{"kty": "EC"}]}
LEAST: dict[str, Any] = {
    "client": "portal-x",
    "names": {"zh": "门户", "en": "Portal"},
    "department": {"zh": "部门", "en": "Department"},
    "home": "https://x.example",
    "backchannel_logout": "https://x.example/logout/backchannel",
    "colours": {"band": "#0b5345", "accent": "#7a4b00"},
}


def read(**changes: object) -> Portal:
    members = {name: value for name, value in (LEAST | changes).items() if value is not ...}
    return read_portal(yaml.safe_dump(members, allow_unicode=True).encode())


def faults(**changes: object) -> tuple[str, ...]:
    with pytest.raises(InvalidPortalError) as caught:
        read(**changes)
    return tuple(map(str, caught.value.faults))


def as_client(portal: Portal) -> dict[str, Any]:
    return dict(portal.as_client(salt="s", keys=KEYS, platform_origin="http://localhost:8000"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_samples_are_portals(path: Path) -> None:
    portal = read_portal(path.read_bytes())
    assert portal.redirect_uri == f"{portal.home}/login/callback"


def test_nothing_is_granted_that_the_file_does_not_grant() -> None:
    portal = read()
    assert portal.told == ("pseudonym", "level")
    assert as_client(portal)["defaultClientScopes"] == ["basic", "acr"]
    assert as_client(portal)["optionalClientScopes"] == []
    assert (portal.authentication, portal.identity) == (
        AuthenticationLevel.PASSWORD,
        IdentityLevel.REGISTERED,
    )


def test_what_is_granted_becomes_a_scope() -> None:
    portal = read(claims=["document", "name", "acting"], legal_basis="法", identity="L2")
    assert as_client(portal)["defaultClientScopes"] == [
        *("basic", "acr", "full-name", "identity-document", "identity-level", "acting")
    ]
    assert portal.told == ("pseudonym", "name", "document", "identity_level", "acting", "level")


def test_a_client_has_exact_addresses_and_a_sub_of_its_own() -> None:
    client = as_client(read(authentication=2))
    assert client["redirectUris"] == ["https://x.example/login/callback"]
    assert client["attributes"]["backchannel.logout.url"] == (
        "http://localhost:8000/logout/backchannel/portal-x"
    )
    assert client["attributes"]["minimum.acr.value"] == "al2"
    assert client["attributes"]["post.logout.redirect.uris"].split("##")[0] == (
        "https://x.example/logout/done"
    )
    (mapper,) = client["protocolMappers"]
    assert mapper["protocolMapper"] == "oidc-sha256-pairwise-sub-mapper"
    assert mapper["config"] == {"pairwiseSubAlgorithmSalt": "s"}
    with pytest.raises(ValueError, match="salt"):
        read().as_client(salt="", keys=KEYS, platform_origin="http://localhost:8000")


def test_every_fault_is_listed_and_no_value_is_quoted() -> None:
    found = faults(
        client="platform-mine",
        names={"zh": "门户"},
        home="http://secret.example",
        backchannel_logout="https://x.example/a?b=secret",
        colours={"band": "#ffffff", "accent": "red"},
        claims=["secret"],
        authentication=4,
        identity="L5",
        protocol="saml",
        unheard_of=1,
    )
    assert [fault.partition(":")[0] for fault in found] == sorted(
        [
            *("/authentication", "/backchannel_logout", "/claims/0", "/client", "/colours/accent"),
            *("/colours/band", "/home", "/identity", "/names/en", "/protocol", "/unheard_of"),
        ]
    )
    assert "secret" not in " ".join(found)


@pytest.mark.parametrize(
    "home",
    [
        "http://x.example",
        "https://x.example/",
        "https://x.example/path",
        "https://user@x.example",
        "https://x.example?q",
        "https://x.example#f",
        "https://*.example",
        "https://X.example",
        "HTTPS://x.example",
        "https://x.example:0",
        "https://x.example:99999",
        "https://",
        "https://门户.example",
        "javascript:alert(1)",
        "ftp://localhost",
        "http://localhost.evil.example",
        "https://x.example\n",
        "https://x.example\\@evil.example",
        "//x.example",
        "",
        1,
        None,
    ],
)
def test_a_home_is_an_origin(home: object) -> None:
    assert [fault.partition(":")[0] for fault in faults(home=home)] == ["/home"]


@pytest.mark.parametrize(
    "home", ["https://x.example:8443", "http://a.localhost:1", "http://127.0.0.1:8000"]
)
def test_homes_that_are(home: str) -> None:
    assert read(home=home).home == home


@pytest.mark.parametrize(
    "address",
    ["http://a.localhost:1/x", "https://x.example", "http://x.example/x", "https://x.example/x#y"],
)
def test_logout_tokens_go_where_a_server_can_send_them(address: str) -> None:
    assert len(faults(backchannel_logout=address)) == 1


@pytest.mark.parametrize(
    "client", ["platform", "platform-x", "account", "admin-cli", "broker", "realm-management", "A"]
)
def test_names_of_others_are_reserved(client: str) -> None:
    assert len(faults(client=client)) == 1


def test_no_fault_speaks_the_words_of_a_library() -> None:
    found = faults(
        client=1,
        names="x",
        department={"zh": "", "en": "<"},
        home="https://" + "x" * 300,
        claims="name",
        colours={"band": "#ffffff"},
        protocol="saml",
        public_keys=[{} for _ in range(4)],
    )
    kinds = {line.partition(": ")[2] for line in found if not line.startswith("/public_keys/")}
    assert kinds == {
        "not_text",
        "not_a_group",
        "too_short 1",
        "pattern ^[^\\x00-\\x1f<>&]+$",
        "too_long 200",
        "not_a_list",
        "contrast 4.5",
        "required",
        "not_one_of 'openid_connect'",
    }


def test_three_keys_are_enough() -> None:
    keys = [
        {"kty": "EC", "crv": "P-256", "x": "a" * 43, "y": "b" * 43, "kid": f"k{number}"}
        for number in range(4)
    ]
    assert faults(public_keys=keys) == ("/public_keys: too_many 3",)


def test_document_numbers_need_a_legal_basis() -> None:
    (fault,) = faults(claims=["document"])
    assert fault.startswith("/legal_basis")
    assert PortalClaim.DOCUMENT in read(claims=["document"], legal_basis="法").claims


@pytest.mark.parametrize("missing", LEAST)
def test_what_must_be_there_is_missed(missing: str) -> None:
    assert faults(**{missing: ...}) == (f"/{missing}: required",)


@pytest.mark.parametrize(
    "keys",
    [
        [{"kty": "EC", "crv": "P-256", "x": "a" * 43, "y": "b" * 43, "kid": "k", "d": "c" * 43}],
        [{"kty": "RSA", "n": "a", "e": "AQAB", "kid": "k"}],
        [{"kty": "oct", "k": "a", "kid": "k"}],
        "jwks",
    ],
)
def test_only_public_keys_for_es256(keys: object) -> None:
    assert faults(public_keys=keys)


def test_nothing_is_said_twice() -> None:
    matter = {
        "code": "m",
        "names": {"zh": "事", "en": "matter"},
        "authentication": 1,
        "identity": "L1",
    }
    again = copy.deepcopy(matter)  # the same object would become an alias
    assert len(faults(claims=["name", "name"], matters=[matter, again])) == 2
    assert read(matters=[matter]).matter("m") is not None
    assert read(matters=[matter]).matter("n") is None


@pytest.mark.parametrize(
    "text",
    [
        b"a: &x [1]\nb: *x",
        b"a: 1\na: 2",
        b"a: {b: 1, b: 2}",
        b"[" * 20_000,
        b"!!python/object/apply:os.system [x]",
        b"a: 2026-01-01",
        b"a: !!binary aGk=",
        b"\xff\xfe",
        b"a: 1\n---\nb: 2",
        b"a: [",
        b"? [a]\n: b",
        b"a" * (LONGEST + 1),
        b"\x00",
    ],
)
def test_yaml_that_readers_differ_in_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedYamlError):
        read_yaml(text)
    with pytest.raises(InvalidPortalError):
        read_portal(text)


@given(st.binary(max_size=200))
def test_any_octets_are_a_portal_or_refused(octets: bytes) -> None:
    with pytest.raises(InvalidPortalError):
        read_portal(octets)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*LEAST, "claims", "matters"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_any_document_is_a_portal_or_refused(document: object) -> None:
    with pytest.raises(InvalidPortalError):
        read_portal(yaml.safe_dump(document).encode())


def test_what_was_applied_is_known_at_once(tmp_path: Path) -> None:
    portals = Portals(tmp_path / "portals")
    assert list(portals) == []
    portals.folder.mkdir()
    assert portals.find("portal-market") is None
    for path in SAMPLES:
        (portals.folder / path.name).write_bytes(path.read_bytes())
    assert [portal.client for portal in portals] == ["portal-civil", "portal-market"]
    assert portals.logout_address("portal-market") == "http://127.0.0.1:8201/logout/backchannel"
    assert portals.logout_address("platform") is None
    assert "http://civil.localhost:8202" in portals.homes()
