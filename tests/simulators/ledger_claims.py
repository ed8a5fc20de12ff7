"""Openings for tests of the ledger, and a process that claims two hundred of them.

`python -m simulators.ledger_claims LEDGER` says "ready", waits for a line, then prints the number
of each subject that it, and nobody else, got.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hsm.errors import SubjectInUseError
from hsm.keys import KeyPurpose, KeyRef
from hsm.ledger import Ledger
from hsm.uses import ApprovalRecord, Claim, Opening, SubjectKind, UseSubject

AT = datetime(2026, 11, 24, 1, 30, 0, 123456, tzinfo=UTC)
CLAIMS = 200


def subject(number: int) -> UseSubject:
    """Return one of the subjects."""
    return UseSubject(SubjectKind.CERTIFICATE, f"certificate-{number}")


def opening(number: int) -> Opening:
    """Return an opening for that subject."""
    return Opening(
        subject=subject(number),
        key=KeyRef("unit-1"),
        purpose=KeyPurpose.SEALING,
        digest=f"{number:064x}",
        draft_sm3="d" * 64,
        approval=ApprovalRecord("operator_command", "operator-1", "e" * 64),
    )


def wanted(number: int, **changes: Any) -> Claim:  # noqa: ANN401 - fields
    """Return the claim that is opened so, but for `changes`."""
    made = opening(number)
    given: dict[str, Any] = {
        "subject": made.subject,
        "key": made.key,
        "purpose": made.purpose,
        "digest": made.digest,
        "officer": made.approval.officer,
        "draft_sm3": made.draft_sm3,
        "approve": lambda: made.approval,
    }
    return Claim(**given | changes)


def claim(path: Path) -> None:
    """Open and complete what nobody else did."""
    ledger = Ledger(path)
    mine = f"{os.getpid():064x}"  # another digest: nobody resumes another's use
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(CLAIMS):
        try:
            ledger.open([wanted(number, digest=mine)], at=AT)
        except SubjectInUseError:
            continue
        ledger.complete([subject(number)], at=AT)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    claim(Path(sys.argv[1]))
