"""People in browsers: they sign in, press what a page offers, and see whether it is for everybody.

Whoever sets `WALKS_PICTURES` to a folder gets a picture of each page that is looked at.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect
from simulators.chromium import check_layout, excess_width
from simulators.demonstration import Demonstration
from simulators.keycloak import Person

from api.deps import CSRF_FIELD
from api.messages import Language, Messages, messages
from demo.portal_rendering import Texts, partial_text

PICTURES = os.environ.get("WALKS_PICTURES", "")
DESK: ViewportSize = {"width": 1280, "height": 900}
TELEPHONE: ViewportSize = {"width": 390, "height": 844}
SMALLEST: ViewportSize = {"width": 360, "height": 740}
PATIENCE_MS = 30_000
"""For a page, on a machine that does other things too."""

Passkey = dict[str, Any]
"""A credential as Chromium's virtual authenticators give and take it."""


@dataclass(slots=True)
class Walker:
    """Somebody with a browser of his own."""

    page: Page
    demonstration: Demonstration
    person: Person
    language: Language
    scripts: bool
    asked: list[str] = field(default_factory=list)

    @property
    def text(self) -> Messages:
        """The platform's words in his language."""
        return messages(self.language)

    @property
    def portal_text(self) -> Texts:
        """The portals' words in his language."""
        return partial_text(self.language.value)

    @property
    def header(self) -> Locator:
        """What says who he is and for whom he acts: on the platform, or on a portal."""
        return self.page.locator(".whoami__who, .who p")

    def go(self, path: str) -> None:
        """Open a page of the platform, or an address."""
        self.page.goto(path if "://" in path else self.demonstration.origin + path)

    def press(self, key: str, **values: object) -> None:
        """Press the platform's button of these words."""
        self.page.get_by_role("button", name=self.text(key, **values), exact=True).click()

    def follow_button(self, key: str) -> None:
        """Follow the link that looks like a button, of these words of the platform."""
        self.page.locator("a.govuk-button", has_text=self.text(key)).click()

    def press_portal(self, key: str, **values: object) -> None:
        """Press the portal's button of these words."""
        self.page.get_by_role("button", name=self.portal_text(key, **values), exact=True).click()

    def follow(self, words: str) -> None:
        """Follow the link of these words."""
        self.page.get_by_role("link", name=words, exact=True).click()

    def is_at(self, path: str) -> None:
        """Wait until the browser shows this path of the platform."""
        expect(self.page).to_have_url(self.demonstration.origin + path)

    def sign_in(self) -> None:
        """Give name and password on Keycloak's page."""
        self.page.fill("#username", self.person.username)
        self.page.fill("#password", self.person.password)
        self.page.click("#kc-login")

    def give_code(self) -> None:
        """Give a one-time code that was not used before."""
        self.page.fill("#otp", self.person.code())
        self.page.click("#kc-login")

    def look(self, name: str = "") -> None:
        """Fail when the page is not for everybody; keep a picture of it where they are wanted.

        Where no scripts run, only its width is looked at.
        """
        if self.scripts:
            check_layout(self.page)
        self._picture(name, "desk")
        self.page.set_viewport_size(SMALLEST)
        assert excess_width(self.page) == 0, self.page.url
        if PICTURES and name:
            self.page.set_viewport_size(TELEPHONE)
            self._picture(name, "telephone")
        self.page.set_viewport_size(DESK)

    def _picture(self, name: str, device: str) -> None:
        if PICTURES and name:
            path = Path(PICTURES) / f"{name}-{self.language}-{device}.png"
            self.page.screenshot(path=path, full_page=True)

    def hold_passkeys(self, *passkeys: Passkey) -> "Authenticator":
        """Give the browser an authenticator that recognises its owner, and put passkeys in."""
        cdp = self.page.context.new_cdp_session(self.page)
        cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        authenticator = Authenticator(cdp, made["authenticatorId"])
        for passkey in passkeys:
            authenticator.take(passkey)
        return authenticator


@dataclass(frozen=True, slots=True)
class Authenticator:
    """A virtual one, of one browser page."""

    cdp: Any
    id: str

    def take(self, passkey: Passkey) -> None:
        """Hold this passkey."""
        about = {"authenticatorId": self.id, "credential": passkey}
        self.cdp.send("WebAuthn.addCredential", about)

    def put_away(self) -> None:
        """Take it out of the browser's reach."""
        self.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.id})

    @property
    def passkeys(self) -> list[Passkey]:
        """All that it holds."""
        held = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        found: list[Passkey] = held["credentials"]
        return found


@contextmanager
def walker(
    browser: Browser,
    demonstration: Demonstration,
    username: str,
    *,
    language: Language = Language.CHINESE,
    scripts: bool = True,
) -> Iterator[Walker]:
    """Give somebody a browser; nothing it asks for may come from elsewhere, no address tells much.

    The codes of the protocol are the only secrets that stand in addresses.
    """
    context = browser.new_context(
        locale=language.value, java_script_enabled=scripts, viewport=DESK, accept_downloads=True
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = context.new_page()
    one = Walker(page, demonstration, demonstration.people[username], language, scripts)
    page.on("request", lambda request: one.asked.append(request.url))
    yield one
    ours = {demonstration.origin, demonstration.keycloak, *demonstration.homes.values()}
    origins = {f"{url.scheme}://{url.netloc}" for url in map(urlsplit, one.asked)}
    assert origins - ours <= {"data://"}
    told = [url for url in one.asked if CSRF_FIELD in url or one.person.password in url]
    assert told == []
    context.close()
