"""Every signature of a file, read or named as a fault: nothing is silently dropped.

A signature belongs to the first revision whose form shows it. Dictionaries that look like a
signature but that no form shows are faults.
"""

import re
from collections.abc import Iterator, Sized
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from signing import der
from signing.errors import BytesNotCoveredError, MalformedPdfError, UnsupportedPdfError
from signing.pdf.byte_rule import contents_in_gap, verify_byte_rule
from signing.pdf.drawing import Appearance, read_seal
from signing.pdf.placement import ByteRange, SignatureForm
from signing.pdf.revisions import PdfFile, View
from signing.pdf.syntax import (
    Dictionary,
    Name,
    PdfString,
    Reference,
    Value,
    may_hold,
    text,
    walk,
)

MAX_FIELDS = 2_000
"""Form fields looked at over all revisions; a certificate has one."""

MAX_SIGNATURES = 32
"""Signatures in one file; to judge each costs a digest of the file."""

MAX_NAME_LENGTH = 200
"""A field's full name; ours has four characters."""

_FORMS = {"GM.sm2seal": SignatureForm.SES, "ETSI.CAdES.detached": SignatureForm.PADES}
_FORM_BY_CONTENT = {"GM.sm2cms.detached", "GM.SM2", "adbe.pkcs7.detached"}
_INDEFINITE_SEQUENCE = b"\x30\x80"
_BYTE_RANGE_NUMBERS = 4
_DEFAULT_LEVEL = 2  # DocMDP without /P (table 254)
_DATE = re.compile(rb"D:(\d{14})(?:Z|Z00'00'?|([+-])([01]\d|2[0-3])'([0-5]\d)'?)")


@dataclass(frozen=True, slots=True)
class EmbeddedSignature:
    """A signature that covers its revision by the byte rule; its value is not verified."""

    field_name: str
    subfilter: str
    form: SignatureForm
    byte_range: ByteRange
    contents: bytes = field(repr=False)
    """The DER of the signature, without padding."""
    claimed_at: datetime | None
    """/M, in UTC: what the signer says."""
    doc_mdp: int | None
    """What a certifying signature allows later (1: nothing); None if it is not certifying."""
    revision: int
    """Index of the revision it covers."""
    revision_end: int
    covers_whole_file: bool
    appearance: Appearance | None
    """The seal as its revision shows it; None unless it is drawn exactly as we draw it."""
    _pdf: bytes = field(repr=False, compare=False)

    @property
    def digest(self) -> bytes:
        """SM3 of the octets in `byte_range`, computed when it is asked for."""
        return self.byte_range.digest(self._pdf)


@dataclass(frozen=True, slots=True)
class SignatureFault:
    """A signature that cannot be judged."""

    field_name: str | None
    reason_code: str
    """`unsupported_signature`, `bytes_not_covered` or `malformed_document`."""
    detail: str


@dataclass(frozen=True, slots=True)
class _SignedField:
    name: str
    number: int | None
    """The object number of the field, if it is an object of its own."""
    value: Value


def read_signatures(file: PdfFile) -> tuple[EmbeddedSignature | SignatureFault, ...]:
    """Return every signature in the order of the revisions, then what no form shows.

    Raises `MalformedPdfError` if a form cannot be walked.
    """
    found: list[EmbeddedSignature | SignatureFault] = []
    known: set[int] = set()
    for index in range(len(file.revisions)):
        view = file.view(index)
        here: set[int] = set()
        for signed in _signed_fields(view):
            identity = id(view.resolve(signed.value))
            if identity in here:
                found.append(_malformed(signed.name, "a signature that two fields show"))
            elif identity not in known:
                found.append(_read_signature(file, index, view, signed))
            here.add(identity)
            _verify_count(found)
        known |= here
    for dictionary in _signature_dictionaries(file):
        if id(dictionary) not in known:
            found.append(_malformed(None, "a signature that no form shows"))
            _verify_count(found)
    return tuple(found)


def _verify_count(found: Sized) -> None:
    if len(found) > MAX_SIGNATURES:
        raise MalformedPdfError("too many signatures")


def _signed_fields(view: View) -> Iterator[_SignedField]:
    """Yield the signature fields with a value, in the order of the form (12.7.3)."""
    form = view.dictionary(view.catalog.get("AcroForm", {}))
    waiting = [(item, "", cast("Value", None)) for item in view.array(form.get("Fields", []))]
    waiting.reverse()
    visited: set[int] = set()
    fields_left = MAX_FIELDS
    while waiting:
        if len(waiting) > fields_left:
            raise MalformedPdfError("a form with too many fields")
        node, parent_name, inherited_type = waiting.pop()
        fields_left -= 1
        number = node.number if isinstance(node, Reference) else None
        if number in visited:
            raise MalformedPdfError("a form that runs in circles")
        if number is not None:
            visited.add(number)
        entries = view.dictionary(node)
        name = _full_name(parent_name, view.resolve(entries.get("T")))
        field_type = view.resolve(entries.get("FT", inherited_type))
        if field_type == "Sig" and entries.get("V") is not None:
            yield _SignedField(name, number, entries["V"])
        kids = view.array(entries.get("Kids", []))
        waiting.extend((kid, name, field_type) for kid in reversed(kids))


def _full_name(parent_name: str, partial_name: Value) -> str:
    if partial_name is None:
        return parent_name
    if not isinstance(partial_name, PdfString):
        raise MalformedPdfError("a field whose name is no text")
    name = f"{parent_name}.{text(partial_name)}" if parent_name else text(partial_name)
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise MalformedPdfError("a field whose name cannot be shown")
    return name


def _signature_dictionaries(file: PdfFile) -> Iterator[Dictionary]:
    for revision in file.revisions:
        for item in revision.objects.values():
            if not may_hold(file.pdf, item, b"ByteRange", b"Sig", b"DocTimeStamp"):
                continue
            for value in walk(item.value):
                if isinstance(value, dict) and (
                    "ByteRange" in value or value.get("Type") in ("Sig", "DocTimeStamp")
                ):
                    yield value


def _malformed(name: str | None, detail: str) -> SignatureFault:
    return SignatureFault(name, MalformedPdfError.code, detail)


def _read_signature(
    file: PdfFile, index: int, view: View, signed: _SignedField
) -> EmbeddedSignature | SignatureFault:
    try:
        return _read_supported(file, index, view, signed)
    except UnsupportedPdfError as error:
        return SignatureFault(signed.name, "unsupported_signature", str(error))
    except (MalformedPdfError, BytesNotCoveredError) as error:
        return SignatureFault(signed.name, error.code, str(error))


def _read_supported(
    file: PdfFile, index: int, view: View, signed: _SignedField
) -> EmbeddedSignature:
    dictionary = view.dictionary(signed.value)
    subfilter, contents = dictionary.get("SubFilter"), dictionary.get("Contents")
    if not isinstance(subfilter, Name) or dictionary.get("Type", "Sig") != "Sig":
        raise UnsupportedPdfError("a signature of no stated kind")
    if subfilter not in _FORMS and subfilter not in _FORM_BY_CONTENT:
        raise UnsupportedPdfError("a signature of a kind that is not read")
    if not isinstance(contents, PdfString):
        raise MalformedPdfError("a signature without /Contents")
    if contents.octets.startswith(_INDEFINITE_SEQUENCE):
        raise UnsupportedPdfError("a signature that is not in distinguished encoding")
    byte_range = _byte_range(dictionary.get("ByteRange"))
    revision = file.revisions[index]
    last = index == len(file.revisions) - 1
    # Of an earlier revision, the line end after %%EOF may belong to the update that follows.
    covers_line_end = last or byte_range.end != revision.marker_end
    verify_byte_rule(
        file.pdf,
        byte_range,
        contents_span=(contents.start, contents.end),
        revision_end=revision.end if covers_line_end else revision.marker_end,
    )
    element = contents_in_gap(file.pdf, byte_range)
    number = signed.number
    return EmbeddedSignature(
        field_name=signed.name,
        subfilter=str(subfilter),
        form=_FORMS.get(subfilter) or _form_of(element),
        byte_range=byte_range,
        contents=element,
        claimed_at=_claimed_at(dictionary.get("M")),
        doc_mdp=_doc_mdp(view, dictionary),
        revision=index,
        revision_end=byte_range.end,
        covers_whole_file=byte_range.end == len(file.pdf),
        appearance=None if number is None else read_seal(view, number),
        _pdf=file.pdf,
    )


def _byte_range(value: Value) -> ByteRange:
    numbers = [n for n in value if type(n) is int] if isinstance(value, list) else []
    if isinstance(value, list) and len(numbers) == len(value) == _BYTE_RANGE_NUMBERS:
        first_start, first_length, second_start, second_length = numbers
        if first_start == 0 < first_length < second_start and second_length > 0:
            return ByteRange(first_length, second_start, second_length)
    raise BytesNotCoveredError("a range that is not one gap in the file")


def _form_of(element: bytes) -> SignatureForm:
    """Tell a CMS ContentInfo, which begins with an object identifier, from a SES_Signature."""
    is_cms = der.Reader(element, BytesNotCoveredError).enter().next_is(der.OBJECT_IDENTIFIER)
    return SignatureForm.PADES if is_cms else SignatureForm.SES


def _claimed_at(value: Value) -> datetime | None:
    """Return a date with its time zone (7.9.4) in UTC."""
    if value is None:
        return None
    date = _DATE.fullmatch(value.octets) if isinstance(value, PdfString) else None
    if date is None:
        raise MalformedPdfError("a time of signing that is no time")
    digits, sign, hours, minutes = date.groups(b"0")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        local = datetime.strptime(digits.decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return local + offset if sign == b"-" else local - offset
    except (ValueError, OverflowError) as error:
        raise MalformedPdfError("a time of signing that is no time") from error


def _doc_mdp(view: View, dictionary: Dictionary) -> int | None:
    """Return /P of a signature that says it certifies and that the catalog names as doing so."""
    permissions = view.dictionary(view.catalog.get("Perms", {}))
    if view.resolve(permissions.get("DocMDP")) is not dictionary:
        return None
    for item in view.array(dictionary.get("Reference", [])):
        reference = view.dictionary(item)
        if reference.get("TransformMethod") == "DocMDP":
            level = view.dictionary(reference.get("TransformParams", {})).get("P", _DEFAULT_LEVEL)
            if type(level) is not int:
                raise MalformedPdfError("permissions that are no number")
            return level
    return None
