"""What people read: codes translated by a catalogue in each language.

Code elsewhere knows codes only. A missing entry is a fault of ours and raises; a test walks every
code in every language.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any


class Language(StrEnum):
    """The languages that people may choose; the value is the `lang` of the page."""

    CHINESE = "zh-CN"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Messages:
    """One language's catalogue."""

    language: Language
    entries: Mapping[str, Any]

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text at the dotted `key` with `values` filled in; raise `KeyError`."""
        entry: Any = self.entries
        for part in key.split("."):
            entry = entry[part]
        if not isinstance(entry, str):
            raise KeyError(key)
        return entry.format(**values) if values else entry


@cache
def messages(language: Language) -> Messages:
    """Return the catalogue of `language`, read once from all files of its folder."""
    entries: dict[str, Any] = {}
    for file in files("api").joinpath("locale", language).iterdir():
        if file.name.endswith(".toml"):
            _merge(entries, tomllib.loads(file.read_text(encoding="utf-8")))
    return Messages(language, entries)


def _merge(entries: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add `more` to `entries`; raise `ValueError` where two files say something of one key."""
    for key, value in more.items():
        held = entries.setdefault(key, {} if isinstance(value, dict) else value)
        if isinstance(value, dict) and isinstance(held, dict):
            _merge(held, value)
        elif held is not value:
            raise ValueError(f"said twice: {key}")


def preferred_language(accept_language: str | None) -> Language:
    """Return the first of our languages that the header `Accept-Language` names; else Chinese."""
    for item in (accept_language or "").split(","):
        tag = item.split(";", 1)[0].strip().lower()
        if tag.startswith("zh"):
            return Language.CHINESE
        if tag.startswith("en"):
            return Language.ENGLISH
    return Language.CHINESE
