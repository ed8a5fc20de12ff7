"""What differs between what was wanted and what was found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as it should be."""

    field: str
    found: object
    wanted: object

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.field}: {_shown(self.found)} → {_shown(self.wanted)}"


def differences(
    wanted: Mapping[str, object], found: Mapping[str, Any], *, exact: frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """Yield each field of `wanted` that `found` has otherwise.

    What `found` has beyond is no difference, except in the maps named in `exact`: there each
    further entry that is not empty is one, wanted to be absent.
    """
    for name, value in wanted.items():
        there = found.get(name)
        if isinstance(value, Mapping):
            there = there if isinstance(there, Mapping) else {}
            for inner in differences(value, there):
                yield Difference(f"{name}.{inner.field}", inner.found, inner.wanted)
            if name in exact:
                for extra in sorted(there.keys() - value.keys()):
                    if there[extra]:
                        yield Difference(f"{name}.{extra}", there[extra], None)
        elif _comparable(value) != _comparable(there):
            yield Difference(name, there, value)


def _comparable(value: object) -> object:
    """Return `value` so that absent equals empty and the order of words in a list is no matter."""
    if isinstance(value, list | tuple):
        words = [_comparable(part) for part in value]
        return sorted(words, key=repr) or None
    if isinstance(value, Mapping):
        return {name: _comparable(part) for name, part in value.items()}
    return None if value == "" else value


def _shown(value: object) -> str:
    return "–" if value is None else str(value)
