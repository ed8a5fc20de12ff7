"""What a row of the table says, and how it is written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.measuring import Spent, Timing


@dataclass(frozen=True, slots=True)
class Goal:
    """What was aimed at, and what was reached."""

    what: str
    wanted: str
    reached: str
    met: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Lines under headings; the first column is words, the others are numbers."""

    headings: Sequence[str]
    lines: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table, measured."""

    title: str
    goals: Sequence[Goal]
    tables: Sequence[Table]
    notes: str

    def as_markdown(self) -> str:
        """Return the row as a chapter."""
        parts = [f"## {self.title}"]
        if self.goals:
            goals = [
                [g.what, g.wanted, g.reached, "met" if g.met else "**missed**"] for g in self.goals
            ]
            parts.append(_table(Table(["goal", "wanted", "reached", ""], goals)))
        parts += map(_table, self.tables)
        parts.append(self.notes.strip())
        return "\n\n".join(parts) + "\n"


def at_least(what: str, wanted: float, reached: float, unit: str = "×") -> Goal:
    """Return a goal that is met when `reached` is no less than `wanted`."""
    return Goal(what, f"≥ {wanted:g}{unit}", f"{reached:.1f}{unit}", reached >= wanted)


def at_most(what: str, wanted: float, reached: float, unit: str) -> Goal:
    """Return a goal that is met when `reached` is no more than `wanted`."""
    return Goal(what, f"≤ {wanted:g}{unit}", f"{reached:.1f}{unit}", reached <= wanted)


def compare_table(timings: Mapping[str, Timing], peer: Timing) -> Table:
    """Return the medians of all, and how many times as much the peer takes."""
    return Table(
        ["work", "CPU ms", "wall ms", "the peer takes: CPU", "wall"],
        [
            [
                name,
                number(timing.cpu_ms),
                number(timing.wall_ms),
                f"{peer.cpu_ratio(timing):.1f}×",
                f"{peer.wall_ratio(timing):.1f}×",
            ]
            for name, timing in timings.items()
        ],
    )


def waiting(spent: Spent) -> str:
    """Return what was spent without calculating: on the disk, or while others had the core."""
    return number(max(0.0, spent.wall_ms - spent.cpu_ms))


def number(milliseconds: float) -> str:
    """Return milliseconds with three digits that say something."""
    return f"{milliseconds:.3f}" if milliseconds < 1 else f"{milliseconds:.2f}"


def _table(table: Table) -> str:
    rule = ["---", *["---:"] * (len(table.headings) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (table.headings, rule, *table.lines))
