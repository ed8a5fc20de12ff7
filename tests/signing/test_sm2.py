"""SM2: the published answers, what must be refused, and two other implementations."""

import ctypes
import hashlib
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gmssl.sm2 import CryptSM2
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from independent.sm2_by_the_book import RECOMMENDED_CURVE, Curve, encode

from signing import sm2
from signing.errors import BackendUnavailableError, InvalidKeyError, InvalidSignatureError
from signing.sm2 import (
    ORDER,
    Signature,
    Sm2PrivateKey,
    Sm2PublicKey,
    accept_signature,
    self_test,
    sign_digest,
    verify_digest,
)

VECTORS = tomllib.loads((Path(__file__).parent.parent / "vectors/sm2.toml").read_text("utf-8"))
KNOWN: dict[str, str] = VECTORS["recommended"]
EXAMPLE: dict[str, str] = VECTORS["example"]

scalars = st.integers(1, ORDER - 2)
messages = st.binary(max_size=200)


def number(vector: dict[str, str], name: str) -> int:
    return int(vector[name], 16)


def curve_of(vector: dict[str, str]) -> Curve:
    p, a, b, n, x, y = (number(vector, name) for name in ("p", "a", "b", "n", "x_g", "y_g"))
    return Curve(p, a, b, n, (x, y))


CURVE = RECOMMENDED_CURVE


def private_key(d: int) -> Sm2PrivateKey:
    return Sm2PrivateKey.from_scalar(d.to_bytes(32, "big"))


def point_octets(point: tuple[int, int]) -> bytes:
    return b"\x04" + b"".join(coordinate.to_bytes(32, "big") for coordinate in point)


@pytest.fixture(scope="module")
def key() -> Sm2PrivateKey:
    return private_key(number(KNOWN, "d"))


@pytest.fixture(scope="module")
def digest(key: Sm2PrivateKey) -> bytes:
    return key.public_key.digest(KNOWN["message"].encode())


# ---- published answers ----


def test_the_published_key_has_the_published_point_and_z(key: Sm2PrivateKey) -> None:
    assert key.public_key.point.hex() == "04" + KNOWN["x_a"] + KNOWN["y_a"]
    assert key.public_key.z.hex() == KNOWN["z"]


def test_the_published_message_has_the_published_digest(key: Sm2PrivateKey, digest: bytes) -> None:
    in_pieces = key.public_key.hasher()
    in_pieces.update(b"message ")
    in_pieces.update(b"digest")
    assert digest.hex() == in_pieces.digest().hex() == KNOWN["e"]
    assert key.public_key.digest(b"message digest") == digest  # the primed hasher is untouched


def test_the_published_signature_is_right(key: Sm2PrivateKey, digest: bytes) -> None:
    verify_digest(key.public_key, digest, encode(number(KNOWN, "r"), number(KNOWN, "s")))


@pytest.mark.parametrize("vector", [KNOWN, EXAMPLE], ids=lambda vector: vector["source"])
def test_the_second_implementation_gives_the_published_answers(vector: dict[str, str]) -> None:
    assert curve_of(KNOWN) == RECOMMENDED_CURVE
    curve, d = curve_of(vector), number(vector, "d")
    public = curve.public_point(d)
    z = curve.z(vector["identity"].encode(), public)
    e = int.from_bytes(hashlib.new("sm3", z + vector["message"].encode()).digest(), "big")
    assert public == (number(vector, "x_a"), number(vector, "y_a"))
    assert z.hex() == vector["z"]
    assert e == number(vector, "e")
    r, s = curve.sign(e, d, number(vector, "k"))
    assert (r, s) == (number(vector, "r"), number(vector, "s"))
    assert curve.accepts(e, public, r, s)


def test_the_self_test_passes() -> None:
    self_test()


# ---- keys ----


@pytest.mark.parametrize("d", [0, ORDER - 1, ORDER, ORDER + 1, 2**256 - 1])
def test_a_scalar_out_of_range_is_refused(d: int) -> None:
    with pytest.raises(InvalidKeyError):
        private_key(d)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_scalar_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(InvalidKeyError):
        Sm2PrivateKey.from_scalar(b"\x01" * size)


@pytest.mark.parametrize("d", [1, 2, ORDER - 3, ORDER - 2])
def test_the_ends_of_the_range_sign(d: int) -> None:
    key = private_key(d)
    assert key.public_key.point == point_octets(CURVE.public_point(d))
    sign_digest(key, bytes(range(32)))


def test_a_private_key_must_fit_the_public_key_stored_with_it(key: Sm2PrivateKey) -> None:
    again = Sm2PrivateKey.from_scalar(key.scalar, expected=key.public_key)
    assert again.public_key == key.public_key
    with pytest.raises(InvalidKeyError):
        Sm2PrivateKey.from_scalar(key.scalar, expected=private_key(5).public_key)


def test_generated_keys_are_in_range_and_differ() -> None:
    scalars_made = {int.from_bytes(Sm2PrivateKey.generate().scalar, "big") for _ in range(8)}
    assert len(scalars_made) == 8
    assert all(1 <= d <= ORDER - 2 for d in scalars_made)


def test_the_secret_is_not_shown(key: Sm2PrivateKey) -> None:
    assert KNOWN["d"] not in repr(key)
    assert str(key.scalar) not in repr(key)
    assert "scalar" not in repr(key)


POINT = point_octets((number(KNOWN, "x_a"), number(KNOWN, "y_a")))
NO_POINT = {
    "empty": b"",
    "infinity": b"\x00",
    "short": POINT[:-1],
    "long": POINT + b"\x00",
    "compressed": bytes([2 + POINT[-1] % 2]) + POINT[1:33],
    "hybrid": bytes([6 + POINT[-1] % 2]) + POINT[1:],
    "beside the curve": POINT[:-1] + bytes([POINT[-1] ^ 1]),
    "zero": b"\x04" + bytes(64),
    "beyond p": b"\x04" + b"\xff" * 64,
    # On the curve once x is reduced; but x = 0 is not written like this.
    "x = p": point_octets((CURVE.p, pow(CURVE.b, (CURVE.p + 1) // 4, CURVE.p))),
}


@pytest.mark.parametrize("unverified_point", NO_POINT.values(), ids=NO_POINT.keys())
def test_what_is_no_point_of_the_curve_is_refused(unverified_point: bytes) -> None:
    with pytest.raises(InvalidKeyError):
        Sm2PublicKey.from_point(unverified_point)


def test_a_public_key_is_loaded_once(key: Sm2PrivateKey) -> None:
    point = bytes(bytearray(key.public_key.point))
    assert Sm2PublicKey.from_point(point) is key.public_key
    assert key.public_key.subject_public_key_info.endswith(point)


# ---- a backend that lies ----


@dataclass
class LyingKey:
    """A key that signs something else, or believes everything."""

    honest: sm2.BackendKey
    point: bytes
    signs: bool
    verifies: bool

    def sign_digest(self, digest: bytes) -> bytes:
        return self.honest.sign_digest(digest if self.signs else digest[::-1])

    def verify_digest(self, digest: bytes, signature_der: bytes) -> None:
        if self.verifies:
            self.honest.verify_digest(digest, signature_der)


@dataclass
class LyingBackend:
    honest: sm2.Backend
    signs: bool
    verifies: bool

    def load_public_key(self, point: bytes) -> LyingKey:
        return self.spoil(self.honest.load_public_key(point))

    def load_private_key(self, scalar: bytes) -> LyingKey:
        return self.spoil(self.honest.load_private_key(scalar))

    def spoil(self, key: sm2.BackendKey) -> LyingKey:
        return LyingKey(key, key.point, self.signs, self.verifies)


@pytest.fixture
def with_backend(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def use(*, signs: bool, verifies: bool) -> None:
        backend = LyingBackend(sm2._backend(), signs, verifies)
        monkeypatch.setattr(sm2, "_backend", lambda: backend)
        monkeypatch.setattr(Sm2PublicKey, "from_point", staticmethod(Sm2PublicKey))

    return use


@pytest.fixture
def believing_key(with_backend: Callable[..., None]) -> Sm2PublicKey:
    """Give a key whose backend takes every signature: what is refused, `signing.sm2` refused."""
    with_backend(signs=True, verifies=False)
    return private_key(number(KNOWN, "d")).public_key


# ---- signatures ----


def test_what_was_signed_is_accepted_and_nothing_else(key: Sm2PrivateKey, digest: bytes) -> None:
    signature = sign_digest(key, digest)
    assert accept_signature(key.public_key, digest, signature.der) == signature
    with pytest.raises(InvalidSignatureError):
        verify_digest(key.public_key, digest[::-1], signature.der)
    with pytest.raises(InvalidSignatureError):
        verify_digest(private_key(5).public_key, digest, signature.der)


def test_a_signature_object_cannot_be_wrong(key: Sm2PrivateKey, digest: bytes) -> None:
    signature = sign_digest(key, digest)
    with pytest.raises(InvalidSignatureError):
        Signature(signature.der, digest[::-1], key.public_key)


@pytest.mark.parametrize("size", [0, 20, 31, 33, 64])
def test_only_digests_of_32_octets_are_signed_and_verified(key: Sm2PrivateKey, size: int) -> None:
    with pytest.raises(InvalidSignatureError):
        sign_digest(key, bytes(size))
    with pytest.raises(InvalidSignatureError):
        verify_digest(key.public_key, bytes(size), encode(1, 1))


def test_two_signatures_over_one_digest_differ(key: Sm2PrivateKey, digest: bytes) -> None:
    assert sign_digest(key, digest).der != sign_digest(key, digest).der


N = ORDER
R, S = number(KNOWN, "r"), number(KNOWN, "s")


@pytest.mark.parametrize(
    ("r", "s"),
    [(0, S), (R, 0), (0, 0), (N, S), (R, N), (R + N, S), (R, S + N), (R, N - R), (N - S, S)],
    ids=["r=0", "s=0", "both 0", "r=n", "s=n", "r+n", "s+n", "r+s=n", "n-s"],
)
def test_numbers_out_of_range_are_refused(
    believing_key: Sm2PublicKey, digest: bytes, r: int, s: int
) -> None:
    with pytest.raises(InvalidSignatureError):
        verify_digest(believing_key, digest, encode(r, s))


def test_a_signature_whose_point_is_infinity_is_refused(
    believing_key: Sm2PublicKey, digest: bytes
) -> None:
    """With s·G + t·P at infinity, r = e satisfies B7 in libraries that read its x as 0."""
    d, e = number(KNOWN, "d"), int.from_bytes(digest, "big")
    r = e % N
    s = -r * d * pow(1 + d, -1, N) % N
    assert CURVE.add(
        CURVE.multiply(s, CURVE.base), CURVE.multiply((r + s) % N, CURVE.public_point(d))
    ) is None  # fmt: skip
    with pytest.raises(InvalidSignatureError):
        verify_digest(believing_key, digest, encode(r, s))


def element(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def sequence(*elements: bytes) -> bytes:
    return element(0x30, b"".join(elements))


GOOD_R, GOOD_S = (element(2, b"\x00" + value.to_bytes(32, "big")) for value in (R, S))
GOOD = sequence(GOOD_R, GOOD_S)
SMALL = element(2, b"\x01")
NOT_STRICT = {
    "empty": b"",
    "tag only": GOOD[:1],
    "three octets": GOOD[:3],
    "cut": GOOD[:-1],
    "cut, with its length": sequence(GOOD_R, GOOD_S[:-1]),
    "trailing": GOOD + b"\x00",
    "trailing inside": sequence(SMALL, SMALL, b"\x00"),
    "third element": sequence(SMALL, SMALL, SMALL),
    "r alone": sequence(GOOD_R),
    "set": b"\x31" + GOOD[1:],
    "r is no INTEGER": sequence(b"\x03" + GOOD_R[1:], GOOD_S),
    "s is no INTEGER": sequence(GOOD_R, b"\x03" + GOOD_S[1:]),
    "long length": b"\x30\x81" + GOOD[1:],
    "long length of r": sequence(b"\x02\x81" + GOOD_R[1:], GOOD_S),
    "indefinite": b"\x30\x80" + GOOD[2:] + b"\x00\x00",
    "zero before r": sequence(element(2, b"\x00" + GOOD_R[2:]), GOOD_S),
    "zero before s": sequence(GOOD_R, element(2, b"\x00" + GOOD_S[2:])),
    "zero before a small r": sequence(element(2, b"\x00\x01"), GOOD_S),
    "negative r": sequence(element(2, GOOD_R[3:]), GOOD_S),
    "negative s": sequence(GOOD_R, element(2, GOOD_S[3:])),
    "empty r": sequence(element(2, b""), GOOD_S),
    "empty s": sequence(GOOD_R, element(2, b"")),
    "r beyond the end": sequence(bytes([2, 99]) + GOOD_R[2:], GOOD_S),
    "s beyond the end": sequence(GOOD_R, bytes([2, 99]) + GOOD_S[2:]),
    "s is a tag alone": sequence(element(2, b"\x01" * 3), b"\x02"),
    "too long": sequence(element(2, b"\x01" * 40), GOOD_S),
}


@pytest.mark.parametrize("unverified_der", NOT_STRICT.values(), ids=NOT_STRICT.keys())
def test_only_strict_der_is_a_signature(
    believing_key: Sm2PublicKey, digest: bytes, unverified_der: bytes
) -> None:
    for strict in (GOOD, sequence(SMALL, SMALL)):
        verify_digest(believing_key, digest, strict)
    with pytest.raises(InvalidSignatureError):
        verify_digest(believing_key, digest, unverified_der)


@given(where=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_no_changed_octet_goes_unnoticed(where: int, mask: int) -> None:
    changed = bytearray(encode(R, S))
    changed[where % len(changed)] ^= mask
    public_key = private_key(number(KNOWN, "d")).public_key
    with pytest.raises(InvalidSignatureError):
        verify_digest(public_key, bytes.fromhex(KNOWN["e"]), bytes(changed))


@given(st.binary(max_size=80))
def test_random_octets_are_refused_without_another_error(unverified_der: bytes) -> None:
    public_key = private_key(number(KNOWN, "d")).public_key
    with pytest.raises(InvalidSignatureError):
        verify_digest(public_key, bytes.fromhex(KNOWN["e"]), unverified_der)


# ---- other implementations ----


@settings(max_examples=25, deadline=None)
@given(d=scalars, k=scalars, message=messages)
def test_signatures_by_the_book_are_accepted_and_ours_by_the_book(
    d: int, k: int, message: bytes
) -> None:
    key = private_key(d)
    public = CURVE.public_point(d)
    assert key.public_key.point == point_octets(public)
    digest = key.public_key.digest(message)
    e = int.from_bytes(digest, "big")
    r, s = CURVE.sign(e, d, k)
    assume(r not in {0, N - k} and s != 0)  # 6.1, A5 and A6: take another nonce
    verify_digest(key.public_key, digest, encode(r, s))
    made = sign_digest(key, digest).der
    size = made[3]
    assert CURVE.accepts(
        e,
        public,
        int.from_bytes(made[4 : 4 + size], "big"),
        int.from_bytes(made[6 + size :], "big"),
    )


@settings(max_examples=15, deadline=None)
@given(d=scalars, message=st.binary(min_size=1, max_size=200))
def test_gmssl_agrees(d: int, message: bytes) -> None:
    key = private_key(d)
    # Given with its prefix, gmssl strips more than the prefix; given without one, it strips an x
    # that begins with 04.
    assume(key.public_key.point[1] != 4)
    gmssl = CryptSM2(
        private_key=key.scalar.hex(), public_key=key.public_key.point[1:].hex(), asn1=True
    )
    theirs = gmssl.sign_with_sm3(message)
    assume(theirs is not None)  # it gives up where the standard says: take another nonce
    digest = key.public_key.digest(message)
    verify_digest(key.public_key, digest, bytes.fromhex(theirs))
    assert gmssl.verify_with_sm3(sign_digest(key, digest).der.hex(), message)


# ---- many threads, and OpenSSL's own state ----


def test_threads_share_a_key(key: Sm2PrivateKey) -> None:
    digests = [hashlib.sha256(bytes([index])).digest() for index in range(40)]
    with ThreadPoolExecutor(8) as pool:
        signatures = list(pool.map(lambda digest: sign_digest(key, digest), digests))
    assert [signature.digest for signature in signatures] == digests


def test_a_refusal_leaves_nothing_in_the_error_queue(key: Sm2PrivateKey, digest: bytes) -> None:
    peek_error = ctypes.CDLL("libcrypto.so.3").ERR_peek_error
    peek_error.restype = ctypes.c_ulong
    with pytest.raises(InvalidSignatureError):
        verify_digest(key.public_key, digest, encode(1, 1))
    assert peek_error() == 0
    with pytest.raises(InvalidKeyError):
        Sm2PublicKey(b"\x04" + bytes(64))
    assert peek_error() == 0


# ---- proofs of the process ----


def test_a_wrong_signature_of_the_backend_never_leaves(
    with_backend: Callable[..., None], digest: bytes
) -> None:
    with_backend(signs=False, verifies=True)
    with pytest.raises(InvalidSignatureError):
        sign_digest(private_key(5), digest)
    with pytest.raises(BackendUnavailableError):
        self_test()


def test_the_self_test_notices_a_backend_that_believes_everything(
    with_backend: Callable[..., None],
) -> None:
    with_backend(signs=True, verifies=False)
    with pytest.raises(BackendUnavailableError):
        self_test()


def test_the_self_test_notices_a_wrong_sm3(monkeypatch: pytest.MonkeyPatch) -> None:
    sha256: Any = hashlib.sha256
    monkeypatch.setattr(sm2, "new_sm3", sha256)
    monkeypatch.setattr(Sm2PublicKey, "from_point", staticmethod(Sm2PublicKey))
    with pytest.raises(BackendUnavailableError):
        self_test()


def test_a_python_without_sm3_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, _: bytes) -> None:
        raise ValueError(name)

    monkeypatch.setattr(hashlib, "new", refuse)
    with pytest.raises(BackendUnavailableError):
        sm2.new_sm3()
