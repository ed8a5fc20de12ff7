"""A mandate by itself: matters, times, states, and the content that is sealed."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.documents import HolderKind, IdentityDocument
from idp.errors import (
    DamagedIdentityError,
    MandateEndedError,
    MandateTransitionError,
    MatterNotCoveredError,
)
from idp.mandates import (
    OFFER_LASTS,
    Act,
    Grounds,
    Mandate,
    MandateContent,
    MandateState,
    Party,
    Principal,
    Standing,
    Terms,
    digest_of,
    state_after,
)
from idp.matters import ALL_MATTERS, MOST_MATTERS, InvalidMatterError, Matters, parse_matter

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)
BASIC = "000131168001"
IMPLEMENTING = "11999901MB10000106" + "4" + BASIC
BUSINESS = IMPLEMENTING + "01"
ELSEWHERE = "11999902MB20000121" + "4" + BASIC

codes = st.sampled_from([BASIC, IMPLEMENTING, BUSINESS, ELSEWHERE, "000131168002"])
moments = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001 - hypothesis wants naive limits
    datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def mandate(
    state: MandateState = MandateState.ACTIVE,
    *,
    since: datetime = NOW,
    until: datetime | None = NOW + DAY,
    matters: Matters = ALL_MATTERS,
    state_since: datetime = NOW,
) -> Mandate:
    content = MandateContent(
        id="0" * 32,
        grounds=Grounds.AGENT,
        principal=Principal(HolderKind.LEGAL, "91999901MA1000017H"),
        principal_party=Party("示例公司", IdentityDocument.parse("001", "91999901MA1000017H")),
        actor="person-1",
        actor_party=Party("李示例", IdentityDocument.parse("414", "E99999901")),
        terms=Terms(matters, since, until),
        granted_by="person-2",
        granted_at=NOW,
        granted_under=("1" * 32, "2" * 64),
    )
    return Mandate(content, digest_of(content.to_json()), b"", state, state_since)


# ---- states ----

ALLOWED = {
    ("offered", "accept"): "active",
    ("offered", "decline"): "declined",
    ("offered", "recall"): "recalled",
    ("offered", "end"): "ended",
    ("active", "recall"): "recalled",
    ("active", "renounce"): "renounced",
    ("active", "end"): "ended",
}


@pytest.mark.parametrize(("state", "act"), list(itertools.product(MandateState, Act)))
def test_every_state_allows_what_it_allows(state: MandateState, act: Act) -> None:
    expected = ALLOWED.get((state.value, act.value))
    if expected is None:
        with pytest.raises(MandateTransitionError):
            state_after(state, act)
    else:
        assert state_after(state, act).value == expected


@pytest.mark.parametrize(
    ("moment", "standing"),
    [
        (NOW - timedelta(microseconds=1), Standing.NOT_YET),
        (NOW, Standing.IN_FORCE),
        (NOW + DAY - timedelta(microseconds=1), Standing.IN_FORCE),
        (NOW + DAY, Standing.EXPIRED),
    ],
)
def test_the_period_has_its_first_moment_and_not_its_last(
    moment: datetime, standing: Standing
) -> None:
    assert mandate().standing(moment) is standing
    if standing is Standing.IN_FORCE:
        mandate().verify_in_force(moment)
    else:
        with pytest.raises(MandateEndedError) as caught:
            mandate().verify_in_force(moment)
        assert caught.value.state == standing.value


def test_without_an_end_it_lasts() -> None:
    mandate(until=None).verify_in_force(NOW + 10_000 * DAY)


def test_an_offer_lapses() -> None:
    offer = mandate(MandateState.OFFERED, until=NOW + 100 * DAY)
    assert offer.standing(NOW + OFFER_LASTS - DAY) is Standing.OFFERED
    assert offer.standing(NOW + OFFER_LASTS) is Standing.LAPSED
    assert mandate(MandateState.OFFERED).standing(NOW + DAY) is Standing.LAPSED


@pytest.mark.parametrize("state", [s for s in MandateState if s.value not in {"offered", "active"}])
def test_what_is_over_stays_over(state: MandateState) -> None:
    assert mandate(state).standing(NOW).value == state.value


def test_what_time_ended_is_called_expired() -> None:
    over = mandate(MandateState.ENDED, state_since=NOW + DAY)
    assert over.standing(NOW + 2 * DAY) is Standing.EXPIRED


@given(since=moments, length=st.timedeltas(timedelta(microseconds=1), 900 * DAY), at=moments)
def test_in_force_is_between_since_and_until(
    since: datetime, length: timedelta, at: datetime
) -> None:
    inside = since <= at < since + length
    standing = mandate(since=since, until=since + length).standing(at)
    assert (standing is Standing.IN_FORCE) is inside


# ---- matters ----


@pytest.mark.parametrize("code", [BASIC, IMPLEMENTING, BUSINESS, f" {IMPLEMENTING.lower()} "])
def test_codes_of_matters_pass(code: str) -> None:
    assert parse_matter(code) == code.strip().upper()


@pytest.mark.parametrize(
    "code",
    [
        "",
        "1",
        "00013116800",
        "0001311680011",
        "X" * 31,
        IMPLEMENTING[:30],
        BUSINESS + "1",
        "１" * 12,
        "11999901MB1000010X" + "4" + BASIC,
        "000131168 01",
        "all",
    ],
)
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(InvalidMatterError):
        parse_matter(code)


@pytest.mark.parametrize(
    ("held", "asked", "covered"),
    [
        (BASIC, BASIC, True),
        (BASIC, IMPLEMENTING, True),
        (BASIC, BUSINESS, True),
        (BASIC, ELSEWHERE, True),
        (IMPLEMENTING, IMPLEMENTING, True),
        (IMPLEMENTING, BUSINESS, True),
        (IMPLEMENTING, BASIC, False),
        (IMPLEMENTING, ELSEWHERE, False),
        (BUSINESS, BUSINESS, True),
        (BUSINESS, IMPLEMENTING, False),
        (BASIC, "000131168002", False),
    ],
)
def test_a_code_covers_what_lies_below_it(held: str, asked: str, *, covered: bool) -> None:
    matters = Matters.parse([held])
    if covered:
        matters.verify_covers(asked)
        mandate(matters=matters).verify_covers(asked)
    else:
        with pytest.raises(MatterNotCoveredError):
            matters.verify_covers(asked)


def test_all_covers_everything_and_lies_within_nothing_less() -> None:
    some = Matters.parse([BASIC])
    ALL_MATTERS.verify_covers(BUSINESS)
    some.verify_within(ALL_MATTERS)
    ALL_MATTERS.verify_within(ALL_MATTERS)
    with pytest.raises(MatterNotCoveredError):
        ALL_MATTERS.verify_within(some)


def test_neither_no_matter_nor_too_many() -> None:
    for number in (0, MOST_MATTERS + 1):
        with pytest.raises(InvalidMatterError):
            Matters.parse(f"{n:012}" for n in range(number))
    assert len(Matters.parse(f"{n:012}" for n in range(MOST_MATTERS)).codes or ()) == MOST_MATTERS


@pytest.mark.parametrize("value", [None, 1, [], [1], ["x"], "none", {"all": True}])
def test_sealed_matters_are_read_strictly(value: object) -> None:
    with pytest.raises(InvalidMatterError):
        Matters.from_json(value)


@given(st.sets(codes, min_size=1), st.sets(codes, min_size=1), codes)
def test_within_means_covered_by(narrow: set[str], wide: set[str], matter: str) -> None:
    narrower, wider = Matters.parse(narrow), Matters.parse(wide)
    try:
        narrower.verify_within(wider)
        narrower.verify_covers(matter)
    except MatterNotCoveredError:
        return
    wider.verify_covers(matter)


# ---- content ----


@given(
    since=moments,
    length=st.none() | st.timedeltas(timedelta(seconds=1), 900 * DAY),
    matters=st.none() | st.sets(codes, min_size=1),
)
def test_what_is_sealed_is_read_back(
    since: datetime, length: timedelta | None, matters: set[str] | None
) -> None:
    until = None if length is None else since + length
    held = ALL_MATTERS if matters is None else Matters.parse(matters)
    made = mandate(since=since, until=until, matters=held).content
    octets = made.to_json()
    again = MandateContent.from_json(octets)
    assert again.to_json() == octets
    assert again.terms == made.terms
    assert (again.principal, again.actor, again.granted_under) == (
        made.principal,
        made.actor,
        made.granted_under,
    )


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        mandate().content.to_json().replace(b'"agent"', b'"boss"'),
        mandate().content.to_json().replace(b'"all"', b'"none"'),
        mandate().content.to_json().replace(b"91999901MA1000017H", b"91999901MA1000018H"),
    ],
)
def test_what_we_never_sealed_is_damage(octets: bytes) -> None:
    with pytest.raises(DamagedIdentityError):
        MandateContent.from_json(octets)


def test_a_mandate_is_quoted_by_id_and_digest_and_shows_no_name() -> None:
    made = mandate()
    assert made.quote == {"id": "0" * 32, "sm3": digest_of(made.content.to_json())}
    assert "李" not in repr(made)
    assert "李" not in repr(made.content)
