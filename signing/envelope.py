"""Encryption at rest: SM4-GCM with the key's id inside the value, and a keyed index to search by.

An encrypted value is `version ‖ length of key id ‖ key id ‖ nonce (12) ‖ ciphertext ‖ tag (16)`.
All that stands before the nonce is associated data together with the caller's `context` (which
row and column the value belongs to), so a value moved elsewhere does not open.
"""

import hmac
import os
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from signing.errors import DamagedEnvelopeError, InvalidKeyError

VERSION = b"\x01"
NONCE_OCTETS = 12  # the length GCM takes as it is (SP 800-38D, 5.2.1.1)
TAG_OCTETS = 16  # the whole tag: shorter ones can be guessed
DATA_KEY_OCTETS = 16  # SM4 knows one key length (GB/T 32907)
INDEX_KEY_OCTETS = 32  # as long as an SM3 digest (RFC 2104, 3)
LONGEST_KEY_ID = 255  # one octet holds its length
PART_LENGTH_OCTETS = 4  # a part of an index is never 4 GiB long


@dataclass(frozen=True, slots=True, eq=False)
class DataKey:
    """An SM4 key that encrypts what is kept.

    Nonces are random: after 2^32 values the key has to be replaced (SP 800-38D, 8.3), which at
    ten values a certificate is four hundred million certificates.
    """

    key_id: str
    """Names the key in each value; ASCII."""

    secret: bytes = field(repr=False)
    """The 16 octets of the key."""

    def __post_init__(self) -> None:
        """Raise `InvalidKeyError` unless id and secret have their form."""
        if not (self.key_id.isascii() and 0 < len(self.key_id) <= LONGEST_KEY_ID):
            raise InvalidKeyError("key id")
        if len(self.secret) != DATA_KEY_OCTETS:
            raise InvalidKeyError("length of an SM4 key")

    @classmethod
    def generate(cls, key_id: str) -> Self:
        """Return a new random key of that id. Raise `InvalidKeyError` if the id has no form."""
        return cls(key_id, os.urandom(DATA_KEY_OCTETS))

    @property
    def _header(self) -> bytes:
        return VERSION + bytes([len(self.key_id)]) + self.key_id.encode("ascii")

    def encrypt(self, plaintext: bytes, *, context: bytes) -> bytes:
        """Return `plaintext` encrypted so that only this key and `context` open it."""
        nonce = os.urandom(NONCE_OCTETS)
        encryptor = Cipher(SM4(self.secret), GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(self._header + context)
        ciphertext = encryptor.update(plaintext) + encryptor.finalize()
        return b"".join((self._header, nonce, ciphertext, encryptor.tag))

    def decrypt(self, value: bytes, *, context: bytes) -> bytes:
        """Return the plaintext of `value`.

        Raise `DamagedEnvelopeError` if the value was changed, cut, moved to another context, made
        by another key or by another version of this format; which of these is not told.
        """
        header = self._header
        start = len(header) + NONCE_OCTETS
        end = len(value) - TAG_OCTETS
        if not value.startswith(header) or end < start:
            raise DamagedEnvelopeError
        mode = GCM(value[len(header) : start], value[end:])
        decryptor = Cipher(SM4(self.secret), mode).decryptor()
        decryptor.authenticate_additional_data(header + context)
        plaintext = decryptor.update(value[start:end])
        try:
            decryptor.finalize()
        except InvalidTag:
            raise DamagedEnvelopeError from None
        return plaintext


@dataclass(frozen=True, slots=True, eq=False)
class IndexKey:
    """A key that turns what is searched by (an identity number) into a stable opaque index."""

    key_id: str
    """Names the key."""

    secret: bytes = field(repr=False)
    """The 32 octets of the key."""

    def __post_init__(self) -> None:
        """Raise `InvalidKeyError` unless the secret has its length."""
        if len(self.secret) != INDEX_KEY_OCTETS:
            raise InvalidKeyError("length of an index key")

    @classmethod
    def generate(cls, key_id: str) -> Self:
        """Return a new random key of that id."""
        return cls(key_id, os.urandom(INDEX_KEY_OCTETS))

    def index(self, *parts: str) -> bytes:
        """Return the HMAC-SM3 of `parts`, 32 octets.

        Each part is preceded by its length, so ("ab", "c") and ("a", "bc") differ.
        """
        encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
        message = b"".join(len(p).to_bytes(PART_LENGTH_OCTETS, "big") + p for p in encoded)
        return hmac.digest(self.secret, message, "sm3")
