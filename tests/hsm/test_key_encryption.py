"""The one secret that opens the key store is taken only from where nobody else can put it."""

import os
import stat
from pathlib import Path

import pytest
from simulators.full_disk import full_disk

from hsm.errors import DeviceUnavailableError, UnsafeSecretError
from hsm.key_encryption import (
    create_key_encryption_key,
    parse_key_encryption_key,
    read_key_encryption_key,
)
from hsm.settings import CustodySettings

HEX = "000102030405060708090a0b0c0d0e0f"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "kek"
    create_key_encryption_key(path)
    return path


def test_a_new_key_is_private_and_stays(path: Path) -> None:
    key = read_key_encryption_key(path)
    create_key_encryption_key(path)
    again = read_key_encryption_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (again.key_id, again.secret) == (key.key_id, key.secret)


def test_on_a_full_disk_no_half_a_key_is_left(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(DeviceUnavailableError):
        create_key_encryption_key(tmp_path / "kek")
    assert list(tmp_path.iterdir()) == []


def test_two_keys_differ_in_secret_and_id(path: Path, tmp_path: Path) -> None:
    create_key_encryption_key(tmp_path / "other")
    one, other = read_key_encryption_key(path), read_key_encryption_key(tmp_path / "other")
    assert one.secret != other.secret
    assert one.key_id != other.key_id


def test_the_id_says_nothing_of_the_secret() -> None:
    key = parse_key_encryption_key(HEX)
    assert key.key_id.removeprefix("kek-") not in HEX
    assert HEX not in repr(key)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o700, 0o4600])
def test_a_file_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(UnsafeSecretError):
        read_key_encryption_key(path)


def test_a_file_of_another_owner_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    with pytest.raises(UnsafeSecretError):
        read_key_encryption_key(path)


def test_a_symbolic_link_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(UnsafeSecretError):
        read_key_encryption_key(tmp_path / "link")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UnsafeSecretError):
        read_key_encryption_key(tmp_path / "pipe")
    with pytest.raises(DeviceUnavailableError):
        read_key_encryption_key(tmp_path)
    with pytest.raises(DeviceUnavailableError):
        read_key_encryption_key(tmp_path / "missing")
    with pytest.raises(DeviceUnavailableError):
        create_key_encryption_key(tmp_path / "missing" / "kek")


@pytest.mark.parametrize(
    "content", ["", "00", HEX + "00", HEX[:-1], "g" * 32, "00" * 16, "密" * 10], ids=len
)
def test_what_is_no_key_is_refused_without_being_quoted(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(UnsafeSecretError) as caught:
        read_key_encryption_key(path)
    assert not content or content not in str(caught.value)


def test_settings_take_the_secret_itself_before_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HSM_KEK", HEX)
    settings = CustodySettings()
    assert settings.open_key_encryption_key(tmp_path).secret.hex() == HEX
    assert not settings.kek_is_a_plain_file
    assert HEX not in repr(settings)


def test_settings_take_the_file_named_or_the_one_in_the_data_folder(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_folder = CustodySettings()
    assert in_folder.open_key_encryption_key(path.parent).secret
    assert in_folder.kek_is_a_plain_file
    assert in_folder.ledger_file(tmp_path) == tmp_path / "ledger.db"
    monkeypatch.setenv("HSM_KEK_FILE", str(path))
    monkeypatch.setenv("HSM_LEDGER_PATH", "/ledger/elsewhere.db")
    named = CustodySettings()
    assert named.open_key_encryption_key(tmp_path / "missing").secret
    assert named.ledger_file(tmp_path) == Path("/ledger/elsewhere.db")


def test_settings_refuse_two_secrets(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HSM_KEK", HEX)
    monkeypatch.setenv("HSM_KEK_FILE", str(path))
    with pytest.raises(UnsafeSecretError):
        CustodySettings().open_key_encryption_key(tmp_path)
