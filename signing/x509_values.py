"""The values that certificates and requests are made of, in strict DER."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from signing import der
from signing.errors import InvalidKeyError, MalformedSigningCertError, UnsupportedAlgorithmError
from signing.sm2 import SUBJECT_PUBLIC_KEY_INFO_PREFIX, Sm2PublicKey

MAX_SERIAL_SIZE = 20  # RFC 5280, 4.1.2.2

SET = 0x31
UTC_TIME = 0x17
_BMP_STRING = 0x1E
_URI = 0x86  # GeneralName [6]
_UTC_TIME_FORM = re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")
_UTC_TIME_PIVOT = 50  # RFC 5280, 4.1.2.5.1: 50 … 99 are of the twentieth century


def reader_of(octets: bytes) -> der.Reader:
    """Return a reader whose complaints are `MalformedSigningCertError`."""
    return der.Reader(octets, MalformedSigningCertError)


def read_public_key(reader: der.Reader) -> Sm2PublicKey:
    """Read a SubjectPublicKeyInfo, which must hold an uncompressed point of the SM2 curve."""
    info = reader.whole()
    if not info.startswith(SUBJECT_PUBLIC_KEY_INFO_PREFIX):
        raise UnsupportedAlgorithmError("the key is not an SM2 key")
    try:
        return Sm2PublicKey.from_point(info[len(SUBJECT_PUBLIC_KEY_INFO_PREFIX) :])
    except InvalidKeyError as error:
        raise MalformedSigningCertError("the key is not on the curve") from error


def read_serial_number(reader: der.Reader) -> int:
    """Read a CertificateSerialNumber (RFC 5280, 4.1.2.2)."""
    content = reader.content(der.INTEGER)
    number = int.from_bytes(content, "big", signed=True)
    if not 0 < len(content) <= MAX_SERIAL_SIZE or number <= 0:
        raise MalformedSigningCertError("a serial number is positive, of at most 20 octets")
    if content != der.integer(number)[2:]:
        raise MalformedSigningCertError("serial number not in its shortest form")
    return number


def read_time(reader: der.Reader) -> datetime:
    """Read a Time (RFC 5280, 4.1.2.5), either form for any year."""
    if not reader.next_is(UTC_TIME):
        return reader.generalized_time()
    match = _UTC_TIME_FORM.fullmatch(reader.content(UTC_TIME))
    if match is None:
        raise MalformedSigningCertError("time")
    year, month, day, hour, minute, second = map(int, match.groups())
    century = 1900 if year >= _UTC_TIME_PIVOT else 2000
    try:
        return datetime(century + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise MalformedSigningCertError("no such moment") from None


def read_text(reader: der.Reader) -> str:
    """Read a DirectoryString in the forms that CAs write."""
    for tag in (der.PRINTABLE_STRING, der.IA5_STRING):
        if reader.next_is(tag):
            return reader.ascii_text(tag)
    if not reader.next_is(_BMP_STRING):
        return reader.utf8_string()
    try:
        text = reader.content(_BMP_STRING).decode("utf-16-be")
    except UnicodeDecodeError:
        raise MalformedSigningCertError("text") from None
    if not text.isprintable():
        raise MalformedSigningCertError("text that cannot be printed")
    return text


def read_uris(names: der.Reader) -> Iterator[str]:
    """Yield the leading URIs of GeneralNames; what follows another kind of name is left out."""
    while names.next_is(_URI):
        yield names.ascii_text(_URI)


@lru_cache(maxsize=256)  # the usages in circulation are some dozens
def dotted(oid_der: bytes) -> str:
    """Return an object identifier as text (X.690, 8.19)."""
    arcs = [0]
    for octet in oid_der[2:]:
        arcs[-1] = arcs[-1] << 7 | octet & 0x7F
        if octet < 0x80:  # noqa: PLR2004 - the last octet of an arc
            arcs.append(0)
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:-1])))
