"""Settings come from the environment, and a wrong one is named by its variable."""

from pathlib import Path

import pytest
from pydantic import HttpUrl, SecretStr

from api.settings import Environment, InvalidSettingsError, Settings, read_settings

PASSWORD = "postgresql+psycopg://office:secret-word@localhost/register"  # noqa: S105 - nobody's


def test_nothing_set_is_a_development_machine() -> None:
    settings = read_settings()
    assert settings.env is Environment.DEVELOPMENT
    assert settings.origin == "http://localhost:8000"
    assert settings.host == "localhost:8000"
    assert not settings.is_https
    assert settings.register_url() == f"sqlite:///{Path('var/register.db').resolve()}"


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "ZHENGYIN_DATA": str(tmp_path),
        "ZHENGYIN_ENV": "production",
        "ZHENGYIN_PUBLIC_URL": "https://zhengzhao.example",
        "ZHENGYIN_SITE_NAME": "示例",
        "ZHENGYIN_DATABASE_URL": PASSWORD,
        "HSM_LEDGER_PATH": str(tmp_path / "elsewhere.db"),
        "CERTS_DATA_KEY": "data-7",
        "VERIFY_AT_ONCE": "2",
    }.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.env is Environment.PRODUCTION
    assert (settings.origin, settings.host) == ("https://zhengzhao.example", "zhengzhao.example")
    assert settings.is_https
    assert settings.register_url() == PASSWORD
    assert settings.custody.ledger_file(tmp_path) == tmp_path / "elsewhere.db"
    assert settings.certs.data_key == "data-7"
    assert settings.verification.limits().at_once == 2
    assert "secret-word" not in repr(settings)


def test_the_database_may_be_named_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "url"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    monkeypatch.setenv("ZHENGYIN_DATABASE_URL_FILE", str(secret))
    assert read_settings().register_url() == PASSWORD


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZHENGYIN_ENV", "staging"),
        ("ZHENGYIN_PUBLIC_URL", "not an address"),
        ("ZHENGYIN_PUBLIC_URL", "ftp://zhengzhao.example"),
        ("ZHENGYIN_PUBLIC_URL", "https://zhengzhao.example/path"),
        ("ZHENGYIN_PUBLIC_URL", "https://zhengzhao.example/?query"),
        ("ZHENGYIN_SITE_NAME", ""),
        ("ZHENGYIN_SITE_NAME", "长" * 61),
        ("ZHENGYIN_DATABASE_URL_FILE", "/nowhere/at/all"),
        ("VERIFY_AT_ONCE", "many"),
        ("VERIFY_AT_ONCE", "0"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettingsError) as caught:
        read_settings()
    (fault,) = caught.value.faults
    assert fault.startswith(f"{name}: ")


def test_every_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENGYIN_ENV", "staging")
    monkeypatch.setenv("ZHENGYIN_SITE_NAME", "")
    with pytest.raises(InvalidSettingsError) as caught:
        read_settings()
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "ZHENGYIN_ENV",
        "ZHENGYIN_SITE_NAME",
    ]


def test_one_register_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").touch()
    monkeypatch.setenv("ZHENGYIN_DATABASE_URL", PASSWORD)
    monkeypatch.setenv("ZHENGYIN_DATABASE_URL_FILE", str(tmp_path / "url"))
    with pytest.raises(InvalidSettingsError, match="exclude each other") as caught:
        read_settings()
    assert "secret-word" not in str(caught.value)


def test_a_register_is_configured_or_lies_in_the_folder(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert not settings.keeps_a_register
    assert Settings(data=tmp_path, database_url=SecretStr(PASSWORD)).keeps_a_register
    (tmp_path / "register.db").touch()
    assert settings.keeps_a_register


def test_the_folder_on_the_command_line_wins(tmp_path: Path) -> None:
    settings = Settings(data=Path("elsewhere"), public_url=HttpUrl("https://zhengzhao.example"))
    assert settings.with_data(None) is settings
    chosen = settings.with_data(tmp_path)
    assert (chosen.data, chosen.origin) == (tmp_path, settings.origin)
