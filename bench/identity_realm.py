"""Row 8: `realm apply` from nothing, and again on a realm that is as planned."""

import os
from statistics import median

from simulators.keycloak import KeycloakServer, server

from bench.measuring import Spent, spend
from bench.rows import Row, Table, number
from idp.client_authentication import generate_client_key, load_client_key, public_jwks
from idp.realm.convergence import changes
from idp.realm.plan import RealmPlan, Site, plan_realm

ROUNDS = 3
ORIGIN = "http://localhost:8000"

NOTES = """
- Keycloak with its database H2 on the same machine, warmed up by a realm that does not count. Wall
  time is mostly Keycloak's; CPU is ours alone. Printed, without a goal.
- From nothing: settings, sign-in flow, required actions, the profile people cannot edit, client
  scopes, clients and their keys, roles of the service account, each read and then put right.
- Again: everything read and compared, nothing changed. Medians of {rounds}.
"""


def measure() -> Row:
    """Measure the row."""
    keycloak = server()
    first: list[Spent] = []
    again: list[Spent] = []
    counts: set[tuple[int, int]] = set()
    for turn in range(ROUNDS + 1):
        plan = _plan(f"bench-{os.getpid()}-{turn}")
        made: list[int] = []
        try:
            spent = [spend(lambda: made.append(_apply(keycloak, plan))) for _ in range(2)]  # noqa: B023 - run at once
        finally:
            keycloak.connection.delete((plan.name,))
        if turn:
            first.append(spent[0])
            again.append(spent[1])
            counts.add((made[0], made[1]))
    ((changed, unchanged),) = counts
    lines = [_line("from nothing", first, changed), _line("again, unchanged", again, unchanged)]
    return Row(
        "8 · Apply the realm",
        [],
        [Table(["realm apply", "changes made", "wall ms", "our CPU ms"], lines)],
        NOTES.format(rounds=ROUNDS),
    )


def _plan(realm: str) -> RealmPlan:
    keys = [public_jwks(load_client_key(generate_client_key())) for _ in range(2)]
    return plan_realm(
        Site(
            realm=realm,
            title="示例区统一身份认证",
            origin=ORIGIN,
            backchannel_origin=ORIGIN,
            platform_keys=keys[0],
            admin_keys=keys[1],
        )
    )


def _apply(keycloak: KeycloakServer, plan: RealmPlan) -> int:
    made = 0
    for change in changes(keycloak.connection, plan):
        if change.make is None:
            raise ValueError(change.subject)
        change.make()
        made += 1
    return made


def _line(what: str, spent: list[Spent], made: int) -> list[str]:
    wall, cpu = median(s.wall_ms for s in spent), median(s.cpu_ms for s in spent)
    return [what, str(made), number(wall), number(cpu)]
