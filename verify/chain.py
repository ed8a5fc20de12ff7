"""Check 5: the certificates of signer and seal maker, up to an anchor that is trusted.

The paths are judged at the time the signer states, and again (`check_time`) at the time that is
proven, which only the register can tell.

Revocation is asked where a certificate names a source for it. Nothing is fetched yet, so such a
certificate ends as `revocation_unknown`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from signing.errors import NoPathError
from signing.eseal import ESeal
from signing.eseal_checks import verify_maker_cert
from signing.x509 import ExtendedKeyUsage, SigningCert
from signing.x509_path import build_path, verify_path_usage, verify_path_validity
from verify.policy import TrustAnchors
from verify.report import Check, ReasonCode, Revocation, Step
from verify.signature import DocumentSignature
from verify.steps import try_step

Path: TypeAlias = tuple[SigningCert, ...]
"""Leaf … anchor, each issued by the next one; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One certificate's path, and what came of checking it."""

    path: Path
    checks: tuple[Check, ...]

    @property
    def proves_role(self) -> bool:
        """Whether an anchor vouches that its holder is what he acts as, at whatever time."""
        unproven = {ReasonCode.UNKNOWN_ANCHOR, ReasonCode.CHAIN_NOT_ALLOWED}
        return all(check.reason_code not in unproven for check in self.checks)

    @property
    def revocation(self) -> Revocation | None:
        """What is known of the revocation of the certificates below the anchor."""
        return _revocation(self.path) if self.path else None


def follow_signer(signature: DocumentSignature, anchors: TrustAnchors) -> Chain:
    """Follow the signer's path: GB/T 38540-2020, 7.3, steps c and d, at the time he states."""
    path = _find_path(signature.signer_cert, signature.ca_certs, anchors)
    if not path:
        return Chain((), (Check(Step.SIGNER_PATH, ReasonCode.UNKNOWN_ANCHOR),))
    usage = ExtendedKeyUsage.UNIT_SEALING
    return Chain(
        path,
        (
            Check(Step.SIGNER_PATH),
            try_step(Step.SIGNER_USAGE, verify_path_usage, path, usage),
            try_step(Step.SIGNER_VALIDITY, verify_path_validity, path, signature.signed_at),
            *_check_revocation(path, Step.SIGNER_REVOCATION),
        ),
    )


def follow_maker(eseal: ESeal, anchors: TrustAnchors) -> Chain:
    """Follow the seal maker's path: 6.3, step 4, when he made the seal (GM/T 0031-2025)."""
    path = _find_path(eseal.maker_cert, eseal.ca_certs, anchors)
    if not path:
        return Chain((), (Check(Step.MAKER_PATH, ReasonCode.UNKNOWN_ANCHOR),))
    return Chain(
        path,
        (
            Check(Step.MAKER_PATH),
            try_step(Step.MAKER_CERTIFICATE, verify_maker_cert, eseal, path),
            *_check_revocation(path, Step.MAKER_REVOCATION),
        ),
    )


def check_time(
    signature: DocumentSignature,
    paths: Sequence[Path],
    *,
    proven_at: datetime | None,
    at: datetime,
    tolerance: timedelta,
) -> Check:
    """Tell whether signer and seal were valid when the signature is proven to have existed.

    `paths` are the signer's and the seal maker's, if there is one.
    `proven_at` is the moment of the register's entry. Without it signature and seal are as old as
    this verification, for all we know, and everything must be valid now: the words of signer and
    seal maker prove nothing.
    """
    if signature.signed_at > at + tolerance:
        return Check(Step.TIME, ReasonCode.TIME_NOT_PROVEN)
    if proven_at is not None:
        return try_step(Step.TIME, verify_path_validity, paths[0], proven_at)
    ends = [member.not_after for path in paths for member in path]
    if signature.eseal is not None:
        ends.append(signature.eseal.valid_to)
    return Check(Step.TIME, ReasonCode.TIME_NOT_PROVEN if at > min(ends) else ReasonCode.OK)


def _find_path(leaf: SigningCert, ca_certs: Sequence[SigningCert], anchors: TrustAnchors) -> Path:
    try:
        return build_path(leaf, ca_certs, anchors.seal)
    except NoPathError:
        return ()


def _revocation(path: Path) -> Revocation:
    # An anchor is trusted until it is taken out of the anchors; nobody revokes it by a list.
    named = any(member.names_revocation_source for member in path[:-1])
    return Revocation.UNKNOWN if named else Revocation.NOT_ASKED


def _check_revocation(path: Path, step: Step) -> list[Check]:
    if _revocation(path) is Revocation.NOT_ASKED:
        return []
    return [Check(step, ReasonCode.REVOCATION_UNKNOWN)]
