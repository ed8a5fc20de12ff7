"""Check 5: the certificates of signer and seal maker, up to an anchor that is trusted.

The paths are judged at the time the signer states, and again (`check_time`) at the time that is
proven, which only the register can tell.

Revocation is asked where a certificate names a source for it. Nothing is fetched yet, so such a
certificate ends as `revocation_unknown`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from signing.errors import NoPathError
from signing.eseal import ESeal
from signing.eseal_checks import verify_maker_cert
from signing.x509 import ExtendedKeyUsage, SigningCert
from signing.x509_path import build_path, verify_path_usage, verify_path_validity
from verify.policy import TrustAnchors
from verify.report import Check, ReasonCode, Step
from verify.signature import DocumentSignature
from verify.steps import try_step

_Path = tuple[SigningCert, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when something was valid."""

    start: datetime
    end: datetime


def check_signer(
    signature: DocumentSignature, anchors: TrustAnchors
) -> tuple[list[Check], Period | None]:
    """GB/T 38540-2020, 7.3, steps c and d; with the period in which the whole path is valid."""
    try:
        path = build_path(signature.signer_cert, signature.ca_certs, anchors.seal)
    except NoPathError:
        return [Check(Step.SIGNER_PATH, ReasonCode.UNKNOWN_ANCHOR)], None
    usage = ExtendedKeyUsage.UNIT_SEALING
    checks = [
        Check(Step.SIGNER_PATH),
        try_step(Step.SIGNER_USAGE, verify_path_usage, path, usage),
        try_step(Step.SIGNER_VALIDITY, verify_path_validity, path, signature.signed_at),
        *_check_revocation(path, Step.SIGNER_REVOCATION),
    ]
    return checks, Period(
        max(member.not_before for member in path), min(member.not_after for member in path)
    )


def check_maker(eseal: ESeal, anchors: TrustAnchors) -> list[Check]:
    """GB/T 38540-2020, 6.3, step 4, at the time the seal was made (GM/T 0031-2025)."""
    try:
        path = build_path(eseal.maker_cert, eseal.ca_certs, anchors.seal)
    except NoPathError:
        return [Check(Step.MAKER_PATH, ReasonCode.UNKNOWN_ANCHOR)]
    return [
        Check(Step.MAKER_PATH),
        try_step(Step.MAKER_CERTIFICATE, verify_maker_cert, eseal, path),
        *_check_revocation(path, Step.MAKER_REVOCATION),
    ]


def _check_revocation(path: _Path, step: Step) -> list[Check]:
    if any(member.names_revocation_source for member in path):
        return [Check(step, ReasonCode.REVOCATION_UNKNOWN)]
    return []


def check_time(
    signature: DocumentSignature,
    path_period: Period,
    *,
    proven_at: datetime | None,
    at: datetime,
    tolerance: timedelta,
) -> Check:
    """Tell whether signer and seal were valid when the signature is proven to have existed.

    `proven_at` is the moment of the register's entry. Without it the signature is as old as this
    verification, for all we know: the signer's word proves nothing.
    """
    code = ReasonCode.OK
    if proven_at is not None:
        if not path_period.start <= proven_at <= path_period.end:
            code = ReasonCode.CERTIFICATE_NOT_VALID_THEN
    elif (
        at > path_period.end
        or (signature.eseal is not None and at > signature.eseal.valid_to)
        or signature.signed_at > at + tolerance
    ):
        code = ReasonCode.TIME_NOT_PROVEN
    return Check(Step.TIME, code)
