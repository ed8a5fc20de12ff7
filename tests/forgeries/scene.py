"""The world in which files are forged: a real office and its register, and everybody else's keys.

Office, register and genuine certificates are real, in a folder of their own. The keys come out of
the office's store as a burglar would take them; which of them a forger uses, his `Attacker` says.

    OPENED              SEALED          CHECKED
    PKI and seals made  all is sealed   all is verified
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from forgeries.workshop import Sign, cms, drawn_part, seal_drawn, ses
from simulators.office import CIVIL_AFFAIRS_BUREAU, FOOD_LICENCE, MARKET_BUREAU, SENIOR_CARD
from simulators.office import OTHER_MARKET_BUREAU as OTHER_BUREAU
from simulators.pki import Issued, Pki

from api.office import Office, initialise, open_office
from api.settings import Settings
from api.wiring import RegisterAsSource
from certs.authorities import IssuingAuthority
from certs.content import CertificateContent
from certs.issuance import Issued as Genuine
from certs.lifecycle import LegalKind
from certs.orders import parse_order
from hsm.keys import KeyPurpose, KeyRef
from signing.eseal import ESeal
from signing.eseal_write import SealDescription, assemble_seal, build_seal_info
from signing.picture import SealPicture
from signing.sm2 import Sm2PrivateKey, sign_digest
from signing.x509 import DistinguishedName, SigningCert
from verify.policy import TrustAnchors, VerificationPolicy
from verify.report import VerificationReport
from verify.sandbox import Sandbox
from verify.sources import StatusSource
from verify.verifier import Verifier

OPENED = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
SEALED = OPENED + timedelta(days=200)
CHECKED = SEALED + timedelta(days=30)
EXPIRY = CHECKED + timedelta(days=365)
"""When certificates end that are issued for a forgery, unless that is what is false."""


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority, and what it seals with."""

    office: IssuingAuthority
    unit: Issued
    """Its certificate and its key."""
    eseal: ESeal
    ca_cert: SigningCert
    """What a CMS of it sends along."""

    @property
    def name(self) -> DistinguishedName:
        """The name in its certificate."""
        return self.unit.cert.subject

    @property
    def picture(self) -> SealPicture:
        """The picture of its seal."""
        return self.eseal.picture

    def seal(self, at: datetime = SEALED) -> Sign:
        """Sign in form `ses`, as it does itself."""
        return ses(self.eseal, self.unit, at)

    def cms(self) -> Sign:
        """Sign in form `pades`, as it does itself."""
        return cms(self.unit, self.ca_cert)


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a forger may reach for."""

    office: Office
    pki: Pki
    maker: Issued
    """The seal maker that everybody trusts."""
    market: Authority
    """Issues the licences that are forged (form `ses`)."""
    other: Authority
    """Issues the same licences for another district."""
    civil: Authority
    """Issues the cards that are forged (form `pades`)."""
    licence: Genuine
    another: Genuine
    """Another licence of the same authority."""
    card: Genuine
    revoked: Genuine
    expired: Genuine
    """In force when it was sealed, but not when it is checked."""
    coming: Genuine
    """In force some days after it is checked."""

    def content(self, **changes: Any) -> CertificateContent:  # noqa: ANN401 - fields
        """Return what the licence says, but for `changes` (fields of `CertificateContent`)."""
        certificate = self.licence.certificate
        content = CertificateContent.restore(
            certificate.content,
            code=certificate.code,
            certificate_type=self.office.type_of(certificate),
            authority=self.market.office,
        )
        return replace(content, **changes)

    def content_of(self, authority: Authority, **changes: Any) -> CertificateContent:  # noqa: ANN401 - fields
        """Return the licence as `authority` would issue it, under a number of its own."""
        fields: dict[str, Any] = {
            "order": replace(self.content().order, authority=authority.office),
            "number": "JY99990200000999",
            "seal_id": authority.eseal.seal_id,
            "seal_picture_sm3": authority.picture.sm3,
        }
        return self.content(**(fields | changes))

    def draw(self, content: CertificateContent) -> bytes:
        """Draw what the office would draw."""
        return self.office.drawing.draw(content, sample=self.office.drawn_as_sample)

    def seal(
        self,
        drawn: bytes,
        sign: Sign,
        *,
        picture: SealPicture | None = None,
        claimed_at: datetime | None = None,
    ) -> bytes:
        """Seal a drawn licence where its type says, showing the market bureau's picture or one."""
        return seal_drawn(
            drawn,
            sign,
            placement=self.office.catalogue.find(FOOD_LICENCE).placement,
            picture=picture or self.market.picture,
            claimed_at=claimed_at,
        )

    def sign_card(
        self, sign: Sign, *, picture: SealPicture | None = None, claimed_at: datetime = SEALED
    ) -> bytes:
        """Sign the drawn card afresh, showing the civil affairs bureau's picture or another one."""
        return seal_drawn(
            drawn_part(self.card.data),
            sign,
            placement=self.office.catalogue.find(SENIOR_CARD).placement,
            picture=picture or self.civil.picture,
            claimed_at=claimed_at,
        )

    def issue_unit(self, name: DistinguishedName | None = None, **knobs: Any) -> Issued:  # noqa: ANN401 - of `Issued.issue`
        """Let the CA of units certify a new key, in the market bureau's name or another one."""
        times = {"not_before": OPENED, "not_after": EXPIRY}
        return self.pki.issue_unit(name or self.market.name, **(times | knobs))

    def make_seal(self, maker: Issued | None = None, **changes: Any) -> ESeal:  # noqa: ANN401 - fields
        """Make a seal like the market bureau's, but for `changes`, as the trusted maker or one."""
        genuine = self.market.eseal
        fields: dict[str, Any] = {
            "seal_id": genuine.seal_id,
            "vendor_id": genuine.vendor_id,
            "kind": genuine.kind,
            "name": genuine.name,
            "listed_certs": (self.market.unit.cert,),
            "created_at": genuine.created_at,
            "valid_from": genuine.valid_from,
            "valid_to": genuine.valid_to,
            "picture": self.market.picture,
            "ca_certs": genuine.ca_certs,
        }
        maker = maker or self.maker
        info = build_seal_info(SealDescription(**(fields | changes)))
        signature = sign_digest(maker.key, maker.key.public_key.digest(info))
        return assemble_seal(info, maker.cert, signature)

    def verify(
        self,
        unverified_file: bytes,
        policy: VerificationPolicy,
        *,
        sandbox: Sandbox | None = None,
        source: StatusSource | None = None,
    ) -> VerificationReport:
        """Verify a file at `CHECKED`, trusting the office's root and asking its register."""
        verifier = Verifier(
            policy=policy,
            anchors=TrustAnchors((self.pki.root.cert,)),
            status_source=source or RegisterAsSource(self.office),
            sandbox=sandbox,
        )
        return verifier.verify(unverified_file, at=CHECKED, report_id="report")


@contextmanager
def open_scene(folder: Path) -> Iterator[Scene]:
    """Open an office in `folder` and issue what is to be forged."""
    settings = Settings(data=folder)
    initialise(settings, clock=lambda: OPENED)
    with open_office(settings, clock=lambda: SEALED) as office:
        pki = office.pki
        revoked = _issue(office, "revoked")
        office.register.revoke(
            revoked.certificate.number,
            LegalKind.DIAOXIAO,
            officer="officer",
            at=SEALED + timedelta(days=1),
        )
        last_day, first_day = (
            (CHECKED + timedelta(days=days)).date().isoformat() for days in (-9, 9)
        )
        certification = KeyPurpose.CERTIFICATION
        yield Scene(
            office=office,
            pki=Pki(
                _rob(office, pki.root, "root", certification),
                _rob(office, pki.unit_ca, "unit-ca", certification),
                _rob(office, pki.seal_maker_ca, "seal-maker-ca", certification),
            ),
            maker=_rob(office, pki.seal_maker, "seal-maker", KeyPurpose.SEAL_MAKING),
            market=_authority(office, folder, MARKET_BUREAU),
            other=_authority(office, folder, OTHER_BUREAU),
            civil=_authority(office, folder, CIVIL_AFFAIRS_BUREAU),
            licence=_issue(office, "licence"),
            another=_issue(office, "another"),
            card=_issue(office, "card", slug=SENIOR_CARD),
            revoked=revoked,
            expired=_issue(office, "expired", valid_to=last_day),
            coming=_issue(office, "coming", valid_from=first_day),
        )


def _rob(office: Office, signing_cert: SigningCert, key: str, purpose: KeyPurpose) -> Issued:
    return Issued(signing_cert, office.store._use(KeyRef(key), purpose, Sm2PrivateKey))


def _authority(office: Office, folder: Path, uscc: str) -> Authority:
    authority, unit_cert = office.authorities.find(uscc), office.pki.units[uscc]
    seal = (folder / "seals" / f"{authority.seal_id}.esl").read_bytes()
    unit = _rob(office, unit_cert, authority.key, KeyPurpose.SEALING)
    return Authority(authority, unit, ESeal.parse(seal), office.pki.unit_ca)


def _issue(office: Office, key: str, *, slug: str = FOOD_LICENCE, **changes: str) -> Genuine:
    """Issue the sample of a type, but for `changes`, by the authority that is forged."""
    kind = office.catalogue.find(slug)
    order = parse_order(
        json.loads((kind.folder / "sample.json").read_bytes()) | changes,
        certificate_type=kind,
        authorities=office.authorities,
        authority_uscc=MARKET_BUREAU if slug == FOOD_LICENCE else CIVIL_AFFAIRS_BUREAU,
        at=SEALED,
    )
    issued = office.issue_one(order, key=key, at=SEALED)
    assert isinstance(issued, Genuine)
    return issued
