"""What keeps a verification from being tried at all.

A bad signature is a conclusion and stands in a report; these are no conclusions:

    VerifyError
    ├── NotADocumentError          neither a PDF nor an OFD by its first octets
    ├── DocumentTooLargeError      more octets than anyone is asked to read
    ├── TooManyError               as many files are being read as may be at once
    ├── SandboxUnavailableError    the isolation cannot be had; nothing is read without it
    ├── SourceUnavailableError     the register could not be asked
    └── InvalidAnchorsError        a file of trust anchors that cannot be used
"""

from typing import ClassVar

_PLACES = 5  # enough to see who called the library that failed


class VerifyError(Exception):
    """Base of all errors of this package; `code` is stable."""

    code: ClassVar[str] = "verify_error"


class NotADocumentError(VerifyError):
    """The octets are neither a PDF nor an OFD."""

    code = "not_a_document"


class DocumentTooLargeError(VerifyError):
    """The file has more octets than the limit."""

    code = "document_too_large"


class TooManyError(VerifyError):
    """As many files are being examined as may be at once; try again soon."""

    code = "too_many"


class SandboxUnavailableError(VerifyError):
    """The process that isolates hostile files is not there and could not be started again."""

    code = "sandbox_unavailable"


class SourceUnavailableError(VerifyError):
    """A status source could not be asked; says nothing about any certificate."""

    code = "source_unavailable"


class InvalidAnchorsError(VerifyError):
    """A file of trust anchors holds no usable anchor, or something that is none."""

    code = "invalid_anchors"


def place_of(error: BaseException) -> str:
    """Name an error and the last places of the program, and nothing that was in a file.

    For logs: what an error says may quote the file that caused it.
    """
    places = []
    step = error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename.rpartition("/")[2]
        places.append(f"{file}:{step.tb_lineno}")
        step = step.tb_next
    return " < ".join([type(error).__name__, *reversed(places[-_PLACES:])])
