"""Checks 2 to 5 on one signature: its digest, its value, its seal, its chain.

Every step that can still run runs; a step that fails gives its reason and the next one goes on.
The steps of GB/T 38540 stand, with their clauses, in `signing.eseal_checks`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from signing.cms import SignedData
from signing.errors import (
    DigestMismatchError,
    InvalidSignatureError,
    MalformedSigningCertError,
    SealForgedError,
    SealNotValidThenError,
    SignerNotInSealError,
    SigningError,
    UnsupportedAlgorithmError,
)
from signing.eseal import ESeal, SealSignature
from signing.eseal_checks import (
    verify_creation_time,
    verify_data_digest,
    verify_maker_cert,
    verify_maker_signature,
    verify_seal_period,
    verify_signature_value,
    verify_signer_in_list,
)
from signing.pdf.placement import SignatureForm
from signing.pdf.signatures import EmbeddedSignature
from signing.x509 import ExtendedKeyUsage, SigningCert
from signing.x509_path import verify_path_usage
from verify.chain import find_path, judge_path, judge_signing_time, validity_of
from verify.findings import SignatureFinding
from verify.policy import TrustAnchors
from verify.report import Check, ReasonCode

CHECK_NAMES = {
    1: "byte_coverage",
    2: "digest",
    3: "signature_value",
    4: "seal",
    5: "chain",
    6: "later_changes",
}

_REASONS: dict[type[SigningError], ReasonCode] = {
    DigestMismatchError: ReasonCode.DOCUMENT_CHANGED,
    InvalidSignatureError: ReasonCode.SIGNATURE_WRONG,
    SealForgedError: ReasonCode.SEAL_FORGED,
    SignerNotInSealError: ReasonCode.SIGNER_NOT_IN_SEAL,
    SealNotValidThenError: ReasonCode.SEAL_NOT_VALID_THEN,
}


def checks_of(number: int, reasons: set[ReasonCode]) -> Iterator[Check]:
    """Give one step for each reason, or one that passed."""
    for reason in sorted(reasons) or [ReasonCode.OK]:
        yield Check(number, CHECK_NAMES[number], reason)


class Content(Protocol):
    """Compares a signature with the certificate it is on (check 4)."""

    def __call__(
        self, signature: EmbeddedSignature, signer_cert: SigningCert, eseal: ESeal | None
    ) -> set[ReasonCode]:
        """Return what speaks against their belonging together."""
        ...


@dataclass(frozen=True, slots=True)
class SignatureJudge:
    """Judges the signatures of one file."""

    anchors: TrustAnchors
    compare_content: Content

    def judge(self, signature: EmbeddedSignature, later: set[ReasonCode]) -> SignatureFinding:
        """Return what checks 1 to 5 found; `later` is what check 6 did."""
        try:
            if signature.form is SignatureForm.SES:
                return self._judge_seal(signature, SealSignature.parse(signature.contents), later)
            return self._judge_cms(signature, SignedData.parse(signature.contents), later)
        except UnsupportedAlgorithmError:
            # An SES structure names its algorithms openly; a CMS of another kind is a foreign file.
            if signature.form is SignatureForm.SES:
                return _unread(signature, 3, ReasonCode.ALGORITHM_NOT_ALLOWED)
            return _unread(signature, 1, ReasonCode.UNSUPPORTED_SIGNATURE)
        except SigningError:
            return _unread(signature, 1, ReasonCode.UNSUPPORTED_SIGNATURE)

    def _judge_seal(
        self, signature: EmbeddedSignature, seal_signature: SealSignature, later: set[ReasonCode]
    ) -> SignatureFinding:
        eseal, signer_cert = seal_signature.eseal, seal_signature.signer_cert
        signed_at = seal_signature.signed_at
        digest = _failures(partial(verify_data_digest, seal_signature, signature.digest))
        value = _failures(partial(verify_signature_value, seal_signature))
        seal = _failures(
            partial(verify_maker_signature, eseal),
            partial(verify_signer_in_list, seal_signature),
            partial(verify_creation_time, eseal, signed_at),
            partial(verify_seal_period, eseal, signed_at),
        ) | self.compare_content(signature, signer_cert, eseal)
        maker_path = find_path(eseal.maker_cert, eseal.ca_certs, self.anchors)
        path = find_path(signer_cert, eseal.ca_certs, self.anchors)
        chain = (
            judge_path(maker_path, partial(verify_maker_cert, eseal))
            | judge_path(path, _verify_unit_usage)
            | judge_signing_time(path, signed_at)
        )
        checks = _all_checks({2: digest, 3: value, 4: seal, 5: chain, 6: later})
        return SignatureFinding(
            kind="ses",
            checks=checks,
            byte_range=_numbers(signature),
            covers_whole_file=signature.covers_whole_file,
            signer=signer_cert.subject.organization,
            signer_uscc=signer_cert.subject.uscc,
            signed_at=signed_at,
            path_valid=validity_of(path),
            diagnostic=_describe(signature, signer_cert)
            | {
                "seal_id": eseal.seal_id,
                "seal_maker": eseal.maker_cert.subject.common_name,
                "seal_maker_sm3": eseal.maker_cert.sm3,
            },
        )

    def _judge_cms(
        self, signature: EmbeddedSignature, signed_data: SignedData, later: set[ReasonCode]
    ) -> SignatureFinding:
        signer_cert, signed_at = signed_data.signer_cert, signature.claimed_at
        digest = _failures(partial(signed_data.verify_digest, signature.digest))
        value = _failures(signed_data.verify_signature)
        seal = self.compare_content(signature, signer_cert, None)
        path = find_path(signer_cert, signed_data.certificates, self.anchors)
        chain = judge_path(path, _verify_unit_usage) | judge_signing_time(path, signed_at)
        return SignatureFinding(
            kind="cms",
            checks=_all_checks({2: digest, 3: value, 4: seal, 5: chain, 6: later}),
            byte_range=_numbers(signature),
            covers_whole_file=signature.covers_whole_file,
            signer=signer_cert.subject.organization,
            signer_uscc=signer_cert.subject.uscc,
            signed_at=signed_at,
            path_valid=validity_of(path),
            diagnostic=_describe(signature, signer_cert),
        )


def _verify_unit_usage(path: tuple[SigningCert, ...]) -> None:
    verify_path_usage(path, ExtendedKeyUsage.UNIT_SEALING)


def _failures(*steps: Callable[[], None]) -> set[ReasonCode]:
    """Run every step and return the reasons of those that failed."""
    reasons = set()
    for step in steps:
        try:
            step()
        except tuple(_REASONS) as error:
            reasons.add(_REASONS[type(error)])
        except MalformedSigningCertError:
            reasons.add(ReasonCode.UNSUPPORTED_SIGNATURE)
    return reasons


def _all_checks(reasons: dict[int, set[ReasonCode]]) -> tuple[Check, ...]:
    found = {1: set[ReasonCode](), **reasons}
    if ReasonCode.BYTES_NOT_COVERED in found[6]:
        found[1], found[6] = found[6], set()
    return tuple(check for number, given in found.items() for check in checks_of(number, given))


def _unread(signature: EmbeddedSignature, check: int, reason: ReasonCode) -> SignatureFinding:
    return SignatureFinding(
        kind=None,
        checks=(Check(check, CHECK_NAMES[check], reason),),
        covers_whole_file=signature.covers_whole_file,
    )


def _numbers(signature: EmbeddedSignature) -> tuple[int, int, int]:
    byte_range = signature.byte_range
    return byte_range.first_length, byte_range.second_start, byte_range.second_length


def _describe(signature: EmbeddedSignature, signer_cert: SigningCert) -> dict[str, str]:
    return {
        "field": signature.field_name,
        "subfilter": signature.subfilter,
        "byte_range": str(signature.byte_range),
        "digest_sm3": signature.digest.hex(),
        "signer_certificate": signer_cert.subject.common_name,
        "signer_certificate_sm3": signer_cert.sm3,
        "signer_certificate_serial": f"{signer_cert.serial_number:x}",
    }
