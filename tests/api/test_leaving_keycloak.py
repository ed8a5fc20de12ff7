"""Sessions end everywhere within seconds: platform, portals, jobs and Keycloak all real."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import HttpUrl
from simulators.browser_session import Page
from simulators.everywhere import Everywhere, serving
from simulators.keycloak import RealmForTests, new_realm
from simulators.server import free_port
from simulators.signed_in import furnish_identity, identity_of
from simulators.web import ServedOffice

from api.app import create_app
from api.identity import client_key_file
from api.jobs import running_jobs
from api.portal_applying import apply_portals
from api.settings import Settings
from api.wiring import Services, open_services
from demo.portal_pages import create_portal
from demo.portal_parts import PortalParts, open_portal
from idp.history import Means
from idp.settings import IdentitySettings

pytestmark = pytest.mark.real

SAMPLES = Path(__file__).parents[2] / "demo" / "portals"
MARKET, CIVIL = "portal-market", "portal-civil"
PEOPLE = tuple(
    f"chen.{what}"
    for what in (
        "disabled",
        "reset",
        "put",
        "deleted",
        "leaving",
        "one",
        "history",
        "code",
        "alarm",
    )
)
SECONDS = 15
"""Two rounds of a job that runs every three seconds, on a busy machine."""


def clock() -> datetime:
    return datetime.now(UTC)


def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds; fail when it takes longer than it may."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@dataclass(slots=True)
class District:
    """A platform with its jobs, and two portals."""

    realm: RealmForTests
    services: Services
    portals: dict[str, PortalParts] = field(default_factory=dict)
    served: dict[str, ExitStack] = field(default_factory=dict)

    def serve(self, client_id: str) -> None:
        """Let a portal answer, from now on."""
        port = urlsplit(self.portals[client_id].portal.home).port
        assert port is not None
        self.served[client_id] = ExitStack()
        self.served[client_id].enter_context(serving(create_portal(self.portals[client_id]), port))

    def stop(self, client_id: str) -> None:
        """Let a portal be dead, from now on."""
        self.served.pop(client_id).close()

    def is_in(self, account: str) -> dict[str, int]:
        """Return how many sessions there are here, and in each portal of all together."""
        here = identity_of(self.services).sessions.of_account(account, at=clock())
        return {"platform": len(here)} | {
            client: len(parts.sessions.all(at=clock())) for client, parts in self.portals.items()
        }

    def look_again(self) -> None:
        """Look at the same events once more, as another process does beside the jobs."""
        identity = identity_of(self.services)
        assert identity.admin is not None
        identity.leaving.watch.follow_changes(identity.admin, at=clock())
        identity.leaving.watch.follow_people(identity.admin, at=clock())

    def is_out(self, account: str) -> bool:
        return not any(self.is_in(account).values())

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
        homes = [parts.portal.home for parts in self.portals.values()]
        for home in (self.realm.origin, *homes):
            page = self.sign_in(browser, username, home)
            if urlsplit(page.address).path == "/login/continue":
                page = browser.press(page, "/login/continue")
            assert page.address.startswith(home), (page.address, page.status)

    def sign_in(self, browser: Everywhere, username: str, home: str) -> Page:
        person = self.realm.people[username]
        return browser.sign_in(f"{home}/login", username, person.password, person.code)


@pytest.fixture(scope="module")
def district(office: ServedOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    folder = tmp_path_factory.mktemp("leaving")
    data = furnish_identity(office.copy_to(folder / "data")).folder
    origin = f"http://localhost:{free_port()}"
    with ExitStack() as stack:
        realm = stack.enter_context(new_realm(origin=origin))
        settings = Settings(
            data=data,
            public_url=HttpUrl(origin),
            identity=IdentitySettings(issuer=HttpUrl(realm.issuer)),
        )
        client_key_file(settings).write_bytes(realm.platform_key.as_pem(private=True))
        admin_key = data / "identity" / "platform-admin.pem"
        admin_key.write_bytes(realm.admin_key.as_pem(private=True))
        services = stack.enter_context(open_services(settings, clock=clock))
        district = District(realm, services)
        files = [portal_file(sample, folder) for sample in ("market", "civil")]
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
        for username in PEOPLE:
            realm.person(username)
        # Keycloak tells only the second in which a session began: to be sure, one that began in
        # the second of a change ends with it.
        time.sleep(1)
        yield district
        for client in list(district.served):
            district.stop(client)


def portal_file(sample: str, folder: Path) -> Path:
    """Return a portal's file with a free port for its own."""
    text, port = (SAMPLES / f"{sample}.yaml").read_text(encoding="utf-8"), free_port()
    for known in ("8201", "8202"):
        text = text.replace(known, str(port))
    path = folder / f"{sample}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_who_is_disabled_in_the_console_is_out_everywhere(district: District) -> None:
    with district.somebody_in("chen.disabled") as (_, account):
        district.realm.operator.set_enabled(account, enabled=False)
        until(lambda: district.is_out(account))


def test_a_password_reset_in_the_console_ends_what_was_opened_before(district: District) -> None:
    with district.somebody_in("chen.reset") as (browser, account):
        person = district.realm.people["chen.reset"]
        person.password = "Another-horse-8"  # noqa: S105 - of an invented person
        district.realm.operator.set_password(account, person.password, temporary=False)
        until(lambda: district.is_out(account))
        time.sleep(1)
        district.enter(browser, "chen.reset")
        district.look_again()
        assert district.is_in(account) == {"platform": 1, MARKET: 1, CIVIL: 1}
        district.realm.operator.sign_out(account)
        until(lambda: district.is_out(account))


def test_a_password_that_the_event_does_not_tell_of_is_found_too(district: District) -> None:
    with district.somebody_in("chen.put") as (_, account):
        credential = {"type": "password", "value": "Another-horse-8"}
        district.realm.operator.add_credential(account, credential)
        until(lambda: district.is_out(account))


def test_a_deleted_account_is_out_of_here(district: District) -> None:
    with district.somebody_in("chen.deleted") as (_, account):
        # Past our own pages, which sign out first: the portals find out at their next refresh.
        connection = district.realm.server.connection
        connection.delete((district.realm.name, "users", account))
        until(lambda: district.is_in(account)["platform"] == 0)
        for parts in district.portals.values():
            for session in parts.sessions.all(at=clock()):
                parts.sessions.end(session)


def test_leaving_all_with_a_dead_portal_that_comes_back(district: District) -> None:
    with district.somebody_in("chen.leaving") as (browser, account):
        page = browser.visit(f"{district.realm.origin}/services")
        assert "Food business licences" in page.html
        assert "Old-age allowances" in page.html
        district.stop(CIVIL)
        form = next(f for f in page.forms if urlsplit(f.action).path == "/logout")
        page = browser.submit(form, scope="all")
        assert urlsplit(page.address).path == "/logout/done"
        assert page.html.count(">Left<") + page.html.count("Left\n") == 2
        assert "Being told" in page.html
        assert district.is_in(account) == {"platform": 0, MARKET: 0, CIVIL: 1}
        district.serve(CIVIL)
        until(lambda: district.is_out(account))
        until(lambda: "Being told" not in browser.visit(page.address).html)
        # Keycloak knows nobody any more.
        page = browser.visit(f"{district.portals[MARKET].portal.home}/login")
        assert page.form("username", "password") is not None


def test_leaving_only_the_platform(district: District) -> None:
    with district.somebody_in("chen.one") as (browser, account):
        page = browser.visit(f"{district.realm.origin}/services")
        form = next(f for f in page.forms if urlsplit(f.action).path == "/logout")
        page = browser.submit(form, scope="this")
        assert district.is_in(account) == {"platform": 0, MARKET: 1, CIVIL: 1}
        page = browser.press(page, "/logout/rest")
        until(lambda: district.is_out(account))
        assert "You have left all services" in browser.visit(page.address).html


def test_sign_ins_are_in_the_history_once(district: District) -> None:
    history = identity_of(district.services).leaving.history
    with district.somebody_in("chen.history") as (browser, account):
        until(lambda: len(history.of_account(account, at=clock())) == 3)
        district.look_again()
        found = [(e.client_id, e.means) for e in reversed(history.of_account(account, at=clock()))]
        assert found == [
            ("platform", Means.PASSWORD),
            (MARKET, Means.EXISTING_SESSION),
            (CIVIL, Means.EXISTING_SESSION),
        ]
        page = browser.visit(f"{district.realm.origin}/me/history")
        assert page.html.count("This was not me") == 3
        assert "Food business licences" in page.html
        district.realm.operator.sign_out(account)
        until(lambda: district.is_out(account))


def test_a_one_time_code_is_told_apart(district: District) -> None:
    history = identity_of(district.services).leaving.history
    with district.somebody_in("chen.code") as (browser, account):
        home = district.portals[MARKET].portal.home
        page = browser.visit(f"{home}/matters/food-licence")
        page = browser.press(page, "/matters/food-licence", words="x")
        form = page.form("otp")
        assert form is not None
        browser.submit(form, otp=district.realm.totp_code("chen.code"))
        until(lambda: len(history.of_account(account, at=clock())) == 4)
        newest = history.of_account(account, at=clock())[0]
        assert (newest.client_id, newest.means) == (MARKET, Means.ONE_TIME_CODE)
        district.realm.operator.sign_out(account)
        until(lambda: district.is_out(account))


def test_after_this_was_not_me_the_password_opens_nothing(district: District) -> None:
    with district.somebody_in("chen.alarm") as (browser, account):
        page = browser.visit(f"{district.realm.origin}/me/history/alarm")
        page = browser.press(page, "/me/history/alarm")
        assert "The account is shut" in page.html
        until(lambda: district.is_out(account))
        for home in (district.realm.origin, district.portals[MARKET].portal.home):
            page = district.sign_in(browser, "chen.alarm", home)
            assert not page.address.startswith(home)
        identity = identity_of(district.services)
        assert identity.admin is not None
        identity.leaving.alarms.clear(account, identity.admin, clerk="clerk", at=clock())
        page = district.sign_in(browser, "chen.alarm", district.realm.origin)
        assert page.address.startswith(district.realm.origin)
