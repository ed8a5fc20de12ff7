"""Secrets that are made at the first start and kept for whoever runs us alone (mode 0600)."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from idp.client_authentication import generate_client_key

ADMIN_PASSWORD = "keycloak-admin"  # noqa: S105  # the file's name
_PASSWORD_OCTETS = 24


def admin_password(folder: Path) -> str:
    """Return the password of Keycloak's administrator."""
    made = kept(folder / ADMIN_PASSWORD, lambda: secrets.token_urlsafe(_PASSWORD_OCTETS).encode())
    return made.decode("ascii")


def key_file(folder: Path, name: str) -> Path:
    """Return where a private key of ours lies: a client's by its id, or another one."""
    return folder / f"{name}.pem"


def client_key(folder: Path, client_id: str) -> bytes:
    """Return the private key of one of our clients, in PEM."""
    return kept(key_file(folder, client_id), generate_client_key)


def kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return what `path` holds, made by `make` if nothing is there; the first to make it wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            pass  # another process made it
        finally:
            temporary.unlink()
    return path.read_bytes()
