"""The web application: routes, pages, limits and headers around the services."""

from fastapi import FastAPI

from api.middleware import AccessLog, BodyLimit, RateLimit, SecurityHeaders
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
    )
    app.state.services = services
    # The last one added meets a request first.
    app.add_middleware(BodyLimit)
    app.add_middleware(RateLimit, enabled=rate_limited)
    app.add_middleware(SecurityHeaders, https=settings.origin.startswith("https://"))
    app.add_middleware(AccessLog)
    install_problems(app)
    for module in (health, verifications, certificates):
        app.include_router(module.router)
    return app
