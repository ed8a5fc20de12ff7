"""Passwords for the first sign-in: read from paper once, then replaced by the person's own."""

import secrets

_LETTERS = "abcdefghjkmnpqrstuvwxyz"  # without i, l and o, which paper shows like 1 and 0
_DIGITS = "23456789"
_GROUPS, _GROUP = 4, 4
"""Sixteen characters of 31 and more: 79 bits, far beyond guessing at a locked door."""


def new_one_time_password() -> str:
    """Return a random password that keeps the realm's rules: `Kxw7-m3qp-…`."""
    groups = [
        "".join(secrets.choice(_LETTERS + _DIGITS) for _ in range(_GROUP)) for _ in range(_GROUPS)
    ]
    # One of each kind that the rules ask for; what these three lose is small beside the rest.
    groups[0] = secrets.choice(_LETTERS).upper() + groups[0][1:]
    groups[-1] = secrets.choice(_LETTERS) + groups[-1][1:-1] + secrets.choice(_DIGITS)
    return "-".join(groups)
