"""A real Keycloak for tests: one server a test run, one realm of ours for whoever asks.

A running one is used where `IDP_KEYCLOAK_URL` and `IDP_KEYCLOAK_ADMIN_PASSWORD` say so; otherwise
one is started from the copy of a built home and ends with the test run.
"""

import atexit
import base64
import hashlib
import hmac
import json
import os
import shutil
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path

import set_up
from joserfc.jwk import ECKey
from simulators.browser_session import BrowserSession, Page

from idp.client_authentication import (
    PrivateKeyJwt,
    generate_client_key,
    load_client_key,
    public_jwks,
)
from idp.documents import citizen_check_character
from idp.errors import NotInRealmError
from idp.levels import IdentityLevel
from idp.realm.admin import RealmAdmin
from idp.realm.connection import (
    SECONDS_TO_MAKE_A_REALM,
    AdminConnection,
    AdministratorPassword,
    ServiceAccount,
)
from idp.realm.convergence import changes
from idp.realm.plan import ADMIN, APPROVALS, PLATFORM, RealmPlan, Site, plan_realm
from idp.realm.policies import LOGIN_THEME
from idp.realm.records import NewUser
from idp.realm.theme.folder import THEME
from idp.server.distribution import built_home
from idp.server.first_secrets import admin_password
from idp.server.java import find_java
from idp.server.process import Instance, KeycloakProcess, free_port

# Read here: fixtures take settings out of the environment.
_RUNNING = os.environ.get("IDP_KEYCLOAK_URL")
_PASSWORD = os.environ.get("IDP_KEYCLOAK_ADMIN_PASSWORD", "")
PASSWORD = "Correct-horse-7"  # noqa: S105  # of invented people
QUICK_HASH = " and hashAlgorithm(pbkdf2-sha256) and hashIterations(1000)"
TITLE = "测试区统一身份认证"
PERIOD = 30
MASTER = "master"


@dataclass(frozen=True, slots=True)
class KeycloakServer:
    """A running server and its administrator."""

    url: str
    password: str = field(repr=False)

    @property
    def connection(self) -> AdminConnection:
        """The administrator's connection, the same each time."""
        return _connect(self)

    def admin(self, realm: str) -> RealmAdmin:
        """Return the administrator at work in a realm: he may do everything."""
        return RealmAdmin(self.connection, realm)


@cache
def _connect(keycloak: KeycloakServer) -> AdminConnection:
    credentials = AdministratorPassword("admin", keycloak.password)
    return AdminConnection(
        keycloak.url, credentials, token_realm=MASTER, seconds=SECONDS_TO_MAKE_A_REALM
    )


@dataclass(slots=True)
class Person:
    """Somebody who can sign in."""

    account: str
    username: str
    password: str = field(repr=False)
    secret: bytes | None = field(default=None, repr=False)
    """Of his authenticator; None if he has none."""
    last_step: int = 0

    def code(self) -> str:
        """Return a one-time code that was not used before, waiting for one if need be.

        The server takes the codes of the period before and after, too: three sign-ins go at once.
        """
        assert self.secret is not None, f"{self.username} has no authenticator"
        while self.last_step >= int(time.time()) // PERIOD + 1:
            time.sleep(0.2)
        self.last_step = max(self.last_step + 1, int(time.time()) // PERIOD - 1)
        return totp(self.secret, self.last_step)


def totp(secret: bytes, step: int) -> str:
    """Return the code of RFC 6238 for this step (SHA-1, six digits)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), hashlib.sha1)
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


@dataclass(slots=True)
class RealmForTests:
    """A realm as `realm apply` makes it, for an application at `origin`, which need not run."""

    server: KeycloakServer
    plan: RealmPlan
    origin: str
    platform_key: ECKey = field(repr=False)
    admin_key: ECKey = field(repr=False)
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The realm's name."""
        return self.plan.name

    @property
    def issuer(self) -> str:
        """What its tokens state."""
        return f"{self.server.url}/realms/{self.name}"

    @property
    def port(self) -> int:
        """The port of `origin`."""
        return int(self.origin.rpartition(":")[2])

    @property
    def platform(self) -> PrivateKeyJwt:
        """How the client `platform` proves itself."""
        return PrivateKeyJwt(self.platform_key, PLATFORM)

    @property
    def approvals(self) -> PrivateKeyJwt:
        """How the client `platform-approvals` proves itself."""
        return PrivateKeyJwt(self.platform_key, APPROVALS)

    @property
    def admin(self) -> RealmAdmin:
        """Administration as our application has it: with the least roles."""
        service = PrivateKeyJwt(self.admin_key, ADMIN)
        credentials = ServiceAccount(service, self.issuer, lambda: datetime.now(UTC))
        return RealmAdmin(
            AdminConnection(self.server.url, credentials, token_realm=self.name), self.name
        )

    @property
    def operator(self) -> RealmAdmin:
        """Administration as the operator has it: he may make clients, too."""
        return self.server.admin(self.name)

    def person(  # noqa: PLR0913  # each has a default
        self,
        username: str,
        *,
        level: IdentityLevel = IdentityLevel.SEEN,
        password: str = PASSWORD,
        otp: bool = True,
        full_name: str = "张示例",
        document_type: str = "111",
        document_number: str | None = None,
    ) -> str:
        """Make somebody who can sign in, with an authenticator or without; return the account."""
        admin = self.operator
        number = document_number or invented_number(len(self.people))
        account = admin.create_user(NewUser(username, full_name, document_type, number, level))
        admin.set_password(account, password, temporary=False)
        person = Person(account, username, password)
        if otp:
            person.secret = base64.b32encode(hashlib.sha256(username.encode()).digest())[:20]
            admin.add_credential(account, otp_credential(person.secret, "counter"))
        self.people[username] = person
        return account

    def totp_code(self, username: str) -> str:
        """Return a one-time code of this person that was not used before."""
        return self.people[username].code()

    def now(self) -> datetime:
        """Return the moment, for what the server will compare with its clock."""
        return datetime.now(UTC)

    def browser(self, *, language: str = "en") -> BrowserSession:
        """Return a browser with an empty jar; close it, or use it in `with`."""
        return BrowserSession(self.server.url, language=language)

    def sign_in(self, browser: BrowserSession, address: str, username: str) -> Page:
        """Let this person sign in by all that is asked; return where the browser was sent."""
        person = self.people[username]
        return browser.sign_in(address, username, person.password, person.code)


def otp_credential(secret: bytes, label: str) -> dict[str, object]:
    """Return what puts an authenticator with this secret in."""
    kind = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
    return {
        "type": "otp",
        "userLabel": label,
        "secretData": json.dumps({"value": secret.decode("ascii")}),
        "credentialData": json.dumps(kind),
    }


def invented_number(sequence: int) -> str:
    """Return a citizen number whose area was never given out (110000 is a whole city)."""
    body = f"11000019000101{sequence:03}"
    return body + citizen_check_character(body)


@cache
def server() -> KeycloakServer:
    """Return the server of this test run, started when it is first asked for."""
    if _RUNNING:
        return KeycloakServer(_RUNNING.rstrip("/"), _PASSWORD)
    set_up.prepare_keycloak()
    folder = Path(tempfile.mkdtemp(prefix="keycloak-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(set_up.STARTED_ONCE / "data", folder / "data")
    java = find_java(os.environ)
    home = built_home(set_up.KEYCLOAK, java=java, keycloak_home=None, environment=os.environ)
    password = admin_password(set_up.STARTED_ONCE)
    started = KeycloakProcess(
        Instance(folder, home, java, free_port(), password, {LOGIN_THEME: THEME})
    )
    atexit.register(started.stop)
    started.wait_until_ready(set_up.SECONDS_TO_START)
    return KeycloakServer(started.url, password)


_numbers = count(1)


@contextmanager
def new_realm(origin: str | None = None) -> Iterator[RealmForTests]:
    """Make a realm nobody else uses, and remove it at the end."""
    origin = origin or f"http://localhost:{free_port()}"
    keys = [load_client_key(generate_client_key()) for _ in range(2)]
    platform, admin = map(public_jwks, keys)
    name = f"test-{os.getpid()}-{next(_numbers)}"
    plan = plan_realm(
        Site(
            realm=name,
            title=TITLE,
            origin=origin,
            backchannel_origin=origin,
            platform_keys=platform,
            admin_keys=admin,
        )
    )
    policy = f"{plan.settings['passwordPolicy']}{QUICK_HASH}"
    plan = replace(plan, settings={**plan.settings, "passwordPolicy": policy})
    keycloak = server()
    connection = keycloak.connection
    try:
        for change in changes(connection, plan):
            assert change.make is not None, change
            change.make()
        yield RealmForTests(keycloak, plan, origin, keys[0], keys[1])
    finally:
        with suppress(NotInRealmError):  # it was never made
            connection.delete((name,))
