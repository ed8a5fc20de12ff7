"""Structured logs: one JSON object a line on standard error, never a name, number or file."""

import logging
import sys
import traceback
from types import TracebackType
from typing import TypeAlias

import structlog

_ErrorInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


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
        # Standard error as it is when something is written, whoever replaced it since.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutValues("%(levelname)s %(name)s %(filename)s:%(lineno)d"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _WithoutValues(logging.Formatter):
    """Say where a library complained, never in its words: they may quote what somebody sent."""

    def formatException(self, ei: _ErrorInfo) -> str:  # noqa: N802 - the name is logging's
        """Return the error's class and the places it came through."""
        kind, _, trace = ei
        frames = traceback.extract_tb(trace)
        places = "".join(f"\n  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        return f"{getattr(kind, '__qualname__', kind)}{places}"
