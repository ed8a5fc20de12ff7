"""Checks 1 to 6 on one signature: all that the file alone can tell.

    1 byte coverage     the byte rule
    2 digest            of the octets covered
    3 signature value
    4 the seal          `verify.seal`
    5 certificates      `verify.chain`, at the time the signer states
    6 later changes     `verify.changes`

All that can still run is run. Whoever read the file is believed only in what its octets do not
prove by themselves: what is attached, what the page shows, what came later.
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
from signing.pdf.byte_rule import contents_in_gap
from signing.pdf.placement import ByteRange, SignatureForm
from verify.chain import Chain, follow_maker, follow_signer
from verify.changes import check_changes
from verify.diagnostic import describe_fault, describe_place, describe_signature
from verify.policy import TrustAnchors
from verify.reading import AttachedData, FoundFault, FoundSignature, LaterChanges
from verify.report import Check, ReasonCode, Step
from verify.seal import check_appearance, check_attached_data, check_authority, check_seal
from verify.sealed_data import SealedData
from verify.signature import DocumentSignature, read_document_signature
from verify.steps import reason_of, try_step

_RANGE_TEXT = re.compile(r"\[0 \d+ \d+ \d+\]")


class UntrueReadingError(Exception):
    """No reader can have found that in the file."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a signature is looked at together with."""

    unverified_file: bytes
    attached: AttachedData
    """Covered by this signature; nothing where another one does."""
    is_covered: bool
    """Whether some signature covers the file to its end."""


@dataclass(frozen=True, slots=True)
class JudgedSignature:
    """A signature that could be read, whatever is wrong with it."""

    found: FoundSignature
    signature: DocumentSignature
    signer: Chain
    maker: Chain
    sealed_data: SealedData | None
    """What it says the certificate is."""
    proves_signer: bool
    """Whether a unit we trust signed these octets, at whatever time and with whatever seal."""


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


def judge(
    found: FoundSignature | FoundFault, surroundings: Surroundings, anchors: TrustAnchors
) -> Judgement:
    """Run all checks that can be run.

    Raises `UntrueReadingError` where no reader can have found that signature in the file.
    """
    if isinstance(found, FoundFault):
        uncovered = found.reason_code is ReasonCode.BYTES_NOT_COVERED
        step = Step.BYTE_COVERAGE if uncovered else Step.FORM
        return Judgement((Check(step, found.reason_code),), None, describe_fault(found))
    diagnostic = describe_place(found)
    unverified_file, attached = surroundings.unverified_file, surroundings.attached
    contents = _take_contents(found, unverified_file)
    changes = check_changes(
        found, is_certificate=attached.is_certificate, is_covered=surroundings.is_covered
    )
    try:
        signature = read_document_signature(found.form, contents, claimed_at=found.claimed_at)
    except SigningError as error:
        return Judgement((_name_unread(found.form, error), changes), None, diagnostic)
    digest = found.byte_range.digest(unverified_file)
    proofs = (
        Check(Step.BYTE_COVERAGE),
        try_step(Step.DIGEST, _verify_digest, signature, found.byte_range, digest),
        try_step(Step.SIGNATURE_VALUE, signature.verify_value),
    )
    sealed_data, eseal = attached.sealed_data, signature.eseal
    signer = follow_signer(signature, anchors)
    maker = follow_maker(eseal, anchors) if eseal else Chain((), ())
    checks = (
        _check_form(signature),
        *proofs,
        *(check_seal(signature.seal_signature) if signature.seal_signature else ()),
        *(() if sealed_data is None else [check_authority(signature.signer_cert, sealed_data)]),
        check_appearance(found.picture, eseal, attached),
        check_attached_data(attached, eseal),
        *signer.checks,
        *maker.checks,
        changes,
    )
    diagnostic |= {"digest": digest.hex(), **describe_signature(signature)}
    proves_signer = signer.proves_role and all(proof.passed for proof in proofs)
    judged = JudgedSignature(found, signature, signer, maker, sealed_data, proves_signer)
    return Judgement(checks, judged, diagnostic)


def _take_contents(found: FoundSignature, unverified_file: bytes) -> bytes:
    """Return the octets of the signature, which are all that its range leaves out (check 1)."""
    end = found.byte_range.end
    ends_file = end == len(unverified_file)
    if end > len(unverified_file) or ends_file != (found.later_changes is LaterChanges.NONE):
        raise UntrueReadingError("a range that does not end where it is said to")
    try:
        return contents_in_gap(unverified_file, found.byte_range)
    except BytesNotCoveredError as error:
        raise UntrueReadingError("a range that leaves out something else") from error


def _check_form(signature: DocumentSignature) -> Check:
    """Refuse to judge a signature beside evidence that we do not read: a time stamp, for now."""
    unread = signature.has_unread_evidence
    return Check(Step.FORM, ReasonCode.UNSUPPORTED_SIGNATURE if unread else ReasonCode.OK)


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
    if isinstance(error, UnsupportedAlgorithmError) and form is SignatureForm.SES:
        return Check(Step.SIGNATURE_VALUE, ReasonCode.ALGORITHM_NOT_ALLOWED)
    if isinstance(error, UnsupportedAlgorithmError):
        return Check(Step.FORM, ReasonCode.UNSUPPORTED_SIGNATURE)
    return Check(Step.FORM, reason_of(error))
