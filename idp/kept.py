"""Something fetched from elsewhere, kept for a while: one thread fetches, nobody waits in vain.

While the kept value is fresh it is given out. When it is no longer fresh, one thread fetches anew
and the others get the kept one; a failure leaves it in use until it is too old. When there is none,
all wait for the one who fetches; when that failed, those who come during the next try are refused
at once, so that a source that hangs holds up one thread and not all.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from idp.errors import ProviderUnavailableError
from idp.faults import ProviderFault

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class KeptLimits:
    """How long a value is kept."""

    fresh: timedelta
    """So long it is given out without a question."""
    usable: timedelta
    """So long it is given out when it cannot be fetched anew."""
    pause: timedelta
    """Between two tries after one that failed."""


@dataclass(frozen=True, slots=True)
class _State(Generic[Value]):
    """What is known; replaced as a whole, so that readers need no lock."""

    value: Value | None = None
    fetched_at: datetime | None = None
    tried_at: datetime | None = None
    fault: ProviderFault | None = None
    """Of the last try."""


class Kept(Generic[Value]):
    """A kept value."""

    def __init__(self, limits: KeptLimits) -> None:
        """Keep nothing yet."""
        self._limits = limits
        self._state: _State[Value] = _State()
        self._turn = threading.Lock()

    def get(self, fetch: Callable[[], Value], *, at: datetime) -> Value:
        """Return the value, kept or fetched; raise what `fetch` raises when there is none."""
        state = self._state
        if state.value is not None and state.fetched_at is not None:
            age = at - state.fetched_at
            if age < self._limits.fresh:
                return state.value
            if age < self._limits.usable:
                return self._refresh(fetch, state.value, at=at)
        return self._fetch_first(fetch, at=at)

    def renew(self, fetch: Callable[[], Value], *, at: datetime, pause: timedelta) -> Value:
        """Return the value, fetched anew unless that was tried less than `pause` ago."""
        self._wait(self._state)
        try:
            state = self._state
            if state.value is not None and not self._may_try(at, pause):
                if state.fault is not None:  # what is missing may well be there
                    raise ProviderUnavailableError(state.fault)
                return state.value
            return self._fetch(fetch, at=at)
        finally:
            self._turn.release()

    def _refresh(self, fetch: Callable[[], Value], kept: Value, *, at: datetime) -> Value:
        if not self._may_try(at, self._limits.pause) or not self._turn.acquire(blocking=False):
            return kept
        try:
            return self._fetch(fetch, at=at)
        except ProviderUnavailableError:
            return kept
        finally:
            self._turn.release()

    def _fetch_first(self, fetch: Callable[[], Value], *, at: datetime) -> Value:
        before = self._state
        self._wait(before)
        try:
            state = self._state
            if state is not before and state.value is not None and state.fault is None:
                return state.value  # somebody fetched it while we waited
            if state.fault is not None and not self._may_try(at, self._limits.pause):
                raise ProviderUnavailableError(state.fault)
            return self._fetch(fetch, at=at)
        finally:
            self._turn.release()

    def _wait(self, known: _State[Value]) -> None:
        # Nobody waits behind one who tries what has just failed.
        if known.fault is None:
            self._turn.acquire()
        elif not self._turn.acquire(blocking=False):
            raise ProviderUnavailableError(known.fault)

    def _may_try(self, at: datetime, pause: timedelta) -> bool:
        tried_at = self._state.tried_at
        return tried_at is None or not timedelta(0) <= at - tried_at < pause

    def _fetch(self, fetch: Callable[[], Value], *, at: datetime) -> Value:
        try:
            value = fetch()
        except ProviderUnavailableError as error:
            self._state = replace(self._state, tried_at=at, fault=error.reason)
            raise
        self._state = _State(value, fetched_at=at, tried_at=at)
        return value
