"""Signs in as a browser would, page by page, to show that all parts play together."""

from html.parser import HTMLParser
from http import HTTPStatus
from urllib.parse import urljoin

import httpx

from demo.people_of_demo import DemoPerson

SECONDS = 20
MOST_STEPS = 30


class SignInFailedError(Exception):
    """The way ended elsewhere; the message says on which page, and nothing secret."""


def sign_in(platform: str, person: DemoPerson) -> None:
    """Sign in to the platform with name and password and see one's own page.

    Raise `SignInFailedError`.
    """
    with httpx.Client(trust_env=False, timeout=SECONDS) as browser:
        request = browser.build_request("GET", f"{platform}/login?next=/me")
        for _ in range(MOST_STEPS):
            answer = browser.send(request)
            for cookie in browser.cookies.jar:
                cookie.secure = False  # browsers trust localhost, this one does not
            if answer.next_request is not None:
                request = browser.build_request("GET", str(answer.next_request.url))
                continue
            form = _password_form(answer)
            if form is None:
                _verify_own_page(answer, platform, person)
                return
            fields = {"username": person.username, "password": person.password}
            request = browser.build_request("POST", form, data=fields)
    raise SignInFailedError("too many steps")


def _verify_own_page(answer: httpx.Response, platform: str, person: DemoPerson) -> None:
    where = answer.url.copy_with(query=None)
    if answer.status_code != HTTPStatus.OK or str(where) != f"{platform}/me":
        raise SignInFailedError(f"{where}: {answer.status_code}")
    if person.name not in answer.text:
        raise SignInFailedError(f"{where}: somebody else's page")


def _password_form(answer: httpx.Response) -> str | None:
    parser = _PasswordForm(str(answer.url))
    parser.feed(answer.text)
    return parser.action if parser.has_password else None


class _PasswordForm(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self.action: str | None = None
        self.has_password = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form" and not self.has_password:
            self.action = urljoin(self._address, said.get("action") or "")
        self.has_password |= tag == "input" and said.get("name") == "password"
