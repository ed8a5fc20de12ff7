"""The registration of a passkey: one right answer, and each way to be wrong."""

import base64
import contextlib
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from simulators.passkeys import (
    BACKED_UP,
    ELIGIBLE,
    EXTENSIONS,
    KEY,
    ORIGIN,
    PRESENT,
    RP_ID,
    VERIFIED,
    Registration,
    base64url,
    cbor,
    new_key,
)

from idp.passkeys import Ceremony, InvalidPasskeyError, Passkey, PasskeyFault
from idp.second_factors import passkey_credential
from idp.strict_cbor import MalformedCborError, read_value

CEREMONY = Ceremony.begin(rp_id=RP_ID, origin=ORIGIN)
RIGHT = Registration(CEREMONY.challenge)


def finish(answer: dict[str, str], ceremony: Ceremony = CEREMONY) -> Passkey:
    return ceremony.finish(
        unverified_client_data=answer["client_data"],
        unverified_attestation=answer["attestation"],
        unverified_transports=answer["transports"],
    )


def fault(answer: dict[str, str], ceremony: Ceremony = CEREMONY) -> PasskeyFault:
    with pytest.raises(InvalidPasskeyError) as caught:
        finish(answer, ceremony)
    return caught.value.reason


def test_a_right_answer_gives_the_passkey() -> None:
    passkey = finish(replace(RIGHT, counter=7).answer)
    assert passkey.aaguid == UUID(bytes=bytes(range(16)))
    assert passkey.credential_id == b"c" * 32
    assert passkey.public_key == cbor(RIGHT.key)
    assert passkey.counter == 7
    assert passkey.transports == ("internal", "usb")


def test_the_realm_gets_it_in_its_own_words() -> None:
    credential = passkey_credential(finish(RIGHT.answer), label="counter")
    assert credential["type"] == "webauthn-passwordless"
    data = json.loads(str(credential["credentialData"]))
    assert base64.b64decode(data["credentialId"]) == b"c" * 32
    assert data["credentialPublicKey"] == base64url(cbor(RIGHT.key))
    assert data["aaguid"] == "00010203-0405-0607-0809-0a0b0c0d0e0f"


def test_what_browsers_add_by_themselves_is_let_through() -> None:
    synced = PRESENT | VERIFIED | KEY | ELIGIBLE | BACKED_UP
    finish(replace(RIGHT, flags=synced).answer)
    protected = replace(
        RIGHT, flags=PRESENT | VERIFIED | KEY | EXTENSIONS, after_key=cbor({"credProtect": 2})
    )
    assert finish(protected.answer).public_key == cbor(RIGHT.key)
    unread = {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"s" * 70}}
    finish(replace(RIGHT, attestation=unread).answer)
    finish(replace(RIGHT, more_client_data={"other_keys_can_be_added_here": "x"}).answer)


def test_an_rsa_key_is_taken_from_2048_bits_on() -> None:
    def cose(bits: int, exponent: int = 65537) -> dict[int, object]:
        numbers = rsa.generate_private_key(65537, bits).public_key().public_numbers()
        modulus = numbers.n.to_bytes(bits // 8, "big")
        return {1: 3, 3: -257, -1: modulus, -2: exponent.to_bytes(3, "big")}

    finish(replace(RIGHT, key=cose(2048)).answer)
    assert fault(replace(RIGHT, key=cose(1024)).answer) is PasskeyFault.WEAK_KEY
    assert fault(replace(RIGHT, key=cose(2048, 3)).answer) is PasskeyFault.WEAK_KEY


POINT_NOWHERE = {1: 2, 3: -7, -1: 1, -2: b"\1" * 32, -3: b"\2" * 32}
SHORT = {**new_key(), -2: b"\1" * 31}
WRONG: list[tuple[PasskeyFault, dict[str, Any]]] = [
    (PasskeyFault.WRONG_TYPE, {"type": "webauthn.get"}),
    (PasskeyFault.WRONG_CHALLENGE, {"challenge": b"x" * 32}),
    (PasskeyFault.WRONG_CHALLENGE, {"challenge": b""}),
    (PasskeyFault.WRONG_CHALLENGE, {"more_client_data": {"challenge": None}}),
    (PasskeyFault.WRONG_CHALLENGE, {"more_client_data": {"challenge": "\ud800"}}),
    (PasskeyFault.WRONG_ORIGIN, {"origin": "http://localhost:8001"}),
    (PasskeyFault.WRONG_ORIGIN, {"origin": "https://localhost:8000"}),
    (PasskeyFault.WRONG_ORIGIN, {"origin": "http://localhost:8000/"}),
    (PasskeyFault.WRONG_ORIGIN, {"origin": "http://localhost.evil.example"}),
    (PasskeyFault.IN_A_FRAME, {"more_client_data": {"crossOrigin": True}}),
    (PasskeyFault.IN_A_FRAME, {"more_client_data": {"crossOrigin": 0}}),
    (PasskeyFault.IN_A_FRAME, {"more_client_data": {"topOrigin": ORIGIN}}),
    (PasskeyFault.WRONG_RELYING_PARTY, {"rp_id": "evil.example"}),
    (PasskeyFault.NOT_PRESENT, {"flags": VERIFIED | KEY}),
    (PasskeyFault.NOT_VERIFIED, {"flags": PRESENT | KEY}),
    (PasskeyFault.NO_KEY, {"flags": PRESENT | VERIFIED}),
    (PasskeyFault.MALFORMED, {"flags": PRESENT | VERIFIED | KEY | BACKED_UP}),
    (PasskeyFault.MALFORMED, {"flags": PRESENT | VERIFIED | KEY | EXTENSIONS}),
    (
        PasskeyFault.MALFORMED,
        {"flags": PRESENT | VERIFIED | KEY | EXTENSIONS, "after_key": cbor(1)},
    ),
    (PasskeyFault.MALFORMED, {"after_key": b"\0"}),
    (PasskeyFault.MALFORMED, {"credential_id": b"c" * 15}),
    (PasskeyFault.MALFORMED, {"credential_id": b"c" * 1024}),
    (PasskeyFault.MALFORMED, {"id_length": 60_000}),
    (PasskeyFault.MALFORMED, {"key": []}),
    (PasskeyFault.WEAK_KEY, {"key": POINT_NOWHERE}),
    (PasskeyFault.MALFORMED, {"key": SHORT}),
    (PasskeyFault.WRONG_ALGORITHM, {"key": {**new_key(), 3: -8}}),
    (PasskeyFault.WRONG_ALGORITHM, {"key": {**new_key(), -1: 2}}),
    (PasskeyFault.WRONG_ALGORITHM, {"key": {**new_key(), 2: b"kid"}}),
    (PasskeyFault.WRONG_ALGORITHM, {"key": {}}),
    (PasskeyFault.MALFORMED, {"attestation": {"more": 1}}),
    (PasskeyFault.MALFORMED, {"attestation": {"authData": "text"}}),
    (PasskeyFault.MALFORMED, {"attestation": {"authData": b"short"}}),
]


@pytest.mark.parametrize(("expected", "changes"), WRONG)
def test_each_wrong_answer_is_refused_for_its_own_reason(
    expected: PasskeyFault, changes: dict[str, Any]
) -> None:
    assert fault(replace(RIGHT, **changes).answer) is expected


def test_an_answer_is_for_one_ceremony() -> None:
    assert fault(RIGHT.answer, Ceremony.begin(rp_id=RP_ID, origin=ORIGIN)) is (
        PasskeyFault.WRONG_CHALLENGE
    )


@pytest.mark.parametrize(
    "client_data",
    [
        *(b"", b"[]", b"null", b"{", b'{"type":"a","type":"webauthn.create"}', b"\xff"),
        *(b"[" * 2000, b"{}" + b" " * 3000),
    ],
)
def test_client_data_are_one_small_object_of_json(client_data: bytes) -> None:
    answer = RIGHT.answer | {"client_data": base64url(client_data)}
    assert fault(answer) in {PasskeyFault.MALFORMED, PasskeyFault.WRONG_TYPE}


@pytest.mark.parametrize("spoil", ["{}=", "{} ", "{}\n", "+{}", "{}A", "ä{}"])
@pytest.mark.parametrize("name", ["client_data", "attestation"])
def test_octets_have_one_spelling(name: str, spoil: str) -> None:
    answer = RIGHT.answer
    assert fault(answer | {name: spoil.format(answer[name])}) is PasskeyFault.MALFORMED


def test_what_follows_the_attestation_is_refused() -> None:
    octets = base64.urlsafe_b64decode(RIGHT.answer["attestation"] + "===")
    answer = RIGHT.answer | {"attestation": base64url(octets + b"\xf6")}
    assert fault(answer) is PasskeyFault.MALFORMED


@given(st.data())
def test_one_wrong_octet_is_never_a_key_of_another_person(data: st.DataObject) -> None:
    octets = bytearray(RIGHT.authenticator_data)
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    changed = replace(RIGHT, attestation={"authData": bytes(octets)})
    with contextlib.suppress(InvalidPasskeyError):
        passkey = finish(changed.answer)
        # What the person's device cannot vouch for: its counter, its model, its id, its key.
        assert octets[:32] == sha256(RP_ID.encode()).digest()
        assert octets[32] & (PRESENT | VERIFIED | KEY) == PRESENT | VERIFIED | KEY
        assert passkey.public_key in bytes(octets)


@given(st.binary(max_size=200))
def test_any_octets_are_refused(octets: bytes) -> None:
    fault(RIGHT.answer | {"attestation": base64url(octets)})
    fault(
        RIGHT.answer
        | {"attestation": base64url(cbor({"fmt": "none", "attStmt": {}, "authData": octets}))}
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.integers(-9, 9) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=4,
)


@given(VALUES, st.binary(max_size=3))
def test_values_come_back_and_what_follows_stays(value: object, rest: bytes) -> None:
    octets = cbor(value)
    with contextlib.suppress(MalformedCborError):  # deeper than four levels
        assert read_value(octets + rest) == (value, len(octets))


@pytest.mark.parametrize(
    "octets",
    [
        *("", "18", "1801", "1817", "190001", "1a00000001", "1b0000000000000001"),  # not shortest
        *("1c", "1f", "5f4101ff", "9f01ff", "bf0101ff"),  # indefinite or unknown lengths
        *("c001", "f90000", "fa00000000", "f818", "f7", "e0"),  # tags, floats, other simple values
        *("61ff", "42aa", "8201", "a101", "9b7fffffffffffffff", "bb7fffffffffffffff"),
        *("a20101" + "0102", "a1f401", "a14001", "a18001"),  # one key twice, keys of other kinds
        *("8181818181" + "01",),  # too deep
    ],
)
def test_other_forms_are_refused(octets: str) -> None:
    with pytest.raises(MalformedCborError):
        read_value(bytes.fromhex(octets))


def test_options_ask_for_what_is_checked() -> None:
    options = CEREMONY.options(account="5b0d", username="li.shi", service="示例")
    assert options["challenge"] == base64url(CEREMONY.challenge)
    assert options["rp"] == {"id": RP_ID, "name": "示例"}
    assert options["attestation"] == "none"
    selection = options["authenticatorSelection"]
    assert isinstance(selection, dict)
    assert selection["userVerification"] == "required"
    assert CEREMONY.challenge.hex() not in repr(CEREMONY)
    assert repr(CEREMONY.challenge) not in repr(CEREMONY)
