"""Entries of the register: what they are in the program, and what they are in its tables."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert

from certs.lifecycle import Act, LegalKind, LifecycleEvent, Standing, State, Status
from certs.row_cipher import RowCipher
from certs.tables import certificates, files, holders, lifecycle_events
from idp.documents import IdentityDocument
from signing.canonical import canonical_json


@dataclass(frozen=True, slots=True, repr=False)
class ECertificate:
    """One version of a certificate as it stands in the register, without its bytes."""

    id: str
    number: str
    """证照编号, printed on its face; unique, its versions share it."""
    version: int
    identifier: str
    """证照标识 of GB/T 36904."""
    code: str
    """The unguessable one of its public page."""
    authority: str
    """Unified social credit code of the issuing authority."""
    type_code: str
    type_version: int
    issued_on: date
    registered_at: datetime
    draft_sm3: str
    signed_sm3: str
    """Of the octets under the signature, as the ledger knows it."""
    file_sm3: str
    """Of the very octets issued."""
    standing: Standing
    content: Mapping[str, Any]
    """`certificate.json`, as it was sealed into the file."""
    public_fields: Mapping[str, str]
    """What anyone may see, by short name, masked when it was issued."""

    @property
    def type_name(self) -> str:
        """证照类型名称."""
        return str(self.content["metadata"]["ZZLXMC"])

    @property
    def authority_name(self) -> str:
        """证照颁发机构, by the name it had."""
        return str(self.content["metadata"]["ZZBFJG"])

    def status_at(self, at: datetime) -> Status:
        """Return the status at a moment."""
        return self.standing.status_at(at)

    def __repr__(self) -> str:
        """Name it by its identifier: the rest does not belong in logs."""
        return f"ECertificate({self.identifier})"


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """A new certificate with all that the register is to keep of it."""

    certificate: ECertificate
    sealed: bytes
    """The very octets issued."""
    portrait: bytes | None
    documents: Sequence[IdentityDocument]
    """By which its holders are found."""
    officer: str
    """On whose word it was issued."""


@dataclass(frozen=True, slots=True, repr=False)
class EntryRows:
    """An entry encrypted and ready for its tables: what is left to do is quick."""

    certificate: Mapping[str, Any]
    holders: Sequence[Mapping[str, Any]]
    file: Mapping[str, Any]
    event: Mapping[str, Any]


def encode_entry(entry: Entry, cipher: RowCipher) -> EntryRows:
    """Return the rows of a new entry."""
    certificate = entry.certificate
    standing = certificate.standing
    content = canonical_json(
        {
            "certificate": dict(certificate.content),
            "public_fields": dict(certificate.public_fields),
        }
    )
    portrait = entry.portrait
    if portrait is not None:
        portrait = cipher.encrypt(portrait, files.c.portrait, certificate.id)
    return EntryRows(
        certificate={
            "id": certificate.id,
            "number": certificate.number,
            "version": certificate.version,
            "identifier": certificate.identifier,
            "code": certificate.code,
            "authority": certificate.authority,
            "type_code": certificate.type_code,
            "type_version": certificate.type_version,
            "issued_on": certificate.issued_on,
            "valid_from": standing.valid_from,
            "valid_to": standing.valid_to,
            "registered_at": certificate.registered_at,
            "draft_sm3": certificate.draft_sm3,
            "signed_sm3": certificate.signed_sm3,
            "file_sm3": certificate.file_sm3,
            "state": standing.state,
            "legal_kind": standing.legal_kind,
            "state_since": standing.since,
            "content": cipher.encrypt(content, certificates.c.content, certificate.id),
        },
        holders=[
            {
                "certificate_id": certificate.id,
                "position": position,
                "document_index": cipher.index_document(document),
            }
            for position, document in enumerate(entry.documents)
        ],
        file={
            "certificate_id": certificate.id,
            "sealed": cipher.encrypt(entry.sealed, files.c.sealed, certificate.id),
            "portrait": portrait,
        },
        event=encode_event(
            certificate.id,
            LifecycleEvent(Act.ISSUED, None, entry.officer, certificate.registered_at),
        ),
    )


def insert_entries(connection: Connection, rows: Sequence[EntryRows]) -> None:
    """Enter new certificates."""
    if rows:
        connection.execute(insert(certificates), [row.certificate for row in rows])
        connection.execute(insert(holders), [holder for row in rows for holder in row.holders])
        connection.execute(insert(files), [row.file for row in rows])
        connection.execute(insert(lifecycle_events), [row.event for row in rows])


def decode_certificate(row: RowMapping, cipher: RowCipher) -> ECertificate:
    """Return the certificate that a row of `certificates` is; raise `DamagedRegisterError`."""
    content = json.loads(cipher.decrypt(row["content"], certificates.c.content, row["id"]))
    return ECertificate(
        id=row["id"],
        number=row["number"],
        version=row["version"],
        identifier=row["identifier"],
        code=row["code"],
        authority=row["authority"],
        type_code=row["type_code"],
        type_version=row["type_version"],
        issued_on=row["issued_on"],
        registered_at=row["registered_at"],
        draft_sm3=row["draft_sm3"],
        signed_sm3=row["signed_sm3"],
        file_sm3=row["file_sm3"],
        standing=Standing(
            state=State(row["state"]),
            since=row["state_since"],
            legal_kind=_legal_kind(row["legal_kind"]),
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
        ),
        content=content["certificate"],
        public_fields=content["public_fields"],
    )


def encode_event(certificate_id: str, event: LifecycleEvent) -> dict[str, Any]:
    """Return the row of an event."""
    return {
        "certificate_id": certificate_id,
        "event": event.act,
        "legal_kind": event.legal_kind,
        "officer": event.officer,
        "at": event.at,
    }


def decode_event(row: RowMapping) -> LifecycleEvent:
    """Return the event that a row of `lifecycle_events` is."""
    return LifecycleEvent(
        act=Act(row["event"]),
        legal_kind=_legal_kind(row["legal_kind"]),
        officer=row["officer"],
        at=row["at"],
    )


def _legal_kind(value: str | None) -> LegalKind | None:
    return None if value is None else LegalKind(value)
