"""The key-encryption key: the one secret that opens a software key store.

It is 16 random octets, written as 32 hex digits, in a file that only its owner can read or in a
secret setting. Its id is taken from the secret itself, so that a value it wrapped tells whether
another key-encryption key is meant.
"""

import os
import secrets
import stat
from pathlib import Path

from hsm.errors import DeviceUnavailableError, UnsafeSecretError
from hsm.files import write_file
from signing.canonical import sm3
from signing.envelope import DATA_KEY_OCTETS, DataKey

_DIGITS = 2 * DATA_KEY_OCTETS
_ID_OCTETS = 8  # tells keys apart, says nothing useful about 128 random bits
_PRIVATE_MODES = {0o600, 0o400}


def parse_key_encryption_key(unverified_secret: str) -> DataKey:
    """Return the key written as 32 hex digits; raise `UnsafeSecretError` for anything else."""
    try:
        secret = bytes.fromhex(unverified_secret.strip())
    except ValueError:
        raise UnsafeSecretError("not in hex") from None
    if len(secret) != DATA_KEY_OCTETS or len(set(secret)) == 1:
        raise UnsafeSecretError("not 16 random octets")
    return DataKey(f"kek-{sm3(b'key-encryption key' + secret)[:_ID_OCTETS].hex()}", secret)


def read_key_encryption_key(path: Path) -> DataKey:
    """Return the key in the file at `path`.

    Raise `UnsafeSecretError` unless it is a regular file of this user with mode 0600 or 0400, no
    symbolic link, that holds such a key; `DeviceUnavailableError` if it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            content = file.read(_DIGITS + 2)
    except OSError as error:
        if path.is_symlink():
            raise UnsafeSecretError("a symbolic link") from None
        raise DeviceUnavailableError("key-encryption key") from error
    if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) not in _PRIVATE_MODES:
        raise UnsafeSecretError("not a file of mode 0600")
    if status.st_uid != os.geteuid():
        raise UnsafeSecretError("not this user's file")
    return parse_key_encryption_key(content.decode("ascii", "replace"))


def create_key_encryption_key(path: Path) -> None:
    """Write a new key to `path` with mode 0600, durably; leave a file that is there alone.

    Raise `DeviceUnavailableError` if it cannot be written.
    """
    secret = secrets.token_hex(DATA_KEY_OCTETS) + "\n"
    try:
        write_file(path, secret.encode("ascii"))
    except FileExistsError:
        return
    except OSError as error:
        raise DeviceUnavailableError("key-encryption key") from error
