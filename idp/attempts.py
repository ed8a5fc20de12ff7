"""What a browser has under way: sign-ins, and forms that wait for a higher level.

Each sign-in is bound to the browser it was begun in and finishes once; several tabs may have one
each. A form that could not be sent because the level was too low is kept for its session.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from idp.database import Transactions
from idp.keeping import Keeping
from idp.login import ATTEMPT_LIFETIME, LoginAttempt
from idp.personal_data import PersonalData
from idp.sessions import OpenSession, new_secret

MOST_ATTEMPTS = 20
"""Of one browser: more tabs than anybody has."""
FORM_LIFETIME = timedelta(minutes=30)
MOST_FORMS = 5
"""Of one session; each is at most as long as a request may be."""


@dataclass(frozen=True, slots=True)
class KeptAttempt:
    """A sign-in that came back to the browser it was begun in."""

    attempt: LoginAttempt
    client_id: str
    """Which of our clients began it."""
    return_to: str = field(repr=False)
    """Where the person wanted to go: a path of our own."""
    purpose: str
    """What it was for: "session", or a word of whoever completes it."""


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A form as it was sent."""

    action: str
    """The path it was sent to."""
    fields: tuple[tuple[str, str], ...] = field(repr=False)


class Attempts:
    """The sign-ins under way."""

    def __init__(self, transactions: Transactions, personal_data: PersonalData) -> None:
        """Keep them in the identity database."""
        self._keeping = Keeping(
            transactions, personal_data, "attempt", ATTEMPT_LIFETIME, MOST_ATTEMPTS
        )

    def keep(  # noqa: PLR0913 - all of what comes back
        self,
        attempt: LoginAttempt,
        *,
        browser: str,
        client_id: str,
        return_to: str,
        purpose: str,
        at: datetime,
    ) -> None:
        """Keep an attempt for the browser whose cookie is `browser`."""
        content = json.dumps([attempt.to_json(), client_id, return_to, purpose])
        self._keeping.keep(attempt.state, browser, content, at=at)

    def take(self, unverified_state: str, unverified_browser: str, *, at: datetime) -> KeptAttempt:
        """Return the attempt, once. Raise `UnknownAttemptError`."""
        content = self._keeping.take(unverified_state, unverified_browser, at=at)
        attempt, client_id, return_to, purpose = json.loads(content)
        return KeptAttempt(LoginAttempt.from_json(attempt), client_id, return_to, purpose)


class Returns:
    """Where somebody wanted to go who is signing out first, to come back as somebody else."""

    def __init__(self, transactions: Transactions, personal_data: PersonalData) -> None:
        """Keep them in the identity database."""
        self._keeping = Keeping(
            transactions, personal_data, "return", ATTEMPT_LIFETIME, MOST_ATTEMPTS
        )

    def keep(self, return_to: str, *, browser: str, at: datetime) -> str:
        """Keep a path of our own for a browser and return the `state` that brings it back."""
        state = new_secret()
        self._keeping.keep(state, browser, return_to, at=at)
        return state

    def take(self, unverified_state: str, unverified_browser: str, *, at: datetime) -> str:
        """Return the path, once. Raise `UnknownAttemptError`."""
        return self._keeping.take(unverified_state, unverified_browser, at=at)


class KeptForms:
    """Forms that wait for their session to reach a level."""

    def __init__(self, transactions: Transactions, personal_data: PersonalData) -> None:
        """Keep them in the identity database, encrypted."""
        self._keeping = Keeping(transactions, personal_data, "form", FORM_LIFETIME, MOST_FORMS)

    def keep(self, form: KeptForm, session: OpenSession, *, at: datetime) -> str:
        """Keep a form for a session and return the id under which it is given back."""
        key = new_secret()
        self._keeping.keep(key, session.id, json.dumps([form.action, form.fields]), at=at)
        return key

    def look_at(self, unverified_id: str, session: OpenSession, *, at: datetime) -> KeptForm:
        """Return the form, which stays for another look. Raise `UnknownAttemptError`."""
        action, fields = json.loads(self._keeping.look_at(unverified_id, session.id, at=at))
        return KeptForm(action, tuple((name, value) for name, value in fields))
