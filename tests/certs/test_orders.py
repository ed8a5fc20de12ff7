"""Orders: what they say when checked, and every fault at once without a value."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.authorities import Authorities
from certs.catalogue import Catalogue, CertificateType, NumberSource
from certs.errors import (
    Fault,
    InvalidOrderError,
    NotEntitledError,
    UnknownAuthorityError,
)
from certs.orders import MOST_ORDER_OCTETS, IssuanceOrder, parse_order, read_order

SAMPLES = Path(__file__).parents[2] / "certs" / "samples"
QINGHE_MARKET, SONGTING_MARKET = "11999901MB10000106", "11999902MB20000121"
QINGHE_CIVIL = "11999901MB10000293"
AT = dt.datetime(2026, 11, 23, 20, tzinfo=dt.UTC)
"""The 24th in China."""
TODAY = dt.date(2026, 11, 24)


@cache
def authorities() -> Authorities:
    return Authorities.load(SAMPLES / "authorities")


@cache
def food() -> CertificateType:
    return Catalogue.load(SAMPLES / "types").find("food-business-licence")


@cache
def senior() -> CertificateType:
    return Catalogue.load(SAMPLES / "types").find("senior-citizen-card")


def sample(certificate_type: CertificateType, **members: object) -> dict[str, Any]:
    order: dict[str, Any] = json.loads((certificate_type.folder / "sample.json").read_bytes())
    return {**order, **members}


def parse(
    unverified_order: object,
    certificate_type: CertificateType | None = None,
    authority_uscc: str | None = QINGHE_MARKET,
) -> IssuanceOrder:
    return parse_order(
        unverified_order,
        certificate_type=certificate_type or food(),
        authorities=authorities(),
        authority_uscc=authority_uscc,
        at=AT,
    )


def parse_senior(unverified_order: object) -> IssuanceOrder:
    return parse(unverified_order, senior(), None)


def faults(
    unverified_order: object, parse_it: Callable[[object], IssuanceOrder] = parse
) -> set[tuple[str, str]]:
    with pytest.raises(InvalidOrderError) as caught:
        parse_it(unverified_order)
    return {(fault.pointer, fault.code) for fault in caught.value.faults}


def test_a_sample_becomes_an_order_with_every_default_filled_in() -> None:
    order = parse(sample(food()))
    assert order.authority.uscc == QINGHE_MARKET
    assert [holder.document.number for holder in order.holders] == ["91999901MA1000017H"]
    assert order.attributes == sample(food())["attributes"]
    assert (order.issued_on, order.valid_from) == (TODAY, TODAY)
    assert order.valid_to == dt.date(2031, 11, 23)
    assert order.portrait is None
    assert order.number is None


def test_a_portrait_and_validity_without_end_come_with_the_type() -> None:
    order = parse_senior(sample(senior()))
    assert order.authority.uscc == QINGHE_CIVIL  # the only one entitled
    assert order.portrait is not None
    assert order.portrait.startswith(b"\xff\xd8")
    assert order.valid_to is None


@pytest.mark.parametrize("certificate_type", [food(), senior()], ids=lambda kind: kind.slug)
def test_an_order_written_out_is_the_same_order_later(certificate_type: CertificateType) -> None:
    [authority, *_] = authorities().entitled(certificate_type)
    order = parse(sample(certificate_type), certificate_type, authority.uscc)
    written = json.dumps(order.as_json()).encode()
    again = parse_order(
        read_order(written),
        certificate_type=certificate_type,
        authorities=authorities(),
        at=AT + dt.timedelta(days=400),
    )
    assert again == order


def test_the_digest_of_the_body_is_of_what_was_sent() -> None:
    tomorrow = parse_order(
        sample(food()),
        certificate_type=food(),
        authorities=authorities(),
        authority_uscc=QINGHE_MARKET,
        at=AT + dt.timedelta(days=1),
    )
    assert tomorrow != parse(sample(food()))
    assert tomorrow.body_sm3 == parse(sample(food())).body_sm3
    assert parse(sample(food(), issued_on="2026-11-24")).body_sm3 != tomorrow.body_sm3
    other = sample(senior())
    assert parse_senior({**other, "portrait": other["portrait"]}).body_sm3 == (
        parse_senior(dict(reversed(other.items()))).body_sm3
    )


def test_an_order_names_its_authority_or_the_caller_does() -> None:
    named = sample(food(), authority=SONGTING_MARKET)
    assert parse(named, authority_uscc=None).authority.uscc == SONGTING_MARKET
    assert parse(named, authority_uscc=SONGTING_MARKET).authority.uscc == SONGTING_MARKET
    assert faults(named) == {("/authority", "another_authority")}
    assert faults(sample(food()), lambda order: parse(order, authority_uscc=None)) == {
        ("/authority", "required")
    }


def test_an_authority_must_exist_and_be_entitled() -> None:
    with pytest.raises(NotEntitledError):
        parse(sample(food()), authority_uscc=QINGHE_CIVIL)
    with pytest.raises(UnknownAuthorityError):
        parse(sample(food()), authority_uscc="11100000000013338W")
    with pytest.raises(NotEntitledError):
        parse(sample(food()), replace(food(), code="11999900MB0000019D009"), None)


def test_every_fault_is_told_at_once() -> None:
    order = {
        "holders": [
            {"type": "001", "number": "91999901MA1000018H", "name": "示例\u202e公司"},
            {"type": "001", "number": "91999901MA1000018H", "name": "示例公司"},
            {"type": "111", "number": "11999919570312004X", "name": "陈样例", "age": 69},
            {"type": "112", "number": "1", "name": " "},
        ],
        "attributes": {"KZ_FDDBR": "王" * 41, "KZ_JYXM": [{"XMMC": "卖花"}], "KZ_X": 1.5},
        "portrait": 7,
        "number": "JY1",
        "issued_on": "2026-11-25",
        "valid_to": "26-11-25",
        "colour": "red",
    }
    assert faults(order) == {
        ("/holders", "max_items"),
        ("/holders/0/name", "hidden_character"),
        ("/holders/0/number", "wrong_check_digit"),
        ("/holders/1/number", "wrong_check_digit"),
        ("/holders/2/age", "unknown_key"),
        ("/holders/3/type", "unknown_document_type"),
        ("/holders/3/name", "outer_space"),
        ("/attributes/KZ_FDDBR", "max_length"),
        ("/attributes/KZ_JYXM/0/XMMC", "enum"),
        ("/attributes/KZ_X", "type"),
        ("/attributes/KZ_X", "unknown_key"),
        ("/attributes/KZ_ZS", "required"),
        ("/attributes/KZ_JYCS", "required"),
        ("/attributes/KZ_ZTYT", "required"),
        ("/attributes/KZ_TSJBDH", "required"),
        ("/portrait", "not_of_this_type"),
        ("/portrait", "type"),
        ("/number", "not_of_this_type"),
        ("/issued_on", "in_the_future"),
        ("/valid_to", "format"),
        ("/valid_to", "pattern"),
        ("/colour", "unknown_key"),
    }


@pytest.mark.parametrize("order", [None, [], "x", 1])
def test_what_is_no_object_is_no_order(order: object) -> None:
    assert faults(order) == {("", "type")}


def test_an_order_that_is_no_plain_data_is_told_as_a_whole() -> None:
    assert faults({"公司": 1}) == {
        ("", "key"),
        ("/holders", "required"),
        ("/attributes", "required"),
    }
    assert ("", "too_many") in faults(sample(food(), holders=[0] * 5000))


def test_a_bad_portrait_is_one_fault_among_others() -> None:
    assert faults(sample(senior(), portrait="/9j/", number="1"), parse_senior) == {
        ("/portrait", "not_a_jpeg"),
        ("/number", "not_of_this_type"),
    }


def test_what_is_missing_is_told() -> None:
    assert faults({}) == {("/holders", "required"), ("/attributes", "required")}
    assert faults({"holders": {}, "attributes": []}) == {
        ("/holders", "type"),
        ("/attributes", "type"),
    }
    assert faults(sample(senior(), portrait=None), parse_senior) == {("/portrait", "required")}
    assert faults(sample(food(), holders=[])) == {("/holders", "min_items")}


def test_a_holder_must_be_of_the_kind_the_type_is_for() -> None:
    person = sample(senior())["holders"]
    assert faults(sample(food(), holders=person)) == {("/holders/0/type", "holder_kind")}


def test_a_document_is_kept_in_its_one_spelling() -> None:
    [holder] = sample(senior())["holders"]
    order = parse_senior(sample(senior(), holders=[{**holder, "number": "11999919570312004x"}]))
    assert order == parse_senior(sample(senior()))


def test_a_number_comes_from_elsewhere_only_for_such_types() -> None:
    external = replace(food(), number=NumberSource.EXTERNAL)
    order = parse(sample(food(), number="示食许字（2026）1号"), external)
    assert order.number == "示食许字（2026）1号"
    assert parse(order.as_json(), external) == order
    with pytest.raises(InvalidOrderError) as caught:
        parse(sample(food()), external)
    assert caught.value.faults == (Fault("/number", "required"),)
    for number in ("a/b", "a b", "a?b", "a" * 65, ""):
        with pytest.raises(InvalidOrderError):
            parse(sample(food(), number=number), external)


@pytest.mark.parametrize(
    ("valid_from", "last"),
    [
        ("2026-11-24", dt.date(2031, 11, 23)),
        ("2026-01-01", dt.date(2030, 12, 31)),
        ("2024-02-29", dt.date(2029, 2, 28)),
        ("2024-03-01", dt.date(2029, 2, 28)),
    ],
)
def test_five_years_end_on_the_day_before(valid_from: str, last: dt.date) -> None:
    assert parse(sample(food(), valid_from=valid_from)).valid_to == last
    exact = sample(food(), valid_from=valid_from, valid_to=last.isoformat())
    assert parse(exact).valid_to == last
    longer = {**exact, "valid_to": (last + dt.timedelta(days=1)).isoformat()}
    assert faults(longer) == {("/valid_to", "too_late")}


@pytest.mark.parametrize(
    ("dates", "fault"),
    [
        ({"issued_on": "2026-11-25"}, ("/issued_on", "in_the_future")),
        ({"valid_to": "2026-11-23"}, ("/valid_to", "too_early")),
        (
            {"issued_on": "2026-11-20", "valid_from": "2026-11-22", "valid_to": "2026-11-21"},
            ("/valid_to", "too_early"),
        ),
        ({"valid_from": "2020-01-01"}, ("/valid_to", "too_early")),
        ({"valid_to": None}, ("/valid_to", "without_end")),
        ({"valid_from": "20260101"}, ("/valid_from", "format")),
        ({"valid_from": "2026-02-29"}, ("/valid_from", "format")),
        ({"valid_from": "9999-01-01"}, ("/valid_from", "pattern")),
        ({"issued_on": None}, ("/issued_on", "type")),
    ],
)
def test_dates_that_contradict_one_another_are_told(
    dates: dict[str, str | None], fault: tuple[str, str]
) -> None:
    assert fault in faults(sample(food(), **dates))


def test_a_type_without_end_may_end_and_need_not() -> None:
    assert parse_senior(sample(senior(), valid_to=None)).valid_to is None
    ends = parse_senior(sample(senior(), valid_to="2099-12-31"))
    assert ends.valid_to == dt.date(2099, 12, 31)


def test_an_order_file_is_bounded() -> None:
    assert read_order(b"{}") == {}
    with pytest.raises(InvalidOrderError) as caught:
        read_order(b" " * (MOST_ORDER_OCTETS + 1))
    assert caught.value.faults[0].code == "too_large"


MARK = "机密QX7"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(MARK),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.text(max_size=5)
                | st.sampled_from(["holders", "attributes", "type", "number", "name", "KZ_ZS"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    ).map(lambda value: {"note": MARK, "holders": value, "attributes": {"KZ_ZS": MARK}})
)
def test_any_value_gives_faults_and_never_shows_itself(unverified_order: object) -> None:
    with pytest.raises(InvalidOrderError) as caught:
        parse(unverified_order)
    assert MARK not in str(caught.value)
    assert MARK not in repr(caught.value.faults)


def test_an_order_shows_nothing_of_people_where_it_is_logged() -> None:
    order = parse_senior(sample(senior()))
    for text in (repr(order), repr(order.holders), str(order)):
        assert "陈" not in text
        assert "1957" not in text
