"""Attacks on tokens: each changes a good one in one place, and names why it must be refused.

Attacks on the form (header, key, signature, JSON) are tried on every kind of token.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from simulators.token_drafts import (
    AT,
    LOGOUT_EVENT,
    Json,
    TokenDraft,
    b64,
    ec_key,
    public_jwk,
    rsa_key,
    seconds,
    unb64,
)

from idp.faults import TokenFault


@dataclass(frozen=True)
class Attack:
    """One change of a draft."""

    name: str
    fault: TokenFault
    change: Callable[[TokenDraft], None]
    claim: str = ""


def published_keys() -> list[Json]:
    """Return what the hostile provider publishes: good keys, and bad ones under other ids."""
    private = rsa_key("private").private_numbers()
    return [
        public_jwk(rsa_key("good"), "rsa"),
        public_jwk(ec_key("good"), "ec", alg="ES256"),
        public_jwk(rsa_key("pss"), "pss", alg="PS256"),
        public_jwk(rsa_key("good"), "rs-only", alg="RS256"),
        public_jwk(rsa_key("twice"), "twice"),
        public_jwk(rsa_key("good"), "twice"),
        public_jwk(rsa_key("small", 1024), "small"),
        public_jwk(rsa_key("three", 2048, 3), "exponent-3"),
        public_jwk(rsa_key("enc"), "enc", use="enc", alg="RSA-OAEP"),
        public_jwk(rsa_key("signing-only"), "ops", key_ops=["sign"]),
        public_jwk(ec_key("p384", ec.SECP384R1), "p384"),
        public_jwk(rsa_key("private"), "private", d=b64(private.d.to_bytes(256, "big"))),
        public_jwk(rsa_key("odd-alg"), "odd-alg", alg="RS512"),
        {"kty": "oct", "kid": "oct", "k": b64(b"secret" * 6), "alg": "HS256"},
        {
            "kty": "EC",
            "kid": "off-curve",
            "crv": "P-256",
            "x": b64(b"\1" * 32),
            "y": b64(b"\1" * 32),
        },
        {"kty": "RSA", "kid": "no-modulus", "e": "AQAB"},
        {"kty": "RSA", "kid": "padded", "n": "AQAB=", "e": "AQAB"},
        {"kty": "none", "kid": "kind"},
        public_jwk(rsa_key("nameless"), "nameless") | {"kid": None},
    ]


def header(**members: object) -> Callable[[TokenDraft], None]:
    def change(draft: TokenDraft) -> None:
        draft.header.update(members)

    return change


def without_header(member: str) -> Callable[[TokenDraft], None]:
    def change(draft: TokenDraft) -> None:
        del draft.header[member]

    return change


def signed_by(kid: str, key: Any, algorithm: str = "RS256") -> Callable[[TokenDraft], None]:  # noqa: ANN401
    def change(draft: TokenDraft) -> None:
        draft.header.update(kid=kid, alg=algorithm)
        draft.key = key() if callable(key) else key

    return change


def rewritten(rewrite: Callable[[str], str]) -> Callable[[TokenDraft], None]:
    def change(draft: TokenDraft) -> None:
        draft.rewrite = rewrite

    return change


def claims(**members: object) -> Callable[[TokenDraft], None]:
    def change(draft: TokenDraft) -> None:
        draft.claims.update(members)

    return change


def without(claim: str) -> Callable[[TokenDraft], None]:
    def change(draft: TokenDraft) -> None:
        del draft.claims[claim]

    return change


def claims_text(make: Callable[[str], bytes]) -> Callable[[TokenDraft], None]:
    """Replace the JSON of the claims; `make` gets it without its closing brace."""

    def change(draft: TokenDraft) -> None:
        draft.claims_text = make(json.dumps(draft.claims)[:-1])

    return change


def header_text(make: Callable[[str], bytes]) -> Callable[[TokenDraft], None]:
    def change(draft: TokenDraft) -> None:
        draft.header_text = make(json.dumps(draft.header)[:-1])

    return change


def segment(place: int, make: Callable[[str], str]) -> Callable[[TokenDraft], None]:
    def rewrite(text: str) -> str:
        segments = text.split(".")
        segments[place] = make(segments[place])
        return ".".join(segments)

    return rewritten(rewrite)


def _public_pem() -> bytes:
    public_key = rsa_key("good").public_key()
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _flip_last(text: str) -> str:
    # The unused bits of the last character: other text, the same octets.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


def _none(draft: TokenDraft, name: str = "none") -> None:
    draft.header["alg"] = name
    draft.rewrite = lambda text: text[: text.rindex(".") + 1]


def _self_signed(draft: TokenDraft) -> None:
    draft.header["jwk"] = public_jwk(rsa_key("attacker"), "rsa")
    draft.key = rsa_key("attacker")


def later(**delta: float) -> int:
    return seconds(AT + timedelta(**delta))


F = TokenFault
FORM_ATTACKS = [
    Attack("none", F.UNKNOWN_ALGORITHM, _none),
    Attack("none_in_capitals", F.UNKNOWN_ALGORITHM, lambda draft: _none(draft, "NONE")),
    Attack("public_key_as_secret", F.UNKNOWN_ALGORITHM, signed_by("rsa", _public_pem, "HS256")),
    Attack("published_secret", F.UNKNOWN_ALGORITHM, signed_by("oct", b"secret" * 6, "HS256")),
    Attack("rs512", F.UNKNOWN_ALGORITHM, header(alg="RS512")),
    Attack("es384", F.UNKNOWN_ALGORITHM, signed_by("p384", ec_key("p384", ec.SECP384R1), "ES384")),
    Attack("algorithm_in_small_letters", F.UNKNOWN_ALGORITHM, header(alg="rs256")),
    Attack("algorithm_is_a_list", F.UNKNOWN_ALGORITHM, header(alg=["RS256"])),
    Attack("no_algorithm", F.UNKNOWN_ALGORITHM, without_header("alg")),
    Attack("crit", F.CRITICAL_HEADER, header(crit=["exp"], exp=1)),
    Attack("crit_empty", F.CRITICAL_HEADER, header(crit=[])),
    Attack("b64", F.CRITICAL_HEADER, header(b64=False)),
    Attack("b64_true", F.CRITICAL_HEADER, header(b64=True)),
    Attack("jwk", F.KEY_IN_HEADER, _self_signed),
    Attack("jku", F.KEY_IN_HEADER, header(jku="http://127.0.0.1:1/keys")),
    Attack("x5u", F.KEY_IN_HEADER, header(x5u="http://127.0.0.1:1/cert")),
    Attack("x5c", F.KEY_IN_HEADER, header(x5c=["MIIB"])),
    Attack("no_kid", F.MISSING_KEY_ID, without_header("kid")),
    Attack("empty_kid", F.MISSING_KEY_ID, header(kid="")),
    Attack("kid_is_a_number", F.MISSING_KEY_ID, header(kid=1)),
    Attack("unknown_kid", F.UNKNOWN_KEY, header(kid="../../etc/passwd")),
    Attack("kid_of_a_nameless_key", F.UNKNOWN_KEY, signed_by("nameless", rsa_key("nameless"))),
    Attack("kid_twice", F.AMBIGUOUS_KEY, signed_by("twice", rsa_key("twice"))),
    Attack("small_key", F.UNSUITABLE_KEY, signed_by("small", rsa_key("small", 1024))),
    Attack("exponent_3", F.UNSUITABLE_KEY, signed_by("exponent-3", rsa_key("three", 2048, 3))),
    Attack("encryption_key", F.UNSUITABLE_KEY, signed_by("enc", rsa_key("enc"))),
    Attack("key_for_signing_only", F.UNSUITABLE_KEY, signed_by("ops", rsa_key("signing-only"))),
    Attack("key_published_whole", F.UNSUITABLE_KEY, signed_by("private", rsa_key("private"))),
    Attack("key_of_another_algorithm", F.UNSUITABLE_KEY, signed_by("odd-alg", rsa_key("odd-alg"))),
    Attack("curve_p384", F.UNSUITABLE_KEY, signed_by("p384", ec_key("good"), "ES256")),
    Attack(
        "point_off_the_curve", F.UNSUITABLE_KEY, signed_by("off-curve", ec_key("good"), "ES256")
    ),
    Attack("key_without_modulus", F.UNSUITABLE_KEY, header(kid="no-modulus")),
    Attack("key_with_padding", F.UNSUITABLE_KEY, header(kid="padded")),
    Attack("key_of_no_kind", F.UNSUITABLE_KEY, header(kid="kind")),
    Attack(
        "rsa_key_for_es256", F.WRONG_KEY_FOR_ALGORITHM, signed_by("rsa", ec_key("good"), "ES256")
    ),
    Attack("ec_key_for_rs256", F.WRONG_KEY_FOR_ALGORITHM, signed_by("ec", rsa_key("good"))),
    Attack("rs256_key_for_ps256", F.WRONG_KEY_FOR_ALGORITHM, header(kid="rs-only", alg="PS256")),
    Attack("type_is_a_number", F.WRONG_TYPE, header(typ=1)),
    Attack("type_of_something_else", F.WRONG_TYPE, header(typ="dpop+jwt")),
    Attack("another_key", F.WRONG_SIGNATURE, signed_by("rsa", rsa_key("attacker"))),
    Attack(
        "padding_of_another_algorithm",
        F.WRONG_SIGNATURE,
        signed_by("pss", rsa_key("good"), "PS256"),
    ),
    Attack("no_signature", F.WRONG_SIGNATURE, segment(2, lambda _: "")),
    Attack("signature_of_zeros", F.WRONG_SIGNATURE, segment(2, lambda _: b64(bytes(256)))),
    Attack("signature_cut", F.WRONG_SIGNATURE, segment(2, lambda text: b64(unb64(text)[:-1]))),
    Attack(
        "claims_swapped",
        F.WRONG_SIGNATURE,
        segment(1, lambda _: b64(b'{"sub":"somebody-else"}')),
    ),
    Attack(
        "header_swapped",
        F.WRONG_SIGNATURE,
        segment(0, lambda text: b64(unb64(text)[:-1] + b',"cty":"x"}')),
    ),
    Attack("two_segments", F.MALFORMED, rewritten(lambda text: text.rpartition(".")[0])),
    Attack("four_segments", F.MALFORMED, rewritten(lambda text: f"{text}.")),
    Attack("encrypted", F.MALFORMED, rewritten(lambda text: f"{text}.AA.AA")),
    Attack("nothing", F.MALFORMED, rewritten(lambda _: "")),
    Attack(
        "json_serialisation", F.MALFORMED, rewritten(lambda _: '{"payload":"","signatures":[]}')
    ),
    Attack("blank_before", F.MALFORMED, rewritten(lambda text: f" {text}")),
    Attack("line_break_after", F.MALFORMED, rewritten(lambda text: f"{text}\n")),
    Attack("padding", F.MALFORMED, segment(2, lambda text: f"{text}==")),
    Attack("plain_base64", F.MALFORMED, segment(2, lambda text: f"++{text[2:]}")),
    Attack("another_spelling", F.MALFORMED, segment(2, _flip_last)),
    Attack("full_width", F.MALFORMED, rewritten(lambda text: f"\uff45{text[1:]}")),
    Attack("header_no_json", F.MALFORMED, header_text(lambda text: text.encode())),
    Attack("header_an_array", F.MALFORMED, header_text(lambda text: f"[{text}}}]".encode())),
    Attack("claims_no_json", F.MALFORMED, claims_text(lambda text: text.encode())),
    Attack("claims_an_array", F.MALFORMED, claims_text(lambda text: f"[{text}}}]".encode())),
    Attack("claims_text_after", F.MALFORMED, claims_text(lambda text: f"{text}}}{{}}".encode())),
    Attack("claims_in_utf16", F.MALFORMED, claims_text(lambda text: f"{text}}}".encode("utf-16"))),
    Attack(
        "claims_byte_order_mark", F.MALFORMED, claims_text(lambda text: f"\ufeff{text}}}".encode())
    ),
    Attack(
        "claims_not_utf8",
        F.MALFORMED,
        claims_text(lambda text: f'{text},"a":"'.encode() + b'\xff"}'),
    ),
    Attack("claims_nan", F.MALFORMED, claims_text(lambda text: f'{text},"a":NaN}}'.encode())),
    Attack(
        "claims_huge_number",
        F.MALFORMED,
        claims_text(lambda text: f'{text},"a":{"9" * 5000}}}'.encode()),
    ),
    Attack(
        "claims_twice", F.DUPLICATE_MEMBER, claims_text(lambda text: f'{text},"iss":"x"}}'.encode())
    ),
    Attack(
        "claims_twice_by_escape",
        F.DUPLICATE_MEMBER,
        claims_text(lambda text: f'{text},"\\u0069ss":"x"}}'.encode()),
    ),
    Attack(
        "claims_twice_inside",
        F.DUPLICATE_MEMBER,
        claims_text(lambda text: f'{text},"a":{{"b":1,"b":2}}}}'.encode()),
    ),
    Attack(
        "header_twice",
        F.DUPLICATE_MEMBER,
        header_text(lambda text: f'{text},"alg":"none"}}'.encode()),
    ),
    Attack(
        "claims_deep",
        F.TOO_DEEP,
        claims_text(lambda text: f'{text},"a":{"[" * 9}{"]" * 9}}}'.encode()),
    ),
    Attack(
        "claims_bottomless",
        F.TOO_DEEP,
        claims_text(lambda text: f'{text},"a":{"[" * 2000}'.encode()),
    ),
    Attack("null_character", F.FORBIDDEN_CHARACTER, claims(name="root\0")),
    Attack("null_in_a_name", F.FORBIDDEN_CHARACTER, claims(**{"sub\0x": "root"})),
    Attack(
        "half_a_pair",
        F.FORBIDDEN_CHARACTER,
        claims_text(lambda text: f'{text},"a":"\\ud800"}}'.encode()),
    ),
    Attack("too_long", F.TOO_LONG, claims(padding="x" * 70_000)),
    Attack("header_too_long", F.TOO_LONG, header(cty="x" * 2000)),
]

COMMON_ATTACKS = [
    Attack("no_issuer", F.MISSING_CLAIM, without("iss"), "iss"),
    Attack("another_issuer", F.WRONG_ISSUER, claims(iss="https://evil.example"), "iss"),
    Attack(
        "issuer_and_slash",
        F.WRONG_ISSUER,
        lambda draft: draft.claims.update(iss=draft.claims["iss"] + "/"),
        "iss",
    ),
    Attack(
        "issuer_in_capitals",
        F.WRONG_ISSUER,
        lambda draft: draft.claims.update(iss=draft.claims["iss"].upper()),
        "iss",
    ),
    Attack(
        "issuer_is_a_list",
        F.MALFORMED_CLAIM,
        lambda draft: draft.claims.update(iss=[draft.claims["iss"]]),
        "iss",
    ),
    Attack("no_audience", F.MISSING_CLAIM, without("aud"), "aud"),
    Attack("another_audience", F.WRONG_AUDIENCE, claims(aud="somebody-else"), "aud"),
    Attack(
        "audience_in_part",
        F.WRONG_AUDIENCE,
        lambda draft: draft.claims.update(aud=draft.claims["aud"] + "-2"),
        "aud",
    ),
    Attack("audience_empty", F.MALFORMED_CLAIM, claims(aud=[]), "aud"),
    Attack(
        "audience_an_object",
        F.MALFORMED_CLAIM,
        lambda draft: draft.claims.update(aud={draft.claims["aud"]: 1}),
        "aud",
    ),
    Attack(
        "audience_of_many",
        F.MALFORMED_CLAIM,
        lambda draft: draft.claims.update(aud=[draft.claims["aud"]] * 17),
        "aud",
    ),
    Attack("no_expiry", F.MISSING_CLAIM, without("exp"), "exp"),
    Attack("no_issue_time", F.MISSING_CLAIM, without("iat"), "iat"),
    Attack("expiry_as_text", F.MALFORMED_CLAIM, claims(exp=str(later(minutes=5))), "exp"),
    Attack("expiry_a_truth", F.MALFORMED_CLAIM, claims(exp=True), "exp"),
    Attack("expiry_with_a_fraction", F.MALFORMED_CLAIM, claims(exp=later(minutes=5) + 0.5), "exp"),
    Attack("expiry_beyond_time", F.MALFORMED_CLAIM, claims(exp=10**30), "exp"),
    Attack("expiry_never", F.LIVES_TOO_LONG, claims(exp=later(days=3650)), "exp"),
    Attack("issue_time_negative", F.MALFORMED_CLAIM, claims(iat=-1), "iat"),
    Attack("expired", F.EXPIRED, claims(iat=later(minutes=-5), exp=later(seconds=-30)), "exp"),
    Attack("issued_in_future", F.ISSUED_IN_FUTURE, claims(iat=later(seconds=31)), "iat"),
    Attack("expires_before_issued", F.EXPIRES_BEFORE_ISSUED, claims(exp=later(seconds=0)), "exp"),
    Attack("not_yet", F.NOT_YET_VALID, claims(nbf=later(seconds=31)), "nbf"),
    Attack("not_before_as_text", F.MALFORMED_CLAIM, claims(nbf="0"), "nbf"),
    Attack("session_empty", F.MALFORMED_CLAIM, claims(sid=""), "sid"),
    Attack("session_null", F.MALFORMED_CLAIM, claims(sid=None), "sid"),
    Attack("session_endless", F.MALFORMED_CLAIM, claims(sid="s" * 256), "sid"),
    Attack("account_endless", F.MALFORMED_CLAIM, claims(sub="s" * 256), "sub"),
    Attack("account_with_blank", F.MALFORMED_CLAIM, claims(sub="root admin"), "sub"),
    Attack("account_not_ascii", F.MALFORMED_CLAIM, claims(sub="аdmin"), "sub"),  # Cyrillic
    Attack("account_a_number", F.MALFORMED_CLAIM, claims(sub=1), "sub"),
    Attack("account_empty", F.MALFORMED_CLAIM, claims(sub=""), "sub"),
]

ID_ATTACKS = [
    Attack("access_token", F.WRONG_PURPOSE, claims(typ="Bearer"), "typ"),
    Attack("refresh_token", F.WRONG_PURPOSE, claims(typ="Refresh"), "typ"),
    Attack("logout_by_claim", F.WRONG_PURPOSE, claims(events={LOGOUT_EVENT: {}}), "events"),
    Attack("logout_by_header", F.WRONG_TYPE, header(typ="logout+jwt")),
    Attack("access_by_header", F.WRONG_TYPE, header(typ="at+jwt")),
    Attack(
        "several_audiences",
        F.SEVERAL_AUDIENCES,
        lambda draft: (draft.claims.update(aud=["platform", "b"]), draft.claims.pop("azp"))[0],
        "aud",
    ),
    Attack("for_another_party", F.WRONG_AUTHORISED_PARTY, claims(azp="portal-a"), "azp"),
    Attack(
        "several_for_another",
        F.WRONG_AUTHORISED_PARTY,
        claims(aud=["platform", "b"], azp="b"),
        "azp",
    ),
    Attack("party_is_a_list", F.MALFORMED_CLAIM, claims(azp=["platform"]), "azp"),
    Attack("no_nonce", F.MISSING_CLAIM, without("nonce"), "nonce"),
    Attack("another_nonce", F.WRONG_NONCE, claims(nonce="another"), "nonce"),
    Attack(
        "nonce_in_part",
        F.WRONG_NONCE,
        lambda draft: draft.claims.update(nonce=draft.claims["nonce"][:-1]),
        "nonce",
    ),
    Attack("nonce_null", F.MALFORMED_CLAIM, claims(nonce=None), "nonce"),
    Attack(
        "nonce_a_list",
        F.MALFORMED_CLAIM,
        lambda draft: draft.claims.update(nonce=[draft.claims["nonce"]]),
        "nonce",
    ),
    Attack("no_hash", F.MISSING_CLAIM, without("at_hash"), "at_hash"),
    Attack("hash_of_another", F.WRONG_ACCESS_TOKEN_HASH, claims(at_hash=b64(bytes(16))), "at_hash"),
    Attack(
        "hash_in_part",
        F.WRONG_ACCESS_TOKEN_HASH,
        lambda draft: draft.claims.update(at_hash=draft.claims["at_hash"][:-2]),
        "at_hash",
    ),
    Attack("hash_empty", F.WRONG_ACCESS_TOKEN_HASH, claims(at_hash=""), "at_hash"),
    Attack("code_hash_of_another", F.WRONG_CODE_HASH, claims(c_hash=b64(bytes(16))), "c_hash"),
    Attack("code_hash_null", F.MALFORMED_CLAIM, claims(c_hash=None), "c_hash"),
    Attack("no_account", F.MISSING_CLAIM, without("sub"), "sub"),
    Attack("no_level", F.MISSING_CLAIM, without("acr"), "acr"),
    Attack("level_0", F.UNKNOWN_AUTHENTICATION_LEVEL, claims(acr="0"), "acr"),
    Attack("level_4", F.UNKNOWN_AUTHENTICATION_LEVEL, claims(acr="al4"), "acr"),
    Attack("level_in_capitals", F.UNKNOWN_AUTHENTICATION_LEVEL, claims(acr="AL3"), "acr"),
    Attack("level_a_number", F.MALFORMED_CLAIM, claims(acr=3), "acr"),
    Attack(
        "identity_level_5", F.UNKNOWN_IDENTITY_LEVEL, claims(identity_level="L5"), "identity_level"
    ),
    Attack(
        "identity_level_a_list",
        F.MALFORMED_CLAIM,
        claims(identity_level=["L4"]),
        "identity_level",
    ),
    Attack(
        "identity_level_null",
        F.MALFORMED_CLAIM,
        claims(identity_level=None),
        "identity_level",
    ),
    Attack("no_sign_in_time", F.MISSING_CLAIM, without("auth_time"), "auth_time"),
    Attack("sign_in_time_as_text", F.MALFORMED_CLAIM, claims(auth_time="0"), "auth_time"),
    Attack(
        "signed_in_after_issued",
        F.SIGNED_IN_AFTER_ISSUED,
        claims(auth_time=later(seconds=31)),
        "auth_time",
    ),
    Attack("company_a_text", F.MALFORMED_CLAIM, claims(organization="acme"), "organization"),
    Attack("company_a_number", F.MALFORMED_CLAIM, claims(organization={"acme": 1}), "organization"),
    Attack(
        "company_code_a_text",
        F.MALFORMED_CLAIM,
        claims(organization={"acme": {"uscc": "9"}}),
        "organization",
    ),
    Attack(
        "company_id_a_number",
        F.MALFORMED_CLAIM,
        claims(organization={"acme": {"id": 1}}),
        "organization",
    ),
]

ACCESS_ATTACKS = [
    Attack("id_token", F.WRONG_PURPOSE, claims(typ="ID"), "typ"),
    Attack("no_kind", F.WRONG_PURPOSE, without("typ"), "typ"),
    Attack("offline_token", F.WRONG_PURPOSE, claims(typ="Offline"), "typ"),
    Attack("id_token_by_nonce", F.WRONG_PURPOSE, claims(nonce="n"), "nonce"),
    Attack("id_token_by_hash", F.WRONG_PURPOSE, claims(at_hash="h"), "at_hash"),
    Attack("logout_token", F.WRONG_PURPOSE, claims(events={LOGOUT_EVENT: {}}), "events"),
    Attack("untyped", F.WRONG_TYPE, without_header("typ")),
    Attack("logout_by_header", F.WRONG_TYPE, header(typ="logout+jwt")),
    Attack("no_client", F.MISSING_CLAIM, without("azp"), "azp"),
    Attack("client_a_list", F.MALFORMED_CLAIM, claims(azp=["portal-a"]), "azp"),
    Attack("no_scope", F.MISSING_CLAIM, without("scope"), "scope"),
    Attack("scope_a_list", F.MALFORMED_CLAIM, claims(scope=["admin"]), "scope"),
    Attack("no_account", F.MISSING_CLAIM, without("sub"), "sub"),
    Attack("session_without_level", F.MISSING_CLAIM, without("acr"), "acr"),
    Attack("level_4", F.UNKNOWN_AUTHENTICATION_LEVEL, claims(acr="al4"), "acr"),
    Attack(
        "identity_level_5", F.UNKNOWN_IDENTITY_LEVEL, claims(identity_level="L5"), "identity_level"
    ),
]


def _nobody(draft: TokenDraft) -> None:
    del draft.claims["sub"]
    del draft.claims["sid"]


LOGOUT_ATTACKS = [
    Attack("id_token", F.WRONG_PURPOSE, claims(typ="ID"), "typ"),
    Attack("id_token_by_header", F.WRONG_TYPE, header(typ="JWT")),
    Attack("untyped", F.WRONG_TYPE, without_header("typ")),
    Attack("nonce", F.UNEXPECTED_NONCE, claims(nonce="n"), "nonce"),
    Attack("nonce_null", F.UNEXPECTED_NONCE, claims(nonce=None), "nonce"),
    Attack("no_events", F.NO_LOGOUT_EVENT, without("events"), "events"),
    Attack("events_empty", F.NO_LOGOUT_EVENT, claims(events={}), "events"),
    Attack("events_a_list", F.NO_LOGOUT_EVENT, claims(events=[LOGOUT_EVENT]), "events"),
    Attack("another_event", F.NO_LOGOUT_EVENT, claims(events={LOGOUT_EVENT + "/": {}}), "events"),
    Attack("event_null", F.NO_LOGOUT_EVENT, claims(events={LOGOUT_EVENT: None}), "events"),
    Attack("nobody", F.NOBODY, _nobody),
    Attack("no_id", F.MISSING_CLAIM, without("jti"), "jti"),
    Attack("id_empty", F.MALFORMED_CLAIM, claims(jti=""), "jti"),
    Attack("id_a_number", F.MALFORMED_CLAIM, claims(jti=1), "jti"),
    Attack("lives_an_hour", F.LIVES_TOO_LONG, claims(exp=later(hours=1)), "exp"),
    Attack("several_audiences", F.SEVERAL_AUDIENCES, claims(aud=["platform", "b"]), "aud"),
    Attack("for_another_party", F.WRONG_AUTHORISED_PARTY, claims(azp="portal-a"), "azp"),
]
