"""`certificate.json` is read in one way only, and says nothing that cannot be shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.canonical import canonical_json
from verify.sealed_data import MAX_OCTETS, MAX_TEXT, MalformedSealedDataError, SealedData

MEMBERS = {
    "metadata": {"ZZBH": "JY1", "ZZLXMC": "食品经营许可证", "ZZBFJGDM": "11999901MB0000027N"},
    "seal": {"id": "99990100000001", "picture_sm3": "00" * 32},
}


def changed(part: str, member: str, value: object) -> bytes:
    return canonical_json(MEMBERS | {part: MEMBERS[part] | {member: value}})


def test_the_members_are_read() -> None:
    read = SealedData.parse(canonical_json(MEMBERS | {"attributes": {"x": [1, 2.5, None]}}))
    assert read.number == "JY1"
    assert read.type_name == "食品经营许可证"
    assert read.authority_uscc == "11999901MB0000027N"
    assert (read.seal_id, read.picture_sm3) == ("99990100000001", "00" * 32)


CANONICAL = canonical_json(MEMBERS)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        CANONICAL + b" ",
        CANONICAL.replace(b'"ZZBH"', b'"ZZBH":"JY0","ZZBH"'),
        json.dumps(MEMBERS).encode("utf-16"),
        canonical_json({**MEMBERS, "seal": []}),
        canonical_json({**MEMBERS, "seal": None}),
        canonical_json({"metadata": MEMBERS["metadata"]}),
        b"[" * 100_000,
        b'"' + b"x" * MAX_OCTETS + b'"',
    ],
)
def test_anything_else_is_refused(octets: bytes) -> None:
    with pytest.raises(MalformedSealedDataError):
        SealedData.parse(octets)


@pytest.mark.parametrize(
    "value", ["", "x" * (MAX_TEXT + 1), "JY\u202e1", "JY\x1b[2J", "a\nb", 1, None, ["JY1"]]
)
@pytest.mark.parametrize(
    ("part", "member"), [("metadata", "ZZBH"), ("metadata", "ZZLXMC"), ("metadata", "ZZBFJGDM")]
)
def test_what_cannot_be_shown_is_refused(part: str, member: str, value: object) -> None:
    with pytest.raises(MalformedSealedDataError):
        SealedData.parse(changed(part, member, value))


@given(st.binary())
def test_nothing_else_is_raised(octets: bytes) -> None:
    with pytest.raises(MalformedSealedDataError):
        SealedData.parse(octets)
