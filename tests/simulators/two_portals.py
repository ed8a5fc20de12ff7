"""A platform, two portals of two departments and a realm of the real Keycloak, all served."""

from collections.abc import Iterator
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
from simulators.signed_in import furnish_identity
from simulators.web import ServedOffice, furnish

from api.app import create_app
from api.portal_applying import Applied, apply_portals
from api.settings import Settings
from api.wiring import Services, open_services
from demo.portal_pages import create_portal
from demo.portal_parts import PortalParts, open_portal
from idp.levels import IdentityLevel
from idp.settings import IdentitySettings

SAMPLES = Path(__file__).parents[2] / "demo" / "portals"
MARKET, CIVIL = "portal-market", "portal-civil"
NAME = "陈示例"
USER = "chen.portal"


def clock() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class TwoPortals:
    """Everything that is served."""

    realm: RealmForTests
    services: Services
    settings: Settings
    account: str
    files: list[Path]
    applied: dict[str, Applied] = field(default_factory=dict)
    portals: dict[str, PortalParts] = field(default_factory=dict)

    def home(self, client_id: str) -> str:
        return self.portals[client_id].portal.home

    def enter(self, browser: Everywhere, client_id: str, path: str = "/") -> Page:
        """Press "sign in" on a page of a portal, and sign in by password if that is asked."""
        person = self.realm.people[USER]
        address = f"{self.home(client_id)}/login?next={path}"
        return browser.sign_in(address, USER, person.password, person.code)

    def continue_as(self, browser: Everywhere, client_id: str, path: str = "/") -> Page:
        page = self.enter(browser, client_id, path)
        assert page.asked == ()
        assert urlsplit(page.address).path == "/login/continue"
        return browser.press(page, "/login/continue")

    def sign_out(self, account: str) -> None:
        """End the provider's sessions of somebody; what it tells the platform is passed on."""
        self.realm.operator.sign_out(account)
        assert self.services.identity is not None
        self.services.identity.leaving.relay.pass_on(at=clock())

    def sessions(self, client_id: str) -> list[str]:
        return [s.account for s in self.portals[client_id].sessions.all(at=clock())]


def portal_file(sample: str, folder: Path) -> Path:
    """Return a portal's file with a free port for its own."""
    text, port = (SAMPLES / f"{sample}.yaml").read_text(encoding="utf-8"), free_port()
    for known in ("8201", "8202"):
        text = text.replace(known, str(port))
    path = folder / f"{sample}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def open_two_portals(folder: Path) -> Iterator[TwoPortals]:
    """Serve everything over a folder; the realm goes at the end."""
    office: ServedOffice = furnish(folder / "data")
    furnish_identity(office)
    port = free_port()
    origin = f"http://localhost:{port}"
    with ExitStack() as stack:
        realm = stack.enter_context(new_realm(origin=origin))
        settings = Settings(
            data=office.folder,
            public_url=HttpUrl(origin),
            identity=IdentitySettings(issuer=HttpUrl(realm.issuer)),
        )
        settings.client_key_file.write_bytes(realm.platform_key.as_pem(private=True))
        account = realm.person(USER, level=IdentityLevel.SEEN, full_name=NAME)
        files = [portal_file(sample, folder) for sample in ("market", "civil")]
        services = stack.enter_context(open_services(settings, clock=clock))
        district = TwoPortals(realm, services, settings, account, files)
        applying = apply_portals(files, settings, realm.operator, backchannel_origin=origin)
        district.applied = {one.portal.client: one for one in applying}
        for one in district.applied.values():
            assert one.key_file is not None
            parts = stack.enter_context(
                open_portal(
                    one.portal,
                    key=one.key_file.read_bytes(),
                    data=folder / one.portal.client,
                    oidc_issuer=realm.issuer,
                    platform=origin,
                )
            )
            home_port = urlsplit(one.portal.home).port
            assert home_port is not None
            stack.enter_context(serving(create_portal(parts), home_port))
            district.portals[one.portal.client] = parts
        stack.enter_context(serving(create_app(services, rate_limited=False), port))
        yield district
