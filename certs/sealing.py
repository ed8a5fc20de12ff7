"""From an order with a number to a sealed file: draw, prepare, let the custodian seal, check.

Nothing here touches a database: drawing and sealing take their time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from certs.authorities import IssuingAuthority
from certs.content import CertificateContent, draft_sm3
from certs.drawing import Drawing
from certs.errors import CertsError
from certs.orders import IssuanceOrder
from certs.reservation import Reservation
from certs.seals import SealBook, UnitSeal
from hsm.approvals import Approval
from hsm.custody import Custodian
from hsm.keys import KeyRef
from hsm.use_requests import CmsRequest, SealRequest
from hsm.uses import SubjectKind, UseSubject
from signing.cms import SignedData, signed_data_size
from signing.errors import SignerNotInSealError, SigningError
from signing.eseal import SealSignature
from signing.eseal_checks import (
    verify_data_digest,
    verify_signature_value,
    verify_signer_in_list,
)
from signing.eseal_write import seal_signature_size
from signing.pdf.byte_rule import contents_in_gap, verify_byte_rule
from signing.pdf.placement import LONGEST_RANGE, SignatureForm
from signing.pdf.prepare import PreparedPdf, SealedPdf, prepare

DEADLINE = timedelta(minutes=5)
"""A request that waited longer for the custodian was made for another time."""


class SelfCheckError(CertsError):
    """A file just sealed is not what was to be sealed: a fault of ours. It is not handed out."""

    code = "self_check_failed"


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """A certificate prepared for its seal."""

    reservation: Reservation
    order: IssuanceOrder
    content: CertificateContent
    unit_seal: UnitSeal
    prepared: PreparedPdf

    @property
    def subject(self) -> UseSubject:
        """What the key is used for: this version of the certificate."""
        return use_subject(self.reservation)

    @property
    def key(self) -> KeyRef:
        """The key the authority's seal is used with."""
        return KeyRef(self.order.authority.key)


@dataclass(frozen=True, slots=True, repr=False)
class Commission:
    """A draft and who wants it sealed."""

    draft: Draft
    officer: str
    approval: Approval

    def seal_request(self, deadline: datetime) -> SealRequest:
        """Return the request of form `ses`."""
        draft = self.draft
        return SealRequest(
            subject=draft.subject,
            key=draft.key,
            officer=self.officer,
            approval=self.approval,
            draft_id=draft.reservation.id,
            draft_sm3=draft.content.draft_sm3,
            type_code=draft.reservation.type_code,
            signer_cert=draft.unit_seal.signer_cert,
            data_digest=draft.prepared.digest,
            deadline=deadline,
            eseal=draft.unit_seal.eseal,
            property_info=draft.prepared.property_info,
        )

    def cms_request(self, deadline: datetime) -> CmsRequest:
        """Return the request of form `pades`."""
        draft = self.draft
        return CmsRequest(
            subject=draft.subject,
            key=draft.key,
            officer=self.officer,
            approval=self.approval,
            draft_id=draft.reservation.id,
            draft_sm3=draft.content.draft_sm3,
            type_code=draft.reservation.type_code,
            signer_cert=draft.unit_seal.signer_cert,
            data_digest=draft.prepared.digest,
            deadline=deadline,
            chain=draft.unit_seal.ca_certs,
            claimed_at=draft.reservation.prepared_at,
        )


@dataclass(frozen=True, slots=True, repr=False)
class SealedCertificate:
    """A certificate in its final octets."""

    draft: Draft
    officer: str
    sealed: SealedPdf
    signed_at: datetime
    """As the file states it."""


def use_subject(reservation: Reservation) -> UseSubject:
    """Return the subject under which the ledger knows the certificate of an order."""
    return UseSubject(SubjectKind.CERTIFICATE, reservation.identifier)


class Sealing:
    """Draws and seals certificates."""

    def __init__(
        self, *, drawing: Drawing, seals: SealBook, custodian: Custodian, sample: bool
    ) -> None:
        """Mark what is drawn 样例 if it is a `sample`."""
        self._drawing = drawing
        self._seals = seals
        self._custodian = custodian
        self._sample = sample

    def find_seal(self, authority: IssuingAuthority, *, at: datetime) -> UnitSeal:
        """Return the authority's seal; raise `SealNotUsableError` if it may not seal at `at`."""
        unit_seal = self._seals.find(authority.seal_id)
        unit_seal.verify_usable(uscc=authority.uscc, at=at)
        return unit_seal

    def draft(self, reservation: Reservation, order: IssuanceOrder, *, at: datetime) -> Draft:
        """Draw the certificate and prepare it for its seal; the same attempt gives the same octets.

        Raise `SealNotUsableError` if the authority may not seal at `at`, and `DrawingError` if the
        layout cannot take these texts.
        """
        unit_seal = self.find_seal(order.authority, at=at)
        content = CertificateContent(
            order=order,
            number=reservation.number,
            identifier=reservation.identifier,
            code=reservation.code,
            draft_sm3=draft_sm3(order, reservation.id),
            seal_id=unit_seal.eseal.seal_id,
            seal_picture_sm3=unit_seal.picture.sm3,
        )
        form = order.certificate_type.form
        prepared = prepare(
            self._drawing.draw(content, sample=self._sample),
            form=form,
            placement=order.certificate_type.placement,
            picture=unit_seal.picture,
            contents_size=_contents_size(unit_seal, form),
            signed_at=reservation.prepared_at if form is SignatureForm.PADES else None,
        )
        return Draft(reservation, order, content, unit_seal, prepared)

    def seal(self, commissions: Iterable[Commission], *, at: datetime) -> list[SealedCertificate]:
        """Return the certificates sealed and checked.

        Raise what the custodian raises, and `SelfCheckError`: keys were then not used, or their
        uses are open.
        """
        by_form: dict[SignatureForm, list[Commission]] = {form: [] for form in SignatureForm}
        for commission in commissions:
            by_form[commission.draft.prepared.form].append(commission)
        return [
            *self._apply_seals(by_form[SignatureForm.SES], at + DEADLINE),
            *self._sign_cms(by_form[SignatureForm.PADES], at + DEADLINE),
        ]

    def _apply_seals(
        self, commissions: Sequence[Commission], deadline: datetime
    ) -> list[SealedCertificate]:
        if not commissions:
            return []
        requests = [commission.seal_request(deadline) for commission in commissions]
        signatures = self._custodian.apply_seal(requests)
        return [
            _embed(commission, signature.der, signature.signed_at)
            for commission, signature in zip(commissions, signatures, strict=True)
        ]

    def _sign_cms(
        self, commissions: Sequence[Commission], deadline: datetime
    ) -> list[SealedCertificate]:
        if not commissions:
            return []
        requests = [commission.cms_request(deadline) for commission in commissions]
        signatures = self._custodian.sign_cms(requests)
        return [
            _embed(commission, signature, commission.draft.reservation.prepared_at)
            for commission, signature in zip(commissions, signatures, strict=True)
        ]


def _contents_size(unit_seal: UnitSeal, form: SignatureForm) -> int:
    if form is SignatureForm.PADES:
        return signed_data_size(signer_cert=unit_seal.signer_cert, chain=unit_seal.ca_certs)
    return seal_signature_size(
        eseal=unit_seal.eseal,
        signer_cert=unit_seal.signer_cert,
        property_info=LONGEST_RANGE,
    )


def _embed(commission: Commission, contents_der: bytes, signed_at: datetime) -> SealedCertificate:
    """Return the sealed file once it proved to be what was to be sealed."""
    draft = commission.draft
    sealed = draft.prepared.embed(contents_der)
    try:
        _verify(draft, sealed)
    except SigningError as error:
        raise SelfCheckError(error.code) from error
    return SealedCertificate(draft, commission.officer, sealed, signed_at)


def _verify(draft: Draft, sealed: SealedPdf) -> None:
    """Take the file as it is and raise a `SigningError` unless its seal holds.

    The byte rule, the digest, the signature value, and the signer, who is in the seal's list.
    """
    byte_range = draft.prepared.byte_range
    verify_byte_rule(
        sealed.data,
        byte_range,
        contents_span=byte_range.gap,
        revision_end=len(sealed.data),
    )
    contents = contents_in_gap(sealed.data, byte_range)
    digest = byte_range.digest(sealed.data)
    if draft.prepared.form is SignatureForm.SES:
        signature = SealSignature.parse(contents)
        verify_signature_value(signature)
        verify_signer_in_list(signature)
        verify_data_digest(signature, digest)
        signer_cert = signature.signer_cert
    else:
        signed_data = SignedData.parse(contents)
        signed_data.verify_signature()
        signed_data.verify_digest(digest)
        signer_cert = signed_data.signer_cert
    if signer_cert != draft.unit_seal.signer_cert:
        raise SignerNotInSealError
