"""An office on a development machine: keys, PKI, seals, types, authorities, custodian, register.

`new_office(folder)` copies a data folder that is made once a test run, so it costs milliseconds;
`office.issue(3)` issues. The same folder can be opened again, by another process too.
"""

import atexit
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from uuid import uuid4

from simulators.approvals import DRAFTER, SEALER, SimulatedSignIns, approve

import certs
from api.office import authorise_for_development
from certs import database
from certs.acceptance import KeyedOrder
from certs.authorities import Authorities
from certs.catalogue import Catalogue
from certs.content import draft_sm3
from certs.database import Transactions
from certs.drawing import Drawing
from certs.errors import CertsError
from certs.issuance import Issuance, Issued, Refused, Resumption
from certs.orders import IssuanceOrder, parse_order
from certs.pki import SEAL_MAKER_KEY, Pki, PkiMaker, Unit
from certs.reconciliation import Reconciliation
from certs.register import Register
from certs.reservation import Reservations
from certs.row_cipher import RowCipher
from certs.seal_picture import draw_seal
from certs.sealing import Sealing
from certs.seals import SealApplication, SealBook, SealMaker
from hsm.approvals import ApprovalRules, OperatorCommand, SealingApproval
from hsm.custody import Custodian
from hsm.key_encryption import create_key_encryption_key, read_key_encryption_key
from hsm.keys import KeyPurpose, KeyRef
from hsm.ledger import Ledger
from hsm.permissions import Permissions
from hsm.permits import DraftRef
from hsm.stores.software import SoftwareKeyStore
from hsm.uses import KeyUse, SubjectKind, UseState
from signing.pdf.extract import read_signed_pdf
from signing.pdf.signatures import EmbeddedSignature

AT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
"""Half past nine in the morning, in China."""

FOOD_LICENCE = "food-business-licence"
SENIOR_CARD = "senior-citizen-card"
MARKET_BUREAU = "11999901MB10000106"
CIVIL_AFFAIRS_BUREAU = "11999901MB10000293"
OTHER_MARKET_BUREAU = "11999902MB20000121"
_AUTHORITIES = {FOOD_LICENCE: MARKET_BUREAU, SENIOR_CARD: CIVIL_AFFAIRS_BUREAU}

OPERATOR = OperatorCommand("operator")
PUBLIC_URL = "https://zhengzhao.example"
SAMPLES = Path(certs.__path__[0]) / "samples"

_keys = count(1)


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is set."""

    at: datetime = AT

    def __call__(self) -> datetime:
        """Return the time it shows."""
        return self.at


@dataclass(frozen=True, slots=True)
class Office:
    """Everything that issuing takes, opened on one data folder."""

    folder: Path
    register_url: str
    clock: Clock
    store: SoftwareKeyStore
    ledger: Ledger
    custodian: Custodian
    permissions: Permissions
    catalogue: Catalogue
    authorities: Authorities
    pki: Pki
    seals: SealBook
    transactions: Transactions
    cipher: RowCipher
    reservations: Reservations
    register: Register
    issuance: Issuance
    sign_ins = SimulatedSignIns()

    @property
    def at(self) -> datetime:
        """The time on the office's clock."""
        return self.clock.at

    def order(
        self, slug: str = FOOD_LICENCE, *, authority: str | None = None, **changes: object
    ) -> IssuanceOrder:
        """Return the type's sample as an order, with `changes` to its members."""
        certificate_type = self.catalogue.find(slug)
        sample = json.loads((certificate_type.folder / "sample.json").read_bytes())
        return parse_order(
            sample | changes,
            certificate_type=certificate_type,
            authorities=self.authorities,
            authority_uscc=authority or _AUTHORITIES[slug],
            at=self.at,
        )

    def keyed(
        self, number: int, slug: str = FOOD_LICENCE, *, authority: str | None = None
    ) -> list[KeyedOrder]:
        """Return so many sample orders, each under a key of its own."""
        order = self.order(slug, authority=authority)
        return [KeyedOrder(order, f"key-{next(_keys)}") for _ in range(number)]

    def try_to_issue(self, requests: Sequence[KeyedOrder]) -> list[Issued | Refused]:
        """Issue under the authorisations that the office was made with, now."""
        return self.issuance.issue_unattended(requests, at=self.at)

    def issue(
        self, number: int = 1, slug: str = FOOD_LICENCE, *, authority: str | None = None
    ) -> list[Issued]:
        """Issue so many sample certificates; raise the error of one that is refused."""
        outcomes = self.try_to_issue(self.keyed(number, slug, authority=authority))
        for outcome in outcomes:
            if isinstance(outcome, Refused):
                raise outcome.error
        return [outcome for outcome in outcomes if isinstance(outcome, Issued)]

    def approval(self, *requests: KeyedOrder, officer: str = SEALER) -> SealingApproval:
        """Return an officer's approval of these drafts, given now."""
        drafts = [
            DraftRef(r.draft_id, draft_sm3(r.order, r.draft_id), DRAFTER)
            for r in requests
            if r.draft_id is not None
        ]
        authority = requests[0].order.authority.uscc
        return approve(*drafts, authority=authority, at=self.at, officer=officer)

    def drafted(self, number: int, slug: str = FOOD_LICENCE) -> list[KeyedOrder]:
        """Return so many sample orders, each of a draft of its own."""
        order = self.order(slug)
        ids = [uuid4().hex for _ in range(number)]
        return [KeyedOrder(order, draft_id, draft_id) for draft_id in ids]

    def resume(self) -> Resumption:
        """Finish what was left, now."""
        return self.issuance.resume(at=self.at)

    def uses(self, state: UseState) -> list[KeyUse]:
        """Return the uses of keys for certificates that the ledger has in this state."""
        return list(self.ledger.uses(SubjectKind.CERTIFICATE, state))

    def reconcile(self) -> None:
        """Raise unless the ledger is whole and ledger and register fit each other."""
        self.ledger.verify_chain()
        Reconciliation(self.transactions, self.register, self.ledger).verify()

    def again(self) -> "Office":
        """Open the same office once more, as another process does, with a clock of its own."""
        return open_office(self.folder, register_url=self.register_url, clock=Clock(self.at))

    def close(self) -> None:
        """Give back the databases, so that the folder can be copied."""
        self.ledger.close()
        self.transactions.close()


def refusals(outcomes: Sequence[Issued | Refused]) -> list[type[CertsError] | None]:
    """Return the kind of error of each order, None for a certificate."""
    return [type(o.error) if isinstance(o, Refused) else None for o in outcomes]


def embedded_signature(data: bytes) -> EmbeddedSignature:
    """Return the one signature of a file."""
    (signature,) = read_signed_pdf(data).signatures
    assert isinstance(signature, EmbeddedSignature)
    return signature


def new_office(folder: Path, *, register_url: str | None = None) -> Office:
    """Make a data folder and open it, with its register in SQLite or at `register_url`."""
    shutil.copytree(_template(), folder, dirs_exist_ok=True)
    return open_office(folder, register_url=register_url)


def open_office(
    folder: Path, *, register_url: str | None = None, clock: Clock | None = None
) -> Office:
    """Open the data folder that is there."""
    clock = clock or Clock()
    store = SoftwareKeyStore(folder / "keys", read_key_encryption_key(folder / "kek"))
    ledger = Ledger(folder / "ledger.db")
    custodian = _custodian(store, ledger, clock)
    permissions = _permissions(store, ledger, clock)
    catalogue = Catalogue.load(folder / "types")
    authorities = Authorities.load(folder / "authorities")
    pki = Pki.load(folder / "pki")
    seals = SealBook.load(
        folder / "seals",
        signer_certs=pki.units.values(),
        ca_certs=pki.ca_certs,
        anchors=[pki.root],
    )
    register_url = register_url or f"sqlite:///{folder / 'register.db'}"
    engine = database.open_engine(register_url)
    transactions = Transactions(engine)
    cipher = RowCipher(
        store.open_data_key(KeyRef("data-1")), store.open_index_key(KeyRef("index-1"))
    )
    register = Register(transactions, cipher)
    reservations = Reservations(transactions, cipher, catalogue=catalogue, authorities=authorities)
    drawing = Drawing(public_url=PUBLIC_URL, site_name="示例区电子证照服务平台（演示）")
    issuance = Issuance(
        transactions=transactions,
        cipher=cipher,
        reservations=reservations,
        register=register,
        sealing=Sealing(drawing=drawing, seals=seals, custodian=custodian, sample=True),
        custodian=custodian,
        permissions=permissions,
        ledger=ledger,
    )
    return Office(
        folder=folder,
        register_url=register_url,
        clock=clock,
        store=store,
        ledger=ledger,
        custodian=custodian,
        permissions=permissions,
        catalogue=catalogue,
        authorities=authorities,
        pki=pki,
        seals=seals,
        transactions=transactions,
        cipher=cipher,
        reservations=reservations,
        register=register,
        issuance=issuance,
    )


def _custodian(store: SoftwareKeyStore, ledger: Ledger, clock: Clock) -> Custodian:
    return Custodian(
        store=store, ledger=ledger, clock=clock, approvals=ApprovalRules(development=True)
    )


def _permissions(store: SoftwareKeyStore, ledger: Ledger, clock: Clock) -> Permissions:
    permissions = Permissions(
        ledger,
        clock=clock,
        evidence_key=store.open_data_key(KeyRef("evidence-1")),
        development=True,
    )
    permissions.introduce(SimulatedSignIns())
    return permissions


@cache
def _template() -> Path:
    """Make the data folder that all others are copied from."""
    folder = Path(tempfile.mkdtemp(prefix="office-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("types", "authorities"):
        shutil.copytree(SAMPLES / name, folder / name)
    create_key_encryption_key(folder / "kek")
    store = SoftwareKeyStore.create(folder / "keys", read_key_encryption_key(folder / "kek"))
    store.generate(KeyRef("data-1"), KeyPurpose.DATA)
    store.generate(KeyRef("index-1"), KeyPurpose.INDEX)
    store.generate(KeyRef("evidence-1"), KeyPurpose.DATA)
    store.generate(KeyRef("mandate-1"), KeyPurpose.MANDATE)
    ledger = Ledger.create(folder / "ledger.db")
    custodian = _custodian(store, ledger, Clock())
    authorities = Authorities.load(folder / "authorities")
    pki = PkiMaker(folder / "pki", custodian, store, OPERATOR).make(
        [Unit(a.uscc, a.name, KeyRef(a.key)) for a in authorities], at=AT
    )
    SealMaker(
        folder=folder / "seals",
        custodian=custodian,
        key=SEAL_MAKER_KEY,
        maker_cert=pki.seal_maker,
        ca_certs=pki.ca_certs,
        draw=lambda name: draw_seal(name, sample=True),
        approval=OPERATOR,
    ).make([SealApplication(a.seal_id, a.name, pki.units[a.uscc]) for a in authorities], at=AT)
    authorise_for_development(_permissions(store, ledger, Clock()), authorities, at=AT)
    ledger.close()
    engine = database.open_engine(f"sqlite:///{folder / 'register.db'}")
    database.upgrade(engine)
    engine.dispose()
    return folder
