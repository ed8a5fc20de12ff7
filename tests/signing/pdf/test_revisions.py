"""Revisions: the chain of tables, and no octet that belongs to nothing."""

import io
import re
import time

import pikepdf
import pytest
from simulators.pdf_files import (
    add_revision,
    draw,
    object_source,
    root_number,
    size,
    swap,
    write_pdf,
)

from signing.errors import MalformedPdfError, UnsupportedPdfError
from signing.pdf.revisions import MAX_OBJECTS, MAX_REVISIONS, read_pdf_file
from signing.pdf.syntax import Reference

CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
PAGES = b"<</Type/Pages/Count 0/Kids[]>>"
SMALL = write_pdf({1: CATALOG, 2: PAGES})


def test_a_drawn_file_is_one_revision() -> None:
    file = read_pdf_file(draw())
    (revision,) = file.revisions
    assert (revision.start, revision.end, revision.marker_end) == (0, len(draw()), len(draw()))
    assert len(revision.objects) == size(draw()) - 1
    assert file.view(0).catalog["Type"] == "Catalog"


def test_each_revision_shows_the_document_as_it_left_it() -> None:
    first = SMALL + b""
    second = add_revision(first, {2: b"<</New 1>>", 3: b"(added)"}, trailer=b"/Root 1 0 R")
    file = read_pdf_file(second)
    assert [revision.end for revision in file.revisions] == [len(first), len(second)]
    assert [revision.start for revision in file.revisions] == [0, len(first)]
    assert "New" not in file.view(0).dictionary(Reference(2))
    assert file.view(1).dictionary(Reference(2)) == {"New": 1}
    assert file.view(0).resolve(Reference(3)) is None
    assert file.view(1).resolve(Reference(3)) is not None


def test_an_object_that_a_revision_frees_is_gone() -> None:
    table = b"xref\n2 1\n0000000000 00001 f\r\n"
    pdf = b"%b%btrailer\n<</Size 3/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        SMALL,
        table,
        SMALL.index(b"xref"),
        len(SMALL),
    )
    file = read_pdf_file(pdf)
    assert file.revisions[1].freed == {2}
    assert file.view(1).resolve(Reference(2)) is None
    assert file.view(0).resolve(Reference(2)) is not None


def _saved(mode: pikepdf.ObjectStreamMode, encryption: pikepdf.Encryption | None = None) -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(draw())) as pdf:
        pdf.save(target, object_stream_mode=mode, encryption=encryption)
    return target.getvalue()


def test_a_plain_file_of_other_software_is_read() -> None:
    pdf = _saved(pikepdf.ObjectStreamMode.disable)
    assert read_pdf_file(pdf).view(0).catalog["Type"] == "Catalog"


@pytest.mark.parametrize(
    "pdf",
    [
        _saved(pikepdf.ObjectStreamMode.generate),
        _saved(pikepdf.ObjectStreamMode.disable, pikepdf.Encryption(owner="o", user="", R=4)),
        write_pdf({1: CATALOG, 2: PAGES}, trailer=b"/XRefStm 9"),
        write_pdf({1: CATALOG, 2: b"<</Type/ObjStm/Length 0>>\nstream\n\nendstream"}),
        write_pdf({1: CATALOG, 2: b"<</Type/XRef/Length 0>>\nstream\n\nendstream"}),
        write_pdf({1: CATALOG, 2: b"<</Type 3 0 R/Length 0>>\nstream\n\nendstream", 3: b"/XRef"}),
        SMALL.replace(b" 00000 n", b" 00001 n", 1),
    ],
    ids=[
        "xref stream",
        "encrypted",
        "hybrid",
        "object stream",
        "stray xref stream",
        "type elsewhere",
        "generation",
    ],
)
def test_kinds_of_files_that_are_not_read(pdf: bytes) -> None:
    with pytest.raises(UnsupportedPdfError):
        read_pdf_file(pdf)


def _insert(pdf: bytes, before: bytes, octets: bytes) -> bytes:
    """Insert `octets` and move every offset behind them."""
    at = pdf.index(before)

    def moved(match: re.Match[bytes]) -> bytes:
        offset = int(match[1])
        return b"%010d 00000 n" % (offset + len(octets) * (offset >= at))

    pdf = re.sub(rb"(\d{10}) 00000 n", moved, pdf[:at] + octets + pdf[at:])
    return re.sub(rb"startxref\n\d+", b"startxref\n%d" % pdf.index(b"xref\n0 1"), pdf)


def test_white_space_between_objects_is_nobodys_secret() -> None:
    assert len(read_pdf_file(_insert(SMALL, b"2 0 obj", b" \r\n\n")).revisions) == 1


BROKEN = {
    "empty": b"",
    "header only": b"%PDF-1.7\n",
    "blank before the header": b" " + SMALL,
    "unknown version": SMALL.replace(b"%PDF-1.7", b"%PDF-1.9"),
    "cut": SMALL[:-2],
    "one more line end": SMALL + b"\n",
    "octets at the end": SMALL + b"hidden",
    "a second file at the end": SMALL + SMALL[9:],
    "startxref elsewhere": swap(SMALL, b"startxref\n1", b"startxref\n2"),
    "no table": swap(SMALL, b"xref\n0 1\n", b"xreg\n0 1\n"),
    "broken entry": swap(SMALL, b"65535 f\r\n", b"65535 f\n\n"),
    "no trailer": swap(SMALL, b"trailer", b"Trailer"),
    "no root": swap(SMALL, b"/Root 1 0 R", b"/Root 1    "),
    "size too small": swap(SMALL, b"/Size 3", b"/Size 2"),
    "no size": swap(SMALL, b"/Size 3", b"/Sise 3"),
    "another number": swap(SMALL, b"2 0 obj", b"3 0 obj"),
    "comment between objects": _insert(SMALL, b"2 0 obj", b"% hidden\n"),
    "object no table lists": _insert(SMALL, b"2 0 obj", b"9 0 obj\n(hidden)\nendobj\n"),
    "the same before the table": _insert(SMALL, b"xref\n0 1", b"9 0 obj\n(hidden)\nendobj\n"),
    "octets after the header": _insert(SMALL, b"1 0 obj", b"hidden\n"),
    "entry to nowhere": _insert(SMALL, b"trailer", b"9 1\n0000000009 00000 n\r\n"),
    "entry twice": _insert(SMALL, b"trailer", b"2 1\n0000000009 00000 n\r\n"),
    "object 0 twice": _insert(SMALL, b"trailer", b"0 1\n0000000009 00000 n\r\n"),
    "comment before the trailer": _insert(SMALL, b"trailer", b"%\n"),
    "value after the trailer": _insert(SMALL, b"startxref", b"(hidden)"),
    "chain to no table": write_pdf({1: CATALOG, 2: PAGES}, trailer=b"/Prev 9"),
    "chain below 0": write_pdf({1: CATALOG, 2: PAGES}, trailer=b"/Prev -1"),
    "chain that is a string": write_pdf({1: CATALOG, 2: PAGES}, trailer=b"/Prev (9)"),
    "chain to itself": write_pdf(
        {1: CATALOG, 2: PAGES}, trailer=b"/Prev %d" % SMALL.index(b"xref\n")
    ),
    "chain forwards": write_pdf({1: CATALOG, 2: PAGES}, trailer=b"/Prev 99999"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_not_wholly_accounted_for_is_refused(how: str) -> None:
    with pytest.raises(MalformedPdfError):
        read_pdf_file(BROKEN[how])


def test_octets_between_revisions_are_refused() -> None:
    hidden = SMALL + b"9 0 obj\n(hidden)\nendobj\n"
    pdf = add_revision(hidden, {2: PAGES}, trailer=b"/Root 1 0 R")
    with pytest.raises(MalformedPdfError):
        read_pdf_file(pdf)


def test_a_chain_that_leaves_a_revision_out_is_refused() -> None:
    second = add_revision(SMALL, {2: PAGES}, trailer=b"/Root 1 0 R")
    third = add_revision(second, {2: PAGES}, trailer=b"/Root 1 0 R")
    assert len(read_pdf_file(third).revisions) == 3
    older = b"/Prev %d" % SMALL.index(b"xref\n")
    newer = b"/Prev %d" % (len(SMALL) + second[len(SMALL) :].index(b"xref\n"))
    with pytest.raises(MalformedPdfError):
        read_pdf_file(swap(third, newer, older.ljust(len(newer))))


def test_a_later_size_may_not_hide_earlier_objects() -> None:
    pdf = add_revision(SMALL, {1: CATALOG}, trailer=b"/Root 1 0 R")
    start = len(SMALL)
    with pytest.raises(MalformedPdfError):
        read_pdf_file(pdf[:start] + swap(pdf[start:], b"/Size 3", b"/Size 2"))


def test_revisions_have_a_limit() -> None:
    pdf = SMALL
    for _ in range(MAX_REVISIONS - 1):
        pdf = add_revision(pdf, {2: PAGES}, trailer=b"/Root 1 0 R")
    assert len(read_pdf_file(pdf).revisions) == MAX_REVISIONS
    with pytest.raises(MalformedPdfError):
        read_pdf_file(add_revision(pdf, {2: PAGES}, trailer=b"/Root 1 0 R"))


def test_objects_have_a_limit_and_reading_many_is_quick() -> None:
    objects = {1: CATALOG, **dict.fromkeys(range(2, MAX_OBJECTS), b"0")}
    assert len(read_pdf_file(write_pdf(objects)).revisions[0].objects) == MAX_OBJECTS - 1
    started = time.process_time()
    with pytest.raises(MalformedPdfError):
        read_pdf_file(write_pdf({**objects, MAX_OBJECTS: b"0"}))
    assert time.process_time() - started < 2


@pytest.mark.parametrize("number", [MAX_OBJECTS, 2**31 + 2, 2**32 + 2, 10**10 - 2])
def test_a_number_that_other_readers_do_not_take_for_the_same_is_refused(number: int) -> None:
    with pytest.raises(MalformedPdfError):
        read_pdf_file(write_pdf({1: CATALOG, 2: PAGES, number: b"(hidden)"}))


def test_a_catalog_that_is_no_dictionary_is_refused_when_asked_for() -> None:
    view = read_pdf_file(write_pdf({1: b"[1]", 2: b"(a)"})).view(0)
    with pytest.raises(MalformedPdfError):
        _ = view.catalog
    with pytest.raises(MalformedPdfError):
        view.array(Reference(2))


def test_a_view_of_the_sealed_file_has_the_drawn_catalog_and_more(genuine: bytes) -> None:
    file = read_pdf_file(genuine)
    number = root_number(genuine)
    assert file.view(0).catalog.keys() < file.view(1).catalog.keys()
    assert object_source(genuine, number).startswith(object_source(draw(), number)[:-2])
