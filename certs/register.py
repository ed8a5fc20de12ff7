"""The register: finds every certificate issued, gives its bytes, and changes what it is worth."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update

from certs.database import Transactions
from certs.entries import (
    ECertificate,
    decode_certificate,
    decode_event,
    encode_event,
)
from certs.errors import UnknownCertificateError
from certs.lifecycle import Act, LegalKind, LifecycleEvent, State, state_after
from certs.row_cipher import RowCipher
from certs.tables import certificates, files, holders, lifecycle_events
from idp.documents import IdentityDocument

_AT_ONCE = 200  # certificates read in one go: a few kB each, or some 15 MB with their files


class Register:
    """What the register answers. Threads may share it.

    Every method may raise `RegisterUnavailableError`, and `DamagedRegisterError` where a value is
    not what was once written there.
    """

    def __init__(self, transactions: Transactions, cipher: RowCipher) -> None:
        """Read and write by `transactions`, encrypt by `cipher`."""
        self._transactions = transactions
        self._cipher = cipher

    def count(self) -> int:
        """Return how many certificates there are."""
        with self._transactions.reading() as connection:
            return connection.execute(select(func.count()).select_from(certificates)).scalar_one()

    def find(self, number: str, authority_uscc: str | None = None) -> ECertificate | None:
        """Return the newest version under this number, if it is this authority's."""
        query = select(certificates).where(certificates.c.number == number)
        if authority_uscc is not None:
            query = query.where(certificates.c.authority == authority_uscc)
        return self._first(query.order_by(certificates.c.version.desc()).limit(1))

    def find_by_code(self, code: str) -> ECertificate | None:
        """Return the certificate whose QR code bears this code."""
        return self._first(select(certificates).where(certificates.c.code == code))

    def find_by_holder(self, document: IdentityDocument) -> list[ECertificate]:
        """Return the certificates of this holder, in the order they were registered."""
        query = (
            select(certificates)
            .join(holders, holders.c.certificate_id == certificates.c.id)
            .where(holders.c.document_index == self._cipher.index_document(document))
            .order_by(certificates.c.registered_at, certificates.c.id)
        )
        return self._read(query)

    def get(self, number: str) -> ECertificate:
        """Return the newest version under this number; raise `UnknownCertificateError`."""
        certificate = self.find(number)
        if certificate is None:
            raise UnknownCertificateError
        return certificate

    def get_all(self, ids: Sequence[str]) -> dict[str, ECertificate]:
        """Return those of the certificates that are registered, by id."""
        query = select(certificates).where(certificates.c.id.in_(ids))
        return {certificate.id: certificate for certificate in self._read(query)}

    def walk(self) -> Iterator[ECertificate]:
        """Yield all certificates in the order of their ids; new ones may be missed."""
        last = ""
        while True:
            query = select(certificates).where(certificates.c.id > last)
            found = self._read(query.order_by(certificates.c.id).limit(_AT_ONCE))
            if not found:
                return
            yield from found
            last = found[-1].id

    def file(self, certificate: ECertificate) -> bytes:
        """Return the very bytes issued."""
        query = select(files.c.sealed).where(files.c.certificate_id == certificate.id)
        with self._transactions.reading() as connection:
            sealed = connection.execute(query).scalar_one()
        return self._cipher.decrypt(sealed, files.c.sealed, certificate.id)

    def portrait(self, certificate: ECertificate) -> bytes | None:
        """Return the holder's portrait as it came, where the certificate bears one."""
        query = select(files.c.portrait).where(files.c.certificate_id == certificate.id)
        with self._transactions.reading() as connection:
            portrait = connection.execute(query).scalar_one()
        if portrait is None:
            return None
        return self._cipher.decrypt(portrait, files.c.portrait, certificate.id)

    def events(self, certificate: ECertificate) -> list[LifecycleEvent]:
        """Return what became of a certificate, oldest first."""
        query = select(lifecycle_events).where(lifecycle_events.c.certificate_id == certificate.id)
        with self._transactions.reading() as connection:
            rows = connection.execute(query.order_by(lifecycle_events.c.id)).mappings().all()
        return [decode_event(row) for row in rows]

    def revoke(
        self, number: str, legal_kind: LegalKind, *, officer: str, at: datetime
    ) -> ECertificate:
        """Put the certificate out of force and return it as it now stands.

        Raise `UnknownCertificateError` or, if it is out of force already, `IllegalTransitionError`.
        """
        newest = (
            select(certificates.c.id, certificates.c.state)
            .where(certificates.c.number == number)
            .order_by(certificates.c.version.desc())
            .limit(1)
        )
        with self._transactions() as connection:
            row = connection.execute(newest).one_or_none()
            if row is None:
                raise UnknownCertificateError
            connection.execute(
                update(certificates)
                .where(certificates.c.id == row.id)
                .values(
                    state=state_after(State(row.state), Act.REVOKED),
                    state_since=at,
                    legal_kind=legal_kind,
                )
            )
            event = LifecycleEvent(Act.REVOKED, legal_kind, officer, at)
            connection.execute(insert(lifecycle_events), encode_event(row.id, event))
        return self.get(number)

    def _first(self, query: Select[Any]) -> ECertificate | None:
        return next(iter(self._read(query)), None)

    def _read(self, query: Select[Any]) -> list[ECertificate]:
        with self._transactions.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [decode_certificate(row, self._cipher) for row in rows]
