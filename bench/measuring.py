"""Time work beside its peer: one core, warmed up, rounds interleaved, medians.

A machine is never quiet. So whatever is compared runs in turns on one core, and a ratio is the
median of the ratios of the rounds: what disturbs a round disturbs both.
"""

import gc
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

MS_PER_NS = 1e-6


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of one process."""

    cpu_ms: float
    """Of all its threads; what other processes do for it is not in it."""
    wall_ms: float

    def __truediv__(self, parts: int) -> "Spent":
        """Return the share of one of so many parts."""
        return Spent(self.cpu_ms / parts, self.wall_ms / parts)


@dataclass(frozen=True, slots=True)
class Work:
    """Something to be timed."""

    run: Callable[[], object]
    repeats: int
    """How often in one round; enough that a round takes some tenths of a second."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What one piece of work took, round by round."""

    rounds: Sequence[Spent]

    @property
    def cpu_ms(self) -> float:
        """The median of the rounds."""
        return median(spent.cpu_ms for spent in self.rounds)

    @property
    def wall_ms(self) -> float:
        """The median of the rounds."""
        return median(spent.wall_ms for spent in self.rounds)

    def cpu_ratio(self, faster: "Timing") -> float:
        """Return how many times the CPU of `faster` this takes: median over the rounds."""
        pairs = zip(self.rounds, faster.rounds, strict=True)
        return median(slow.cpu_ms / fast.cpu_ms for slow, fast in pairs)

    def wall_ratio(self, faster: "Timing") -> float:
        """Return how many times as long as `faster` this takes: median over the rounds."""
        pairs = zip(self.rounds, faster.rounds, strict=True)
        return median(slow.wall_ms / fast.wall_ms for slow, fast in pairs)


def keep_to_one_core() -> int:
    """Bind this process, and what it starts, to one core; return its number."""
    core = max(os.sched_getaffinity(0))  # interrupts are mostly served by the first
    os.sched_setaffinity(0, {core})
    return core


def spend(run: Callable[[], object]) -> Spent:
    """Return what running it takes of this process."""
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    run()
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return Spent(cpu * MS_PER_NS, wall * MS_PER_NS)


def compare(works: Mapping[str, Work], *, rounds: int) -> dict[str, Timing]:
    """Return the timing of each work; one more round, the first, warms up and does not count."""
    spent: dict[str, list[Spent]] = {name: [] for name in works}
    names = list(works)
    for number in range(rounds + 1):
        names.append(names.pop(0))  # nobody always runs first
        for name in names:
            gc.collect()
            work = works[name]
            once = spend(lambda: [work.run() for _ in range(work.repeats)]) / work.repeats  # noqa: B023 - run at once
            if number:
                spent[name].append(once)
    return {name: Timing(rounds) for name, rounds in spent.items()}
