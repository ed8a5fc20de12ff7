"""The web application: routes, pages, limits and headers around the services."""

from functools import cache, partial
from importlib.resources import files
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import Scope

from api.deps import know_visitor, require_people
from api.description import describe
from api.middleware import AccessLog, BodyLimit, RateLimit, SecurityHeaders, Unexpected
from api.pages import (
    acting,
    authorisations,
    certificate,
    counter,
    counter_documents,
    counter_mandates,
    drafts_desk,
    identity_level,
    leaving,
    mandates,
    my_certificates,
    officers_desk,
    public,
    sealing_desk,
    signing_in,
)
from api.problems import install_problems
from api.routes import acting as acting_statements
from api.routes import (
    backchannel,
    certificates,
    drafts,
    health,
    issued,
    sealings,
    verifications,
)
from api.sign_in_answers import install_sign_in_answers
from api.wiring import Services


def create_app(services: Services, *, rate_limited: bool = True) -> FastAPI:
    """Return the application over `services`, which stay open for as long as it serves."""
    settings = services.settings
    app = FastAPI(
        title=settings.site_name,
        version="1",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,  # a redirect would go to whatever host the request names
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = services
    # The last one added meets a request first. Pages may be compressed: the secret in a form looks
    # different each time.
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(BodyLimit)
    app.add_middleware(Unexpected)
    app.add_middleware(RateLimit, enabled=rate_limited)
    app.add_middleware(
        SecurityHeaders,
        https=settings.is_https,
        form_targets=_form_targets(services),
    )
    app.add_middleware(AccessLog)
    install_problems(app)
    install_sign_in_answers(app)
    for module in (health, verifications, certificates):
        app.include_router(module.router)
    for module in (public, certificate):
        app.include_router(module.router, dependencies=[Depends(know_visitor)])
    # Where nobody can sign in, these are not there.
    for module in (
        officers_desk,
        drafts_desk,
        sealing_desk,
        authorisations,
        my_certificates,
        drafts,
        sealings,
        issued,
        signing_in,
        leaving,
        backchannel,
        acting,
        mandates,
        identity_level,
        acting_statements,
        counter,
        counter_documents,
        counter_mandates,
    ):
        app.include_router(module.router, dependencies=[Depends(require_people)])
    app.mount("/static", _Static(directory=str(files("api") / "static")))
    app.openapi = cache(partial(describe, app))  # type: ignore[method-assign] # as FastAPI documents it
    return app


def _form_targets(services: Services) -> list[str]:
    """Return where a form may lead besides here: browsers hold redirects after a form to it too."""
    if services.identity is None:
        return []
    issuer = urlsplit(services.settings.identity.issuer_text)
    return [f"{issuer.scheme}://{issuer.netloc}"]


class _Static(StaticFiles):
    """The theme; browsers may keep it for an hour, so a new release is seen soon."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer the file, to be kept for an hour."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "public, max-age=3600"
        return answer
