"""Base64url without padding (RFC 4648 §5, RFC 7515 §2), in its one spelling.

Python's own reader skips foreign characters and ignores the unused bits of the last one: the same
octets would have many spellings, and what is signed would differ from what is compared.
"""

import binascii

_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_FROM_BASE64 = bytes.maketrans(b"+/", b"-_")


def read_base64url(unverified_text: bytes) -> bytes:
    """Return the octets; raise `ValueError` for anything but their one spelling."""
    octets = binascii.a2b_base64(unverified_text.translate(_TO_BASE64) + b"==")
    if write_base64url(octets) != unverified_text:  # whatever else was skipped or ignored
        raise ValueError("not the one spelling")
    return octets


def write_base64url(octets: bytes) -> bytes:
    """Return the spelling of the octets."""
    return binascii.b2a_base64(octets, newline=False).rstrip(b"=").translate(_FROM_BASE64)
