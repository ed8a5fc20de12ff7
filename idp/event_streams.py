"""Following a stream of events without losing one and without acting twice.

Events are committed some moments after the time they bear, and their list is sorted by time alone:
so each look goes back a little behind the last event, and those already met are known by their id.
The position is kept in the database: it outlives this process, and events wait at the provider
while nobody looks. Two processes that follow one stream may both act on an event; every act here
may be done twice.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection, delete, insert, select, update

from idp.database import Transactions
from idp.errors import RealmRefusedError
from idp.tables import watch_positions as positions
from idp.tables import watched_events as met

OVERLAP = timedelta(seconds=60)
"""A commit takes a tenth of a second, that of a large import some seconds."""
GIVEN_UP_AFTER = timedelta(hours=24)
"""No session lasts longer: what should have ended has ended."""


class Event(Protocol):
    """Something that happened at the provider."""

    @property
    def id(self) -> str:
        """Its id; never used again."""
        ...

    @property
    def time(self) -> datetime:
        """When it happened, by the provider's clock."""
        ...


AnyEvent = TypeVar("AnyEvent", bound=Event)


@dataclass(frozen=True, slots=True)
class EventStream(Generic[AnyEvent]):
    """One stream, by its name in the database."""

    transactions: Transactions
    name: str

    def follow(
        self,
        fetch: Callable[[datetime], Iterable[AnyEvent]],
        handle: Callable[[AnyEvent], object],
        *,
        at: datetime,
    ) -> int:
        """Handle what is new, the oldest first; return how many events were handled.

        What `fetch` or `handle` raise ends it here, and the event comes again with the next call.
        Only a `RealmRefusedError` is raised at the end: one event that cannot be handled holds up
        no others. It comes again as well, for as long as a session can last.
        """
        since = self.begin(at) - OVERLAP
        events = sorted(fetch(since), key=lambda event: event.time)
        known = self._known()
        handled, refused, limit = 0, None, at
        for event in events:
            if event.id in known:
                continue
            try:
                handle(event)
            except RealmRefusedError as error:
                refused = error
                if at - event.time < GIVEN_UP_AFTER:
                    limit = min(limit, event.time)
                    continue
            self._note(event, limit)
            handled += 1
        if refused is not None:
            raise refused
        return handled

    def begin(self, at: datetime) -> datetime:
        """Return the position; at the very first call it is now, and is kept."""
        which = select(positions.c.position).where(positions.c.stream == self.name)
        with self.transactions.reading() as connection:
            position = connection.scalar(which)
        if position is None:
            with self.transactions() as connection:
                position = connection.scalar(which)
                if position is None:
                    row = {"stream": self.name, "position": at}
                    connection.execute(insert(positions).values(row))
                    position = at
        return position

    def move(self, position: datetime) -> None:
        """Go on from `position`; never back."""
        with self.transactions() as connection:
            self._move(connection, position)

    def _known(self) -> set[str]:
        with self.transactions.reading() as connection:
            return set(connection.scalars(select(met.c.id).where(met.c.stream == self.name)))

    def _note(self, event: AnyEvent, limit: datetime) -> None:
        of_stream = met.c.stream == self.name
        with self.transactions() as connection:
            # Never past now: while a clock that was ahead is put right, events bear earlier times.
            self._move(connection, min(event.time, limit))
            which = select(met.c.id).where(of_stream, met.c.id == event.id)
            if connection.scalar(which) is None:
                row = {"stream": self.name, "id": event.id, "occurred_at": event.time}
                connection.execute(insert(met).values(row))
            position = connection.scalars(
                select(positions.c.position).where(positions.c.stream == self.name)
            ).one()
            # Twice the overlap: another process may be a look behind.
            connection.execute(
                delete(met).where(of_stream, met.c.occurred_at < position - 2 * OVERLAP)
            )

    def _move(self, connection: Connection, position: datetime) -> None:
        which = (positions.c.stream == self.name) & (positions.c.position < position)
        connection.execute(update(positions).where(which).values(position=position))
