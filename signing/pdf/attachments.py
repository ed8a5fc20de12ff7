"""What is attached to a document, if there can be no doubt about it.

The name tree of embedded files (ISO 32000-1, 7.11.4) and the catalog's /AF (ISO 19005-3, 6.8) must
list the same files, no name twice, and nothing in the document may embed a file besides.
"""

import zlib
from collections import Counter
from dataclasses import dataclass, field

from signing.errors import MalformedPdfError
from signing.pdf.revisions import View
from signing.pdf.syntax import Dictionary, PdfString, Reference, Value, may_hold, text, walk

MAX_ATTACHMENTS = 16
"""A certificate has one."""

MAX_TREE_NODES = 64
"""Nodes of the name tree, which also ends a tree that runs in circles; typst writes one."""

MAX_ATTACHMENT_OCTETS = 4 * 1024 * 1024
"""After inflating, over all attachments; certificate.json has some kilobytes."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the document."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AttachmentFault:
    """Something attached that cannot be read, or that two readers could read differently."""

    name: str | None
    detail: str


def read_attachments(view: View) -> tuple[Attachment | AttachmentFault, ...]:
    """Return every attachment, or the fault that stands in its place."""
    try:
        specifications = _specifications(view)
    except MalformedPdfError as error:
        return (AttachmentFault(None, str(error)),)
    octets_left = MAX_ATTACHMENT_OCTETS
    found: list[Attachment | AttachmentFault] = []
    for key, specification in specifications:
        name = None
        try:
            name = _name(key, specification)
            data = _data(view, specification, octets_left)
        except MalformedPdfError as error:
            found.append(AttachmentFault(name, str(error)))
        else:
            octets_left -= len(data)
            found.append(Attachment(name, data))
    names = Counter(item.name for item in found)
    return tuple(
        AttachmentFault(item.name, "a name twice") if names[item.name] > 1 else item
        for item in found
    )


def _specifications(view: View) -> list[tuple[PdfString, Dictionary]]:
    """Return key and file specification of each attachment on which all lists agree."""
    in_tree = _name_tree(view)
    associated = view.array(view.catalog.get("AF", []))
    references = [reference for _, reference in in_tree]
    if Counter(references) != Counter(item for item in associated if isinstance(item, Reference)):
        raise MalformedPdfError("the two lists of attachments differ")
    if len(associated) != len(references) or len(set(references)) != len(references):
        raise MalformedPdfError("the two lists of attachments differ")
    listed = [(key, view.dictionary(reference)) for key, reference in in_tree]
    known = {id(specification) for _, specification in listed}
    for item in view.objects.values():
        if not may_hold(view.pdf, item, b"EF"):
            continue
        for value in walk(item.value):
            if isinstance(value, dict) and "EF" in value and id(value) not in known:
                raise MalformedPdfError("an attachment that is not listed")
    return listed


def _name_tree(view: View) -> list[tuple[PdfString, Reference]]:
    names = view.dictionary(view.catalog.get("Names", {}))
    waiting: list[Value] = [names["EmbeddedFiles"]] if "EmbeddedFiles" in names else []
    nodes_left = MAX_TREE_NODES
    found: list[tuple[PdfString, Reference]] = []
    while waiting:
        if len(waiting) > nodes_left:
            raise MalformedPdfError("a name tree that is too large, or runs in circles")
        nodes_left -= 1
        dictionary = view.dictionary(waiting.pop())
        waiting.extend(reversed(view.array(dictionary.get("Kids", []))))
        items = view.array(dictionary.get("Names", []))
        if len(items) % 2 or len(found) + len(items) // 2 > MAX_ATTACHMENTS:
            raise MalformedPdfError("a broken name tree, or too many attachments")
        for key, reference in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, PdfString) or not isinstance(reference, Reference):
                raise MalformedPdfError("a broken name tree")
            found.append((key, reference))
    return found


def _name(key: PdfString, specification: Dictionary) -> str:
    """Return the file's name: key, /F and /UF must say the same."""
    unicode_name, plain_name = specification.get("UF"), specification.get("F")
    if not isinstance(unicode_name, PdfString) or not isinstance(plain_name, PdfString):
        raise MalformedPdfError("an attachment without /F and /UF")
    name = text(unicode_name)
    spellings = {unicode_name.octets, name.encode()}
    if plain_name.octets not in spellings or key.octets not in spellings:
        raise MalformedPdfError("an attachment with two names")
    return name


def _data(view: View, specification: Dictionary, octets_left: int) -> bytes:
    embedded = view.dictionary(specification.get("EF"))
    reference = embedded.get("F")
    same = {"F": reference, "UF": reference}
    if not isinstance(reference, Reference) or embedded != same or "RF" in specification:
        raise MalformedPdfError("an attachment of two streams or none")
    item = view.objects.get(reference.number)
    if item is None or item.stream is None:
        raise MalformedPdfError("an attachment without a stream")
    stream = view.dictionary(reference)
    raw = view.pdf[slice(*item.stream)]
    if not stream.keys().isdisjoint({"DecodeParms", "F", "FFilter"}):
        raise MalformedPdfError("an attachment in a coding that is not read")
    if "Filter" not in stream:
        data = raw
    elif stream["Filter"] == "FlateDecode":
        data = _inflate(raw, octets_left)
    else:
        raise MalformedPdfError("an attachment in a coding that is not read")
    if len(data) > octets_left:
        raise MalformedPdfError("attachments that are too large")
    return data


def _inflate(raw: bytes, octets_left: int) -> bytes:
    """Inflate one zlib stream, at most one octet beyond what is allowed."""
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(raw, octets_left + 1)
    except zlib.error as error:
        raise MalformedPdfError("an attachment that does not inflate") from error
    if not inflater.eof or inflater.unused_data:
        raise MalformedPdfError("an attachment that is too large, cut, or has more behind it")
    return data
