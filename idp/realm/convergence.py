"""Makes a realm what the plan says, step by step, and says what it changes.

`changes` reads the realm and yields what differs; making a change before asking for the next one is
`apply`, only looking at them is `diff`. A realm that is as planned yields nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from idp.errors import NotInRealmError
from idp.realm.comparison import Difference, differences
from idp.realm.connection import AdminConnection, JsonObject
from idp.realm.flow_building import bound_flow_outline, build_and_bind
from idp.realm.plan import RealmPlan, Representation

BUILT_IN_CLIENTS = frozenset({"_system", "broker", "realm-management"})
"""`_system` is made by the server where `account` is shut; nobody can use it."""
MANAGED = "managed.by"
"""Client attribute of those that other commands of ours made (portals)."""
_EXACT = frozenset({"attributes"})
_SERVERS_OWN = frozenset({"realm_client", "client.secret.creation.time", MANAGED})


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not as planned."""

    subject: str
    differences: tuple[Difference, ...]
    make: Callable[[], object] | None = field(repr=False, compare=False)
    """Puts it right; absent where only a person can decide."""

    def __str__(self) -> str:
        """Return it as lines: what, and each field that differs."""
        return "\n  ".join((self.subject, *map(str, self.differences)))


def changes(connection: AdminConnection, plan: RealmPlan) -> Iterator[Change]:
    """Yield what differs from the plan. Where the realm is missing that is the first and, unless it
    is made, the only one.
    """  # noqa: D205  # one sentence
    try:
        found = connection.get((plan.name,))
    except NotInRealmError:
        yield _missing_realm(connection, plan)
        try:
            found = connection.get((plan.name,))
        except NotInRealmError:
            return
    yield from _settings(connection, plan, found)
    yield from _required_actions(connection, plan)
    yield from _user_profile(connection, plan)
    yield from _sign_in(connection, plan, found)
    yield from _client_scopes(connection, plan)
    for client in plan.clients:
        yield from client_changes(connection, plan.name, client)
    for client_id, roles in plan.service_roles.items():
        yield from _service_roles(connection, plan.name, client_id, roles)
    yield from _strangers(connection, plan)


def _missing_realm(connection: AdminConnection, plan: RealmPlan) -> Change:
    # Required actions in the first request: at no moment is a door open that will be shut.
    body = {**plan.settings, "requiredActions": list(plan.required_actions)}
    wanted = (Difference("realm", None, plan.name),)
    return Change(f"realm {plan.name}", wanted, lambda: connection.post((), body))


def _settings(connection: AdminConnection, plan: RealmPlan, found: JsonObject) -> Iterator[Change]:
    if differ := tuple(differences(plan.settings, found)):
        yield Change("settings", differ, lambda: connection.put((plan.name,), plan.settings))


def _required_actions(connection: AdminConnection, plan: RealmPlan) -> Iterator[Change]:
    path = (plan.name, "authentication", "required-actions")
    found = {action["alias"]: action for action in connection.list(path)}
    for wanted in plan.required_actions:
        alias = str(wanted["alias"])
        if alias not in found:
            missing = (Difference("alias", None, alias),)
            yield Change(
                f"required action {alias}", missing, partial(_register, connection, plan, wanted)
            )
        elif differ := tuple(differences(wanted, found[alias])):
            put = partial(connection.put, (*path, alias), wanted)
            yield Change(f"required action {alias}", differ, put)
    for alias in sorted(found.keys() - {action["alias"] for action in plan.required_actions}):
        delete = partial(connection.delete, (*path, alias))
        yield Change(f"required action {alias}", (Difference("alias", alias, None),), delete)


def _register(connection: AdminConnection, plan: RealmPlan, wanted: Representation) -> None:
    authentication = (plan.name, "authentication")
    connection.post(
        (*authentication, "register-required-action"),
        {"providerId": wanted["providerId"], "name": wanted["name"]},
    )
    connection.put((*authentication, "required-actions", str(wanted["alias"])), wanted)


def _user_profile(connection: AdminConnection, plan: RealmPlan) -> Iterator[Change]:
    path = (plan.name, "users", "profile")
    found = connection.get(path)
    wanted = plan.user_profile
    by_name = _by_name(wanted["attributes"])
    found_by_name = _by_name(found.get("attributes", []))
    differ = [
        *differences(by_name, found_by_name, exact=frozenset(by_name)),
        *(
            Difference(name, "declared", None)
            for name in sorted(found_by_name.keys() - by_name.keys())
        ),
    ]
    if policy := found.get("unmanagedAttributePolicy"):
        differ.append(Difference("unmanagedAttributePolicy", policy, None))
    if differ:
        yield Change("user profile", tuple(differ), lambda: connection.put(path, wanted))


def _sign_in(connection: AdminConnection, plan: RealmPlan, found: JsonObject) -> Iterator[Change]:
    wanted = plan.sign_in.outline()
    outline = bound_flow_outline(connection, plan.name, found["browserFlow"])
    if outline != wanted:
        make = partial(build_and_bind, connection, plan.name, plan.sign_in)
        differ = Difference("steps", "\n".join(("", *outline)), "\n".join(("", *wanted)))
        yield Change("sign-in flow", (differ,), make)


def _client_scopes(connection: AdminConnection, plan: RealmPlan) -> Iterator[Change]:
    path = (plan.name, "client-scopes")
    found = {scope["name"]: scope for scope in connection.list(path)}
    for wanted in plan.client_scopes:
        name = str(wanted["name"])
        if name not in found:
            post = partial(connection.post, path, wanted)
            yield Change(f"client scope {name}", (Difference("name", None, name),), post)
            continue
        scope = found[name]
        here = (*path, scope["id"])
        if differ := tuple(differences(_without_mappers(wanted), scope)):
            put = partial(connection.put, here, {**scope, **_without_mappers(wanted)})
            yield Change(f"client scope {name}", differ, put)
        yield from _mappers(connection, here, f"client scope {name}", wanted, scope)


def client_changes(
    connection: AdminConnection, realm: str, wanted: Representation
) -> Iterator[Change]:
    """Yield what differs from `wanted` in one client, first of all the client if it is missing."""
    client_id = str(wanted["clientId"])
    subject = f"client {client_id}"
    found = connection.list((realm, "clients"), clientId=client_id)
    if not found:
        post = partial(connection.post, (realm, "clients"), wanted)
        yield Change(subject, (Difference("clientId", None, client_id),), post)
        return
    client = found[0]
    here = (realm, "clients", str(client["id"]))
    own = {name: value for name, value in wanted.items() if name not in _APART}
    attributes = client.get("attributes", {})
    silent = _SERVERS_OWN - _map(own.get("attributes")).keys()
    client["attributes"] = {name: value for name, value in attributes.items() if name not in silent}
    if differ := tuple(differences(own, client, exact=_EXACT)):
        removed = {d.field.removeprefix("attributes."): "" for d in differ if d.wanted is None}
        body = {**own, "attributes": {**attributes, **removed, **_map(own.get("attributes"))}}
        yield Change(subject, differ, partial(connection.put, here, {**client, **body}))
    for kind in ("default", "optional"):
        yield from _assigned_scopes(connection, realm, here, subject, kind, wanted, client)
    if "protocolMappers" in wanted:
        yield from _mappers(connection, here, subject, wanted, client)


_APART = frozenset({"defaultClientScopes", "optionalClientScopes", "protocolMappers"})
"""Not changed by putting the client."""


def _assigned_scopes(  # noqa: PLR0913, PLR0917  # one place that needs all of them
    connection: AdminConnection,
    realm: str,
    here: tuple[str, ...],
    subject: str,
    kind: str,
    wanted: Representation,
    client: JsonObject,
) -> Iterator[Change]:
    name = f"{kind}ClientScopes"
    if name not in wanted:
        return
    want, have = _words(wanted[name]), _words(client.get(name))
    if want == have:
        return

    def make() -> None:
        ids = {scope["name"]: scope["id"] for scope in connection.list((realm, "client-scopes"))}
        for scope in sorted(have - want):
            connection.delete((*here, f"{kind}-client-scopes", ids[scope]))
        for scope in sorted(want - have):
            connection.put((*here, f"{kind}-client-scopes", ids[scope]), {})

    yield Change(subject, (Difference(name, sorted(have), sorted(want)),), make)


def _mappers(
    connection: AdminConnection,
    here: tuple[str, ...],
    subject: str,
    wanted: Representation,
    found: JsonObject,
) -> Iterator[Change]:
    want = _by_name(wanted["protocolMappers"])
    have = _by_name(found.get("protocolMappers", []))
    differ = [
        *differences(want, {name: _map(have.get(name)) for name in want}),
        *(Difference(name, "mapper", None) for name in sorted(have.keys() - want.keys())),
    ]
    models = (*here, "protocol-mappers", "models")

    def make() -> None:
        for mapper in have.values():
            connection.delete((*models, str(_map(mapper)["id"])))
        for mapper in want.values():
            connection.post(models, mapper)

    if differ:
        yield Change(f"{subject}: mappers", tuple(differ), make)


def _service_roles(
    connection: AdminConnection, realm: str, client_id: str, roles: tuple[str, ...]
) -> Iterator[Change]:
    client = next(iter(connection.list((realm, "clients"), clientId=client_id)), None)
    management = next(iter(connection.list((realm, "clients"), clientId="realm-management")))
    if client is None:  # only looked at, not made
        return
    account = connection.get((realm, "clients", client["id"], "service-account-user"))["id"]
    mapped = (realm, "users", account, "role-mappings", "clients", management["id"])
    have = {role["name"]: role for role in connection.list(mapped)}
    if set(roles) == have.keys():
        return

    def make() -> None:
        offered = connection.list((*mapped, "available"))
        if extra := [role for name, role in have.items() if name not in roles]:
            connection.delete(mapped, extra)
        connection.post(mapped, [role for role in offered if role["name"] in roles])

    differ = Difference("roles", sorted(have), sorted(roles))
    yield Change(f"client {client_id}", (differ,), make)


def _strangers(connection: AdminConnection, plan: RealmPlan) -> Iterator[Change]:
    planned = {client["clientId"] for client in plan.clients} | BUILT_IN_CLIENTS
    for client in connection.list((plan.name, "clients")):
        if client["clientId"] not in planned and MANAGED not in client.get("attributes", {}):
            stranger = (Difference("clientId", client["clientId"], None),)
            yield Change(f"client {client['clientId']}", stranger, None)
    for provider in connection.list((plan.name, "identity-provider", "instances")):
        stranger = (Difference("alias", provider["alias"], None),)
        yield Change(f"identity provider {provider['alias']}", stranger, None)


def _by_name(items: object) -> dict[str, object]:
    return {str(item["name"]): item for item in _list(items)}


def _without_mappers(scope: Representation) -> Representation:
    return {name: value for name, value in scope.items() if name != "protocolMappers"}


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _words(value: object) -> set[str]:
    return set(map(str, value)) if isinstance(value, list | tuple) else set()


def _list(value: object) -> list[JsonObject]:
    return list(value) if isinstance(value, list | tuple) else []
