"""Why an office could not issue, find or change a certificate.

    CertsError
    ├── UnknownTypeError · UnknownAuthorityError · UnknownCertificateError
    ├── FaultyDataError               lists every fault it found
    │   ├── InvalidOrderError         an order (ORDER.json)
    │   ├── InvalidTypeError          a folder of the catalogue
    │   └── InvalidAuthorityError     a file of the authorities
    ├── NotEntitledError · IllegalTransitionError · AlreadyIssuedError · TypeChangedError
    ├── InvalidNumberRuleError · NumbersExhaustedError · InvalidIdentifierError
    └── RegisterUnavailableError · DrawingError

Neither message nor fault ever quotes a value from an order: it may be personal data.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong, in words a program can act on."""

    pointer: str
    """Where: a JSON pointer (RFC 6901), "" for the whole; in a folder it begins with the file."""
    code: str
    """What: a stable word."""
    detail: str = ""
    """The limit or form that was expected, never the value that was given."""


class CertsError(Exception):
    """Base of all errors of this package."""

    code: ClassVar[str]


class UnknownTypeError(CertsError):
    """The catalogue has no such type, or not in this version."""

    code = "unknown_type"


class UnknownAuthorityError(CertsError):
    """No issuing authority bears this unified social credit code."""

    code = "unknown_authority"


class FaultyDataError(CertsError):
    """Data from outside break the rules; `faults` lists all that was found."""

    code = "faulty_data"

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Keep `faults` in the order of their places."""
        self.faults = tuple(sorted(set(faults)))
        super().__init__("; ".join(f"{fault.pointer or '/'} {fault.code}" for fault in self.faults))


class InvalidOrderError(FaultyDataError):
    """The order cannot be issued as it stands."""

    code = "invalid_order"


class InvalidTypeError(FaultyDataError):
    """A folder of the catalogue is not a certificate type."""

    code = "invalid_type"


class InvalidAuthorityError(FaultyDataError):
    """A file does not describe an issuing authority, or two of them contradict one another."""

    code = "invalid_authority"


class NotEntitledError(CertsError):
    """The authority may not issue this type."""

    code = "not_entitled"


class InvalidNumberRuleError(CertsError):
    """The text is not a numbering rule."""

    code = "invalid_number_rule"


class NumbersExhaustedError(CertsError):
    """The counter has outgrown the digits its numbering rule gives it."""

    code = "numbers_exhausted"


class InvalidIdentifierError(CertsError):
    """The text is not a certificate identifier of GB/T 36904."""

    code = "invalid_identifier"


class IllegalTransitionError(CertsError):
    """The certificate's present state does not allow this."""

    code = "illegal_transition"


class AlreadyIssuedError(CertsError):
    """The idempotency key has served another order."""

    code = "already_issued"


class UnknownCertificateError(CertsError):
    """The register has no such certificate, or does not tell this asker."""

    code = "unknown_certificate"


class TypeChangedError(CertsError):
    """A version of a type that has been issued now has another digest."""

    code = "type_changed"


class RegisterUnavailableError(CertsError):
    """The register's database does not answer; worth another try."""

    code = "register_unavailable"


class DrawingError(CertsError):
    """The layout could not be drawn."""

    code = "drawing_failed"
