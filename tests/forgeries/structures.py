"""Files that two readers read differently, or one reader not at all; and files without a signature.

Nothing here is proven false, for nothing here is read; and so nothing is better than
`cannot_confirm`.
"""

import io
import re

import pikepdf
from forgeries.forgery import Attacker, forgery
from forgeries.scene import Scene
from forgeries.workshop import (
    add_table,
    altered,
    bomb,
    drawn_part,
    elements,
    exchange,
    get,
    number_of,
    put,
    reseal,
    seal_objects,
    sealing_sources,
    sources,
)
from simulators import pdf_files
from simulators.pdf_files import RANGE

from signing import der
from signing.errors import MalformedSealError
from signing.x509_values import SET
from verify.report import ReasonCode

MALFORMED = ReasonCode.MALFORMED_DOCUMENT
DIFFERS = ReasonCode.DIFFERS_FROM_REGISTER
NO_SIGNATURE = ReasonCode.NO_SIGNATURE
UNSUPPORTED = ReasonCode.UNSUPPORTED_SIGNATURE

SIGNER_INFO = (1, 0, 4, 0)
"""Place in the ContentInfo of a CMS."""


# No signature


@forgery(Attacker.STRANGER, "the sealing revision", NO_SIGNATURE)
def seal_cut_off(scene: Scene) -> bytes:
    """Show the drawing alone, as if the seal were only missing on paper."""
    return drawn_part(scene.licence.data)


@forgery(Attacker.STRANGER, "the field's value", NO_SIGNATURE)
def seal_painted_on(scene: Scene) -> bytes:
    """Paint the genuine seal on the page, in an empty field as if somebody had signed."""
    objects = sealing_sources(scene.licence.data)
    signature = number_of(objects, RANGE)
    del objects[signature]
    exchange(objects, b"/V %d 0 R" % signature, b"")
    exchange(objects, re.compile(rb"/Perms<<.*?>>"), b"")
    return pdf_files.add_revision(drawn_part(scene.licence.data), objects)


# Signatures that are not read


@forgery(Attacker.OFFICE, "/SubFilter: one that nobody knows", UNSUPPORTED)
def unknown_subfilter(scene: Scene) -> bytes:
    """Name a kind of signature that no verifier reads, in the hope that it is passed over."""
    genuine = scene.licence.data
    return reseal(genuine, scene.market.seal(), (b"/SubFilter/GM.sm2seal", b"/SubFilter/GM.sm9"))


@forgery(Attacker.OFFICE, "/SubFilter: that of the other form", UNSUPPORTED)
def seal_signature_called_a_cms(scene: Scene) -> bytes:
    """Call a SES_Signature a CMS, so that the checks of a seal are left out."""
    called = (b"/SubFilter/GM.sm2seal", b"/SubFilter/ETSI.CAdES.detached")
    return reseal(scene.licence.data, scene.market.seal(), called)


@forgery(Attacker.STRANGER, "SES_Signature: indefinite length", UNSUPPORTED)
def indefinite_length(scene: Scene) -> bytes:
    """Write the seal signature with an indefinite length, which can hide elements at its end."""

    def stretch(contents: bytes) -> bytes:
        content = der.Reader(contents, MalformedSealError).content(der.SEQUENCE)
        return b"\x30\x80" + content + b"\x00\x00"

    return reseal(scene.licence.data, altered(scene.market.seal(), by=stretch))


@forgery(Attacker.STRANGER, "SES_Signature: one element more", UNSUPPORTED)
def element_that_nobody_expects(scene: Scene) -> bytes:
    """Add an element to the seal signature that its standard does not know."""

    def add(contents: bytes) -> bytes:
        content = der.Reader(contents, MalformedSealError).content(der.SEQUENCE)
        return der.sequence(content, der.utf8_string("经核验有效"))

    return reseal(scene.licence.data, altered(scene.market.seal(), by=add))


@forgery(Attacker.STRANGER, "SES_Signature: length in a longer form", UNSUPPORTED)
def length_in_a_longer_form(scene: Scene) -> bytes:
    """Write a length with a leading zero, so that one value has two encodings."""
    longer = altered(scene.market.seal(), 3, by=lambda e: b"\x03\x81" + bytes([len(e) - 2]) + e[2:])
    return reseal(scene.licence.data, longer)


@forgery(Attacker.OFFICE, "SES_Signature: version 1", UNSUPPORTED)
def version_without_a_list(scene: Scene) -> bytes:
    """Call the seal one of 2014, whose list of signers nobody compared."""
    older = altered(scene.market.seal(), 0, 0, by=lambda _: der.integer(1))
    return reseal(scene.licence.data, older)


@forgery(Attacker.STRANGER, "CMS: no signed attributes", UNSUPPORTED)
def cms_without_signed_attributes(scene: Scene) -> bytes:
    """Take the signed attributes out of the CMS: the signature is then said to be over the file."""
    bare = altered(
        scene.civil.cms(),
        *SIGNER_INFO,
        by=lambda e: der.sequence(*(p for p in elements(e) if p[0] != der.CONTEXT_0)),
    )
    return reseal(scene.card.data, bare)


@forgery(Attacker.OTHER_AUTHORITY, "CMS: two signers", UNSUPPORTED)
def cms_of_two_signers(scene: Scene) -> bytes:
    """Put two signers into one CMS, the right one for readers that look at the first alone."""
    *infos, _ = SIGNER_INFO
    second = scene.other.cms()

    def both(digest: bytes, text: str) -> bytes:
        honest = scene.civil.cms()(digest, text)
        other = get(second(digest, text), SIGNER_INFO)
        return put(honest, infos, der.element(SET, get(honest, (*infos, 0)), other))

    return reseal(scene.card.data, both)


@forgery(Attacker.STRANGER, "CMS: content inside", UNSUPPORTED)
def cms_with_content_inside(scene: Scene) -> bytes:
    """Enclose other content in the CMS, which some verifiers digest instead of the file."""
    enclosed = der.element(der.CONTEXT_0, der.octet_string(b"another file"))
    inside = altered(scene.civil.cms(), 1, 0, 2, by=lambda e: der.sequence(*elements(e), enclosed))
    return reseal(scene.card.data, inside)


@forgery(Attacker.STRANGER, "SES_Signature: a time stamp", UNSUPPORTED, DIFFERS)
def time_stamp_invented(scene: Scene) -> bytes:
    """Add what looks like a time stamp, by which an expired seal would be good for ever."""
    stamp = der.element(der.CONTEXT_0, der.bit_string(der.sequence(der.integer(3))))

    def add(contents: bytes) -> bytes:
        return der.sequence(*elements(contents), stamp)

    return reseal(scene.licence.data, altered(scene.market.seal(), by=add))


@forgery(Attacker.STRANGER, "CMS: a time stamp", UNSUPPORTED, DIFFERS)
def time_stamp_invented_for_a_card(scene: Scene) -> bytes:
    """Add what looks like a time stamp to a CMS, among the attributes that nobody signed."""
    kind = der.object_identifier("1.2.840.113549.1.9.16.2.14")
    stamp = der.sequence(kind, der.element(SET, der.sequence(der.integer(3))))
    unsigned = der.element(0xA1, stamp)

    def add(signer_info: bytes) -> bytes:
        return der.sequence(*elements(signer_info), unsigned)

    return reseal(scene.card.data, altered(scene.civil.cms(), *SIGNER_INFO, by=add))


@forgery(Attacker.OFFICE, "/M: none (CMS)", UNSUPPORTED)
def card_of_no_time(scene: Scene) -> bytes:
    """Sign a card without saying when, so that no certificate is ever out of time."""
    timeless = (re.compile(rb"/M\(.*?\)"), b"")
    return reseal(scene.card.data, scene.civil.cms(), timeless)


# Files of a kind that is not read


@forgery(Attacker.STRANGER, "cross-reference stream", UNSUPPORTED)
def later_objects_in_an_object_stream(scene: Scene) -> bytes:
    """Add a revision whose page stands compressed in an object stream, listed by a stream."""
    genuine = scene.licence.data
    page = number_of(sources(genuine, 1), b"/Type/Page/")
    first = pdf_files.size(genuine)
    body = b"%d 0 <</Type/Page/MediaBox[0 0 9 9]/Parent 1 0 R>>" % page
    offset = body.index(b"<<")
    stream = b"%d 0 obj\n<</Type/ObjStm/N 1/First %d/Length %d>>\nstream\n%b\nendstream\nendobj\n"
    objects = stream % (first, offset, len(body), body)
    table_offset = len(genuine) + len(objects)
    rows = b"\x02%b\x00\x01%b\x00" % (first.to_bytes(4), len(genuine).to_bytes(4))
    rows += b"\x01%b\x00" % table_offset.to_bytes(4)
    table = (
        b"%d 0 obj\n<</Type/XRef/W[1 4 1]/Index[%d 1 %d 2]/Size %d/Root %d 0 R/Prev %d"
        b"/Length %d>>\nstream\n%b\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n"
    ) % (
        first + 1, page, first, first + 2, pdf_files.root_number(genuine), _last_table(genuine),
        len(rows), rows, table_offset,
    )  # fmt: skip
    return genuine + objects + table


@forgery(Attacker.STRANGER, "/XRefStm beside a table", UNSUPPORTED)
def hybrid_file(scene: Scene) -> bytes:
    """Name a second, hidden table for readers that know streams: two readers, two documents."""
    with_stream = later_objects_in_an_object_stream.build(scene)
    root = pdf_files.root_number(scene.licence.data)
    trailer = b"/Root %d 0 R/XRefStm %d" % (root, _last_table(with_stream))
    later = add_table(with_stream, trailer=trailer)
    # The table's own /Prev leads past the stream, to the table that the office wrote.
    previous = b"/Prev %d>>" % _last_table(with_stream)
    return later.replace(previous, b"/Prev %d>>" % _last_table(scene.licence.data))


@forgery(Attacker.STRANGER, "/Encrypt", MALFORMED)
def encrypted_file(scene: Scene) -> bytes:
    """Call the file encrypted: what one reader decrypts, another one reads as it stands."""
    trailer = b"/Root %d 0 R/Encrypt<</Filter/Standard/V 1/R 2/O(%b)/U(%b)/P -4>>/ID[(1)(1)]" % (
        pdf_files.root_number(scene.licence.data),
        b"o" * 32,
        b"u" * 32,
    )
    return add_table(scene.licence.data, trailer=trailer)


@forgery(Attacker.STRANGER, "the file written anew", UNSUPPORTED)
def written_anew_by_a_library(scene: Scene) -> bytes:
    """Save the sealed file by a library that packs its objects, as a mail gateway might."""
    saved = io.BytesIO()
    with pikepdf.open(io.BytesIO(scene.licence.data)) as file:
        file.save(saved, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return saved.getvalue()


# Files that cannot be read


@forgery(Attacker.STRANGER, "the end of the file", MALFORMED)
def cut_short(scene: Scene) -> bytes:
    """End the file in the middle of its seal."""
    return scene.licence.data[:-20_000]


@forgery(Attacker.STRANGER, "octets between objects", MALFORMED)
def object_that_no_table_lists(scene: Scene) -> bytes:
    """Hide an object in a later revision, for readers that look for objects without a table."""
    hidden = b"%d 0 obj\n<</Type/Page>>\nendobj\n" % pdf_files.size(scene.licence.data)
    return add_table(scene.licence.data + hidden)


@forgery(Attacker.STRANGER, "octets before the header", MALFORMED)
def octets_before_the_header(scene: Scene) -> bytes:
    """Put octets before the header: all offsets are then read differently by different readers."""
    return b"%!PS-Adobe-3.0\n" + scene.licence.data


@forgery(Attacker.STRANGER, "cross-reference table: an older object", MALFORMED)
def table_that_leads_back(scene: Scene) -> bytes:
    """List the page as it was before it was sealed: nothing is added, and the seal is gone."""
    genuine = scene.licence.data
    page = number_of(sources(genuine, 1), b"/Type/Page/")
    older = genuine.index(b"\n%d 0 obj\n" % page) + 1
    return add_table(genuine, entries=b"%d 1\n%010d 00000 n\r\n" % (page, older))


@forgery(Attacker.STRANGER, "trailer: two roots", MALFORMED)
def trailer_with_two_roots(scene: Scene) -> bytes:
    """Name two catalogs in one trailer: readers take the first one, or the last."""
    trailer = b"/Root %d 0 R/Root 1 0 R" % pdf_files.root_number(scene.licence.data)
    return add_table(scene.licence.data, trailer=trailer)


@forgery(Attacker.OFFICE, "one object number twice", MALFORMED)
def page_drawn_twice(scene: Scene) -> bytes:
    """Write the page twice under one number: readers that search take the other one."""
    objects = sealing_sources(scene.licence.data)
    page, first = number_of(objects, b"/Type/Page/"), number_of(objects, b"/Type/Catalog")
    twin = b"\nendobj\n%d 0 obj\n<</Type/Page/MediaBox[0 0 9 9]/Parent 1 0 R>>" % page
    # It stands behind the catalog, which comes first, and before the page that the table lists.
    ordered = {first: objects.pop(first) + twin, **objects}
    return seal_objects(drawn_part(scene.licence.data), ordered, scene.market.seal())


@forgery(Attacker.STRANGER, "/Prev: a circle", MALFORMED)
def tables_in_a_circle(scene: Scene) -> bytes:
    """Let the last table name itself as the one before."""
    later = add_table(scene.licence.data)
    table = b"/Prev %d>>" % _last_table(scene.licence.data)
    return later.replace(table, (b"/Prev %d" % _last_table(later)).ljust(len(table) - 2) + b">>")


@forgery(Attacker.STRANGER, "cross-reference table: its length", MALFORMED)
def table_of_a_thousand_million_entries(scene: Scene) -> bytes:
    """Announce a table so long that reserving room for it exhausts the memory."""
    return add_table(scene.licence.data, entries=b"70 999999999\n")


@forgery(Attacker.STRANGER, "nesting", MALFORMED)
def brackets_in_brackets(scene: Scene) -> bytes:
    """Add an object of a hundred thousand arrays inside one another."""
    depth = 100_000
    objects = {pdf_files.size(scene.licence.data): b"[" * depth + b"]" * depth}
    return pdf_files.add_revision(scene.licence.data, objects)


@forgery(Attacker.STRANGER, "form: a circle", MALFORMED)
def form_in_a_circle(scene: Scene) -> bytes:
    """Make the field its own child, so that a walk through the form never ends."""
    field = number_of(sources(scene.licence.data, 1), b"/FT/Sig")
    source = sources(scene.licence.data, 1)[field]
    circle = source[:-2] + b"/Kids[%d 0 R]>>" % field
    return pdf_files.add_revision(scene.licence.data, {field: circle})


@forgery(Attacker.STRANGER, "cross-reference stream: a bomb", MALFORMED, harms_its_reader=True)
def bomb_in_the_table(scene: Scene) -> bytes:
    """List the objects in a stream of two megabytes that inflates to two gigabytes."""
    genuine, data = scene.licence.data, bomb(2048)
    head = b"%d 0 obj\n<</Type/XRef/W[1 4 2]/Size 300000000/Root %d 0 R/Filter/FlateDecode" % (
        pdf_files.size(genuine), pdf_files.root_number(genuine),
    )  # fmt: skip
    return b"%b%b/Length %d>>\nstream\n%b\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % (
        genuine, head, len(data), data, len(genuine),
    )  # fmt: skip


@forgery(Attacker.OFFICE, "form: the field", MALFORMED)
def signature_without_a_field(scene: Scene) -> bytes:
    """Leave the signature out of the form: nobody who walks through its fields finds it."""
    widget = number_of(sealing_sources(scene.licence.data), b"/FT/Sig")
    unlisted = (b"/Fields[%d 0 R]" % widget, b"/Fields[]")
    return reseal(scene.licence.data, scene.market.seal(), unlisted)


@forgery(Attacker.OFFICE, "form: two fields", MALFORMED, DIFFERS)
def two_fields_with_one_signature(scene: Scene) -> bytes:
    """Show one signature in two fields, one of them where nobody sealed anything."""
    objects = sealing_sources(scene.licence.data)
    widget = number_of(objects, b"/FT/Sig")
    second = max(objects) + 1
    moved = objects[widget].replace(b"/T(Seal)", b"/T(Second)")
    exchange(objects, b"/Fields[%d 0 R]" % widget, b"/Fields[%d 0 R %d 0 R]" % (widget, second))
    signature, source = objects.popitem()  # which stays the last
    objects |= {second: moved, signature: source}
    return seal_objects(drawn_part(scene.licence.data), objects, scene.market.seal())


def _last_table(pdf: bytes) -> int:
    return int(re.findall(rb"startxref\n(\d+)", pdf)[-1])
