"""The web application: routes, pages, limits and headers around the services."""

from importlib.resources import files

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import Scope

from api.description import describe
from api.middleware import AccessLog, BodyLimit, RateLimit, SecurityHeaders, Unexpected
from api.pages import certificate, public
from api.problems import install_problems
from api.routes import certificates, health, verifications
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
    # The last one added meets a request first. No page holds a secret that its length could tell.
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(BodyLimit)
    app.add_middleware(Unexpected)
    app.add_middleware(RateLimit, enabled=rate_limited)
    app.add_middleware(SecurityHeaders, https=settings.is_https)
    app.add_middleware(AccessLog)
    install_problems(app)
    for module in (health, verifications, certificates, public, certificate):
        app.include_router(module.router)
    app.mount("/static", _Static(directory=str(files("api") / "static")))
    description = describe(app)
    app.openapi = lambda: description  # type: ignore[method-assign] # as FastAPI documents it
    return app


class _Static(StaticFiles):
    """The theme; browsers may keep it for an hour, so a new release is seen soon."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer the file, to be kept for an hour."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "public, max-age=3600"
        return answer
