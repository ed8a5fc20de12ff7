"""Forms from schemas: every field asked for, every fault at its field, nothing typed lost."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import certs
from api.form_reading import add_row, blank_order, read_form, remove_row
from api.form_words import FAULTS, FormWords
from api.forms import Control, ControlKind, Form, Rows, make_form
from api.messages import Language, messages
from certs.attributes import AttributeSchema
from certs.authorities import Authorities
from certs.catalogue import Catalogue, CertificateType, NumberSource
from certs.errors import Fault, InvalidOrderError
from certs.orders import parse_order
from idp.documents import HolderKind

SAMPLES = Path(certs.__path__[0]) / "samples"
CATALOGUE = Catalogue.load(SAMPLES / "types")
AUTHORITIES = Authorities.load(SAMPLES / "authorities")
LICENCE = CATALOGUE.find("food-business-licence")
CARD = CATALOGUE.find("senior-citizen-card")
AT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)


def field(kind: str, **more: object) -> dict[str, object]:
    return {"title": "题", "x-title-en": "Title", "x-mask": "none", "type": kind, **more}


EVERY_KIND = replace(
    CARD,
    holder_kinds=frozenset(HolderKind),
    max_holders=3,
    number=NumberSource.EXTERNAL,
    attributes=AttributeSchema(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "例",
            "x-title-en": "Example",
            "type": "object",
            "additionalProperties": False,
            "required": ["text", "flag"],
            "properties": {
                "text": field("string", maxLength=20),
                "long": field("string", minLength=2, maxLength=200),
                "day": field("string", format="date"),
                "word": field("string", enum=["甲", "乙"]),
                "count": field("integer", minimum=1, maximum=9),
                "flag": field("boolean"),
                "maybe": field("boolean"),
                "words": field(
                    "array", maxItems=3, items={"type": "string", "maxLength": 5}, uniqueItems=True
                ),
                "rows": field(
                    "array",
                    minItems=1,
                    maxItems=4,
                    items={
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["a"],
                        "properties": {
                            "a": field("string", maxLength=5),
                            "b": field("integer", minimum=0),
                        },
                    },
                ),
            },
        }
    ),
)
KINDS = [LICENCE, CARD, EVERY_KIND]


def typed_into(form: Form) -> list[tuple[str, str]]:
    """Return what a browser sends that shows the form and changes nothing."""
    return [(control.name, control.value) for control in form.controls()]


def faults_of(kind: CertificateType, order: object) -> tuple[Fault, ...]:
    try:
        parse_order(
            order,
            certificate_type=kind,
            authorities=AUTHORITIES,
            authority_uscc=AUTHORITIES.entitled(CATALOGUE.find(kind.code))[0].uscc,
            at=AT,
        )
    except InvalidOrderError as error:
        return error.faults
    return ()


@pytest.mark.parametrize("kind", [LICENCE, CARD])
def test_what_the_sample_says_can_be_typed(kind: CertificateType) -> None:
    sample = json.loads((kind.folder / "sample.json").read_bytes())
    sample.pop("portrait", None)
    assert read_form(kind, typed_into(make_form(kind, sample))) == sample


def test_each_kind_of_value_is_asked_for_in_its_way() -> None:
    form = make_form(EVERY_KIND, {})
    kinds = {control.name.rpartition("/")[2]: control.kind for control in form.controls()}
    assert kinds | {"number": ControlKind.TEXT} == {
        "type": ControlKind.CHOICE,
        "name": ControlKind.TEXT,
        "number": ControlKind.TEXT,
        "text": ControlKind.TEXT,
        "long": ControlKind.LONG_TEXT,
        "day": ControlKind.DATE,
        "word": ControlKind.CHOICE,
        "count": ControlKind.WHOLE_NUMBER,
        "flag": ControlKind.YES_NO,
        "maybe": ControlKind.YES_NO,
        "0": ControlKind.TEXT,
        "a": ControlKind.TEXT,
        "b": ControlKind.WHOLE_NUMBER,
        "issued_on": ControlKind.DATE,
        "valid_from": ControlKind.DATE,
        "valid_to": ControlKind.DATE,
    }
    required = {control.name for control in form.controls() if control.required}
    assert {"attributes/text", "attributes/flag", "attributes/rows/0/a"} <= required
    assert required.isdisjoint({"attributes/long", "attributes/rows/0/b", "valid_to"})
    assert form.number is not None


def test_values_are_read_as_what_they_are() -> None:
    typed = {
        "attributes/text": "  王\u3000",
        "attributes/day": "1957年3月12日",
        "attributes/count": "７",
        "attributes/flag": "true",
        "attributes/maybe": "",
        "attributes/words/0": "甲",
        "attributes/words/2": "丙",
        "attributes/rows/1/b": "nine",
        "holders/0/number": "1199 9919 5703 12004X",
        "valid_to": "20301231",
        "number": "A 1",
        "something/else": "x",
    }
    assert read_form(EVERY_KIND, typed.items()) == {
        "holders": [{"number": "11999919570312004X"}],
        "attributes": {
            "text": "王",
            "day": "1957-03-12",
            "count": 7,
            "flag": True,
            "words": ["甲", "丙"],
            "rows": [{"b": "nine"}],
        },
        "valid_to": "2030-12-31",
        "number": "A 1",
    }


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("2026-11-24", "2026-11-24"),
        ("20261124", "2026-11-24"),
        ("2026.1.4", "2026-01-04"),
        ("2026/11/24", "2026-11-24"),
        ("2026年11月24日", "2026-11-24"),
        ("next week", "next week"),
        ("24.11.2026", "24.11.2026"),
    ],
)
def test_dates_are_understood_as_people_write_them(typed: str, read: str) -> None:
    order = read_form(LICENCE, [("valid_from", typed)])
    assert order["valid_from"] == read


NAMES = [
    control.name for kind in KINDS for control in make_form(kind, blank_order(kind)).controls()
]
ANYTHING = st.lists(
    st.tuples(
        st.sampled_from([*NAMES, "attributes/rows/2/a", "attributes/words/1", "holders/1/name"])
        | st.text(max_size=20),
        st.text(max_size=30) | st.sampled_from(["true", "12", "2026-11-24", "甲", "001"]),
    ),
    max_size=25,
)


@given(kind=st.sampled_from(KINDS), fields=ANYTHING)
@settings(max_examples=300, deadline=None)
def test_what_was_read_is_shown_and_read_again_the_same(
    kind: CertificateType, fields: list[tuple[str, str]]
) -> None:
    typed = read_form(kind, fields)
    form = make_form(kind, typed, faults_of(kind, typed))
    again = read_form(kind, typed_into(form))
    assert again == typed or typed["holders"] == [{}]
    assert again["attributes"] == typed["attributes"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["KZ_JYXM", "rows", "words", "type", "a", "text"]), inner)
    ),
    max_leaves=10,
)


@given(
    kind=st.sampled_from(KINDS),
    order=st.dictionaries(st.sampled_from(["holders", "attributes", "valid_to", "odd"]), JSON),
)
@settings(max_examples=300, deadline=None)
def test_a_form_is_made_of_whatever_is_kept(
    kind: CertificateType, order: dict[str, object]
) -> None:
    """Programs may have written the draft; every fault has a place and words in both languages."""
    faults = faults_of(kind, order)
    form = make_form(kind, order, faults)
    told = sum(len(part.faults) for part in parts_of(form)) + len(form.other_faults)
    assert told + len(form.portrait_faults) == len(faults)
    for language in Language:
        words = FormWords(messages(language))
        assert bool(words.summary(form)) == bool(faults)


def parts_of(form: Form) -> list[Control | Rows]:
    lists = [part for part in (form.holders, *form.attributes) if isinstance(part, Rows)]
    return [*lists, *form.controls()]


def test_a_fault_stands_at_its_field_and_in_the_summary() -> None:
    order = {
        "holders": [{"type": "001", "number": "91999901MA1000017X", "name": "示例公司"}],
        "attributes": {"KZ_JYXM": [{"XMMC": "热食类食品制售"}, {"XMMC": "无"}]},
    }
    form = make_form(LICENCE, order, faults_of(LICENCE, order))
    codes = {part.name: [f.code for f in part.faults] for part in parts_of(form) if part.faults}
    assert codes["holders/0/number"] == ["wrong_check_digit"]
    assert codes["attributes/KZ_JYXM/1/XMMC"] == ["enum"]
    assert codes["attributes/KZ_ZS"] == ["required"]
    summary = {
        entry["href"]: entry["text"]
        for entry in FormWords(messages(Language.ENGLISH)).summary(form)
    }
    assert summary["#holders-0-number"].startswith("Number of the document: The check digit")
    assert summary["#attributes-KZ_JYXM-1-XMMC"].startswith("Licensed items, row 2, Item: Choose")


def test_every_fault_that_is_explained_has_its_words() -> None:
    for language in Language:
        words = FormWords(messages(language))
        for code in (*FAULTS, "never_heard_of"):
            assert words.fault(Fault("/x", code, "7")).strip()
    number = make_form(EVERY_KIND, {}, [Fault("/attributes/count", "type", "integer")])
    count = next(control for control in number.controls() if control.name == "attributes/count")
    assert FormWords(messages(Language.ENGLISH)).faults(count) == "Enter a whole number."


def test_help_says_what_is_expected() -> None:
    words = FormWords(messages(Language.ENGLISH))
    helps = {part.name: words.help(part) for part in parts_of(make_form(EVERY_KIND, {}))}
    assert helps["attributes/long"] == "2 to 200 characters."
    assert helps["attributes/count"] == "A whole number from 1 to 9."
    assert "2026-11-24" in helps["attributes/day"]
    assert helps["attributes/words"] == "3 rows at most."
    licence = {part.name: words.help(part) for part in parts_of(make_form(LICENCE, {}))}
    assert licence["attributes/KZ_TSJBDH"] == "Digits and hyphens only, such as 12315."


def test_a_new_draft_begins_with_the_rows_it_must_have() -> None:
    assert blank_order(EVERY_KIND)["attributes"] == {"rows": [{}]}
    assert blank_order(LICENCE)["holders"] == [{"type": "001"}]
    assert blank_order(CARD)["holders"] == [{"type": "111"}]


def rows_after(order: Mapping[str, object], name: str) -> int:
    form = make_form(EVERY_KIND, order)
    return next(len(p.rows) for p in parts_of(form) if isinstance(p, Rows) and p.name == name)


def test_rows_come_and_go() -> None:
    order = blank_order(EVERY_KIND)
    for name, expected in (("attributes/words", 2), ("attributes/rows", 2), ("holders", 2)):
        shown = typed_into(make_form(EVERY_KIND, order))
        typed = read_form(EVERY_KIND, shown, keep_blank_rows=True)
        assert rows_after(add_row(EVERY_KIND, typed, name), name) == expected
    for nonsense in ("attributes/text", "attributes/nothing", "", "portrait"):
        assert add_row(EVERY_KIND, order, nonsense) == order
    fields = [
        ("attributes/rows/0/a", "1"),
        ("attributes/rows/1/a", "2"),
        ("attributes/rows/10/a", "3"),
        ("attributes/words/1", "乙"),
    ]
    left = read_form(EVERY_KIND, remove_row(fields, "attributes/rows/1"))
    assert left["attributes"] == {"words": ["乙"], "rows": [{"a": "1"}, {"a": "3"}]}
    left = read_form(EVERY_KIND, remove_row(fields, "attributes/words/1"))
    assert "words" not in left["attributes"]  # type: ignore[operator] # an object, as above


def test_a_list_offers_no_more_rows_than_it_may_have() -> None:
    order = {"attributes": {"words": ["1", "2", "3"]}}
    lists = [p for p in parts_of(make_form(EVERY_KIND, order)) if isinstance(p, Rows)]
    assert {part.name: part.can_grow for part in lists} == {
        "holders": True,
        "attributes/words": False,
        "attributes/rows": True,
    }
