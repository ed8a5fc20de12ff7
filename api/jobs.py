"""What `serve` does beside answering, as long as it serves: each job by its name and rhythm."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

from api.identity import Identity
from api.periodic import Job, Periodic
from api.wiring import Services
from idp.realm.admin import RealmAdmin

PASS_ON_EVERY = timedelta(seconds=1)
"""Logout tokens to portals: somebody may be looking on."""
WATCH_EVERY = timedelta(seconds=3)
"""What the provider tells nobody: so long is somebody still in who was disabled."""
CATCH_UP_EVERY = timedelta(seconds=5)
LOOK_AFTER_EVERY = timedelta(minutes=1)
"""Posts and mandates that run out, the state of those acted for."""
PRUNE_EVERY = timedelta(hours=1)


def jobs_of(services: Services) -> list[list[Job]]:
    """Return the jobs in groups that do not wait for one another: for portals, bases, the realm."""
    identity = services.identity
    if identity is None:
        return []
    leaving, people, realm = identity.leaving, identity.people, identity.admin
    own = [
        Job("end_mandates", LOOK_AFTER_EVERY, lambda at: people.mandates.sweep(at=at)),
        Job("prune_sign_ins", PRUNE_EVERY, lambda at: leaving.history.prune(at=at)),
        Job("prune_alarms", PRUNE_EVERY, lambda at: leaving.alarms.prune(at=at)),
    ]
    return [
        [Job("pass_on_logouts", PASS_ON_EVERY, lambda at: leaving.relay.pass_on(at=at))],
        [Job("reread_states", LOOK_AFTER_EVERY, _reread(identity))],
        own if realm is None else [*_jobs_with_realm(identity, realm), *own],
    ]


@contextmanager
def running_jobs(services: Services) -> Iterator[None]:
    """Run all jobs for the block; none is under way after it."""
    with ExitStack() as stack:
        for jobs in jobs_of(services):
            stack.enter_context(Periodic(jobs, clock=services.clock))
        yield


def _jobs_with_realm(identity: Identity, realm: RealmAdmin) -> list[Job]:
    leaving, people = identity.leaving, identity.people
    watch = leaving.watch
    return [
        Job("follow_changes", WATCH_EVERY, lambda at: watch.follow_changes(realm, at=at)),
        Job("follow_people", WATCH_EVERY, lambda at: watch.follow_people(realm, at=at)),
        Job("tell_departures", WATCH_EVERY, lambda at: leaving.departures.tell(realm, at=at)),
        Job("enforce_alarms", WATCH_EVERY, lambda at: leaving.alarms.enforce(realm, at=at)),
        Job("tell_realm", CATCH_UP_EVERY, lambda at: people.realm_changes.catch_up(realm, at=at)),
        Job("end_posts", LOOK_AFTER_EVERY, lambda at: watch.follow_posts(realm, at=at)),
    ]


def _reread(identity: Identity) -> Callable[[datetime], object]:
    people = identity.people

    def reread(at: datetime) -> None:
        people.representation.reread(people.choices.in_use(at=at), at=at)

    return reread
