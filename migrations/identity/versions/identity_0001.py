"""Sessions, people, mandates, officers, what they did."""

import sqlalchemy as sa
from alembic import op

revision = "identity_0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE_ONLY_GROWS = """
    CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} only grows'); END
"""
_POSTGRESQL_ONLY_GROWS = (
    """
    CREATE FUNCTION {table}_only_grow() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{table} only grows'; END $$
    """,
    """
    CREATE TRIGGER {table}_only_grow
    BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_only_grow()
    """,
)


def upgrade() -> None:
    _create_sessions()
    _create_people()
    _create_mandates()
    _create_offices()
    _create_leaving()
    for table in ("level_steps", "mandate_events", "counter_acts"):
        _only_grows(table)


def _only_grows(table: str) -> None:
    """Let the database itself refuse to change or take away a row."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE_ONLY_GROWS.format(table=table, verb=verb))
    else:
        for statement in _POSTGRESQL_ONLY_GROWS:
            op.execute(statement.format(table=table))


def _create_sessions() -> None:
    op.create_table(
        "web_sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cookie_sm3", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text()),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("identity_level", sa.Integer(), nullable=False),
        sa.Column("authenticated_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("refresh_due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("acting", sa.Text()),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("tokens", sa.LargeBinary(), nullable=False),
        sa.Column("claims", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="web_sessions_pkey"),
        sa.UniqueConstraint("cookie_sm3", name="web_sessions_cookie_sm3_key"),
    )
    op.create_index("web_sessions_account_idx", "web_sessions", ["account"])
    op.create_index("web_sessions_expires_at_idx", "web_sessions", ["expires_at"])
    op.create_index("web_sessions_session_id_idx", "web_sessions", ["session_id"])
    op.create_table(
        "kept_for_browsers",
        sa.Column("key_sm3", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner_sm3", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_sm3", name="kept_for_browsers_pkey"),
    )
    op.create_index("kept_for_browsers_expires_at_idx", "kept_for_browsers", ["expires_at"])
    op.create_index(
        "kept_for_browsers_owner_sm3_kind_idx", "kept_for_browsers", ["owner_sm3", "kind"]
    )


def _create_people() -> None:
    op.create_table(
        "persons",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text()),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("identity_level", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_read_at", sa.BigInteger()),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('living', 'deceased', 'unknown')", name="persons_state_check"
        ),
        sa.CheckConstraint("identity_level BETWEEN 0 AND 4", name="persons_identity_level_check"),
        sa.PrimaryKeyConstraint("id", name="persons_pkey"),
        sa.UniqueConstraint("account", name="persons_account_key"),
    )
    op.create_table(
        "person_documents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("document_index", sa.LargeBinary(), nullable=False),
        sa.Column("held_since", sa.BigInteger(), nullable=False),
        sa.Column("replaced_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["person_id"], ["persons.id"], name="person_documents_person_id_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="person_documents_pkey"),
        sa.UniqueConstraint("document_index", name="person_documents_document_index_key"),
    )
    op.create_index("person_documents_person_id_idx", "person_documents", ["person_id"])
    op.create_table(
        "level_steps",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("means", sa.Text(), nullable=False),
        sa.Column("by", sa.Text()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="level_steps_person_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="level_steps_pkey"),
    )
    op.create_index("level_steps_person_id_idx", "level_steps", ["person_id"])
    op.create_table(
        "legal_persons",
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("successor", sa.Text()),
        sa.Column("representative_index", sa.LargeBinary(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('active', 'deregistered', 'merged', 'licence_revoked')",
            name="legal_persons_state_check",
        ),
        sa.PrimaryKeyConstraint("uscc", name="legal_persons_pkey"),
    )


def _create_mandates() -> None:
    op.create_table(
        "mandates",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("principal_kind", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("granted_under", sa.Text()),
        sa.Column("sm3", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "grounds IN ('representative', 'agent', 'proxy', 'guardian', 'at_counter')",
            name="mandates_grounds_check",
        ),
        sa.CheckConstraint(
            "principal_kind IN ('natural', 'legal')", name="mandates_principal_kind_check"
        ),
        sa.CheckConstraint(
            "state IN ('offered', 'active', 'declined', 'recalled', 'renounced', 'ended')",
            name="mandates_state_check",
        ),
        sa.CheckConstraint("principal <> actor", name="mandates_actor_check"),
        sa.CheckConstraint("until IS NULL OR until > since", name="mandates_until_check"),
        sa.ForeignKeyConstraint(["actor"], ["persons.id"], name="mandates_actor_fkey"),
        sa.ForeignKeyConstraint(
            ["granted_under"], ["mandates.id"], name="mandates_granted_under_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="mandates_pkey"),
    )
    op.create_index("mandates_actor_idx", "mandates", ["actor"])
    op.create_index("mandates_granted_under_idx", "mandates", ["granted_under"])
    op.create_index("mandates_principal_idx", "mandates", ["principal"])
    op.create_table(
        "mandate_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mandate_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mandate_id"], ["mandates.id"], name="mandate_events_mandate_id_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="mandate_events_pkey"),
    )
    op.create_index("mandate_events_mandate_id_idx", "mandate_events", ["mandate_id"])
    op.create_table(
        "acting_choices",
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("mandate_id", sa.Text()),
        sa.Column("organisations", sa.Text()),
        sa.Column("asked_at", sa.BigInteger()),
        sa.Column("chosen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mandate_id"], ["mandates.id"], name="acting_choices_mandate_id_fkey"
        ),
        sa.PrimaryKeyConstraint("session_id", name="acting_choices_pkey"),
    )
    op.create_index("acting_choices_account_idx", "acting_choices", ["account"])
    op.create_index("acting_choices_expires_at_idx", "acting_choices", ["expires_at"])
    op.create_index("acting_choices_mandate_id_idx", "acting_choices", ["mandate_id"])
    op.create_table(
        "realm_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("wanted_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('join', 'leave', 'end_session', 'level', 'disable')",
            name="realm_changes_kind_check",
        ),
        sa.PrimaryKeyConstraint("id", name="realm_changes_pkey"),
    )
    op.create_index("realm_changes_next_try_at_idx", "realm_changes", ["next_try_at"])


def _create_offices() -> None:
    op.create_table(
        "departments",
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text()),
        sa.ForeignKeyConstraint(["parent"], ["departments.uscc"], name="departments_parent_fkey"),
        sa.PrimaryKeyConstraint("uscc", name="departments_pkey"),
    )
    op.create_index("departments_code_idx", "departments", ["code"])
    op.create_table(
        "officers",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("document_index", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("username", sa.LargeBinary(), nullable=False),
        sa.Column("account_made_here", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.BigInteger()),
        sa.Column("left_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("account", name="officers_pkey"),
        sa.UniqueConstraint("document_index", name="officers_document_index_key"),
    )
    op.create_table(
        "posts_held",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date()),
        sa.Column("stand_in_for", sa.Text()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.CheckConstraint(
            "stand_in_for IS NULL OR stand_in_for <> account", name="posts_held_stand_in_for_check"
        ),
        sa.CheckConstraint(
            "stand_in_for IS NULL OR until IS NOT NULL", name="posts_held_stand_in_until_check"
        ),
        sa.ForeignKeyConstraint(["account"], ["officers.account"], name="posts_held_account_fkey"),
        sa.ForeignKeyConstraint(
            ["stand_in_for"], ["officers.account"], name="posts_held_stand_in_for_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="posts_held_pkey"),
    )
    op.create_index("posts_held_account_idx", "posts_held", ["account"])
    op.create_index("posts_held_authority_post_idx", "posts_held", ["authority", "post"])
    op.create_table(
        "counter_enrolments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("clerk", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="counter_enrolments_pkey"),
        sa.UniqueConstraint("account", name="counter_enrolments_account_key"),
    )
    op.create_table(
        "counter_acts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("clerk", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("enrolment", sa.Text(), nullable=False),
        sa.Column("document_type", sa.Text(), nullable=False),
        sa.Column("original_seen", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="counter_acts_pkey"),
    )
    op.create_index("counter_acts_account_idx", "counter_acts", ["account"])
    op.create_index("counter_acts_at_idx", "counter_acts", ["at"])
    op.create_index("counter_acts_enrolment_idx", "counter_acts", ["enrolment"])


def _create_leaving() -> None:
    op.create_table(
        "seen_logout_tokens",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("kept_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "jti", name="seen_logout_tokens_pkey"),
    )
    op.create_index("seen_logout_tokens_kept_until_idx", "seen_logout_tokens", ["kept_until"])
    op.create_table(
        "logout_relays",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text()),
        sa.Column("logout_token", sa.LargeBinary()),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_at", sa.BigInteger()),
        sa.Column("next_try_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="logout_relays_pkey"),
    )
    op.create_index("logout_relays_next_try_at_idx", "logout_relays", ["next_try_at"])
    op.create_index("logout_relays_received_at_idx", "logout_relays", ["received_at"])
    op.create_index("logout_relays_session_id_idx", "logout_relays", ["session_id"])
    op.create_table(
        "departures",
        sa.Column("state_sm3", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("services", sa.Text()),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("state_sm3", name="departures_pkey"),
    )
    op.create_index("departures_begun_at_idx", "departures", ["begun_at"])
    op.create_table(
        "watch_positions",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name="watch_positions_pkey"),
    )
    op.create_table(
        "watched_events",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "id", name="watched_events_pkey"),
    )
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("means", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer()),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text()),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="sign_ins_pkey"),
        sa.UniqueConstraint("event_id", name="sign_ins_event_id_key"),
    )
    op.create_index("sign_ins_account_at_idx", "sign_ins", ["account", "at"])
    op.create_index("sign_ins_at_idx", "sign_ins", ["at"])
    op.create_index("sign_ins_session_id_idx", "sign_ins", ["session_id"])
    op.create_table(
        "account_alarms",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("sign_in", sa.Text()),
        sa.Column("enforced_at", sa.BigInteger()),
        sa.Column("cleared_at", sa.BigInteger()),
        sa.Column("cleared_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="account_alarms_pkey"),
    )
    op.create_index("account_alarms_account_idx", "account_alarms", ["account"])
