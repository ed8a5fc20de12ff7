"""Checks 1 to 6 on one signature: all that the file alone can tell.

    1 byte coverage     the byte rule
    2 digest            of the octets covered
    3 signature value
    4 the seal          `verify.seal`
    5 certificates      `verify.chain`, at the time the signer states
    6 later changes     `verify.changes`

All that can still run is run. The signature is read from the file itself, at the place where the
walk found it, so the process that walked could lead to no other signature than one that is there.
"""

import re
from dataclasses import dataclass
from typing import Any

from signing.errors import (
    BytesNotCoveredError,
    DigestMismatchError,
    SigningError,
    UnsupportedAlgorithmError,
)
from signing.pdf.byte_rule import contents_in_gap, verify_byte_rule
from signing.pdf.placement import ByteRange, SignatureForm
from verify.chain import Period, check_maker, check_signer
from verify.changes import check_changes
from verify.diagnostic import describe_fault, describe_place, describe_signature
from verify.policy import TrustAnchors
from verify.reading import AttachedData, FoundFault, FoundSignature
from verify.report import Check, ReasonCode, Step
from verify.seal import check_appearance, check_attached_data, check_authority, check_seal
from verify.sealed_data import SealedData
from verify.signature import DocumentSignature, read_document_signature
from verify.steps import reason_of, try_step

_RANGE_TEXT = re.compile(r"\[0 \d+ \d+ \d+\]")

# A seal with these faults is still its unit's own: the register can tell it apart. With any other
# fault the number in the file is the claim of somebody unknown, and asking for it would tell
# strangers which numbers there are.
_UNITS_OWN = {
    ReasonCode.OK,
    ReasonCode.MALFORMED_DOCUMENT,
    ReasonCode.CONTENT_SWAPPED,
    ReasonCode.SEAL_NOT_VALID_THEN,
    ReasonCode.CERTIFICATE_NOT_VALID_THEN,
    ReasonCode.REVOCATION_UNKNOWN,
    ReasonCode.CHANGED_AFTER_SEALING,
    ReasonCode.CHANGED_LATER,
}


@dataclass(frozen=True, slots=True)
class JudgedSignature:
    """A signature that could be read, whatever is wrong with it."""

    found: FoundSignature
    signature: DocumentSignature
    path_period: Period | None
    """When all certificates of the signer's path are valid; None without a path to an anchor."""
    sealed_data: SealedData | None
    """What it says the certificate is."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What checks 1 to 6 say about one signature."""

    checks: tuple[Check, ...]
    judged: JudgedSignature | None
    """None where it could not be read."""
    diagnostic: dict[str, Any]

    @property
    def reasons(self) -> frozenset[ReasonCode]:
        """All reason codes, that of passing among them."""
        return frozenset(check.reason_code for check in self.checks)

    @property
    def units_own(self) -> JudgedSignature | None:
        """The signature, if a unit we trust made it; its content may still be wrong."""
        return self.judged if self.reasons <= _UNITS_OWN else None


def judge(
    found: FoundSignature | FoundFault,
    attached: AttachedData,
    unverified_file: bytes,
    anchors: TrustAnchors,
) -> Judgement:
    """Run all checks that can be run; `attached` is what this signature covers."""
    if isinstance(found, FoundFault):
        uncovered = found.reason_code is ReasonCode.BYTES_NOT_COVERED
        step = Step.BYTE_COVERAGE if uncovered else Step.FORM
        return Judgement((Check(step, found.reason_code),), None, describe_fault(found))
    diagnostic = describe_place(found)
    changes = check_changes(found, attached)
    try:
        signature = _read_signature(found, unverified_file)
    except SigningError as error:
        return Judgement((_name_unread(found.form, error), changes), None, diagnostic)
    digest = found.byte_range.digest(unverified_file)
    sealed_data, eseal = attached.sealed_data, signature.eseal
    signer_checks, path_period = check_signer(signature, anchors)
    checks = (
        _check_form(signature),
        Check(Step.BYTE_COVERAGE),
        try_step(Step.DIGEST, _verify_digest, signature, found.byte_range, digest),
        try_step(Step.SIGNATURE_VALUE, signature.verify_value),
        *(check_seal(signature.seal_signature) if signature.seal_signature else ()),
        *(() if sealed_data is None else [check_authority(signature.signer_cert, sealed_data)]),
        check_appearance(found.picture, eseal, attached),
        check_attached_data(attached, eseal),
        *signer_checks,
        *(check_maker(eseal, anchors) if eseal else ()),
        changes,
    )
    diagnostic |= {"digest": digest.hex(), **describe_signature(signature)}
    judged = JudgedSignature(found, signature, path_period, sealed_data)
    return Judgement(checks, judged, diagnostic)


def _check_form(signature: DocumentSignature) -> Check:
    """Refuse to judge a signature beside evidence that we do not read: a time stamp, for now."""
    unread = signature.has_unread_evidence
    return Check(Step.FORM, ReasonCode.UNSUPPORTED_SIGNATURE if unread else ReasonCode.OK)


def _read_signature(found: FoundSignature, unverified_file: bytes) -> DocumentSignature:
    """Read the signature from the gap in its range, which must be right (check 1)."""
    byte_range = found.byte_range
    end = byte_range.end
    # Which /Contents stands in the gap, the walk has compared; nothing else is left out anyway.
    verify_byte_rule(
        unverified_file,
        byte_range,
        contents_span=byte_range.gap,
        revision_end=min(end, len(unverified_file)),
    )
    contents = contents_in_gap(unverified_file, byte_range)
    return read_document_signature(found.form, contents, claimed_at=found.claimed_at)


def _verify_digest(signature: DocumentSignature, byte_range: ByteRange, digest: bytes) -> None:
    """Compare what the signature is over with what is there (GB/T 38540-2020, 7.3, step e).

    propertyInfo says what was protected. The standard leaves it open for a PDF; where it is the
    text of a /ByteRange, as ours is, it must be that of this file.
    """
    if signature.seal_signature is not None:
        named = signature.seal_signature.property_info
        if _RANGE_TEXT.fullmatch(named) and named != str(byte_range):
            raise DigestMismatchError("another range was sealed")
    signature.verify_digest(digest)


def _name_unread(form: SignatureForm, error: SigningError) -> Check:
    """Name why nothing of a signature can be judged.

    A CMS of RSA or ECDSA is of a kind that is not read. An e-seal is made with SM2 (GB/T 38540);
    one with another algorithm is no foreign kind but a forbidden one.
    """
    if isinstance(error, BytesNotCoveredError):
        return Check(Step.BYTE_COVERAGE, ReasonCode.BYTES_NOT_COVERED)
    if isinstance(error, UnsupportedAlgorithmError) and form is SignatureForm.SES:
        return Check(Step.SIGNATURE_VALUE, ReasonCode.ALGORITHM_NOT_ALLOWED)
    if isinstance(error, UnsupportedAlgorithmError):
        return Check(Step.FORM, ReasonCode.UNSUPPORTED_SIGNATURE)
    return Check(Step.FORM, reason_of(error))
