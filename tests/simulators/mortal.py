"""Processes that issue certificates and die, by SIGKILL, where or when a test wants it.

Each is a process of its own, forked from a server that has loaded the program but never drawn: who
forks after drawing takes threads along that do not exist.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from simulators.office import FOOD_LICENCE, SENIOR_CARD, Clock, Office, open_office
from sqlalchemy import Connection

from certs.acceptance import KeyedOrder
from certs.database import Transactions
from certs.fonts import find_missing_characters
from certs.issuance import Issued
from hsm.ledger import Ledger
from hsm.permissions import Permissions

_P = ParamSpec("_P")
_R = TypeVar("_R")

_context = multiprocessing.get_context("forkserver")

find_missing_characters("")  # reads the fonts, which each process would have to do anew

LIVES_LONG_ENOUGH = 60
"""Seconds after which a process that should have ended has failed."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a process is to do."""

    folder: Path
    register_url: str
    at: datetime
    keys: tuple[str, ...] = ()
    """Issue a certificate for each, food licences and senior cards by turns; none: resume."""
    approved: bool = False
    """Each key is the draft of a food licence, all of them on one list that an officer approved."""
    at_once: int = 100
    dies_after: int | None = None
    """The process kills itself after so many durable steps."""
    diary: Path | None = None
    """Where it notes what it was given, as its caller would."""


@cache
def _start_server() -> None:
    """Start the server that all processes are forked from, this module and all it needs loaded."""
    _context.set_forkserver_preload([__name__, "sqlalchemy.dialects.postgresql.psycopg"])
    with pytest.MonkeyPatch.context() as patch:
        # Python 3.11 does not hand it the search path, and says nothing when it finds no module.
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        forkserver.ensure_running()


def start(work: Work) -> ForkServerProcess:
    """Start a process at its work."""
    _start_server()
    process = _context.Process(target=_do, args=(work,))
    process.start()
    return process


def run(work: Work) -> bool:
    """Return whether a process came to the end of its work; False if it was killed."""
    process = start(work)
    process.join(LIVES_LONG_ENOUGH)
    assert process.exitcode in {0, -signal.SIGKILL}, process.exitcode
    return process.exitcode == 0


def requests(office: Office, keys: tuple[str, ...]) -> list[KeyedOrder]:
    """Return the orders under these keys: the same key is always the same order."""
    orders = [office.order(FOOD_LICENCE), office.order(SENIOR_CARD)]
    return [KeyedOrder(orders[_is_card(key)], key) for key in keys]


def _drafts(office: Office, keys: tuple[str, ...]) -> dict[str, KeyedOrder]:
    order = office.order(FOOD_LICENCE)
    return {key: KeyedOrder(order, key, key) for key in keys}


def _is_card(key: str) -> bool:
    return key[-1] in "13579"


def _do(work: Work) -> None:
    if work.dies_after is not None:
        _die_after(work.dies_after)
    office = open_office(work.folder, register_url=work.register_url, clock=Clock(work.at))
    if not work.keys:
        office.resume()
    for first in range(0, len(work.keys), work.at_once):
        some = work.keys[first : first + work.at_once]
        if work.approved:
            drafts = _drafts(office, work.keys)
            approval = office.approval(*(drafts[key] for key in sorted(drafts)))
            at_hand = [drafts[key] for key in some]
            outcomes = office.issuance.issue_many(at_hand, approval=approval, at=office.at)
        else:
            outcomes = office.try_to_issue(requests(office, some))
        if work.diary is not None:
            with work.diary.open("a", encoding="ascii") as diary:
                for key, outcome in zip(some, outcomes, strict=True):
                    assert isinstance(outcome, Issued)
                    diary.write(f"{key} {outcome.certificate.file_sm3}\n")
    office.close()


def _die_after(steps: int) -> None:
    """Count what is on the disk for ever: commits of the register, commits of the ledger."""
    left = steps

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(method: Callable[_P, _R]) -> Callable[_P, _R]:
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            result = method(*args, **kwargs)
            step()
            return result

        return call

    transaction = Transactions.__call__

    @contextmanager
    def counted_transaction(transactions: Transactions) -> Iterator[Connection]:
        with transaction(transactions) as connection:
            yield connection
        step()

    setattr(Transactions, "__call__", counted_transaction)  # noqa: B010 - in this child alone
    for name in ("open", "complete", "abandon"):
        setattr(Ledger, name, counted(getattr(Ledger, name)))
    setattr(Permissions, "record", counted(Permissions.record))  # noqa: B010
