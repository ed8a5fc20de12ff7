"""Read a signed file that anybody may have handed us.

Everything here is a statement about octets: which signatures there are and what they cover, what
is attached, what came later. Whether a signature is good, the verifier decides.
"""

from dataclasses import dataclass, field

from signing.pdf.attachments import Attachment, AttachmentFault, read_attachments
from signing.pdf.changes import RevisionKind, classify_revisions
from signing.pdf.revisions import PdfFile, read_pdf_file
from signing.pdf.signatures import EmbeddedSignature, SignatureFault, read_signatures


@dataclass(frozen=True, slots=True)
class SignedPdf:
    """What a file says about its signatures."""

    signatures: tuple[EmbeddedSignature | SignatureFault, ...]
    """In the order of the revisions."""
    attachments: tuple[Attachment | AttachmentFault, ...]
    """As the first readable signature covers them; of the whole file if there is none."""
    revision_ends: tuple[int, ...]
    _file: PdfFile = field(repr=False)

    def later_revisions(self, signature: EmbeddedSignature) -> tuple[RevisionKind, ...]:
        """Return what each revision after the one `signature` covers did to the document."""
        return classify_revisions(self._file, after=signature.revision)


def read_signed_pdf(unverified_pdf: bytes) -> SignedPdf:
    """Return what `unverified_pdf` says about its signatures, good or bad.

    Raises `MalformedPdfError` if it is no PDF by the strict rules of `signing.pdf.revisions`, and
    `UnsupportedPdfError` if it is one of a kind that is not read. Needs no limits of its caller but
    the size of the file.
    """
    file = read_pdf_file(unverified_pdf)
    signatures = read_signatures(file)
    last = len(file.revisions) - 1
    sealed = next((s.revision for s in signatures if isinstance(s, EmbeddedSignature)), last)
    return SignedPdf(
        signatures,
        read_attachments(file.view(sealed)),
        tuple(revision.end for revision in file.revisions),
        file,
    )
