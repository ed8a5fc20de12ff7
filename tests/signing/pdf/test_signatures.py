"""Every signature is read or named: none is dropped, and what is broken says how."""

from datetime import UTC, datetime

import pytest
from simulators.pdf_files import (
    CONTENTS,
    RANGE,
    add_revision,
    add_signature,
    complete_signature,
    draw,
    object_source,
    root_number,
    swap,
    write_pdf,
)

from signing.errors import MalformedPdfError
from signing.pdf.extract import SignedPdf, read_signed_pdf
from signing.pdf.placement import ByteRange, SignatureForm
from signing.pdf.signatures import (
    MAX_FIELDS,
    MAX_SIGNATURES,
    EmbeddedSignature,
    SignatureFault,
)

SES = b"\x30\x05\x30\x03\x02\x01\x04"
CMS = b"\x30\x03\x06\x01\x2a"
PAGES = b"<</Type/Pages/Count 0/Kids[]>>"
SIGNATURE = b"<</Type/Sig/SubFilter/GM.sm2seal/ByteRange%b/Contents%b>>" % (RANGE, CONTENTS)
FIELD = b"<</FT/Sig/T(A)/V 4 0 R>>"
TRAILER = b"/Root 1 0 R"


def catalog(fields: bytes) -> bytes:
    return b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[%b]>>>>" % fields


def signed(
    *, fields: bytes = b"3 0 R", field: bytes = FIELD, signature: bytes = SIGNATURE, **more: bytes
) -> bytes:
    """Return a file of one revision with a signature in object 4."""
    pages = more.get("pages", PAGES)
    objects = {1: catalog(fields), 2: pages, 3: field, 4: signature}
    return complete_signature(write_pdf(objects), SES)


def only(pdf: bytes) -> EmbeddedSignature | SignatureFault:
    (found,) = read_signed_pdf(pdf).signatures
    return found


def embedded(pdf: bytes) -> EmbeddedSignature:
    found = only(pdf)
    assert isinstance(found, EmbeddedSignature)
    return found


def fault(pdf: bytes) -> str:
    found = only(pdf)
    assert isinstance(found, SignatureFault)
    return found.reason_code


def names(pdf: SignedPdf) -> list[str | None]:
    return [signature.field_name for signature in pdf.signatures]


def test_a_file_without_a_form_has_no_signatures() -> None:
    assert read_signed_pdf(draw()).signatures == ()


def test_a_form_without_values_has_no_signatures() -> None:
    objects = {1: catalog(b"3 0 R"), 2: PAGES, 3: b"<</FT/Sig/T(A)>>"}
    assert read_signed_pdf(write_pdf(objects)).signatures == ()


def test_a_signature_of_other_software_is_read() -> None:
    found = embedded(signed())
    assert (found.field_name, found.form, found.contents) == ("A", SignatureForm.SES, SES)
    assert (found.claimed_at, found.doc_mdp, found.appearance) == (None, None, None)
    assert found.covers_whole_file


@pytest.mark.parametrize(
    ("subfilter", "contents", "form"),
    [
        (b"GM.sm2seal", SES, SignatureForm.SES),
        (b"ETSI.CAdES.detached", CMS, SignatureForm.PADES),
        (b"GM.sm2cms.detached", CMS, SignatureForm.PADES),
        (b"GM.SM2", CMS, SignatureForm.PADES),
        (b"GM.SM2", SES, SignatureForm.SES),
        (b"adbe.pkcs7.detached", CMS, SignatureForm.PADES),
        (b"adbe.pkcs7.detached", SES, SignatureForm.SES),
    ],
)
def test_forms_by_subfilter_or_by_what_is_inside(
    subfilter: bytes, contents: bytes, form: SignatureForm
) -> None:
    found = embedded(add_signature(draw(), subfilter=subfilter, contents=contents))
    assert (found.subfilter, found.form) == (subfilter.decode(), form)


@pytest.mark.parametrize(
    "change",
    [
        (b"GM.sm2seal", b"ETSI.RFC3161"),
        (b"GM.sm2seal", b"adbe.pkcs7.sha1"),
        (b"GM.sm2seal", b"Unheard.Of"),
        (b"/SubFilter/GM.sm2seal", b""),
        (b"/SubFilter/GM.sm2seal", b"/SubFilter(GM.sm2seal)"),
        (b"/Type/Sig", b"/Type/DocTimeStamp"),
    ],
)
def test_kinds_that_are_not_read_are_named(change: tuple[bytes, bytes]) -> None:
    assert fault(signed(signature=SIGNATURE.replace(*change))) == "unsupported_signature"


def test_contents_of_indefinite_length_are_named_unsupported() -> None:
    pdf = signed()
    assert fault(swap(pdf, b"<3005300302", b"<3080300302")) == "unsupported_signature"


@pytest.mark.parametrize(
    "change",
    [
        (RANGE, b"[0 1 2]"),
        (RANGE, b"[0 1 2 3 4 5]"),
        (RANGE, b"[0 1 2 3]"),
        (RANGE, b"[false 1 2 3]"),
        (RANGE, b"[0 1 2 (3)]"),
        (RANGE, b" 2 0 R"),
        (b"/ByteRange" + RANGE, b""),
    ],
)
def test_ranges_that_are_not_one_gap_in_the_file(change: tuple[bytes, bytes]) -> None:
    signature = SIGNATURE.replace(CONTENTS, b"<%b>" % SES.hex().encode()).replace(*change)
    pdf = write_pdf({1: catalog(b"3 0 R"), 2: PAGES, 3: FIELD, 4: signature})
    assert fault(pdf) == "bytes_not_covered"


def test_a_range_that_begins_later_leaves_octets_out() -> None:
    pdf = signed()
    assert fault(swap(pdf, b"/ByteRange[0 ", b"/ByteRange[1 ")) == "bytes_not_covered"


def test_a_gap_that_is_another_string_than_contents_is_refused() -> None:
    # The range leaves out a string with the same octets, but it is not /Contents.
    decoy = b"/ByteRange%b/Decoy%b/Contents<%b>" % (RANGE, CONTENTS, SES.hex().upper().encode())
    signature = b"<</Type/Sig/SubFilter/GM.sm2seal%b>>" % decoy
    assert fault(signed(signature=signature)) == "bytes_not_covered"


@pytest.mark.parametrize(
    ("original", "changed"),
    [
        (b"/Contents" + CONTENTS, b""),
        (b"/Contents", b"/M(D:20261301000000Z)/Contents"),
        (b"/Contents", b"/M(D:20261124083005)/Contents"),
        (b"/Contents", b"/M(D:20261124083005+99'00')/Contents"),
        (b"/Contents", b"/M 2026/Contents"),
        (b"/Contents", b"/M(D:00010101000000+01'00')/Contents"),
    ],
)
def test_a_broken_dictionary_is_a_malformed_document(original: bytes, changed: bytes) -> None:
    signature = SIGNATURE.replace(original, changed)
    if CONTENTS not in signature:
        signature = signature.replace(RANGE, b"[0 1 2 3]")
        pdf = write_pdf({1: catalog(b"3 0 R"), 2: PAGES, 3: FIELD, 4: signature})
    else:
        pdf = signed(signature=signature)
    assert fault(pdf) == "malformed_document"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"D:20261124083005Z", datetime(2026, 11, 24, 8, 30, 5, tzinfo=UTC)),
        (b"D:20261124083005Z00'00'", datetime(2026, 11, 24, 8, 30, 5, tzinfo=UTC)),
        (b"D:20261124163005+08'00'", datetime(2026, 11, 24, 8, 30, 5, tzinfo=UTC)),
        (b"D:20261124030005-05'30", datetime(2026, 11, 24, 8, 30, 5, tzinfo=UTC)),
    ],
)
def test_claimed_times_in_utc(text: bytes, expected: datetime) -> None:
    signature = SIGNATURE.replace(b"/Contents", b"/M(%b)/Contents" % text)
    assert embedded(signed(signature=signature)).claimed_at == expected


@pytest.mark.parametrize(
    ("reference", "permissions", "expected"),
    [
        (b"/TransformParams<</P 1>>", b"/DocMDP 4 0 R", 1),
        (b"/TransformParams<</P 3>>", b"/DocMDP 4 0 R", 3),
        (b"/TransformParams<<>>", b"/DocMDP 4 0 R", 2),
        (b"", b"/DocMDP 4 0 R", 2),
        (b">><</TransformMethod/FieldMDP", b"/DocMDP 4 0 R", 2),
        (b"/TransformParams<</P 1>>", b"/DocMDP 3 0 R", None),
        (b"/TransformParams<</P 1>>", b"", None),
    ],
)
def test_a_certifying_signature_is_named_by_itself_and_by_the_catalog(
    reference: bytes, permissions: bytes, expected: int | None
) -> None:
    transform = b"/Reference[<</TransformMethod/DocMDP%b>>]/Contents" % reference
    objects = {
        1: catalog(b"3 0 R")[:-2] + b"/Perms<<%b>>>>" % permissions,
        2: PAGES,
        3: FIELD,
        4: SIGNATURE.replace(b"/Contents", transform),
    }
    assert embedded(complete_signature(write_pdf(objects), SES)).doc_mdp == expected


def test_a_signature_that_only_the_catalog_names_is_not_certifying() -> None:
    transform = b"/Reference[<</TransformMethod/FieldMDP>>]/Contents"
    objects = {
        1: catalog(b"3 0 R")[:-2] + b"/Perms<</DocMDP 4 0 R>>>>",
        2: PAGES,
        3: FIELD,
        4: SIGNATURE.replace(b"/Contents", transform),
    }
    assert embedded(complete_signature(write_pdf(objects), SES)).doc_mdp is None


def test_permissions_that_are_no_number_are_a_fault() -> None:
    transform = b"/Reference[<</TransformMethod/DocMDP/TransformParams<</P(1)>>>>]/Contents"
    objects = {
        1: catalog(b"3 0 R")[:-2] + b"/Perms<</DocMDP 4 0 R>>>>",
        2: PAGES,
        3: FIELD,
        4: SIGNATURE.replace(b"/Contents", transform),
    }
    assert fault(complete_signature(write_pdf(objects), SES)) == "malformed_document"


def test_fields_inside_fields_pass_on_type_and_name() -> None:
    pdf = signed(
        fields=b"<</FT/Sig/T(Outer)/Kids[<</T(Empty)>> 3 0 R]>>", field=b"<</T(Inner)/V 4 0 R>>"
    )
    assert embedded(pdf).field_name == "Outer.Inner"


def test_a_signature_written_into_its_field_is_read() -> None:
    field = FIELD.replace(b"4 0 R", SIGNATURE)
    assert embedded(signed(fields=b"4 0 R", field=b"null", signature=field)).contents == SES


@pytest.mark.parametrize("value", [b"9 0 R", b"(text)", b"[]"])
def test_a_signature_field_whose_value_is_no_signature_is_a_fault(value: bytes) -> None:
    objects = {1: catalog(b"3 0 R"), 2: PAGES, 3: FIELD.replace(b"4 0 R", value)}
    assert fault(write_pdf(objects)) == "malformed_document"


@pytest.mark.parametrize(
    ("fields", "field"),
    [(b"", FIELD), (b"3 0 R", FIELD.replace(b"/Sig", b"/Tx")), (b"3 0 R", b"<</T(A)/V 4 0 R>>")],
    ids=["in no form", "in a text field", "in a field without type"],
)
def test_a_signature_that_no_form_shows_is_a_fault(fields: bytes, field: bytes) -> None:
    assert only(signed(fields=fields, field=field)) == SignatureFault(
        None, "malformed_document", "a signature that no form shows"
    )


@pytest.mark.parametrize(
    "hidden",
    [
        b"<</Type/Sig>>",
        b"<</Type/S#69g>>",
        b"<</Type/DocTimeStamp>>",
        b"<</Type/DocTime#53tamp>>",
        b"[[<</ByteRange[]>>]]",
        b"[[<</#42yteRange[]>>]]",
        b"<</Type/Sig/Length 2>>\nstream\n{}\nendstream",
    ],
)
def test_what_looks_like_a_signature_is_found_however_it_is_spelt(hidden: bytes) -> None:
    _, found = read_signed_pdf(signed(pages=hidden)).signatures
    assert found == SignatureFault(None, "malformed_document", "a signature that no form shows")


def test_a_signature_that_two_fields_show_is_a_fault_beside_it() -> None:
    pdf = signed(fields=b"3 0 R 2 0 R", pages=FIELD.replace(b"(A)", b"(B)"))
    found = read_signed_pdf(pdf).signatures
    assert [type(item) for item in found] == [EmbeddedSignature, SignatureFault]


def test_a_second_signature_stands_behind_the_first_and_both_are_read(genuine: bytes) -> None:
    pdf = read_signed_pdf(add_signature(genuine))
    assert names(pdf) == ["Seal", "Second"]
    first, second = pdf.signatures
    assert isinstance(first, EmbeddedSignature)
    assert isinstance(second, EmbeddedSignature)
    assert (first.covers_whole_file, second.covers_whole_file) == (False, True)
    assert (first.revision, second.revision) == (1, 2)
    assert first.revision_end == len(genuine) == pdf.revision_ends[1]
    assert first.appearance is not None


def test_a_signature_that_a_later_revision_takes_away_is_still_listed(genuine: bytes) -> None:
    root = root_number(genuine)
    stripped = add_revision(genuine, {root: object_source(draw(), root)})
    found = embedded(stripped)
    assert not found.covers_whole_file
    assert found.field_name == "Seal"
    assert found.digest == embedded(genuine).digest


def test_the_line_end_behind_an_earlier_signature_may_belong_to_the_update() -> None:
    pdf = signed()
    covered = embedded(pdf).byte_range
    without_line_end = ByteRange(
        covered.first_length, covered.second_start, covered.second_length - 1
    )
    shorter = swap(pdf, str(covered)[:-1].encode(), str(without_line_end)[:-1].encode())
    assert fault(shorter) == "bytes_not_covered"
    later = embedded(add_revision(shorter, {2: PAGES}, trailer=TRAILER))
    assert later.revision_end == len(pdf) - 1


def test_a_signature_shown_by_another_revision_than_it_covers_is_a_fault() -> None:
    objects = {1: catalog(b""), 2: PAGES, 3: FIELD, 4: SIGNATURE}
    unseen = complete_signature(write_pdf(objects), SES)
    shown = add_revision(unseen, {1: catalog(b"3 0 R")}, trailer=TRAILER)
    assert fault(shown) == "bytes_not_covered"


@pytest.mark.parametrize(
    "fields",
    [
        b"3 0 R 3 0 R",
        b"(text)",
        b"9 0 R",
        b"<</T 7>>",
        b"<</T(line\nend)>>",
        b"<</T(%b)>>" % (b"long" * 100),
        b"<</T(A)/Kids 7>>",
    ],
)
def test_a_form_that_cannot_be_walked_is_a_malformed_document(fields: bytes) -> None:
    with pytest.raises(MalformedPdfError):
        read_signed_pdf(signed(fields=fields))


def test_a_form_that_runs_in_circles_is_refused() -> None:
    with pytest.raises(MalformedPdfError):
        read_signed_pdf(signed(field=b"<</T(A)/Kids[<</Kids[3 0 R]>>]>>"))


def test_fields_have_a_limit_however_they_are_written() -> None:
    many = b"<<>>" * MAX_FIELDS
    assert read_signed_pdf(write_pdf({1: catalog(many), 2: PAGES})).signatures == ()
    with pytest.raises(MalformedPdfError):
        read_signed_pdf(write_pdf({1: catalog(many + b"<<>>"), 2: PAGES}))
    # An array that contains itself by way of a direct dictionary has no reference to a field.
    endless = {1: catalog(b"<</Kids 3 0 R>>"), 2: PAGES, 3: b"[<</Kids 3 0 R>><</Kids 3 0 R>>]"}
    with pytest.raises(MalformedPdfError):
        read_signed_pdf(write_pdf(endless))


def test_signatures_have_a_limit() -> None:
    loose = b"<</Type/Sig>>" * MAX_SIGNATURES
    found = read_signed_pdf(write_pdf({1: catalog(b""), 2: PAGES, 3: b"[%b]" % loose}))
    assert len(found.signatures) == MAX_SIGNATURES
    with pytest.raises(MalformedPdfError):
        read_signed_pdf(write_pdf({1: catalog(b""), 2: PAGES, 3: b"[%b<</Type/Sig>>]" % loose}))
