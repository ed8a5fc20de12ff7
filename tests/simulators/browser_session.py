"""A browser for Keycloak's pages, scripted: keeps cookies, fills forms, says where it was sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Self
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

MOST_REDIRECTS = 20
MOST_FORMS = 6


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a page, with what it would send."""

    action: str
    method: str
    id: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """Where the browser is: on a page, or sent to an address of somebody else."""

    address: str
    status: int
    html: str = field(default="", repr=False)
    left: str | None = None
    """The address outside Keycloak that the browser was sent to; it was not fetched."""
    forms: tuple[Form, ...] = ()
    asked: tuple[str, ...] = ()
    """What `sign_in` was asked for on the way: `password`, `otp`."""

    @property
    def title(self) -> str:
        """The heading of the page."""
        return _between(self.html, 'id="kc-page-title"', "<").strip()

    @property
    def query(self) -> dict[str, str]:
        """The parameters of `left`."""
        query = parse_qs(self.query_string, keep_blank_values=True)
        return {name: values[0] for name, values in query.items()}

    @property
    def query_string(self) -> str:
        """The query of `left`."""
        assert self.left is not None, f"still on {self.address}: {self.status} {self.title}"
        return urlsplit(self.left).query

    def form(self, *names: str) -> Form | None:
        """Return the form that has fields of these names, if there is one."""
        return next((form for form in self.forms if set(names) <= form.fields.keys()), None)


class BrowserSession:
    """A browser with an empty jar. Addresses outside `origin` are not followed."""

    def __init__(self, origin: str, *, language: str = "en") -> None:
        """Trust cookies of `origin`, which is plain http here, as browsers trust localhost."""
        self._origin = origin
        self.client = httpx.Client(
            trust_env=False,
            timeout=20,
            headers={"Accept-Language": language, "Accept": "text/html"},
        )

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.client.close()

    def visit(self, address: str) -> Page:
        """Go to an address and follow where it leads."""
        return self._follow(self.client.build_request("GET", address))

    def submit(self, form: Form, **fields: str) -> Page:
        """Send a form, with these fields filled in."""
        request = self.client.build_request("POST", form.action, data={**form.fields, **fields})
        return self._follow(request)

    def sign_in(
        self, address: str, username: str, password: str, code: Callable[[], str] | None = None
    ) -> Page:
        """Go to an address and fill in what is asked until the browser is sent elsewhere.

        `code` is called for a one-time code only when one is asked for. A page that cannot be got
        past is returned: its `left` is None.
        """
        page = self.visit(address)
        asked: list[str] = []
        while page.left is None and len(asked) < MOST_FORMS:
            if form := page.form("otp"):
                asked.append("otp")
                assert code is not None, "a one-time code is asked for"
                page = self.submit(form, otp=code())
            elif form := page.form("password"):
                if asked[-1:] == ["password"]:  # refused
                    break
                asked.append("password")
                name = {"username": username} if "username" in form.fields else {}
                page = self.submit(form, password=password, **name)
            else:
                break
        return replace(page, asked=tuple(asked))

    def _follow(self, request: httpx.Request) -> Page:
        for _ in range(MOST_REDIRECTS):
            response = self.client.send(request)
            for cookie in self.client.cookies.jar:
                cookie.secure = False  # httpx would not send it over http
            if response.next_request is None:
                forms = _Forms(str(response.url))
                forms.feed(response.text)
                return Page(
                    str(response.url),
                    response.status_code,
                    response.text,
                    forms=tuple(forms.found),
                )
            address = str(response.next_request.url)
            if not address.startswith(self._origin + "/"):
                return Page(str(response.url), response.status_code, left=address)
            request = self.client.build_request("GET", address)
        raise AssertionError(f"more than {MOST_REDIRECTS} redirects")


class _Forms(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self.found: list[Form] = []
        self._open: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = {}
            action = urljoin(self._address, said.get("action", ""))
            method = said.get("method", "get").lower()
            self.found.append(Form(action, method, said.get("id", ""), self._open))
        elif tag in {"input", "select", "textarea"} and self._open is not None and "name" in said:
            if said.get("type") in {"checkbox", "radio"} and "checked" not in said:
                return
            if said.get("type") != "submit":
                self._open.setdefault(said["name"], said.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


def _between(text: str, start: str, end: str) -> str:
    _, found, rest = text.partition(start)
    return rest.partition(">")[2].partition(end)[0] if found else ""
