"""The tables of the identity database as they are now; `migrations/identity` tells their history.

Plain are opaque ids, times and states. Names and document numbers are encrypted for their place
(`idp.personal_data`); what has to be found again is kept as a keyed index. Secrets of a browser
(cookies, states) are kept as their SM3 only.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """A moment, aware on both ways: microseconds since 1970, the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return the microseconds. Raise `TypeError` for a moment without a time zone."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the stored moment in UTC."""
        return None if value is None else _EPOCH + value * _MICROSECOND


# ---- sessions and sign-in attempts ----

web_sessions = Table(
    "web_sessions",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("cookie_sm3", LargeBinary, nullable=False, unique=True),
    Column("client_id", Text, nullable=False),
    Column("account", Text, nullable=False, index=True),
    Column("session_id", Text, index=True),  # the provider's, `sid`
    Column("level", Integer, nullable=False),
    Column("identity_level", Integer, nullable=False),
    Column("authenticated_at", Moment, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("refresh_due_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("acting", Text),  # the mandate
    Column("confirmed", Boolean, nullable=False),  # by "continue as …", or by having signed in
    Column("tokens", LargeBinary, nullable=False),  # encrypted
    Column("claims", LargeBinary, nullable=False),  # encrypted
)

kept_for_browsers = Table(
    "kept_for_browsers",  # attempts, sign-ins to be confirmed, forms: a row goes when it is used
    METADATA,
    Column("key_sm3", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("owner_sm3", LargeBinary, nullable=False),  # of the browser's cookie, or a session
    Column("content", LargeBinary, nullable=False),  # encrypted
    Column("kept_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)
Index(
    "kept_for_browsers_owner_sm3_kind_idx", *(kept_for_browsers.c[n] for n in ("owner_sm3", "kind"))
)

# ---- natural and legal persons, documents, mandates ----

persons = Table(
    "persons",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account", Text, unique=True),  # null: known here, but has never signed in
    Column("name", LargeBinary, nullable=False),  # encrypted
    Column("identity_level", Integer, nullable=False),
    Column("state", Text, nullable=False),  # what the population base said last
    Column("state_read_at", Moment),
    Column("registered_at", Moment, nullable=False),
    CheckConstraint("identity_level BETWEEN 0 AND 4", name="identity_level"),
    CheckConstraint("state IN ('living', 'deceased', 'unknown')", name="state"),
)

person_documents = Table(
    "person_documents",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("persons.id"), nullable=False, index=True),
    Column("type", Text, nullable=False),
    Column("number", LargeBinary, nullable=False),  # encrypted
    Column("document_index", LargeBinary, nullable=False, unique=True),  # no number is given twice
    Column("held_since", Moment, nullable=False),
    Column("replaced_at", Moment),
)

level_steps = Table(
    "level_steps",  # only grows: how each identity level was reached or taken back
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("person_id", Text, ForeignKey("persons.id"), nullable=False, index=True),
    Column("level", Integer, nullable=False),  # after this step
    Column("means", Text, nullable=False),
    Column("by", Text),  # the account of whoever checked; null: the person with the base
    Column("at", Moment, nullable=False),
)


legal_persons = Table(
    "legal_persons",  # as the base last said
    METADATA,
    Column("uscc", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("successor", Text),
    Column("representative_index", LargeBinary, nullable=False),  # of his document
    Column("read_at", Moment, nullable=False),
    CheckConstraint(
        "state IN ('active', 'deregistered', 'merged', 'licence_revoked')", name="state"
    ),
)

mandates = Table(
    "mandates",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("grounds", Text, nullable=False),
    Column("principal_kind", Text, nullable=False),
    Column("principal", Text, nullable=False, index=True),  # code of a company, id of a person
    Column("actor", Text, ForeignKey("persons.id"), nullable=False, index=True),
    Column("since", Moment, nullable=False),
    Column("until", Moment),  # null: for as long as the base says so
    Column("granted_under", Text, ForeignKey("mandates.id"), index=True),
    Column("sm3", Text, nullable=False),  # of the content
    Column("content", LargeBinary, nullable=False),  # encrypted canonical JSON
    Column("sealed", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_since", Moment, nullable=False),
    CheckConstraint("principal_kind IN ('natural', 'legal')", name="principal_kind"),
    CheckConstraint("principal <> actor", name="actor"),
    CheckConstraint("until IS NULL OR until > since", name="until"),
    CheckConstraint(
        "grounds IN ('representative', 'agent', 'proxy', 'guardian', 'at_counter')", name="grounds"
    ),
    CheckConstraint(
        "state IN ('offered', 'active', 'declined', 'recalled', 'renounced', 'ended')", name="state"
    ),
)

mandate_events = Table(
    "mandate_events",  # only grows
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("mandate_id", Text, ForeignKey("mandates.id"), nullable=False, index=True),
    Column("event", Text, nullable=False),
    Column("by", Text, nullable=False),  # a person's id, a clerk's account, or which base
    Column("at", Moment, nullable=False),
)


acting_choices = Table(
    "acting_choices",  # under which mandate a sign-in acts, wherever it was chosen
    METADATA,
    Column("session_id", Text, primary_key=True),  # Keycloak's, the same at every portal
    Column("account", Text, nullable=False, index=True),
    Column("mandate_id", Text, ForeignKey("mandates.id"), index=True),  # null: for himself
    Column("organisations", Text),  # aliases the identity server named for this sign-in, as JSON
    Column("asked_at", Moment),
    Column("chosen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

realm_changes = Table(
    "realm_changes",  # what the identity server still has to be told
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("target", Text, nullable=False),  # code of a company, or a session id
    Column("wanted_at", Moment, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", Moment, nullable=False, index=True),
    CheckConstraint("kind IN ('join', 'leave', 'end_session', 'level', 'disable')", name="kind"),
)

# ---- departments, officers, posts, counter enrolments ----

departments = Table(
    "departments",
    METADATA,
    Column("uscc", Text, primary_key=True),
    Column("code", Text, nullable=False, index=True),  # of its place, twelve digits
    Column("name", Text, nullable=False),
    Column("parent", Text, ForeignKey("departments.uscc")),
)

officers = Table(
    "officers",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("document_index", LargeBinary, nullable=False, unique=True),
    Column("name", LargeBinary, nullable=False),  # encrypted
    Column("username", LargeBinary, nullable=False),  # encrypted: people use their names
    Column("account_made_here", Boolean, nullable=False),  # disabled when he leaves
    Column("opened_at", Moment),  # null: the account still waits for its first password
    Column("left_at", Moment),
)

posts_held = Table(
    "posts_held",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("officers.account"), nullable=False, index=True),
    Column("authority", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("post", Text, nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date),  # the last day; null: until further notice
    Column("stand_in_for", Text, ForeignKey("officers.account")),
    Column("ended_at", Moment),  # before its time
    CheckConstraint("stand_in_for IS NULL OR until IS NOT NULL", name="stand_in_until"),
    CheckConstraint("stand_in_for IS NULL OR stand_in_for <> account", name="stand_in_for"),
)
Index("posts_held_authority_post_idx", posts_held.c.authority, posts_held.c.post)

counter_enrolments = Table(
    "counter_enrolments",  # under way: a row goes when it ends, however it ends
    METADATA,
    Column("id", Text, primary_key=True),
    Column("clerk", Text, nullable=False),
    Column("account", Text, nullable=False, unique=True),  # one at a time for a person
    Column("content", LargeBinary, nullable=False),  # encrypted: what was seen, secret, challenge
    Column("tries", Integer, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

counter_acts = Table(
    "counter_acts",  # only grows
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    Column("act", Text, nullable=False),
    Column("clerk", Text, nullable=False),
    Column("authority", Text, nullable=False),
    Column("account", Text, nullable=False, index=True),
    Column("enrolment", Text, nullable=False, index=True),
    Column("document_type", Text, nullable=False),
    Column("original_seen", Boolean, nullable=False),
    Column("detail", Text, nullable=False),
)

# ---- sign-in history, leaving, polling ----

seen_logout_tokens = Table(
    "seen_logout_tokens",
    METADATA,
    Column("client_id", Text, primary_key=True),
    Column("jti", Text, primary_key=True),
    Column("kept_until", Moment, nullable=False, index=True),
)

logout_relays = Table(
    "logout_relays",  # what a portal was told of a leaving, or is still to be told
    METADATA,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("session_id", Text, index=True),  # of the provider
    Column("logout_token", LargeBinary),  # encrypted; null once nobody needs it
    Column("received_at", Moment, nullable=False, index=True),
    Column("expires_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("tried_at", Moment),
    Column("next_try_at", Moment, index=True),  # null when there is no next
)

departures = Table(
    "departures",
    METADATA,
    Column("state_sm3", LargeBinary, primary_key=True),
    Column("account", Text, nullable=False),
    Column("session_id", Text, nullable=False),  # of the provider
    Column("services", Text),  # JSON: client ids open then; null when they could not be learnt
    Column("scope", Text, nullable=False),
    Column("begun_at", Moment, nullable=False, index=True),
    Column("done_at", Moment),  # when the provider was told; null: it is still to be told
)

watch_positions = Table(
    "watch_positions",
    METADATA,
    Column("stream", Text, primary_key=True),
    Column("position", Moment, nullable=False),
)

watched_events = Table(
    "watched_events",  # those near the position, which the next look will meet again
    METADATA,
    Column("stream", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("occurred_at", Moment, nullable=False),
)

sign_ins = Table(
    "sign_ins",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("at", Moment, nullable=False, index=True),
    Column("client_id", Text, nullable=False),
    Column("session_id", Text, nullable=False, index=True),  # of the provider
    Column("means", Text, nullable=False),
    Column("level", Integer),  # as an ID token of ours said it; null when only the provider knows
    Column("claims", Text, nullable=False),  # JSON: names of what was passed on
    Column("event_id", Text, unique=True),  # of the provider; null until it tells
    Column("ours", Boolean, nullable=False),  # we took part in it ourselves
)
Index("sign_ins_account_at_idx", sign_ins.c.account, sign_ins.c.at)

account_alarms = Table(
    "account_alarms",  # "this was not me"
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False, index=True),
    Column("raised_at", Moment, nullable=False),
    Column("sign_in", Text),  # the id of the one he did not know
    Column("enforced_at", Moment),  # when the provider was told; null: it is still to be told
    Column("cleared_at", Moment),
    Column("cleared_by", Text),  # the clerk's account
)
