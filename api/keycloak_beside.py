"""The Keycloak that `make run` starts beside the application."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from api.realm_site import server_url
from api.settings import Settings
from idp.realm.policies import LOGIN_THEME
from idp.realm.theme.folder import THEME
from idp.server.distribution import built_home, is_built
from idp.server.first_secrets import admin_password
from idp.server.java import find_java
from idp.server.process import Instance

CACHE = Path(".cache") / "keycloak"
"""Beside the tree, not in the data: it is the same for all data."""


def is_at_hand(settings: Settings, cache: Path) -> bool:
    """Whether nothing has to be fetched or built before Keycloak can start."""
    return settings.identity.keycloak_url is not None or is_built(cache)


def keycloak_instance(settings: Settings, cache: Path) -> Instance:
    """Return what is to be started for these settings, fetched and built if need be.

    Raise `ServerStartError`.
    """
    environment = dict(os.environ)
    java = find_java(environment)
    home = settings.identity.keycloak_home
    if home is None and "KEYCLOAK_HOME" in environment:
        home = Path(environment["KEYCLOAK_HOME"])
    port = urlsplit(server_url(settings)).port or settings.identity.keycloak_port
    return Instance(
        folder=settings.data.resolve() / "keycloak",
        home=built_home(cache, java=java, keycloak_home=home, environment=environment),
        java=java,
        port=port,
        admin_password=admin_password(settings.identity_folder),
        theme_folders={LOGIN_THEME: THEME},
    )
