"""Why somebody could not be identified. One base; every error has a stable code."""

from typing import ClassVar


class IdentityError(Exception):
    """Base of all errors of this package."""

    code: ClassVar[str]
