"""Unattended sealing: for one authority and type, for a time, so often a day, until recalled."""

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from simulators.approvals import KEEPER, SEALER, id_token, keepers_token
from simulators.sealing_unit import (
    AT,
    EVIDENCE_KEY,
    OPERATOR,
    TYPE,
    USCC,
    Office,
    authorisation,
    certificate,
)

from hsm.approvals import ApprovalRules
from hsm.custody import Custodian
from hsm.errors import ApprovalRejectedError, DailyCapReachedError, LedgerBrokenError
from hsm.ledger import Ledger
from hsm.permissions import FRESH, Permissions
from hsm.permits import LONGEST_AUTHORISATION, MOST_A_DAY, SealingAuthorisation, UnattendedUse
from hsm.use_requests import SealRequest
from signing.canonical import canonical_json, sm3

SECOND = timedelta(seconds=1)
MIDNIGHT_IN_CHINA = datetime.fromisoformat("2026-11-25T00:00:00+08:00")
OTHER_AUTHORITY = "11999902MB00000350"


def of_three(**changes: object) -> SealingAuthorisation:
    return authorisation(id="3" * 32, daily_cap=3, **changes)


@pytest.fixture
def three(office: Office) -> UnattendedUse:
    """Return an authorisation that the keeper gave, for three uses a day."""
    return office.permissions.authorise(
        of_three(), keeper=KEEPER, id_token=keepers_token(of_three(), at=AT), asked_at=AT
    )


def requests(
    office: Office, use: UnattendedUse, *numbers: int, **changes: object
) -> list[SealRequest]:
    given: dict[str, object] = {
        "approval": use,
        "officer": use.officer,
        "deadline": office.clock.at,
    }
    return [office.seal_request(str(n), **(given | changes)) for n in numbers]


def refused(
    office: Office, wanted: Sequence[SealRequest], error: type[Exception], match: str | None = None
) -> None:
    head, signed = office.ledger.head(), office.store.signed
    with pytest.raises(error, match=match):
        office.custodian.apply_seal(wanted)
    assert (office.ledger.head(), office.store.signed) == (head, signed)


# ---- giving one


def test_the_keeper_signs_in_for_its_statement() -> None:
    """The nonce is the SM3 of the canonical JSON of all that it says."""
    statement = {
        "authorisation": "3" * 32,
        "authority": USCC,
        "type": TYPE,
        "since": "2026-11-24T00:30:00.000000+00:00",
        "until": "2027-11-25T00:30:00.000000+00:00",
        "daily_cap": 3,
    }
    assert of_three().statement.encode() == canonical_json(statement)
    assert of_three().nonce == sm3(canonical_json(statement)).hex()


def test_what_the_keeper_gave_is_found_and_used(office: Office, three: UnattendedUse) -> None:
    assert (three.officer, three.of_development, three.recalled) == (KEEPER, False, False)
    assert office.permissions.in_force(authority=USCC, type_code=TYPE) == three
    assert office.permissions.room(authority=USCC, type_code=TYPE) == (three, 3)
    office.custodian.apply_seal(requests(office, three, 1, 2))
    assert office.permissions.room(authority=USCC, type_code=TYPE) == (three, 1)
    use = office.ledger.find(certificate("1"))
    assert use is not None
    assert (use.opening.approval.kind, use.opening.approval.officer) == (
        "sealing_authorisation",
        KEEPER,
    )
    office.ledger.verify_chain()
    office.permissions.verify_evidence()


@pytest.mark.parametrize(
    ("reason", "keeper", "token"),
    [
        ("nonce", KEEPER, keepers_token(of_three(), at=AT)),  # for another cap
        ("another officer's", KEEPER, id_token(SEALER, authorisation().nonce, at=AT)),
        ("not his post", SEALER, id_token(SEALER, authorisation().nonce, at=AT)),
        ("one factor", KEEPER, id_token(KEEPER, authorisation().nonce, at=AT, level=1)),
        ("in person", KEEPER, id_token(KEEPER, authorisation().nonce, at=AT, identity_level=2)),
        ("before he was asked", KEEPER, keepers_token(authorisation(), at=AT - SECOND)),
        ("no token", KEEPER, ""),
    ],
)
def test_what_the_keeper_did_not_give_is_not_kept(
    office: Office, reason: str, keeper: str, token: str
) -> None:
    head = office.ledger.head()
    with pytest.raises(ApprovalRejectedError, match=reason):
        office.permissions.authorise(authorisation(), keeper=keeper, id_token=token, asked_at=AT)
    assert office.ledger.head() == head


def test_a_sign_in_of_yesterday_gives_nothing(office: Office) -> None:
    office.clock.at = AT + FRESH + SECOND
    with pytest.raises(ApprovalRejectedError, match="just now"):
        office.permissions.authorise(
            of_three(), keeper=KEEPER, id_token=keepers_token(of_three(), at=AT), asked_at=AT
        )


@pytest.mark.usefixtures("three")
def test_a_token_gives_one_authorisation(office: Office) -> None:
    with pytest.raises(ApprovalRejectedError, match="given before"):
        office.permissions.authorise(
            of_three(), keeper=KEEPER, id_token=keepers_token(of_three(), at=AT), asked_at=AT
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "no id"},
        {"authority": "张三"},
        {"type_code": ""},
        {"daily_cap": 0},
        {"daily_cap": MOST_A_DAY + 1},
        {"until": AT - timedelta(hours=1)},
        {"until": AT - timedelta(hours=1) + LONGEST_AUTHORISATION + SECOND},
    ],
    ids=str,
)
def test_what_cannot_be_authorised(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not an authorisation"):
        authorisation(**changes)


# ---- its bounds


def test_the_cap_of_a_day_in_china(office: Office, three: UnattendedUse) -> None:
    office.custodian.apply_seal(requests(office, three, 1, 2))
    refused(office, requests(office, three, 3, 4), DailyCapReachedError)
    office.custodian.apply_seal(requests(office, three, 3))
    refused(office, requests(office, three, 4), DailyCapReachedError)
    office.clock.at = MIDNIGHT_IN_CHINA - SECOND
    refused(office, requests(office, three, 4), DailyCapReachedError)
    office.clock.at = MIDNIGHT_IN_CHINA
    office.custodian.apply_seal(requests(office, three, 4, 5, 6))
    refused(office, requests(office, three, 7), DailyCapReachedError)
    office.ledger.verify_chain()


def test_what_was_abandoned_counts(office: Office, three: UnattendedUse) -> None:
    """A key may have worked for it: whoever asks and abandons gets no more seals than others."""
    for _ in range(3):
        office.custodian.apply_seal(requests(office, three, 1))
        office.custodian.abandon(certificate("1"), "prepared_anew")
    refused(office, requests(office, three, 1), DailyCapReachedError)


def test_what_is_resumed_is_not_counted_again(office: Office, three: UnattendedUse) -> None:
    for _ in range(5):
        office.custodian.apply_seal(requests(office, three, 1))
    assert office.permissions.room(authority=USCC, type_code=TYPE) == (three, 2)


def test_it_counts_for_its_authority_and_type_only(office: Office, three: UnattendedUse) -> None:
    for changes in (
        {"type_code": "11999900MB0000019D002"},
        {"type_code": None},
    ):
        refused(office, requests(office, three, 1, **changes), ApprovalRejectedError, "for another")
    wanted = requests(office, three, 1, officer=OPERATOR)
    refused(office, wanted, ApprovalRejectedError, "another officer's")
    terms = of_three(authority=OTHER_AUTHORITY)
    other = office.permissions.authorise(
        replace(terms, id="4" * 32),
        keeper=KEEPER,
        id_token=keepers_token(replace(terms, id="4" * 32), at=AT),
        asked_at=AT,
    )
    refused(office, requests(office, other, 1), ApprovalRejectedError, "for another")


def test_what_a_request_says_of_its_authorisation_is_not_believed(
    office: Office, three: UnattendedUse
) -> None:
    """The row of the ledger counts, not what comes with the request."""
    generous = replace(three, authorisation=replace(of_three(), daily_cap=1000))
    refused(office, requests(office, generous, 1, 2, 3, 4), DailyCapReachedError)
    for pretended, reason in (
        (replace(three, number=1), "not recorded"),
        (replace(three, number=10_000), "not recorded"),
        (replace(three, evidence_sm3="0" * 64), "for another"),
        (replace(three, officer=OPERATOR), "for another"),
    ):
        refused(office, requests(office, pretended, 1), ApprovalRejectedError, reason)


def test_it_holds_from_its_first_moment_until_its_last(office: Office) -> None:
    terms = of_three(since=AT + 10 * SECOND, until=AT + 20 * SECOND)
    use = office.permissions.authorise(
        terms, keeper=KEEPER, id_token=keepers_token(terms, at=AT), asked_at=AT
    )
    for seconds, number in ((9, 0), (10, 1), (19, 2), (20, 0)):
        office.clock.at = AT + seconds * SECOND
        if number:
            office.custodian.apply_seal(requests(office, use, number))
        else:
            refused(office, requests(office, use, 9), ApprovalRejectedError, "not in force")
            in_force = office.permissions.in_force(authority=USCC, type_code=TYPE)
            assert in_force == office.unattended
    office.ledger.verify_chain()


def test_the_cap_holds_however_many_seal_at_once(office: Office) -> None:
    terms = authorisation(id="5" * 32, daily_cap=10)
    use = office.permissions.authorise(
        terms, keeper=KEEPER, id_token=keepers_token(terms, at=AT), asked_at=AT
    )
    custodians = [
        Custodian(
            store=office.store,
            ledger=Ledger(office.folder / "ledger.db"),
            clock=office.clock,
            approvals=ApprovalRules(development=True),
        )
        for _ in range(4)
    ]

    def run(worker: int) -> int:
        sealed = 0
        for number in range(8):
            try:
                custodians[worker].apply_seal(requests(office, use, worker * 100 + number))
            except DailyCapReachedError:
                continue
            sealed += 1
        return sealed

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(run, range(4))) == 10
    office.ledger.verify_chain()


# ---- recalling it


def test_a_recall_works_at_once_and_for_ever(office: Office, three: UnattendedUse) -> None:
    office.custodian.apply_seal(requests(office, three, 1))
    office.permissions.recall(three.number, officer=KEEPER, reason="keeper_left")
    head = office.ledger.head()
    office.permissions.recall(three.number, officer=KEEPER, reason="again")
    assert office.ledger.head() == head
    refused(office, requests(office, three, 2), ApprovalRejectedError, "not in force")
    refused(office, requests(office, three, 1), ApprovalRejectedError, "recalled")
    assert office.permissions.in_force(authority=USCC, type_code=TYPE) == office.unattended
    assert [use.recalled for use in office.permissions.authorisations()] == [False, True]
    office.ledger.verify_chain()


def test_only_an_authorisation_is_recalled(office: Office) -> None:
    for number in (1, 10_000):
        with pytest.raises(ApprovalRejectedError):
            office.permissions.recall(number, officer=KEEPER, reason="void")
    with pytest.raises(ValueError, match="a code"):
        office.permissions.recall(office.unattended.number, officer=KEEPER, reason="王先生来电")


# ---- development


def test_production_takes_no_authorisation_of_development(office: Office) -> None:
    production = office.with_policy(ApprovalRules(development=False))
    with pytest.raises(ApprovalRejectedError, match="of development"):
        production.apply_seal([office.seal_request("1")])
    pretended = replace(office.unattended, of_development=False)
    with pytest.raises(ApprovalRejectedError, match="of development"):
        production.apply_seal([office.seal_request("1", approval=pretended)])
    assert office.store.signed == 0


def test_production_neither_writes_nor_finds_one_of_development(office: Office) -> None:
    production = Permissions(
        office.ledger, clock=office.clock, evidence_key=EVIDENCE_KEY, development=False
    )
    with pytest.raises(ApprovalRejectedError, match="development only"):
        production.authorise_for_development(of_three(), operator=OPERATOR)
    with pytest.raises(ApprovalRejectedError, match="no authorisation in force"):
        production.in_force(authority=USCC, type_code=TYPE)


def test_production_takes_what_a_keeper_gave(office: Office, three: UnattendedUse) -> None:
    office.with_policy(ApprovalRules(development=False)).apply_seal(requests(office, three, 1))


# ---- the database itself, and what its owner can do


def execute(office: Office, *statements: str, triggers: bool = True) -> None:
    with closing(sqlite3.connect(office.folder / "ledger.db")) as connection:
        if not triggers:
            names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            for (name,) in names.fetchall():
                connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


OPENED = """
    INSERT INTO events (number, event, at, subject_kind, subject_id, key, purpose, digest, officer,
        approval_kind, approval_sm3, authority, approval, day, of_day, previous_sm3, sm3)
    SELECT (SELECT max(number) + 1 FROM events), 'opened', {at}, 'certificate', 'c-9', 'unit',
        'sealing', 'd', officer, 'sealing_authorisation', approval_sm3, {authority}, number, {day},
        {of_day}, 'p', 's'
    FROM events WHERE event = 'authorised' AND number = {number}
"""
GOOD = {
    "at": "at",
    "authority": "authority",
    "day": "'2026-11-24'",
    "of_day": "2",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"of_day": "1"},
        {"of_day": "3"},
        {"of_day": "NULL"},
        {"of_day": "4"},
        {"day": "'2026-11-25'"},
        {"day": "NULL"},
        {"at": "'2026-11-24T00:29:59.999999+00:00'"},
        {"at": "'2027-11-25T00:30:00.000000+00:00'", "day": "'2027-11-25'", "of_day": "1"},
        {"authority": "'another'"},
    ],
    ids=str,
)
def test_the_database_itself_keeps_to_the_bounds(
    office: Office, three: UnattendedUse, changes: dict[str, str]
) -> None:
    office.custodian.apply_seal(requests(office, three, 1))
    with pytest.raises(sqlite3.IntegrityError, match="not authorised"):
        execute(office, OPENED.format(**(GOOD | changes), number=three.number))
    execute(office, OPENED.format(**GOOD, number=three.number))  # so the rest was in order


def test_the_database_itself_takes_nothing_after_a_recall(
    office: Office, three: UnattendedUse
) -> None:
    office.custodian.apply_seal(requests(office, three, 1))
    office.permissions.recall(three.number, officer=KEEPER, reason="void")
    with pytest.raises(sqlite3.IntegrityError, match="not authorised"):
        execute(office, OPENED.format(**GOOD, number=three.number))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET content = replace(content, ':3,', ':9,') WHERE number = {number}",
        "DELETE FROM events WHERE number = {number}",
        "UPDATE events SET of_day = 1 WHERE of_day = 2",
        "UPDATE events SET officer = 'x' WHERE number = {number}",
    ],
)
def test_what_was_changed_is_found(office: Office, three: UnattendedUse, statement: str) -> None:
    office.custodian.apply_seal(requests(office, three, 1, 2))
    execute(office, statement.format(number=three.number), triggers=False)
    with pytest.raises(LedgerBrokenError):
        office.ledger.verify_chain()
