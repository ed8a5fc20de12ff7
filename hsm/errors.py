"""The errors of `hsm`, each with a stable code. Whenever one of them is raised, nothing is signed.

CustodyError
├── KeyNotFoundError         key_not_found
├── KeyExistsError           key_exists           a key is never overwritten
├── KeyDisabledError         key_disabled
├── KeyMismatchError         key_mismatch         the certificate belongs to another key
├── WrongPurposeError        wrong_purpose        key, certificate or subject is for something else
├── DeviceUnavailableError   device_unavailable   the key store did not answer: try again later
├── PinRejectedError         pin_rejected         the secret does not open this key store
├── UnsafeSecretError        unsafe_secret        others could read the secret, or it has no form
├── CorruptStoreError        corrupt_store
├── LedgerUnavailableError   ledger_unavailable   not readable, not writable, disk full, gone
├── LedgerBrokenError        ledger_broken        the chain of rows does not hold
├── SubjectInUseError        subject_in_use
├── UnknownUseError          unknown_use          nothing is open for this subject
├── ApprovalRejectedError    approval_rejected
├── SignInUnverifiableError  sign_in_unverifiable the provider's keys cannot be had: try again later
├── DailyCapReachedError     daily_cap_reached    no unattended use any more until tomorrow
├── MalformedMandateError    malformed_mandate    not the canonical JSON of this mandate
├── TimeNotCredibleError     time_not_credible    the claimed time is not now
└── DeadlinePassedError      deadline_passed

A request may also be refused for what it carries; then the errors of `signing` pass through:
`OutsideValidityError`, `SealForgedError`, `SealNotValidThenError`, `SignerNotInSealError`.
"""

from typing import ClassVar


class CustodyError(Exception):
    """A key may not, or cannot, be used as asked."""

    code: ClassVar[str]


class KeyNotFoundError(CustodyError):
    """The store holds no key of this name."""

    code = "key_not_found"


class KeyExistsError(CustodyError):
    """The store already holds a key of this name."""

    code = "key_exists"


class KeyDisabledError(CustodyError):
    """The key was taken out of use."""

    code = "key_disabled"


class KeyMismatchError(CustodyError):
    """The certificate in the request belongs to another key than the one named beside it."""

    code = "key_mismatch"


class WrongPurposeError(CustodyError):
    """The key, the certificate or the subject is meant for another kind of signature."""

    code = "wrong_purpose"


class DeviceUnavailableError(CustodyError):
    """The key store did not do its work; the same request may succeed later."""

    code = "device_unavailable"


class PinRejectedError(CustodyError):
    """The secret is not the one that opens this key store."""

    code = "pin_rejected"


class UnsafeSecretError(CustodyError):
    """The secret lies where others can read or replace it, or is not a secret of the right form."""

    code = "unsafe_secret"


class CorruptStoreError(CustodyError):
    """What the key store keeps was damaged or exchanged."""

    code = "corrupt_store"


class LedgerUnavailableError(CustodyError):
    """The ledger could not be read or written, so no key may work."""

    code = "ledger_unavailable"


class LedgerBrokenError(CustodyError):
    """A row of the ledger was changed, removed or put in between."""

    code = "ledger_broken"

    def __init__(self, number: int) -> None:
        """Name the first bad row."""
        super().__init__(f"row {number}")
        self.number = number


class SubjectInUseError(CustodyError):
    """A key was already used for this subject."""

    code = "subject_in_use"


class UnknownUseError(CustodyError):
    """There is no open use of this subject to complete or to abandon."""

    code = "unknown_use"


class ApprovalRejectedError(CustodyError):
    """The approval is of a kind, a person or a content that does not permit this use."""

    code = "approval_rejected"


class SignInUnverifiableError(CustodyError):
    """Whether an officer's sign-in is genuine cannot be found out now; it may be later."""

    code = "sign_in_unverifiable"


class DailyCapReachedError(CustodyError):
    """The authorisation for unattended use allows no more uses on this day in China."""

    code = "daily_cap_reached"


class MalformedMandateError(CustodyError):
    """What is to be signed as a mandate is not the canonical JSON of that mandate."""

    code = "malformed_mandate"


class TimeNotCredibleError(CustodyError):
    """The time claimed in what is to be signed differs from the clock."""

    code = "time_not_credible"


class DeadlinePassedError(CustodyError):
    """The request was made for an earlier time."""

    code = "deadline_passed"
