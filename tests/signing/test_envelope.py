"""Encryption at rest: opened by a second implementation, closed to every change."""

import hashlib
import json
from pathlib import Path

import pytest
from gmssl import sm4
from hypothesis import given
from hypothesis import strategies as st

from signing.envelope import NONCE_OCTETS, TAG_OCTETS, DataKey, IndexKey
from signing.errors import DamagedEnvelopeError, InvalidKeyError

RFC_8998 = json.loads(
    (Path(__file__).parents[1] / "vectors" / "sm4_gcm.json").read_text(encoding="utf-8")
)
SECRET = bytes.fromhex("0123456789abcdeffedcba9876543210")
KEY = DataKey("data-1", SECRET)
CONTEXT = b"order 7 attributes"
BLOCK = 16


def open_gcm(
    *, key: bytes, nonce: bytes, associated_data: bytes, ciphertext: bytes, tag: bytes
) -> bytes:
    """Decrypt SM4-GCM the slow way (SP 800-38D, 7.2) over another SM4; assert the tag."""
    cipher = sm4.CryptSM4(padding_mode=None)
    cipher.set_key(key, sm4.SM4_ENCRYPT)

    def encrypt(block: bytes) -> int:
        return int.from_bytes(bytes(cipher.one_round(cipher.sk, list(block))), "big")

    def multiply(x: int, y: int) -> int:
        product = 0
        for bit in range(128):
            if x >> (127 - bit) & 1:
                product ^= y
            y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
        return product

    def padded(data: bytes) -> bytes:
        return data + bytes(-len(data) % BLOCK)

    lengths = (len(associated_data) * 8).to_bytes(8, "big") + (len(ciphertext) * 8).to_bytes(
        8, "big"
    )
    hashed = padded(associated_data) + padded(ciphertext) + lengths
    state, subkey = 0, encrypt(bytes(BLOCK))
    for start in range(0, len(hashed), BLOCK):
        block = int.from_bytes(hashed[start : start + BLOCK], "big")
        state = multiply(state ^ block, subkey)
    assert (state ^ encrypt(nonce + (1).to_bytes(4, "big"))).to_bytes(BLOCK, "big") == tag
    plaintext = b""
    for number, start in enumerate(range(0, len(ciphertext), BLOCK), start=2):
        stream = encrypt(nonce + number.to_bytes(4, "big")).to_bytes(BLOCK, "big")
        part = ciphertext[start : start + BLOCK]
        plaintext += bytes(a ^ b for a, b in zip(part, stream, strict=False))
    return plaintext


def test_the_second_implementation_knows_the_published_vector() -> None:
    names = ("key", "nonce", "associated_data", "ciphertext", "tag")
    parts = {name: bytes.fromhex(RFC_8998[name]) for name in names}
    assert open_gcm(**parts) == bytes.fromhex(RFC_8998["plaintext"])


def test_a_second_implementation_opens_the_value() -> None:
    value = KEY.encrypt("持证人".encode(), context=CONTEXT)
    header = b"\x01\x06data-1"
    assert value.startswith(header)
    nonce, rest = value[len(header) :][:NONCE_OCTETS], value[len(header) + NONCE_OCTETS :]
    plaintext = open_gcm(
        key=SECRET,
        nonce=nonce,
        associated_data=header + CONTEXT,
        ciphertext=rest[:-TAG_OCTETS],
        tag=rest[-TAG_OCTETS:],
    )
    assert plaintext.decode() == "持证人"


@given(plaintext=st.binary(max_size=300), context=st.binary(max_size=40))
def test_what_was_encrypted_is_decrypted(plaintext: bytes, context: bytes) -> None:
    value = KEY.encrypt(plaintext, context=context)
    assert KEY.decrypt(value, context=context) == plaintext


def test_the_same_plaintext_is_never_encrypted_the_same_way() -> None:
    assert KEY.encrypt(b"x", context=CONTEXT) != KEY.encrypt(b"x", context=CONTEXT)


@given(data=st.data())
def test_no_changed_value_opens(data: st.DataObject) -> None:
    value = KEY.encrypt(b"attributes", context=CONTEXT)
    position = data.draw(st.integers(0, len(value) - 1))
    change = data.draw(st.integers(1, 255))
    changed = bytearray(value)
    changed[position] ^= change
    with pytest.raises(DamagedEnvelopeError):
        KEY.decrypt(bytes(changed), context=CONTEXT)


@pytest.mark.parametrize("length", range(len(KEY.encrypt(b"", context=b"")) + 3))
def test_no_shortened_value_opens(length: int) -> None:
    value = KEY.encrypt(b"abc", context=CONTEXT)
    with pytest.raises(DamagedEnvelopeError):
        KEY.decrypt(value[:length], context=CONTEXT)


def test_a_value_opens_in_its_context_only() -> None:
    value = KEY.encrypt(b"attributes", context=b"order 7")
    with pytest.raises(DamagedEnvelopeError):
        KEY.decrypt(value, context=b"order 8")


def test_a_context_cannot_be_pushed_into_the_header() -> None:
    longer = DataKey("data-12", SECRET)
    value = KEY.encrypt(b"attributes", context=b"2")
    with pytest.raises(DamagedEnvelopeError):
        longer.decrypt(value, context=b"")


def test_another_id_or_another_secret_does_not_open() -> None:
    value = KEY.encrypt(b"attributes", context=CONTEXT)
    for other in (DataKey("data-2", SECRET), DataKey.generate("data-1")):
        with pytest.raises(DamagedEnvelopeError):
            other.decrypt(value, context=CONTEXT)


@pytest.mark.parametrize("key_id", ["", "数据", "x" * 256])
def test_a_key_id_has_a_form(key_id: str) -> None:
    with pytest.raises(InvalidKeyError):
        DataKey(key_id, SECRET)


def test_secrets_have_their_length() -> None:
    with pytest.raises(InvalidKeyError):
        DataKey("data-1", SECRET[:-1])
    with pytest.raises(InvalidKeyError):
        IndexKey("index-1", SECRET)


def test_no_secret_is_shown() -> None:
    index_key = IndexKey.generate("index-1")
    assert repr(KEY) == "DataKey(key_id='data-1')"
    assert repr(index_key) == "IndexKey(key_id='index-1')"


def test_the_index_is_hmac_sm3() -> None:
    """By the construction of RFC 2104 over plain SM3."""
    secret = bytes(range(32))
    message = (3).to_bytes(4, "big") + b"111" + (6).to_bytes(4, "big") + "证照".encode()
    block = secret + bytes(32)
    inner = hashlib.new("sm3", bytes(octet ^ 0x36 for octet in block) + message).digest()
    outer = hashlib.new("sm3", bytes(octet ^ 0x5C for octet in block) + inner).digest()
    assert IndexKey("index-1", secret).index("111", "证照") == outer


@given(st.lists(st.text(max_size=6), max_size=4), st.lists(st.text(max_size=6), max_size=4))
def test_different_parts_have_different_indexes(one: list[str], other: list[str]) -> None:
    key = IndexKey("index-1", bytes(range(32)))
    assert (key.index(*one) == key.index(*other)) == (one == other)


def test_parts_cannot_be_shifted() -> None:
    key = IndexKey.generate("index-1")
    indexes = {key.index("ab", "c"), key.index("a", "bc"), key.index("abc"), key.index("abc", "")}
    assert len(indexes) == 4
