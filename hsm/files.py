"""Small files that appear whole and durable, or not at all."""

import os
from pathlib import Path
from secrets import token_hex


def write_file(path: Path, content: bytes, *, replace: bool = False) -> None:
    """Put `content` at `path` with mode 0600, on the disk on return.

    Raise `FileExistsError` if something is there already and is not to be replaced, another
    `OSError` if the file cannot be written; then everything is as it was.
    """
    temporary = path.with_name(f".{path.name}.{token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Return when the names in `folder` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
