"""Who may act for whom, and who may let another act: the rules that mandates are granted by.

The bases are asked here: at each beginning to act their word is at most some minutes old
(`STATE_MAY_BE_OLD`), and what they say ends mandates and sign-ins at once. A base that does not
answer lets nobody begin; whoever acts already goes on for a while (`STATE_MAY_BE_OLD_IN_OUTAGE`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.documents import DocumentType, HolderKind, IdentityDocument
from idp.errors import (
    BaseUnavailableError,
    DataDifferError,
    DocumentHeldError,
    IdentityError,
    InvalidMandateError,
    LegalPersonEndedError,
    MandateEndedError,
    MandateFault,
    NotPermittedError,
    PersonEndedError,
)
from idp.legal_persons import LegalPerson, LegalPersons
from idp.levels import IdentityLevel
from idp.mandate_register import BY_BASE, Grant, Mandates
from idp.mandate_terms import faults_of_handing_on, faults_of_terms
from idp.mandates import Grounds, Mandate, Party, Principal, Standing, Terms
from idp.matters import ALL_MATTERS
from idp.names import NamedPerson
from idp.persons import LevelMeans, NaturalPerson
from idp.sources import LegalState, PersonState, PopulationBase
from idp.subjects import STATE_MAY_BE_OLD_IN_OUTAGE, Subjects

TO_REPRESENT = IdentityLevel.SEEN
"""Who binds a company by the base's word must have been seen: a number can be learnt."""
TO_AUTHORISE = IdentityLevel.CONFIRMED
"""Who lets another act for himself."""
TO_ACCEPT = IdentityLevel.MATCHED
"""Who acts for another."""


@dataclass(frozen=True, slots=True)
class Ward:
    """A minor and until when the guardian stands for him."""

    person: NaturalPerson
    until: datetime


@dataclass(frozen=True, slots=True)
class Choices:
    """For whom a person can act."""

    mandates: tuple[Mandate, ...]
    """In force now."""
    companies: tuple[LegalPerson, ...]
    """Represented by law, without a mandate yet."""
    wards: tuple[Ward, ...]
    """Without a mandate yet."""
    complete: bool
    """False: a base did not answer, there may be more."""


class Representation:
    """The rules of acting for others. Threads may share it."""

    def __init__(
        self,
        subjects: Subjects,
        legal_persons: LegalPersons,
        mandates: Mandates,
        population: PopulationBase,
    ) -> None:
        """Decide by what these say."""
        self._subjects = subjects
        self._legal_persons = legal_persons
        self._mandates = mandates
        self._population = population

    def choices(self, person: NaturalPerson, *, at: datetime) -> Choices:
        """Return for whom the person can act now; a base that is away leaves a gap, and says so."""
        mandates = tuple(
            mandate
            for mandate in self._mandates.of_actor(person.id)
            if mandate.standing(at) is Standing.IN_FORCE
        )
        principals = {mandate.principal.id for mandate in mandates}
        companies: tuple[LegalPerson, ...] = ()
        wards: tuple[Ward, ...] = ()
        complete = True
        try:
            companies = self._legal_persons.represented_by(person, at=at)
        except BaseUnavailableError:
            complete = False
        try:
            wards = self._wards_of(person, at=at)
        except BaseUnavailableError:
            complete = False
        return Choices(
            mandates,
            tuple(company for company in companies if company.uscc not in principals),
            tuple(ward for ward in wards if ward.person.id not in principals),
            complete,
        )

    def represent(self, person: NaturalPerson, uscc: str, *, at: datetime) -> Mandate:
        """Return the mandate of a company's representative by law.

        Raise `AssuranceTooLowError`, `NotPermittedError` for anybody else, `PersonEndedError`,
        `LegalPersonEndedError`, `BaseUnavailableError`.
        """
        person.verify_level(TO_REPRESENT)
        self._subjects.verify_living(person.id, at=at)
        company = self._existing(Principal(HolderKind.LEGAL, uscc), at, timedelta())
        if not self._legal_persons.is_representative(company, person):
            raise NotPermittedError
        grant = Grant(
            grounds=Grounds.REPRESENTATIVE,
            principal=Principal(HolderKind.LEGAL, company.uscc),
            principal_party=_company_party(company.uscc, company.name),
            actor=person,
            terms=Terms(ALL_MATTERS, since=at, until=None),
            granted_by=BY_BASE,
        )
        return self._mandates.grant(grant, officer=_account(person), at=at)

    def stand_for(self, guardian: NaturalPerson, ward_id: str, *, at: datetime) -> Mandate:
        """Return the mandate of a minor's guardian.

        Raise `AssuranceTooLowError`, `NotPermittedError` for anybody else, `BaseUnavailableError`.
        """
        guardian.verify_level(TO_REPRESENT)
        self._subjects.verify_living(guardian.id, at=at)
        for ward in self._wards_of(guardian, at=at):
            if ward.person.id == ward_id:
                break
        else:
            raise NotPermittedError
        self._subjects.verify_living(ward_id, at=at)
        grant = Grant(
            grounds=Grounds.GUARDIAN,
            principal=Principal(HolderKind.NATURAL, ward_id),
            principal_party=Party(ward.person.name, ward.person.document),
            actor=guardian,
            terms=Terms(ALL_MATTERS, since=at, until=ward.until),
            granted_by=BY_BASE,
        )
        return self._mandates.grant(grant, officer=_account(guardian), at=at)

    def name_agent(
        self, by: NaturalPerson, under_id: str, agent: NamedPerson, terms: Terms, *, at: datetime
    ) -> Mandate:
        """Return the offer to act for the company that `by` acts for under this mandate.

        Raise `AssuranceTooLowError`, `NotPermittedError` where the mandate does not let him,
        `InvalidMandateError` with every fault, and as `current` does.
        """
        under = self.current(under_id, at=at)
        if under.actor != by.id or under.principal.kind is not HolderKind.LEGAL:
            raise NotPermittedError
        by.verify_level(TO_REPRESENT)
        faults = faults_of_terms(terms, Grounds.AGENT, at)
        if under.grounds is not Grounds.REPRESENTATIVE:
            if not under.transferable:
                raise NotPermittedError
            faults += faults_of_handing_on(terms, under)
        actor = self._named(agent, {by.id}, faults, at)
        grant = Grant(
            grounds=Grounds.AGENT,
            principal=under.principal,
            principal_party=_company_party(under.principal.id, under.principal_name),
            actor=actor,
            terms=terms,
            granted_by=by.id,
            under=under,
        )
        return self._mandates.grant(grant, officer=_account(by), at=at)

    def authorise(
        self, principal: NaturalPerson, proxy: NamedPerson, terms: Terms, *, at: datetime
    ) -> Mandate:
        """Return the offer to act for the person himself (代办). Raise as `name_agent` does."""
        principal.verify_level(TO_AUTHORISE)
        self._subjects.verify_living(principal.id, at=at)
        faults = faults_of_terms(terms, Grounds.PROXY, at)
        actor = self._named(proxy, {principal.id}, faults, at)
        grant = Grant(
            grounds=Grounds.PROXY,
            principal=Principal(HolderKind.NATURAL, principal.id),
            principal_party=Party(principal.name, principal.document),
            actor=actor,
            terms=terms,
            granted_by=principal.id,
        )
        return self._mandates.grant(grant, officer=_account(principal), at=at)

    def grant_at_counter(
        self,
        clerk: str,
        principal: NamedPerson,
        relative: NamedPerson,
        terms: Terms,
        *,
        at: datetime,
    ) -> Mandate:
        """Return the mandate of a relative whose and whose principal's documents a clerk saw.

        `clerk` is the clerk's account; that he holds the post is the caller's affair. Raise
        `InvalidMandateError`, `BaseUnavailableError`.
        """
        faults = faults_of_terms(terms, Grounds.AT_COUNTER, at)
        person = self._named(principal, set(), faults, at, field="principal")
        actor = self._named(relative, {person.id}, faults, at)
        actor = self._subjects.raise_level(actor.id, LevelMeans.COUNTER_ORIGINAL, by=clerk, at=at)
        grant = Grant(
            grounds=Grounds.AT_COUNTER,
            principal=Principal(HolderKind.NATURAL, person.id),
            principal_party=Party(person.name, person.document),
            actor=actor,
            terms=terms,
            granted_by=f"clerk:{clerk}",
        )
        return self._mandates.grant(grant, officer=clerk, at=at)

    def accept(self, mandate_id: str, actor: NaturalPerson, *, at: datetime) -> Mandate:
        """Return the mandate, accepted. Raise `AssuranceTooLowError`, and as `Mandates` does."""
        actor.verify_level(TO_ACCEPT)
        return self._mandates.accept(mandate_id, actor.id, at=at)

    def recall(self, mandate_id: str, by: NaturalPerson, *, at: datetime) -> Mandate:
        """Return the mandate, recalled by the principal or by whoever acts for it by law.

        No base is asked: a recall must not wait. Raise `NotPermittedError` for anybody else and
        for what only a base can end.
        """
        mandate = self._mandates.get(mandate_id)
        if mandate.grounds in {Grounds.REPRESENTATIVE, Grounds.GUARDIAN}:
            raise NotPermittedError
        self.verify_may_recall(mandate, by, at=at)
        return self._mandates.recall(mandate_id, by.id, at=at)

    def verify_may_recall(self, mandate: Mandate, by: NaturalPerson, *, at: datetime) -> None:
        """Raise `NotPermittedError` unless `by` stands where the mandate comes from."""
        if by.id == mandate.principal.id:
            return
        under = mandate.content.granted_under
        held = (
            other
            for other in self._mandates.of_actor(by.id)
            if other.principal == mandate.principal
            and (
                other.grounds in {Grounds.REPRESENTATIVE, Grounds.GUARDIAN}
                or (under is not None and other.id == under[0])
            )
            and other.standing(at) is Standing.IN_FORCE
        )
        if next(held, None) is None:
            raise NotPermittedError

    def begin(self, mandate_id: str, actor: NaturalPerson, *, at: datetime) -> Mandate:
        """Return the mandate under which its actor begins to act now. Raise as `current` does.

        Raise `NotPermittedError` for anybody but the actor. A guardian is asked about once more:
        a court may have ended it.
        """
        mandate = self.current(mandate_id, at=at)
        if mandate.actor != actor.id:
            raise NotPermittedError
        if mandate.grounds is Grounds.GUARDIAN and mandate.principal.id not in {
            ward.person.id for ward in self._wards_of(actor, at=at)
        }:
            self._mandates.end(mandate.id, at=at)
            raise MandateEndedError(Standing.ENDED.value)
        return mandate

    def current(self, mandate_id: str, *, at: datetime, outage: timedelta = timedelta()) -> Mandate:
        """Return the mandate if somebody can act under it by what the bases say now.

        What they say ends it at once, with all that is held under it. Raise `MandateEndedError`,
        `PersonEndedError`, `LegalPersonEndedError`; raise `BaseUnavailableError` when a base has
        to be asked and does not answer, unless its last word is younger than `outage`.
        """
        mandate = self._mandates.valid(mandate_id, at=at)
        try:
            actor = self._subjects.verify_living(mandate.actor, at=at, outage=outage)
        except PersonEndedError:
            self._mandates.end_all_of_actor(mandate.actor, at=at)
            raise
        if mandate.principal.kind is HolderKind.NATURAL:
            self._verify_principal_lives(mandate, at, outage)
            return mandate
        company = self._existing(mandate.principal, at, outage)
        representative = self._legal_persons.is_representative(company, actor)
        if mandate.grounds is Grounds.REPRESENTATIVE and not representative:
            self._mandates.end(mandate.id, at=at)
            raise MandateEndedError(Standing.ENDED.value)
        return mandate

    def reread(self, mandate_ids: Iterable[str], *, at: datetime) -> int:
        """Ask the bases about mandates in use; return how many were found to be over.

        For a job that runs while people act. A base that is away ends nothing; whoever wants to
        go on for too long meanwhile is stopped where he does, by `current`.
        """
        over = 0
        for mandate_id in mandate_ids:
            try:
                self.current(mandate_id, at=at, outage=STATE_MAY_BE_OLD_IN_OUTAGE)
            except BaseUnavailableError:
                continue
            except IdentityError:
                over += 1
        return over

    def _verify_principal_lives(self, mandate: Mandate, at: datetime, outage: timedelta) -> None:
        try:
            self._subjects.verify_living(mandate.principal.id, at=at, outage=outage)
        except PersonEndedError:
            self._mandates.end_all_of(mandate.principal, at=at)
            raise

    def _existing(self, principal: Principal, at: datetime, outage: timedelta) -> LegalPerson:
        company = self._legal_persons.read(principal.id, at=at, outage=outage)
        if company.state is not LegalState.ACTIVE:
            self._mandates.end_all_of(principal, at=at)
            raise LegalPersonEndedError(company.state.value, company.successor)
        return company

    def _wards_of(self, guardian: NaturalPerson, *, at: datetime) -> tuple[Ward, ...]:
        found = self._population.wards_of(guardian.document, at=at)
        return tuple(
            Ward(
                self._subjects.register(
                    guardianship.ward, account=None, means=LevelMeans.NAMED, at=at
                ),
                guardianship.until,
            )
            for guardianship in found
            if guardianship.until > at
        )

    def _named(
        self,
        named: NamedPerson,
        not_these: set[str],
        faults: list[MandateFault],
        at: datetime,
        field: str = "actor",
    ) -> NaturalPerson:
        """Return the person who was named; raise `InvalidMandateError` with all `faults`."""
        known = self._subjects.find(named.document)
        if known is not None and known.id in not_these:
            faults.append(MandateFault(field, "same_person"))
        answer = self._population.compare(named.document, named.name, at=at)
        if answer.state is PersonState.DECEASED or not (
            answer.same_name or self._seen_here(known, answer.state)
        ):
            faults.append(MandateFault(field, "data_differ"))
        if faults:
            raise InvalidMandateError(faults)
        try:
            return self._subjects.register(named, account=None, means=LevelMeans.NAMED, at=at)
        except (DataDifferError, DocumentHeldError):
            raise InvalidMandateError([MandateFault(field, "data_differ")]) from None

    def _seen_here(self, known: NaturalPerson | None, state: PersonState) -> bool:
        # The base does not keep every passport; whoever was seen at a counter is known by it.
        return (
            state is PersonState.UNKNOWN
            and known is not None
            and known.identity_level >= IdentityLevel.SEEN
        )


def _company_party(uscc: str, name: str) -> Party:
    return Party(name, IdentityDocument(DocumentType.UNIFIED_SOCIAL_CREDIT_CODE, uscc))


def _account(person: NaturalPerson) -> str:
    if person.account is None:
        raise NotPermittedError  # whoever grants something is signed in
    return person.account
