"""What the operator decides: read from the environment once, then passed down.

A setting that cannot be is named with its variable: `InvalidSettingsError`.
"""

from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    FilePath,
    HttpUrl,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from certs.settings import CertsSettings
from hsm.settings import CustodySettings
from idp.realm.plan import PLATFORM
from idp.server.first_secrets import key_file
from idp.settings import ClientAuthentication, IdentitySettings
from verify.settings import VerificationSettings

DEMONSTRATION_SITE_NAME = "示例区电子证照与电子签章服务平台（演示）"


class Environment(StrEnum):
    """Where the application runs; production refuses what development allows."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """The application's own settings (`ZHENGYIN_…`), and with them those of the packages."""

    model_config = SettingsConfigDict(
        env_prefix="ZHENGYIN_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    data: Path = Path("var")
    """The data folder: databases, key store, types, authorities, seals."""
    env: Environment = Environment.DEVELOPMENT
    public_url: HttpUrl = HttpUrl("http://localhost:8000")
    """Sealed into every certificate as the address of its QR code: it can never change."""
    database_url: SecretStr | None = None
    """The register; absent: SQLite in the data folder."""
    database_url_file: FilePath | None = None
    """A file that holds the same: it has a password in it."""
    site_name: str = Field(default=DEMONSTRATION_SITE_NAME, min_length=1, max_length=60)

    custody: CustodySettings = Field(default_factory=CustodySettings)
    certs: CertsSettings = Field(default_factory=CertsSettings)
    verification: VerificationSettings = Field(default_factory=VerificationSettings)
    identity: IdentitySettings = Field(default_factory=IdentitySettings)

    @field_validator("public_url")
    @classmethod
    def _has_no_path(cls, public_url: HttpUrl) -> HttpUrl:
        if public_url.path not in (None, "/") or public_url.query or public_url.fragment:
            raise ValueError("scheme, host and port only, such as https://example.test")
        return public_url

    @model_validator(mode="after")
    def _has_one_register(self) -> Self:
        if self.database_url is not None and self.database_url_file is not None:
            raise ValueError(
                "ZHENGYIN_DATABASE_URL and ZHENGYIN_DATABASE_URL_FILE exclude each other"
            )
        return self

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public address, without a closing slash."""
        return str(self.public_url).rstrip("/")

    @property
    def is_https(self) -> bool:
        """Whether the public address is encrypted."""
        return self.public_url.scheme == "https"

    @property
    def host(self) -> str:
        """The host (and port) that is printed beside every QR code."""
        return urlsplit(self.origin).netloc

    @property
    def keeps_a_register(self) -> bool:
        """Whether there is a register to ask."""
        named = self.database_url or self.database_url_file
        return named is not None or (self.data / "register.db").exists()

    @property
    def identity_folder(self) -> Path:
        """Where keys and secrets of identity lie that were made here."""
        return self.data / "identity"

    @property
    def client_key_file(self) -> Path:
        """Where the private key lies by which the provider knows us."""
        return self.identity.client_key_file or key_file(self.identity_folder, PLATFORM)

    @property
    def lets_people_in(self) -> bool:
        """Whether this data folder was prepared for people to sign in."""
        with_secret = self.identity.client_auth is ClientAuthentication.CLIENT_SECRET_BASIC
        return with_secret or self.client_key_file.exists()

    def register_url(self) -> str:
        """Return the SQLAlchemy address of the register."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        if self.database_url_file is not None:
            return self.database_url_file.read_text(encoding="utf-8").strip()
        return f"sqlite:///{(self.data / 'register.db').resolve()}"

    def with_data(self, folder: Path | None) -> Self:
        """Return these settings with another data folder (`--data DIR`)."""
        return self if folder is None else self.model_copy(update={"data": folder})


class InvalidSettingsError(Exception):
    """The environment holds a setting that cannot be; `faults` names each variable."""

    def __init__(self, error: ValidationError) -> None:
        """Name the variables of `error`, not their values."""
        self.faults = tuple(
            _variable(error.title, fault["loc"]) + fault["msg"] for fault in error.errors()
        )
        super().__init__("; ".join(self.faults))


def read_settings() -> Settings:
    """Return the settings of the environment; raise `InvalidSettingsError`."""
    try:
        return Settings()
    except ValidationError as error:
        raise InvalidSettingsError(error) from None


_SECTIONS = (Settings, CustodySettings, CertsSettings, IdentitySettings, VerificationSettings)
_PREFIXES = {section.__name__: section.model_config["env_prefix"] for section in _SECTIONS}


def _variable(section: str, location: tuple[int | str, ...]) -> str:
    name = "_".join(str(part) for part in location).upper()
    return f"{_PREFIXES[section]}{name}: " if name else ""
