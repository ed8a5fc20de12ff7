"""Passes logout tokens on to the portals they are for, and keeps what became of it.

Keycloak calls every client of a session once, one after the other, and neither repeats a call nor
tells anybody that it failed. So the platform is the registered address of every portal: it checks
the token, answers at once, and passes the very token on, again and again while it lives, to the
address in the portal's YAML and to no other (`docs/decisions/0017`).
"""

import json
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Row, delete, insert, select, update

from idp.database import Transactions
from idp.errors import InvalidTokenError, ProviderUnavailableError
from idp.faults import ProviderFault, TokenFault
from idp.fetching import Fetcher
from idp.logout import note_seen
from idp.personal_data import PersonalData
from idp.signed_tokens import SigningKeys
from idp.tables import logout_relays as relays
from idp.tokens import verify_logout_token

SECONDS_FOR_A_PORTAL = 3.0
"""A portal ends sessions in some milliseconds; who leaves waits and looks on."""
PORTALS_AT_ONCE = 8
CLAIMED_AT_ONCE = 100
SECONDS_BETWEEN_LOOKS = 0.05
LEASE = timedelta(seconds=15)
"""What one process has taken is not taken by another, unless it died over it."""
LONGEST_PAUSE = timedelta(seconds=15)
"""Between two tries: a token lives two minutes, and a portal is restarted in some seconds."""
KEPT_FOR = timedelta(days=1)
"""Results, for pages that are still open and for those who look after portals."""
LONGEST_ANSWER = 4096

ACCEPTED = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT})
"""204 comes from some frameworks in place of 200 (Back-Channel Logout 1.0 §2.8)."""


class RelayState(StrEnum):
    """What became of it, so far."""

    RECEIVED = "received"
    """Not tried yet."""
    LEFT = "left"
    """The portal confirmed."""
    REFUSED = "refused"
    """The portal answered something else."""
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Relay:
    """What one portal was told of one leaving."""

    client_id: str
    state: RelayState
    is_retried: bool
    """There will be another try."""
    tried_at: datetime | None


@dataclass(frozen=True, slots=True)
class LogoutRelay:
    """Takes tokens from the provider and passes them on."""

    transactions: Transactions
    personal_data: PersonalData
    keys: SigningKeys
    address_of: Callable[[str], str | None]
    """Where a portal of ours takes logout tokens; None for any other client."""
    fetcher: Fetcher = field(default_factory=lambda: Fetcher(seconds=SECONDS_FOR_A_PORTAL))

    def receive(
        self, unverified_client_id: str, unverified_logout_token: str, *, at: datetime
    ) -> None:
        """Keep a token for the portal it is for; it is passed on by the next `pass_on`.

        Raise `InvalidTokenError`, for a second use and for no portal of ours too, or
        `ProviderUnavailableError` when the provider's keys cannot be had.
        """
        if self.address_of(unverified_client_id) is None:
            raise InvalidTokenError(TokenFault.WRONG_AUDIENCE, "aud")
        client_id = unverified_client_id
        claims = verify_logout_token(
            unverified_logout_token, provider=self.keys, client_id=client_id, at=at
        )
        relay = secrets.token_hex(16)
        row = {
            "id": relay,
            "client_id": client_id,
            "session_id": claims.session_id,
            "logout_token": self.personal_data.encrypt(
                unverified_logout_token, relays.c.logout_token, relay
            ),
            "received_at": at,
            "expires_at": claims.expires_at,
            "state": RelayState.RECEIVED.value,
            "tries": 0,
            "next_try_at": at,
        }
        with self.transactions() as connection:
            note_seen(connection, client_id, claims, at=at)
            connection.execute(insert(relays).values(row))

    def of_session(self, session_id: str) -> tuple[Relay, ...]:
        """Return what the portals of a provider's session were told, the latest of each."""
        which = select(relays).where(relays.c.session_id == session_id)
        with self.transactions.reading() as connection:
            rows = connection.execute(which.order_by(relays.c.received_at)).all()
        latest = {row.client_id: row for row in rows}
        return tuple(
            Relay(row.client_id, RelayState(row.state), row.next_try_at is not None, row.tried_at)
            for row in latest.values()
        )

    def wait_until_tried(self, session_id: str) -> None:
        """Return when each portal of a session was tried once, or a portal's time is up.

        Whoever has taken them is another thread or process, and is at it.
        """
        end = time.monotonic() + SECONDS_FOR_A_PORTAL
        while time.monotonic() < end and any(
            relay.state is RelayState.RECEIVED for relay in self.of_session(session_id)
        ):
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def pass_on(self, *, at: datetime) -> int:
        """Try what is due, each portal beside the others; return how many were confirmed."""
        claimed = self._claim(at)
        of_client = defaultdict[str, list[Row[Any]]](list)
        for row in claimed:
            of_client[row.client_id].append(row)
        if not of_client:
            return 0
        with ThreadPoolExecutor(min(len(of_client), PORTALS_AT_ONCE), "logout-relay") as pool:
            results = list(pool.map(self._tell_portal, of_client.values()))
        outcomes = {row: state for result in results for row, state in result.items()}
        self._keep_outcomes([(row, outcomes.get(row.id)) for row in claimed], at)
        return list(outcomes.values()).count(RelayState.LEFT)

    def _claim(self, at: datetime) -> Sequence[Row[Any]]:
        is_due = relays.c.next_try_at <= at
        due = select(relays.c.id).where(is_due, relays.c.expires_at > at)
        oldest = due.order_by(relays.c.next_try_at).limit(CLAIMED_AT_ONCE)
        taken = update(relays).where(relays.c.id.in_(oldest)).values(next_try_at=at + LEASE)
        is_over = (relays.c.expires_at <= at) & relays.c.logout_token.is_not(None)
        with self.transactions.reading() as connection:
            # Looked at first: an idle platform writes nothing every second.
            if connection.scalar(select(relays.c.id).where(is_due | is_over).limit(1)) is None:
                return ()
        with self.transactions() as connection:
            connection.execute(
                update(relays).where(is_over).values(logout_token=None, next_try_at=None)
            )
            connection.execute(delete(relays).where(relays.c.received_at <= at - KEPT_FOR))
            return connection.execute(taken.returning(*relays.c)).all()

    def _tell_portal(self, rows: Iterable[Row[Any]]) -> dict[str, RelayState]:
        """Tell one portal, as long as it answers and no longer than it may take."""
        end = time.monotonic() + SECONDS_FOR_A_PORTAL
        outcomes = dict[str, RelayState]()
        for row in rows:
            outcomes[row.id] = self._tell(row)
            if outcomes[row.id] is RelayState.UNREACHABLE or time.monotonic() > end:
                break
        return outcomes

    def _tell(self, row: Row[Any]) -> RelayState:
        address = self.address_of(row.client_id)
        if address is None:  # it was taken off the list since
            return RelayState.UNREACHABLE
        logout_token = self.personal_data.decrypt(row.logout_token, relays.c.logout_token, row.id)
        body = urlencode({"logout_token": logout_token}).encode("ascii")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = self.fetcher.post(address, form, body, longest=LONGEST_ANSWER)
        except ProviderUnavailableError as error:
            was_answered = error.reason in {ProviderFault.REDIRECTED, ProviderFault.TOO_LARGE}
            return RelayState.REFUSED if was_answered else RelayState.UNREACHABLE
        if answer.status in ACCEPTED:
            return RelayState.LEFT
        # It had the token when its first answer was lost: then it has done as it was told.
        is_known = (
            row.tries > 0 and _error_description(answer.unverified_octets) == TokenFault.REPLAYED
        )
        return RelayState.LEFT if is_known else RelayState.REFUSED

    def _keep_outcomes(
        self, outcomes: Iterable[tuple[Row[Any], RelayState | None]], at: datetime
    ) -> None:
        with self.transactions() as connection:
            for row, state in outcomes:
                values: dict[str, object]
                if state is None:  # its turn did not come
                    values = {"next_try_at": at}
                else:
                    values = {"state": state.value, "tries": row.tries + 1, "tried_at": at}
                    values |= self._next(row, state, at)
                connection.execute(update(relays).where(relays.c.id == row.id).values(values))

    def _next(self, row: Row[Any], state: RelayState, at: datetime) -> dict[str, object]:
        pause = min(timedelta(seconds=2 ** min(row.tries, 10)), LONGEST_PAUSE)
        if state is RelayState.LEFT or at + pause >= row.expires_at:
            return {"next_try_at": None, "logout_token": None}
        return {"next_try_at": at + pause}


def _error_description(unverified_octets: bytes) -> object:
    try:
        answer = json.loads(unverified_octets)
    except ValueError:
        return None
    return answer.get("error_description") if isinstance(answer, dict) else None
