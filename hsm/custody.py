"""The doors through which keys are used: each builds what it signs, none takes a bare digest.

Each door walks the same way; where a step raises, nothing of the list is signed:

1. the requests are checked against the clock, the store and what they carry;
2. what is to be signed is built;
3. approvals are verified, and all uses are written into the ledger, in one transaction;
4. the keys work; the store hands out verified signatures only.

A failure in step 4 (a device that stops answering) leaves the uses of the list open. The same
requests finish them within `hsm.ledger.RESUME_WINDOW`; otherwise the caller abandons them.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from hsm.approvals import ApprovalPolicy
from hsm.errors import (
    DeadlinePassedError,
    DeviceUnavailableError,
    KeyDisabledError,
    KeyMismatchError,
    MalformedMandateError,
    TimeNotCredibleError,
    WrongPurposeError,
)
from hsm.keys import KeyPurpose, KeyRef, KeyState, KeyStore
from hsm.ledger import Ledger
from hsm.use_requests import (
    CertificateRequest,
    CmsRequest,
    FileRequest,
    MandateRequest,
    SealMakingRequest,
    SealRequest,
    UseRequest,
)
from hsm.uses import Claim, SubjectKind, UseSubject
from signing.canonical import canonical_json, sm3
from signing.cms import assemble_signed_data, build_signed_attributes
from signing.errors import NotCanonicalError
from signing.eseal import ESeal, SealSignature
from signing.eseal_checks import (
    verify_creation_time,
    verify_maker_signature,
    verify_seal_period,
)
from signing.eseal_write import (
    assemble_seal,
    assemble_seal_signature,
    build_seal_info,
    build_tbs_sign,
)
from signing.sm2 import Signature, Sm2PublicKey
from signing.x509 import ExtendedKeyUsage, KeyUsage, SigningCert
from signing.x509_build import assemble_signing_cert, build_tbs
from signing.x509_path import verify_path_validity

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a time claimed in what is signed may be from the clock: drawing takes its time."""

_MADE_BY_OTHER_DOORS = {SubjectKind.SEAL, SubjectKind.X509, SubjectKind.MANDATE}


class Custodian:
    """Uses keys for what was approved, and writes each use down first. Threads may share it.

    Every method may raise `LedgerUnavailableError`, and those that use keys `KeyNotFoundError`,
    `KeyDisabledError`, `KeyMismatchError`, `WrongPurposeError`, `ApprovalRejectedError`,
    `SubjectInUseError`, `DeviceUnavailableError`, `CorruptStoreError`, and `OutsideValidityError`
    where a certificate of the request is not valid now.
    """

    def __init__(
        self,
        *,
        store: KeyStore,
        ledger: Ledger,
        clock: Callable[[], datetime],
        approvals: ApprovalPolicy,
    ) -> None:
        """`clock` gives the time, aware: it is the one that signed things will state."""
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._approvals = approvals

    def apply_seal(self, requests: Sequence[SealRequest]) -> list[SealSignature]:
        """Return a seal signature for each request, in order, with the clock's time in it.

        Their uses stay open until `complete`. Raise `DeadlinePassedError`, `SealForgedError`,
        `SealNotValidThenError`, `SignerNotInSealError`, or `MalformedSealError` where the property
        text cannot be written.
        """
        at = self._now()
        for request in requests:
            _verify_file_request(request, at)
        # Most lists use one seal: each combination is checked once.
        for request in {(r.key, r.eseal.der, r.signer_cert): r for r in requests}.values():
            self._verify_unit_key(request.key, request.signer_cert, at)
            _verify_seal(request.eseal, request.signer_cert, at)
        prepared = [
            build_tbs_sign(
                eseal=request.eseal,
                signer_cert=request.signer_cert,
                signed_at=at,
                data_digest=request.data_digest,
                property_info=request.property_info,
            )
            for request in requests
        ]
        self._open(requests, KeyPurpose.SEALING, [r.data_digest for r in requests], at)
        return [
            assemble_seal_signature(
                tbs, self._sign(r.key, KeyPurpose.SEALING, r.signer_cert.public_key, tbs.digest)
            )
            for r, tbs in zip(requests, prepared, strict=True)
        ]

    def sign_cms(self, requests: Sequence[CmsRequest]) -> list[bytes]:
        """Return a detached SM2 SignedData in DER for each request, in order.

        Their uses stay open until `complete`. Raise `DeadlinePassedError`, `TimeNotCredibleError`.
        """
        at = self._now()
        for request in requests:
            _verify_file_request(request, at)
            _verify_credible(request.claimed_at, at)
        for request in {(r.key, r.signer_cert): r for r in requests}.values():
            self._verify_unit_key(request.key, request.signer_cert, at)
        prepared = [
            build_signed_attributes(data_digest=r.data_digest, signer_cert=r.signer_cert)
            for r in requests
        ]
        self._open(requests, KeyPurpose.SEALING, [r.data_digest for r in requests], at)
        return [
            assemble_signed_data(
                signed_attributes=attributes,
                signer_cert=r.signer_cert,
                chain=r.chain,
                signature=self._sign(
                    r.key,
                    KeyPurpose.SEALING,
                    r.signer_cert.public_key,
                    r.signer_cert.public_key.digest(attributes),
                ),
            )
            for r, attributes in zip(requests, prepared, strict=True)
        ]

    def make_seal(self, request: SealMakingRequest) -> ESeal:
        """Return the e-seal described; its use is completed.

        Raise `TimeNotCredibleError` where the description says it is made at another time.
        """
        at = self._now()
        _verify_kind(request.subject, SubjectKind.SEAL)
        _verify_credible(request.description.created_at, at)
        self._verify_key(request.key, KeyPurpose.SEAL_MAKING, request.maker_cert.public_key)
        _verify_signer_cert(request.maker_cert, ExtendedKeyUsage.SEAL_MAKING, at)
        info_der = build_seal_info(request.description)
        public_key = request.maker_cert.public_key
        self._open([request], KeyPurpose.SEAL_MAKING, [sm3(info_der)], at)
        signature = self._sign(
            request.key, KeyPurpose.SEAL_MAKING, public_key, public_key.digest(info_der)
        )
        eseal = assemble_seal(info_der, request.maker_cert, signature)
        self.complete([request.subject])
        return eseal

    def sign_certificate(self, request: CertificateRequest) -> SigningCert:
        """Return the X.509 certificate of the template; its use is completed.

        Raise `WrongPurposeError` where the issuer is no CA.
        """
        at = self._now()
        _verify_kind(request.subject, SubjectKind.X509)
        issuer_cert = request.issuer_cert
        public_key = request.template.public_key
        if issuer_cert is not None:
            verify_path_validity((issuer_cert,), at)
            if not issuer_cert.is_ca or KeyUsage.KEY_CERT_SIGN not in issuer_cert.key_usages:
                raise WrongPurposeError("the issuer is no CA")
            public_key = issuer_cert.public_key
        self._verify_key(request.key, KeyPurpose.CERTIFICATION, public_key)
        tbs = build_tbs(request.template, issuer_cert)
        self._open([request], KeyPurpose.CERTIFICATION, [sm3(tbs)], at)
        signature = self._sign(
            request.key, KeyPurpose.CERTIFICATION, public_key, public_key.digest(tbs)
        )
        signing_cert = assemble_signing_cert(tbs, signature)
        self.complete([request.subject])
        return signing_cert

    def seal_mandate(self, request: MandateRequest) -> Signature:
        """Return the signature over the mandate's canonical JSON; its use is completed.

        Its digest is e = SM3(Z ‖ content) of the key (GB/T 32918.2, 6.1). Raise
        `MalformedMandateError` where the content is not the canonical JSON of this mandate.
        """
        at = self._now()
        _verify_kind(request.subject, SubjectKind.MANDATE)
        _verify_mandate(request.content, request.subject)
        public_key = self._store.describe(request.key).public_key
        if public_key is None:
            raise WrongPurposeError(request.key)
        self._verify_key(request.key, KeyPurpose.MANDATE, public_key)
        self._open([request], KeyPurpose.MANDATE, [sm3(request.content)], at)
        signature = self._sign(
            request.key, KeyPurpose.MANDATE, public_key, public_key.digest(request.content)
        )
        self.complete([request.subject])
        return signature

    def complete(self, subjects: Sequence[UseSubject]) -> None:
        """Note that what was signed for these subjects is kept; again: nothing changes.

        Raise `UnknownUseError` if one has no open use; then none is noted.
        """
        self._ledger.complete(subjects, at=self._now())

    def abandon(self, subject: UseSubject, reason: str, *, number: int | None = None) -> None:
        """Note that nothing comes of the subject's open use, and why (a code); again: the same.

        The subject is then free for another use. With the `number` of the use that was found open,
        one opened after it is left alone. Raise `SubjectInUseError` if the use is completed,
        `UnknownUseError` if there is none.
        """
        self._ledger.abandon(subject, reason=reason, number=number, at=self._now())

    def _now(self) -> datetime:
        """Return the clock's time in whole seconds, as timeInfo can state it."""
        at = self._clock()
        if at.utcoffset() is None:
            raise ValueError("the clock gives no time zone")
        return at.astimezone(UTC).replace(microsecond=0)

    def _verify_unit_key(self, key: KeyRef, signer_cert: SigningCert, at: datetime) -> None:
        self._verify_key(key, KeyPurpose.SEALING, signer_cert.public_key)
        _verify_signer_cert(signer_cert, ExtendedKeyUsage.UNIT_SEALING, at)

    def _verify_key(self, ref: KeyRef, purpose: KeyPurpose, public_key: Sm2PublicKey) -> None:
        """Find out before the ledger is written what the store would refuse."""
        info = self._store.describe(ref)
        if info.purpose is not purpose:
            raise WrongPurposeError(ref)
        if info.state is not KeyState.ENABLED:
            raise KeyDisabledError(ref)
        if info.public_key != public_key:
            raise KeyMismatchError(ref)

    def _open(
        self,
        requests: Sequence[UseRequest],
        purpose: KeyPurpose,
        digests: Sequence[bytes],
        at: datetime,
    ) -> None:
        """Verify the approvals and write all uses into the ledger in one commit."""
        claims = [
            Claim(
                subject=request.subject,
                key=request.key,
                purpose=purpose,
                digest=digest.hex(),
                officer=request.officer,
                draft_sm3=request.draft_sm3,
                draft_id=request.draft_id,
                authority=_authority_of(request),
                type_code=request.type_code,
                approve=partial(
                    self._approvals.verify_approval,
                    request.approval,
                    subject=request.subject,
                    draft_sm3=request.draft_sm3,
                    at=at,
                ),
            )
            for request, digest in zip(requests, digests, strict=True)
        ]
        self._ledger.open(claims, at=at, accept_development=self._approvals.development)

    def _sign(
        self, ref: KeyRef, purpose: KeyPurpose, public_key: Sm2PublicKey, digest: bytes
    ) -> Signature:
        """Return the store's signature, if it is one of this key over this digest."""
        signature = self._store.sign_digest(ref, purpose, digest)
        if signature.public_key != public_key or signature.digest != digest:
            raise DeviceUnavailableError("the store signed something else")
        return signature


def _authority_of(request: UseRequest) -> str | None:
    """Return the USCC of the unit whose certificate belongs to the key, where it seals a file."""
    return request.signer_cert.subject.uscc if isinstance(request, FileRequest) else None


def _verify_file_request(request: FileRequest, at: datetime) -> None:
    if request.subject.kind in _MADE_BY_OTHER_DOORS:
        raise WrongPurposeError(request.subject.kind)
    if at > request.deadline:
        raise DeadlinePassedError


def _verify_kind(subject: UseSubject, kind: SubjectKind) -> None:
    if subject.kind is not kind:
        raise WrongPurposeError(subject.kind)


def _verify_mandate(unverified_content: bytes, subject: UseSubject) -> None:
    """Raise unless the content is the canonical JSON of an object that bears the subject's id."""
    try:
        mandate = json.loads(unverified_content)
        canonical = canonical_json(mandate) == unverified_content
    except (ValueError, RecursionError, NotCanonicalError):
        raise MalformedMandateError("not canonical JSON") from None
    if not canonical or not isinstance(mandate, dict) or mandate.get("id") != subject.id:
        raise MalformedMandateError("not the mandate it is said to be")


def _verify_credible(claimed_at: datetime, at: datetime) -> None:
    if abs(claimed_at - at) > CLOCK_TOLERANCE:
        raise TimeNotCredibleError


def _verify_signer_cert(signing_cert: SigningCert, usage: ExtendedKeyUsage, at: datetime) -> None:
    """Raise unless the certificate is meant for `usage` and valid now; its path is others' care."""
    if (
        signing_cert.is_ca
        or usage not in signing_cert.extended_key_usages
        or KeyUsage.DIGITAL_SIGNATURE not in signing_cert.key_usages
    ):
        raise WrongPurposeError("the certificate is for something else")
    verify_path_validity((signing_cert,), at)


def _verify_seal(eseal: ESeal, signer_cert: SigningCert, at: datetime) -> None:
    """Raise unless a verifier would find nothing wrong with using this seal now."""
    verify_maker_signature(eseal)
    verify_creation_time(eseal, at)
    verify_seal_period(eseal, at)
    eseal.verify_lists(signer_cert)
