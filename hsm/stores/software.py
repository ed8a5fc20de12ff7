"""Keys as files, each wrapped with SM4-GCM under a key-encryption key.

A key is the file `NAME.key`: canonical JSON of name, purpose, version, state, public key and the
wrapped secret. All the rest is associated data of the secret, so no part can be exchanged for that
of another file. Files appear and change in one step (temporary file, fsync, link or rename, fsync
of the folder). `store.json` says which key-encryption key belongs to the folder.

An opened key stays in memory. Each use asks the file system for the file's identity alone (no file
is read), so a key that another process disabled or removed works no more.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Self, TypeVar

from hsm.errors import (
    CorruptStoreError,
    DeviceUnavailableError,
    KeyDisabledError,
    KeyExistsError,
    KeyNotFoundError,
    PinRejectedError,
    UnsafeSecretError,
    WrongPurposeError,
)
from hsm.files import sync_folder, write_file
from hsm.keys import KeyInfo, KeyPurpose, KeyRef, KeyState
from signing.canonical import canonical_json
from signing.envelope import DataKey, IndexKey
from signing.errors import BackendUnavailableError, SigningError
from signing.sm2 import Signature, Sm2PrivateKey, Sm2PublicKey, sign_digest

VERSION = 1
"""The version of the files' form."""

_MARKER = "store.json"
_SUFFIX = ".key"
_LARGEST_FILE = 4096  # a key takes some 500 octets
_OTHERS = 0o077

_AnyKey = Sm2PrivateKey | DataKey | IndexKey
_Key = TypeVar("_Key", Sm2PrivateKey, DataKey, IndexKey)


@dataclass(frozen=True, slots=True)
class _Handle:
    """An opened key and the file it came from."""

    info: KeyInfo
    key: _AnyKey
    file: tuple[int, int]


class SoftwareKeyStore:
    """The key store in one folder. Threads and processes may share it.

    Wherever the file system fails, the error is `DeviceUnavailableError`.
    """

    def __init__(self, folder: Path, key_encryption_key: DataKey) -> None:
        """Open the store that is there.

        Raise `PinRejectedError` if it belongs to another key-encryption key, `UnsafeSecretError`
        if others may enter the folder, `DeviceUnavailableError` if there is no store.
        """
        self._folder = folder
        self._kek = key_encryption_key
        self._handles: dict[KeyRef, _Handle] = {}
        self._writer = Lock()
        with _file_system():
            if stat.S_IMODE(folder.stat().st_mode) & _OTHERS:
                raise UnsafeSecretError("the folder of the keys is not of mode 0700")
            marker = _read_small_file(folder / _MARKER)
        if marker != self._marker(str(_parse(marker).get("kek"))):
            raise CorruptStoreError(_MARKER)
        if marker != self._marker(key_encryption_key.key_id):
            raise PinRejectedError("another key-encryption key")

    @classmethod
    def create(cls, folder: Path, key_encryption_key: DataKey) -> Self:
        """Open the store in `folder`, made when there is none; otherwise as `__init__`."""
        with _file_system():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not any(path.suffix in {_SUFFIX, ".json"} for path in folder.iterdir()):
                with suppress(FileExistsError):
                    write_file(folder / _MARKER, cls._marker(key_encryption_key.key_id))
                sync_folder(folder.parent)
        return cls(folder, key_encryption_key)

    def generate(self, ref: KeyRef, purpose: KeyPurpose) -> KeyInfo:
        """Make a new key, durable on return. Raise `KeyExistsError` if the name is taken."""
        key: _AnyKey
        match purpose:
            case KeyPurpose.DATA:
                key = DataKey.generate(ref.id)
            case KeyPurpose.INDEX:
                key = IndexKey.generate(ref.id)
            case _:
                key = Sm2PrivateKey.generate()
        public_key = key.public_key if isinstance(key, Sm2PrivateKey) else None
        info = KeyInfo(ref, purpose, KeyState.ENABLED, public_key)
        with self._writer, _file_system():
            try:
                write_file(self._path(ref), self._wrap(info, key))
            except FileExistsError:
                raise KeyExistsError(ref) from None
        return info

    def describe(self, ref: KeyRef) -> KeyInfo:
        """Return what may be known about the key. Raise `KeyNotFoundError`."""
        return self._open(ref).info

    def list(self) -> list[KeyInfo]:
        """Return all keys, ordered by name."""
        with _file_system():
            names = sorted(path.stem for path in self._folder.iterdir() if path.suffix == _SUFFIX)
        try:
            refs = [KeyRef(name) for name in names]
        except ValueError:
            raise CorruptStoreError("a file that is no key") from None
        return [self.describe(ref) for ref in refs]

    def disable(self, ref: KeyRef) -> None:
        """Take the key out of use, durably; again: nothing changes. Raise `KeyNotFoundError`."""
        with self._writer, _file_system():
            handle = self._open(ref)
            info = KeyInfo(ref, handle.info.purpose, KeyState.DISABLED, handle.info.public_key)
            if handle.info != info:
                write_file(self._path(ref), self._wrap(info, handle.key), replace=True)

    def sign_digest(self, ref: KeyRef, purpose: KeyPurpose, digest: bytes) -> Signature:
        """Return a verified SM2 signature over the 32 octets of `digest`.

        Raise `KeyNotFoundError`, `KeyDisabledError`, `WrongPurposeError`.
        """
        key = self._use(ref, purpose, Sm2PrivateKey)
        try:
            return sign_digest(key, digest)
        except SigningError as error:
            raise DeviceUnavailableError(error.code) from error

    def open_data_key(self, ref: KeyRef) -> DataKey:
        """Return the key that encrypts what is kept.

        Raise `KeyNotFoundError`, `KeyDisabledError`, `WrongPurposeError`.
        """
        return self._use(ref, KeyPurpose.DATA, DataKey)

    def open_index_key(self, ref: KeyRef) -> IndexKey:
        """Return the key that makes encrypted values findable, as `open_data_key` does."""
        return self._use(ref, KeyPurpose.INDEX, IndexKey)

    def _use(self, ref: KeyRef, purpose: KeyPurpose, kind: type[_Key]) -> _Key:
        handle = self._open(ref)
        if handle.info.purpose is not purpose or not isinstance(handle.key, kind):
            raise WrongPurposeError(ref)
        if handle.info.state is not KeyState.ENABLED:
            raise KeyDisabledError(ref)
        return handle.key

    def _open(self, ref: KeyRef) -> _Handle:
        path = self._path(ref)
        with _file_system():
            try:
                status = path.lstat()
            except FileNotFoundError:
                self._handles.pop(ref, None)
                raise KeyNotFoundError(ref) from None
            file = (status.st_ino, status.st_ctime_ns)
            handle = self._handles.get(ref)
            if handle is None or handle.file != file:
                handle = _Handle(*self._unwrap(ref, _read_small_file(path)), file)
                self._handles[ref] = handle
        return handle

    def _path(self, ref: KeyRef) -> Path:
        return self._folder / f"{ref}{_SUFFIX}"

    def _wrap(self, info: KeyInfo, key: _AnyKey) -> bytes:
        secret = key.scalar if isinstance(key, Sm2PrivateKey) else key.secret
        header = _header(info)
        wrapped = self._kek.encrypt(secret, context=canonical_json(header))
        return canonical_json(header | {"wrapped": wrapped.hex()})

    def _unwrap(self, ref: KeyRef, unverified_content: bytes) -> tuple[KeyInfo, _AnyKey]:
        """Return the key in the file. Raise `CorruptStoreError` for all but what `_wrap` wrote."""
        try:
            fields = _parse(unverified_content)
            public_key = (
                Sm2PublicKey.from_point(bytes.fromhex(fields["public_key"]))
                if fields["public_key"] is not None
                else None
            )
            info = KeyInfo(
                ref, KeyPurpose(fields["purpose"]), KeyState(fields["state"]), public_key
            )
            header = _header(info)
            if unverified_content != canonical_json(header | {"wrapped": fields["wrapped"]}):
                raise CorruptStoreError(ref)
            wrapped = bytes.fromhex(fields["wrapped"])
            secret = self._kek.decrypt(wrapped, context=canonical_json(header))
            return info, _load(info, secret)
        except BackendUnavailableError as error:
            raise DeviceUnavailableError(error.code) from error
        except (KeyError, TypeError, ValueError, SigningError) as error:
            raise CorruptStoreError(ref) from error

    @staticmethod
    def _marker(key_encryption_key_id: str) -> bytes:
        return canonical_json({"version": VERSION, "kek": key_encryption_key_id})


def _header(info: KeyInfo) -> dict[str, object]:
    """Return all of a key's file but the secret, which it is bound to."""
    return {
        "id": info.ref.id,
        "purpose": info.purpose.value,
        "version": VERSION,
        "state": info.state.value,
        "public_key": info.public_key.point.hex() if info.public_key else None,
    }


def _load(info: KeyInfo, secret: bytes) -> _AnyKey:
    match info.purpose:
        case KeyPurpose.DATA:
            return DataKey(info.ref.id, secret)
        case KeyPurpose.INDEX:
            return IndexKey(info.ref.id, secret)
        case _:
            return Sm2PrivateKey.from_scalar(secret, expected=info.public_key)


def _parse(unverified_content: bytes) -> dict[str, Any]:
    """Return the JSON object in a file of the store, or an empty one."""
    try:
        fields = json.loads(unverified_content)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _read_small_file(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_LARGEST_FILE)


@contextmanager
def _file_system() -> Iterator[None]:
    """Let no other error than a `CustodyError` leave."""
    try:
        yield
    except OSError as error:
        raise DeviceUnavailableError(type(error).__name__) from error
