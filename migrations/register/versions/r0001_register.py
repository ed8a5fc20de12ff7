"""Orders, numbers, certificates, their holders, files and events."""

import sqlalchemy as sa
from alembic import op

revision = "register_0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE_ONLY_GROWS = """
    CREATE TRIGGER lifecycle_events_no_{verb} BEFORE {verb} ON lifecycle_events
    BEGIN SELECT RAISE(ABORT, 'lifecycle events only grow'); END
"""
_POSTGRESQL_ONLY_GROWS = (
    """
    CREATE FUNCTION lifecycle_events_only_grow() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'lifecycle events only grow'; END $$
    """,
    """
    CREATE TRIGGER lifecycle_events_only_grow
    BEFORE UPDATE OR DELETE OR TRUNCATE ON lifecycle_events
    FOR EACH STATEMENT EXECUTE FUNCTION lifecycle_events_only_grow()
    """,
)


def upgrade() -> None:
    _create_orders()
    _create_certificates()
    _create_what_hangs_on_certificates()
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE_ONLY_GROWS.format(verb=verb))
    else:
        for statement in _POSTGRESQL_ONLY_GROWS:
            op.execute(statement)


def _type_of(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["type_code", "type_version"],
        ["types.code", "types.version"],
        name=f"{table}_type_code_fkey",
    )


def _create_orders() -> None:
    op.create_table(
        "types",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sm3", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", "version", name="types_pkey"),
    )
    op.create_table(
        "counters",
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("authority", "type_code", "year", name="counters_pkey"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("key_index", sa.LargeBinary(), nullable=False),
        sa.Column("body_index", sa.LargeBinary(), nullable=False),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("type_version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("counter_year", sa.Integer()),
        sa.Column("serial", sa.BigInteger()),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("void_reason", sa.Text()),
        sa.Column("body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="orders_pkey"),
        sa.UniqueConstraint("key_index", name="orders_key_index_key"),
        sa.UniqueConstraint("identifier", name="orders_identifier_key"),
        sa.UniqueConstraint("code", name="orders_code_key"),
        _type_of("orders"),
        sa.UniqueConstraint("number", "version", name="orders_number_version_key"),
        sa.UniqueConstraint(
            "authority",
            "type_code",
            "counter_year",
            "serial",
            name="orders_authority_type_code_counter_year_serial_key",
        ),
        sa.CheckConstraint("state IN ('reserved', 'issued', 'void')", name="orders_state_check"),
        sa.CheckConstraint(
            "(state = 'void') = (void_reason IS NOT NULL)", name="orders_void_reason_check"
        ),
        sa.CheckConstraint("(counter_year IS NULL) = (serial IS NULL)", name="orders_serial_check"),
        sa.CheckConstraint("state <> 'reserved' OR body IS NOT NULL", name="orders_body_check"),
    )
    reserved = sa.text("state = 'reserved'")
    op.create_index(
        "orders_reserved_idx", "orders", ["id"], sqlite_where=reserved, postgresql_where=reserved
    )


def _create_certificates() -> None:
    op.create_table(
        "certificates",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("type_version", sa.Integer(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("valid_from", sa.Date()),
        sa.Column("valid_to", sa.Date()),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("draft_sm3", sa.Text(), nullable=False),
        sa.Column("signed_sm3", sa.Text(), nullable=False),
        sa.Column("file_sm3", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("legal_kind", sa.Text()),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="certificates_pkey"),
        sa.ForeignKeyConstraint(["id"], ["orders.id"], name="certificates_id_fkey"),
        sa.UniqueConstraint("identifier", name="certificates_identifier_key"),
        sa.UniqueConstraint("code", name="certificates_code_key"),
        sa.UniqueConstraint("file_sm3", name="certificates_file_sm3_key"),
        _type_of("certificates"),
        sa.UniqueConstraint("number", "version", name="certificates_number_version_key"),
        sa.CheckConstraint("state IN ('valid', 'revoked')", name="certificates_state_check"),
        sa.CheckConstraint(
            "(state = 'revoked') = (legal_kind IS NOT NULL)", name="certificates_legal_kind_check"
        ),
    )


def _create_what_hangs_on_certificates() -> None:
    op.create_table(
        "holders",
        sa.Column("certificate_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("document_index", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("certificate_id", "position", name="holders_pkey"),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificates.id"], name="holders_certificate_id_fkey"
        ),
    )
    op.create_index("holders_document_index_idx", "holders", ["document_index"])
    op.create_table(
        "files",
        sa.Column("certificate_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("portrait", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("certificate_id", name="files_pkey"),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificates.id"], name="files_certificate_id_fkey"
        ),
    )
    op.create_table(
        "lifecycle_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("certificate_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("legal_kind", sa.Text()),
        sa.Column("officer", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="lifecycle_events_pkey"),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificates.id"], name="lifecycle_events_certificate_id_fkey"
        ),
        sa.CheckConstraint("event IN ('issued', 'revoked')", name="lifecycle_events_event_check"),
    )
    op.create_index("lifecycle_events_certificate_id_idx", "lifecycle_events", ["certificate_id"])
