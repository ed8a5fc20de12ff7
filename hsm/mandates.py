"""Mandates under the service's key: signed once each, verified by anyone who has the public key."""

from dataclasses import dataclass
from typing import Self

from hsm.approvals import SignedInPerson
from hsm.custody import Custodian
from hsm.errors import WrongPurposeError
from hsm.keys import KeyPurpose, KeyRef, KeyStore
from hsm.use_requests import MandateRequest
from hsm.uses import SubjectKind, UseSubject
from signing.sm2 import Sm2PublicKey, verify_digest


@dataclass(frozen=True, slots=True)
class MandateSealer:
    """Signs mandates with one key, and recognises what it signed."""

    custodian: Custodian
    key: KeyRef
    public_key: Sm2PublicKey

    @classmethod
    def open(cls, custodian: Custodian, store: KeyStore, key: KeyRef) -> Self:
        """Return the sealer that uses `key`; raise `KeyNotFoundError`, `WrongPurposeError`."""
        info = store.describe(key)
        if info.purpose is not KeyPurpose.MANDATE or info.public_key is None:
            raise WrongPurposeError(key)
        return cls(custodian, key, info.public_key)

    def seal(self, mandate_id: str, content: bytes, *, officer: str) -> bytes:
        """Return the SM2 signature (DER) over the mandate's canonical JSON, verified and ledgered.

        `officer` is the account of whoever granted it: the person himself, or the clerk at the
        counter. Raise `MalformedMandateError` unless the content is canonical JSON with this id,
        `SubjectInUseError` where another content, or this one long ago, was signed under it.
        """
        request = MandateRequest(
            subject=UseSubject(SubjectKind.MANDATE, mandate_id),
            key=self.key,
            officer=officer,
            approval=SignedInPerson(officer),
            content=content,
        )
        return self.custodian.seal_mandate(request).der

    def verify(self, content: bytes, sealed: bytes) -> None:
        """Raise `InvalidSignatureError` unless `sealed` is this key's signature over `content`."""
        verify_digest(self.public_key, self.public_key.digest(content), sealed)
