"""The counter as pages meet it: who is the clerk, and what he typed about a person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from fastapi import Depends

from api.deps import CurrentServices, CurrentVisitor, VerifiedForm
from api.identity import Identity
from api.problems import ApiError
from api.settings import Settings
from api.visitors import Visitor
from api.wiring import Services
from idp.accounts import Accounts
from idp.counter import Clerk, Counter, CounterParts, KnownPerson, Sighting
from idp.counter_acts import CounterRecords
from idp.counter_documents import CounterDocuments
from idp.counter_mandates import CounterMandates
from idp.documents import DocumentType, HolderKind, IdentityDocument, InvalidDocumentError
from idp.enrolment import Enrolments, FactorKind, Wanted
from idp.errors import IdentityError, NotPermittedError
from idp.levels import AuthenticationLevel
from idp.officers import Officer, Post
from idp.second_factors import SECOND_FACTORS

CLERKS_LEVEL = AuthenticationLevel.ONE_TIME_CODE
"""Who gives second factors to others has used his own."""
ORIGINAL, COPY = "original", "copy"
KEEP, REPLACE = "keep", "replace"
LONGEST_NUMBER = 40
"""Characters; the longest document numbers have 32."""

DOCUMENT_TYPES = tuple(kind for kind in DocumentType if kind.holder_kind is HolderKind.NATURAL)


class TypedWrongError(IdentityError):
    """What a clerk typed or chose will not do; `faults` are words of the catalogue by field."""

    code: ClassVar[str] = "invalid_request"

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Keep the `faults`."""
        self.faults = faults
        super().__init__(", ".join(faults))


@dataclass(frozen=True, slots=True)
class CounterDesk:
    """A clerk's counter, or what an auditor sees of counters."""

    officer: Officer
    identity: Identity
    accounts: Accounts
    counter: Counter
    enrolments: Enrolments
    mandates: CounterMandates
    documents: CounterDocuments
    records: CounterRecords
    settings: Settings
    at: datetime

    @property
    def authorities(self) -> Mapping[str, str]:
        """Names, by code, of the authorities whose counter the officer sits at."""
        return self._named(self.officer.authorities(Post.ACCEPTANCE, at=self.at))

    @property
    def audited(self) -> Mapping[str, str]:
        """Names, by code, of the authorities that the officer audits."""
        return self._named(self.officer.authorities(Post.AUDIT, at=self.at))

    @property
    def rp_id(self) -> str | None:
        """The name passkeys are made for; None where browsers do not let our pages use it."""
        name = urlsplit(self.settings.identity.issuer_text).hostname or ""
        host = urlsplit(self.settings.origin).hostname or ""
        return name if host == name or (host.endswith(f".{name}") and "." in name) else None

    def _named(self, usccs: Iterable[str]) -> Mapping[str, str]:
        names = self.identity.officers.department_names()
        return {uscc: names.get(uscc, uscc) for uscc in usccs}

    def read(self, form: VerifiedForm) -> tuple[Clerk, Sighting]:
        """Return for which authority the clerk works and what he says he saw.

        Raise `TypedWrongError` with all that is wrong, which quotes nothing.
        """
        faults = {}
        document = None
        if form.text("authority") not in self.authorities:
            faults["authority"] = "authority"
        try:
            number = "".join(form.text("document_number")[: 2 * LONGEST_NUMBER].split())
            document = IdentityDocument.parse(form.text("document_type"), number)
        except InvalidDocumentError:
            faults["document_number"] = "document_number"
        if document is not None and document.type.holder_kind is not HolderKind.NATURAL:
            faults["document_number"] = "document_number"
        if form.text("seen") not in {ORIGINAL, COPY}:
            faults["seen"] = "seen"
        if document is None or faults:
            raise TypedWrongError(faults)
        sighting = Sighting(document, original=form.text("seen") == ORIGINAL)
        return Clerk(self.officer, form.text("authority")), sighting

    def any_clerk(self) -> Clerk:
        """Return the clerk where the case itself says for which authority."""
        return Clerk(self.officer, "")

    def factors(self, person: KnownPerson) -> list[str]:
        """Return the kinds of the person's second factors."""
        return [
            held.type
            for held in self.accounts.credentials(person.account)
            if held.type in SECOND_FACTORS
        ]

    def wanted(self, form: VerifiedForm, factors: list[str]) -> Wanted:
        """Return what the form says is to be enrolled. Raise `TypedWrongError`."""
        faults = {}
        kind = form.text("kind")
        if kind not in set(FactorKind) or (kind == FactorKind.PASSKEY and self.rp_id is None):
            faults["kind"] = "kind"
        if factors and form.text("old") not in {KEEP, REPLACE}:
            faults["old"] = "old"
        if faults:
            raise TypedWrongError(faults)
        replaces = form.text("old") == REPLACE
        return Wanted(FactorKind(kind), replaces, self.rp_id or "", self.settings.origin)


def open_desk(services: Services, visitor: Visitor) -> CounterDesk:
    """Return the counter of an officer. Raise `NotPermittedError` for anybody else."""
    identity, officer = visitor.identity, visitor.officer
    if officer is None:
        raise NotPermittedError("no officer")
    admin = identity.admin
    if admin is None:
        raise ApiError("not_found")  # another provider: its accounts are not ours to furnish
    changes = identity.people.realm_changes
    parts = CounterParts(
        transactions=identity.transactions,
        personal_data=identity.personal_data,
        accounts=admin,
        subjects=identity.people.subjects,
        officers=identity.officers,
        alarms=identity.leaving.alarms,
        tell_realm=lambda at: changes.catch_up(admin, at=at),
    )
    counter = Counter(parts)
    return CounterDesk(
        officer=officer,
        identity=identity,
        accounts=admin,
        counter=counter,
        enrolments=Enrolments(parts, counter),
        mandates=CounterMandates(parts, counter, identity.people.representation),
        documents=CounterDocuments(parts, counter),
        records=CounterRecords(identity.transactions),
        settings=services.settings,
        at=visitor.at,
    )


def _clerks_desk(services: CurrentServices, visitor: CurrentVisitor) -> CounterDesk:
    desk = open_desk(services, visitor)
    if not desk.authorities:
        raise NotPermittedError("no post of acceptance")
    return desk


def _auditors_desk(services: CurrentServices, visitor: CurrentVisitor) -> CounterDesk:
    desk = open_desk(services, visitor)
    if not desk.audited:
        raise NotPermittedError("no post of audit")
    return desk


ClerksDesk = Annotated[CounterDesk, Depends(_clerks_desk)]
"""The counter of somebody with the post of acceptance."""
AuditorsDesk = Annotated[CounterDesk, Depends(_auditors_desk)]
"""The counters as somebody with the post of audit sees them."""
