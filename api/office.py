"""The issuing office: what it knows, keeps and may use, opened from the data folder.

`initialise` makes in development what is missing; in production it makes databases and an empty
key store and lists what else the office has to bring.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from uuid import uuid4

from api.bounded_cache import BoundedCache
from api.drafting import Drafting, make_drafting
from api.production import verify_fit_for_production
from api.settings import Environment, Settings
from certs import database
from certs.acceptance import KeyedOrder
from certs.authorities import Authorities
from certs.catalogue import Catalogue, CertificateType
from certs.content import CertificateContent
from certs.database import Transactions
from certs.drawing import Drawing
from certs.entries import ECertificate
from certs.issuance import Issuance, Issued, Refused, Resumption
from certs.orders import IssuanceOrder
from certs.pki import SEAL_MAKER_KEY, Pki, PkiMaker, Unit
from certs.reconciliation import Reconciliation
from certs.register import Register
from certs.reservation import Reservations
from certs.row_cipher import RowCipher
from certs.seal_picture import draw_seal
from certs.sealing import Sealing
from certs.seals import SealApplication, SealBook, SealMaker
from hsm.approvals import ApprovalRules, OperatorCommand
from hsm.custody import Custodian
from hsm.errors import ApprovalRejectedError, KeyNotFoundError
from hsm.key_encryption import create_key_encryption_key
from hsm.keys import KeyPurpose, KeyRef
from hsm.ledger import Ledger
from hsm.mandates import MandateSealer
from hsm.permissions import Permissions
from hsm.permits import LONGEST_AUTHORISATION, MOST_A_DAY, SealingAuthorisation
from hsm.stores.software import SoftwareKeyStore
from signing.sm2 import self_test
from verify.confinement import make_undumpable

SEAL_DIAMETER_MM = 42  # a bureau's seal is at most 45 mm (国发〔1999〕25号); 42 is usual
OPERATOR = "operator"
MOST_FACES = 64  # of half a megabyte each


@dataclass(frozen=True, slots=True)
class Office:
    """Everything that issues and keeps certificates."""

    catalogue: Catalogue
    authorities: Authorities
    transactions: Transactions
    register: Register
    drawing: Drawing
    store: SoftwareKeyStore
    ledger: Ledger
    custodian: Custodian
    permissions: Permissions
    issuance: Issuance
    drafting: Drafting
    reconciliation: Reconciliation
    mandate_sealer: MandateSealer
    pki: Pki
    drawn_as_sample: bool
    faces: BoundedCache[str, bytes]
    """Masked renderings by certificate: drawing one costs what fifty other answers do."""

    def issue_one(self, order: IssuanceOrder, *, key: str, at: datetime) -> Issued | Refused:
        """Issue one certificate under the seal keeper's authorisation; same key, same answer.

        Raise `ApprovalRejectedError` where none is in force, `DailyCapReachedError`.
        """
        return self.issuance.issue_unattended([KeyedOrder(order, key)], at=at)[0]

    def resume(self, *, at: datetime) -> Resumption:
        """Finish or give up what a crash left, and write down what became of approved drafts."""
        resumed = self.issuance.resume(at=at)
        self.drafting.sealing.resume(at=at)
        return resumed

    def type_of(self, certificate: ECertificate) -> CertificateType:
        """Return the type in the version it was issued in."""
        return self.catalogue.find(certificate.type_code, certificate.type_version)

    def is_public(self, certificate: ECertificate) -> bool:
        """Whether anyone who has the number may see the status and a masked rendering."""
        return self.type_of(certificate).public_register

    def draw_masked(self, certificate: ECertificate) -> bytes:
        """Return an SVG drawn anew from register data, values masked, for the public page."""
        return self.faces.get(certificate.id, lambda: self._draw_masked(certificate))

    def _draw_masked(self, certificate: ECertificate) -> bytes:
        content = CertificateContent.restore(
            certificate.content,
            code=certificate.code,
            certificate_type=self.type_of(certificate),
            authority=self.authorities.find(certificate.authority),
        )
        return self.drawing.draw_masked(content, sample=self.drawn_as_sample)

    def try_keys(self) -> None:
        """Raise `CustodyError` unless the key of every authority can be opened now."""
        for authority in self.authorities:
            self.store.describe(KeyRef(authority.key))


def operator_command() -> OperatorCommand:
    """Return the approval of whoever typed the command; it counts in development only."""
    return OperatorCommand(OPERATOR)


@contextmanager
def open_office(settings: Settings, *, clock: Callable[[], datetime]) -> Iterator[Office]:
    """Open the office of the data folder and close it at the end.

    Raise `CustodyError` or `CertsError` when a part is missing or not in order, and
    `BackendUnavailableError` when SM2 or SM3 gives a wrong answer here.
    """
    self_test()
    make_undumpable()  # from here on this process holds keys
    data, custody, names = settings.data, settings.custody, settings.certs
    with ExitStack() as stack:
        store = SoftwareKeyStore(data / "keys", custody.open_key_encryption_key(data))
        ledger = Ledger(custody.ledger_file(data))
        stack.callback(ledger.close)
        engine = database.open_engine(settings.register_url())
        stack.callback(engine.dispose)
        transactions = Transactions(engine)
        cipher = RowCipher(
            store.open_data_key(KeyRef(names.data_key)),
            store.open_index_key(KeyRef(names.index_key)),
        )
        catalogue = Catalogue.load(data / "types")
        authorities = Authorities.load(data / "authorities")
        pki = Pki.load(data / "pki")
        seals = SealBook.load(
            data / "seals",
            signer_certs=pki.units.values(),
            ca_certs=pki.ca_certs,
            anchors=(pki.root,),
        )
        custodian = _custodian(settings, store, ledger, clock)
        permissions = _permissions(settings, store, ledger, clock)
        development = settings.env is Environment.DEVELOPMENT
        given = () if development else permissions.authorisations()
        verify_fit_for_production(settings, pki, seals, given)
        drawing = Drawing(public_url=settings.origin, site_name=settings.site_name)
        register = Register(transactions, cipher)
        sealing = Sealing(drawing=drawing, seals=seals, custodian=custodian, sample=development)
        reservations = Reservations(
            transactions, cipher, catalogue=catalogue, authorities=authorities
        )
        issuance = Issuance(
            transactions=transactions,
            cipher=cipher,
            reservations=reservations,
            register=register,
            sealing=sealing,
            custodian=custodian,
            permissions=permissions,
            ledger=ledger,
        )
        yield Office(
            catalogue=catalogue,
            authorities=authorities,
            transactions=transactions,
            register=register,
            drawing=drawing,
            store=store,
            ledger=ledger,
            custodian=custodian,
            permissions=permissions,
            issuance=issuance,
            drafting=make_drafting(
                transactions,
                cipher,
                catalogue=catalogue,
                authorities=authorities,
                drawing=drawing,
                issuance=issuance,
                reservations=reservations,
            ),
            reconciliation=Reconciliation(transactions, register, ledger),
            mandate_sealer=MandateSealer.open(custodian, store, KeyRef(custody.mandate_key)),
            pki=pki,
            drawn_as_sample=development,
            faces=BoundedCache(MOST_FACES),
        )


def initialise(settings: Settings, *, clock: Callable[[], datetime]) -> list[str]:
    """Make what is missing in the data folder and return what the operator still has to bring."""
    self_test()
    data, custody, names = settings.data, settings.custody, settings.certs
    data.mkdir(parents=True, exist_ok=True)
    if custody.kek is None:
        create_key_encryption_key(custody.kek_path(data))
    engine = database.open_engine(settings.register_url())
    database.upgrade(engine)
    engine.dispose()
    store = SoftwareKeyStore.create(data / "keys", custody.open_key_encryption_key(data))
    for name, purpose in (
        (names.data_key, KeyPurpose.DATA),
        (names.index_key, KeyPurpose.INDEX),
        (custody.mandate_key, KeyPurpose.MANDATE),
        (custody.evidence_key, KeyPurpose.DATA),
    ):
        try:
            store.describe(KeyRef(name))
        except KeyNotFoundError:
            store.generate(KeyRef(name), purpose)
    ledger = Ledger.create(custody.ledger_file(data))
    try:
        if settings.env is Environment.PRODUCTION:
            return list(_missing(data))
        _copy_samples(data)
        custodian = _custodian(settings, store, ledger, clock)
        _make_embedded_authorities(data, store, custodian, at=clock())
        authorise_for_development(
            _permissions(settings, store, ledger, clock),
            Authorities.load(data / "authorities"),
            at=clock(),
        )
    finally:
        ledger.close()
    return []


def _missing(data: Path) -> Iterator[str]:
    for name in ("types", "authorities", "pki", "seals"):
        if not (data / name).is_dir() or not any((data / name).iterdir()):
            yield name


def _copy_samples(data: Path) -> None:
    """Copy sample types and authorities that are not there; never touch one that is."""
    with as_file(files("certs") / "samples") as samples:
        for source in sorted(samples.rglob("*")):
            target = data / source.relative_to(samples)
            if source.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)


def _make_embedded_authorities(
    data: Path, store: SoftwareKeyStore, custodian: Custodian, *, at: datetime
) -> None:
    """Make the development PKI and a seal, marked 测试, for each authority."""
    authorities = list(Authorities.load(data / "authorities"))
    approval = operator_command()
    units = [Unit(office.uscc, office.name, KeyRef(office.key)) for office in authorities]
    pki = PkiMaker(data / "pki", custodian, store, approval).make(units, at=at)
    maker = SealMaker(
        folder=data / "seals",
        custodian=custodian,
        key=SEAL_MAKER_KEY,
        maker_cert=pki.seal_maker,
        ca_certs=pki.ca_certs,
        draw=partial(draw_seal, diameter_mm=SEAL_DIAMETER_MM, sample=True),
        approval=approval,
    )
    maker.make(
        [
            SealApplication(office.seal_id, office.name, pki.units[office.uscc])
            for office in authorities
        ],
        at=at,
    )


def _custodian(
    settings: Settings, store: SoftwareKeyStore, ledger: Ledger, clock: Callable[[], datetime]
) -> Custodian:
    development = settings.env is Environment.DEVELOPMENT
    return Custodian(
        store=store, ledger=ledger, clock=clock, approvals=ApprovalRules(development=development)
    )


def _permissions(
    settings: Settings, store: SoftwareKeyStore, ledger: Ledger, clock: Callable[[], datetime]
) -> Permissions:
    return Permissions(
        ledger,
        clock=clock,
        evidence_key=store.open_data_key(KeyRef(settings.custody.evidence_key)),
        development=settings.env is Environment.DEVELOPMENT,
    )


def authorise_for_development(
    permissions: Permissions, authorities: Authorities, *, at: datetime
) -> None:
    """Give each authority an authorisation for each of its types, where none is in force.

    Nobody signs in for these, and they say so: production takes none of them.
    """
    since = at.replace(microsecond=0)
    for authority in authorities:
        for type_code in sorted(authority.types):
            try:
                permissions.in_force(authority=authority.uscc, type_code=type_code)
            except ApprovalRejectedError:
                permissions.authorise_for_development(
                    SealingAuthorisation(
                        id=uuid4().hex,
                        authority=authority.uscc,
                        type_code=type_code,
                        since=since,
                        until=since + LONGEST_AUTHORISATION,
                        daily_cap=MOST_A_DAY,
                    ),
                    operator=OPERATOR,
                )
