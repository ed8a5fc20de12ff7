"""Base64url without padding (RFC 4648 §5, RFC 7515 §2), in its one spelling.

Python's own reader skips foreign characters and ignores the unused bits of the last one: the same
octets would have many spellings, and what is signed would differ from what is compared.
"""

import binascii
import re

_ALPHABET = re.compile(rb"[A-Za-z0-9_-]*")
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_FROM_BASE64 = bytes.maketrans(b"+/", b"-_")


def read_base64url(unverified_text: bytes) -> bytes:
    """Return the octets; raise `ValueError` for anything but their one spelling."""
    if not _ALPHABET.fullmatch(unverified_text):
        raise ValueError("a character outside the alphabet")
    padded = unverified_text + b"=" * (-len(unverified_text) % 4)
    octets = binascii.a2b_base64(padded.translate(_TO_BASE64))
    if write_base64url(octets) != unverified_text:
        raise ValueError("not the one spelling")
    return octets


def write_base64url(octets: bytes) -> bytes:
    """Return the spelling of the octets."""
    return binascii.b2a_base64(octets, newline=False).rstrip(b"=").translate(_FROM_BASE64)
