"""Whether there are signatures at all in files that our strict reader does not read.

An unreadable signature is not the same as none. Nothing found here is ever better than
`unsupported_signature`. pikepdf works on hostile octets in C++: call this inside the sandbox.
"""

import io
from collections.abc import Iterator

import pikepdf

MAX_SIGNATURES = 32
"""As many are reported; the first says already what there is to say."""
MAX_DEPTH = 64
"""Of arrays and dictionaries within one another."""


_NESTING = (pikepdf.Dictionary, pikepdf.Array, pikepdf.Stream)


class UnreadableError(Exception):
    """Not even the tolerant reader opens the file."""


def count_signatures(unverified_pdf: bytes) -> int:
    """Count the filled signature fields and whatever else has a /ByteRange.

    A damaged file is not mended: what was cut off may have been the signature. Raises
    `UnreadableError` if the file cannot be opened, is encrypted, or breaks the reader.
    """
    try:
        with pikepdf.open(io.BytesIO(unverified_pdf), attempt_recovery=False) as pdf:
            found = sum(1 for _ in zip(range(MAX_SIGNATURES), _signatures(pdf), strict=False))
    except Exception as error:  # whatever the library raises on hostile octets
        raise UnreadableError from error
    return found


def _signatures(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    """Yield each dictionary with a /ByteRange, and fields of type /Sig whose value has none."""
    for item in pdf.objects:
        for value in _walk(item):
            if "/ByteRange" in value:
                yield value
            elif value.get("/FT") == "/Sig" and "/V" in value:
                signature = value["/V"]
                if not isinstance(signature, pikepdf.Dictionary) or "/ByteRange" not in signature:
                    yield value


def _walk(item: pikepdf.Object) -> Iterator[pikepdf.Dictionary]:
    """Yield the dictionaries directly inside an object; references are objects of their own."""
    waiting = [(item, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise UnreadableError
        if isinstance(value, pikepdf.Stream):
            value = value.stream_dict
        if isinstance(value, pikepdf.Dictionary):
            yield value
            children = list(value.values())
        elif isinstance(value, pikepdf.Array):
            children = list(value)
        else:
            continue
        waiting += [
            (child, depth + 1)
            for child in children
            if isinstance(child, _NESTING) and not child.is_indirect
        ]
