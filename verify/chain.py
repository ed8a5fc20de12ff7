"""Check 5: from a certificate to an anchor, and what the path may be used for."""

from collections.abc import Callable, Sequence
from datetime import datetime

from signing.errors import ChainNotAllowedError, NoPathError, OutsideValidityError
from signing.x509 import SigningCert
from signing.x509_path import build_path, verify_path_validity
from verify.policy import TrustAnchors
from verify.report import ReasonCode

Path = tuple[SigningCert, ...]


def find_path(
    leaf: SigningCert, sent_along: Sequence[SigningCert], anchors: TrustAnchors
) -> Path | None:
    """Return leaf … anchor, or None: what was sent along proves nothing by itself."""
    try:
        return build_path(leaf, sent_along, anchors.seal)
    except NoPathError:
        return None


def judge_path(path: Path | None, verify_usage: Callable[[Path], None]) -> set[ReasonCode]:
    """Return what speaks against a path being used as `verify_usage` demands."""
    if path is None:
        return {ReasonCode.UNKNOWN_ANCHOR}
    try:
        verify_usage(path)
    except ChainNotAllowedError:
        return {ReasonCode.CHAIN_NOT_ALLOWED}
    except OutsideValidityError:
        return {ReasonCode.CERTIFICATE_NOT_VALID_THEN}
    return set()


def judge_signing_time(path: Path | None, signed_at: datetime | None) -> set[ReasonCode]:
    """Return what speaks against the path at the time the signer himself states."""
    if path is None or signed_at is None:
        return set()
    try:
        verify_path_validity(path, signed_at)
    except OutsideValidityError:
        return {ReasonCode.CERTIFICATE_NOT_VALID_THEN}
    return set()


def validity_of(path: Path | None) -> tuple[datetime, datetime] | None:
    """Return when every certificate of the path is valid."""
    if path is None:
        return None
    return max(c.not_before for c in path), min(c.not_after for c in path)
