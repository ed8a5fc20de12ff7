"""An officer's word: checked once, kept for ever, good for what he saw and nothing else."""

import base64
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from simulators.approvals import DRAFTER, KEEPER, OTHER_SEALER, SEALER, approve, id_token
from simulators.sealing_unit import AT, EVIDENCE_KEY, USCC, Office, certificate

from hsm.approvals import SealingApproval
from hsm.errors import (
    ApprovalRejectedError,
    LedgerBrokenError,
    LedgerUnavailableError,
    SubjectInUseError,
)
from hsm.ledger import Ledger
from hsm.permissions import FRESH, Permissions
from hsm.permit_checks import APPROVAL_KEPT, MOST_ATTEMPTS
from hsm.permits import MOST_DRAFTS, DraftRef, RecordedApproval, nonce_of
from hsm.use_requests import SealRequest
from hsm.uses import UseState
from signing.canonical import canonical_json, sm3
from signing.envelope import DataKey

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def draft(number: int, content: bytes = b"as it was seen", drafter: str = DRAFTER) -> DraftRef:
    return DraftRef(f"{number:032x}", sm3(content + str(number).encode()).hex(), drafter)


def approval(*drafts: DraftRef, **changes: object) -> SealingApproval:
    """Return an approval of drafts 1 and 2, or of others, but for `changes`."""
    made = approve(*(drafts or (draft(1), draft(2))), authority=USCC, at=AT)
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


def request(
    office: Office, recorded: RecordedApproval, of: DraftRef, **changes: object
) -> SealRequest:
    """Return the request to seal a draft under an approval, but for `changes`."""
    given: dict[str, object] = {
        "approval": recorded,
        "officer": recorded.officer,
        "draft_id": of.draft_id,
        "draft_sm3": of.draft_sm3,
    }
    return office.seal_request(f"certificate-{of.draft_id}", **(given | changes))


def seal(office: Office, *requests: SealRequest) -> None:
    office.custodian.apply_seal(requests)
    office.custodian.complete([request.subject for request in requests])


def refused(office: Office, *requests: SealRequest, match: str | None = None) -> None:
    """Assert that nothing is sealed and nothing is written."""
    head, signed = office.ledger.head(), office.store.signed
    with pytest.raises(ApprovalRejectedError, match=match):
        office.custodian.apply_seal(requests)
    assert (office.ledger.head(), office.store.signed) == (head, signed)


# ---- what an officer signs in for


def test_the_nonce_is_the_digest_of_the_list_by_ids() -> None:
    """Decision 9: SM3, in lower-case hex, of the RFC 8785 list [[draft_id, draft_sm3], …]."""
    first, second = draft(1), draft(2)
    pairs = [[first.draft_id, first.draft_sm3], [second.draft_id, second.draft_sm3]]
    assert nonce_of([second, first]) == sm3(canonical_json(pairs)).hex()
    assert nonce_of([first]) != nonce_of([second]) != nonce_of([first, second])


@pytest.mark.parametrize(
    ("draft_id", "draft_sm3"),
    [
        ("", "a" * 64),
        ("A" * 32, "a" * 64),
        ("a" * 32, "A" * 64),
        ("a" * 32, "a" * 63),
        ("a" * 33, ""),
    ],
)
def test_what_is_no_draft_is_none(draft_id: str, draft_sm3: str) -> None:
    with pytest.raises(ValueError, match="id and the digest"):
        DraftRef(draft_id, draft_sm3, DRAFTER)


# ---- an approval is kept


def test_an_approval_is_kept_and_every_draft_of_it_sealed(office: Office) -> None:
    recorded = office.permissions.record(approval())
    assert (recorded.officer, recorded.authority) == (SEALER, USCC)
    seal(office, *(request(office, recorded, draft(n)) for n in (1, 2)))
    use = office.ledger.find(certificate(f"certificate-{draft(1).draft_id}"))
    assert use is not None
    assert use.opening.approval.number == recorded.number
    assert use.opening.approval.officer == SEALER
    assert (use.opening.draft_id, use.opening.draft_sm3) == (draft(1).draft_id, draft(1).draft_sm3)
    assert use.opening.authority == USCC
    office.ledger.verify_chain()
    office.permissions.verify_evidence()


def test_the_token_is_encrypted_and_its_digest_is_in_the_chain(office: Office) -> None:
    made = approval()
    recorded = office.permissions.record(made)
    assert recorded.evidence_sm3 == sm3(made.id_token.encode()).hex()
    office.ledger.close()
    for file in office.folder.glob("ledger.db*"):
        assert made.id_token.encode() not in file.read_bytes()


def test_an_approval_is_recorded_once_however_often_it_comes(office: Office) -> None:
    recorded = office.permissions.record(approval())
    head = office.ledger.head()
    office.clock.at = AT + timedelta(hours=2)  # the token is long too old: the record counts
    assert office.permissions.record(approval()) == recorded
    assert office.ledger.head() == head


def test_what_was_recorded_is_found_by_its_drafts(office: Office) -> None:
    first = office.permissions.record(approval(draft(1)))
    again = office.permissions.record(approval(draft(1), draft(2)))
    found = office.permissions.of_drafts([draft(1).draft_id, draft(2).draft_id, draft(3).draft_id])
    assert found == {
        (draft(1).draft_id, draft(1).draft_sm3): again,
        (draft(2).draft_id, draft(2).draft_sm3): again,
    }
    assert first != again


def test_a_list_has_a_limit_and_no_draft_twice(office: Office) -> None:
    longest = [draft(n) for n in range(MOST_DRAFTS)]
    office.permissions.record(approval(*longest))
    twice = (draft(1), draft(1, b"another content"))
    for drafts in ((), twice, (*longest, draft(MOST_DRAFTS))):
        with pytest.raises(ApprovalRejectedError, match="not a list"):
            office.permissions.record(approval(draft(1), drafts=drafts))


# ---- and what is none


def token(account: str = SEALER, **changes: object) -> str:
    given: dict[str, object] = {"nonce": nonce_of([draft(1), draft(2)]), "at": AT}
    return id_token(account, **(given | changes))  # type: ignore[arg-type]  # fields by name


BAD: dict[str, tuple[str, SealingApproval]] = {
    "changed draft": ("nonce", approval(drafts=(draft(1), draft(2, b"changed")))),
    "one draft more": ("nonce", approval(drafts=(draft(1), draft(2), draft(3)))),
    "one draft less": ("nonce", approval(drafts=(draft(1),))),
    "another's token": ("another officer's", approval(id_token=token(OTHER_SEALER))),
    "another's name": ("another officer's", approval(officer=OTHER_SEALER)),
    "no nonce": ("nonce", approval(id_token=token(nonce=""))),
    "no token": ("no token", approval(id_token="")),
    "not ASCII": ("not a token", approval(id_token="张三.e30.x")),  # noqa: S106 - no secret
    "huge": ("not a token", approval(id_token="a" * 70_000)),
    "one factor": ("one factor", approval(id_token=token(level=1))),
    "not seen": ("not known in person", approval(id_token=token(identity_level=2))),
    "too old": (
        "not signed in just now",
        approval(id_token=token(at=AT - FRESH - SECOND), asked_at=AT - 2 * FRESH),
    ),
    "before he was asked": ("before he was asked", approval(id_token=token(at=AT - SECOND))),
    "in the future": ("not signed in just now", approval(id_token=token(at=AT + MINUTE))),
    "not his post": ("not his post", approval(officer=KEEPER, id_token=token(KEEPER))),
    "drafted by himself": (
        "drafted by himself",
        approval(drafts=(draft(1), draft(2, drafter=SEALER))),
    ),
}


@pytest.mark.parametrize(("reason", "bad"), BAD.values(), ids=BAD.keys())
def test_what_is_no_approval_is_not_kept(office: Office, reason: str, bad: SealingApproval) -> None:
    head = office.ledger.head()
    with pytest.raises(ApprovalRejectedError, match=reason):
        office.permissions.record(bad)
    assert office.ledger.head() == head
    assert office.permissions.of_drafts([d.draft_id for d in bad.drafts]) == {}


def test_the_oldest_sign_in_that_counts(office: Office) -> None:
    made = approval(id_token=token(at=AT - FRESH), asked_at=AT - FRESH + SECOND / 2)
    office.permissions.record(made)


def test_a_token_that_was_used_approves_nothing_else(office: Office) -> None:
    office.permissions.record(approval())
    for changes in (
        {"drafts": (draft(1),)},
        {"drafts": (draft(3), draft(4))},
        {"authority": "11999902MB00000350"},
        {"officer": OTHER_SEALER},
    ):
        with pytest.raises(ApprovalRejectedError, match="something else"):
            office.permissions.record(approval(**changes))


def test_nobody_approves_before_custody_knows_whom_to_ask(office: Office) -> None:
    alone = Permissions(
        office.ledger, clock=office.clock, evidence_key=EVIDENCE_KEY, development=True
    )
    with pytest.raises(ApprovalRejectedError, match="nobody can be asked"):
        alone.record(approval())


# ---- under an approval only this is sealed


def test_only_what_is_on_the_list_is_sealed(office: Office) -> None:
    recorded = office.permissions.record(approval())
    good = request(office, recorded, draft(1))
    for bad, reason in (
        (request(office, recorded, draft(3)), "not on the list"),
        (request(office, recorded, draft(2, b"changed")), "not on the list"),
        (request(office, recorded, draft(2), draft_id=draft(1).draft_id), "not on the list"),
        (request(office, recorded, draft(2), draft_id=None), "not on the list"),
        (request(office, recorded, draft(2), draft_sm3=None), "not on the list"),
        (request(office, replace(recorded, officer=OTHER_SEALER), draft(2)), "another officer"),
        (request(office, recorded, draft(2), officer=OTHER_SEALER), "another officer"),
        (request(office, replace(recorded, evidence_sm3="0" * 64), draft(2)), "another officer"),
        (request(office, replace(recorded, number=1), draft(2)), "not recorded"),
        (request(office, replace(recorded, number=99), draft(2)), "not recorded"),
    ):
        refused(office, good, bad, match=reason)
    refused(office, request(office, recorded, draft(2), approval=approval()), match="unrecorded")


def test_an_approval_counts_for_its_authority_only(office: Office) -> None:
    other = approve(draft(1), authority="11999902MB00000350", at=AT)
    recorded = office.permissions.record(other)
    refused(office, request(office, recorded, draft(1)), match="another officer or authority")


def test_a_draft_is_consumed_once_for_ever(office: Office) -> None:
    recorded = office.permissions.record(approval())
    seal(office, request(office, recorded, draft(1)))
    again = office.permissions.record(approval(draft(1)))
    for permit in (recorded, again):
        for subject, reason in (
            ("another", ApprovalRejectedError),
            ("certificate-" + draft(1).draft_id, SubjectInUseError),
        ):
            bad = request(office, permit, draft(1), subject=certificate(subject))
            with pytest.raises(reason):
                office.custodian.apply_seal([bad])
    assert office.store.signed == 1
    office.ledger.verify_chain()


def test_what_was_abandoned_is_prepared_anew_under_the_same_approval(office: Office) -> None:
    recorded = office.permissions.record(approval())
    office.custodian.apply_seal([request(office, recorded, draft(1))])
    subject = certificate("certificate-" + draft(1).draft_id)
    office.custodian.abandon(subject, "prepared_anew")
    office.clock.at = AT + APPROVAL_KEPT + timedelta(days=3)
    later = {"deadline": office.clock.at, "data_digest": sm3(b"prepared anew")}
    fresh = replace(
        approval(draft(1)),
        id_token=id_token(SEALER, nonce_of([draft(1)]), at=office.clock.at),
        asked_at=office.clock.at,
    )
    again = office.permissions.record(fresh)
    refused(office, request(office, again, draft(1), **later), match="under another approval")
    seal(office, request(office, recorded, draft(1), **later))
    office.ledger.verify_chain()


def test_a_draft_is_not_begun_over_and_over(office: Office) -> None:
    """Else who asks and abandons would have any number of files sealed under one approval."""
    recorded = office.permissions.record(approval())
    for number in range(MOST_ATTEMPTS):
        file = sm3(str(number).encode())
        office.custodian.apply_seal([request(office, recorded, draft(1), data_digest=file)])
        office.custodian.abandon(certificate("certificate-" + draft(1).draft_id), "void")
    refused(office, request(office, recorded, draft(1)), match="too often")
    seal(office, request(office, recorded, draft(2)))


def test_an_approval_that_nobody_used_lapses(office: Office) -> None:
    recorded = office.permissions.record(approval())
    office.clock.at = AT + APPROVAL_KEPT
    seal(office, request(office, recorded, draft(1), deadline=office.clock.at))
    office.clock.at += SECOND
    late = request(office, recorded, draft(2), deadline=office.clock.at)
    refused(office, late, match="too long ago")


def test_an_open_use_is_resumed_under_its_record_whatever_comes_with_it(office: Office) -> None:
    recorded = office.permissions.record(approval())
    first = request(office, recorded, draft(1))
    office.custodian.apply_seal([first])
    office.custodian.apply_seal([replace(first, approval=approval())])
    use = office.ledger.find(first.subject)
    assert use is not None
    assert (use.state, use.opening.approval.number) == (UseState.OPEN, recorded.number)


# ---- the same approval in two places at once


def test_one_approval_that_comes_twice_at_once_is_recorded_once_and_seals_once(
    office: Office,
) -> None:
    ledgers = [Ledger(office.folder / "ledger.db") for _ in range(4)]

    def run(ledger: Ledger) -> RecordedApproval:
        there = Permissions(ledger, clock=office.clock, evidence_key=EVIDENCE_KEY, development=True)
        there.introduce(office.sign_ins)
        return there.record(approval())

    with ThreadPoolExecutor(4) as threads:
        recorded = set(threads.map(run, ledgers))
    assert len(recorded) == 1
    (permit,) = recorded

    def try_to_seal(number: int) -> int:
        # Each another file of its own for the same draft.
        bad = request(office, permit, draft(1), data_digest=sm3(str(number).encode()))
        try:
            office.custodian.apply_seal([bad])
        except SubjectInUseError:
            return 0
        return 1

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(try_to_seal, range(8))) == 1
    office.ledger.verify_chain()
    for ledger in ledgers:
        ledger.close()


# ---- the database itself


def execute(office: Office, statement: str) -> None:
    with closing(sqlite3.connect(office.folder / "ledger.db")) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(statement)
        connection.commit()


OPENED = """
    INSERT INTO events (number, event, at, subject_kind, subject_id, key, purpose, digest, officer,
        approval_kind, approval_sm3, draft_sm3, draft_id, authority, approval, previous_sm3, sm3)
    SELECT (SELECT max(number) + 1 FROM events), 'opened', at, 'certificate', {subject}, 'unit',
        'sealing', 'd', {officer}, 'sealing_approval', approval_sm3, {sm3}, {id}, {authority},
        number, 'p', 's'
    FROM events WHERE event = 'approved'
"""
GOOD = {
    "subject": "'certificate-9'",
    "officer": "officer",
    "sm3": f"'{draft(1).draft_sm3}'",
    "id": f"'{draft(1).draft_id}'",
    "authority": "authority",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"officer": "'account-other'"},
        {"sm3": "'f'"},
        {"sm3": "NULL"},
        {"id": f"'{draft(3).draft_id}'"},
        {"id": "NULL"},
        {"authority": "'11999902MB00000350'"},
    ],
    ids=str,
)
def test_the_database_itself_takes_no_use_that_was_not_approved(
    office: Office, changes: dict[str, str]
) -> None:
    office.permissions.record(approval())
    with pytest.raises(sqlite3.IntegrityError, match="not approved"):
        execute(office, OPENED.format(**(GOOD | changes)))


def test_the_database_itself_consumes_a_draft_once(office: Office) -> None:
    recorded = office.permissions.record(approval())
    seal(office, request(office, recorded, draft(1)))
    with pytest.raises(sqlite3.IntegrityError, match="draft consumed"):
        execute(office, OPENED.format(**GOOD))


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("INSERT INTO approved_drafts VALUES ({}, 'x', 'y', 'z')", "no list of this approval"),
        ("INSERT INTO approved_drafts VALUES (1, 'x', 'y', 'z')", "no list of this approval"),
        ("UPDATE approved_drafts SET draft_sm3 = 'x'", "only grows"),
        ("DELETE FROM approved_drafts", "only grows"),
        ("UPDATE evidence SET encrypted = x'00'", "only grows"),
        ("DELETE FROM evidence", "only grows"),
    ],
)
def test_lists_and_evidence_never_change(office: Office, statement: str, reason: str) -> None:
    recorded = office.permissions.record(approval())
    seal(office, request(office, recorded, draft(1)))
    with pytest.raises(sqlite3.IntegrityError, match=reason):
        execute(office, statement.format(recorded.number))


def test_the_database_itself_lets_nobody_approve_his_own_draft(office: Office) -> None:
    """Even in the transaction that writes the approval."""
    with pytest.raises(LedgerUnavailableError):
        office.permissions.record(approval(draft(1), draft(2, drafter=_Pretender(SEALER))))
    office.ledger.verify_chain()
    assert office.permissions.of_drafts([draft(1).draft_id]) == {}


class _Pretender(str):
    """A name that denies being the one it is."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return super().__hash__()


# ---- what the owner of the file can do is found


def tamper(office: Office, *statements: str) -> None:
    with closing(sqlite3.connect(office.folder / "ledger.db")) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE approved_drafts SET draft_sm3 = '{other}' WHERE draft_id = '{first}'",
        "UPDATE approved_drafts SET draft_sm3 = 'nonsense'",
        "DELETE FROM approved_drafts WHERE draft_id = '{second}'",
        "DELETE FROM approved_drafts",
        "INSERT INTO approved_drafts VALUES ({row}, '{third}', '{other}', 'drafter')",
        "UPDATE approved_drafts SET drafter = '{sealer}'",
    ],
)
def test_a_list_that_was_changed_is_named(office: Office, statement: str) -> None:
    recorded = office.permissions.record(approval())
    seal(office, request(office, recorded, draft(1)))
    names = {
        "first": draft(1).draft_id,
        "second": draft(2).draft_id,
        "third": draft(3).draft_id,
        "other": draft(3).draft_sm3,
        "row": recorded.number,
        "sealer": SEALER,
    }
    tamper(office, statement.format(**names))
    with pytest.raises(LedgerBrokenError, match=f"row {recorded.number}$"):
        office.ledger.verify_chain()


def forge(claims: dict[str, object]) -> str:
    """Put in another token, encrypted rightly, as who has the key can."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    evidence = f"e30.{payload}.c2ln".encode()
    context = f"ledger evidence {sm3(evidence).hex()}".encode()
    return EVIDENCE_KEY.encrypt(evidence, context=context).hex()


def another_key(_: Office) -> str:
    return DataKey("evidence-test", bytes(16)).encrypt(b"a.b.c", context=b"x").hex()


def another_token(_: Office) -> str:
    return forge({"sub": SEALER, "nonce": nonce_of([draft(1), draft(2)])})


def nothing(_: Office) -> str:
    return ""


@pytest.mark.parametrize("evidence", [another_key, another_token, nothing])
def test_evidence_that_was_exchanged_is_named(
    office: Office, evidence: Callable[[Office], str]
) -> None:
    recorded = office.permissions.record(approval())
    office.permissions.verify_evidence()
    tamper(office, f"UPDATE evidence SET encrypted = x'{evidence(office)}'")  # noqa: S608 - hex
    with pytest.raises(LedgerBrokenError, match=f"row {recorded.number}$"):
        office.permissions.verify_evidence()


def test_evidence_that_is_gone_is_named(office: Office) -> None:
    recorded = office.permissions.record(approval())
    tamper(office, "DELETE FROM evidence")
    with pytest.raises(LedgerBrokenError, match=f"row {recorded.number}$"):
        office.permissions.verify_evidence()


def test_an_approval_says_nothing_of_its_token() -> None:
    assert approval().id_token not in repr(approval())
