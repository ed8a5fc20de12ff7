"""The realm as planned: what must hold whatever else changes."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.levels import AuthenticationLevel
from idp.realm.clients import RelyingPartyClient
from idp.realm.comparison import differences
from idp.realm.plan import RealmPlan, Site, plan_realm

PLAN: RealmPlan = plan_realm(
    Site(
        realm="District",
        title="测试区统一身份认证",
        origin="https://one.example.test",
        backchannel_origin="https://inner.example.test",
        platform_keys={"keys": []},
        admin_keys={"keys": []},
    )
)
CLIENTS: dict[str, Mapping[str, Any]] = {str(client["clientId"]): client for client in PLAN.clients}
OURS = [client for client in CLIENTS.values() if client["enabled"]]


@pytest.mark.parametrize("client", OURS, ids=lambda client: client["clientId"])
def test_every_client_proves_itself_by_a_key(client: Mapping[str, Any]) -> None:
    assert client["clientAuthenticatorType"] == "client-jwt"
    assert client["attributes"]["token.endpoint.auth.signing.alg"] == "ES256"
    for grant in ("implicitFlowEnabled", "directAccessGrantsEnabled", "publicClient"):
        assert client[grant] is False
    assert not [uri for uri in client["redirectUris"] if "*" in uri]


def test_people_sign_in_with_pkce_and_exact_addresses() -> None:
    parties = [client for client in OURS if client["standardFlowEnabled"]]
    assert {client["clientId"] for client in parties} == {"platform", "platform-approvals"}
    for client in parties:
        assert client["redirectUris"] == ["https://one.example.test/login/callback"]
        assert client["attributes"]["pkce.code.challenge.method"] == "S256"
    platform, approvals = CLIENTS["platform"], CLIENTS["platform-approvals"]
    logout = "https://inner.example.test/logout/backchannel"
    assert platform["attributes"]["backchannel.logout.url"] == logout
    assert approvals["attributes"]["require.pushed.authorization.requests"] == "true"
    assert approvals["attributes"]["minimum.acr.value"] == "al2"


def test_level_2_is_asked_for_anew_each_time() -> None:
    outline = PLAN.sign_in.outline()
    ages = [line.rpartition("=")[2] for line in outline if "loa-condition-level" in line]
    assert ages == ["36000", "0", "0"]
    known = "condUserRole=default-roles-district"  # Keycloak writes it in small letters
    place = next(number for number, line in enumerate(outline) if known in line)
    assert outline[place + 1].strip() == "ALTERNATIVE organization"


def test_people_may_change_nothing_of_themselves() -> None:
    profile: Any = PLAN.user_profile
    assert {tuple(one["permissions"]["edit"]) for one in profile["attributes"]} == {("admin",)}


def test_a_salt_is_never_empty_and_never_shown() -> None:
    with pytest.raises(ValueError, match="salt"):
        RelyingPartyClient("a", "A", (), {}, pairwise_salt="").representation()
    client = RelyingPartyClient("a", "A", (), {}, pairwise_salt="of its own")
    assert "of its own" not in repr(client)
    mappers: Any = client.representation()["protocolMappers"]
    (mapper,) = mappers
    assert mapper["protocolMapper"] == "oidc-sha256-pairwise-sub-mapper"


def test_a_least_level_is_written_down() -> None:
    client = RelyingPartyClient("a", "A", (), {}, least_level=AuthenticationLevel.PASSKEY)
    attributes: Any = client.representation()["attributes"]
    assert attributes["minimum.acr.value"] == "al3"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(st.text(max_size=3)) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
MAPS = st.dictionaries(st.text(max_size=3), VALUES, max_size=5)


@given(MAPS)
def test_nothing_differs_from_itself(value: dict[str, Any]) -> None:
    assert list(differences(value, value, exact=frozenset(value))) == []


@given(MAPS, MAPS)
def test_what_is_there_beyond_is_no_difference(value: dict[str, Any], more: dict[str, Any]) -> None:
    assert list(differences(value, {**more, **value})) == []


def test_differences_are_named() -> None:
    wanted = {"a": {"b": 1}, "c": ["x", "y"], "d": "", "e": True}
    found = {"a": {"b": 2, "z": 3}, "c": ["y", "x"], "d": None}
    named = [str(one) for one in differences(wanted, found, exact=frozenset({"a"}))]
    assert named == ["a.b: 2 → 1", "a.z: 3 → –", "e: – → True"]
