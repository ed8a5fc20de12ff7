"""What `serve` does again and again beside answering: each function in turn, in one thread.

A job takes the time and may run twice: another process may run the same one. One that fails is
logged without its words, which may quote somebody, and comes again at its next turn; so does one
whose counterpart is away. A new failure is one line in the log, however often it repeats.
"""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Condition, Thread
from types import TracebackType
from typing import Self

import structlog

from idp.errors import BaseUnavailableError, ProviderUnavailableError

AWAY = (ProviderUnavailableError, BaseUnavailableError)
"""A counterpart that starts later, or is started anew, is no fault of ours."""

# A job waits for others at most as long as their own limits: some seconds.
SECONDS_TO_STOP = 15

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One function, and how long it rests after each run."""

    name: str
    every: timedelta
    run: Callable[[datetime], object]


class Periodic:
    """Runs its jobs from `start` to `stop`, or for a `with` block; each at once, then at its turn.

    A job never overlaps itself or another of the same runner: what may wait long for others gets
    a runner of its own.
    """

    def __init__(self, jobs: Sequence[Job], *, clock: Callable[[], datetime]) -> None:
        """Run `jobs` with the time of `clock`. Raise `ValueError` for none, or two of one name."""
        self._jobs = {job.name: job for job in jobs}
        if not jobs or len(self._jobs) != len(jobs):
            raise ValueError("no job, or two of one name")
        self._clock = clock
        self._changed = Condition()
        self._due = dict.fromkeys(self._jobs, time.monotonic())
        self._stopping = False
        self._failures: dict[str, str] = {}
        # A daemon: a job that hangs does not keep the process from ending.
        self._thread = Thread(target=self._work, name="periodic", daemon=True)

    def start(self) -> None:
        """Begin; once only."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no further job and return when the one under way has ended."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(SECONDS_TO_STOP)
        if self._thread.is_alive():
            _log.warning("job_does_not_end")

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            self._run(job)
            self._due[job.name] = time.monotonic() + job.every.total_seconds()

    def _next(self) -> Job | None:
        """Wait for the job whose turn is first; `None` at the end."""
        with self._changed:
            while not self._stopping:
                name, due = min(self._due.items(), key=lambda item: item[1])
                rest = due - time.monotonic()
                if rest <= 0:
                    return self._jobs[name]
                self._changed.wait(rest)
        return None

    def _run(self, job: Job) -> None:
        try:
            job.run(self._clock())
        except Exception as error:  # noqa: BLE001  # whatever it is, the others go on
            self._note_failure(job.name, error)
        else:
            if self._failures.pop(job.name, None) is not None:
                _log.info("job_recovered", job=job.name)

    def _note_failure(self, name: str, error: Exception) -> None:
        kind = f"{type(error).__qualname__} {getattr(error, 'code', '')}".rstrip()
        if self._failures.get(name) == kind:
            return
        self._failures[name] = kind
        if isinstance(error, AWAY):
            _log.warning("job_waits", job=name, code=error.code)
            return
        frames = traceback.extract_tb(error.__traceback__)
        _log.error(
            "job_failed",
            job=name,
            error=type(error).__qualname__,
            code=getattr(error, "code", ""),
            at=[f"{frame.filename}:{frame.lineno}" for frame in frames[-5:]],
        )
