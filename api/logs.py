"""Structured logs: one JSON object a line on standard error, never a name, number or file."""

import logging
import sys

import structlog


def configure_logs() -> None:
    """Send our own events and those of libraries through one renderer."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries may quote what they were given: only their warnings, and never their traces.
    logging.basicConfig(level=logging.WARNING, format="%(name)s %(levelname)s", force=True)
