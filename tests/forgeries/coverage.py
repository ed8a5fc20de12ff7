"""Check 1: signatures that leave something out.

Each is right for the octets it claims. Whoever believes the range, or reads it kindly, sees a file
that is wholly in order, and its maker can change the rest of it whenever he likes.
"""

from forgeries.forgery import Attacker, forgery
from forgeries.scene import Scene
from forgeries.workshop import Claim, contents_of, reseal
from simulators.pdf_files import CONTENTS

from signing.pdf.placement import ByteRange
from verify.report import ReasonCode

NOT_COVERED = ReasonCode.BYTES_NOT_COVERED
BEYOND_EVERY_FILE = 4_000_000_000


def _second(right: ByteRange) -> tuple[int, int]:
    return right.second_start, right.second_length


def _claiming(scene: Scene, claim: Claim) -> bytes:
    return reseal(scene.licence.data, scene.market.seal(), claim=claim)


@forgery(Attacker.OFFICE, "/ByteRange: where it begins", NOT_COVERED)
def range_that_leaves_out_the_header(scene: Scene) -> bytes:
    """Begin the range at octet 9, so that another header can be put before the file."""
    return _claiming(scene, lambda right: (9, right.first_length - 9, *_second(right)))


@forgery(Attacker.OFFICE, "/ByteRange: where it ends", NOT_COVERED)
def range_that_leaves_out_the_trailer(scene: Scene) -> bytes:
    """End the range before the cross-reference table, which can then name other objects."""
    return _claiming(
        scene,
        lambda right: (0, right.first_length, right.second_start, len(b">>\nendobj\n")),
    )


@forgery(Attacker.OFFICE, "/ByteRange: the gap begins early", NOT_COVERED)
def gap_that_begins_before_the_contents(scene: Scene) -> bytes:
    """Widen the gap to the left, over the name of the key before the contents."""
    early = len(b"/Contents")
    return _claiming(scene, lambda right: (0, right.first_length - early, *_second(right)))


@forgery(Attacker.OFFICE, "/ByteRange: the gap ends late", NOT_COVERED)
def gap_that_ends_after_the_contents(scene: Scene) -> bytes:
    """Widen the gap to the right, where keys could be added to the signature."""
    return _claiming(
        scene,
        lambda right: (0, right.first_length, right.second_start + 2, right.second_length - 2),
    )


@forgery(Attacker.OFFICE, "/ByteRange: both parts overlap", NOT_COVERED)
def range_that_goes_back(scene: Scene) -> bytes:
    """Let the second part begin inside the first, so that both together are as long as the file."""
    return _claiming(
        scene,
        lambda right: (0, right.first_length, right.first_length - 500, 500),
    )


@forgery(Attacker.OFFICE, "/ByteRange: a negative length", NOT_COVERED)
def range_of_negative_length(scene: Scene) -> bytes:
    """Give the second part a negative length, of which nothing is read."""
    return _claiming(scene, lambda right: (0, right.first_length, right.second_start, -1))


@forgery(Attacker.OFFICE, "/ByteRange: beyond the end of the file", NOT_COVERED)
def range_beyond_the_end(scene: Scene) -> bytes:
    """Let the range end far behind the file: readers that clip it cover all that is appended."""
    return _claiming(
        scene, lambda right: (0, right.first_length, right.second_start, BEYOND_EVERY_FILE)
    )


@forgery(Attacker.OFFICE, "/ByteRange: a second gap", NOT_COVERED)
def range_of_three_parts(scene: Scene) -> bytes:
    """Leave a second gap, in the stream of the page, by a range of six numbers."""

    def claim(right: ByteRange) -> tuple[int, ...]:
        page = scene.licence.data.index(b"stream\n")
        return (0, page, page + 40, right.first_length - page - 40, *_second(right))

    return _claiming(scene, claim)


@forgery(Attacker.OFFICE, "/ByteRange twice", ReasonCode.MALFORMED_DOCUMENT)
def two_ranges(scene: Scene) -> bytes:
    """Write a second /ByteRange that covers ten octets, spelt with an escape, for other readers."""
    second = b"/Byte#52ange[0 5 10 5]/Contents" + CONTENTS
    return reseal(scene.licence.data, scene.market.seal(), (b"/Contents" + CONTENTS, second))


@forgery(Attacker.OFFICE, "/Contents twice", ReasonCode.MALFORMED_DOCUMENT)
def two_contents(scene: Scene) -> bytes:
    """Write a second /Contents before the right one: the genuine seal signature of another file."""
    _, genuine = contents_of(scene.another.data)
    first = b"/Contents<%b>/ByteRange" % genuine.hex().encode()
    return reseal(scene.licence.data, scene.market.seal(), (b"/ByteRange", first))


@forgery(Attacker.OFFICE, "/Contents beside the gap", NOT_COVERED)
def gap_around_another_string(scene: Scene) -> bytes:
    """Leave out another string than /Contents, which is itself covered and says something else."""
    _, genuine = contents_of(scene.another.data)
    both = b"/Contents<%b>/Other%b" % (genuine.hex().upper().encode(), CONTENTS)
    return reseal(scene.licence.data, scene.market.seal(), (b"/Contents" + CONTENTS, both))


@forgery(Attacker.STRANGER, "/Contents: octets after the signature", NOT_COVERED)
def message_behind_the_signature(scene: Scene) -> bytes:
    """Hide octets behind the signature in /Contents, where zeros have to be."""
    sealed = reseal(scene.licence.data, scene.market.seal())
    _, end = contents_of(sealed)[0].gap
    return sealed[: end - 9] + b"C0FFEE00>" + sealed[end:]


@forgery(Attacker.STRANGER, "/Contents: letters of both cases", NOT_COVERED)
def letter_case_as_a_channel(scene: Scene) -> bytes:
    """Write a message into the contents by the case of their letters, which changes no octet."""
    genuine = scene.licence.data
    start, _ = contents_of(genuine)[0].gap
    return genuine[:start] + genuine[start : start + 64].lower() + genuine[start + 64 :]


@forgery(Attacker.STRANGER, "octets after the end", NOT_COVERED)
def octets_after_the_end(scene: Scene) -> bytes:
    """Append octets that belong to no revision, and so to no signature."""
    return scene.licence.data + b"(%b)\n" % (b"\x00" * 2000)
