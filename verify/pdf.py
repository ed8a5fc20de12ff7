"""The walk through a PDF: checks 1 to 6 on every signature in it.

    1 byte coverage     `signing.pdf` reads no signature that breaks the byte rule
    2 digest            of the octets covered
    3 signature value
    4 the seal          `verify.seal`
    5 certificates      `verify.chain`, at the time the signer states
    6 later changes     `verify.changes`

All that can still run is run. What comes out says nothing yet about status or proven time.
"""

import codecs
import contextlib
import importlib
import re
from collections.abc import Callable

from signing.errors import (
    DigestMismatchError,
    MalformedPdfError,
    SigningError,
    UnsupportedAlgorithmError,
    UnsupportedPdfError,
)
from signing.pdf.extract import SignedPdf, read_signed_pdf
from signing.pdf.placement import SignatureForm
from signing.pdf.signatures import EmbeddedSignature, SignatureFault
from signing.sm2 import self_test
from verify.chain import check_maker, check_signer
from verify.changes import check_changes
from verify.diagnostic import describe_embedding, describe_signature
from verify.findings import Findings, SignatureClaim, SignatureFinding
from verify.foreign import UnreadableError, count_signatures
from verify.policy import TrustAnchors
from verify.report import Check, ReasonCode, Step
from verify.seal import check_appearance, check_attached_data, check_authority, check_seal
from verify.sealed_data import MalformedSealedDataError, SealedData, find_attachment
from verify.signature import DocumentSignature, read_document_signature
from verify.steps import reason_of, try_step

_RANGE_TEXT = re.compile(r"\[0 \d+ \d+ \d+\]")


def examine(unverified_pdf: bytes, anchors: TrustAnchors) -> Findings:
    """Give what checks 1 to 6 find. May raise anything and take its time: hostile octets."""
    try:
        signed_pdf = read_signed_pdf(unverified_pdf)
    except MalformedPdfError as error:
        return _examine_foreign(
            unverified_pdf, is_well_formed=isinstance(error, UnsupportedPdfError)
        )
    if not signed_pdf.signatures:
        return Findings(file_reasons=(ReasonCode.NO_SIGNATURE,))
    sealed = next((s for s in signed_pdf.signatures if isinstance(s, EmbeddedSignature)), None)
    return Findings(
        signatures=tuple(
            _fault(signature)
            if isinstance(signature, SignatureFault)
            else _judge(signed_pdf, signature, anchors, bears_data=signature is sealed)
            for signature in signed_pdf.signatures
        )
    )


def extract_sealed_data(genuine_pdf: bytes) -> bytes | None:
    """Give the octets of `certificate.json` of a file that was verified; None if it has none."""
    return find_attachment(read_signed_pdf(genuine_pdf).attachments)


def prepare(anchors_pem: bytes) -> Callable[[bytes, bytes], bytes]:
    """Give what a sandboxed child does with a file (`verify.sandbox`); no question is asked."""
    _load_all()
    anchors = TrustAnchors.from_pem(anchors_pem.decode()) if anchors_pem else TrustAnchors(())
    return lambda _, unverified_file: examine(unverified_file, anchors).to_json()


def _load_all() -> None:
    """Load what is otherwise loaded at its first use, when a confined child cannot open it."""
    self_test()
    for coding in ("ascii", "latin-1", "utf-8", "utf-16-be"):
        codecs.lookup(coding)
    importlib.import_module("_strptime")  # by datetime.strptime
    with contextlib.suppress(UnreadableError):
        count_signatures(b"")


def _examine_foreign(unverified_pdf: bytes, *, is_well_formed: bool) -> Findings:
    """Tell a PDF of another kind from one that is broken; neither can be confirmed."""
    try:
        number = count_signatures(unverified_pdf)
    except UnreadableError:
        return Findings(file_reasons=(ReasonCode.MALFORMED_DOCUMENT,))
    if number == 0:
        return Findings(file_reasons=(ReasonCode.NO_SIGNATURE,))
    if not is_well_formed:
        return Findings(file_reasons=(ReasonCode.MALFORMED_DOCUMENT,))
    unsupported = SignatureFinding((Check(Step.FORM, ReasonCode.UNSUPPORTED_SIGNATURE),))
    return Findings(signatures=(unsupported,) * number)


def _fault(fault: SignatureFault) -> SignatureFinding:
    reason = ReasonCode(fault.reason_code)
    step = Step.BYTE_COVERAGE if reason is ReasonCode.BYTES_NOT_COVERED else Step.FORM
    diagnostic = {"field": fault.field_name, "fault": fault.detail}
    return SignatureFinding((Check(step, reason),), diagnostic=diagnostic)


def _judge(
    signed_pdf: SignedPdf, embedded: EmbeddedSignature, anchors: TrustAnchors, *, bears_data: bool
) -> SignatureFinding:
    """Run all checks that can be; `bears_data` for the signature that covers what is attached."""
    attachments = signed_pdf.attachments if bears_data else ()
    claim = find_attachment(attachments)
    sealed_data = _read_sealed_data(claim)
    changes = check_changes(signed_pdf, embedded, is_certificate=claim is not None)
    try:
        signature = read_document_signature(
            embedded.form, embedded.contents, claimed_at=embedded.claimed_at
        )
    except SigningError as error:
        return SignatureFinding(
            (_unread(embedded.form, error), changes), diagnostic=describe_embedding(embedded)
        )
    eseal = signature.seal_signature.eseal if signature.seal_signature else None
    signer_checks, path_period = check_signer(signature, anchors)
    checks = [
        Check(Step.BYTE_COVERAGE),
        try_step(Step.DIGEST, _verify_digest, embedded, signature),
        try_step(Step.SIGNATURE_VALUE, signature.verify_value),
        *(check_seal(signature.seal_signature) if signature.seal_signature else ()),
        *(() if sealed_data is None else [check_authority(signature.signer_cert, sealed_data)]),
        check_appearance(embedded.appearance, eseal, sealed_data),
        check_attached_data(attachments, eseal, sealed_data),
        *signer_checks,
        *(check_maker(eseal, anchors) if eseal else ()),
        changes,
    ]
    subject = signature.signer_cert.subject
    return SignatureFinding(
        checks=tuple(checks),
        claim=SignatureClaim(
            form=embedded.form,
            byte_range=embedded.byte_range,
            signing_cert_sm3=signature.signer_cert.sm3,
            signer=subject.organization or subject.common_name,
            signer_uscc=subject.uscc,
            signed_at=signature.signed_at,
            path_period=path_period,
            seal_end=eseal.valid_to if eseal else None,
            sealed_data=sealed_data,
        ),
        diagnostic=describe_embedding(embedded) | describe_signature(signature),
    )


def _read_sealed_data(claim: bytes | None) -> SealedData | None:
    try:
        return None if claim is None else SealedData.parse(claim)
    except MalformedSealedDataError:
        return None  # `check_attached_data` says so


def _verify_digest(embedded: EmbeddedSignature, signature: DocumentSignature) -> None:
    """Compare what the signature is over with what is there (GB/T 38540-2020, 7.3, step e).

    propertyInfo says what was protected. The standard leaves it open for a PDF; where it is the
    text of a /ByteRange, as ours is, it must be that of this file.
    """
    if signature.seal_signature is not None:
        named = signature.seal_signature.property_info
        if _RANGE_TEXT.fullmatch(named) and named != str(embedded.byte_range):
            raise DigestMismatchError("another range was sealed")
    signature.verify_digest(embedded.digest)


def _unread(form: SignatureForm, error: SigningError) -> Check:
    """Name why nothing of a signature can be judged.

    A CMS of RSA or ECDSA is of a kind that is not read. An e-seal is made with SM2 (GB/T 38540);
    one with another algorithm is no foreign kind but a forbidden one.
    """
    if isinstance(error, UnsupportedAlgorithmError) and form is SignatureForm.SES:
        return Check(Step.SIGNATURE_VALUE, ReasonCode.ALGORITHM_NOT_ALLOWED)
    if isinstance(error, UnsupportedAlgorithmError):
        return Check(Step.FORM, ReasonCode.UNSUPPORTED_SIGNATURE)
    return Check(Step.FORM, reason_of(error))
