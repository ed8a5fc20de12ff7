"""Values and objects: what is read, what is refused, and that nothing takes for ever."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.errors import MalformedPdfError, SigningError, UnsupportedPdfError
from signing.pdf.syntax import (
    MAX_DEPTH,
    MAX_LITERAL_OCTETS,
    MAX_VALUES,
    Name,
    Parser,
    PdfString,
    Reference,
    Value,
    text,
    walk,
)


def read(source: bytes) -> Value:
    value, end = Parser(source).read_value(0)
    assert end == len(source.rstrip())
    return value


def octets(value: Value) -> bytes:
    assert isinstance(value, PdfString)
    return value.octets


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"true", True),
        (b"false", False),
        (b"null", None),
        (b"0", 0),
        (b"+17", 17),
        (b"-98", -98),
        (b"34.5", 34.5),
        (b"-.002", -0.002),
        (b"4.", 4.0),
        (b"/Name1", Name("Name1")),
        (b"/A;Name_With-Various***Characters?", Name("A;Name_With-Various***Characters?")),
        (b"/lime#20Green", Name("lime Green")),
        (b"/paired#28#29parentheses", Name("paired()parentheses")),
        (b"/A#42", Name("AB")),
        (b"/", Name("")),
        (b"12 0 R", Reference(12)),
        (b"12\n0\r\nR", Reference(12)),
        (b"[1 2 0 R 3]", [1, Reference(2), 3]),
        (b"[1 2]", [1, 2]),
        (b"<</A/B/C[1 <</D null>>]>>", {"A": Name("B"), "C": [1, {"D": None}]}),
        (b"[/A/B(c)<64>]", [Name("A"), Name("B"), PdfString(b"c", 0, 0), PdfString(b"d", 0, 0)]),
        (b" \x00\t\r\n\x0c7", 7),
        (b"[]", []),
        (b"<<>>", {}),
    ],
)
def test_values_of_iso_32000_1_clause_7_3(source: bytes, expected: Value) -> None:
    value = read(source)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"(This is a string)", b"This is a string"),
        (b"()", b""),
        (b"(balanced (and (nested)) parentheses)", b"balanced (and (nested)) parentheses"),
        (b"(two \\\nsplit \\\r\nlines)", b"two split lines"),
        (b"(a\r\nb\rc\nd)", b"a\nb\nc\nd"),
        (b"(\\n\\r\\t\\b\\f\\(\\)\\\\\\q)", b"\n\r\t\b\x0c()\\q"),
        (b"(\\245\\307\\0053\\53\\5)", b"\xa5\xc7\x053+\x05"),
        (b"<4E6F762073686D6F7A>", b"Nov shmoz"),
        (b"<4e 6F\n76>", b"Nov"),
        (b"<>", b""),
    ],
)
def test_strings_of_iso_32000_1_clause_7_3_4(source: bytes, expected: bytes) -> None:
    value = read(source)
    assert octets(value) == expected
    assert isinstance(value, PdfString)
    assert source[value.start : value.end] == source


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"nul",
        b"nullx",
        b"1.2.3",
        b"12345678901",
        b"--1",
        b"R",
        b"/a#4",
        b"/a#",
        b"/a#zz",
        b"(a",
        b"(a\\",
        b"<4>",
        b"<4g>",
        b"<41",
        b"[1",
        b"[1>>",
        b"<<1]",
        b"]",
        b">>",
        b"<</A>>",
        b"<</A 1/A 1>>",
        b"<</A 1/#41 1>>",
        b"<<1 2>>",
        b"<<1 2/A 3>>",
        b"{1}",
        b"% comment\n1",
        b"[1 % comment\n]",
        b"/\xff",
    ],
)
def test_what_is_no_value_or_no_unambiguous_one_is_refused(source: bytes) -> None:
    with pytest.raises(MalformedPdfError):
        Parser(source).read_value(0)


def test_a_reference_to_another_generation_is_not_supported() -> None:
    with pytest.raises(UnsupportedPdfError):
        read(b"12 1 R")


def test_depth_and_number_of_values_have_limits() -> None:
    assert read(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) != 1
    with pytest.raises(MalformedPdfError):
        read(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))
    with pytest.raises(MalformedPdfError):
        read(b"[" + b"0 " * MAX_VALUES + b"]")
    escapes = MAX_LITERAL_OCTETS // 4 * b"\\n"
    with pytest.raises(MalformedPdfError):
        read(b"[" + (b"(" + escapes + b")") * (4 * MAX_VALUES // MAX_LITERAL_OCTETS + 1) + b"]")


@pytest.mark.parametrize(
    "source",
    [
        b"[" * 5_000_000,
        b"(" * 5_000_000,
        b"(\\" + b"1" * 5_000_000,
        b" " * 5_000_000,
        b"/" + b"a#" * 2_500_000,
        b"<" + b"0" * 5_000_001,
        b"<<" + b"/A 1" * 1_250_000,
        b"1" * 5_000_000,
    ],
    ids=["arrays", "brackets", "octal", "blank", "name", "hex", "keys", "digits"],
)
def test_five_megabytes_of_nonsense_are_refused_within_two_seconds(source: bytes) -> None:
    started = time.process_time()
    with pytest.raises(MalformedPdfError):
        Parser(source).read_value(0)
    assert time.process_time() - started < 2


def test_a_string_read_step_by_step_has_a_limit() -> None:
    assert len(octets(read(b"(\\n" + b"a" * (MAX_LITERAL_OCTETS - 4) + b")"))) > 1
    with pytest.raises(MalformedPdfError):
        read(b"(" + b"\\n" * MAX_LITERAL_OCTETS + b")")


@pytest.mark.parametrize(
    ("source", "stream"),
    [
        (b"7 0 obj\n[1 2]\nendobj", None),
        (b"7 0 obj<</Length 3>>stream\r\nabc\r\nendstream endobj", b"abc"),
        (b"7 0 obj\n<</Length 9>>\nstream\nendstream\nendstream\nendobj", b"endstream"),
        (b"7 0 obj\n<</Length 0>>\nstream\nendstream\nendobj", b""),
    ],
)
def test_objects_and_streams(source: bytes, stream: bytes | None) -> None:
    item = Parser(source).read_object(0)
    assert (item.number, item.start, item.end) == (7, 0, len(source))
    assert (source[slice(*item.stream)] if item.stream else None) == stream


@pytest.mark.parametrize(
    "source",
    [
        b"7 0 obj\n1",
        b"7 0 obj\n1\nendobjx",
        b"7 0 obj\n1 0 R\nendobj",
        b"7  0 obj\n1\nendobj",
        b"7 0 obj\n1 2\nendobj",
        b"7 0 obj\n[]\nstream\n\nendstream\nendobj",
        b"7 0 obj\n<<>>\nstream\n\nendstream\nendobj",
        b"7 0 obj\n<</Length true>>\nstream\n\nendstream\nendobj",
        b"7 0 obj\n<</Length -1>>\nstream\n\nendstream\nendobj",
        b"7 0 obj\n<</Length 99>>\nstream\n\nendstream\nendobj",
        b"7 0 obj\n<</Length 2>>\nstream\nabc\nendstream\nendobj",
        b"7 0 obj\n<</Length 3>>\nstream\nabc\n\nendstream\nendobj",
        b"7 0 obj\n<</Length 3>>\nstream\rabc\nendstream\nendobj",
    ],
)
def test_objects_that_do_not_end_where_they_say_are_refused(source: bytes) -> None:
    with pytest.raises(MalformedPdfError):
        Parser(source).read_object(0)


@pytest.mark.parametrize(
    "source",
    [b"7 1 obj\n1\nendobj", b"7 0 obj\n<</Length 8 0 R>>\nstream\n\nendstream\nendobj"],
    ids=["generation", "length elsewhere"],
)
def test_objects_of_kinds_that_are_not_read(source: bytes) -> None:
    with pytest.raises(UnsupportedPdfError):
        Parser(source).read_object(0)


def test_text_strings() -> None:
    assert text(PdfString(b"plain", 0, 0)) == "plain"
    assert text(PdfString(bytes.fromhex("feff8bc17167"), 0, 0)) == "证照"
    assert text(PdfString(b"\xef\xbb\xbf\xe8\xaf\x81", 0, 0)) == "证"
    for unclear in (b"\xe8\xaf\x81", b"\xfe\xff\xd8\x00", b"\xfe\xff\x00", b"\xef\xbb\xbf\xff"):
        with pytest.raises(MalformedPdfError):
            text(PdfString(unclear, 0, 0))


def _write(value: Value) -> bytes:
    match value:
        case Reference(number):
            source = b"%d 0 R" % number
        case str():
            source = b"/" + b"".join(b"#%02X" % octet for octet in value.encode("latin-1"))
        case PdfString(content):
            source = b"<%b>" % content.hex().encode()
        case list():
            source = b"[%b]" % b" ".join(map(_write, value))
        case dict():
            pairs = (_write(Name(key)) + b" " + _write(item) for key, item in value.items())
            source = b"<<%b>>" % b"".join(pairs)
        case _:
            source = b"null" if value is None else str(value).lower().encode()
    return source


_names = st.text(st.characters(max_codepoint=255)).map(Name)
_values: st.SearchStrategy[Value] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | _names
    | st.integers(0, 10**9).map(Reference)
    | st.binary().map(lambda content: PdfString(content, 0, 0)),
    lambda inner: st.lists(inner) | st.dictionaries(_names, inner),
    max_leaves=30,
)


@given(_values)
@settings(deadline=None)
def test_what_is_written_is_read(value: Value) -> None:
    assert read(_write(value)) == value


@given(st.binary() | st.text("<>[]()/#0123456789 R\n\\trufals", max_size=60).map(str.encode))
@settings(deadline=None)
def test_any_octets_give_a_value_or_a_signing_error(source: bytes) -> None:
    try:
        value, end = Parser(source).read_value(0)
    except SigningError:
        return
    assert 0 < end <= len(source)
    assert next(walk(value)) is value
