"""Who allowed a use of a key, and how the custodian is convinced of it.

An `Approval` is what a request carries, untrusted; an `ApprovalRecord` is what a policy made of it
after checking, and what the ledger keeps. Both `Approval` and `ApprovalPolicy` are protocols, so
that others can bring their own and import nothing.

What seals certificates is kept in the ledger first (`hsm.permissions`): the request then names the
row, and the ledger holds it against the row in the transaction that opens the use.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from hsm.errors import ApprovalRejectedError
from hsm.permits import DraftRef, RecordedApproval, UnattendedUse, nonce_of
from hsm.uses import ApprovalRecord, SubjectKind, UseSubject
from signing.canonical import canonical_json, sm3


class Approval(Protocol):
    """Somebody's word that a use is allowed; proves nothing until a policy verified it."""

    @property
    def kind(self) -> str:
        """The kind of approval, as the ledger will name it."""
        ...

    @property
    def officer(self) -> str:
        """The account of the officer who approved."""
        ...


class ApprovalPolicy(Protocol):
    """Decides which approvals count."""

    @property
    def development(self) -> bool:
        """Whether authorisations count that nobody signed in for."""
        ...

    def verify_approval(
        self, approval: Approval, *, subject: UseSubject, draft_sm3: str | None, at: datetime
    ) -> ApprovalRecord:
        """Return the record of an approval that permits using a key for this subject and draft.

        Raise `ApprovalRejectedError`.
        """
        ...


@dataclass(frozen=True, slots=True)
class SealingApproval:
    """A sealing officer's fresh sign-in for a list of drafts of one authority, unverified.

    `hsm.permissions.Permissions.record` makes a `RecordedApproval` of it; by itself it seals
    nothing.
    """

    officer: str
    authority: str
    """The unified social credit code of the authority whose drafts they all are."""
    id_token: str = field(repr=False)
    drafts: tuple[DraftRef, ...]
    """The whole list that he approved."""
    asked_at: datetime
    """When he was asked: he signed in after that."""

    kind = "sealing_approval_unrecorded"

    @property
    def nonce(self) -> str:
        """The nonce that the sign-in must bear."""
        return nonce_of(self.drafts)


@dataclass(frozen=True, slots=True)
class OperatorCommand:
    """The operator of a development system typed a command; nobody else was asked."""

    operator: str
    """The operator's account."""

    kind = "operator_command"

    @property
    def officer(self) -> str:
        """The operator himself."""
        return self.operator

    @property
    def evidence(self) -> bytes:
        """The command names its operator and proves nothing: hence development only."""
        return canonical_json({"kind": self.kind, "operator": self.operator})


@dataclass(frozen=True, slots=True)
class SignedInPerson:
    """The application's word that a signed-in person did it: for mandates, which are theirs."""

    account: str

    kind = "signed_in_person"

    @property
    def officer(self) -> str:
        """The person."""
        return self.account

    @property
    def evidence(self) -> bytes:
        """Names the person and proves nothing."""
        return canonical_json({"kind": self.kind, "account": self.account})


_FOR_THE_OPERATOR = {SubjectKind.SEAL, SubjectKind.X509}
_FOR_CERTIFICATES = {SubjectKind.CERTIFICATE, SubjectKind.COPY, SubjectKind.DOCUMENT}


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """What counts for what.

    - certificates, copies, documents: an approval or an authorisation that the ledger keeps;
    - mandates: the word that a person signed in granted it;
    - seals and X.509 certificates: the operator's command, in development and nowhere else.
    """

    development: bool

    def verify_approval(
        self, approval: Approval, *, subject: UseSubject, draft_sm3: str | None, at: datetime
    ) -> ApprovalRecord:
        """Return the record of an approval by these rules; the ledger compares those it keeps.

        Raise `ApprovalRejectedError` for every other approval.
        """
        match approval:
            case RecordedApproval() | UnattendedUse() if subject.kind in _FOR_CERTIFICATES:
                return ApprovalRecord(
                    approval.kind, approval.officer, approval.evidence_sm3, approval.number
                )
            case SignedInPerson() if subject.kind is SubjectKind.MANDATE:
                return _record(approval)
            case OperatorCommand() if self.development and subject.kind in _FOR_THE_OPERATOR:
                return _record(approval)
            case _:
                raise ApprovalRejectedError(f"{approval.kind} for {subject.kind}")


def _record(approval: OperatorCommand | SignedInPerson) -> ApprovalRecord:
    return ApprovalRecord(approval.kind, approval.officer, sm3(approval.evidence).hex())
