"""Whom the application trusts: our own roots always, others for a use and a time."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from simulators import pki

from api.settings import Settings
from api.trust import AnchorUse, TrustStore, read_anchors
from signing.x509 import SigningCert
from verify.errors import InvalidAnchorsError
from verify.policy import TrustAnchors

OURS, THEIRS, OTHERS = (pki.Pki.create().root.cert for _ in range(3))
SINCE, UNTIL = date(2026, 11, 1), date(2026, 11, 30)


def pem(*signing_certs: SigningCert) -> str:
    return TrustAnchors(signing_certs).to_pem()


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    return TrustStore(tmp_path / "trust", [OURS])


def trusted(store: TrustStore, at: datetime = pki.AT) -> set[SigningCert]:
    return set(store.anchors(at=at).seal)


def test_our_own_roots_are_trusted_at_all_times(store: TrustStore) -> None:
    assert trusted(store) == trusted(store, datetime(1990, 1, 1, tzinfo=UTC)) == {OURS}


def test_others_are_trusted_from_their_first_day_to_the_end_of_their_last(
    store: TrustStore,
) -> None:
    assert store.add(pem(THEIRS), AnchorUse.SEAL, since=SINCE, until=UNTIL) == 1
    assert trusted(store) == {OURS, THEIRS}
    assert trusted(store, datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)) == {OURS}
    assert trusted(store, datetime(2026, 11, 1, tzinfo=UTC)) == {OURS, THEIRS}
    assert trusted(store, datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)) == {OURS, THEIRS}
    assert trusted(store, datetime(2026, 12, 1, tzinfo=UTC)) == {OURS}


@pytest.mark.parametrize("use", [AnchorUse.LOGIN, AnchorUse.TSA])
def test_an_anchor_serves_its_use_only(store: TrustStore, use: AnchorUse) -> None:
    store.add(pem(THEIRS), use, since=SINCE, until=UNTIL)
    assert trusted(store) == {OURS}


def test_a_new_import_sets_new_terms(store: TrustStore) -> None:
    store.add(pem(THEIRS, OTHERS), AnchorUse.SEAL, since=SINCE, until=UNTIL)
    store.add(pem(THEIRS), AnchorUse.SEAL, since=SINCE, until=SINCE)
    assert trusted(store) == {OURS, OTHERS}


def test_an_import_is_there_for_the_next_process(store: TrustStore, tmp_path: Path) -> None:
    store.add(pem(THEIRS), AnchorUse.SEAL, since=SINCE, until=UNTIL)
    assert trusted(TrustStore(tmp_path / "trust", [OURS])) == {OURS, THEIRS}


def test_roots_of_others_are_not_handed_on(store: TrustStore) -> None:
    store.add(pem(THEIRS), AnchorUse.SEAL, since=SINCE, until=UNTIL)
    assert TrustAnchors.from_pem(store.export_roots()).seal == (OURS,)


@pytest.mark.parametrize("text", ["", "nonsense", pem(THEIRS)[:-40]])
def test_what_is_no_anchor_is_not_imported(store: TrustStore, text: str) -> None:
    with pytest.raises(InvalidAnchorsError):
        store.add(text, AnchorUse.SEAL, since=SINCE, until=UNTIL)
    assert trusted(store) == {OURS}


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        (".toml", None),
        (".toml", "use = 'seal'"),
        (".toml", "use = 'anything'\nfrom = 2026-01-01\nuntil = 2027-01-01"),
        (".toml", "not TOML"),
        (".pem", "not PEM"),
        (".pem", pem(THEIRS, OTHERS)),
    ],
)
def test_a_spoilt_folder_is_an_error_with_a_name(
    store: TrustStore, tmp_path: Path, ending: str, content: str | None
) -> None:
    """Trust is never guessed: not less than was imported, and not more."""
    store.add(pem(THEIRS), AnchorUse.SEAL, since=SINCE, until=UNTIL)
    path = tmp_path / "trust" / f"{THEIRS.sm3}{ending}"
    if content is None:
        path.unlink()
    else:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidAnchorsError, match=THEIRS.sm3):
        store.anchors(at=pki.AT)


def test_a_file_that_is_none_names_no_anchors(tmp_path: Path) -> None:
    binary = tmp_path / "roots.pem"
    binary.write_bytes(THEIRS.der)
    for path in (binary, tmp_path / "nothing.pem", tmp_path):
        with pytest.raises(InvalidAnchorsError):
            read_anchors(Settings(data=tmp_path), path, at=pki.AT)
