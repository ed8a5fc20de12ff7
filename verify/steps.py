"""How one step of the standard becomes one check of the report."""

from collections.abc import Callable
from typing import ParamSpec

from signing.errors import SigningError
from verify.report import Check, ReasonCode, Step

_Arguments = ParamSpec("_Arguments")

# Structures that were read as what they are not, or in a version or coding that is not read.
_NOT_READ = {"malformed_cms", "malformed_seal", "malformed_signing_cert", "unsupported_document"}


def try_step(
    step: Step,
    verify: Callable[_Arguments, object],
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> Check:
    """Give what came out of one step, which raises the error that is its reason."""
    try:
        verify(*args, **kwargs)
    except SigningError as error:
        return Check(step, reason_of(error))
    return Check(step)


def reason_of(error: SigningError) -> ReasonCode:
    """Give the reason an error of `signing` stands for.

    An error that says nothing about the file (no OpenSSL with SM2) is raised again.
    """
    if error.code in _NOT_READ:
        return ReasonCode.UNSUPPORTED_SIGNATURE
    try:
        return ReasonCode(error.code)
    except ValueError:
        raise error from None
