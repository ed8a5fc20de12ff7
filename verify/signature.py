"""One signature over a document, whichever of the two forms it has."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from signing.cms import SignedData
from signing.errors import MalformedCmsError
from signing.eseal import ESeal, SealSignature
from signing.eseal_checks import verify_data_digest, verify_signature_value
from signing.pdf.placement import SignatureForm
from signing.x509 import SigningCert


@dataclass(frozen=True, slots=True)
class DocumentSignature:
    """A signature whose form is right; nothing in it is verified."""

    signer_cert: SigningCert
    ca_certs: tuple[SigningCert, ...]
    """Sent along to help build paths; nobody vouches for them."""
    signed_at: datetime
    """The signer's word."""
    has_unread_evidence: bool
    """A time stamp or something else that nobody signed goes with it; it is not read yet."""
    seal_signature: SealSignature | None
    """The use of an e-seal; None for a CMS, which has none."""
    verify_value: Callable[[], None]
    """Raise `InvalidSignatureError` unless the signer's key signed."""
    verify_digest: Callable[[bytes], None]
    """Raise `DigestMismatchError` unless this is what was signed."""

    @property
    def eseal(self) -> ESeal | None:
        """The e-seal that was used."""
        return self.seal_signature.eseal if self.seal_signature else None


def read_document_signature(
    form: SignatureForm, unverified_contents: bytes, *, claimed_at: datetime | None
) -> DocumentSignature:
    """Read what /Contents holds; a CMS takes its time of signing from `claimed_at` (/M).

    Raises `MalformedSealError`, `MalformedCmsError` or `UnsupportedAlgorithmError`.
    """
    if form is SignatureForm.SES:
        seal_signature = SealSignature.parse(unverified_contents)
        return DocumentSignature(
            seal_signature.signer_cert,
            seal_signature.eseal.ca_certs,
            seal_signature.signed_at,
            seal_signature.time_stamp is not None,
            seal_signature,
            partial(verify_signature_value, seal_signature),
            partial(verify_data_digest, seal_signature),
        )
    signed_data = SignedData.parse(unverified_contents)
    if claimed_at is None:  # EN 319 142-1, 6.3: a B-B signature has /M
        raise MalformedCmsError("no time of signing")
    return DocumentSignature(
        signed_data.signer_cert,
        signed_data.certificates,
        claimed_at,
        signed_data.unsigned_attributes is not None,
        None,
        signed_data.verify_signature,
        signed_data.verify_digest,
    )
