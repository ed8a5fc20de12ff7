"""Whether there are signatures at all in files that our strict reader does not read.

An unreadable signature is not the same as none. Nothing found here is ever better than
`unsupported_signature`. pikepdf works on hostile octets in C++: call this inside the sandbox.
"""

import io
from collections.abc import Iterable, Iterator

import pikepdf

MAX_SIGNATURES = 32
"""As many are reported; the first says already what there is to say."""
MAX_DEPTH = 64
"""Of arrays and dictionaries within one another."""
MAX_VALUES = 400_000
"""Looked at in one file; so many take two seconds, and 4 kB can inflate to more."""

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
    for value in _dictionaries(pdf.objects):
        if "/ByteRange" in value:
            yield value
        elif value.get("/FT") == "/Sig" and "/V" in value:
            signature = value["/V"]
            if not isinstance(signature, pikepdf.Dictionary) or "/ByteRange" not in signature:
                yield value


def _dictionaries(items: Iterable[pikepdf.Object]) -> Iterator[pikepdf.Dictionary]:
    """Yield the dictionaries directly inside the objects; references are objects of their own."""
    values_left = MAX_VALUES
    for item in items:
        waiting = [(item, 0)]
        while waiting:
            value, depth = waiting.pop()
            if isinstance(value, pikepdf.Stream):
                value = value.stream_dict
            if not isinstance(value, (pikepdf.Dictionary, pikepdf.Array)):
                continue
            values_left -= 1 + len(value)
            if depth > MAX_DEPTH or values_left < 0:
                raise UnreadableError
            if isinstance(value, pikepdf.Dictionary):
                yield value
                children = list(value.values())
            else:
                children = list(value)
            waiting += [
                (child, depth + 1)
                for child in children
                if isinstance(child, _NESTING) and not child.is_indirect
            ]
