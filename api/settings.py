"""What the operator decides: read from the environment once, then passed down."""

from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEMONSTRATION_SITE_NAME = "示例区电子证照与电子签章服务平台（演示）"


class Environment(StrEnum):
    """Where the application runs; production refuses what development allows."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """The application's own settings (`ZHENGYIN_…`)."""

    model_config = SettingsConfigDict(env_prefix="ZHENGYIN_", extra="ignore", frozen=True)

    data: Path = Path("var")
    """The data folder: databases, key store, types, authorities, seals."""
    env: Environment = Environment.DEVELOPMENT
    public_url: HttpUrl = HttpUrl("http://localhost:8000")
    """Sealed into every certificate as the address of its QR code: it can never change."""
    database_url: SecretStr | None = None
    """The register; absent: SQLite in the data folder."""
    site_name: str = Field(default=DEMONSTRATION_SITE_NAME, min_length=1, max_length=60)

    @field_validator("public_url")
    @classmethod
    def _has_no_path(cls, public_url: HttpUrl) -> HttpUrl:
        if public_url.path not in (None, "/") or public_url.query or public_url.fragment:
            raise ValueError("ZHENGYIN_PUBLIC_URL is scheme, host and port only")
        return public_url

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public address, without a closing slash."""
        return str(self.public_url).rstrip("/")

    @property
    def host(self) -> str:
        """The host (and port) that is printed beside every QR code."""
        return urlsplit(self.origin).netloc

    def register_url(self) -> str:
        """Return the SQLAlchemy address of the register."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data / 'register.db').resolve()}"

    def with_data(self, folder: Path | None) -> Self:
        """Return these settings with another data folder (`--data DIR`)."""
        return self if folder is None else self.model_copy(update={"data": folder})
