"""Officers at their desks: browsers that are signed in, and a provider that knows them.

Everything is as in service but the provider, which is `openid_provider`: it signs in whomever the
test says, at once. Its clock stands still, and so does the office's.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
from fastapi import FastAPI
from joserfc.jwk import ECKey, RSAKey
from pydantic import HttpUrl
from simulators.attack_tokens import claims, published_keys
from simulators.office import CIVIL_AFFAIRS_BUREAU, MARKET_BUREAU, PUBLIC_URL, Clock, new_office
from simulators.officers import held, open_staff
from simulators.openid_provider import OpenIdProvider, browse, client_key, running_provider
from simulators.signed_in import identity_of, sign_in
from simulators.token_drafts import AT, CLIENT
from simulators.web import BROWSER, CHINESE
from starlette.exceptions import StarletteDeprecationWarning

from api.app import create_app
from api.deps import CSRF_FIELD
from api.identity import upgrade_database
from api.settings import Settings
from api.wiring import Services, open_services
from demo.population import Bases, BaseServer
from hsm.pinned_keys import write_pinned_keys
from idp.documents import IdentityDocument
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.names import NamedPerson, PersonName
from idp.officers import Post
from idp.persons import LevelMeans
from idp.sessions import WebSession
from idp.settings import IdentitySettings

with warnings.catch_warnings():
    # It would rather have another HTTP library than the one the other tests use.
    warnings.simplefilter("ignore", StarletteDeprecationWarning)
    from fastapi.testclient import TestClient

DRAFTER, SEALER, OTHER_SEALER = "account-drafter", "account-sealer", "account-other-sealer"
CARD_DRAFTER, CARD_SEALER = "account-card-drafter", "account-card-sealer"
KEEPER, CITIZEN = "account-keeper", "account-citizen"
CITIZENS_DOCUMENT = IdentityDocument.parse("111", "11999919570312004X")
"""That of the holder in the sample of the senior citizen's card."""

_POSTS = {
    DRAFTER: held(Post.DRAFTING, MARKET_BUREAU),
    SEALER: held(Post.SEALING, MARKET_BUREAU),
    OTHER_SEALER: held(Post.SEALING, MARKET_BUREAU),
    CARD_DRAFTER: held(Post.DRAFTING, CIVIL_AFFAIRS_BUREAU),
    CARD_SEALER: held(Post.SEALING, CIVIL_AFFAIRS_BUREAU),
    KEEPER: held(Post.SEAL_KEEPING, MARKET_BUREAU),
}


@dataclass(frozen=True, slots=True)
class Browser:
    """Somebody's browser."""

    http: httpx.Client
    session: WebSession
    origin: str

    def get(self, path: str) -> httpx.Response:
        """Open a page."""
        return self.http.get(path)

    def page(self, path: str) -> str:
        """Open a page that is there, wherever it leads, and return what it says."""
        answer = self.http.get(path, follow_redirects=True)
        assert answer.status_code == 200, (path, answer.status_code)
        return unescape(answer.text)

    def post(
        self,
        path: str,
        fields: Mapping[str, str | list[str]],
        *,
        picture: bytes | None = None,
    ) -> httpx.Response:
        """Send a form as a page of this session would."""
        return self.http.post(
            path,
            data={**fields, CSRF_FIELD: self.session.csrf},
            files=None if picture is None else {"portrait": ("photo.jpg", picture, "image/jpeg")},
            headers={"Origin": self.origin},
        )

    def fill(self, path: str, changes: Mapping[str, str], action: str) -> httpx.Response:
        """Open the form at `path`, type, and press a button."""
        typed = fields_in(self.page(path), action=path)
        return self.post(path, {**typed, **changes, "action": action})


@dataclass(slots=True)
class Desks:
    """An office whose officers work by their browsers; its provider is whichever it is."""

    services: Services
    app: FastAPI

    def browser(
        self,
        account: str,
        *,
        level: AuthenticationLevel = AuthenticationLevel.PASSWORD,
        identity_level: IdentityLevel = IdentityLevel.SEEN,
    ) -> Browser:
        """Return the browser of somebody who is signed in, with a password if nothing is said."""
        http = TestClient(
            self.app,
            base_url=self.services.settings.origin.replace("http://", "https://"),
            headers=BROWSER | CHINESE,
            raise_server_exceptions=False,
            follow_redirects=False,
        )
        session = sign_in(
            http,
            self.services,
            account=account,
            level=level,
            identity_level=identity_level,
            session_id=f"sid-{account}",
        )
        return Browser(http, session, self.services.settings.origin)

    def draft(self, browser: Browser, choice: str, changes: Mapping[str, str]) -> str:
        """Draft a certificate by the pages and return the draft's page."""
        begun = fields_in(browser.page("/office/drafts/new"), action="/office/drafts/new")
        page = browser.post("/office/drafts/new", {**begun, "choice": choice}).headers["location"]
        answer = browser.fill(page, changes, "check")
        assert answer.headers["location"] == f"{page}/preview"
        return str(page)

    def submit(self, browser: Browser, page: str) -> httpx.Response:
        """Hand a draft on from its preview."""
        fields = fields_in(browser.page(f"{page}/preview"), action=f"{page}/submit")
        return browser.post(f"{page}/submit", fields)


@dataclass(slots=True)
class DeskOffice(Desks):
    """The same with the provider of this module."""

    clock: Clock
    provider: OpenIdProvider

    def sign_in_for(
        self,
        browser: Browser,
        page: str,
        *,
        account: str,
        identity_level: str = "L3",
        level: str | None = None,
    ) -> httpx.Response:
        """Press "sign in and seal" on a request's page; the provider signs `account` in."""
        self.provider.level = level
        self.provider.change_draft = claims(sub=account, identity_level=identity_level)
        away = browser.get(f"{page}/sign-in")
        assert away.status_code == 303, away.text
        query = browse(away.headers["location"])
        return browser.get(f"/login/callback?{query}")


@contextmanager
def open_desk_office(folder: Path, public_url: str = PUBLIC_URL) -> Iterator[DeskOffice]:
    """Make an office with officers and a citizen, and open it with its provider."""
    clock = Clock(AT)
    with running_provider() as provider, serving_bases() as bases:
        settings = Settings(
            data=folder,
            public_url=HttpUrl(public_url),
            identity=IdentitySettings(
                issuer=HttpUrl(provider.issuer),
                approval_client_id=CLIENT,
                bases_url=HttpUrl(bases),
            ),
        )
        pinned = [key for key in published_keys() if (key["kty"], key["kid"]) == ("RSA", "rsa")]
        furnish_desks(settings, client_key(), pinned)
        with open_services(settings, clock=clock) as services:
            appoint(services, {account: account for account in _POSTS})
            identity_of(services).people.subjects.register(
                NamedPerson(PersonName.parse("陈样例"), CITIZENS_DOCUMENT),
                account=CITIZEN,
                means=LevelMeans.COUNTER_ORIGINAL,
                at=AT,
            )
            app = create_app(services, rate_limited=False)
            yield DeskOffice(services, app, clock, provider)


@contextmanager
def serving_bases() -> Iterator[str]:
    """Serve the bases of the demo and return their address."""
    with BaseServer(bases=Bases.load()) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.address
        server.shutdown()
        thread.join()


def furnish_desks(settings: Settings, key: ECKey, pinned: Sequence[Mapping[str, Any]]) -> None:
    """Make the data folder of an office whose provider knows us by `key` and signs by `pinned`."""
    new_office(settings.data).close()
    upgrade_database(settings)
    key_file = settings.client_key_file
    key_file.parent.mkdir(exist_ok=True)
    key_file.write_bytes(key.as_pem(private=True))
    key_file.chmod(0o600)
    write_pinned_keys(
        settings.data,
        oidc_issuer=settings.identity.issuer_text,
        client_id=settings.identity.approval_client_id,
        thumbprints=[RSAKey.import_key(dict(jwk)).thumbprint() for jwk in pinned],
    )


def appoint(services: Services, accounts: Mapping[str, str]) -> None:
    """Give these accounts the posts of the officers named above."""
    identity = identity_of(services)
    staff = open_staff(identity.transactions, identity.personal_data)
    for number, (officer, account) in enumerate(accounts.items(), 1):
        staff.appoint(account, _POSTS[officer], sequence=number, at=services.clock())


class _Fields(HTMLParser):
    """Collects what a browser would send with the form of one action."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._action = action
        self._inside = False
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = has.get("action") == self._action
        if not self._inside:
            return
        if tag == "select":
            self._select = has["name"]
            self.fields[self._select] = ""
        elif tag == "option" and "selected" in has:
            self.fields[self._select] = has["value"]
        elif tag == "textarea":
            self._textarea = has["name"]
            self.fields[self._textarea] = ""
        elif tag == "input" and (
            has.get("type") not in {"file", "radio", "checkbox"} or "checked" in has
        ):
            self.fields[has["name"]] = has.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._inside and self._textarea:
            self.fields[self._textarea] += data


def fields_in(page: str, *, action: str) -> dict[str, str]:
    """Return the fields of a form as the page shows them, without the session's secret."""
    parser = _Fields(action)
    parser.feed(page)
    parser.fields.pop(CSRF_FIELD, None)
    assert parser.fields, f"no form for {action}"
    return parser.fields


def texts(page: str) -> str:
    """Return what a page says, without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


LICENCE = f"{MARKET_BUREAU}/11999900MB0000019D001"
CARD = f"{CIVIL_AFFAIRS_BUREAU}/11999900MB0000019D002"
LICENCE_TYPED = {
    "holders/0/type": "001",
    "holders/0/number": "91999901MA1000017H",
    "holders/0/name": "示例市青禾区麦垄示例食品有限公司",
    "attributes/KZ_FDDBR": "王示例",
    "attributes/KZ_ZS": "示例市青禾区样板路1号",
    "attributes/KZ_JYCS": "示例市青禾区样板路1号示例大厦一层101至103室",
    "attributes/KZ_ZTYT": "餐饮服务经营者",
    "attributes/KZ_JYXM/0/XMMC": "热食类食品制售",
    "attributes/KZ_TSJBDH": "12315",
}
CARD_TYPED = {
    "holders/0/type": "111",
    "holders/0/number": CITIZENS_DOCUMENT.number,
    "holders/0/name": "陈样例",
    "attributes/KZ_XB": "女",
    "attributes/KZ_CSRQ": "19570312",
    "attributes/KZ_ZZ": "示例市青禾区样板路22号3单元502室",
    "attributes/KZ_YDLB": "六十周岁以上",
}
