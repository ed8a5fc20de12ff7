"""What can be wrong with a portal's file: a place, a stable word, never a value of the file."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class PortalFaultKind(StrEnum):
    """What is wrong at one place."""

    NOT_YAML = "not_yaml"
    """Not YAML as `idp.strict_yaml` reads it; the detail is the line."""
    REQUIRED = "required"
    UNKNOWN_KEY = "unknown_key"
    NOT_TEXT = "not_text"
    NOT_A_LIST = "not_a_list"
    NOT_A_GROUP = "not_a_group"
    """Something else than keys with values."""
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_MANY = "too_many"
    PATTERN = "pattern"
    NOT_ONE_OF = "not_one_of"
    """The detail lists what may stand there."""
    NOT_ENCRYPTED = "not_encrypted"
    """An address that is neither https nor http on this machine."""
    HOST_NAME = "host_name"
    NOT_PLAIN = "not_plain"
    """An address with a query, a fragment or the port 0."""
    NOT_AN_ORIGIN = "not_an_origin"
    NO_PATH = "no_path"
    LOCALHOST = "localhost"
    """A name under localhost, which servers do not find."""
    CONTRAST = "contrast"
    RESERVED = "reserved"
    TWICE = "twice"
    NO_LEGAL_BASIS = "no_legal_basis"
    """Document numbers are granted, and nothing says why."""
    SAME_IN_TWO_FILES = "same_in_two_files"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True, order=True)
class PortalFault:
    """One fault of a portal's file."""

    place: str
    """The file's name, if there are several, and a JSON pointer into it."""
    kind: PortalFaultKind
    detail: str = ""

    def within(self, file: str) -> Self:
        """Return the fault as one of this file."""
        return type(self)(f"{file}{self.place}", self.kind, self.detail)

    def __str__(self) -> str:
        """Return it for programs and logs."""
        return f"{self.place}: {self.kind} {self.detail}".rstrip()
