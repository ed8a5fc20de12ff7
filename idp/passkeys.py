"""The registration of a passkey (W3C WebAuthn level 2, 7.1), checked before the realm gets the key.

     1. the client's data are JSON of the expected form     4. hash of the relying party's name
     2. made for creating, at our own origin, in no frame   5. person present and verified
     3. with our challenge                                  6. key of an algorithm we asked for

No attestation is asked for: the clerk sees which device the person holds, so whatever statement
comes is not read.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntFlag, StrEnum
from hashlib import sha256
from typing import ClassVar, Self
from uuid import UUID

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers

from idp.errors import IdentityError
from idp.strict_cbor import CborValue, MalformedCborError, read_value

CHALLENGE_OCTETS = 32
ALGORITHMS = (-7, -257)
"""ES256 and RS256, as the realm's policy has them, the better one first."""
TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "hybrid", "internal"})

_LONGEST_CLIENT_DATA = 2_048
_LONGEST_ATTESTATION = 16_384
"""Octets; a key of RSA and a certificate chain nobody asked for take some four thousand."""
_CREDENTIAL_ID_OCTETS = range(16, 1_024)
"""WebAuthn, 4 and 7.1 step 22."""
_WITHOUT_KEY_OCTETS, _ID_BEGINS = 37, 55
"""WebAuthn, 6.1 and 6.5.1: hash 32, flags 1, counter 4; model 16, length of the id 2."""
_LEAST_RSA_BITS = 2_048
_RSA_EXPONENT = 65_537
_P256_OCTETS = 32


class PasskeyFault(StrEnum):
    """Why a passkey was not taken."""

    MALFORMED = "malformed"
    WRONG_TYPE = "wrong_type"
    WRONG_CHALLENGE = "wrong_challenge"
    WRONG_ORIGIN = "wrong_origin"
    IN_A_FRAME = "in_a_frame"
    WRONG_RELYING_PARTY = "wrong_relying_party"
    NOT_PRESENT = "not_present"
    NOT_VERIFIED = "not_verified"
    NO_KEY = "no_key"
    WRONG_ALGORITHM = "wrong_algorithm"
    WEAK_KEY = "weak_key"


class InvalidPasskeyError(IdentityError):
    """What the browser sent is no passkey made for us just now; nothing of it is quoted."""

    code: ClassVar[str] = "invalid_passkey"

    def __init__(self, reason: PasskeyFault) -> None:
        """Remember the `reason`."""
        self.reason = reason
        super().__init__(reason.value)


class _Flag(IntFlag):
    """WebAuthn, 6.1."""

    USER_PRESENT = 1 << 0
    USER_VERIFIED = 1 << 2
    BACKUP_ELIGIBLE = 1 << 3
    BACKED_UP = 1 << 4
    KEY_INCLUDED = 1 << 6
    EXTENSIONS_INCLUDED = 1 << 7


@dataclass(frozen=True, slots=True)
class Passkey:
    """A checked passkey: what the realm has to know of it."""

    aaguid: UUID
    """The model of authenticator, as it says itself."""
    credential_id: bytes
    public_key: bytes = field(repr=False)
    """In COSE."""
    counter: int
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ceremony:
    """One registration: what the browser is asked and its answer is checked against."""

    challenge: bytes = field(repr=False)
    rp_id: str
    """The relying party's name: the realm's host, or a parent domain of it and us."""
    origin: str
    """Of our page, as browsers write it."""

    @classmethod
    def begin(cls, *, rp_id: str, origin: str) -> Self:
        """Return a ceremony with a new random challenge."""
        return cls(secrets.token_bytes(CHALLENGE_OCTETS), rp_id, origin)

    def options(self, *, account: str, username: str, service: str) -> dict[str, object]:
        """Return what the page's script needs; octets are base64url.

        The realm finds the person by `account`.
        """
        return {
            "challenge": _base64url(self.challenge),
            "rp": {"id": self.rp_id, "name": service},
            "user": {
                "id": _base64url(account.encode()),
                "name": username,
                "displayName": username,
            },
            "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in ALGORITHMS],
            "authenticatorSelection": {
                "residentKey": "required",
                "requireResidentKey": True,
                "userVerification": "required",
            },
            "attestation": "none",
            "timeout": 120_000,
        }

    def finish(
        self,
        *,
        unverified_client_data: str,
        unverified_attestation: str,
        unverified_transports: str = "",
    ) -> Passkey:
        """Return the passkey of an answer (base64url; transports divided by blanks).

        Raise `InvalidPasskeyError`.
        """
        self._verify_client_data(_octets(unverified_client_data, most=_LONGEST_CLIENT_DATA))
        attestation = _octets(unverified_attestation, most=_LONGEST_ATTESTATION)
        passkey = self._read_authenticator_data(_authenticator_data(attestation))
        transports = sorted(TRANSPORTS.intersection(unverified_transports.split()))
        return replace(passkey, transports=tuple(transports))

    def _verify_client_data(self, octets: bytes) -> None:
        # 1
        try:
            data = json.loads(octets.decode(), object_pairs_hook=_no_member_twice)
        except (ValueError, RecursionError):
            raise InvalidPasskeyError(PasskeyFault.MALFORMED) from None
        if not isinstance(data, dict):
            raise InvalidPasskeyError(PasskeyFault.MALFORMED)
        # 2
        if data.get("type") != "webauthn.create":
            raise InvalidPasskeyError(PasskeyFault.WRONG_TYPE)
        if data.get("origin") != self.origin:
            raise InvalidPasskeyError(PasskeyFault.WRONG_ORIGIN)
        if data.get("crossOrigin", False) is not False or "topOrigin" in data:
            raise InvalidPasskeyError(PasskeyFault.IN_A_FRAME)
        # 3
        challenge = data.get("challenge")
        if not isinstance(challenge, str) or not hmac.compare_digest(
            challenge.encode("utf-8", "replace"), _base64url(self.challenge).encode()
        ):
            raise InvalidPasskeyError(PasskeyFault.WRONG_CHALLENGE)

    def _read_authenticator_data(self, octets: bytes) -> Passkey:
        """Read the fixed part: digest of the name, flags, counter, model, length of the id."""
        if len(octets) < _WITHOUT_KEY_OCTETS:
            raise InvalidPasskeyError(PasskeyFault.MALFORMED)
        # 4
        if not hmac.compare_digest(octets[:32], sha256(self.rp_id.encode()).digest()):
            raise InvalidPasskeyError(PasskeyFault.WRONG_RELYING_PARTY)
        # 5
        flags = _Flag(octets[32])
        _verify_flags(flags)
        # 6
        if _Flag.KEY_INCLUDED not in flags or len(octets) < _ID_BEGINS:
            raise InvalidPasskeyError(PasskeyFault.NO_KEY)
        id_length = int.from_bytes(octets[53:_ID_BEGINS], "big")
        credential_id = octets[_ID_BEGINS : _ID_BEGINS + id_length]
        if id_length not in _CREDENTIAL_ID_OCTETS or len(credential_id) != id_length:
            raise InvalidPasskeyError(PasskeyFault.MALFORMED)
        rest = octets[_ID_BEGINS + id_length :]
        key, key_length = _read(rest)
        _verify_key(key)
        _verify_extensions(rest[key_length:], flags)
        return Passkey(
            aaguid=UUID(bytes=octets[37:53]),
            credential_id=credential_id,
            public_key=rest[:key_length],
            counter=int.from_bytes(octets[33:37], "big"),
            transports=(),
        )


def _verify_flags(flags: _Flag) -> None:
    if _Flag.USER_PRESENT not in flags:
        raise InvalidPasskeyError(PasskeyFault.NOT_PRESENT)
    if _Flag.USER_VERIFIED not in flags:
        raise InvalidPasskeyError(PasskeyFault.NOT_VERIFIED)
    if _Flag.BACKED_UP in flags and _Flag.BACKUP_ELIGIBLE not in flags:
        raise InvalidPasskeyError(PasskeyFault.MALFORMED)


def _verify_extensions(octets: bytes, flags: _Flag) -> None:
    # None were asked for; browsers add some by themselves, which are not read.
    if _Flag.EXTENSIONS_INCLUDED in flags:
        extensions, length = _read(octets)
        if not isinstance(extensions, dict):
            raise InvalidPasskeyError(PasskeyFault.MALFORMED)
        octets = octets[length:]
    if octets:
        raise InvalidPasskeyError(PasskeyFault.MALFORMED)


def _authenticator_data(attestation: bytes) -> bytes:
    value, length = _read(attestation)
    if (
        not isinstance(value, dict)
        or value.keys() != {"fmt", "attStmt", "authData"}
        or length != len(attestation)
    ):
        raise InvalidPasskeyError(PasskeyFault.MALFORMED)
    data = value["authData"]
    if not isinstance(data, bytes):
        raise InvalidPasskeyError(PasskeyFault.MALFORMED)
    return data


def _verify_key(key: CborValue) -> None:
    """RFC 9053: a point of P-256 (7.1), or a modulus of RSA (RFC 8230, 4)."""
    if not isinstance(key, dict):
        raise InvalidPasskeyError(PasskeyFault.MALFORMED)
    match key:
        case {1: 2, 3: -7, -1: 1, -2: bytes(x), -3: bytes(y), **rest} if not rest:
            if {len(x), len(y)} != {_P256_OCTETS}:
                raise InvalidPasskeyError(PasskeyFault.MALFORMED)
            numbers = EllipticCurvePublicNumbers(
                int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1()
            )
            try:
                numbers.public_key()  # refuses what is no point of the curve
            except (ValueError, UnsupportedAlgorithm):
                raise InvalidPasskeyError(PasskeyFault.WEAK_KEY) from None
        case {1: 3, 3: -257, -1: bytes(n), -2: bytes(e), **rest} if not rest:
            modulus = int.from_bytes(n, "big")
            if (
                modulus.bit_length() < _LEAST_RSA_BITS
                or int.from_bytes(e, "big") != _RSA_EXPONENT
                or modulus % 2 == 0
            ):
                raise InvalidPasskeyError(PasskeyFault.WEAK_KEY)
        case _:
            raise InvalidPasskeyError(PasskeyFault.WRONG_ALGORITHM)


def _read(octets: bytes) -> tuple[CborValue, int]:
    try:
        return read_value(octets)
    except MalformedCborError:
        raise InvalidPasskeyError(PasskeyFault.MALFORMED) from None


def _octets(unverified_text: str, *, most: int) -> bytes:
    """Return the octets of base64url without padding, of which each has one spelling."""
    try:
        octets = base64.b64decode(
            unverified_text + "=" * (-len(unverified_text) % 4), altchars=b"-_", validate=True
        )
    except ValueError:
        raise InvalidPasskeyError(PasskeyFault.MALFORMED) from None
    if len(octets) > most or _base64url(octets) != unverified_text:
        raise InvalidPasskeyError(PasskeyFault.MALFORMED)
    return octets


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _no_member_twice(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members
