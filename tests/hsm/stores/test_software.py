"""What the software store promises beyond the contract of every store."""

import json
import os
import stat
from pathlib import Path

import pytest
from simulators.full_disk import full_disk

from hsm.errors import (
    CorruptStoreError,
    CustodyError,
    DeviceUnavailableError,
    KeyNotFoundError,
    PinRejectedError,
    UnsafeSecretError,
)
from hsm.keys import KeyPurpose, KeyRef
from hsm.stores.software import SoftwareKeyStore
from signing.envelope import DataKey

KEK = DataKey("kek-a", bytes(range(16)))
KEY = KeyRef("unit-1")
DATA = KeyRef("data-1")
DIGEST = bytes(range(32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def store(folder: Path) -> SoftwareKeyStore:
    store = SoftwareKeyStore.create(folder, KEK)
    store.generate(KEY, KeyPurpose.SEALING)
    store.generate(DATA, KeyPurpose.DATA)
    return store


def sign(store: SoftwareKeyStore) -> None:
    store.sign_digest(KEY, KeyPurpose.SEALING, DIGEST)


def test_only_the_owner_reads_the_files(store: SoftwareKeyStore, folder: Path) -> None:
    store.disable(DATA)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert sorted(path.name for path in folder.iterdir()) == [
        "data-1.key",
        "store.json",
        "unit-1.key",
    ]


def test_no_secret_stands_in_a_file(store: SoftwareKeyStore, folder: Path) -> None:
    secret = store.open_data_key(DATA).secret
    for path in folder.iterdir():
        assert secret not in path.read_bytes()
        assert secret.hex() not in path.read_text()


def test_no_key_file_is_read_to_sign_again(
    store: SoftwareKeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(store)

    def refuse(*_: object, **__: object) -> int:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(os, "open", refuse)
    sign(store)


@pytest.mark.usefixtures("store")
def test_another_key_encryption_key_is_refused(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    other = DataKey("kek-b", bytes(16))
    for opener in (SoftwareKeyStore, SoftwareKeyStore.create):
        with pytest.raises(PinRejectedError):
            opener(folder, other)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.usefixtures("store")
def test_a_secret_that_only_claims_to_be_the_right_one_opens_nothing(folder: Path) -> None:
    impostor = SoftwareKeyStore(folder, DataKey(KEK.key_id, bytes(16)))
    with pytest.raises(CorruptStoreError):
        sign(impostor)


def test_no_octet_of_a_key_file_can_be_changed(store: SoftwareKeyStore, folder: Path) -> None:
    path = folder / "unit-1.key"
    content = path.read_bytes()
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1
        path.write_bytes(changed)
        with pytest.raises(CorruptStoreError):
            sign(SoftwareKeyStore(folder, KEK))
    path.write_bytes(content)
    sign(store)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "enabled"},
        {"purpose": "certification"},
        {"purpose": "index"},
        {"id": "unit-2"},
        {"version": 2},
        {"public_key": None},
        {"public_key": "04" + "00" * 64},
        {"wrapped": ""},
        {"wrapped": None},
        {"more": 1},
    ],
    ids=str,
)
def test_what_is_said_of_a_key_is_bound_to_its_secret(
    store: SoftwareKeyStore, folder: Path, changes: dict[str, object]
) -> None:
    store.disable(KEY)
    path = folder / "unit-1.key"
    fields = json.loads(path.read_bytes()) | changes
    path.write_text(json.dumps(fields, separators=(",", ":"), sort_keys=True))
    with pytest.raises(CorruptStoreError):
        sign(store)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 4000, b"{" * 4000], ids=len
)
def test_what_is_no_key_file_is_a_corrupt_store(
    store: SoftwareKeyStore, folder: Path, content: bytes
) -> None:
    (folder / "unit-1.key").write_bytes(content)
    with pytest.raises(CorruptStoreError):
        sign(store)


def test_one_key_is_not_taken_for_another(store: SoftwareKeyStore, folder: Path) -> None:
    store.generate(KeyRef("unit-2"), KeyPurpose.SEALING)
    (folder / "unit-1.key").write_bytes((folder / "unit-2.key").read_bytes())
    with pytest.raises(CorruptStoreError):
        sign(store)


def test_a_key_with_a_damaged_file_leaves_the_others_at_work(
    store: SoftwareKeyStore, folder: Path
) -> None:
    (folder / "data-1.key").write_bytes(b"")
    sign(SoftwareKeyStore(folder, KEK))
    with pytest.raises(CorruptStoreError):
        store.list()


def test_a_file_that_is_no_key_is_a_corrupt_store(store: SoftwareKeyStore, folder: Path) -> None:
    (folder / "no key.key").write_bytes(b"")
    with pytest.raises(CorruptStoreError):
        store.list()


def test_a_removed_key_works_no_more(store: SoftwareKeyStore, folder: Path) -> None:
    sign(store)
    (folder / "unit-1.key").unlink()
    with pytest.raises(KeyNotFoundError):
        sign(store)


def test_a_symbolic_link_is_no_key(store: SoftwareKeyStore, folder: Path) -> None:
    (folder / "unit-1.key").rename(folder / "elsewhere")
    (folder / "unit-1.key").symlink_to(folder / "elsewhere")
    with pytest.raises(DeviceUnavailableError):
        sign(store)


@pytest.mark.usefixtures("store")
def test_a_folder_that_others_may_enter_is_refused(folder: Path) -> None:
    folder.chmod(0o750)
    with pytest.raises(UnsafeSecretError):
        SoftwareKeyStore(folder, KEK)


def test_a_store_that_is_not_there_is_not_made_by_opening(folder: Path) -> None:
    with pytest.raises(DeviceUnavailableError):
        SoftwareKeyStore(folder, KEK)
    assert not folder.exists()


@pytest.mark.usefixtures("store")
def test_keys_without_their_marker_are_no_new_store(folder: Path) -> None:
    (folder / "store.json").unlink()
    with pytest.raises(DeviceUnavailableError):
        SoftwareKeyStore.create(folder, KEK)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"kek":"kek-a","version":2}'])
@pytest.mark.usefixtures("store")
def test_a_damaged_marker_is_a_corrupt_store(folder: Path, content: bytes) -> None:
    (folder / "store.json").write_bytes(content)
    with pytest.raises(CorruptStoreError):
        SoftwareKeyStore(folder, KEK)


def test_what_a_crash_left_behind_does_not_keep_a_store_from_being_made(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / ".store.json.0123").write_bytes(b"{")
    assert SoftwareKeyStore.create(folder, KEK).list() == []


def test_on_a_full_disk_a_key_is_made_whole_or_not_at_all(
    store: SoftwareKeyStore, folder: Path
) -> None:
    before = sorted(folder.iterdir())
    with full_disk(), pytest.raises(DeviceUnavailableError):
        store.generate(KeyRef("unit-2"), KeyPurpose.SEALING)
    with full_disk(), pytest.raises(DeviceUnavailableError):
        store.disable(KEY)
    assert sorted(folder.iterdir()) == before
    sign(store)
    store.generate(KeyRef("unit-2"), KeyPurpose.SEALING)


def test_what_is_no_digest_is_not_signed(store: SoftwareKeyStore) -> None:
    with pytest.raises(DeviceUnavailableError):
        store.sign_digest(KEY, KeyPurpose.SEALING, bytes(31))


def test_errors_say_nothing_of_secrets(store: SoftwareKeyStore, folder: Path) -> None:
    path = folder / "unit-1.key"
    wrapped = json.loads(path.read_bytes())["wrapped"]
    path.write_bytes(path.read_bytes().replace(b"sealing", b"index"))
    with pytest.raises(CustodyError) as caught:
        sign(store)
    assert wrapped not in repr(caught.getrepr(chain=True))
