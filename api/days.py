"""Days that somebody types into a form: days of China, from their first moment."""

from datetime import date, datetime, time

from certs.orders import CHINA_TIME


def read_day(unverified_text: str) -> date | None:
    """Return the day that was typed; None for anything else, and for a year without a next one."""
    try:
        day = date.fromisoformat(unverified_text.strip())
    except ValueError:
        return None
    return day if day.year < date.max.year else None  # the day after the last one has to exist


def start_of(day: date) -> datetime:
    """Return the moment at which the day begins."""
    return datetime.combine(day, time(), CHINA_TIME)
