"""Departments' systems become clients of the realm, each with a key if it brought none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.portal_applying import client_keys
from api.settings import Settings
from hsm.files import write_file
from idp.errors import InvalidSystemError
from idp.portal_faults import PortalFault, PortalFaultKind
from idp.realm.admin import RealmAdmin
from idp.realm.convergence import Change
from idp.systems import SYSTEMS, System, read_system, same_client_twice


@dataclass(frozen=True, slots=True)
class AppliedSystem:
    """What became of one system."""

    system: System
    changes: tuple[Change, ...]
    """Nothing, when the realm had it so already."""
    key_file: Path | None
    """The private key to hand to the department; None when it brought its own public key."""


def read_systems(paths: Sequence[Path], settings: Settings) -> list[System]:
    """Return the systems of these files; raise `InvalidSystemError` with the faults of all.

    None of them bears the name of a client of the platform itself.
    """
    identity = settings.identity
    ours = {identity.client_id, identity.approval_client_id, identity.api_audience}
    systems: list[System] = []
    faults: list[PortalFault] = []
    for path in paths:
        try:
            systems.append(read_system(path.read_bytes()))
        except InvalidSystemError as error:
            faults += [fault.within(path.name) for fault in error.faults]
    if same_client_twice(systems):
        faults.append(PortalFault("/client", PortalFaultKind.SAME_IN_TWO_FILES))
    faults += [
        PortalFault("/client", PortalFaultKind.RESERVED).within(system.client)
        for system in systems
        if system.client in ours
    ]
    if faults:
        raise InvalidSystemError(faults)
    return systems


def apply_systems(
    paths: Sequence[Path], settings: Settings, operator: RealmAdmin
) -> Iterator[AppliedSystem]:
    """Make each system a client of the realm and known here; again: nothing changes.

    Raise `InvalidSystemError` before anything is done, `ProviderUnavailableError` or
    `RealmRefusedError` where it stops.
    """
    systems = read_systems(paths, settings)
    known = settings.data / SYSTEMS
    known.mkdir(parents=True, exist_ok=True)
    for system, path in zip(systems, paths, strict=True):
        folder = settings.data / "identity" / SYSTEMS / system.client
        keys, key_file = client_keys(system.public_keys, folder)
        changes = operator.put_client(system.as_client(keys=keys))
        target, content = known / f"{system.client}.yaml", path.read_bytes()
        if not target.exists() or target.read_bytes() != content:
            write_file(target, content, replace=True)
        yield AppliedSystem(system, changes, key_file)
