"""SM2 signatures with SM3 (GB/T 32918.2 on the curve of GB/T 32918.5).

What is checked becomes a type: an `Sm2PublicKey` is a point of the curve, a `Signature` is right
for its digest and key, because making one checks it. Nothing that was checked is checked again.

>>> key = Sm2PrivateKey.generate()
>>> signature = sign_digest(key, key.public_key.digest("证照".encode()))
>>> verify_digest(key.public_key, signature.digest, signature.der)
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Protocol, Self

from signing.errors import BackendUnavailableError, InvalidKeyError, InvalidSignatureError
from signing.libcrypto import Libcrypto

# GB/T 32918.5, clause 2: the recommended curve. The order of its base point:
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
# and what enters Z beside the identity and the point: a, b, xG, yG.
_CURVE = bytes.fromhex(
    "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"
    "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"
    "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)
_DEFAULT_ID = b"1234567812345678"  # GB/T 35276, clause 10: the identity where none is agreed
_ENTITY = (len(_DEFAULT_ID) * 8).to_bytes(2, "big") + _DEFAULT_ID + _CURVE

DIGEST_SIZE = 32
SCALAR_SIZE = 32
POINT_SIZE = 65
_UNCOMPRESSED = 0x04
SHORTEST_SIGNATURE = 8  # SEQUENCE of two INTEGERs of one octet each
LONGEST_SIGNATURE = 72  # of two INTEGERs of 33 octets
# SubjectPublicKeyInfo up to the point: id-ecPublicKey, curve 1.2.156.10197.1.301 (GB/T 35276).
SUBJECT_PUBLIC_KEY_INFO_PREFIX = bytes.fromhex(
    "3059301306072a8648ce3d020106082a811ccf5501822d034200"
)
_KEYS_KEPT = 256  # one process meets those of its authorities and their CAs; some 2 kB each


class Hasher(Protocol):
    """What `hashlib.new` gives: enough of it to hash in pieces."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in more data."""

    def digest(self) -> bytes:
        """Return the digest of what was taken in."""

    def copy(self) -> Self:
        """Return a hasher in the same state."""


class BackendKey(Protocol):
    """One key inside a backend. Threads may share it."""

    point: bytes

    def sign_digest(self, digest: bytes) -> bytes:
        """Return a DER signature."""

    def verify_digest(self, digest: bytes, signature_der: bytes) -> None:
        """Raise `InvalidSignatureError` unless the signature is right."""


class Backend(Protocol):
    """Who does the arithmetic. Ranges and encodings are checked here, not there."""

    def load_public_key(self, point: bytes) -> BackendKey:
        """Return the key of an uncompressed point, or raise `InvalidKeyError`."""

    def load_private_key(self, scalar: bytes) -> BackendKey:
        """Return the key of a scalar, with the point computed from it."""


@cache
def _backend() -> Backend:
    """Return the backend of this process; raise `BackendUnavailableError` when there is none."""
    return Libcrypto()


def new_sm3(data: bytes = b"") -> Hasher:
    """Return an SM3 hasher (GB/T 32905); raise `BackendUnavailableError` where Python lacks it."""
    try:
        return hashlib.new("sm3", data)
    except ValueError as error:
        raise BackendUnavailableError("hashlib has no SM3 here") from error


@dataclass(frozen=True, slots=True)
class Sm2PublicKey:
    """A point of the SM2 curve; making one of anything else raises `InvalidKeyError`."""

    point: bytes
    """04 ‖ x ‖ y."""
    z: bytes = field(init=False, repr=False, compare=False)
    """Z of GB/T 32918.2, 5.5, for the default identity: enters each digest of this key."""
    _hasher: Hasher = field(init=False, repr=False, compare=False)
    _key: BackendKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the point and compute Z, once."""
        if len(self.point) != POINT_SIZE or self.point[0] != _UNCOMPRESSED:
            raise InvalidKeyError("a public key is an uncompressed point of 65 octets")
        z = new_sm3(_ENTITY + self.point[1:]).digest()
        object.__setattr__(self, "_key", _backend().load_public_key(self.point))
        object.__setattr__(self, "z", z)
        object.__setattr__(self, "_hasher", new_sm3(z))

    @staticmethod
    @lru_cache(maxsize=_KEYS_KEPT)
    def from_point(unverified_point: bytes) -> "Sm2PublicKey":
        """Return the key of an uncompressed point, loaded once for the whole process."""
        return Sm2PublicKey(unverified_point)

    @property
    def subject_public_key_info(self) -> bytes:
        """The key as DER SubjectPublicKeyInfo (GB/T 35276, GB/T 20518)."""
        return SUBJECT_PUBLIC_KEY_INFO_PREFIX + self.point

    def hasher(self) -> Hasher:
        """Return an SM3 hasher that has taken in Z: give it the message, and it ends in e."""
        return self._hasher.copy()

    def digest(self, message: bytes) -> bytes:
        """Return e = SM3(Z ‖ message), which is what is signed (GB/T 32918.2, 6.1)."""
        hasher = self._hasher.copy()
        hasher.update(message)
        return hasher.digest()


@dataclass(frozen=True, slots=True, eq=False)
class Sm2PrivateKey:
    """A private scalar with the public key computed from it; `repr` shows no secret."""

    scalar: bytes = field(repr=False)
    public_key: Sm2PublicKey
    _key: BackendKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """Return a new key, uniform in 1 … n−2 (GB/T 32918.1, 6.1)."""
        number = 1 + secrets.randbelow(ORDER - 2)
        return cls.from_scalar(number.to_bytes(SCALAR_SIZE, "big"))

    @classmethod
    def from_scalar(cls, unverified_scalar: bytes, *, expected: Sm2PublicKey | None = None) -> Self:
        """Return the key of a stored scalar, `expected` being the public key stored with it.

        Raises `InvalidKeyError` outside 1 … n−2 (with d = n−1 no signature exists and OpenSSL
        searches for one for ever) and when d·G is not the expected point.
        """
        if (
            len(unverified_scalar) != SCALAR_SIZE
            or not 1 <= int.from_bytes(unverified_scalar, "big") <= ORDER - 2
        ):
            raise InvalidKeyError("a private key is a number of 1 … n−2 in 32 octets")
        key = _backend().load_private_key(unverified_scalar)
        public_key = Sm2PublicKey.from_point(key.point)
        if expected is not None and expected != public_key:
            raise InvalidKeyError("private and public key do not belong together")
        return cls(unverified_scalar, public_key, key)


@dataclass(frozen=True, slots=True)
class Signature:
    """A right signature; making one of a wrong value raises `InvalidSignatureError`."""

    der: bytes
    """SEQUENCE of r and s (GB/T 35276, clause 7)."""
    digest: bytes
    """e, the 32 octets that were signed."""
    public_key: Sm2PublicKey

    def __post_init__(self) -> None:
        """Check the value, once: after this it is known by its type."""
        verify_digest(self.public_key, self.digest, self.der)


def sign_digest(private_key: Sm2PrivateKey, digest: bytes) -> Signature:
    """Sign `digest` (from `public_key.digest`) and verify the result before handing it out."""
    if len(digest) != DIGEST_SIZE:
        raise InvalidSignatureError("what is signed is a digest of 32 octets")
    return Signature(private_key._key.sign_digest(digest), digest, private_key.public_key)  # noqa: SLF001 - one module


def accept_signature(public_key: Sm2PublicKey, digest: bytes, unverified_der: bytes) -> Signature:
    """Return the signature as a verified one; raise `InvalidSignatureError` when it is wrong."""
    return Signature(unverified_der, digest, public_key)


def verify_digest(public_key: Sm2PublicKey, digest: bytes, unverified_der: bytes) -> None:
    """Raise `InvalidSignatureError` unless the signature is strict DER and right (6.1 … 7.1).

    GB/T 32918.2, 7.1: B1, B2 ranges of r and s; B5 t = r + s ≠ 0; B6, B7 by the backend. A
    signature with r ≡ e has R at infinity or x = 0: no signer makes it, some libraries take it.
    """
    if len(digest) != DIGEST_SIZE:
        raise InvalidSignatureError("what is signed is a digest of 32 octets")
    r, s = _read_signature(unverified_der)
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise InvalidSignatureError("r or s is out of range")
    if r + s == ORDER or (r - int.from_bytes(digest, "big")) % ORDER == 0:
        raise InvalidSignatureError("a signature that no signer makes")
    public_key._key.verify_digest(digest, unverified_der)  # noqa: SLF001 - one module


def _read_signature(der: bytes) -> tuple[int, int]:
    """Return r and s of one strict DER value: short lengths, shortest INTEGERs, nothing after."""
    if (
        not SHORTEST_SIGNATURE <= len(der) <= LONGEST_SIGNATURE
        or der[0] != 0x30  # noqa: PLR2004 - SEQUENCE
        or der[1] != len(der) - 2
    ):
        raise InvalidSignatureError("a signature is one SEQUENCE of 8 to 72 octets")
    r, end = _read_integer(der, 2)
    s, end = _read_integer(der, end)
    if end != len(der):
        raise InvalidSignatureError("octets follow r and s")
    return r, s


def _read_integer(der: bytes, start: int) -> tuple[int, int]:
    """Return the positive INTEGER at `start` and where it ends."""
    content = der[start + 2 : start + 2 + der[start + 1]] if start + 1 < len(der) else b""
    if (
        not content
        or der[start] != 0x02  # noqa: PLR2004 - INTEGER
        or len(content) != der[start + 1]
        or content[0] > 0x7F  # noqa: PLR2004 - negative
        or (content[0] == 0 and content[1:2] < b"\x80")  # a zero octet too many, or zero itself
    ):
        raise InvalidSignatureError("r and s are positive INTEGERs in the shortest form")
    return int.from_bytes(content, "big"), start + 2 + len(content)


# GB/T 32918.5-2017, Annex A, A.2 (= GM/T 0003.5-2012): "message digest" under the default ID.
_KNOWN_SCALAR = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
_KNOWN_MESSAGE = b"message digest"
_KNOWN_DIGEST = "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
_KNOWN_SIGNATURE = (
    "3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)


def self_test() -> None:
    """Prove SM2 and SM3 of this process by known answers; to be called before serving.

    Raises `BackendUnavailableError` when there is no backend or an answer is wrong.
    """
    key = Sm2PrivateKey.from_scalar(bytes.fromhex(_KNOWN_SCALAR))
    digest = key.public_key.digest(_KNOWN_MESSAGE)
    if digest.hex() != _KNOWN_DIGEST:
        raise BackendUnavailableError("SM3 gives a wrong answer")
    other_digest = key.public_key.digest(_KNOWN_MESSAGE + b"!")
    try:
        verify_digest(key.public_key, digest, bytes.fromhex(_KNOWN_SIGNATURE))
        made = sign_digest(key, digest)
    except InvalidSignatureError as error:
        raise BackendUnavailableError("SM2 gives a wrong answer") from error
    try:
        verify_digest(key.public_key, other_digest, made.der)
    except InvalidSignatureError:
        return
    raise BackendUnavailableError("SM2 accepts a signature over something else")
