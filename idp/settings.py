"""What the environment says about identity: variables with the prefix `IDP_`."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import FilePath, HttpUrl, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ClientAuthentication(StrEnum):
    """How we prove to the provider who we are."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105  # the method's name


class IdentitySettings(BaseSettings):
    """Settings with the prefix `IDP_`. Any conforming OpenID provider can stand in for Keycloak."""

    model_config = SettingsConfigDict(
        env_prefix="IDP_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    issuer: HttpUrl = HttpUrl("http://localhost:8180/realms/district")
    """The provider's issuer, octet for octet as its tokens state it."""
    client_id: str = "platform"
    client_auth: ClientAuthentication = ClientAuthentication.PRIVATE_KEY_JWT
    client_secret: SecretStr | None = None
    client_secret_file: FilePath | None = None
    client_key_file: Path | None = None
    """The private key of `private_key_jwt`; without it, `identity/platform.pem` in the data."""
    approval_client_id: str = "platform-approvals"
    """The client that officers approve through; it must use pushed requests."""
    api_audience: str = "platform-api"
    """What access tokens for our API name as audience."""

    database_url: SecretStr | None = None
    """The identity database; absent: `identity.db` in the data folder."""
    database_url_file: FilePath | None = None

    bases_url: HttpUrl | None = None
    """Where the population base and the base of legal persons are asked; absent: they are away."""

    keycloak_url: HttpUrl | None = None
    """A running Keycloak to administer; absent: one is found and started."""
    keycloak_home: Path | None = None
    """An unpacked Keycloak to start; also read from `KEYCLOAK_HOME`."""
    keycloak_port: int = 8180
    keycloak_admin: str = "admin"
    keycloak_admin_password: SecretStr | None = None
    keycloak_admin_password_file: FilePath | None = None

    @model_validator(mode="after")
    def _say_each_once(self) -> Self:
        for name in ("client_secret", "database_url", "keycloak_admin_password"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                variable = f"IDP_{name.upper()}"
                raise ValueError(f"{variable} and {variable}_FILE exclude each other")
        return self

    @model_validator(mode="after")
    def _have_a_secret_to_show(self) -> Self:
        by_secret = self.client_auth is ClientAuthentication.CLIENT_SECRET_BASIC
        if by_secret and self.client_secret is None and self.client_secret_file is None:
            raise ValueError("IDP_CLIENT_AUTH is client_secret_basic: set IDP_CLIENT_SECRET_FILE")
        return self

    @property
    def issuer_text(self) -> str:
        """The issuer as tokens state it, without a slash that nobody wrote."""
        return str(self.issuer).rstrip("/")

    def database_address(self, data_folder: Path) -> str:
        """Return the SQLAlchemy address of the identity database."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        if self.database_url_file is not None:
            return self.database_url_file.read_text(encoding="utf-8").strip()
        return f"sqlite:///{(data_folder / 'identity.db').resolve()}"
