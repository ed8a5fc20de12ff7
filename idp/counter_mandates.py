"""A relative at the counter: the clerk saw both documents and lets him act for the other person.

The relative is there himself; the principal need not be, nor have an account. The mandate is short
(`Grounds.longest`), in force at once, names the clerk, and the principal can recall it.
"""

from datetime import datetime

from idp.counter import Clerk, Counter, CounterParts, Sighting, new_case
from idp.counter_acts import CounterAct, record
from idp.documents import IdentityDocument
from idp.errors import NotPermittedError
from idp.mandates import Mandate, Terms
from idp.names import NamedPerson
from idp.representation import Representation


class CounterMandates:
    """Grants mandates at counters."""

    def __init__(
        self, parts: CounterParts, counter: Counter, representation: Representation
    ) -> None:
        """Work with these parts, at this `counter`."""
        self._transactions = parts.transactions
        self._subjects = parts.subjects
        self._officers = parts.officers
        self._tell_realm = parts.tell_realm
        self._counter = counter
        self._representation = representation

    def grant(
        self,
        clerk: Clerk,
        principal: NamedPerson,
        relative: NamedPerson,
        terms: Terms,
        *,
        at: datetime,
    ) -> Mandate:
        """Return the mandate of a relative whose original document, and the principal's, was seen.

        What was seen raises the relative's identity level. Raise `NotPermittedError` where the
        clerk is one of the two, `OfficersAccountError` for a relative whom he may not serve,
        `InvalidMandateError` with every fault, and what `Counter.find` raises.
        """
        clerk.verify_may_accept(at=at)
        of_principal = self._account_of(principal.document, at=at)
        if of_principal == clerk.officer.account:
            raise NotPermittedError("one's own affairs")
        of_relative = self._account_of(relative.document, at=at)
        if of_relative:
            clerk.verify_may_serve(of_relative, self._officers, at=at)
        mandate = self._representation.grant_at_counter(
            clerk.officer.account, principal, relative, terms, at=at
        )
        level = self._subjects.get(mandate.actor).identity_level
        seen = new_case(clerk, of_relative, Sighting(relative.document, original=True))
        seen_too = new_case(clerk, of_principal, Sighting(principal.document, original=True))
        with self._transactions() as connection:
            for case in (seen_too, seen):
                record(connection, case, CounterAct.MANDATE_GRANTED, at=at, detail=mandate.id)
            record(connection, seen, CounterAct.LEVEL_RAISED, at=at, detail=level.claim)
        self._tell_realm(at)
        return mandate

    def _account_of(self, document: IdentityDocument, *, at: datetime) -> str:
        """Return whose account stands behind a document, "" for somebody without one."""
        known = self._counter.find(document, at=at)
        return "" if known is None else known.account
