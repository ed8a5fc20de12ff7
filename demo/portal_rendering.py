"""The look of a portal: the department's own colours and words, nothing of the platform's."""

import tomllib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.portal_parts import PortalParts
from idp.portals import Colours
from idp.sessions import WebSession

TEMPLATES = Path(__file__).parent / "templates" / "portal"
LANGUAGES = ("zh-CN", "en")
LANGUAGE_COOKIE = "language"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With "no-referrer" browsers would not say whose page sent a form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class SecurityHeaders:
    """Put the headers above on every answer."""

    def __init__(self, app: ASGIApp, *, provider_origin: str) -> None:
        """Wrap `app`; forms may lead to the provider, since browsers hold redirects to it too."""
        self._app = app
        self._headers = HEADERS | {
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
                f"form-action 'self' {provider_origin}"
            )
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve with the headers added."""

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, add_headers)


def language_of(request: Request) -> str:
    """Return the language chosen on the portal's pages, else the browser's, else Chinese."""
    chosen = request.query_params.get("lang", request.cookies.get(LANGUAGE_COOKIE, ""))
    if chosen in LANGUAGES:
        return chosen
    accepted = request.headers.get("accept-language", "").lower()
    return "en" if accepted.startswith("en") else "zh-CN"


def render(
    request: Request,
    template: str,
    parts: PortalParts,
    session: WebSession | None,
    *,
    status: HTTPStatus,
    **context: object,
) -> HTMLResponse:
    """Return a page in the visitor's language, which says in its header who he is."""
    language = language_of(request)
    page = _environment().get_template(template)
    acting = context.pop("acting", parts.acting.of(session, at=parts.clock()) if session else None)
    text = page.render(
        t=partial_text(language),
        language=language,
        other_language=next(other for other in LANGUAGES if other != language),
        portal=parts.portal,
        platform=parts.platform,
        here=request.url.path if request.method == "GET" else "/",
        session=session,
        claims=session.claims if session else {},
        acting=acting,
        **context,
    )
    answer = HTMLResponse(text, status, {"Content-Language": language})
    if request.query_params.get("lang") in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, language, secure=True, httponly=True, samesite="lax")
    return answer


class Texts:
    """The portal's words in one language."""

    def __init__(self, entries: Mapping[str, Any]) -> None:
        """Take words from a table of tables."""
        self._entries = entries

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text at the dotted `key` with `values` filled in; raise `KeyError`."""
        entry: Any = self._entries
        for part in key.split("."):
            entry = entry[part]
        return str(entry).format(**values)


@cache
def partial_text(language: str) -> Texts:
    """Return the words in a language."""
    return Texts(tomllib.loads((TEMPLATES / f"{language}.toml").read_text(encoding="utf-8")))


@cache
def style_sheet(colours: Colours) -> str:
    """Return the style sheet in a department's colours."""
    sheet = (TEMPLATES / "portal.css").read_text(encoding="utf-8")
    return sheet.replace("BAND", colours.band).replace("ACCENT", colours.accent)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
