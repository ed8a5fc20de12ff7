"""Later revisions: validation data, or anything else."""

import pytest
from simulators.pdf_files import (
    add_revision,
    add_signature,
    draw,
    object_source,
    root_number,
    size,
)

from signing.pdf.changes import RevisionKind
from signing.pdf.extract import read_signed_pdf
from signing.pdf.signatures import EmbeddedSignature

DATA = RevisionKind.VALIDATION_DATA
OTHER = RevisionKind.OTHER


def kinds(pdf: bytes) -> tuple[RevisionKind, ...]:
    signed = read_signed_pdf(pdf)
    first = signed.signatures[0]
    assert isinstance(first, EmbeddedSignature)
    return signed.later_revisions(first)


def with_catalog(pdf: bytes, entries: bytes, **more: bytes) -> bytes:
    """Return `pdf` with a revision that adds `entries` to the catalog and new objects."""
    root = root_number(pdf)
    objects = {root: object_source(pdf, root)[:-2] + entries + b">>"}
    objects |= dict(enumerate(more.values(), size(pdf)))
    return add_revision(pdf, objects)


def test_nothing_came_after_the_seal(genuine: bytes) -> None:
    assert kinds(genuine) == ()


def test_validation_data_change_only_what_they_may(genuine: bytes) -> None:
    new = size(genuine)
    store = b"<</Type/DSS/Certs[%d 0 R]>>" % (new + 1)
    pdf = with_catalog(genuine, b"/DSS %d 0 R" % new, store=store, certificate=b"(der)")
    assert kinds(pdf) == (DATA,)
    extension = b"/Extensions<</ESIC<</BaseVersion/1.7/ExtensionLevel 1>>>>"
    assert kinds(with_catalog(genuine, b"/DSS<<>>" + extension)) == (DATA,)


def test_each_later_revision_is_judged(genuine: bytes) -> None:
    once = with_catalog(genuine, b"/DSS<<>>")
    assert kinds(add_signature(once)) == (DATA, OTHER)
    root = root_number(once)
    again = add_revision(once, {root: object_source(once, root)})
    assert kinds(again) == (DATA, DATA)


@pytest.mark.parametrize(
    "entries",
    [
        b"/OpenAction 7",
        b"/PageMode/FullScreen",
        b"/OCProperties<<>>",
        b"/DSS<<>>/AA<<>>",
    ],
)
def test_another_entry_of_the_catalog_is_another_change(genuine: bytes, entries: bytes) -> None:
    assert kinds(with_catalog(genuine, entries)) == (OTHER,)


@pytest.mark.parametrize(
    ("original", "changed"),
    [
        (b"/Lang(zh-CN)", b"/Lang(en-US)"),
        (b"/Marked true", b"/Marked 1"),
        (b"/SigFlags 3", b"/SigFlags 1"),
        (b"/Fields[", b"/Fields[1 0 R "),
        (b"/Lang(zh-CN)", b""),
        (b"/Type/Catalog", b"/Type(Catalog)"),
    ],
)
def test_a_changed_entry_of_the_catalog_is_another_change(
    genuine: bytes, original: bytes, changed: bytes
) -> None:
    root = root_number(genuine)
    catalog = object_source(genuine, root)
    assert original in catalog
    pdf = add_revision(genuine, {root: catalog.replace(original, changed)})
    assert kinds(pdf) == (OTHER,)


def test_another_page_tree_is_another_change(genuine: bytes) -> None:
    root = root_number(genuine)
    catalog = object_source(genuine, root)
    pages = {root: catalog.replace(b"/Pages 1 0 R", b"/Pages 2 0 R")}
    assert kinds(add_revision(genuine, pages)) == (OTHER,)


def test_a_rewritten_object_is_another_change_even_if_it_is_the_same(genuine: bytes) -> None:
    assert kinds(add_revision(genuine, {1: object_source(genuine, 1)})) == (OTHER,)
    root = root_number(genuine)
    both = {root: object_source(genuine, root), 1: object_source(genuine, 1)}
    assert kinds(add_revision(genuine, both)) == (OTHER,)


def test_new_objects_without_a_new_catalog_are_another_change(genuine: bytes) -> None:
    assert kinds(add_revision(genuine, {size(genuine): b"(new)"})) == (OTHER,)


def test_another_root_or_other_information_is_another_change(genuine: bytes) -> None:
    root, new = root_number(genuine), size(genuine)
    catalog = object_source(genuine, root)
    trailer = genuine[genuine.rindex(b"/Root") : genuine.rindex(b"/Prev")]
    moved = trailer.replace(b"/Root %d 0 R" % root, b"/Root %d 0 R" % new)
    objects = {root: catalog, new: catalog}
    assert kinds(add_revision(genuine, objects, trailer=moved)) == (OTHER,)
    informed = trailer.replace(b"/Info ", b"/Info 1")
    assert kinds(add_revision(genuine, {root: catalog}, trailer=informed)) == (OTHER,)
    more = trailer + b"/More 1"
    assert kinds(add_revision(genuine, {root: catalog}, trailer=more)) == (OTHER,)


def test_a_freed_object_is_another_change(genuine: bytes) -> None:
    pdf = with_catalog(genuine, b"/DSS<<>>")
    table = pdf.rindex(b"xref\n", 0, pdf.rindex(b"startxref"))
    freed = pdf[:table] + b"xref\n1 1\n0000000000 00001 f\r\n" + pdf[table + 5 :]
    assert kinds(freed) == (OTHER,)
    harmless = pdf[:table] + b"xref\n0 1\n0000000000 65535 f\r\n" + pdf[table + 5 :]
    assert kinds(harmless) == (DATA,)


def test_an_object_that_something_was_waiting_for_is_another_change() -> None:
    drawn, waiting = draw(), size(draw()) + 10
    root = root_number(drawn)
    catalog = object_source(drawn, root)
    dangling = add_revision(drawn, {root: catalog[:-2] + b"/Open %d 0 R>>" % waiting})
    signed = add_signature(dangling)
    root_now = object_source(signed, root)
    assert size(signed) < waiting
    for number, expected in ((waiting, OTHER), (waiting + 1, DATA)):
        objects = {root: root_now[:-2] + b"/DSS<<>>>>", number: b"(new)"}
        assert kinds(add_revision(signed, objects)) == (expected,)


def stream(data: bytes) -> bytes:
    return b"<</Length %d>>\nstream\n%b\nendstream" % (len(data), data)


@pytest.mark.parametrize(
    "hidden",
    [
        stream(b"1 0 obj\n<</New true>>\nendobj"),
        stream(b"1\t0\x0bobj<</New true>> endobj"),
        stream(b"1 0%\nobj(new)"),
        stream(b"trailer <</Root 1 0 R>>"),
        b"(1 0 obj)",
    ],
)
def test_what_a_reader_that_mends_files_would_find_is_another_change(
    genuine: bytes, hidden: bytes
) -> None:
    assert kinds(with_catalog(genuine, b"/DSS<<>>", hidden=hidden)) == (OTHER,)


def test_words_that_begin_no_object_are_no_change(genuine: bytes) -> None:
    certificate = stream(b"some objects, Lobj")
    assert kinds(with_catalog(genuine, b"/DSS<<>>", certificate=certificate)) == (DATA,)
