"""Which jobs `serve` has, and that each does its part once a round."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from simulators.away import Realm
from simulators.office import AT, Clock
from simulators.signed_in import ACCOUNT, SESSION_ID, furnish_identity, hand_made, identity_of
from simulators.web import ServedOffice

from api.jobs import jobs_of, running_jobs
from api.wiring import Services
from idp.departures import Scope
from idp.errors import ProviderUnavailableError

WITHOUT_REALM = {
    "pass_on_logouts",
    "reread_states",
    "end_mandates",
    "prune_sign_ins",
    "prune_alarms",
}
WITH_REALM = {
    "follow_changes",
    "follow_people",
    "tell_departures",
    "enforce_alarms",
    "tell_realm",
    "end_posts",
}


@pytest.fixture(scope="module")
def opened(office: ServedOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder: Path = tmp_path_factory.mktemp("jobs") / "office"
    with furnish_identity(office.copy_to(folder)).open(Clock()) as services:
        yield services


@pytest.fixture
def realm() -> Realm:
    return Realm(AT)


@pytest.fixture
def services(opened: Services, realm: Realm) -> Services:
    identity = replace(identity_of(opened), admin=realm)  # type: ignore[arg-type] # it answers alike
    return replace(opened, identity=identity)


def run_all(services: Services, at_offset: timedelta = timedelta()) -> None:
    for group in jobs_of(services):
        for job in group:
            job.run(AT + at_offset)


def test_without_people_there_are_no_jobs(opened: Services) -> None:
    nobody = replace(opened, identity=None)
    assert jobs_of(nobody) == []
    with running_jobs(nobody):
        pass


def test_without_administration_the_provider_is_not_watched(opened: Services) -> None:
    assert {job.name for group in jobs_of(opened) for job in group} == WITHOUT_REALM


def test_each_job_can_run(services: Services, realm: Realm) -> None:
    assert {job.name for group in jobs_of(services) for job in group} == WITHOUT_REALM | WITH_REALM
    run_all(services)
    run_all(services, timedelta(days=1))
    assert realm.told == []


def test_what_portals_do_holds_up_nothing_else(services: Services) -> None:
    assert [[job.name for job in group] for group in jobs_of(services)][:2] == [
        ["pass_on_logouts"],
        ["reread_states"],
    ]


def test_a_wish_and_an_alarm_are_carried_out_by_the_jobs(services: Services, realm: Realm) -> None:
    identity = identity_of(services)
    session, _ = identity.sessions.open(hand_made(at=AT), at=AT)
    identity.leaving.departures.begin(session, Scope.ALL, None, at=AT)
    identity.leaving.alarms.report("somebody", None, at=AT)
    realm.session(ACCOUNT, SESSION_ID, "platform", started_at=AT)
    realm.change(f"users/{ACCOUNT}", AT, operation="UPDATE", sent='{"enabled": false}')
    realm.act("LOGIN", ACCOUNT, AT)
    run_all(services)
    assert realm.told == [
        ("sign_out", ACCOUNT),
        ("end_session", SESSION_ID),
        ("shut", "somebody"),
        ("sign_out", "somebody"),
    ]
    assert identity.sessions.of_account(ACCOUNT, at=AT) == []
    assert len(identity.leaving.history.of_account(ACCOUNT, at=AT)) == 1


def test_a_provider_that_is_away_ends_no_thread(services: Services, realm: Realm) -> None:
    realm.is_away = True
    failing = [job for group in jobs_of(services) for job in group if job.name in WITH_REALM]
    raised = set()
    for job in failing:
        try:
            job.run(AT)
        except ProviderUnavailableError:
            raised.add(job.name)
    assert raised == {"follow_changes", "follow_people"}
    running: AbstractContextManager[None] = running_jobs(services)
    with running:
        pass
