"""One use for each subject, rows that only grow, and a chain that names its first bad row."""

import os
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from simulators.full_disk import full_disk
from simulators.ledger_claims import AT, CLAIMS, opening, subject, wanted

from hsm import databases
from hsm.errors import (
    ApprovalRejectedError,
    LedgerBrokenError,
    LedgerUnavailableError,
    SubjectInUseError,
    UnknownUseError,
)
from hsm.keys import KeyPurpose, KeyRef
from hsm.ledger import RESUME_WINDOW, Ledger
from hsm.uses import ApprovalRecord, KeyUse, SubjectKind, UseState, UseSubject

MINUTE = timedelta(minutes=1)
ROOT = Path(__file__).resolve().parent.parent.parent
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger.create(path)
    yield ledger
    ledger.close()


def find(ledger: Ledger, number: int) -> KeyUse:
    use = ledger.find(subject(number))
    assert use is not None
    return use


# ---- the life of a use ----


def test_an_opened_use_says_who_what_and_when(ledger: Ledger) -> None:
    ledger.open([wanted(1), wanted(2)], at=AT)
    assert find(ledger, 2) == KeyUse(
        number=2,
        opening=opening(2),
        opened_at=AT,
        state=UseState.OPEN,
        closed_at=None,
        reason=None,
    )
    assert ledger.find(subject(3)) is None


def test_a_completed_use_is_so_for_ever(ledger: Ledger) -> None:
    ledger.open([wanted(1)], at=AT)
    ledger.complete([subject(1)], at=AT + MINUTE)
    ledger.complete([subject(1), subject(1)], at=AT + 2 * MINUTE)
    assert find(ledger, 1).state is UseState.COMPLETED
    assert find(ledger, 1).closed_at == AT + MINUTE
    with pytest.raises(SubjectInUseError):
        ledger.open([wanted(1)], at=AT + MINUTE)
    with pytest.raises(SubjectInUseError):
        ledger.abandon(subject(1), reason="late", at=AT + MINUTE)


def test_an_abandoned_use_says_why_and_frees_its_subject(ledger: Ledger) -> None:
    ledger.open([wanted(1)], at=AT)
    ledger.abandon(subject(1), reason="digest_changed", at=AT + MINUTE)
    ledger.abandon(subject(1), reason="again", at=AT + 2 * MINUTE)
    use = find(ledger, 1)
    assert (use.state, use.reason) == (UseState.ABANDONED, "digest_changed")
    assert use.closed_at == AT + MINUTE
    with pytest.raises(UnknownUseError):
        ledger.complete([subject(1)], at=AT)
    ledger.open([wanted(1)], at=AT + 3 * MINUTE)
    assert (find(ledger, 1).number, find(ledger, 1).state) == (3, UseState.OPEN)


def test_who_decided_over_one_use_leaves_alone_the_next_one(ledger: Ledger) -> None:
    """Two processes found use 1 open; the slower one must not close what the quicker one began."""
    ledger.open([wanted(1)], at=AT)
    ledger.abandon(subject(1), reason="prepared_anew", number=1, at=AT + MINUTE)
    ledger.open([wanted(1)], at=AT + 2 * MINUTE)
    ledger.abandon(subject(1), reason="prepared_anew", number=1, at=AT + 3 * MINUTE)
    assert (find(ledger, 1).number, find(ledger, 1).state) == (3, UseState.OPEN)
    ledger.complete([subject(1)], at=AT + 4 * MINUTE)
    ledger.abandon(subject(1), reason="prepared_anew", number=1, at=AT + 5 * MINUTE)
    assert find(ledger, 1).state is UseState.COMPLETED


def test_a_list_is_opened_whole_or_not_at_all(ledger: Ledger) -> None:
    ledger.open([wanted(2)], at=AT)
    head = ledger.head()
    other = wanted(2, digest="f" * 64)
    for openings in ([wanted(1), other], [wanted(1), wanted(1)]):
        with pytest.raises(SubjectInUseError):
            ledger.open(openings, at=AT)
    assert ledger.head() == head
    assert ledger.find(subject(1)) is None


def test_a_list_is_completed_whole_or_not_at_all(ledger: Ledger) -> None:
    ledger.open([wanted(1)], at=AT)
    with pytest.raises(UnknownUseError):
        ledger.complete([subject(1), subject(2)], at=AT)
    with pytest.raises(UnknownUseError):
        ledger.abandon(subject(2), reason="void", at=AT)
    assert find(ledger, 1).state is UseState.OPEN


def test_subjects_of_two_kinds_with_one_id_are_two(ledger: Ledger) -> None:
    copy = wanted(1, subject=UseSubject(SubjectKind.COPY, subject(1).id))
    ledger.open([wanted(1), copy], at=AT)
    ledger.complete([copy.subject], at=AT)
    assert find(ledger, 1).state is UseState.OPEN
    assert [use.opening.subject for use in ledger.completed(SubjectKind.COPY)] == [copy.subject]
    assert list(ledger.completed(SubjectKind.CERTIFICATE)) == []


def test_uses_are_found_by_kind_and_state(ledger: Ledger) -> None:
    ledger.open([wanted(n) for n in range(6)], at=AT)
    ledger.complete([subject(4), subject(1)], at=AT)
    ledger.abandon(subject(2), reason="void", at=AT)
    found = {
        state: [use.opening.subject for use in ledger.uses(SubjectKind.CERTIFICATE, state)]
        for state in UseState
    }
    assert found == {
        UseState.OPEN: [subject(0), subject(3), subject(5)],
        UseState.COMPLETED: [subject(1), subject(4)],
        UseState.ABANDONED: [subject(2)],
    }


def test_times_are_kept_as_moments(ledger: Ledger) -> None:
    shanghai = timezone(timedelta(hours=8))
    ledger.open([wanted(1)], at=AT.astimezone(shanghai))
    assert find(ledger, 1).opened_at == AT


def test_nothing_but_opaque_ids_comes_in() -> None:
    for unverified_id in ("", "王 小明", "王小明", "with space", "x" * 201):
        with pytest.raises(ValueError, match="id of a subject"):
            UseSubject(SubjectKind.CERTIFICATE, unverified_id)
        with pytest.raises(ValueError, match="account of an officer"):
            ApprovalRecord("operator_command", unverified_id, "e" * 64)


def test_a_reason_is_a_code(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="code"):
        ledger.abandon(subject(1), reason="The holder 王小明 called", at=AT)


# ---- resuming ----


@pytest.mark.parametrize("after", [timedelta(), RESUME_WINDOW])
def test_an_open_use_is_resumed_in_time(ledger: Ledger, after: timedelta) -> None:
    ledger.open([wanted(1)], at=AT)
    ledger.open([wanted(1), wanted(2)], at=AT + after)
    assert (find(ledger, 1).number, find(ledger, 1).opened_at) == (1, AT)
    ledger.complete([subject(1), subject(2)], at=AT + after)
    ledger.verify_chain()
    assert ledger.head().number == 5  # opened, resumed, opened, completed, completed


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "f" * 64},
        {"key": KeyRef("unit-2")},
        {"purpose": KeyPurpose.CERTIFICATION},
        {"draft_sm3": None},
        {"draft_sm3": "f" * 64},
    ],
    ids=str,
)
def test_another_intention_resumes_nothing(ledger: Ledger, changes: dict[str, object]) -> None:
    ledger.open([wanted(1)], at=AT)
    with pytest.raises(SubjectInUseError):
        ledger.open([wanted(1, **changes)], at=AT)


@pytest.mark.parametrize("after", [RESUME_WINDOW + timedelta(seconds=1), -timedelta(seconds=1)])
def test_nothing_is_resumed_out_of_time(ledger: Ledger, after: timedelta) -> None:
    ledger.open([wanted(1)], at=AT)
    with pytest.raises(SubjectInUseError):
        ledger.open([wanted(1)], at=AT + after)


def test_an_open_use_is_resumed_in_its_officers_name_only(ledger: Ledger) -> None:
    ledger.open([wanted(1)], at=AT)
    with pytest.raises(ApprovalRejectedError):
        ledger.open([wanted(1, officer="operator-2")], at=AT)


def test_a_use_that_is_resumed_is_not_approved_again(ledger: Ledger) -> None:
    """And one that was abandoned meanwhile is: the approval is asked for in the transaction."""
    asked = []

    def approve() -> ApprovalRecord:
        asked.append(ledger.head().number)
        return opening(1).approval

    for _ in range(2):
        ledger.open([wanted(1, approve=approve)], at=AT)
    assert asked == [0]
    ledger.abandon(subject(1), reason="void", at=AT)
    ledger.open([wanted(1, approve=approve)], at=AT)
    assert asked == [0, 3]


def test_nothing_is_written_without_an_approval(ledger: Ledger) -> None:
    def approve() -> ApprovalRecord:
        raise ApprovalRejectedError

    with pytest.raises(ApprovalRejectedError):
        ledger.open([wanted(1), wanted(2, approve=approve)], at=AT)
    with pytest.raises(ApprovalRejectedError):
        ledger.open([wanted(1, officer="operator-2")], at=AT)
    assert ledger.head().number == 0


# ---- rows that only grow, whoever writes ----

_REPLACE = """
    REPLACE INTO events (number, event, at, subject_kind, subject_id, opening, key, purpose, digest,
        officer, approval_kind, approval_sm3, draft_sm3, reason, previous_sm3, sm3)
    SELECT {}, event, at, subject_kind, 'another', opening, key, purpose, digest, officer,
        approval_kind, approval_sm3, draft_sm3, reason, previous_sm3, sm3
    FROM events WHERE number = 1
"""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET officer = 'another'",
        "UPDATE events SET number = number + 10",
        "UPDATE OR REPLACE events SET number = 1 WHERE number = 2",
        "DELETE FROM events",
        "DELETE FROM events WHERE number = 2",
        _REPLACE.format(1),
        _REPLACE.format(2),
        _REPLACE.format(4),
    ],
)
def test_the_database_itself_refuses_to_forget(ledger: Ledger, path: Path, statement: str) -> None:
    ledger.open([wanted(1), wanted(2)], at=AT)
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="only grows"),
    ):
        connection.execute(statement)
    ledger.verify_chain()
    assert ledger.head().number == 2


@pytest.mark.parametrize(
    ("event", "about", "number"),
    [
        ("opened", "certificate-1", None),  # open
        ("opened", "certificate-2", None),  # completed
        ("completed", "certificate-2", 2),
        ("abandoned", "certificate-2", 2),
        ("resumed", "certificate-2", 2),
        ("completed", "certificate-1", 2),  # another's opening
        ("completed", "certificate-1", 3),  # no opening
        ("completed", "certificate-1", None),
        ("completed", "certificate-1", 99),
    ],
)
def test_the_database_itself_keeps_to_one_use(
    ledger: Ledger, path: Path, event: str, about: str, number: int | None
) -> None:
    ledger.open([wanted(1), wanted(2)], at=AT)
    ledger.complete([subject(2)], at=AT)
    statement = """
        INSERT INTO events (number, event, at, subject_kind, subject_id, opening, key, purpose,
            digest, officer, approval_kind, approval_sm3, draft_sm3, reason, previous_sm3, sm3)
        VALUES (4, ?, '2026-11-24T01:30:00.000000+00:00', 'certificate', ?, ?,
            'unit-1', 'sealing', 'd', 'operator-1', 'operator_command', 'e', NULL, 'void', 'p', 's')
    """
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match=r"subject in use|use not open"),
    ):
        connection.execute(statement, (event, about, number))


# ---- the chain ----


def tamper(path: Path, *statements: str) -> None:
    """Do what the owner of the file can do."""
    with closing(sqlite3.connect(path)) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.fixture
def full_ledger(ledger: Ledger) -> Ledger:
    ledger.open([wanted(n) for n in range(1, 4)], at=AT)
    ledger.complete([subject(1)], at=AT + MINUTE)
    ledger.abandon(subject(2), reason="void", at=AT + MINUTE)
    ledger.verify_chain()
    return ledger


@pytest.mark.parametrize(
    ("statements", "first_bad_row"),
    [
        *(
            ((f"UPDATE events SET {column} = 'abandoned' WHERE number = 2",), 2)  # noqa: S608 - the names below
            for column in (
                "event",
                "at",
                "subject_kind",
                "subject_id",
                "key",
                "purpose",
                "digest",
                "officer",
                "approval_kind",
                "approval_sm3",
                "draft_sm3",
                "reason",
                "previous_sm3",
                "sm3",
            )
        ),
        (("UPDATE events SET opening = 3 WHERE number = 4",), 4),
        (("UPDATE events SET reason = NULL, event = 'completed' WHERE number = 5",), 5),
        (("UPDATE events SET officer = x'00ff' WHERE number = 3",), 3),
        (("UPDATE events SET officer = CAST(x'00ff' AS TEXT) WHERE number = 3",), 3),
        (("DELETE FROM events WHERE number = 1",), 1),
        (("DELETE FROM events WHERE number = 3",), 3),
        (
            (
                "DELETE FROM events WHERE number = 4",
                "UPDATE events SET number = 4 WHERE number = 5",
            ),
            4,
        ),
        (
            (
                "UPDATE events SET number = 99 WHERE number = 2",
                "UPDATE events SET number = 2 WHERE number = 3",
                "UPDATE events SET number = 3 WHERE number = 99",
            ),
            2,
        ),
        (
            (
                "CREATE TEMP TABLE added AS SELECT * FROM events WHERE number = 3",
                "UPDATE added SET number = 6, subject_id = 'certificate-9'",
                "INSERT INTO events SELECT * FROM added",
            ),
            6,
        ),
    ],
)
def test_the_first_bad_row_is_named(
    full_ledger: Ledger, path: Path, statements: tuple[str, ...], first_bad_row: int
) -> None:
    tamper(path, "PRAGMA ignore_check_constraints = ON", *statements)
    with pytest.raises(LedgerBrokenError) as caught:
        full_ledger.verify_chain()
    assert caught.value.number == first_bad_row


def test_rows_cut_off_at_the_end_show_against_a_head_kept_elsewhere(
    full_ledger: Ledger, path: Path
) -> None:
    kept = full_ledger.head()
    tamper(path, "DELETE FROM events WHERE number = 5")
    full_ledger.verify_chain()
    assert full_ledger.head() != kept


def test_a_use_that_says_nonsense_breaks_the_ledger(full_ledger: Ledger, path: Path) -> None:
    tamper(path, "UPDATE events SET purpose = 'anything' WHERE number = 3")
    with pytest.raises(LedgerBrokenError, match="row 3"):
        full_ledger.find(subject(3))


# ---- a ledger that cannot be used ----


def test_no_ledger_is_made_by_opening_one(path: Path) -> None:
    with pytest.raises(LedgerUnavailableError):
        Ledger(path)
    assert not path.exists()


def test_a_ledger_is_made_once(ledger: Ledger, path: Path) -> None:
    ledger.open([wanted(1)], at=AT)
    assert Ledger.create(path).find(subject(1)) == ledger.find(subject(1))


@pytest.mark.parametrize("content", [b"", b"no database" * 1000], ids=["empty", "garbage"])
def test_a_file_that_is_no_ledger_is_unavailable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(LedgerUnavailableError):
        Ledger(path)


def test_a_place_where_no_file_can_be_is_unavailable(path: Path, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing" / "ledger.db"):
        with pytest.raises(LedgerUnavailableError):
            Ledger.create(place)
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(LedgerUnavailableError):
        Ledger.create(path)


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
def test_a_ledger_whose_file_is_gone_takes_nothing_more(
    ledger: Ledger, path: Path, *, replaced: bool
) -> None:
    ledger.open([wanted(1)], at=AT)
    path.rename(path.with_name("moved.db"))
    if replaced:
        Ledger.create(path).close()
    with pytest.raises(LedgerUnavailableError):
        ledger.open([wanted(2)], at=AT)
    with pytest.raises(LedgerUnavailableError):
        ledger.find(subject(1))


def test_a_ledger_locked_by_another_is_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "BUSY_SECONDS", 0.01)
    ledger = Ledger.create(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailableError):
            ledger.open([wanted(1)], at=AT)
        assert ledger.find(subject(1)) is None
    ledger.open([wanted(1)], at=AT)


def test_a_ledger_that_may_not_be_written_is_unavailable() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "ledger.db")
        Ledger.create(path).close()
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        with another_user(), pytest.raises(LedgerUnavailableError):
            Ledger(path).open([wanted(1)], at=AT)
        Path(folder).chmod(0o700)
        assert Ledger(path).head().number == 0


@contextmanager
def another_user() -> Iterator[None]:
    """Be somebody who may not write everywhere."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def test_on_a_full_disk_a_list_is_opened_whole_or_not_at_all(ledger: Ledger, path: Path) -> None:
    ledger.open([wanted(0)], at=AT)
    largest = max(file.stat().st_size for file in path.parent.iterdir())
    with full_disk(largest), pytest.raises(LedgerUnavailableError):
        ledger.open([wanted(n) for n in range(1, 2000)], at=AT)
    assert ledger.head().number == 1
    ledger.open([wanted(1)], at=AT)
    ledger.verify_chain()
    assert Ledger(path).head().number == 2


def test_a_full_database_is_unavailable(ledger: Ledger) -> None:
    with ledger.file._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(LedgerUnavailableError):
        ledger.open([wanted(n) for n in range(2000)], at=AT)
    assert ledger.head().number == 0


def test_errors_say_nothing_of_subjects_and_officers(ledger: Ledger) -> None:
    with ledger.file._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(LedgerUnavailableError) as caught:
        ledger.open([wanted(n) for n in range(2000)], at=AT)
    told = "".join(traceback.format_exception(caught.value))
    assert "certificate-1" not in told
    assert "operator-" not in told


# ---- many at once ----


def test_threads_share_one_ledger(ledger: Ledger) -> None:
    def claim(worker: int) -> int:
        mine = f"{worker:064x}"  # another digest: nobody resumes another's use
        won = 0
        for number in range(20):
            other = wanted(1000 + worker * 100 + number)
            try:
                ledger.open([wanted(number, digest=mine), other], at=AT)
            except SubjectInUseError:
                continue
            won += 1
        return won

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(claim, range(4))) == 20
    assert ledger.head().number == 40
    ledger.verify_chain()


def start_claiming(path: Path) -> subprocess.Popen[str]:
    """Start a process that claims subjects as soon as it is told "go"."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "simulators.ledger_claims", str(path)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker


def go(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()


def test_two_processes_share_one_ledger(ledger: Ledger, path: Path) -> None:
    workers = [start_claiming(path) for _ in range(2)]
    for worker in workers:
        go(worker)
    one, other = ({int(n) for n in worker.communicate(timeout=60)[0].split()} for worker in workers)
    assert [worker.returncode for worker in workers] == [0, 0]
    assert one | other == set(range(CLAIMS))
    assert not one & other
    assert ledger.head().number == 2 * CLAIMS
    assert len(list(ledger.completed(SubjectKind.CERTIFICATE))) == CLAIMS
    ledger.verify_chain()


def test_what_a_killed_process_was_told_is_kept(ledger: Ledger, path: Path) -> None:
    worker = start_claiming(path)
    go(worker)
    assert worker.stdout is not None
    told = [int(worker.stdout.readline()) for _ in range(20)]
    worker.kill()
    told += [int(line) for line in worker.communicate(timeout=60)[0].split()]
    completed = [use.opening.subject for use in ledger.completed(SubjectKind.CERTIFICATE)]
    assert completed[: len(told)] == [subject(number) for number in told]
    assert len(completed) - len(told) <= 1
    ledger.verify_chain()
    ledger.open([wanted(CLAIMS)], at=AT)
