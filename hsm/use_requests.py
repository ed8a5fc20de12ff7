"""What may be asked of the custodian: one kind of request for each door."""

from dataclasses import dataclass
from datetime import datetime

from hsm.approvals import Approval
from hsm.keys import KeyRef
from hsm.uses import UseSubject
from signing.eseal import ESeal
from signing.eseal_write import SealDescription
from signing.sm2 import DIGEST_SIZE
from signing.x509 import SigningCert
from signing.x509_build import CertTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class UseRequest:
    """What every request to use a key carries."""

    subject: UseSubject
    key: KeyRef

    officer: str
    """The account of the officer who approved."""

    approval: Approval
    draft_sm3: str | None = None
    """What the officer approved, where there was a draft."""

    draft_id: str | None = None
    type_code: str | None = None
    """The type of certificate, which an authorisation is given for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRequest(UseRequest):
    """What every request to sign a prepared file carries."""

    signer_cert: SigningCert

    data_digest: bytes
    """SM3 of what is signed of the file."""

    deadline: datetime
    """Not later than this."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for what is no SM3 digest."""
        if len(self.data_digest) != DIGEST_SIZE:
            raise ValueError("not an SM3 digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealRequest(FileRequest):
    """Apply an e-seal to a prepared file (GB/T 38540)."""

    eseal: ESeal

    property_info: str
    """What of the file is sealed, in ASCII: of a PDF the text of its /ByteRange."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CmsRequest(FileRequest):
    """Sign a prepared file as CMS (PAdES B-B)."""

    chain: tuple[SigningCert, ...]
    """CA certificates to send along."""

    claimed_at: datetime
    """The time of signing that the signed file states (/M)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealMakingRequest(UseRequest):
    """Make an e-seal as its maker."""

    description: SealDescription
    maker_cert: SigningCert


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest(UseRequest):
    """Issue an X.509 certificate."""

    template: CertTemplate

    issuer_cert: SigningCert | None
    """None: the certificate is signed by its own key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateRequest(UseRequest):
    """Sign a mandate: who may act for whom, in what and how long."""

    content: bytes
    """The mandate as canonical JSON (RFC 8785); its member `id` is the id of the subject."""
