"""What leaves the sandbox is read as strictly as the file was."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from signing.pdf.placement import ByteRange, SignatureForm
from verify.reading import (
    AttachedData,
    FoundFault,
    FoundSignature,
    LaterChanges,
    Reading,
    ShownPicture,
)
from verify.report import ReasonCode
from verify.sealed_data import SealedData

ADAPTER = TypeAdapter(Reading)

texts = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=30)
numbers = st.integers(1, 10**9)
ranges = st.builds(
    lambda first, gap, rest: ByteRange(first, first + gap, rest), numbers, numbers, numbers
)
pictures = st.builds(ShownPicture, texts, st.integers(1, 100), st.integers(1, 100))
signatures = st.builds(
    FoundSignature,
    field_name=texts,
    subfilter=texts,
    form=st.sampled_from(SignatureForm),
    byte_range=ranges,
    claimed_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    doc_mdp=st.none() | st.integers(1, 3),
    later_changes=st.sampled_from(LaterChanges),
    picture=st.none() | pictures,
)
faults = st.builds(
    FoundFault,
    field_name=st.none() | texts,
    reason_code=st.sampled_from(
        [
            ReasonCode.MALFORMED_DOCUMENT,
            ReasonCode.UNSUPPORTED_SIGNATURE,
            ReasonCode.BYTES_NOT_COVERED,
        ]
    ),
    detail=texts,
)
attached = st.builds(AttachedData, st.none() | st.builds(SealedData, *[texts] * 5)) | st.builds(
    AttachedData, fault=st.just(ReasonCode.CONTENT_SWAPPED)
)
readings = st.builds(
    Reading,
    signatures=st.lists(signatures | faults, min_size=1, max_size=4).map(tuple),
    attached=attached,
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(readings)
def test_what_is_written_is_read(reading: Reading) -> None:
    again = ADAPTER.validate_json(reading.to_json())
    assert again == reading


@given(values)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_json(json.dumps(value))


@given(st.binary())
def test_octets_that_are_no_json_are_refused(octets: bytes) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_json(octets)


@given(readings, st.data())
def test_a_member_of_another_kind_is_refused_or_read_as_its_own(
    reading: Reading, data: st.DataObject
) -> None:
    """Exchange one member anywhere: a reading that is accepted is one that could be written."""
    value = json.loads(reading.to_json())
    holder = data.draw(st.sampled_from([value, value["attached"], *value["signatures"]]))
    key = data.draw(st.sampled_from(sorted(holder)))
    holder[key] = data.draw(values)
    try:
        accepted = ADAPTER.validate_json(json.dumps(value))
    except ValidationError:
        return
    assert ADAPTER.validate_json(accepted.to_json()) == accepted


@pytest.mark.parametrize(
    "span", [(0, 1, 1), (-5, 10, 10), (10, 10, 10), (10, 5, 10), (1, 2, 0), (1, 2, -1)]
)
def test_a_range_is_around_one_gap(span: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="gap"):
        FoundSignature(
            field_name="Seal",
            subfilter="GM.sm2seal",
            form=SignatureForm.SES,
            byte_range=ByteRange(*span),
            claimed_at=None,
            doc_mdp=1,
            later_changes=LaterChanges.NONE,
            picture=None,
        )


def test_a_time_has_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        FoundSignature(
            field_name="Seal",
            subfilter="GM.sm2seal",
            form=SignatureForm.SES,
            byte_range=ByteRange(1, 2, 3),
            claimed_at=datetime(2026, 11, 24),  # noqa: DTZ001 - what is refused
            doc_mdp=1,
            later_changes=LaterChanges.NONE,
            picture=None,
        )


def test_no_reason_can_be_given_that_is_not_for_a_reader_to_give() -> None:
    with pytest.raises(ValueError, match="reason"):
        Reading(ReasonCode.OK)
    with pytest.raises(ValueError, match="reason"):
        Reading()
    with pytest.raises(ValueError, match="reason"):
        FoundFault("Seal", ReasonCode.OK, "")
    with pytest.raises(ValueError, match="fault"):
        AttachedData(fault=ReasonCode.OK)
