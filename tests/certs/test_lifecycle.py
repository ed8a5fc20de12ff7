"""The status of a certificate follows from its state, its dates and the moment."""

from datetime import UTC, date, datetime

import pytest

from certs.errors import IllegalTransitionError
from certs.lifecycle import Act, LegalKind, Standing, State, Status, state_after

REVOKED_AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def standing(
    *,
    state: State = State.VALID,
    valid_from: date | None = date(2026, 1, 1),
    valid_to: date | None = date(2026, 12, 31),
) -> Standing:
    kind = LegalKind.DIAOXIAO if state is State.REVOKED else None
    return Standing(state, REVOKED_AT, kind, valid_from, valid_to)


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2025-12-31T15:59:59+00:00", Status.NOT_YET_VALID),
        ("2025-12-31T16:00:00+00:00", Status.VALID),  # midnight in Shanghai
        ("2026-12-31T15:59:59+00:00", Status.VALID),  # the last day counts
        ("2026-12-31T16:00:00+00:00", Status.EXPIRED),
        ("2026-12-31T23:59:59+08:00", Status.VALID),
        ("2027-01-01T00:00:00+08:00", Status.EXPIRED),
    ],
)
def test_dates_are_days_of_beijing(moment: str, status: Status) -> None:
    assert standing().status_at(datetime.fromisoformat(moment)) is status


def test_without_an_end_it_stays_in_force() -> None:
    far_away = datetime(2999, 1, 1, tzinfo=UTC)
    assert standing(valid_to=None).status_at(far_away) is Status.VALID
    assert standing(valid_from=None).status_at(datetime(1999, 1, 1, tzinfo=UTC)) is Status.VALID


def test_a_revocation_counts_from_its_moment_on() -> None:
    revoked = standing(state=State.REVOKED)
    assert revoked.status_at(REVOKED_AT.replace(hour=8)) is Status.VALID
    assert revoked.status_at(REVOKED_AT) is Status.REVOKED


def test_what_was_revoked_does_not_become_merely_expired() -> None:
    later = datetime(2028, 1, 1, tzinfo=UTC)
    assert standing(state=State.REVOKED).status_at(later) is Status.REVOKED


def test_a_certificate_is_revoked_once() -> None:
    assert state_after(State.VALID, Act.REVOKED) is State.REVOKED
    with pytest.raises(IllegalTransitionError):
        state_after(State.REVOKED, Act.REVOKED)


def test_nothing_is_issued_twice() -> None:
    with pytest.raises(IllegalTransitionError):
        state_after(State.VALID, Act.ISSUED)
