"""The rows of the table, each measured in a process of its own."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module

ROWS = {
    "1": "sealing",
    "2": "issuing_many",
    "3": "issuing_one",
    "4": "verifying",
    "5": "identity_tokens",
    "6": "identity_pages",
    "7": "identity_sign_in",
    "8": "identity_realm",
}
"""The module of each; it is imported where it is measured."""

CERTIFICATES = 2000
"""Issued in row 2."""


def measure_apart(row: str, certificates: int) -> str:
    """Return a row as a chapter; it finds neither the memory nor the caches of another."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(_measure, row, certificates).result()


def _measure(row: str, certificates: int) -> str:
    module = import_module(f"bench.{ROWS[row]}")
    measured = module.measure(certificates) if row == "2" else module.measure()
    chapter: str = measured.as_markdown()
    return chapter
