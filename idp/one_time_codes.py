"""One-time codes by time (RFC 6238), as authenticator applications and the realm's policy have it.

SHA-1, six digits, thirty seconds: what every application can do. The realm checks codes at
sign-in; here one is checked once, to prove that the person's application has the secret.
"""

import base64
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Self
from urllib.parse import quote, urlencode

from idp.errors import IdentityError

DIGITS = 6
PERIOD_SECONDS = 30
WINDOW = 1
"""Periods before and after: telephones are some seconds off, and people type slowly."""

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LENGTH = 22
"""Characters. RFC 4226 (4, R6) asks for 128 bits of chance; these have 131, and are the octets that
the digest takes without padding or cutting."""


class WrongCodeError(IdentityError):
    """The code is not one of the moment."""

    code: ClassVar[str] = "wrong_code"


@dataclass(frozen=True, slots=True)
class CodeSecret:
    """What an application makes codes of."""

    text: str = field(repr=False)
    """The realm keeps the octets of this text; applications get them in base32."""

    @classmethod
    def generate(cls) -> Self:
        """Return a new random secret."""
        return cls("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)))

    @property
    def base32(self) -> str:
        """What people type into an application that cannot read the QR code."""
        return base64.b32encode(self.text.encode("ascii")).decode("ascii").rstrip("=")

    def address(self, *, service: str, username: str) -> str:
        """Return the `otpauth` address that the QR code holds."""
        parameters = {
            "secret": self.base32,
            "issuer": service,
            "digits": DIGITS,
            "period": PERIOD_SECONDS,
        }
        label = quote(f"{service}:{username}", safe="")
        return f"otpauth://totp/{label}?{urlencode(parameters, quote_via=quote)}"

    def verify(self, unverified_code: str, *, at: datetime) -> None:
        """Raise `WrongCodeError` unless it is the code of the moment."""
        now = int(at.timestamp()) // PERIOD_SECONDS
        given = "".join(unverified_code.split()).encode("utf-8", "replace")
        # All are compared, each in constant time: the time taken tells nothing.
        same = [
            hmac.compare_digest(self.code(period).encode("ascii"), given)
            for period in range(now - WINDOW, now + WINDOW + 1)
        ]
        if not any(same):
            raise WrongCodeError

    def code(self, period: int) -> str:
        """Return the code of a period (RFC 4226, 5.3)."""
        digest = hmac.digest(self.text.encode("ascii"), period.to_bytes(8, "big"), "sha1")
        offset = digest[-1] & 0x0F
        number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
        return str(number % 10**DIGITS).zfill(DIGITS)
