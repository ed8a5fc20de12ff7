"""What a route may ask for, as annotated dependencies."""

from typing import Annotated

from fastapi import Depends, Request

from api.wiring import Services


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


CurrentServices = Annotated[Services, Depends(_services)]
