"""Reads and builds sign-in flows by the admin interface.

A flow is never changed while people go through it: the new one is built beside, bound, and the old
one removed.
"""

from collections.abc import Iterator

from idp.realm.connection import AdminConnection, JsonObject
from idp.realm.flows import Flow, Step, SubFlow


def bound_flow_outline(connection: AdminConnection, realm: str, alias: str) -> tuple[str, ...]:
    """Return the outline of the flow with this alias, as `Flow.outline` gives it."""
    return tuple(_read(connection, realm, alias))


def _read(connection: AdminConnection, realm: str, alias: str) -> Iterator[str]:
    authentication = (realm, "authentication")
    for execution in connection.list((*authentication, "flows", alias, "executions")):
        settings: JsonObject = {}
        if "authenticationConfig" in execution:
            address = (*authentication, "config", execution["authenticationConfig"])
            settings = connection.get(address).get("config", {})
        indent = "  " * execution["level"]
        if execution.get("authenticationFlow"):
            yield f"{indent}{execution['requirement']}"
        else:
            words = "".join(f" {name}={value}" for name, value in sorted(settings.items()))
            yield f"{indent}{execution['requirement']} {execution['providerId']}{words}"


def build_and_bind(connection: AdminConnection, realm: str, flow: Flow) -> None:
    """Build the flow anew, let browsers go through it, and remove what was built before."""
    authentication = (realm, "authentication")
    bound = connection.get((realm,))["browserFlow"]
    alias, other = (flow.alias, f"{flow.alias} 2")
    if bound == alias:
        alias, other = other, alias
    _remove(connection, realm, alias)
    body = {"alias": alias, "providerId": "basic-flow", "topLevel": True, "builtIn": False}
    flow_id = connection.post((*authentication, "flows"), body)
    _Builder(connection, realm, alias).add(flow_id, alias, flow.steps)
    connection.put((realm,), {"browserFlow": alias})
    _remove(connection, realm, other)


def _remove(connection: AdminConnection, realm: str, alias: str) -> None:
    for flow in connection.list((realm, "authentication", "flows")):
        if flow["alias"] == alias:
            connection.delete((realm, "authentication", "flows", flow["id"]))


class _Builder:
    def __init__(self, connection: AdminConnection, realm: str, alias: str) -> None:
        self._connection = connection
        self._authentication = (realm, "authentication")
        self._top = alias

    def add(self, flow_id: str, alias: str, steps: tuple[Step | SubFlow, ...]) -> None:
        for step in steps:
            if isinstance(step, SubFlow):
                self._add_sub_flow(alias, step)
            else:
                self._add_step(flow_id, step)

    def _add_sub_flow(self, parent: str, step: SubFlow) -> None:
        alias = f"{self._top} {step.alias}"
        address = (*self._authentication, "flows", parent, "executions")
        body = {"alias": alias, "type": "basic-flow", "provider": "", "description": ""}
        flow_id = self._connection.post((*address, "flow"), body)
        # It is made switched off; what is required of it is said by a second call.
        execution = next(
            found for found in self._connection.list(address) if found.get("flowId") == flow_id
        )
        self._connection.put(address, {**execution, "requirement": step.requirement})
        self.add(flow_id, alias, step.steps)

    def _add_step(self, flow_id: str, step: Step) -> None:
        executions = (*self._authentication, "executions")
        body = {
            "parentFlow": flow_id,
            "requirement": step.requirement,
            "authenticator": step.authenticator,
            "authenticatorFlow": False,
        }
        execution = self._connection.post(executions, body)
        if step.settings:
            self._connection.post(
                (*executions, execution, "config"),
                {"alias": f"{self._top} {execution}", "config": dict(step.settings)},
            )
