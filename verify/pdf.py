"""The walk through a PDF: which signatures there are, and what stands beside them.

This is what runs in the sandbox. It takes the file apart and judges nothing but its structure.
"""

import codecs
import contextlib
import importlib
from collections.abc import Callable

from signing.errors import MalformedPdfError, UnsupportedPdfError
from signing.pdf.attachments import Attachment, AttachmentFault
from signing.pdf.changes import RevisionKind
from signing.pdf.drawing import Appearance
from signing.pdf.extract import SignedPdf, read_signed_pdf
from signing.pdf.signatures import EmbeddedSignature, SignatureFault
from verify.foreign import UnreadableError, count_signatures
from verify.reading import AttachedData, FoundFault, FoundSignature, Reading, ShownPicture
from verify.report import ReasonCode
from verify.sealed_data import NAME, MalformedSealedDataError, SealedData


def read(unverified_pdf: bytes) -> Reading:
    """Give what stands in the file. May raise anything and take its time: hostile octets."""
    try:
        signed_pdf = read_signed_pdf(unverified_pdf)
    except MalformedPdfError as error:
        return _read_foreign(unverified_pdf, is_well_formed=isinstance(error, UnsupportedPdfError))
    if not signed_pdf.signatures:
        return Reading(ReasonCode.NO_SIGNATURE)
    return Reading(
        signatures=tuple(_describe(signed_pdf, found) for found in signed_pdf.signatures),
        attached=_read_attached(signed_pdf),
    )


def extract_sealed_data(genuine_pdf: bytes) -> bytes | None:
    """Give the octets of `certificate.json` of a file that was verified; None if it has none."""
    return _find_data(read_signed_pdf(genuine_pdf))


def prepare() -> Callable[[bytes], bytes]:
    """Give what a child of the sandbox does with a file.

    Loads now what is otherwise loaded at its first use, when a confined child cannot open it.
    """
    for coding in ("ascii", "latin-1", "utf-8", "utf-16-be"):
        codecs.lookup(coding)
    importlib.import_module("_strptime")  # by datetime.strptime
    with contextlib.suppress(UnreadableError):
        count_signatures(b"")
    return lambda unverified_pdf: read(unverified_pdf).to_json()


def _read_foreign(unverified_pdf: bytes, *, is_well_formed: bool) -> Reading:
    """Tell a PDF of another kind from one that is broken; neither can be confirmed."""
    try:
        number = count_signatures(unverified_pdf)
    except UnreadableError:
        return Reading(ReasonCode.MALFORMED_DOCUMENT)
    if number == 0:
        return Reading(ReasonCode.NO_SIGNATURE)
    if not is_well_formed:
        return Reading(ReasonCode.MALFORMED_DOCUMENT)
    fault = FoundFault(
        None, ReasonCode.UNSUPPORTED_SIGNATURE, "in a PDF of a kind that is not read"
    )
    return Reading(signatures=(fault,) * number)


def _describe(
    signed_pdf: SignedPdf, found: EmbeddedSignature | SignatureFault
) -> FoundSignature | FoundFault:
    if isinstance(found, SignatureFault):
        return FoundFault(found.field_name, ReasonCode(found.reason_code), found.detail)
    return FoundSignature(
        field_name=found.field_name,
        subfilter=found.subfilter,
        form=found.form,
        byte_range=found.byte_range,
        claimed_at=found.claimed_at,
        doc_mdp=found.doc_mdp,
        changed_later=RevisionKind.OTHER in signed_pdf.later_revisions(found),
        picture=_describe_picture(found.appearance),
    )


def _describe_picture(appearance: Appearance | None) -> ShownPicture | None:
    if appearance is None:
        return None
    return ShownPicture(appearance.picture.sm3, appearance.width_mm, appearance.height_mm)


def _read_attached(signed_pdf: SignedPdf) -> AttachedData:
    octets = _find_data(signed_pdf)
    sealed_data = None
    if octets is not None:
        with contextlib.suppress(MalformedSealedDataError):
            sealed_data = SealedData.parse(octets)
    return AttachedData(
        is_certificate=octets is not None,
        is_ambiguous=any(isinstance(item, AttachmentFault) for item in signed_pdf.attachments),
        sealed_data=sealed_data,
    )


def _find_data(signed_pdf: SignedPdf) -> bytes | None:
    for attachment in signed_pdf.attachments:
        if isinstance(attachment, Attachment) and attachment.name == NAME:
            return attachment.data
    return None
