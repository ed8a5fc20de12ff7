"""Where OpenSSL is missing, too old, or built without SM2, one clear error says so."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from signing import libcrypto
from signing.errors import BackendUnavailableError, InvalidKeyError
from signing.libcrypto import Libcrypto

# An OpenSSL that is configured to offer nothing: as good as one built without SM2.
EMPTY_OPENSSL = """
openssl_conf = start
[start]
providers = offered
[offered]
null = active
[active]
activate = 1
"""


@pytest.mark.parametrize("library", ["libcrypto.so.not-here", "libc.so.6"])
def test_a_missing_or_foreign_library_is_named(library: str) -> None:
    with pytest.raises(BackendUnavailableError, match=library):
        Libcrypto(library)


def load_with(monkeypatch: pytest.MonkeyPatch, function: str, answer: int | None) -> Libcrypto:
    """Load an OpenSSL one of whose functions always gives `answer`."""
    lib = Libcrypto()._lib
    changed = SimpleNamespace(**{name: getattr(lib, name) for name in libcrypto._PROTOTYPES})
    setattr(changed, function, lambda *_: answer)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: changed)
    return Libcrypto()


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        ("OpenSSL_version_num", 0x1010100F),
        ("EC_GROUP_new_by_curve_name", None),
        ("EVP_PKEY_CTX_new_from_name", None),
    ],
)
def test_an_old_openssl_or_one_without_sm2_is_refused(
    monkeypatch: pytest.MonkeyPatch, function: str, answer: int | None
) -> None:
    with pytest.raises(BackendUnavailableError):
        load_with(monkeypatch, function, answer)


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        ("EVP_PKEY_fromdata_init", 0),
        ("EVP_PKEY_CTX_new_from_pkey", None),
        ("EVP_PKEY_sign_init", 0),
        ("EVP_PKEY_sign", -1),
        ("EVP_PKEY_verify_init", -2),
    ],
)
def test_what_openssl_cannot_do_says_nothing_about_key_or_signature(
    monkeypatch: pytest.MonkeyPatch, function: str, answer: int | None
) -> None:
    """Where memory is short, for example, a signature is not thereby proven wrong."""
    backend = load_with(monkeypatch, function, answer)
    with pytest.raises(BackendUnavailableError):  # noqa: PT012 - whichever comes to it first
        key = backend.load_private_key(bytes(31) + b"\x05")
        key.verify_digest(bytes(32), key.sign_digest(bytes(32)))


def test_an_openssl_that_offers_no_sm2_is_refused(tmp_path: Path) -> None:
    configuration = tmp_path / "openssl.cnf"
    configuration.write_text(EMPTY_OPENSSL)
    program = (
        "from signing.errors import BackendUnavailableError\n"
        "from signing.libcrypto import Libcrypto\n"
        "try:\n"
        "    Libcrypto()\n"
        "except BackendUnavailableError as error:\n"
        "    print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OPENSSL_CONF": str(configuration)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "sm2_unavailable\n"


def test_the_scalar_zero_has_no_point() -> None:
    """Ranges are checked in `signing.sm2`; the backend still names what it cannot do."""
    with pytest.raises(InvalidKeyError):
        Libcrypto().load_private_key(bytes(32))
