"""Distinguished encoding: what is written is read, and nothing else is."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from signing import der
from signing.errors import MalformedCmsError, MalformedSealError


def reader(octets: bytes) -> der.Reader:
    return der.Reader(octets, MalformedSealError)


@given(st.integers(0, 2**63 - 1))
def test_integers(value: int) -> None:
    encoded = der.integer(value)
    assert encoded == core.Integer(value).dump()
    assert reader(encoded).integer() == value


@pytest.mark.parametrize("value", [True, False])
def test_booleans(value: bool) -> None:  # noqa: FBT001 - the case itself
    encoded = der.boolean(value=value)
    assert encoded == core.Boolean(value).dump()
    assert reader(encoded).boolean() is value


@given(st.binary(max_size=300))
def test_octet_and_bit_strings(octets: bytes) -> None:
    assert der.octet_string(octets) == core.OctetString(octets).dump()
    assert der.bit_string(octets) == core.OctetBitString(octets).dump()
    assert reader(der.octet_string(octets)).octet_string() == octets
    assert reader(der.bit_string(octets)).bit_string() == octets


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 - hypothesis adds the zone
def test_times_are_written_to_the_second_in_utc(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    encoded = der.generalized_time(moment)
    assert encoded[2:].decode() == moment.isoformat()[:19].translate(
        str.maketrans("", "", "-:T")
    ) + ("Z")
    assert reader(encoded).generalized_time() == moment.replace(microsecond=0)


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    beijing = datetime(2026, 11, 24, 9, 30, tzinfo=timezone(timedelta(hours=8)))
    assert der.generalized_time(beijing)[2:] == b"20261124013000Z"


@pytest.mark.parametrize(
    "dotted", ["1.2.156.10197.1.501", "2.5.4.97", "0.9", "2.25.133184900397522060199573098679968"]
)
def test_object_identifiers(dotted: str) -> None:
    encoded = der.object_identifier(dotted)
    assert encoded == core.ObjectIdentifier(dotted).dump()
    assert reader(encoded).object_identifier() == encoded


@given(st.integers(0, 70_000))
def test_lengths_are_the_shortest(length: int) -> None:
    content = bytes(length)
    encoded = der.element(der.OCTET_STRING, content)
    assert encoded == core.OctetString(content).dump()
    assert reader(encoded).content(der.OCTET_STRING) == content


def test_elements_side_by_side_and_inside_one_another() -> None:
    octets = der.sequence(der.integer(1), der.sequence(der.utf8_string("证")), der.ia5_string("z"))
    outer = reader(octets)
    inside = outer.enter()
    outer.finish()
    assert inside.next_is(der.INTEGER)
    assert inside.integer() == 1
    assert inside.whole() == der.sequence(der.utf8_string("证"))
    assert not inside.at_end()
    assert inside.ascii_text(der.IA5_STRING) == "z"
    assert inside.at_end()
    assert not inside.next_is(der.IA5_STRING)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("", id="nothing"),
        pytest.param("30", id="no length"),
        pytest.param("3080", id="indefinite length"),
        pytest.param("30800000", id="indefinite length, ended"),
        pytest.param("3005", id="content missing"),
        pytest.param("3081", id="length missing"),
        pytest.param("308100", id="long form of nothing"),
        pytest.param("3081050500050005", id="long form of a short length"),
        pytest.param("3082008005", id="length with a zero in front"),
        pytest.param("3085010000000000", id="length of five octets"),
        pytest.param("30ff", id="reserved length"),
        pytest.param("3100", id="another tag"),
        pytest.param("1f3000", id="tag of several octets"),
    ],
)
def test_other_encodings_are_refused(octets: str) -> None:
    with pytest.raises(MalformedSealError):
        reader(bytes.fromhex(octets)).enter()


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("0200", id="empty"),
        pytest.param("020180", id="negative"),
        pytest.param("02020001", id="leading zero"),
        pytest.param("02090100000000000000ff", id="nine octets"),
    ],
)
def test_other_integers_are_refused(octets: str) -> None:
    with pytest.raises(MalformedSealError):
        reader(bytes.fromhex(octets)).integer()


@pytest.mark.parametrize("octets", ["0100", "010101", "01020000"])
def test_other_booleans_are_refused(octets: str) -> None:
    with pytest.raises(MalformedSealError):
        reader(bytes.fromhex(octets)).boolean()


@pytest.mark.parametrize("octets", ["0300", "03020102", "030107"])
def test_bits_that_are_no_octets_are_refused(octets: str) -> None:
    with pytest.raises(MalformedSealError):
        reader(bytes.fromhex(octets)).bit_string()


@pytest.mark.parametrize("octets", ["0600", "060188", "06022a88"])
def test_unfinished_object_identifiers_are_refused(octets: str) -> None:
    with pytest.raises(MalformedSealError):
        reader(bytes.fromhex(octets)).object_identifier()


@pytest.mark.parametrize(
    "text",
    [
        "20261124013000",
        "202611240130Z",
        "20261124013000.5Z",
        "20261124013000+0800",
        "20261324013000Z",
        "20260230013000Z",
        "20261124013060Z",
        "20261124246000Z",
        "00001124013000Z",
        "2026112401300\uff10Z",
        " 20261124013000Z",
        "20261124013000Z\n",
    ],
)
def test_other_forms_of_time_are_refused(text: str) -> None:
    with pytest.raises(MalformedSealError):
        reader(der.element(der.GENERALIZED_TIME, text.encode())).generalized_time()


@pytest.mark.parametrize("text", ["证\n", "名\u202e称", "\x00", "\u200b"])
def test_text_that_hides_something_is_refused(text: str) -> None:
    with pytest.raises(MalformedSealError):
        reader(der.utf8_string(text)).utf8_string()


def test_text_that_is_none_is_refused() -> None:
    with pytest.raises(MalformedSealError):
        reader(der.element(der.UTF8_STRING, b"\xc0\x80")).utf8_string()
    with pytest.raises(MalformedSealError):
        reader(der.element(der.IA5_STRING, "证".encode())).ascii_text(der.IA5_STRING)


def test_what_is_left_over_is_refused() -> None:
    octets = reader(der.integer(1) + b"\0")
    octets.integer()
    with pytest.raises(MalformedSealError):
        octets.finish()


def test_an_element_cannot_reach_out_of_the_one_around_it() -> None:
    outer = reader(bytes.fromhex("3003" + "040200") + b"\0")
    with pytest.raises(MalformedSealError):
        outer.enter().octet_string()


def test_the_reader_raises_the_error_of_its_format() -> None:
    with pytest.raises(MalformedCmsError):
        der.Reader(b"", MalformedCmsError).enter()


@given(st.binary(max_size=40))
def test_any_octets_give_the_named_error_or_a_value(octets: bytes) -> None:
    for method in (
        der.Reader.enter,
        der.Reader.integer,
        der.Reader.boolean,
        der.Reader.octet_string,
        der.Reader.bit_string,
        der.Reader.object_identifier,
        der.Reader.utf8_string,
        der.Reader.generalized_time,
    ):
        for tag in (b"", b"\x01", b"\x02", b"\x03", b"\x06", b"\x0c", b"\x18", b"\x30"):
            try:
                method(reader(tag + octets))
            except MalformedSealError:
                continue
