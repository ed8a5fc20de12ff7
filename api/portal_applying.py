"""Portals become clients of the realm, each with a secret salt and, if it brought none, a key."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import ECKey

from api.settings import Settings
from hsm.files import write_file
from idp.client_authentication import load_client_key, public_jwks
from idp.errors import InvalidPortalError
from idp.portal_faults import PortalFault, PortalFaultKind
from idp.portals import Portal, PublicKey, read_portal
from idp.realm.admin import RealmAdmin
from idp.realm.convergence import Change
from idp.server.first_secrets import client_key, kept

CLIENT_KEY = "client"
"""The file with the private key that is handed to the portal: `client.pem`."""
_SALT_OCTETS = 32


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one portal."""

    portal: Portal
    changes: tuple[Change, ...]
    """Nothing, when the realm had it so already."""
    key_file: Path | None
    """The private key to hand to the portal; None when it brought its own public key."""


def read_portals(paths: Sequence[Path], settings: Settings) -> list[Portal]:
    """Return the portals of these files; raise `InvalidPortalError` with the faults of all.

    None of them bears a name or an address of the platform itself.
    """
    identity = settings.identity
    ours = {
        "client": {identity.client_id, identity.approval_client_id, identity.api_audience},
        "home": {settings.origin},
    }
    portals, faults = [], []
    for path in paths:
        try:
            portals.append(read_portal(path.read_bytes()))
        except InvalidPortalError as error:
            faults += [fault.within(path.name) for fault in error.faults]
    for name in ("client", "home"):
        values = [getattr(portal, name) for portal in portals]
        if len(set(values)) != len(values):
            faults.append(PortalFault(f"/{name}", PortalFaultKind.SAME_IN_TWO_FILES))
        faults += [
            PortalFault(f"/{name}", PortalFaultKind.RESERVED).within(portal.client)
            for portal in portals
            if getattr(portal, name) in ours[name]
        ]
    if faults:
        raise InvalidPortalError(faults)
    return portals


def apply_portals(
    paths: Sequence[Path], settings: Settings, operator: RealmAdmin, *, backchannel_origin: str
) -> Iterator[Applied]:
    """Make each portal a client of the realm and known to the platform; again: nothing changes.

    `backchannel_origin` is the platform as Keycloak finds it. Raise `InvalidPortalError` before
    anything is done, `ProviderUnavailableError` or `RealmRefusedError` where it stops.
    """
    portals = read_portals(paths, settings)
    known = settings.data / "portals"
    known.mkdir(parents=True, exist_ok=True)
    for portal, path in zip(portals, paths, strict=True):
        folder = portal_folder(settings, portal.client)
        salt = kept(folder / "salt", lambda: secrets.token_urlsafe(_SALT_OCTETS).encode())
        keys, key_file = client_keys(portal.public_keys, folder)
        client = portal.as_client(
            salt=salt.decode("ascii"), keys=keys, platform_origin=backchannel_origin
        )
        changes = operator.put_client(client)
        target = known / f"{portal.client}.yaml"
        content = path.read_bytes()
        if not target.exists() or target.read_bytes() != content:
            write_file(target, content, replace=True)
        yield Applied(portal, changes, key_file)


def portal_folder(settings: Settings, client_id: str) -> Path:
    """Return where the secrets of a portal's registration lie."""
    return settings.data / "identity" / "portals" / client_id


def client_keys(
    public_keys: Sequence[PublicKey], folder: Path
) -> tuple[dict[str, object], Path | None]:
    """Return the JWK set of a client, and where its private key lies if it brought none."""
    if public_keys:
        keys = [{**key.model_dump(), "use": "sig", "alg": "ES256"} for key in public_keys]
        return {"keys": keys}, None
    key: ECKey = load_client_key(client_key(folder, CLIENT_KEY))
    return public_jwks(key), folder / f"{CLIENT_KEY}.pem"
