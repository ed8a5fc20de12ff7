"""Why somebody could not be identified. One base; every error has a stable code."""

from typing import ClassVar


class IdentityError(Exception):
    """Base of all errors of this package."""

    code: ClassVar[str]


class DamagedIdentityError(IdentityError):
    """A value of the identity database was changed, moved, or encrypted with another key."""

    code = "damaged_identity"
