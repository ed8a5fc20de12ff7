"""Check 4: what is shown on the page and what is attached are not what the seal stands for."""

import re

from forgeries.forgery import Attacker, forgery
from forgeries.scene import Scene
from forgeries.workshop import (
    Exchange,
    bomb,
    drawn_part,
    exchange,
    number_of,
    reseal,
    seal_objects,
    sealing_sources,
    sources,
)
from simulators.pdf_files import RANGE

from verify.report import ReasonCode

SWAPPED = ReasonCode.CONTENT_SWAPPED
UNREADABLE = ReasonCode.MALFORMED_DOCUMENT
DIFFERS = ReasonCode.DIFFERS_FROM_REGISTER
UNKNOWN = ReasonCode.NOT_IN_REGISTER


# What is shown


@forgery(Attacker.OTHER_AUTHORITY, "appearance: another authority's picture", SWAPPED, UNKNOWN)
def picture_of_another_authority(scene: Scene) -> bytes:
    """Use one's own seal in one's own name, and show and name another authority's picture."""
    own = scene.content_of(scene.other, seal_picture_sm3=scene.market.picture.sm3)
    return scene.seal(scene.draw(own), scene.other.seal(), picture=scene.market.picture)


@forgery(Attacker.OFFICE, "appearance: another picture than the data name (CMS)", SWAPPED, DIFFERS)
def another_picture_on_a_card(scene: Scene) -> bytes:
    """Show another authority's picture on a card, whose CMS holds no picture to compare with."""
    return scene.sign_card(scene.civil.cms(), picture=scene.market.picture)


def _resealed(scene: Scene, *exchanges: Exchange) -> bytes:
    return reseal(scene.licence.data, scene.market.seal(), *exchanges)


@forgery(Attacker.OFFICE, "appearance: /Rect", SWAPPED, DIFFERS)
def seal_shown_larger(scene: Scene) -> bytes:
    """Stretch the seal over the page by a larger rectangle."""
    return _resealed(scene, (re.compile(rb"/Rect\[[^\]]*\]"), b"/Rect[10 10 400 400]"))


@forgery(Attacker.OFFICE, "appearance: its drawing", SWAPPED, DIFFERS)
def seal_moved_out_of_sight(scene: Scene) -> bytes:
    """Draw the picture beside its own box, so that nothing of it is seen."""
    return _resealed(scene, (b"119.0551 0 0 cm /Seal", b"1.0551 999 0 cm /Seal"))


@forgery(Attacker.OFFICE, "appearance: flags", SWAPPED, DIFFERS)
def seal_hidden(scene: Scene) -> bytes:
    """Mark the seal as hidden."""
    return _resealed(scene, (b"/F 132", b"/F 134"))


@forgery(Attacker.OFFICE, "appearance: on no page", SWAPPED, DIFFERS)
def seal_on_no_page(scene: Scene) -> bytes:
    """Leave the field out of the page: it is in the form, and nobody sees it."""
    return _resealed(scene, (re.compile(rb"/Annots\[\d+ 0 R\]"), b"/Annots[]"))


@forgery(Attacker.OFFICE, "the page: turned", SWAPPED, DIFFERS)
def page_turned(scene: Scene) -> bytes:
    """Turn the page, and with it the seal away from where it was put."""
    return _resealed(scene, (b"/Type/Page/", b"/Type/Page/Rotate 180/"))


@forgery(Attacker.OFFICE, "the pages: a circle", SWAPPED, DIFFERS)
def pages_in_a_circle(scene: Scene) -> bytes:
    """Make the root of the pages its own child, so that a walk through them never ends."""
    objects = sealing_sources(scene.licence.data)
    pages = number_of(sources(scene.licence.data, 0), b"/Type/Pages")
    circle = b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % pages
    return _sealed_with(scene, objects, {pages: circle})


# What is attached


def _sealed_with(scene: Scene, objects: dict[int, bytes], more: dict[int, bytes]) -> bytes:
    """Seal with more objects; the signature stands last."""
    signature = number_of(objects, RANGE)
    last = objects.pop(signature)
    ordered = objects | more | {signature: last}
    return seal_objects(drawn_part(scene.licence.data), ordered, scene.market.seal())


def _attachment(scene: Scene) -> tuple[int, int]:
    """Return the numbers of the file specification and of its stream."""
    drawn = sources(scene.licence.data, 0)
    return number_of(drawn, b"/Type/Filespec"), number_of(drawn, b"/Type/EmbeddedFile")


def _stream(data: bytes) -> bytes:
    return b"<</Type/EmbeddedFile/Length %d>>\nstream\n%b\nendstream" % (len(data), data)


def _with_data(scene: Scene, data: bytes) -> bytes:
    _, stream = _attachment(scene)
    return _sealed_with(scene, sealing_sources(scene.licence.data), {stream: _stream(data)})


def _with_second_file(scene: Scene, *exchanges: Exchange) -> bytes:
    """Seal with a second file specification, numbered `SECOND`, of the same name and other data."""
    objects = sealing_sources(scene.licence.data)
    for original, new in exchanges:
        exchange(objects, original, new)
    other = scene.content(number="JY99990120260000099").json
    more = {
        SECOND: b"<</Type/Filespec/F(certificate.json)/UF(certificate.json)"
        b"/EF<</F %d 0 R/UF %d 0 R>>/AFRelationship/Data>>" % (SECOND + 1, SECOND + 1),
        SECOND + 1: _stream(other),
    }
    return _sealed_with(scene, objects, more)


SECOND = 900
_AF = re.compile(rb"/AF\[\d+ 0 R\]")


@forgery(Attacker.OFFICE, "attachment: /AF and /EmbeddedFiles", SWAPPED, UNKNOWN)
def two_lists_two_files(scene: Scene) -> bytes:
    """List the right data for people and other data for machines, under one name."""
    return _with_second_file(scene, (_AF, b"/AF[%d 0 R]" % SECOND))


@forgery(Attacker.OFFICE, "attachment: /AF empty", SWAPPED, UNKNOWN)
def data_that_the_catalog_disowns(scene: Scene) -> bytes:
    """Take the data from the list of associated files, so that archives drop them."""
    return _resealed(scene, (_AF, b"/AF[]"))


@forgery(Attacker.OFFICE, "attachment: one name twice", SWAPPED, UNKNOWN)
def two_files_of_one_name(scene: Scene) -> bytes:
    """Attach two files named certificate.json: readers take the first one, or the last."""
    specification, _ = _attachment(scene)
    both = b"%d 0 R(certificate.json)%d 0 R]" % (specification, SECOND)
    return _with_second_file(
        scene,
        (b"%d 0 R]>>>>" % specification, both + b">>>>"),
        (_AF, b"/AF[%d 0 R %d 0 R]" % (specification, SECOND)),
    )


@forgery(Attacker.OFFICE, "attachment: a circle in the name tree", SWAPPED, UNKNOWN)
def names_in_a_circle(scene: Scene) -> bytes:
    """Make the tree of names its own child."""
    objects = sealing_sources(scene.licence.data)
    exchange(objects, re.compile(rb"/EmbeddedFiles<<.*?>>"), b"/EmbeddedFiles %d 0 R" % SECOND)
    return _sealed_with(scene, objects, {SECOND: b"<</Kids[%d 0 R]>>" % SECOND})


@forgery(Attacker.OFFICE, "attachment: a bomb", SWAPPED, UNKNOWN)
def bomb_attached(scene: Scene) -> bytes:
    """Attach data that inflate to a quarter of a gigabyte."""
    _, stream = _attachment(scene)
    data = bomb(256)
    source = b"<</Type/EmbeddedFile/Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream"
    objects = sealing_sources(scene.licence.data)
    return _sealed_with(scene, objects, {stream: source % (len(data), data)})


@forgery(Attacker.OFFICE, "the sealed data: a member twice", UNREADABLE, UNKNOWN)
def number_said_twice(scene: Scene) -> bytes:
    """Give two numbers in the data: parsers take the first one, or the last."""
    data = scene.content().json
    twice = data.replace(b'"ZZBH":', b'"ZZBH":"JY99990120260000099","ZZBH":')
    return _with_data(scene, twice)


@forgery(Attacker.OFFICE, "the sealed data: controls", UNREADABLE, UNKNOWN)
def number_that_cannot_be_printed(scene: Scene) -> bytes:
    """Give a number that turns the direction of the text, so that reports show another one."""
    number = "JY9999\u202e0120270000099"
    return _with_data(scene, scene.content(number=number).json)


@forgery(Attacker.OFFICE, "the sealed data: nesting", UNREADABLE, UNKNOWN)
def data_in_brackets(scene: Scene) -> bytes:
    """Nest the data a hundred thousand arrays deep."""
    return _with_data(scene, b"[" * 100_000 + b"]" * 100_000)


@forgery(Attacker.OFFICE, "the sealed data: the seal's code", SWAPPED, DIFFERS)
def another_seal_named(scene: Scene) -> bytes:
    """Name another seal of the authority in the data than the one that is applied."""
    return _with_data(scene, scene.content(seal_id="99990100000009").json)


@forgery(Attacker.OFFICE, "the sealed data: the picture", SWAPPED, DIFFERS)
def another_picture_named(scene: Scene) -> bytes:
    """Name another picture in the data than the seal has and the page shows."""
    named = scene.content(seal_picture_sm3=scene.other.picture.sm3)
    return _with_data(scene, named.json)
