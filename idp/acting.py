"""For whom a sign-in acts: chosen once, told to every portal by a statement of ours.

A portal knows a person by a pseudonym of its own and the identity server's session (`sid`), which
is the same everywhere. So the choice is kept by that session, and a portal that shows an access
token is told for whom this very sign-in acts without any identifier that two portals share. The
statement is a JWT (ES256) for that portal alone, good for a few minutes: `sub` is the principal,
`act.sub` whoever acts (RFC 8693, 4.1), and the mandate is quoted by id and digest.
"""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import delete, insert, select, update

from idp.client_authentication import public_jwks
from idp.database import Transactions
from idp.documents import HolderKind
from idp.errors import NotPermittedError
from idp.mandates import Mandate, MandateState
from idp.realm_changes import SESSION_LASTS_AT_MOST
from idp.tables import acting_choices, mandates
from signing.envelope import IndexKey

STATEMENT_LASTS = timedelta(minutes=2)
"""A recall also ends the sign-in; a portal that misses that goes on for no longer than this."""
ANSWER_LASTS = timedelta(minutes=2)
"""How long what the identity server said of somebody's companies may serve for choosing one."""
STATEMENT_TYPE = "acting+jwt"
"""An explicit type: no other token of ours can pass for one (RFC 8725, 3.11)."""
_ALGORITHM = "ES256"
_OVER = select(mandates.c.id).where(mandates.c.state != MandateState.ACTIVE.value)


class AccessClaims(Protocol):
    """What is taken from a portal's verified access token."""

    @property
    def account(self) -> str:
        """The `sub`: pairwise."""
        ...

    @property
    def session_id(self) -> str | None:
        """The `sid`."""
        ...

    @property
    def client_id(self) -> str:
        """The portal."""
        ...


@dataclass(frozen=True, slots=True)
class ActingChoice:
    """For whom a sign-in acts."""

    account: str
    mandate_id: str | None
    """None: for himself."""


@dataclass(frozen=True, slots=True)
class ActingChoices:
    """The choices of all sign-ins, by the identity server's session."""

    transactions: Transactions

    def choose(
        self, session_id: str, account: str, mandate_id: str | None, *, at: datetime
    ) -> None:
        """Let the sign-in act under the mandate, or for the person himself."""
        self._put(session_id, account, {"mandate_id": mandate_id}, at)

    def of_session(self, session_id: str, *, at: datetime) -> ActingChoice | None:
        """Return what was chosen; None: nothing, the person acts for himself."""
        query = select(acting_choices).where(
            acting_choices.c.session_id == session_id, acting_choices.c.expires_at > at
        )
        with self.transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else ActingChoice(row.account, row.mandate_id)

    def in_use(self, *, at: datetime) -> tuple[str, ...]:
        """Return the mandates under which somebody acts just now."""
        query = select(acting_choices.c.mandate_id).where(
            acting_choices.c.expires_at > at,
            acting_choices.c.mandate_id.is_not(None),
            acting_choices.c.mandate_id.not_in(_OVER),
        )
        with self.transactions.reading() as connection:
            return tuple(connection.scalars(query.distinct()).all())

    def forget(self, session_id: str) -> None:
        """Forget a sign-in that is over, unless the mandate it acted under is over too.

        A portal that has not heard of either may still show its access token, for minutes: it is
        told that the mandate has ended, and not that the person acts for himself.
        """
        chosen = acting_choices.c.mandate_id
        which = (acting_choices.c.session_id == session_id) & (
            chosen.is_(None) | chosen.not_in(_OVER)
        )
        with self.transactions() as connection:
            connection.execute(delete(acting_choices).where(which))

    def note_organisations(
        self, session_id: str, account: str, aliases: Sequence[str], *, at: datetime
    ) -> None:
        """Keep which companies the identity server named for this sign-in."""
        noted = {"organisations": json.dumps(sorted(aliases)), "asked_at": at}
        self._put(session_id, account, noted, at)

    def organisations_of(self, session_id: str, *, at: datetime) -> frozenset[str] | None:
        """Return the companies it named a moment ago; None: it has to be asked."""
        query = select(acting_choices.c.organisations).where(
            acting_choices.c.session_id == session_id,
            acting_choices.c.asked_at > at - ANSWER_LASTS,
        )
        with self.transactions.reading() as connection:
            named = connection.scalar(query)
        return None if named is None else frozenset(json.loads(named))

    def _put(self, session_id: str, account: str, values: dict[str, Any], at: datetime) -> None:
        known = acting_choices.c.session_id == session_id
        fresh = {"account": account, "chosen_at": at, "expires_at": at + SESSION_LASTS_AT_MOST}
        with self.transactions() as connection:
            connection.execute(delete(acting_choices).where(acting_choices.c.expires_at <= at))
            other = known & (acting_choices.c.account != account)
            connection.execute(delete(acting_choices).where(other))
            changed = connection.execute(update(acting_choices).where(known).values(values | fresh))
            if not changed.rowcount:
                row = values | fresh | {"session_id": session_id}
                connection.execute(insert(acting_choices).values(row))


@dataclass(frozen=True, slots=True)
class Statements:
    """Says to portals who acts for whom."""

    issuer: str
    """Our origin; where the key set is."""
    key: ECKey = field(repr=False)
    index_key: IndexKey = field(repr=False)

    def issue(self, access: AccessClaims, mandate: Mandate | None, *, at: datetime) -> str:
        """Return the statement for the portal that showed this access token.

        Without a `mandate` the person acts for himself. Raise `NotPermittedError` for a token that
        stands for no sign-in of a person, `MandateEndedError` for a mandate that is not in force.
        """
        if access.session_id is None:
            raise NotPermittedError
        until = at + STATEMENT_LASTS
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": access.client_id,
            "sub": access.account,
            "sub_kind": HolderKind.NATURAL.value,
            "sid": access.session_id,
            "iat": int(at.timestamp()),
            "jti": secrets.token_urlsafe(16),
        }
        if mandate is not None:
            mandate.verify_in_force(at)
            claims |= self._on_behalf(access, mandate)
            until = min(until, mandate.until or until)
        claims["exp"] = int(until.timestamp())
        header = {"alg": _ALGORITHM, "typ": STATEMENT_TYPE, "kid": self.key.thumbprint()}
        return jwt.encode(header, claims, self.key, [_ALGORITHM])

    def jwks(self) -> dict[str, Any]:
        """Return the key set that the statements are checked with."""
        return public_jwks(self.key)

    def _on_behalf(self, access: AccessClaims, mandate: Mandate) -> dict[str, Any]:
        principal, until = mandate.principal, mandate.until
        about: dict[str, Any] = {"sub": principal.id, "sub_name": mandate.principal_name}
        if principal.kind is HolderKind.NATURAL:
            # No name and no common identifier: the portal asks the person for what it needs.
            about = {"sub": self._pseudonym(access.client_id, principal.id)}
        return {
            **about,
            "sub_kind": principal.kind.value,
            "act": {"sub": access.account},
            "mandate": {
                **mandate.quote,
                "grounds": mandate.grounds.value,
                "matters": mandate.matters.as_json(),
                "until": None if until is None else int(until.timestamp()),
            },
        }

    def _pseudonym(self, client_id: str, person_id: str) -> str:
        index = self.index_key.index("pseudonym of a principal", client_id, person_id)
        return urlsafe_b64encode(index).rstrip(b"=").decode()
