"""What a browser and an authenticator send when a passkey is registered, right or wrong."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec

ORIGIN, RP_ID = "http://localhost:8000", "localhost"
PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, KEY, EXTENSIONS = 1, 4, 8, 16, 64, 128


def cbor(value: object) -> bytes:
    """Write a value in CTAP2's form; keys stay in the order they are given."""
    match value:
        case bool() | None:
            return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case list():
            return _head(4, len(value)) + b"".join(map(cbor, value))
        case dict():
            pairs = (cbor(key) + cbor(member) for key, member in value.items())
            return _head(5, len(value)) + b"".join(pairs)
    raise TypeError(value)


def _head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    for short, octets in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * octets):
            return bytes([kind << 5 | short]) + number.to_bytes(octets, "big")
    raise ValueError(number)


def base64url(octets: bytes) -> str:
    """Write octets as browsers do."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def new_key() -> dict[int, object]:
    """Return a new public key of ES256 in COSE."""
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
    return {1: 2, 3: -7, -1: 1, -2: x, -3: y}


@dataclass(frozen=True, slots=True)
class Registration:
    """An answer; each part can be another than it should."""

    challenge: bytes
    origin: str = ORIGIN
    rp_id: str = RP_ID
    type: str = "webauthn.create"
    more_client_data: Mapping[str, object] = field(default_factory=dict)
    flags: int = PRESENT | VERIFIED | KEY
    counter: int = 0
    aaguid: bytes = bytes(range(16))
    credential_id: bytes = b"c" * 32
    id_length: int | None = None
    key: object = field(default_factory=new_key)
    after_key: bytes = b""
    attestation: Mapping[str, object] = field(default_factory=dict)
    transports: str = "internal usb nonsense"

    @property
    def authenticator_data(self) -> bytes:
        """What the authenticator says."""
        length = len(self.credential_id) if self.id_length is None else self.id_length
        included = (
            self.aaguid + length.to_bytes(2, "big") + self.credential_id + cbor(self.key)
            if self.flags & KEY
            else b""
        )
        return (
            sha256(self.rp_id.encode()).digest()
            + bytes([self.flags])
            + self.counter.to_bytes(4, "big")
            + included
            + self.after_key
        )

    @property
    def answer(self) -> dict[str, str]:
        """What our page's form sends."""
        client_data = {
            "type": self.type,
            "challenge": base64url(self.challenge),
            "origin": self.origin,
            "crossOrigin": False,
            **self.more_client_data,
        }
        attestation = {"fmt": "none", "attStmt": {}, "authData": self.authenticator_data}
        return {
            "client_data": base64url(json.dumps(client_data).encode()),
            "attestation": base64url(cbor({**attestation, **self.attestation})),
            "transports": self.transports,
        }
