"""Templates: one environment, escaped by default, an undefined name is an error."""

from datetime import date, datetime
from functools import cache
from http import HTTPStatus

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, Undefined
from jinja2.utils import missing
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse
from starlette.types import Scope

from api.messages import Language, messages, preferred_language
from api.visitors import Visitor, address_of
from api.wiring import Services
from certs.orders import CHINA_TIME

LANGUAGE_COOKIE = "language"
PRINT_COOKIE = "print"
LARGE_PRINT = "large"


def format_moment(moment: datetime | None) -> str:
    """Return date, time to the second and offset, as people in China read it; "—" for none."""
    if moment is None:
        return "—"
    return moment.astimezone(CHINA_TIME).strftime("%Y-%m-%d %H:%M:%S UTC+8")


def format_day(moment: datetime | date) -> str:
    """Return the day, by China's time."""
    if isinstance(moment, datetime):
        moment = moment.astimezone(CHINA_TIME)
    return moment.strftime("%Y-%m-%d")


class _UndefinedName(Undefined):
    """An undefined name is an error; components ask for members that are not there all the time."""

    def __str__(self) -> str:
        """Fail for a name, be empty for a member."""
        return str(self._fail_with_undefined_error()) if self._is_name() else ""

    def __bool__(self) -> bool:
        """Fail for a name, be false for a member."""
        return bool(self._fail_with_undefined_error()) if self._is_name() else False

    def _is_name(self) -> bool:
        # With a hint it is what the template engine itself leaves undefined, such as `caller`.
        return self._undefined_obj is missing and self._undefined_hint is None


@cache
def _environment() -> Environment:
    components = PackageLoader("govuk_frontend_jinja")
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("api"), PrefixLoader({"govuk_frontend_jinja": components})]
        ),
        autoescape=True,
        undefined=_UndefinedName,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["undefined"] = None  # components write the word where they mean nothing
    environment.filters["moment"] = format_moment
    environment.filters["day"] = format_day
    return environment


def language_of(scope: Scope) -> Language:
    """Return the language chosen on our pages, else the browser's first."""
    headers = Headers(scope=scope)
    chosen = cookie_parser(headers.get("cookie", "")).get(LANGUAGE_COOKIE)
    if chosen in set(Language):
        return Language(chosen)
    return preferred_language(headers.get("accept-language"))


def render(
    scope: Scope, template: str, *, status: HTTPStatus = HTTPStatus.OK, **context: object
) -> HTMLResponse:
    """Return the page `template` in the visitor's language and size of print."""
    language = language_of(scope)
    cookies = cookie_parser(Headers(scope=scope).get("cookie", ""))
    services: Services = scope["app"].state.services
    settings = services.settings
    visitor: Visitor | None = scope.get("state", {}).get("visitor")
    page = _environment().get_template(template)
    text = page.render(
        t=messages(language),
        language=language.value,
        other_language=next(other for other in Language if other is not language).value,
        large_print=cookies.get(PRINT_COOKIE) == LARGE_PRINT,
        here=address_of(scope),
        visitor=visitor,
        people=services.identity is not None,
        site_name=settings.site_name,
        host=settings.host,
        origin=settings.origin,
        **context,
    )
    return HTMLResponse(text, status, {"Content-Language": language.value})
