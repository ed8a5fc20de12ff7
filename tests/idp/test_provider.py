"""A provider that is slow, huge, broken or hostile is unavailable, each time for its own reason.

Nothing hangs, nothing is followed, and what was well before the misbehaviour is well after it.
"""

import gzip
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from simulators.openid_provider import (
    METADATA,
    REALM,
    SECRET,
    Behaviour,
    Exchange,
    OpenIdProvider,
    body,
    client_key,
    cut_short,
    dripping,
    endless,
    no_http,
    redirect,
    running_provider,
    silent,
    status,
)
from simulators.token_drafts import (
    AT,
    CLIENT,
    Json,
    TokenDraft,
    access_token_draft,
    ec_key,
    public_jwk,
    rsa_key,
)

from idp.client_authentication import PrivateKeyJwt
from idp.errors import InvalidTokenError, LoginError, ProviderUnavailableError
from idp.faults import LoginReason, ProviderFault, TokenFault
from idp.fetching import MOST_CONNECTIONS, Fetcher
from idp.json_objects import DEEPEST, MalformedJsonError, read_object
from idp.provider import KEYS_LIMITS, METADATA_LIMITS, UNKNOWN_KEY_PAUSE, Endpoint, Provider
from idp.provider_keys import read_keys
from idp.tokens import verify_access_token

JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n"
PATIENCE = 0.2
"""Seconds, for a provider that never comes to an end."""


@pytest.fixture
def simulator() -> Iterator[OpenIdProvider]:
    with running_provider() as simulator:
        yield simulator


@pytest.fixture
def provider(simulator: OpenIdProvider) -> Iterator[Provider]:
    provider = Provider(simulator.issuer, fetcher=Fetcher(seconds=5))
    yield provider
    provider.close()


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Be set at the end: servers that hang let go."""
    event = threading.Event()
    yield event
    event.set()


def fault(call: Callable[[], object]) -> ProviderFault:
    with pytest.raises(ProviderUnavailableError) as caught:
        call()
    assert str(caught.value) == caught.value.reason  # nothing of the answer
    return caught.value.reason


def check(provider: Provider, draft: TokenDraft) -> None:
    verify_access_token(draft.compact(), provider=provider, audience="platform-api", at=AT)


def test_metadata_are_fetched_once(simulator: OpenIdProvider, provider: Provider) -> None:
    metadata = provider.metadata(at=AT)
    assert metadata.authorization_endpoint == f"{simulator.issuer}/auth"
    assert metadata.names_itself
    assert provider.metadata(at=AT + timedelta(minutes=59)) is metadata
    assert simulator.requests == {METADATA: 1}


MISBEHAVIOURS: dict[str, tuple[Behaviour, ProviderFault]] = {
    "error_500": (status(500), ProviderFault.ERROR_STATUS),
    "gone_404": (status(404), ProviderFault.ERROR_STATUS),
    "too_many_429": (status(429), ProviderFault.ERROR_STATUS),
    "no_content_204": (status(204, b""), ProviderFault.ERROR_STATUS),
    "moved_301": (redirect("/realms/district/keys", 301), ProviderFault.REDIRECTED),
    "see_other_303": (redirect("http://169.254.169.254/latest", 303), ProviderFault.REDIRECTED),
    "redirect_307": (redirect("file:///etc/passwd", 307), ProviderFault.REDIRECTED),
    "html": (body(b"<html>", "text/html"), ProviderFault.WRONG_CONTENT_TYPE),
    "json_as_text": (body(b"{}", "text/plain"), ProviderFault.WRONG_CONTENT_TYPE),
    "no_type": (body(b"{}", ""), ProviderFault.WRONG_CONTENT_TYPE),
    "packed": (body(gzip.compress(b"{}"), encoding="gzip"), ProviderFault.WRONG_CONTENT_TYPE),
    "no_json": (body(b"<html>"), ProviderFault.NOT_JSON),
    "json_cut": (body(b'{"issuer":'), ProviderFault.NOT_JSON),
    "json_array": (body(b"[]"), ProviderFault.NOT_JSON),
    "json_twice": (body(b'{"a":1,"a":2}'), ProviderFault.NOT_JSON),
    "json_bottomless": (body(b"[" * 60_000), ProviderFault.NOT_JSON),
    "empty": (body(b""), ProviderFault.NOT_JSON),
    "huge": (body(b" " * 300_000), ProviderFault.TOO_LARGE),
    "endless": (endless, ProviderFault.TOO_LARGE),
    "cut_short": (cut_short, ProviderFault.UNREACHABLE),
    "no_http": (no_http, ProviderFault.UNREACHABLE),
}


@pytest.mark.parametrize("path", [METADATA, "/keys", "/token"])
@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_a_misbehaviour_has_its_reason_and_passes(
    simulator: OpenIdProvider, provider: Provider, path: str, name: str
) -> None:
    behaviour, reason = MISBEHAVIOURS[name]
    client = PrivateKeyJwt(client_key(), CLIENT)
    form = {"grant_type": "refresh_token", "refresh_token": "r"}
    calls: dict[str, Callable[[timedelta], object]] = {
        METADATA: lambda later: provider.metadata(at=AT + later),
        "/keys": lambda later: provider.key("rsa", "RS256", at=AT + later),
        "/token": lambda later: provider.post(Endpoint.TOKEN, form, client=client, at=AT + later),
    }
    simulator.misbehave(path, behaviour)
    assert fault(lambda: calls[path](timedelta(0))) is reason
    assert simulator.requests["/"] == 0
    simulator.behave()
    simulator.at += timedelta(seconds=2)
    calls[path](timedelta(seconds=2))  # by itself, and soon


@pytest.mark.parametrize("path", [METADATA, "/keys", "/token"])
@pytest.mark.parametrize("where", ["before", "in_the_head", "in_the_body"])
def test_a_provider_that_drips_is_left_in_time(
    simulator: OpenIdProvider,
    provider: Provider,
    over: threading.Event,
    path: str,
    where: str,
) -> None:
    """An octet now and then would satisfy a timeout for each read for ever."""
    behaviours = {
        "before": silent(over),
        "in_the_head": dripping(b"HTTP/1.1 200 OK\r\nX-A: ", b"a", over),
        "in_the_body": dripping(JSON_HEAD, b" ", over),
    }
    client = PrivateKeyJwt(client_key(), CLIENT)
    calls: dict[str, Callable[[], object]] = {
        METADATA: lambda: provider.metadata(at=AT),
        "/keys": lambda: provider.key("rsa", "RS256", at=AT),
        "/token": lambda: provider.post(Endpoint.TOKEN, {}, client=client, at=AT),
    }
    if path != METADATA:
        provider.metadata(at=AT)
    provider._fetcher._deadline.seconds = PATIENCE
    simulator.misbehave(path, behaviours[where])
    assert fault(calls[path]) is ProviderFault.TOO_SLOW


def test_nobody_there_is_unreachable_until_somebody_is() -> None:
    with running_provider() as gone:
        provider = Provider(gone.issuer)
    assert fault(lambda: provider.metadata(at=AT)) is ProviderFault.UNREACHABLE
    provider.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"issuer": "http://evil.example/realms/district"}, ProviderFault.WRONG_ISSUER),
        ({"issuer": None}, ProviderFault.WRONG_ISSUER),
        ({"token_endpoint": "http://evil.example/token"}, ProviderFault.FOREIGN_ENDPOINT),
        ({"jwks_uri": "http://169.254.169.254/keys"}, ProviderFault.FOREIGN_ENDPOINT),
        ({"jwks_uri": "file:///etc/passwd"}, ProviderFault.FOREIGN_ENDPOINT),
        ({"end_session_endpoint": "//evil.example/logout"}, ProviderFault.FOREIGN_ENDPOINT),
        ({"authorization_endpoint": "javascript:alert(1)"}, ProviderFault.FOREIGN_ENDPOINT),
        ({"token_endpoint": ["http://x"]}, ProviderFault.MALFORMED_METADATA),
        ({"token_endpoint": "http://a b"}, ProviderFault.MALFORMED_METADATA),
        ({"token_endpoint": None}, ProviderFault.MALFORMED_METADATA),
        ({"code_challenge_methods_supported": ["plain"]}, ProviderFault.NO_PKCE),
        ({"code_challenge_methods_supported": "S256"}, ProviderFault.NO_PKCE),
    ],
)
def test_metadata_that_lead_elsewhere_are_refused(
    simulator: OpenIdProvider, provider: Provider, change: Json, reason: ProviderFault
) -> None:
    simulator.change_metadata = lambda metadata: metadata.update(change)
    assert fault(lambda: provider.metadata(at=AT)) is reason


@pytest.mark.parametrize(
    "tail", ["@evil.example/token", ".evil.example/token", "1/token", "\\@evil.example/token"]
)
def test_an_address_that_only_begins_like_ours_is_foreign(
    simulator: OpenIdProvider, provider: Provider, tail: str
) -> None:
    simulator.change_metadata = lambda it: it.update(token_endpoint=simulator.origin + tail)
    assert fault(lambda: provider.metadata(at=AT)) is ProviderFault.FOREIGN_ENDPOINT


@pytest.mark.parametrize("missing", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_what_must_be_there_is_missed(
    simulator: OpenIdProvider, provider: Provider, missing: str
) -> None:
    simulator.change_metadata = lambda metadata: metadata.pop(missing)
    assert fault(lambda: provider.metadata(at=AT)) is ProviderFault.MISSING_ENDPOINT


def test_what_need_not_be_there_is_missed_when_needed(
    simulator: OpenIdProvider, provider: Provider
) -> None:
    simulator.change_metadata = lambda it: it.pop("pushed_authorization_request_endpoint")
    client = PrivateKeyJwt(client_key(), CLIENT)
    reason = fault(lambda: provider.post(Endpoint.PAR, {}, client=client, at=AT))
    assert reason is ProviderFault.MISSING_ENDPOINT


@pytest.mark.parametrize(
    "keys",
    [{}, {"keys": None}, {"keys": {}}, {"keys": ["rsa"]}, {"keys": [{}] * 33}],
    ids=["none", "null", "object", "names", "many"],
)
def test_a_key_set_that_is_none_is_refused(
    simulator: OpenIdProvider, provider: Provider, keys: Json
) -> None:
    simulator.misbehave("/keys", body(json.dumps(keys).encode(), "application/jwk-set+json"))
    reason = fault(lambda: provider.key("rsa", "RS256", at=AT))
    assert reason is ProviderFault.MALFORMED_KEYS


# ---- keeping and renewing ----


def test_keys_are_kept_and_an_unknown_one_makes_us_look_again_but_not_often(
    simulator: OpenIdProvider, provider: Provider
) -> None:
    check(provider, access_token_draft(simulator.issuer))
    stranger = access_token_draft(simulator.issuer)
    stranger.header["kid"] = "stranger"
    for second in range(25):
        with pytest.raises(InvalidTokenError, match="unknown_key"):
            provider.key("stranger", "RS256", at=AT + timedelta(seconds=second))
    assert simulator.requests["/keys"] == 1 + 24 // UNKNOWN_KEY_PAUSE.seconds


def test_a_rotated_key_is_found(simulator: OpenIdProvider, provider: Provider) -> None:
    check(provider, access_token_draft(simulator.issuer))
    fresh = rsa_key("rotated")
    simulator.change_keys = lambda keys: keys.append(public_jwk(fresh, "rotated"))
    key = provider.key("rotated", "RS256", at=AT + UNKNOWN_KEY_PAUSE)
    assert key.as_dict()["n"] == public_jwk(fresh, "")["n"]


def test_a_withdrawn_key_is_soon_believed_no_more(
    simulator: OpenIdProvider, provider: Provider
) -> None:
    provider.key("rsa", "RS256", at=AT)
    simulator.change_keys = lambda keys: keys.clear()
    provider.key("rsa", "RS256", at=AT + KEYS_LIMITS.fresh - timedelta(seconds=1))
    with pytest.raises(InvalidTokenError, match="unknown_key"):
        provider.key("rsa", "RS256", at=AT + KEYS_LIMITS.fresh)


def test_wrong_keys_under_the_right_id_help_nobody(
    simulator: OpenIdProvider, provider: Provider
) -> None:
    def swap(keys: list[Json]) -> None:
        keys[0] = public_jwk(rsa_key("attacker"), "rsa")

    simulator.change_keys = swap
    with pytest.raises(InvalidTokenError) as caught:
        check(provider, access_token_draft(simulator.issuer))
    assert caught.value.reason is TokenFault.WRONG_SIGNATURE


def test_while_the_provider_is_down_kept_keys_go_on_for_a_while(
    simulator: OpenIdProvider, provider: Provider
) -> None:
    provider.key("rsa", "RS256", at=AT)
    simulator.misbehave("/keys", status(500))
    stale = AT + KEYS_LIMITS.fresh
    for second in range(20):
        provider.key("rsa", "RS256", at=stale + timedelta(seconds=second))
    assert simulator.requests["/keys"] == 1 + 20 // KEYS_LIMITS.pause.seconds
    # An unknown key may be a new one: nobody can say.
    reason = fault(lambda: provider.key("new", "RS256", at=stale + timedelta(seconds=21)))
    assert reason is ProviderFault.ERROR_STATUS
    assert fault(lambda: provider.key("rsa", "RS256", at=AT + KEYS_LIMITS.usable))
    simulator.behave()
    later = AT + KEYS_LIMITS.usable + KEYS_LIMITS.pause
    provider.key("rsa", "RS256", at=later)


def test_after_a_failure_there_is_a_pause(simulator: OpenIdProvider, provider: Provider) -> None:
    simulator.misbehave(METADATA, status(500))
    for milliseconds in (0, 1, 1000, 1999):
        at = AT + timedelta(milliseconds=milliseconds)
        assert fault(partial(provider.metadata, at=at)) is ProviderFault.ERROR_STATUS
    assert simulator.requests == {METADATA: 1}
    simulator.behave()
    provider.metadata(at=AT + METADATA_LIMITS.pause)


def test_old_metadata_are_fetched_anew(simulator: OpenIdProvider, provider: Provider) -> None:
    provider.metadata(at=AT)
    simulator.change_metadata = lambda it: it.update(token_endpoint=f"{simulator.issuer}/token2")
    metadata = provider.metadata(at=AT + METADATA_LIMITS.fresh)
    assert metadata.token_endpoint == f"{simulator.issuer}/token2"


def test_many_threads_make_one_request(simulator: OpenIdProvider, provider: Provider) -> None:
    with ThreadPoolExecutor(16) as threads:
        keys = list(threads.map(lambda _: provider.key("rsa", "RS256", at=AT), range(64)))
    assert len({id(key) for key in keys}) == 1
    assert simulator.requests == {METADATA: 1, "/keys": 1}


def test_who_waits_for_the_first_keys_gets_them(
    simulator: OpenIdProvider, provider: Provider
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hesitate(_: Json) -> None:
        begun.set()
        go_on.wait(5)

    simulator.change_metadata = hesitate
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(lambda: provider.metadata(at=AT))
        begun.wait(5)
        second = threads.submit(lambda: provider.metadata(at=AT))
        go_on.set()
        assert first.result() is second.result()
    assert simulator.requests == {METADATA: 1}


def test_a_provider_that_hangs_holds_up_one_thread_and_not_all(
    simulator: OpenIdProvider, provider: Provider, over: threading.Event
) -> None:
    simulator.misbehave(METADATA, status(500))
    assert fault(lambda: provider.metadata(at=AT)) is ProviderFault.ERROR_STATUS
    begun = threading.Event()

    def hang(exchange: Exchange) -> None:
        begun.set()
        silent(over)(exchange)

    simulator.misbehave(METADATA, hang)
    later = AT + METADATA_LIMITS.pause
    with ThreadPoolExecutor(1) as thread:
        trying = thread.submit(lambda: fault(lambda: provider.metadata(at=later)))
        begun.wait(5)
        assert fault(lambda: provider.metadata(at=later)) is ProviderFault.ERROR_STATUS
        assert not trying.done()  # the one who tries still waits
        over.set()
        assert trying.result() is ProviderFault.UNREACHABLE
    assert simulator.requests[METADATA] == 2


def test_few_requests_hang_at_a_time(simulator: OpenIdProvider, over: threading.Event) -> None:
    provider = Provider(simulator.issuer, fetcher=Fetcher(seconds=5, seconds_for_turn=0.05))
    client = PrivateKeyJwt(client_key(), CLIENT)
    provider.metadata(at=AT)
    all_hang = threading.Semaphore(0)

    def hang(exchange: Exchange) -> None:
        all_hang.release()
        silent(over)(exchange)

    def ask() -> ProviderFault:
        return fault(lambda: provider.post(Endpoint.TOKEN, {}, client=client, at=AT))

    simulator.misbehave("/token", hang)
    with ThreadPoolExecutor(MOST_CONNECTIONS) as threads:
        asked = [threads.submit(ask) for _ in range(MOST_CONNECTIONS)]
        for _ in asked:
            all_hang.acquire(timeout=5)
        assert ask() is ProviderFault.BUSY
        over.set()
        assert {request.result() for request in asked} == {ProviderFault.UNREACHABLE}
    assert simulator.requests["/token"] == MOST_CONNECTIONS
    provider.close()


def test_a_connection_the_server_closed_is_no_fault(
    simulator: OpenIdProvider, provider: Provider
) -> None:
    def close_after(exchange: Exchange) -> None:
        exchange.answer(b"{}", status=500)
        exchange.handler.close_connection = True

    simulator.misbehave("/keys", close_after)
    assert fault(lambda: provider.key("rsa", "RS256", at=AT)) is ProviderFault.ERROR_STATUS
    simulator.behave()
    provider.key("rsa", "RS256", at=AT + KEYS_LIMITS.pause)


# ---- over TLS ----


def tls_contexts(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's context with a certificate for `name`, and a client's that trusts it."""
    key = ec_key("tls")
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ip_address(name))
    signing_cert = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + signing_cert.public_bytes(Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(
        cadata=signing_cert.public_bytes(Encoding.PEM).decode()
    )


def test_a_provider_over_tls_is_believed_by_its_certificate(tmp_path: Path) -> None:
    server, client = tls_contexts(tmp_path, "127.0.0.1")
    with running_provider(server) as simulator:
        trusting = Provider(simulator.issuer, fetcher=Fetcher(tls=client))
        trusting.key("rsa", "RS256", at=AT)
        trusting.close()
        doubting = Provider(simulator.issuer)
        assert fault(lambda: doubting.metadata(at=AT)) is ProviderFault.UNREACHABLE
        doubting.close()


def test_the_certificate_of_another_host_is_not_believed(tmp_path: Path) -> None:
    server, client = tls_contexts(tmp_path, "127.0.0.2")
    with running_provider(server) as simulator:
        provider = Provider(simulator.issuer, fetcher=Fetcher(tls=client))
        assert fault(lambda: provider.metadata(at=AT)) is ProviderFault.UNREACHABLE
        provider.close()


# ---- refusals ----


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("invalid_grant", LoginReason.CODE_REFUSED),
        ("invalid_client", LoginReason.CLIENT_REFUSED),
        ("unauthorized_client", LoginReason.CLIENT_REFUSED),
        ("invalid_scope", LoginReason.INVALID_SCOPE),
        ("invalid_request", LoginReason.PROVIDER_REFUSED),
    ],
)
@pytest.mark.parametrize("code", [400, 401])
def test_a_refusal_is_named(
    simulator: OpenIdProvider, provider: Provider, word: str, reason: LoginReason, code: int
) -> None:
    simulator.misbehave("/token", lambda exchange: exchange.refuse(word, status=code))
    client = PrivateKeyJwt(client_key(), CLIENT)
    with pytest.raises(LoginError) as caught:
        provider.post(Endpoint.TOKEN, {}, client=client, at=AT)
    assert (caught.value.reason, caught.value.error) == (reason, word)
    assert "script" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": "temporarily_unavailable"}, ProviderFault.OUT_OF_ORDER),
        ({"error": "server_error"}, ProviderFault.OUT_OF_ORDER),
        ({"error": "<script>"}, ProviderFault.MALFORMED_ANSWER),
        ({"error": ["invalid_grant"]}, ProviderFault.MALFORMED_ANSWER),
        ({}, ProviderFault.MALFORMED_ANSWER),
    ],
)
def test_a_refusal_that_is_none_is_a_fault_of_the_provider(
    simulator: OpenIdProvider, provider: Provider, answer: Json, reason: ProviderFault
) -> None:
    simulator.misbehave("/token", lambda exchange: exchange.answer_json(answer, status=400))
    client = PrivateKeyJwt(client_key(), CLIENT)
    assert fault(lambda: provider.post(Endpoint.TOKEN, {}, client=client, at=AT)) is reason


# ---- where it is ----


def test_our_own_requests_may_go_another_way(simulator: OpenIdProvider) -> None:
    """People know the provider by a name; servers by the address of the machine."""
    actual = simulator.origin
    simulator.origin = "https://id.example"
    provider = Provider(f"https://id.example{REALM}", backchannel_origin=actual)
    assert provider.metadata(at=AT).authorization_endpoint == f"https://id.example{REALM}/auth"
    provider.key("rsa", "RS256", at=AT)
    provider.close()


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "district",
        "ftp://x/y",
        "http://",
        "http://u@x/",
        "http://x/?q",
        "http://x/#f",
        "http://x/ü",
    ],
)
def test_an_issuer_is_a_plain_address(issuer: str) -> None:
    with pytest.raises(ValueError, match="issuer"):
        Provider(issuer)


# ---- reading ----


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_octets_are_an_object_or_refused(octets: bytes) -> None:
    try:
        members = read_object(octets)
    except MalformedJsonError:
        return
    assert members == json.loads(octets)


@given(st.integers(1, 60), st.sampled_from(["[]", "{}"]), st.booleans())
@settings(deadline=None)
def test_depth_is_counted_outside_of_texts(depth: int, bracket: str, in_text: bool) -> None:  # noqa: FBT001  # drawn
    opened = "[" * depth if bracket == "[]" else '{"a":' * depth
    closed = bracket[1] * depth
    octets = json.dumps({"a": opened}) if in_text else f'{{"a":{opened}1{closed}}}'
    if in_text or depth < DEEPEST:
        assert read_object(octets.encode())
    else:
        with pytest.raises(MalformedJsonError, match="too_deep"):
            read_object(octets.encode())


def test_a_text_without_an_end_is_read_once() -> None:
    with pytest.raises(MalformedJsonError):
        read_object(b'{"a":' * 9 + b'"' + b'\\"' * 200_000)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["kty", "kid", "n", "e", "crv", "x", "y", "use", "alg", "key_ops"]),
            st.sampled_from(["RSA", "EC", "P-256", "AQAB", "sig", "a", "", "ü"])
            | st.none()
            | st.tuples(st.text(max_size=3)),
        ),
        max_size=4,
    )
)
@settings(deadline=None)
def test_any_key_set_is_read(keys: list[Json]) -> None:
    assert set(read_keys({"keys": keys})) <= {key.get("kid") for key in keys}


def test_a_secret_is_not_shown() -> None:
    assert SECRET not in repr(PrivateKeyJwt(client_key(), CLIENT))
