"""The key set of statements about who acts for whom."""

from pydantic import BaseModel


class KeyOut(BaseModel):
    """One public key (RFC 7517, RFC 7518)."""

    kty: str
    crv: str
    x: str
    y: str
    kid: str
    use: str
    alg: str


class KeySetOut(BaseModel):
    """A key set."""

    keys: list[KeyOut]
