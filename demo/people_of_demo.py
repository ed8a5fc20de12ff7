"""People with whom the demonstration can be entered, and the one-time codes of their devices.

    python -m demo.people_of_demo code su.xiaoyang

Passwords and authenticator secrets are made at the first start and kept in the data folder (0600).
"""

import base64
import hashlib
import hmac
import json
import secrets
import string
import struct
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from api.identity import Identity
from api.settings import Settings, read_settings
from idp.documents import DocumentType, IdentityDocument
from idp.levels import IdentityLevel
from idp.mandates import Standing, Terms
from idp.matters import Matters
from idp.names import NamedPerson, PersonName
from idp.persons import LevelMeans
from idp.realm.admin import RealmAdmin
from idp.realm.records import NewUser
from idp.server.first_secrets import kept

FILE = Path(__file__).parent / "people" / "people.toml"
SECRETS = "people.json"
LABEL = "demo"
CLERK = "demonstration"
PERIOD = 30
MANDATE_LASTS = timedelta(days=365)
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody who can be tried."""

    username: str
    role: str
    name: str
    document: IdentityDocument
    is_officer: bool
    company: str | None
    named_by: str | None
    password: str = field(repr=False)
    secret: str = field(repr=False)
    """Of his authenticator: 20 characters."""

    @property
    def named(self) -> NamedPerson:
        """Who he is."""
        return NamedPerson(PersonName.parse(self.name), self.document)

    def code(self, seconds: float) -> str:
        """Return the one-time code (RFC 6238) at this time since 1970."""
        step = struct.pack(">Q", int(seconds) // PERIOD)
        digest = hmac.digest(self.secret.encode(), step, hashlib.sha1)
        (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
        return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def demo_people(data: Path) -> dict[str, DemoPerson]:
    """Return them by user name; their secrets are made on first use."""
    written = tomllib.loads(FILE.read_text(encoding="utf-8"))["person"]
    path = data / "demo" / SECRETS
    held = json.loads(kept(path, lambda: _new_secrets([one["username"] for one in written])))
    return {
        one["username"]: DemoPerson(
            username=one["username"],
            role=one["role"],
            name=one["name"],
            document=IdentityDocument.parse(DocumentType.RESIDENT_ID, one["document"]),
            is_officer=one.get("officer", False),
            company=one.get("company"),
            named_by=one.get("named_by"),
            **held[one["username"]],
        )
        for one in written
    }


def _new_secrets(usernames: list[str]) -> bytes:
    made = {
        username: {
            # Short enough to type from a terminal, by the realm's rules.
            "password": f"Demo-{secrets.randbelow(10**8):08}",
            "secret": "".join(secrets.choice(_ALPHABET) for _ in range(20)),
        }
        for username in usernames
    }
    return json.dumps(made, indent=2).encode()


def let_in(admin: RealmAdmin, people: dict[str, DemoPerson]) -> None:
    """Make the accounts that are missing, each with password and authenticator; again: nothing.

    Officers' accounts were made by `org import`.
    """
    for person in people.values():
        user = admin.find_user(person.username)
        account = user.account if user is not None else admin.create_user(_new_user(person))
        if any(credential.label == LABEL for credential in admin.credentials(account)):
            continue
        admin.change_user(account, identityLevel=IdentityLevel.ORIGINAL.claim)
        admin.set_password(account, person.password, temporary=False)
        admin.add_credential(account, _authenticator(person))


def _new_user(person: DemoPerson) -> NewUser:
    document = person.document
    return NewUser(
        person.username,
        person.name,
        document.type.value,
        document.number,
        IdentityLevel.ORIGINAL,
    )


def _authenticator(person: DemoPerson) -> dict[str, object]:
    kind = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
    return {
        "type": "otp",
        "userLabel": LABEL,
        "secretData": json.dumps({"value": person.secret}),
        "credentialData": json.dumps(kind),
    }


def appoint_agents(
    identity: Identity, admin: RealmAdmin, people: dict[str, DemoPerson], *, at: datetime
) -> None:
    """Let representatives name the agents of `people.toml`, who accept; again: nothing."""
    for person in _citizens(people):
        user = admin.find_user(person.username)
        if user is not None:
            identity.people.subjects.register(
                person.named,
                account=user.account,
                means=LevelMeans.COUNTER_ORIGINAL,
                by=CLERK,
                at=at,
            )
    for agent in _citizens(people):
        if agent.named_by is not None and agent.company is not None:
            _appoint(identity, people[agent.named_by], agent, agent.company, at=at)
    identity.people.realm_changes.catch_up(admin, at=at)


def _appoint(
    identity: Identity, representative: DemoPerson, agent: DemoPerson, company: str, *, at: datetime
) -> None:
    subjects, representation = identity.people.subjects, identity.people.representation
    actor, principal = subjects.find(agent.document), subjects.find(representative.document)
    if actor is None or principal is None:
        return
    if any(
        mandate.principal.id == company and mandate.standing(at) is Standing.IN_FORCE
        for mandate in identity.people.mandates.of_actor(actor.id)
    ):
        return
    under = representation.represent(principal, company, at=at)
    terms = Terms(Matters(None), since=at, until=at + MANDATE_LASTS)
    offer = representation.name_agent(principal, under.id, agent.named, terms, at=at)
    representation.accept(offer.id, actor, at=at)


def _citizens(people: dict[str, DemoPerson]) -> Iterator[DemoPerson]:
    return (person for person in people.values() if not person.is_officer)


app = typer.Typer(help="The people of the demonstration.")


@app.callback()
def describe() -> None:
    """Keep `code` a word of its own, alone as it is."""


@app.command()
def code(username: Annotated[str, typer.Argument(help="Whose code.")]) -> None:
    """Print the one-time code that somebody's authenticator shows now."""
    settings: Settings = read_settings()
    typer.echo(demo_people(settings.data)[username].code(time.time()))


@app.command()
def secret(username: Annotated[str, typer.Argument(help="Whose secret.")]) -> None:
    """Print what an authenticator application is given to show somebody's codes."""
    settings: Settings = read_settings()
    raw = demo_people(settings.data)[username].secret.encode()
    typer.echo(base64.b32encode(raw).decode())


if __name__ == "__main__":
    app()
