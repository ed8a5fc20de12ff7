"""What the register keeps about persons, encrypted for its place: table, column and row.

A dump of the database tells no name, number or picture, and a value moved to another row or column
does not open. What has to be found again is kept as a keyed index beside it.
"""

from dataclasses import dataclass

from sqlalchemy import Column

from certs.errors import CertsError
from idp.documents import IdentityDocument
from signing.envelope import DataKey, IndexKey
from signing.errors import DamagedEnvelopeError


class DamagedRegisterError(CertsError):
    """A value of the register was changed, moved, or encrypted with another key."""

    code = "damaged_register"


@dataclass(frozen=True, slots=True)
class RowCipher:
    """The register's two keys at work."""

    data_key: DataKey
    index_key: IndexKey

    def encrypt(self, plaintext: bytes, column: Column[bytes], row: str) -> bytes:
        """Return `plaintext` so that it opens in this column of this row alone."""
        return self.data_key.encrypt(plaintext, context=_place(column, row))

    def decrypt(self, value: bytes, column: Column[bytes], row: str) -> bytes:
        """Return what was encrypted for this place; raise `DamagedRegisterError`."""
        try:
            return self.data_key.decrypt(value, context=_place(column, row))
        except DamagedEnvelopeError:
            raise DamagedRegisterError(f"{column} of {row}") from None

    def index_document(self, document: IdentityDocument) -> bytes:
        """Return what an identity document is found by."""
        return self.index_key.index("document", document.type.value, document.number)

    def index_idempotency_key(self, authority_uscc: str, key: str) -> bytes:
        """Return what an idempotency key of an authority is found by: callers write anything."""
        return self.index_key.index("idempotency key", authority_uscc, key)

    def index_body(self, type_code: str, body_sm3: str) -> bytes:
        """Return what tells one order from another: a bare digest of a few facts can be guessed."""
        return self.index_key.index("body", type_code, body_sm3)


def _place(column: Column[bytes], row: str) -> bytes:
    return f"{column.table.name}.{column.name}:{row}".encode()
