"""Where the time of issuing goes: a stopwatch around the doors it passes through.

The doors are wrapped from outside for the duration of a measurement, so nothing is added to the
code that is measured. Time within an inner door is the inner one's alone.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

from bench.measuring import MS_PER_NS, Spent

Door = tuple[Any, str]
"""A class or module, and the name of a function in it."""


class Stopwatch:
    """Adds up CPU and wall time by stage; one thread only."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._total: dict[str, list[int]] = {}
        self._inner: list[list[int]] = []

    def spent(self, parts: int) -> dict[str, Spent]:
        """Return what each stage took, divided by so many parts."""
        return {
            stage: Spent(cpu * MS_PER_NS, wall * MS_PER_NS) / parts
            for stage, (cpu, wall) in self._total.items()
        }

    def wrap(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function`, timed as part of `stage`."""

        @wraps(function)
        def timed(*args: Any, **keywords: Any) -> Any:  # noqa: ANN401 - whatever it takes and gives
            inner = [0, 0]
            self._inner.append(inner)
            wall, cpu = time.perf_counter_ns(), time.process_time_ns()
            try:
                return function(*args, **keywords)
            finally:
                cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
                self._inner.pop()
                total = self._total.setdefault(stage, [0, 0])
                total[0] += cpu - inner[0]
                total[1] += wall - inner[1]
                if self._inner:
                    self._inner[-1][0] += cpu
                    self._inner[-1][1] += wall

        return timed


@contextmanager
def watched(stages: Mapping[str, Sequence[Door]]) -> Iterator[Stopwatch]:
    """Time these doors, stage by stage, until the end of the block."""
    stopwatch = Stopwatch()
    originals = [(owner, name, owner.__dict__[name]) for d in stages.values() for owner, name in d]
    try:
        for stage, doors in stages.items():
            for owner, name in doors:
                setattr(owner, name, stopwatch.wrap(stage, owner.__dict__[name]))
        yield stopwatch
    finally:
        for owner, name, function in originals:
            setattr(owner, name, function)
