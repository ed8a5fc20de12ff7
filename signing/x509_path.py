"""Paths of certificates: who issued whom, and what a path may be used for (RFC 5280, 6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

from signing.errors import (
    ChainNotAllowedError,
    InvalidSignatureError,
    NoPathError,
    OutsideValidityError,
)
from signing.sm2 import verify_digest
from signing.x509 import ExtendedKeyUsage, KeyUsage, SigningCert

MAX_PATH_LENGTH = 6  # leaf … anchor: ours have three certificates, those of public CAs four
_SHORTEST_PATH = 2  # nobody speaks for himself
MAX_SIGNATURES_TRIED = 32  # what many CAs of one name may cost at most: 10 ms
_PAIRS_KEPT = 256  # the same few CAs stand behind all certificates of an office


@lru_cache(maxsize=_PAIRS_KEPT)
def verify_issued_by(signing_cert: SigningCert, issuer_cert: SigningCert) -> None:
    """Raise unless `issuer_cert` names and its key signed `signing_cert`.

    `NoPathError` when names (compared as DER) or key identifiers differ, `InvalidSignatureError`
    when only the signature is wrong. Whether the issuer may issue, `verify_path` says.
    """
    if not _names_issuer(signing_cert, issuer_cert):
        raise NoPathError("the certificate names another issuer")
    issuer_key = issuer_cert.public_key
    verify_digest(issuer_key, issuer_key.digest(signing_cert.tbs), signing_cert.signature_der)


def build_path(
    leaf: SigningCert, intermediates: Sequence[SigningCert], anchors: Sequence[SigningCert]
) -> tuple[SigningCert, ...]:
    """Return leaf … anchor, each issued by the next one; raise `NoPathError` when there is none.

    The intermediates come from the file and prove nothing: they are only where to look.
    """
    return _Search(intermediates, anchors).extend((leaf,))


def verify_path(path: Sequence[SigningCert], *, usage: ExtendedKeyUsage, at: datetime) -> None:
    """Raise unless the leaf of `path`, its last member being trusted, may act as `usage` at `at`.

    `NoPathError`, `ChainNotAllowedError`, `OutsideValidityError`, in this order.
    """
    verify_path_signatures(path)
    verify_path_usage(path, usage)
    verify_path_validity(path, at)


def verify_path_signatures(path: Sequence[SigningCert]) -> None:
    """Raise `NoPathError` unless each certificate was issued by the next one."""
    if not path:
        raise NoPathError("an empty path")
    for signing_cert, issuer_cert in pairwise(path):
        try:
            verify_issued_by(signing_cert, issuer_cert)
        except InvalidSignatureError as error:
            raise NoPathError("a certificate was not signed by its issuer") from error


def verify_path_usage(path: Sequence[SigningCert], usage: ExtendedKeyUsage) -> None:
    """Raise `ChainNotAllowedError` unless the path may be used for `usage`, at any time.

    The usage is demanded in the leaf, in the CA that issued it and in all CAs up to the anchor;
    an anchor further up may be silent (docs/decisions/0001-object-identifiers.md).
    """
    if not _SHORTEST_PATH <= len(path) <= MAX_PATH_LENGTH:
        raise ChainNotAllowedError("a path has an issuer, and a limit")
    leaf, *authorities = path
    if any(member.has_unknown_critical_extension for member in path):
        raise ChainNotAllowedError("a critical extension that we do not know")
    if leaf.is_ca or KeyUsage.DIGITAL_SIGNATURE not in leaf.key_usages:
        raise ChainNotAllowedError("the certificate is not one to sign with")
    for below, authority in enumerate(authorities):
        if not authority.is_ca or KeyUsage.KEY_CERT_SIGN not in authority.key_usages:
            raise ChainNotAllowedError("an issuer that is no CA")
        if authority.path_length is not None and authority.path_length < below:
            raise ChainNotAllowedError("more CAs than a CA above them allows")
    *bearers, anchor = path
    if len(authorities) == 1 or anchor.extended_key_usages:
        bearers.append(anchor)
    if any(usage not in bearer.extended_key_usages for bearer in bearers):
        raise ChainNotAllowedError("the certificate or its CA is for something else")


def verify_path_validity(path: Sequence[SigningCert], at: datetime) -> None:
    """Raise `OutsideValidityError` unless every certificate of the path was valid at `at`."""
    if not all(member.not_before <= at <= member.not_after for member in path):
        raise OutsideValidityError("a certificate of the path was not valid at that time")


def _names_issuer(signing_cert: SigningCert, issuer_cert: SigningCert) -> bool:
    return signing_cert.issuer_der == issuer_cert.subject_der and (
        signing_cert.authority_key_id is None
        or issuer_cert.subject_key_id is None
        or signing_cert.authority_key_id == issuer_cert.subject_key_id
    )


@dataclass(slots=True)
class _Search:
    """One search, anchors first, with what is left of its allowance."""

    intermediates: Sequence[SigningCert]
    anchors: Sequence[SigningCert]
    signatures_left: int = MAX_SIGNATURES_TRIED

    def extend(self, path: tuple[SigningCert, ...]) -> tuple[SigningCert, ...]:
        """Return `path` led on to an anchor, or raise `NoPathError`."""
        last = path[-1]
        if last in self.anchors:
            return path
        if len(path) < MAX_PATH_LENGTH:
            for candidate in (*self.anchors, *self.intermediates):
                if candidate in path or not _names_issuer(last, candidate):
                    continue
                if self.signatures_left == 0:
                    break
                self.signatures_left -= 1
                try:
                    verify_issued_by(last, candidate)
                    return self.extend((*path, candidate))
                except (InvalidSignatureError, NoPathError):
                    continue
        raise NoPathError("no verified path to an anchor")
