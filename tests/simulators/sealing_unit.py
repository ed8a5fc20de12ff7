"""A whole office for tests of custody: keys, certificates and a seal, made through its own doors.

    office = Office.create(tmp_path)
    seal_signature, = office.custodian.apply_seal([office.seal_request("1")])

The store watches: it counts how often a key worked, and `before_signing` runs before each time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulators import pki
from simulators.approvals import SimulatedSignIns

from hsm.approvals import ApprovalPolicy, ApprovalRules, OperatorCommand
from hsm.custody import Custodian
from hsm.keys import KeyPurpose, KeyRef
from hsm.ledger import Ledger
from hsm.permissions import Permissions
from hsm.permits import SealingAuthorisation, UnattendedUse
from hsm.stores.software import SoftwareKeyStore
from hsm.use_requests import CertificateRequest, CmsRequest, SealMakingRequest, SealRequest
from hsm.uses import SubjectKind, UseSubject
from signing.canonical import sm3
from signing.envelope import DataKey
from signing.eseal import ESeal
from signing.eseal_write import SealDescription
from signing.picture import SealPicture
from signing.sm2 import Signature
from signing.x509 import DistinguishedName, SigningCert
from signing.x509_build import CertTemplate, Profile

AT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
YEAR = timedelta(days=365)
OPERATOR = "operator-1"
APPROVAL = OperatorCommand(OPERATOR)
KEK = DataKey("kek-test", bytes(range(16)))
EVIDENCE_KEY = DataKey("evidence-test", bytes(range(1, 17)))
USCC = pki.UNIT_NAME.uscc or ""
TYPE = "11999900MB0000019D001"
UNIT = KeyRef("unit-11999901MB0000027N")
SEAL_MAKER = KeyRef("seal-maker")
PICTURE = SealPicture.from_alpha(
    bytes(64 * 64), width_px=64, height_px=64, colour=(200, 0, 0), width_mm=42, height_mm=42
)


class WatchedStore(SoftwareKeyStore):
    """A key store that counts, and that a test can make fail or lie."""

    signed = 0
    before_signing: Callable[[], None] | None = None
    instead: Callable[[KeyRef, KeyPurpose, bytes], Signature] | None = None

    def sign_digest(self, ref: KeyRef, purpose: KeyPurpose, digest: bytes) -> Signature:
        """Sign as the store does, unless a test meddles."""
        if self.before_signing is not None:
            self.before_signing()
        self.signed += 1
        if self.instead is not None:
            return self.instead(ref, purpose, digest)
        return super().sign_digest(ref, purpose, digest)


@dataclass
class Clock:
    """A clock that a test sets."""

    at: datetime = AT

    def __call__(self) -> datetime:
        """Return the time set."""
        return self.at


@dataclass(frozen=True)
class Office:
    """One unit with its seal, and those who certified and made it."""

    folder: Path
    store: WatchedStore
    ledger: Ledger
    clock: Clock
    custodian: Custodian
    root_cert: SigningCert
    unit_ca_cert: SigningCert
    seal_maker_ca_cert: SigningCert
    unit_cert: SigningCert
    maker_cert: SigningCert
    eseal: ESeal
    permissions: Permissions
    unattended: UnattendedUse
    """What requests to seal are approved by, unless a test says otherwise."""
    sign_ins = SimulatedSignIns()

    @classmethod
    def create(cls, folder: Path) -> "Office":
        """Make it all below `folder`; the ledger is left with six uses and an authorisation."""
        store = WatchedStore.create(folder / "keys", KEK)
        ledger = Ledger.create(folder / "ledger.db")
        clock = Clock()
        custodian = Custodian(
            store=store, ledger=ledger, clock=clock, approvals=ApprovalRules(development=True)
        )
        issuer = _Issuer(store, custodian).issue
        root = issuer("root", pki.ROOT_NAME, Profile.ROOT)
        unit_ca = issuer("unit-ca", pki.UNIT_CA_NAME, Profile.UNIT_CA, ("root", root))
        maker_ca = issuer(
            "seal-maker-ca", pki.SEAL_MAKER_CA_NAME, Profile.SEAL_MAKER_CA, ("root", root)
        )
        unit = issuer(UNIT.id, pki.UNIT_NAME, Profile.UNIT, ("unit-ca", unit_ca))
        maker = issuer(
            SEAL_MAKER.id, pki.SEAL_MAKER_NAME, Profile.SEAL_MAKER, ("seal-maker-ca", maker_ca)
        )
        eseal = custodian.make_seal(seal_making_request("seal-1", maker, (unit,)))
        store.signed = 0
        permissions = Permissions(ledger, clock=clock, evidence_key=EVIDENCE_KEY, development=True)
        permissions.introduce(SimulatedSignIns())
        unattended = permissions.authorise_for_development(authorisation(), operator=OPERATOR)
        return cls(
            folder,
            store,
            ledger,
            clock,
            custodian,
            root,
            unit_ca,
            maker_ca,
            unit,
            maker,
            eseal,
            permissions,
            unattended,
        )

    def with_policy(self, approvals: ApprovalPolicy) -> Custodian:
        """Return another custodian over the same store and ledger."""
        return Custodian(
            store=self.store, ledger=self.ledger, clock=self.clock, approvals=approvals
        )

    def make_seal(self, seal_id: str, **changes: Any) -> ESeal:  # noqa: ANN401 - fields
        """Return another seal of the unit, its description changed."""
        request = seal_making_request(seal_id, self.maker_cert, (self.unit_cert,))
        description = replace(request.description, **changes)
        return self.custodian.make_seal(replace(request, description=description))

    def seal_request(self, number: str, **changes: Any) -> SealRequest:  # noqa: ANN401 - fields
        """Return a request that is in order, but for `changes`."""
        return replace(
            SealRequest(
                subject=certificate(number),
                key=UNIT,
                officer=OPERATOR,
                approval=self.unattended,
                draft_sm3=sm3(b"draft" + number.encode()).hex(),
                type_code=TYPE,
                eseal=self.eseal,
                signer_cert=self.unit_cert,
                data_digest=sm3(number.encode()),
                property_info="[0 10 20 30]",
                deadline=AT + timedelta(minutes=5),
            ),
            **changes,
        )

    def cms_request(self, number: str, **changes: Any) -> CmsRequest:  # noqa: ANN401 - fields
        """Return a request that is in order, but for `changes`."""
        return replace(
            CmsRequest(
                subject=certificate(number),
                key=UNIT,
                officer=OPERATOR,
                approval=self.unattended,
                draft_sm3=sm3(b"draft" + number.encode()).hex(),
                type_code=TYPE,
                signer_cert=self.unit_cert,
                chain=(self.unit_ca_cert,),
                data_digest=sm3(number.encode()),
                claimed_at=AT,
                deadline=AT + timedelta(minutes=5),
            ),
            **changes,
        )


def authorisation(**changes: Any) -> SealingAuthorisation:  # noqa: ANN401 - fields
    """Return an authorisation for the unit, but for `changes`."""
    given: dict[str, Any] = {
        "id": sm3(b"authorisation").hex()[:32],
        "authority": USCC,
        "type_code": TYPE,
        "since": AT - timedelta(hours=1),
        "until": AT + timedelta(days=365, hours=23),
        "daily_cap": 1000,
    }
    return SealingAuthorisation(**given | changes)


def certificate(number: str) -> UseSubject:
    """Return an e-certificate as the subject of a use."""
    return UseSubject(SubjectKind.CERTIFICATE, number)


def seal_making_request(
    seal_id: str, maker_cert: SigningCert, listed: Sequence[SigningCert]
) -> SealMakingRequest:
    """Return a request to make a seal that is in order."""
    return SealMakingRequest(
        subject=UseSubject(SubjectKind.SEAL, seal_id),
        key=SEAL_MAKER,
        officer=OPERATOR,
        approval=APPROVAL,
        maker_cert=maker_cert,
        description=SealDescription(
            seal_id=seal_id,
            vendor_id="TEST",
            kind=1,
            name="示例市青禾区市场监督管理局",
            listed_certs=tuple(listed),
            created_at=AT,
            valid_from=AT - timedelta(days=1),
            valid_to=AT + YEAR,
            picture=PICTURE,
        ),
    )


def certificate_request(
    template: CertTemplate, *, key: KeyRef, issuer_cert: SigningCert | None
) -> CertificateRequest:
    """Return a request to certify what `template` says with `key`."""
    return CertificateRequest(
        subject=UseSubject(SubjectKind.X509, str(template.serial_number)),
        key=key,
        officer=OPERATOR,
        approval=APPROVAL,
        template=template,
        issuer_cert=issuer_cert,
    )


@dataclass
class _Issuer:
    """Makes a key and its certificate in one step."""

    store: SoftwareKeyStore
    custodian: Custodian
    serial_number: int = 0

    def issue(
        self,
        key_id: str,
        name: DistinguishedName,
        profile: Profile,
        issuer: tuple[str, SigningCert] | None = None,
    ) -> SigningCert:
        purposes = {
            Profile.UNIT: KeyPurpose.SEALING,
            Profile.SEAL_MAKER: KeyPurpose.SEAL_MAKING,
        }
        info = self.store.generate(KeyRef(key_id), purposes.get(profile, KeyPurpose.CERTIFICATION))
        assert info.public_key is not None
        self.serial_number += 1
        template = CertTemplate(
            subject=name,
            public_key=info.public_key,
            profile=profile,
            not_before=AT - timedelta(hours=1),
            not_after=AT + YEAR,
            serial_number=self.serial_number,
        )
        issuer_id, issuer_cert = issuer or (key_id, None)
        return self.custodian.sign_certificate(
            certificate_request(template, key=KeyRef(issuer_id), issuer_cert=issuer_cert)
        )
