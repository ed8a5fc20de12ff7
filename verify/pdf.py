"""The walk through a PDF: which signatures there are, and what stands beside them.

This is what runs in the sandbox. It takes the file apart and judges nothing but its structure.
"""

import re

from signing.errors import MalformedPdfError, UnsupportedPdfError
from signing.pdf.attachments import Attachment, AttachmentFault
from signing.pdf.changes import RevisionKind
from signing.pdf.drawing import Appearance
from signing.pdf.extract import SignedPdf, read_signed_pdf
from signing.pdf.signatures import EmbeddedSignature, SignatureFault
from verify.foreign import UnreadableError, count_signatures
from verify.fork_server import Worker
from verify.reading import (
    AttachedData,
    FoundFault,
    FoundSignature,
    LaterChanges,
    Reading,
    ShownPicture,
)
from verify.report import ReasonCode
from verify.sealed_data import NAME, MalformedSealedDataError, SealedData
from verify.warm_up import sample_files

_MARKER = re.compile(rb"%%EOF(?:\r\n|\n|\r)?")
_WARM_UP_ROUNDS = 16  # Python adapts its bytecode to what it does after eight


def read(unverified_pdf: bytes) -> Reading:
    """Give what stands in the file. May raise anything and take its time: hostile octets."""
    try:
        signed_pdf = read_signed_pdf(unverified_pdf)
    except UnsupportedPdfError:
        return _read_foreign(unverified_pdf, is_well_formed=True)
    except MalformedPdfError:
        return _read_prolonged(unverified_pdf) or _read_foreign(
            unverified_pdf, is_well_formed=False
        )
    if not signed_pdf.signatures:
        return Reading(ReasonCode.NO_SIGNATURE)
    return Reading(
        signatures=tuple(_describe(signed_pdf, found) for found in signed_pdf.signatures),
        attached=_read_attached(signed_pdf),
    )


def extract_sealed_data(genuine_pdf: bytes) -> bytes | None:
    """Give the octets of `certificate.json` of a file that was verified; None if it has none."""
    return _find_data(read_signed_pdf(genuine_pdf))


def prepare() -> Worker:
    """Return what a child of the sandbox does.

    Reads some files first: then everything is loaded and warm that is loaded at its first use,
    when a confined child cannot open it.
    """
    for _ in range(_WARM_UP_ROUNDS):
        for file in sample_files():
            read(file)
    return Worker(lambda unverified_pdf: read(unverified_pdf).to_json(), next(sample_files()))


def _read_prolonged(unverified_pdf: bytes) -> Reading | None:
    """Tell a sealed file to which octets were added from one that is broken; None if it is not."""
    marker = _MARKER.match(unverified_pdf, max(0, unverified_pdf.rfind(b"%%EOF")))
    if marker is None or marker.end() == len(unverified_pdf):
        return None
    try:
        signed_pdf = read_signed_pdf(unverified_pdf[: marker.end()])
    except MalformedPdfError:
        return None
    faults = tuple(
        FoundFault(found.field_name, ReasonCode.BYTES_NOT_COVERED, "octets after the end")
        for found in signed_pdf.signatures
        if isinstance(found, EmbeddedSignature)
    )
    return Reading(signatures=faults) if faults else None


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
        later_changes=_later_changes(signed_pdf, found),
        picture=_describe_picture(found.appearance),
    )


def _describe_picture(appearance: Appearance | None) -> ShownPicture | None:
    if appearance is None:
        return None
    return ShownPicture(appearance.picture.sm3, appearance.width_mm, appearance.height_mm)


def _later_changes(signed_pdf: SignedPdf, signature: EmbeddedSignature) -> LaterChanges:
    kinds = signed_pdf.later_revisions(signature)
    if RevisionKind.OTHER in kinds:
        return LaterChanges.OTHER
    return LaterChanges.VALIDATION_DATA if kinds else LaterChanges.NONE


def _read_attached(signed_pdf: SignedPdf) -> AttachedData:
    """Read the sealed data, or say why nobody can tell what they are.

    Attachments that two readers may find differently are a trick where the file poses as a
    certificate: by the name of one, or by a seal that is drawn as we draw it.
    """
    attachments = signed_pdf.attachments
    if any(isinstance(attachment, AttachmentFault) for attachment in attachments):
        poses = any(attachment.name == NAME for attachment in attachments) or any(
            isinstance(found, EmbeddedSignature) and found.appearance
            for found in signed_pdf.signatures
        )
        fault = ReasonCode.CONTENT_SWAPPED if poses else ReasonCode.UNSUPPORTED_SIGNATURE
        return AttachedData(fault=fault)
    octets = _find_data(signed_pdf)
    if octets is None:
        return AttachedData()
    try:
        return AttachedData(SealedData.parse(octets))
    except MalformedSealedDataError:
        return AttachedData(fault=ReasonCode.MALFORMED_DOCUMENT)


def _find_data(signed_pdf: SignedPdf) -> bytes | None:
    for attachment in signed_pdf.attachments:
        if isinstance(attachment, Attachment) and attachment.name == NAME:
            return attachment.data
    return None
