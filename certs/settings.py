"""What the environment says about certificates: `CERTS_DATA_KEY`, `CERTS_INDEX_KEY`."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class CertsSettings(BaseSettings):
    """Settings with the prefix `CERTS_`: the keys that protect the register, by their names."""

    model_config = SettingsConfigDict(env_prefix="CERTS_", frozen=True, hide_input_in_errors=True)

    data_key: str = "data-1"
    """Encrypts what the register keeps about persons."""

    index_key: str = "index-1"
    """Makes findable what is encrypted."""
