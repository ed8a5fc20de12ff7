"""What signing in, acting and leaving leave behind: nothing in logs, addresses, errors, databases.

Names, document numbers, user names, passwords, one-time codes, tokens, cookies and the secrets of
forms are collected while somebody walks through everything; then all that was written is searched.
"""

import json
import re
import sqlite3
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from urllib.parse import quote, urlsplit

import httpx
import pytest
from simulators.browser_session import Page
from simulators.district import CIVIL, MARKET, District, open_district, system_clock, until
from simulators.everywhere import Everywhere
from simulators.signed_in import identity_of
from simulators.web import furnish

from api.logs import configure_logs

pytestmark = pytest.mark.real

USER = "chen.traces"
NAME = "欧阳示例踪"
DOCUMENT_NUMBER = "110000190001018889"
TYPED = "小吃店一间在示例路"
CODE = re.compile(r"[?&]code=([^&]+)")
HIDDEN = re.compile(r'name="(?:csrf_token|leaving)" value="([^"]+)"')
ADDRESS = re.compile(r'(?:href|src|action)="([^"]*)"')
JWT = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}")


@dataclass
class Walk:
    """What somebody saw and was given on his way."""

    district: District
    log: Path
    secrets: dict[str, set[str]] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=set)
    """Those he was at or was sent to."""
    links: set[str] = field(default_factory=set)
    """Those on our pages and the portals'."""
    errors: list[httpx.Response] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    def note(self, kind: str, *values: str) -> None:
        self.secrets.setdefault(kind, set()).update(value for value in values if value)

    def see(self, response: httpx.Response) -> None:
        """Note an answer of the way, and what was asked for it."""
        self.addresses.add(str(response.request.url))
        self.addresses.add(response.headers.get("location", ""))
        self.note("code", *CODE.findall(response.headers.get("location", "")))
        for cookie in response.headers.get_list("set-cookie"):
            self.note("cookie", cookie.partition("=")[2].partition(";")[0].strip('"'))
        self.statuses.add(response.status_code)
        if not str(response.url).startswith(self.district.realm.server.url):
            response.read()
            self.note("form", *HIDDEN.findall(response.text))
            self.links.update(ADDRESS.findall(response.text))
            if response.status_code >= 400:
                self.errors.append(response)

    def note_tokens(self) -> None:
        """Note the tokens of all that are signed in anywhere."""
        keepers = [identity_of(self.district.services).sessions]
        keepers += [parts.sessions for parts in self.district.portals.values()]
        for sessions in keepers:
            for session in sessions.all(at=system_clock()):
                tokens = session.tokens
                self.note("token", tokens.id_token, tokens.access_token, tokens.refresh_token or "")

    @property
    def all_secrets(self) -> set[str]:
        return {value for values in self.secrets.values() for value in values if len(value) > 5}


@contextmanager
def logging_to(log: TextIO) -> Iterator[None]:
    """Let everything be logged as `serve` logs it, into a file."""
    with redirect_stderr(log):
        configure_logs()
        yield
    configure_logs()


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Walk through everything once."""
    folder = tmp_path_factory.mktemp("traces")
    office = furnish(folder / "office")
    log = folder / "log"
    with (
        log.open("w", encoding="utf-8") as written,
        logging_to(written),
        open_district(
            office, folder, {USER: {"full_name": NAME, "document_number": DOCUMENT_NUMBER}}
        ) as district,
    ):
        walk = Walk(district, log)
        person = district.realm.people[USER]
        walk.note("person", USER, NAME, DOCUMENT_NUMBER, person.password, TYPED)
        with Everywhere() as browser:
            browser.client.event_hooks["response"].append(walk.see)
            sign_in_everywhere(walk, browser)
            look_at_everything(walk, browser)
            send_forms(walk, browser)
            say_too_much(walk, browser)
            leave(walk, browser)
        for home in (district.home(CIVIL), district.origin):
            with Everywhere() as browser:
                browser.client.event_hooks["response"].append(walk.see)
                let_somebody_else_in(walk, browser, home)
        written.flush()
        yield walk


def sign_in_everywhere(walk: Walk, browser: Everywhere) -> None:
    walk.district.enter(browser, USER)
    walk.note_tokens()


def look_at_everything(walk: Walk, browser: Everywhere) -> None:
    origin = walk.district.origin
    paths = [
        "/me",
        "/me/history",
        "/me/history.csv",
        "/me/history.json",
        "/me/history/alarm",
        "/me/certificates",
        "/me/mandates",
        "/acting",
        "/services",
        "/office",
        "/office/drafts",
        "/office/counter",
        "/login",
        "/v1/acting",
        "/v1/drafts",
    ]
    pages = [browser.visit(origin + path) for path in paths]
    assert NAME in pages[0].html
    assert [page.status for page in pages[:4]] == [200] * 4
    home = walk.district.home(MARKET)
    for path in ("/", "/matters/food-licence", "/matters/unknown", "/logout/done"):
        browser.visit(home + path)


def send_forms(walk: Walk, browser: Everywhere) -> None:
    """Step up, with something typed that is kept meanwhile."""
    district = walk.district
    page = browser.visit(f"{district.home(MARKET)}/matters/food-licence")
    page = browser.press(page, "/matters/food-licence", words=TYPED)
    form = page.form("otp")
    assert form is not None
    code = district.realm.totp_code(USER)
    walk.note("person", code)
    page = browser.submit(form, otp=code)
    assert urlsplit(page.address).path.startswith("/login/resume/")
    browser.press(page, "/matters/food-licence")
    walk.note_tokens()
    page = browser.visit(f"{district.home(CIVIL)}/matters/allowance")
    assert DOCUMENT_NUMBER in page.html


def say_too_much(walk: Walk, browser: Everywhere) -> None:
    """Put into requests what does not belong there: it must not be repeated."""
    origin, home = walk.district.origin, walk.district.home(CIVIL)
    secrets = [NAME, DOCUMENT_NUMBER, *(max(values) for values in walk.secrets.values())]
    with httpx.Client(trust_env=False) as nobody:
        for site in (origin, home):
            for secret in secrets:
                path, form = quote(secret, safe=""), {"csrf_token": secret, "next": secret}
                say(walk, nobody, "GET", f"{site}/nowhere/{path}")
                say(walk, nobody, "GET", f"{site}/login/callback?code={path}&state={path}")
                say(walk, nobody, "GET", f"{site}/login/resume/{path}")
                say(walk, nobody, "POST", f"{site}/login/continue", form)
                for end in ("", f"/{path}"):
                    address = f"{site}/logout/backchannel{end}"
                    say(walk, nobody, "POST", address, {"logout_token": secret})
    for path in ("/logout", "/me/history/alarm", "/acting", "/logout/rest"):
        data = {"csrf_token": NAME, "scope": DOCUMENT_NUMBER, "leaving": NAME}
        browser.client.post(origin + path, data=data, headers={"Origin": origin})
    for path in ("/v1/drafts", "/v1/sealings", "/v1/acting"):
        headers = {"Origin": origin, "Authorization": f"Bearer {max(walk.secrets['token'])}"}
        browser.client.post(origin + path, json={NAME: DOCUMENT_NUMBER}, headers=headers)


def say(
    walk: Walk,
    nobody: httpx.Client,
    method: str,
    address: str,
    form: dict[str, str] | None = None,
) -> None:
    """Send a request of somebody without a cookie, and look only at how it is answered."""
    split = urlsplit(address)
    local = address.replace(split.netloc, f"127.0.0.1:{split.port}", 1)
    headers = {"Host": split.netloc, "Accept": "text/html"}
    nobody.cookies.clear()
    response = nobody.request(method, local, headers=headers, data=form)
    walk.statuses.add(response.status_code)
    if response.status_code >= 400:
        walk.errors.append(response)


def leave(walk: Walk, browser: Everywhere) -> None:
    """Leave all, while one portal is dead; then let it come back."""
    district = walk.district
    page = browser.visit(f"{district.origin}/services")
    district.stop(CIVIL)
    form = next(form for form in page.forms if urlsplit(form.action).path == "/logout")
    page = browser.submit(form, scope="all")
    assert_waits(page)
    district.serve(CIVIL)
    account = district.realm.people[USER].account
    until(lambda: district.is_out(account))
    history = identity_of(district.services).leaving.history
    until(lambda: len(history.of_account(account, at=system_clock())) >= 3)


def let_somebody_else_in(walk: Walk, browser: Everywhere, home: str) -> None:
    """Be known already, and say "sign in as somebody else"."""
    district = walk.district
    district.sign_in(browser, USER, district.home(MARKET))
    page = browser.visit(f"{home}/login")
    assert urlsplit(page.address).path == "/login/continue"
    walk.note_tokens()
    page = browser.press(page, "/login/other")
    for form in page.forms:
        if "/logout-confirm" in form.action:
            page = browser.submit(form)
    assert page.form("username", "password") is not None


def assert_waits(page: Page) -> None:
    assert "Being told" in page.html


def written_forms(secret: str) -> set[str]:
    """Return how a log or an address may spell it."""
    return {secret, json.dumps(secret).strip('"'), quote(secret), quote(secret, safe="")}


def leaks(text: str, secrets: set[str]) -> list[str]:
    return [secret for secret in secrets if any(form in text for form in written_forms(secret))]


# ---- what was written ----


def test_the_walk_saw_what_it_is_about(walk: Walk) -> None:
    """A search for nothing finds nothing."""
    assert {kind: bool(values) for kind, values in walk.secrets.items()} == dict.fromkeys(
        ("person", "cookie", "form", "token", "code"), True
    )
    assert {200, 303, 400, 403, 404} <= walk.statuses
    assert len(walk.errors) > 50
    assert all(len(JWT.findall(secret)) == 1 for secret in walk.secrets["token"])


def test_no_log_holds_any_of_it(walk: Walk) -> None:
    log = walk.log.read_text(encoding="utf-8")
    assert log.count('"event": "request"') > 60
    assert '"route": "/login/callback"' in log
    assert "Traceback" not in log
    assert '"event": "unexpected_error"' not in log
    assert leaks(log, walk.all_secrets) == []
    assert JWT.findall(log) == []


def test_no_address_holds_any_of_it_but_a_code_on_its_way(walk: Walk) -> None:
    """A code of the provider travels in the address of the callback, once: so OAuth wants it."""
    codes = walk.secrets["code"]
    others = walk.all_secrets - codes
    for address in walk.addresses | walk.links:
        assert JWT.findall(address) == [], urlsplit(address).path
        if is_of_provider(walk, address):
            continue  # its own cookies and states are its affair
        assert leaks(address, others) == [], urlsplit(address).path
        if urlsplit(address).path != "/login/callback":
            assert leaks(address, codes) == [], urlsplit(address).path


def is_of_provider(walk: Walk, address: str) -> bool:
    return address.startswith(walk.district.realm.server.url)


def test_no_error_repeats_what_was_sent(walk: Walk) -> None:
    for answer in walk.errors:
        told = answer.text + json.dumps(dict(answer.headers))
        about = walk.secrets["token"] | walk.secrets["code"] | {NAME, DOCUMENT_NUMBER, TYPED}
        of_nobody = "cookie" not in answer.request.headers
        if not of_nobody:
            # The header says to somebody who he is.
            about -= {NAME}
        assert leaks(told, about) == [], (answer.status_code, answer.request.url.path)


def test_only_what_belongs_to_a_person_is_on_his_pages(walk: Walk) -> None:
    """No page shows a token; none but that of the portal that was granted it shows the number."""
    for link in walk.links:
        assert JWT.findall(link) == []


def streams(data: bytes) -> Iterator[bytes]:
    """Return the data, and whatever in it can be inflated."""
    yield data
    for header in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
        place = data.find(header)
        while place != -1:
            with suppress(zlib.error):
                yield zlib.decompressobj().decompress(data[place:], 10_000_000)
            place = data.find(header, place + 1)


def everything_in(database: Path) -> bytes:
    """Return the octets of a database, of what lies beside it, and of every value in it."""
    parts = [path.read_bytes() for path in database.parent.glob(f"{database.name}*")]
    connection = sqlite3.connect(database)
    names = connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
    for (table,) in names:
        for row in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 - its own tables
            parts += [v if isinstance(v, bytes) else str(v).encode() for v in row]
    connection.close()
    return b"\n".join(stream for part in parts for stream in streams(part))


def test_no_database_shows_any_of_it(walk: Walk) -> None:
    data = walk.district.services.settings.data
    databases = [data / name for name in ("identity.db", "register.db", "ledger.db")]
    databases += sorted(data.parent.glob("portal-*/portal.db"))
    assert len(databases) == 5
    account = walk.district.realm.people[USER].account
    for database in databases:
        dump = everything_in(database)
        if database.name == "identity.db":  # what is plain by design, so that something is found
            assert account.encode() in dump
        found = [
            secret
            for secret in walk.all_secrets
            for octets in (secret.encode(), secret.encode("utf-16-be"), secret.encode("gb18030"))
            if octets in dump
        ]
        assert found == [], database.name


def test_nothing_was_written_to_the_screen(walk: Walk, capfd: pytest.CaptureFixture[str]) -> None:
    sys.stdout.flush()
    assert leaks(capfd.readouterr().out, walk.all_secrets) == []
