"""What a route may ask for, as annotated dependencies.

Who asks for `CurrentVisitor` cannot be called from another site: under `/v1/` a session's cookie
counts only together with a header of ours, and whatever changes something must come from our own
origin. Forms carry a secret of their session besides: `CurrentForm`.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from api.problems import ApiError
from api.visitors import (
    Visitor,
    find_visitor,
    needs_a_look,
    refresh_visitor,
    remember_visitor,
)
from api.wiring import Services
from idp.errors import (
    AssuranceTooLowError,
    CrossSiteError,
    NotSignedInError,
)
from idp.levels import AuthenticationLevel

CSRF_FIELD = "csrf_token"
OWN_HEADER = "X-Requested-With"
OWN_HEADER_VALUE = "platform"
"""No page of another site can send this header without our leave (CORS)."""
MACHINE_PATHS = "/v1/"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_FIELDS = 500
"""A schema has some dozens; a list of drafts to be approved at once has a hundred rows."""


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


CurrentServices = Annotated[Services, Depends(_services)]


def verify_same_origin(request: Request, services: Services) -> None:
    """Raise `CrossSiteError` where a request that changes something came from elsewhere."""
    origin = request.headers.get("origin")
    if request.method not in _SAFE_METHODS and origin != services.settings.origin:
        raise CrossSiteError
    machine = request.url.path.startswith(MACHINE_PATHS)
    if machine and request.headers.get(OWN_HEADER) != OWN_HEADER_VALUE:
        raise CrossSiteError
    if machine and origin not in {None, services.settings.origin}:
        raise CrossSiteError


# These are coroutines so that what blocks nothing takes no thread: each change of threads costs a
# page a third of a millisecond.


async def know_visitor(request: Request) -> None:
    """Let the page say in its header who acts for whom."""
    if needs_a_look(request.scope):
        await run_in_threadpool(remember_visitor, request.scope)


async def current_visitor(request: Request, services: CurrentServices) -> Visitor:
    """Return who is signed in; raise `NotSignedInError`, `CrossSiteError`."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    if visitor is None:
        visitor = await run_in_threadpool(find_visitor, request.scope, services)
        request.state.visitor = visitor
    if visitor is None:
        raise NotSignedInError
    verify_same_origin(request, services)
    if visitor.at >= visitor.session.refresh_due_at:
        visitor = await run_in_threadpool(refresh_visitor, request.scope, services, visitor)
        request.state.visitor = visitor
    return visitor


CurrentVisitor = Annotated[Visitor, Depends(current_visitor)]
"""Who is signed in. Nobody: a page leads to the sign-in and back, `/v1/` answers 401."""


@dataclass(frozen=True, slots=True)
class VerifiedForm:
    """A form that a page of this very session made; its values are still what somebody typed."""

    fields: tuple[tuple[str, str], ...] = field(repr=False)
    files: tuple[tuple[str, bytes], ...] = field(repr=False)

    def text(self, name: str, default: str = "") -> str:
        """Return the first value of a field."""
        return next((value for key, value in self.fields if key == name), default)

    def texts(self, name: str) -> list[str]:
        """Return all values of a field: boxes that were ticked."""
        return [value for key, value in self.fields if key == name]

    def file(self, name: str) -> bytes | None:
        """Return an uploaded file; None when none was chosen."""
        return next((data for key, data in self.files if key == name and data), None)


async def read_form(request: Request) -> VerifiedForm:
    """Return what the form of a request says, before its secret is compared."""
    fields, files = [], []
    async with request.form(max_files=1, max_fields=MOST_FIELDS) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files.append((name, await value.read()))
            else:
                fields.append((name, value))
    return VerifiedForm(tuple(fields), tuple(files))


async def verified_form(request: Request, visitor: CurrentVisitor) -> VerifiedForm:
    """Return the form of a POST. Raise `CrossSiteError` unless a page of this session made it."""
    kept: VerifiedForm | None = getattr(request.state, "form", None)
    if kept is not None:
        return kept
    sent = await read_form(request)
    visitor.session.verify_csrf(sent.text(CSRF_FIELD))
    fields = tuple((name, value) for name, value in sent.fields if name != CSRF_FIELD)
    form = VerifiedForm(fields, sent.files)
    request.state.form = form
    return form


CurrentForm = Annotated[VerifiedForm, Depends(verified_form)]


def require_level(
    level: AuthenticationLevel,
) -> Callable[[Visitor], Coroutine[Any, Any, None]]:
    """Return a dependency: who signed in less surely does so first, and comes back with his form.

    Use as `dependencies=[Depends(require_level(AuthenticationLevel.ONE_TIME_CODE))]`.
    """

    async def verify_level(visitor: CurrentVisitor) -> None:
        if visitor.level < level:
            raise AssuranceTooLowError(level)

    return verify_level


async def require_people(request: Request, services: CurrentServices) -> None:
    """Answer 404 for pages about people where nobody can sign in."""
    if services.identity is None:
        raise ApiError("not_found")
    await know_visitor(request)
