"""Days typed into forms."""

from datetime import UTC, date, datetime

import pytest

from api.days import read_day, start_of


def test_a_day_begins_at_midnight_in_china() -> None:
    assert read_day(" 2027-03-31\n") == date(2027, 3, 31)
    assert start_of(date(2027, 3, 31)) == datetime(2027, 3, 30, 16, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "31.3.2027", "2027-02-29", "9999-12-31", "２０２７-03-31"])
def test_anything_else_is_no_day(text: str) -> None:
    assert read_day(text) is None
