"""Whatever the largest file is made of, its report comes within ten seconds."""

import io
import random
import time
import zlib
from collections.abc import Callable

import pikepdf
import pytest
from simulators import pdf_files
from simulators.pki import AT
from simulators.signed_files import Desk, draw

from verify.policy import SEAL_ONLY
from verify.report import Verdict
from verify.verifier import MAX_FILE_OCTETS, Verifier, start_sandbox

SECONDS = 10
_HEAD = b"%PDF-1.7\n1 0 obj\n"
_TAIL = (
    b"xref\n0 2\n0000000000 65535 f\r\n0000000009 00000 n\r\ntrailer\n<</Size 2/Root 1 0 R>>\n"
    b"startxref\n%d\n%%%%EOF\n"
)


def one_object(source: bytes) -> bytes:
    body = _HEAD + source + b"\nendobj\n"
    return body + _TAIL % len(body)


def compressed(pdf: pikepdf.Pdf) -> bytes:
    target = io.BytesIO()
    pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return target.getvalue()


def many_signatures() -> bytes:
    stream = b"<</Length 15000000>>\nstream\n%b\nendstream" % bytes(15_000_000)
    file = draw(None, more=[stream])
    for number in range(31):
        file = pdf_files.add_signature(file, name=b"S%d" % number)
    return file


def many_objects() -> bytes:
    pdf = pikepdf.new()
    pdf.Root.Held = pikepdf.Array(
        [pdf.make_indirect(pikepdf.Dictionary(A=number)) for number in range(20_000)]
    )
    return compressed(pdf)


def bomb() -> bytes:
    pdf = pikepdf.new()
    pdf.Root.Held = pdf.make_stream(
        zlib.compress(bytes(400_000_000)), {"/Filter": pikepdf.Name.FlateDecode}
    )
    return compressed(pdf)


FILES: dict[str, Callable[[], bytes]] = {
    "blanks": lambda: b"%PDF-1.7".ljust(MAX_FILE_OCTETS),
    "brackets": lambda: _HEAD + b"[" * (MAX_FILE_OCTETS - 100),
    "numbers": lambda: one_object(b"[%b]" % (b"1 " * 9_900_000)),
    "names": lambda: one_object(b"<<%b>>" % b"".join(b"/N%d 0" % n for n in range(1_500_000))),
    "noise": lambda: b"%PDF-1.7\n" + random.Random(1).randbytes(MAX_FILE_OCTETS - 9),  # noqa: S311 - any noise does
    "zeros where a signature is": lambda: (
        Desk.create().seal().replace(b"/Contents<", b"/Contents<" + b"00" * 9_000_000)
    ),
    "signatures": many_signatures,
    "compressed objects": many_objects,
    "a bomb": bomb,
}


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_the_report_comes_in_time(name: str) -> None:
    file = FILES[name]()
    assert len(file) <= MAX_FILE_OCTETS
    with start_sandbox() as sandbox:
        verifier = Verifier(
            policy=SEAL_ONLY, anchors=Desk.create().anchors, status_source=None, sandbox=sandbox
        )
        started = time.monotonic()
        report = verifier.verify(file, at=AT, report_id="r-1")
    assert time.monotonic() - started < SECONDS
    assert report.verdict in {Verdict.CANNOT_CONFIRM, Verdict.INVALID}
