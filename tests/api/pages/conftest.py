"""The application with a provider to sign in with, for all pages behind a sign-in."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import HttpUrl
from simulators.office import PUBLIC_URL, Clock
from simulators.openid_provider import OpenIdProvider, client_key, running_provider
from simulators.signed_in import connect_browser, furnish_identity
from simulators.signing_in import Scene, Somebody
from simulators.token_drafts import AT
from simulators.web import ServedOffice

from api.settings import Settings
from api.wiring import open_services
from idp.settings import IdentitySettings


@pytest.fixture(scope="module")
def furnished(office: ServedOffice, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("signing-in") / "data"
    furnish_identity(office.copy_to(folder))
    key_file = Settings(data=folder).client_key_file
    key_file.write_bytes(client_key().as_pem(private=True))
    return folder


@pytest.fixture(scope="module")
def open_scene(furnished: Path) -> Iterator[Scene]:
    with running_provider() as provider:
        settings = Settings(
            data=furnished,
            public_url=HttpUrl(PUBLIC_URL),
            identity=IdentitySettings(issuer=HttpUrl(provider.issuer)),
        )
        clock = Clock(AT)
        with open_services(settings, clock=clock) as services:
            yield Scene(services, provider, clock)


@pytest.fixture
def scene(open_scene: Scene) -> Iterator[Scene]:
    """Return the scene as it was; its clock only goes on."""
    fresh = OpenIdProvider(open_scene.provider.origin, at=open_scene.clock.at)
    provider = open_scene.provider
    for name, value in vars(fresh).items():
        if not name.startswith("_") and name != "requests":
            setattr(provider, name, value)
    provider.behave()
    open_scene.say()
    yield open_scene
    open_scene.pass_by(timedelta(minutes=1))


@pytest.fixture
def somebody(scene: Scene) -> Somebody:
    return Somebody(scene, connect_browser(scene.services))
