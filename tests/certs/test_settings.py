"""The names of the register's keys can be set; nothing is read before it is asked for."""

import pytest

from certs.settings import CertsSettings


def test_keys_have_names_unless_the_environment_gives_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CERTS_DATA_KEY", raising=False)
    monkeypatch.setenv("CERTS_INDEX_KEY", "index-2")
    settings = CertsSettings()
    assert (settings.data_key, settings.index_key) == ("data-1", "index-2")
