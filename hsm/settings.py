"""What the environment says about custody: `HSM_KEK`, `HSM_KEK_FILE`, `HSM_LEDGER_PATH`."""

from pathlib import Path

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hsm.errors import UnsafeSecretError
from hsm.key_encryption import parse_key_encryption_key, read_key_encryption_key
from hsm.pinned_keys import parse_thumbprints
from signing.envelope import DataKey


class CustodySettings(BaseSettings):
    """Settings with the prefix `HSM_`; what is not set lies in the data folder."""

    model_config = SettingsConfigDict(env_prefix="HSM_", frozen=True, hide_input_in_errors=True)

    kek: SecretStr | None = None
    """The key-encryption key itself, from a secret store."""

    kek_file: Path | None = None
    """The file that holds it; without either, `kek` in the data folder."""

    mandate_key: str = "mandate-1"
    """The name of the key that signs mandates."""

    evidence_key: str = "evidence-1"
    """The name of the key that encrypts what proves approvals."""

    approval_keys: str | None = None
    """Thumbprints of the keys that sign approvals; without it, `approval-keys.json` in the data."""

    ledger_path: Path | None = None
    """The ledger; without it, `ledger.db` in the data folder."""

    @field_validator("approval_keys")
    @classmethod
    def _are_thumbprints(cls, approval_keys: str | None) -> str | None:
        if approval_keys is not None:
            parse_thumbprints(approval_keys)
        return approval_keys

    @property
    def kek_is_a_plain_file(self) -> bool:
        """Tell what production does not accept: a key-encryption key beside the keys."""
        return self.kek is None

    def kek_path(self, data_folder: Path) -> Path:
        """Return where the key-encryption key lies when it lies in a file."""
        return self.kek_file or data_folder / "kek"

    def ledger_file(self, data_folder: Path) -> Path:
        """Return where the ledger lies."""
        return self.ledger_path or data_folder / "ledger.db"

    def open_key_encryption_key(self, data_folder: Path) -> DataKey:
        """Return the key-encryption key; raise `UnsafeSecretError` or `DeviceUnavailableError`."""
        if self.kek is None:
            return read_key_encryption_key(self.kek_path(data_folder))
        if self.kek_file is not None:
            raise UnsafeSecretError("HSM_KEK and HSM_KEK_FILE exclude each other")
        return parse_key_encryption_key(self.kek.get_secret_value())
