"""Where and with what was measured."""

import os
import platform
import re
import ssl
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

LIBRARIES = (
    "typst",
    "sqlalchemy",
    "cryptography",
    "joserfc",
    "pyhanko",
    "pyhanko-certvalidator",
    "asn1crypto",
    "reportlab",
    "pikepdf",
    "qrcode",
    "fastapi",
    "uvicorn",
)
HEAD = """# Speed

Written by `make bench`; never a test. CPU and wall time in milliseconds, medians of interleaved
rounds on one core after warming up. A ratio is the median of the ratios of the rounds: read those;
the milliseconds are this machine's on that day.
"""
_PROCESSOR = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)


def describe(core: int) -> str:
    """Return the head of the results."""
    processor = _PROCESSOR.search(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    load = " ".join(f"{part:.1f}" for part in os.getloadavg())
    parts = {
        "measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": processor[1] if processor else platform.machine(),
        "cores": f"{os.cpu_count()}, number {core} used; load before it began {load}",
        "system": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_version()} with {ssl.OPENSSL_VERSION}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }
    lines = "\n".join(f"| {name} | {value} |" for name, value in parts.items())
    return f"{HEAD}\n| | |\n|---|---|\n{lines}\n"
