"""No crash loses, doubles or orphans anything: processes killed at every step, and at any time."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from simulators import mortal
from simulators.mortal import Work
from simulators.office import AT, Clock, new_office, open_office, refusals

from certs.entries import ECertificate
from certs.issuance import Issued
from hsm.uses import UseState

KEYS = ("key-0", "key-1")  # one of each form
SOON = AT + timedelta(minutes=1)
LATER = AT + timedelta(minutes=15)

pytestmark = pytest.mark.real


@pytest.fixture
def new_place(new_register: Callable[[], str], tmp_path: Path) -> Callable[[], tuple[Path, str]]:
    """Return what makes offices: their folder, and the address of their register."""
    numbers = count(1)

    def make() -> tuple[Path, str]:
        folder, url = tmp_path / f"office-{next(numbers)}", new_register()
        new_office(folder, register_url=url).close()
        return folder, url

    return make


def judge(place: tuple[Path, str], at: datetime, keys: Sequence[str]) -> dict[str, ECertificate]:
    """Return the certificates by their keys, if each key has its own and all the rest fits."""
    office = open_office(place[0], register_url=place[1], clock=Clock(at))
    assert office.reservations.next_unfinished(after="", limit=1) == []
    assert office.uses(UseState.OPEN) == []
    entered = {certificate.id for certificate in office.register.walk()}
    assert len(office.uses(UseState.COMPLETED)) == len(entered)
    office.reconcile()

    outcomes = office.try_to_issue(mortal.requests(office, tuple(keys)))
    assert refusals(outcomes) == [None] * len(keys)
    issued = [outcome for outcome in outcomes if isinstance(outcome, Issued)]
    assert {i.certificate.id for i in issued} == entered, "found by the keys: these and no others"
    for outcome in issued:
        assert office.register.file(outcome.certificate) == outcome.data
    office.close()
    return {key: i.certificate for key, i in zip(keys, issued, strict=True)}


def test_killed_after_every_durable_step_and_resumed(
    new_place: Callable[[], tuple[Path, str]],
) -> None:
    for steps in count(1):
        place = new_place()
        if mortal.run(Work(*place, AT, KEYS, dies_after=steps)):
            break
        assert mortal.run(Work(*place, SOON))
        judge(place, SOON, KEYS)
    assert steps == 6, "reserve, open twice, enter, complete"


def test_killed_after_every_durable_step_and_asked_again_later(
    new_place: Callable[[], tuple[Path, str]],
) -> None:
    for steps in count(1):
        place = new_place()
        if mortal.run(Work(*place, AT, KEYS, dies_after=steps)):
            break
        assert mortal.run(Work(*place, LATER, KEYS))
        judge(place, LATER, KEYS)
    assert steps == 6


def test_killed_again_after_every_durable_step_of_resuming(
    new_place: Callable[[], tuple[Path, str]],
) -> None:
    for steps in count(1):
        place = new_place()
        assert not mortal.run(Work(*place, AT, KEYS, dies_after=3)), "sealed, but not entered"
        if mortal.run(Work(*place, LATER, dies_after=steps)):
            break
        assert mortal.run(Work(*place, LATER + timedelta(minutes=1)))
        judge(place, LATER, KEYS)
    assert steps == 9, "begin anew and abandon, twice; open twice, enter, complete"


def test_killed_at_any_time_under_load(
    new_place: Callable[[], tuple[Path, str]], tmp_path: Path
) -> None:
    """Two processes at the same orders and one that resumes, killed over and over."""
    chance = random.Random(20261124)  # noqa: S311 - moments, not secrets
    place = new_place()
    keys = tuple(f"key-{n}" for n in range(80))
    diaries = [tmp_path / "diary-1", tmp_path / "diary-2"]
    works = [
        Work(*place, AT, keys, at_once=10, diary=diaries[0]),
        Work(*place, AT, keys[::-1], at_once=7, diary=diaries[1]),
        Work(*place, SOON),
    ]
    killed = 0
    for _ in range(6):
        processes = [mortal.start(work) for work in works]
        time.sleep(chance.uniform(0.15, 0.6))
        for process in processes:
            killed += process.is_alive()
            process.kill()
            process.join()
    assert killed > 4
    assert mortal.run(Work(*place, LATER))
    assert mortal.run(Work(*place, LATER, keys))

    certificates = judge(place, LATER, keys)

    for line in "".join(d.read_text("ascii") for d in diaries if d.exists()).splitlines():
        key, file_sm3 = line.split()
        assert certificates[key].file_sm3 == file_sm3, "what was handed out is what is kept"
