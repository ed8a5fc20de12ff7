"""The tables of the register as they are now; `migrations/register` is how they came about.

Plain are the things an office works by: who issued what type under which number, its dates and its
state. All that is about persons is encrypted (SM4-GCM, bound to table, column and row), and what
has to be found again is kept as a keyed index (HMAC-SM3).
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


class Moment(TypeDecorator[datetime]):
    """A moment: aware on the way in, UTC on the way out, whatever the database does in between."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` in UTC. Raise `ValueError` if it is naive."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored moment, aware."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


types = Table(
    "types",  # the versions that have been used: they cannot change any more
    METADATA,
    Column("code", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("sm3", Text, nullable=False),  # of the type's folder
)

counters = Table(
    "counters",
    METADATA,
    Column("authority", Text, primary_key=True),
    Column("type_code", Text, primary_key=True),
    Column("year", Integer, primary_key=True),  # 0 where the rule does not begin anew each year
    Column("last", BigInteger, nullable=False),
)

orders = Table(
    "orders",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("authority", Text, nullable=False),
    Column("key_index", LargeBinary, nullable=False, unique=True),
    Column("body_index", LargeBinary, nullable=False),  # of the canonical order
    Column("type_code", Text, nullable=False),
    Column("type_version", Integer, nullable=False),
    Column("number", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("counter_year", Integer),  # null: the number came from outside
    Column("serial", BigInteger),
    Column("identifier", Text, nullable=False, unique=True),
    Column("code", Text, nullable=False, unique=True),
    Column("reserved_at", Moment, nullable=False),
    Column("prepared_at", Moment, nullable=False),  # signing time of a pades file
    Column("attempt", Integer, nullable=False),  # counts up when prepared anew
    Column("state", Text, nullable=False),
    Column("void_reason", Text),
    Column("body", LargeBinary),  # encrypted; null once it stands in the register
    ForeignKeyConstraint(["type_code", "type_version"], ["types.code", "types.version"]),
    UniqueConstraint("number", "version"),
    UniqueConstraint("authority", "type_code", "counter_year", "serial"),
    CheckConstraint("state IN ('reserved', 'issued', 'void')", name="state"),
    CheckConstraint("(state = 'void') = (void_reason IS NOT NULL)", name="void_reason"),
    CheckConstraint("(counter_year IS NULL) = (serial IS NULL)", name="serial"),
    CheckConstraint("state <> 'reserved' OR body IS NOT NULL", name="body"),
)
Index(
    "orders_reserved_idx",
    orders.c.id,
    sqlite_where=orders.c.state == "reserved",
    postgresql_where=orders.c.state == "reserved",
)

certificates = Table(
    "certificates",
    METADATA,
    Column("id", Text, ForeignKey("orders.id"), primary_key=True),
    Column("number", Text, nullable=False),
    Column("version", Integer, nullable=False),  # versions share the number
    Column("identifier", Text, nullable=False, unique=True),
    Column("code", Text, nullable=False, unique=True),
    Column("authority", Text, nullable=False),
    Column("type_code", Text, nullable=False),
    Column("type_version", Integer, nullable=False),
    Column("issued_on", Date, nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),  # the last day; null: 长期
    Column("registered_at", Moment, nullable=False),
    Column("draft_sm3", Text, nullable=False),
    Column("signed_sm3", Text, nullable=False),  # of the octets under the signature
    Column("file_sm3", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("legal_kind", Text),
    Column("state_since", Moment, nullable=False),
    Column("content", LargeBinary, nullable=False),  # encrypted certificate.json
    ForeignKeyConstraint(["type_code", "type_version"], ["types.code", "types.version"]),
    UniqueConstraint("number", "version"),
    CheckConstraint("state IN ('valid', 'revoked')", name="state"),
    CheckConstraint("(state = 'revoked') = (legal_kind IS NOT NULL)", name="legal_kind"),
)

holders = Table(
    "holders",
    METADATA,
    Column("certificate_id", Text, ForeignKey("certificates.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("document_index", LargeBinary, nullable=False, index=True),
)

files = Table(
    "files",
    METADATA,
    Column("certificate_id", Text, ForeignKey("certificates.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # encrypted
    Column("portrait", LargeBinary),  # encrypted
)

lifecycle_events = Table(
    "lifecycle_events",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("certificate_id", Text, ForeignKey("certificates.id"), nullable=False, index=True),
    Column("event", Text, nullable=False),
    Column("legal_kind", Text),
    Column("officer", Text, nullable=False),
    Column("at", Moment, nullable=False),
    CheckConstraint("event IN ('issued', 'revoked')", name="event"),
)

approval_requests = Table(
    "approval_requests",  # of a sealing officer who was sent to sign in afresh
    METADATA,
    Column("id", Text, primary_key=True),
    Column("officer", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("approved_at", Moment),
    Column("evidence", LargeBinary),  # encrypted; null once nothing is left to seal
    CheckConstraint("state IN ('open', 'approved', 'done')", name="state"),
    CheckConstraint("(state = 'open') = (approved_at IS NULL)", name="approved_at"),
    CheckConstraint("(state = 'approved') = (evidence IS NOT NULL)", name="evidence"),
)
Index(
    "approval_requests_approved_idx",
    approval_requests.c.id,
    sqlite_where=approval_requests.c.state == "approved",
    postgresql_where=approval_requests.c.state == "approved",
)

drafts = Table(
    "drafts",
    METADATA,
    Column("id", Text, primary_key=True),  # becomes that of its order and its certificate
    Column("authority", Text, nullable=False),
    Column("type_code", Text, nullable=False),
    Column("type_version", Integer, nullable=False),
    Column("drafter", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False),  # counts up with each change of its content
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("submitted_at", Moment),
    Column("draft_sm3", Text),  # what an approval is bound to, from submission on
    Column("decided_by", Text),  # the account of who returned or approved it
    Column("reason", LargeBinary),  # encrypted; why it was returned
    Column("refusal", Text),  # the code of the error that it ended with
    Column("request_id", Text, ForeignKey("approval_requests.id")),
    Column("body", LargeBinary),  # encrypted, as it was typed; null once sealed
    Column("portrait", LargeBinary),  # encrypted
    CheckConstraint(
        "state IN ('drafting', 'submitted', 'returned', 'sealing', 'sealed', 'refused')",
        name="state",
    ),
    CheckConstraint(
        "state IN ('drafting', 'returned') OR (draft_sm3 IS NOT NULL AND submitted_at IS NOT NULL)",
        name="draft_sm3",
    ),
    CheckConstraint("state <> 'returned' OR reason IS NOT NULL", name="reason"),
    CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refusal"),
    CheckConstraint("(state = 'sealed') = (body IS NULL)", name="body"),
    CheckConstraint(
        "state NOT IN ('sealing', 'sealed', 'refused') OR request_id IS NOT NULL",
        name="request_id",
    ),
    Index(None, "authority", "state"),
    Index(None, "drafter", "state"),
)

approval_request_drafts = Table(
    "approval_request_drafts",
    METADATA,
    Column("request_id", Text, ForeignKey("approval_requests.id"), primary_key=True),
    Column("draft_id", Text, ForeignKey("drafts.id"), primary_key=True),
    Column("draft_sm3", Text, nullable=False),  # as the officer saw it
    Column("result", Text),  # "sealed" or the code of an error; null while under way
)
