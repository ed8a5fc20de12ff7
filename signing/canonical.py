"""The canonical form of JSON data (RFC 8785) and its SM3 digest (GB/T 32905).

What an officer approves, what is sealed into a file and what the ledger compares is this form and
no other, so that one digest means one content. The shape of the data is the caller's affair.
"""

from typing import Any, cast

import rfc8785

from signing.errors import NotCanonicalError
from signing.sm2 import new_sm3


def sm3(data: bytes) -> bytes:
    """Return the SM3 digest of `data`, 32 octets (GB/T 32905)."""
    return new_sm3(data).digest()


def canonical_json(value: object) -> bytes:
    """Return `value` as canonical JSON in UTF-8 (RFC 8785).

    `value` is made of None, bool, int, float, str, lists, tuples and dicts with str keys. Raise
    `NotCanonicalError` for anything else, for integers beyond 2^53 - 1 (3.2.2.3), for infinite
    numbers, for lone surrogates (3.2.2.2) and for nesting too deep to walk.
    """
    try:
        return rfc8785.dumps(cast("Any", value))  # the library checks the types as it walks
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        # The library lets surrogates in keys through as UnicodeEncodeError. Neither error is
        # chained: both may quote personal data.
        raise NotCanonicalError(type(error).__name__) from None
    except RecursionError:
        raise NotCanonicalError("nested too deep") from None


def canonical_sm3(value: object) -> str:
    """Return the SM3 of the canonical JSON of `value`, 64 lower-case hex digits.

    Raise `NotCanonicalError` as `canonical_json` does.
    """
    return sm3(canonical_json(value)).hex()
