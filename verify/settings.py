"""What the operator decides about verification (`VERIFY_…`)."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from verify.confinement import Limits

_DEFAULTS = Limits()


class VerificationSettings(BaseSettings):
    """Read once at the edge, then passed down as `Limits`."""

    model_config = SettingsConfigDict(env_prefix="VERIFY_", extra="ignore", frozen=True)

    at_once: int = Field(default=_DEFAULTS.at_once, ge=1, le=64)
    """Files examined at the same time; each may take 512 MiB."""
    syscall_filter: bool = _DEFAULTS.syscall_filter
    """`false` where the kernel offers no seccomp; see `Limits.syscall_filter` for what is lost."""

    def limits(self) -> Limits:
        """Give the limits of the sandbox."""
        return Limits(at_once=self.at_once, syscall_filter=self.syscall_filter)
