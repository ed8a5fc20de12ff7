"""Files of other software: counted, never taken for unsigned because they are large."""

import io

import pikepdf
import pytest

from verify.foreign import MAX_VALUES, UnreadableError, count_signatures


def file_with(*sources: bytes) -> bytes:
    """Return a file whose objects, compressed together, are these."""
    pdf = pikepdf.new()
    pdf.Root.Held = pikepdf.Array(
        [pdf.make_indirect(pikepdf.Object.parse(source)) for source in sources]
    )
    target = io.BytesIO()
    pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return target.getvalue()


def test_signatures_are_counted_wherever_they_stand() -> None:
    signed = b"<</Type/Sig/ByteRange[0 1 2 3]>>"
    unread_field = b"<</FT/Sig/V(nothing)>>"
    assert count_signatures(file_with(b"1")) == 0
    assert count_signatures(file_with(b"[1 [%b]]" % signed, signed, unread_field)) == 3


@pytest.mark.parametrize("item", [b"<<>>", b"1 "])
def test_a_small_file_of_very_many_values_is_given_up(item: bytes) -> None:
    bomb = file_with(*[b"[" + item * (MAX_VALUES // 4) + b"]"] * 8)
    assert len(bomb) < 20_000
    with pytest.raises(UnreadableError):
        count_signatures(bomb)
