"""Who allowed a use of a key, and how the custodian is convinced of it.

An `Approval` is what a request carries, untrusted; an `ApprovalRecord` is what a policy made of it
after checking, and what the ledger keeps. Both `Approval` and `ApprovalPolicy` are protocols, so
that others can bring their own and import nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hsm.errors import ApprovalRejectedError
from hsm.ledger import ApprovalRecord, SubjectKind, UseSubject
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

    @property
    def evidence(self) -> bytes:
        """What proves it."""
        ...


class ApprovalPolicy(Protocol):
    """Decides which approvals count."""

    def verify_approval(
        self, approval: Approval, *, subject: UseSubject, draft_sm3: str | None, at: datetime
    ) -> ApprovalRecord:
        """Return the record of an approval that permits using a key for this subject and draft.

        Raise `ApprovalRejectedError`.
        """
        ...


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


@dataclass(frozen=True, slots=True)
class OperatorPolicy:
    """Takes the operator's command for an approval, in development and nowhere else."""

    development: bool

    def verify_approval(
        self, approval: Approval, *, subject: UseSubject, draft_sm3: str | None, at: datetime
    ) -> ApprovalRecord:
        """Return the record of an operator's command.

        Raise `ApprovalRejectedError` outside development and for every other kind of approval, but
        for the word that a person signed in granted the mandate he grants.
        """
        if isinstance(approval, SignedInPerson) and subject.kind is SubjectKind.MANDATE:
            return ApprovalRecord(approval.kind, approval.officer, sm3(approval.evidence).hex())
        if not self.development:
            raise ApprovalRejectedError("an operator's command counts in development only")
        if not isinstance(approval, OperatorCommand):
            raise ApprovalRejectedError("not an operator's command")
        return ApprovalRecord(approval.kind, approval.officer, sm3(approval.evidence).hex())
