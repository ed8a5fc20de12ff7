"""Keys by name, purpose and state, and what every key store promises.

A store signs raw digests; only `hsm.custody` asks it to. Whatever its library or device throws, a
store raises `CustodyError`s and nothing else.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from signing.envelope import DataKey, IndexKey
from signing.sm2 import Signature, Sm2PublicKey

_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


class KeyPurpose(StrEnum):
    """What a key may do; fixed when it is made."""

    CERTIFICATION = "certification"
    """Sign X.509 certificates."""

    SEAL_MAKING = "seal_making"
    """Sign e-seals."""

    SEALING = "sealing"
    """Sign what a unit seals: seal signatures and CMS."""

    MANDATE = "mandate"
    """Sign mandates: who acts for whom."""

    DATA = "data"
    """Encrypt what is kept."""

    INDEX = "index"
    """Make encrypted values findable."""

    @property
    def signs(self) -> bool:
        """Tell an SM2 key pair from a symmetric key."""
        return self not in {KeyPurpose.DATA, KeyPurpose.INDEX}


class KeyState(StrEnum):
    """Whether a key may be used."""

    ENABLED = "enabled"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class KeyRef:
    """The name of a key in its store: letters, digits and hyphens, at most 64."""

    id: str

    def __post_init__(self) -> None:
        """Raise `ValueError` for a name that is no name: it becomes the name of a file."""
        if not _KEY_ID.fullmatch(self.id):
            raise ValueError("not the name of a key")

    def __str__(self) -> str:
        """Return the bare name."""
        return self.id


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be known about a key."""

    ref: KeyRef
    purpose: KeyPurpose
    state: KeyState

    public_key: Sm2PublicKey | None
    """None for symmetric keys."""


class KeyStore(Protocol):
    """Keeps private keys and uses them; none ever leaves, but the symmetric ones when opened.

    Every method may also raise `DeviceUnavailableError` and `CorruptStoreError`.
    """

    def generate(self, ref: KeyRef, purpose: KeyPurpose) -> KeyInfo:
        """Make a new key, durable on return. Raise `KeyExistsError` if the name is taken."""
        ...

    def describe(self, ref: KeyRef) -> KeyInfo:
        """Return what may be known about the key. Raise `KeyNotFoundError`."""
        ...

    def list(self) -> list[KeyInfo]:
        """Return all keys, ordered by name."""
        ...

    def disable(self, ref: KeyRef) -> None:
        """Take the key out of use, durably; again: nothing changes. Raise `KeyNotFoundError`."""
        ...

    def sign_digest(self, ref: KeyRef, purpose: KeyPurpose, digest: bytes) -> Signature:
        """Return a verified SM2 signature over the 32 octets of `digest`.

        Raise `KeyNotFoundError`, `KeyDisabledError`, or `WrongPurposeError` when the key was made
        for another purpose or `purpose` is none of a signing key.
        """
        ...

    def open_data_key(self, ref: KeyRef) -> DataKey:
        """Return the key that encrypts what is kept, once for the life of a process.

        Raise `KeyNotFoundError`, `KeyDisabledError`, `WrongPurposeError`.
        """
        ...

    def open_index_key(self, ref: KeyRef) -> IndexKey:
        """Return the key that makes encrypted values findable, as `open_data_key` does."""
        ...
