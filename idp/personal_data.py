"""Names and numbers at rest: encrypted for table, column and row, found again by a keyed index."""

from dataclasses import dataclass

from sqlalchemy import Column

from idp.documents import IdentityDocument
from idp.errors import DamagedIdentityError
from signing.envelope import DataKey, IndexKey
from signing.errors import DamagedEnvelopeError


@dataclass(frozen=True, slots=True)
class PersonalData:
    """The two keys of the identity database at work."""

    data_key: DataKey
    index_key: IndexKey

    def encrypt(self, plaintext: str, column: Column[bytes], row: str) -> bytes:
        """Return `plaintext` so that it opens in this column of this row alone."""
        return self.data_key.encrypt(plaintext.encode(), context=_place(column, row))

    def decrypt(self, value: bytes, column: Column[bytes], row: str) -> str:
        """Return what was encrypted for this place; raise `DamagedIdentityError`."""
        try:
            return self.data_key.decrypt(value, context=_place(column, row)).decode()
        except DamagedEnvelopeError:
            raise DamagedIdentityError(f"{column} of {row}") from None

    def index_document(self, document: IdentityDocument) -> bytes:
        """Return what an identity document is found by."""
        return self.index_key.index("document", document.type.value, document.number)


def _place(column: Column[bytes], row: str) -> bytes:
    return f"{column.table.name}.{column.name}:{row}".encode()
