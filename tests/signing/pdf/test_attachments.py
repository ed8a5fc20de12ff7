"""Attachments: read when nothing about them is in doubt."""

import time
import zlib

import pytest
from simulators.pdf_files import add_revision, add_signature, draw, object_source, size, write_pdf

from signing.pdf.attachments import (
    MAX_ATTACHMENT_OCTETS,
    MAX_ATTACHMENTS,
    Attachment,
    AttachmentFault,
)
from signing.pdf.extract import read_signed_pdf

Found = tuple[Attachment | AttachmentFault, ...]
SPECIFICATION = b"<</Type/Filespec/F(a.json)/UF(a.json)/EF<</F 4 0 R/UF 4 0 R>>>>"
STREAM = b"<</Length 2>>\nstream\n{}\nendstream"


def stream(raw: bytes, entries: bytes = b"/Filter/FlateDecode") -> bytes:
    return b"<</Length %d%b>>\nstream\n%b\nendstream" % (len(raw), entries, raw)


def attached(
    *,
    tree: bytes = b"<</Names[(a.json)3 0 R]>>",
    associated: bytes = b"/AF[3 0 R]",
    specification: bytes = SPECIFICATION,
    data: bytes = STREAM,
    more: bytes = b"null",
) -> Found:
    catalog = b"<</Type/Catalog/Names<</EmbeddedFiles %b>>%b>>" % (tree, associated)
    objects = {1: catalog, 2: more, 3: specification, 4: data}
    return read_signed_pdf(write_pdf(objects)).attachments


def is_faulty(found: Found) -> bool:
    return bool(found) and all(isinstance(item, AttachmentFault) for item in found)


def test_what_typst_attaches_is_read() -> None:
    names = ("certificate.json", "说明.txt")
    found = read_signed_pdf(draw(attachments=names)).attachments
    assert {item.name: item.data for item in found if isinstance(item, Attachment)} == {
        name: b'{"name":"%b"}' % name.encode() for name in names
    }


def test_nothing_attached_is_nothing() -> None:
    assert read_signed_pdf(draw(attachments=())).attachments == ()


def test_plain_and_deflated_data_are_read() -> None:
    assert attached() == (Attachment("a.json", b"{}"),)
    assert attached(data=stream(zlib.compress(b"{}"))) == (Attachment("a.json", b"{}"),)


def test_a_tree_with_branches_is_read() -> None:
    tree = b"<</Kids[<</Names[]>><</Kids[<</Names[(a.json)3 0 R]>>]>>]>>"
    assert attached(tree=tree) == (Attachment("a.json", b"{}"),)


@pytest.mark.parametrize(
    "associated",
    [
        b"",
        b"/AF[]",
        b"/AF[2 0 R]",
        b"/AF[3 0 R 3 0 R]",
        b"/AF[3 0 R 2 0 R]",
        b"/AF[3 0 R 7]",
        b"/AF 7",
    ],
)
def test_two_lists_that_differ_are_a_fault(associated: bytes) -> None:
    assert is_faulty(attached(associated=associated))


@pytest.mark.parametrize(
    "tree",
    [
        b"<</Names[]>>",
        b"<</Names[(a.json)]>>",
        b"<</Names[(a.json)3 0 R(a.json)3 0 R]>>",
        b"<</Names[/a.json 3 0 R]>>",
        b"<</Names[(a.json)<<>>]>>",
        b"<</Names[(b.json)3 0 R]>>",
        b"7",
        b"<</Kids[7]>>",
    ],
)
def test_a_broken_tree_is_a_fault(tree: bytes) -> None:
    assert is_faulty(attached(tree=tree))


def test_a_name_twice_is_a_fault_for_both() -> None:
    found = attached(
        tree=b"<</Names[(a.json)2 0 R(a.json)3 0 R]>>",
        associated=b"/AF[2 0 R 3 0 R]",
        more=SPECIFICATION,
    )
    assert found == (AttachmentFault("a.json", "a name twice"),) * 2


def test_one_broken_attachment_leaves_the_others_readable() -> None:
    found = attached(
        tree=b"<</Names[(a.json)3 0 R(b.json)2 0 R]>>",
        associated=b"/AF[2 0 R 3 0 R]",
        more=SPECIFICATION.replace(b"a.json", b"b.json").replace(b"4 0 R", b"9 0 R"),
    )
    assert [type(item) for item in found] == [Attachment, AttachmentFault]
    assert [item.name for item in found] == ["a.json", "b.json"]


@pytest.mark.parametrize(
    ("original", "changed"),
    [
        (b"/F(a.json)", b""),
        (b"/UF(a.json)", b""),
        (b"/F(a.json)", b"/F(b.json)"),
        (b"/UF(a.json)", b"/UF(b.json)"),
        (b"/UF(a.json)", b"/UF(\xff)"),
        (b"/UF 4 0 R", b""),
        (b"/UF 4 0 R", b"/UF 2 0 R"),
        (b"/F 4 0 R", b"/F 1 0 R"),
        (b"4 0 R", b"9 0 R"),
        (b"4 0 R", b"1 0 R"),
        (b"/EF<<", b"/RF<<>>/EF<<"),
        (b"/EF<</F 4 0 R/UF 4 0 R>>", b""),
    ],
)
def test_a_specification_that_two_readers_could_read_differently_is_a_fault(
    original: bytes, changed: bytes
) -> None:
    assert original in SPECIFICATION
    assert is_faulty(attached(specification=SPECIFICATION.replace(original, changed)))


@pytest.mark.parametrize(
    "data",
    [
        stream(b"{}", b"/Filter/ASCIIHexDecode"),
        stream(b"{}", b"/Filter[/FlateDecode]"),
        stream(b"{}", b"/F(elsewhere)"),
        stream(zlib.compress(b"{}"), b"/Filter/FlateDecode/DecodeParms<<>>"),
        stream(b"not zlib"),
        stream(zlib.compress(b"{}")[:-1]),
        stream(zlib.compress(b"{}") + b"hidden"),
        b"{}".replace(b"{}", b"(text)"),
    ],
)
def test_data_in_a_coding_that_is_not_read_are_a_fault(data: bytes) -> None:
    assert is_faulty(attached(data=data))


@pytest.mark.parametrize(
    "more",
    [
        SPECIFICATION,
        b"<</Type/Annot/Subtype/FileAttachment/FS<</F(b)/EF<</F 4 0 R>>>>>>",
        b"[[<</EF<<>>>>]]",
        b"[[<</#45F<<>>>>]]",
    ],
)
def test_what_is_attached_elsewhere_in_the_document_is_a_fault(more: bytes) -> None:
    assert is_faulty(attached(more=more))


def test_a_bomb_is_stopped_at_the_limit() -> None:
    large = zlib.compress(bytes(MAX_ATTACHMENT_OCTETS), 9)
    (found,) = attached(data=stream(large))
    assert isinstance(found, Attachment)
    bomb = zlib.compress(bytes(64 * MAX_ATTACHMENT_OCTETS), 9)
    started = time.process_time()
    assert is_faulty(attached(data=stream(bomb)))
    assert time.process_time() - started < 1


def test_the_limit_is_one_for_all_attachments_together() -> None:
    found = attached(
        tree=b"<</Names[(a.json)3 0 R(b.json)2 0 R]>>",
        associated=b"/AF[2 0 R 3 0 R]",
        more=SPECIFICATION.replace(b"a.json", b"b.json"),
        data=stream(zlib.compress(bytes(MAX_ATTACHMENT_OCTETS // 2 + 1))),
    )
    assert [type(item) for item in found] == [Attachment, AttachmentFault]


def test_plain_data_have_the_same_limit() -> None:
    assert is_faulty(attached(data=stream(bytes(MAX_ATTACHMENT_OCTETS + 1), b"")))


def test_attachments_have_a_number() -> None:
    names = b"(a)3 0 R" * (MAX_ATTACHMENTS + 1)
    assert is_faulty(attached(tree=b"<</Names[%b]>>" % names))


def test_a_tree_that_runs_in_circles_ends() -> None:
    assert is_faulty(attached(tree=b"<</Kids[2 0 R]>>", more=b"<</Kids[2 0 R]>>"))
    # Without a reference to a node: the array of kids contains itself.
    assert is_faulty(attached(tree=b"<</Kids 2 0 R>>", more=b"[<</Kids 2 0 R>>]"))


def test_what_is_shown_is_what_the_first_signature_covers(genuine: bytes) -> None:
    stream_number = next(
        number
        for number in range(1, size(genuine))
        if b"/Type/EmbeddedFile" in object_source(genuine, number)
    )
    swapped = add_signature(add_revision(genuine, {stream_number: STREAM}))
    assert read_signed_pdf(swapped).attachments == read_signed_pdf(genuine).attachments
    unsigned = add_revision(draw(), {stream_number: STREAM})
    assert read_signed_pdf(unsigned).attachments == (Attachment("certificate.json", b"{}"),)
