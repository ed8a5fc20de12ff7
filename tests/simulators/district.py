"""A platform with its jobs, two portals and the real Keycloak, served by threads of a test run."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import HttpUrl
from simulators.browser_session import Page
from simulators.everywhere import Everywhere, serving
from simulators.keycloak import RealmForTests, new_realm
from simulators.server import free_port
from simulators.signed_in import furnish_identity, identity_of
from simulators.web import ServedOffice

from api.app import create_app
from api.jobs import running_jobs
from api.portal_applying import apply_portals
from api.settings import Settings
from api.wiring import Services, open_services
from demo.portal_pages import create_portal
from demo.portal_parts import PortalParts, open_portal
from idp.settings import IdentitySettings

SAMPLES = Path(__file__).parents[2] / "demo" / "portals"
MARKET, CIVIL = "portal-market", "portal-civil"
SECONDS = 15
"""Two rounds of a job that runs every three seconds, on a busy machine."""


def system_clock() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds; fail when it takes longer than it may."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@dataclass(slots=True)
class District:
    """Everything that is served."""

    realm: RealmForTests
    services: Services
    portals: dict[str, PortalParts] = field(default_factory=dict)
    served: dict[str, ExitStack] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Where the platform is."""
        return self.realm.origin

    def home(self, client_id: str) -> str:
        """Return where a portal is."""
        return self.portals[client_id].portal.home

    def serve(self, client_id: str) -> None:
        """Let a portal answer, from now on."""
        port = urlsplit(self.home(client_id)).port
        assert port is not None
        self.served[client_id] = ExitStack()
        self.served[client_id].enter_context(serving(create_portal(self.portals[client_id]), port))

    def stop(self, client_id: str) -> None:
        """Let a portal be dead, from now on."""
        self.served.pop(client_id).close()

    def is_in(self, account: str) -> dict[str, int]:
        """Return how many sessions there are here, and in each portal of all together."""
        at = system_clock()
        here = identity_of(self.services).sessions.of_account(account, at=at)
        return {"platform": len(here)} | {
            client: len(parts.sessions.all(at=at)) for client, parts in self.portals.items()
        }

    def is_out(self, account: str) -> bool:
        """Tell whether nobody is signed in anywhere."""
        return not any(self.is_in(account).values())

    def look_again(self) -> None:
        """Look at the same events once more, as another process does beside the jobs."""
        identity = identity_of(self.services)
        assert identity.admin is not None
        identity.leaving.watch.follow_changes(identity.admin, at=system_clock())
        identity.leaving.watch.follow_people(identity.admin, at=system_clock())

    @contextmanager
    def somebody_in(self, username: str) -> Iterator[tuple[Everywhere, str]]:
        """Return a browser in which somebody is signed in to all three, and his account."""
        account = self.realm.people[username].account
        with Everywhere() as browser:
            self.enter(browser, username)
            assert self.is_in(account) == {"platform": 1, MARKET: 1, CIVIL: 1}
            yield browser, account

    def enter(self, browser: Everywhere, username: str) -> None:
        """Sign in to the platform, and go on to the portals."""
        for home in (self.origin, *map(self.home, self.portals)):
            page = self.sign_in(browser, username, home)
            if urlsplit(page.address).path == "/login/continue":
                page = browser.press(page, "/login/continue")
            assert page.address.startswith(home), (page.address, page.status)

    def sign_in(self, browser: Everywhere, username: str, home: str) -> Page:
        """Go to the sign-in of the platform or a portal, and fill in what is asked."""
        person = self.realm.people[username]
        return browser.sign_in(f"{home}/login", username, person.password, person.code)


@contextmanager
def open_district(
    office: ServedOffice, folder: Path, people: Mapping[str, Mapping[str, str]]
) -> Iterator[District]:
    """Serve all of it over a copy of `office` in `folder`.

    These `people` can sign in: user names, with what `RealmForTests.person` takes besides.
    """
    data = furnish_identity(office.copy_to(folder / "data")).folder
    origin = f"http://localhost:{free_port()}"
    with ExitStack() as stack:
        realm = stack.enter_context(new_realm(origin=origin))
        settings = Settings(
            data=data,
            public_url=HttpUrl(origin),
            identity=IdentitySettings(issuer=HttpUrl(realm.issuer)),
        )
        settings.client_key_file.write_bytes(realm.platform_key.as_pem(private=True))
        admin_key = data / "identity" / "platform-admin.pem"
        admin_key.write_bytes(realm.admin_key.as_pem(private=True))
        services = stack.enter_context(open_services(settings, clock=system_clock))
        district = District(realm, services)
        files = [_portal_file(sample, folder) for sample in ("market", "civil")]
        for one in apply_portals(files, settings, realm.operator, backchannel_origin=origin):
            assert one.key_file is not None
            district.portals[one.portal.client] = stack.enter_context(
                open_portal(
                    one.portal,
                    key=one.key_file.read_bytes(),
                    data=folder / one.portal.client,
                    oidc_issuer=realm.issuer,
                    platform=origin,
                )
            )
            district.serve(one.portal.client)
        stack.enter_context(serving(create_app(services, rate_limited=False), realm.port))
        stack.enter_context(running_jobs(services))
        for username, facts in people.items():
            realm.person(username, **facts)  # type: ignore[arg-type] # texts only
        # Keycloak tells only the second in which a session began: to be sure, one that began in
        # the second of a change ends with it.
        time.sleep(1)
        yield district
        for client in list(district.served):
            district.stop(client)


def _portal_file(sample: str, folder: Path) -> Path:
    """Return a portal's file with a free port for its own."""
    port = free_port()
    text = (SAMPLES / f"{sample}.yaml").read_text(encoding="utf-8")
    path = folder / f"{sample}.yaml"
    path.write_text(re.sub(r":82\d\d\b", f":{port}", text), encoding="utf-8")
    return path
