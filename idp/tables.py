"""The tables of the identity database as they are now; `migrations/identity` tells their history.

Plain are opaque ids, times and states. Names and document numbers are encrypted for their place
(`idp.personal_data`); what has to be found again is kept as a keyed index. Secrets of a browser
(cookies, states) are kept as their SM3 only.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Dialect, MetaData, TypeDecorator

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

# ---- natural and legal persons, documents, mandates ----

# ---- departments, officers, posts, counter enrolments ----

# ---- sign-in history, leaving, polling ----
