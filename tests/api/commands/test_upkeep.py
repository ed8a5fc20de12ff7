"""`init`, catalogue, register entries, ledger, anchors."""

import shutil
import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest
from simulators.office import CIVIL_AFFAIRS_BUREAU, FOOD_LICENCE, MARKET_BUREAU, SENIOR_CARD
from simulators.terminal import Desk, zhengyin

from api.messages import Language, messages
from certs.lifecycle import LegalKind

# ---- init ----


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of every file, but for what SQLite writes beside its databases."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def test_initialising_again_changes_nothing(own_desk: Desk) -> None:
    before = contents(own_desk.data)
    told = own_desk.run("init")
    assert (told.status, told.out) == (0, f"Ready: {own_desk.data}\n")
    assert contents(own_desk.data) == before


def test_what_is_missing_is_made_and_what_was_changed_is_left(own_desk: Desk) -> None:
    authority = own_desk.data / "authorities" / f"{MARKET_BUREAU}.toml"
    changed = authority.read_text(encoding="utf-8") + "\n# ours\n"
    authority.write_text(changed, encoding="utf-8")
    (own_desk.data / "authorities" / f"{CIVIL_AFFAIRS_BUREAU}.toml").unlink()
    assert own_desk.run("init").status == 0
    assert authority.read_text(encoding="utf-8") == changed
    assert (own_desk.data / "authorities" / f"{CIVIL_AFFAIRS_BUREAU}.toml").exists()


def test_secrets_are_the_owners_alone(desk: Desk) -> None:
    for name in ("kek", "register.db", "ledger.db", "keys/root.key"):
        assert (desk.data / name).stat().st_mode & 0o077 == 0, name


def test_in_production_what_is_missing_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHENGYIN_ENV", "production")
    monkeypatch.setenv("HSM_KEK", "00112233445566778899aabbccddeeff")
    data = tmp_path / "data"
    told = zhengyin("init", "--data", data)
    assert told.status == 0
    for name in ("types", "authorities", "pki", "seals"):
        assert f"Still to be brought: {data / name}" in told.out
        assert not (data / name).exists()
    assert not (data / "kek").exists()
    assert {path.name for path in data.iterdir()} >= {"register.db", "ledger.db", "keys"}


def test_production_refuses_what_development_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHENGYIN_ENV", "production")
    told = desk.run("serve")
    assert told.status == 78
    assert "[production_refused]" in told.err
    for named in ("HSM_KEK", "ZHENGYIN_PUBLIC_URL", "ZHENGYIN_SITE_NAME", "pki/root.der", ".esl"):
        assert f"{named}: " in told.err


def test_a_wrong_setting_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENGYIN_ENV", "staging")
    monkeypatch.setenv("ZHENGYIN_PUBLIC_URL", "nonsense")
    for command in (("init",), ("resume",), ("types",), ("serve",), ("verify", desk.licence)):
        told = desk.run(*command)
        assert told.status == 78
        assert [line.partition(": ")[0] for line in told.err.splitlines()] == [
            "ZHENGYIN_ENV",
            "ZHENGYIN_PUBLIC_URL",
        ]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda data: (data / "kek").unlink(), "device_unavailable"),
        (lambda data: (data / "kek").chmod(0o644), "unsafe_secret"),
        (lambda data: (data / "kek").write_text("0123456789abcdef" * 2), "pin_rejected"),
        (lambda data: (data / "keys" / "data-1.key").unlink(), "key_not_found"),
        (lambda data: (data / "pki" / "root.der").unlink(), "incomplete_pki"),
        (lambda data: (data / "pki" / "root.der").write_bytes(b"x"), "incomplete_pki"),
        (lambda data: next((data / "seals").iterdir()).write_bytes(b"x"), "seal_not_usable"),
    ],
)
def test_a_part_that_is_not_in_order_is_named(own_desk: Desk, spoil: object, code: str) -> None:
    assert callable(spoil)
    spoil(own_desk.data)
    told = own_desk.run("resume")
    assert told.status == 75
    assert f"[{code}]" in told.err


# ---- catalogue and authorities ----


def test_types_are_listed(desk: Desk) -> None:
    told = desk.run("types", "--json")
    assert told.status == 0
    assert {kind["slug"]: (kind["form"], kind["public_register"]) for kind in told.json} == {
        FOOD_LICENCE: ("ses", True),
        SENIOR_CARD: ("pades", False),
    }
    listed = desk.run("types")
    assert listed.status == 0
    assert FOOD_LICENCE in listed.out


def test_authorities_are_listed(desk: Desk) -> None:
    told = desk.run("authorities", "--json")
    assert told.status == 0
    assert {MARKET_BUREAU, CIVIL_AFFAIRS_BUREAU} < {authority["uscc"] for authority in told.json}
    assert MARKET_BUREAU in desk.run("authorities").out


def test_an_empty_catalogue_is_an_empty_list(own_desk: Desk) -> None:
    shutil.rmtree(own_desk.data / "types")
    (own_desk.data / "types").mkdir()
    assert own_desk.run("types", "--json").json == []
    assert own_desk.run("types").status == 0


def test_a_good_type_has_no_fault(desk: Desk) -> None:
    for folder in (desk.data / "types").glob("*/1"):
        told = zhengyin("types", "--check", folder)
        assert (told.status, told.err) == (0, "")


def test_every_fault_of_a_type_is_listed(own_desk: Desk) -> None:
    folder = next((own_desk.data / "types").glob("*D001/1"))
    (folder / "background.svg").unlink()
    (folder / "sample.json").write_text("{}", encoding="utf-8")
    told = zhengyin("types", "--check", folder)
    assert told.status == 65
    assert "background.svg" in told.err
    assert "sample.json#/holders" in told.err
    assert own_desk.run("types").status == 65


# ---- register ----


def test_an_entry_is_shown_masked(desk: Desk) -> None:
    number = desk.run("verify", desk.card, "--json").json[0]["certificate"]["number"]
    told = desk.run("show", number, "--json")
    sealed = desk.run("extract", desk.card).json
    (holder,) = sealed["metadata"]["holders"]
    assert told.status == 0
    assert told.json["number"] == number
    assert told.json["status"] == "valid"
    assert [event["act"] for event in told.json["events"]] == ["issued"]
    for secret in (holder["CZZT"], holder["CZZTDM"]):
        assert secret not in told.out
        assert secret not in desk.run("show", number).out


def test_an_unknown_number_is_unknown(desk: Desk) -> None:
    for command in (("show", "X1"), ("revoke", "X1", "--reason", "zhuxiao")):
        told = desk.run(*command)
        assert told.status == 67
        assert "[unknown_certificate]" in told.err


def test_a_revoked_certificate_is_not_in_force(own_desk: Desk) -> None:
    number = own_desk.issue("--json", "-o", own_desk.licence).json["number"]
    assert own_desk.run("revoke", number, "--reason", "yishi").status == 0
    told = own_desk.run("verify", own_desk.licence, "--json")
    assert told.status == 1
    (report,) = told.json
    assert (report["verdict"], report["reason_code"]) == ("not_in_force", "certificate_revoked")
    assert report["certificate"]["legal_kind"] == "yishi"
    again = own_desk.run("revoke", number, "--reason", "zhuxiao")
    assert again.status == 69
    assert "[illegal_transition]" in again.err
    assert own_desk.run("ledger", "verify").status == 0


@pytest.mark.parametrize("reason", LegalKind)
def test_it_is_revoked_on_a_ground_of_the_law(own_desk: Desk, reason: LegalKind) -> None:
    number = own_desk.issue("--json", "-o", own_desk.licence).json["number"]
    told = own_desk.run("revoke", number, "--reason", reason, language="zh_CN.UTF-8")
    assert told.out == f"{number} {messages(Language.CHINESE)(f'legal_kind.{reason}')}\n"
    event = own_desk.run("show", number, "--json").json["events"][-1]
    assert (event["act"], event["legal_kind"]) == ("revoked", reason)


def test_a_ground_that_the_law_does_not_know_is_refused(desk: Desk) -> None:
    assert desk.run("revoke", "X1", "--reason", "mood").status == 2


# ---- ledger ----


def tamper(database: Path, *statements: str) -> None:
    """Change a database past its own guards, as one who owns the disk can."""
    with sqlite3.connect(database) as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in connection.execute(query).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_whole_ledger_is_proven(desk: Desk) -> None:
    told = desk.run("ledger", "verify")
    assert told.status == 0
    assert told.out.startswith("The ledger is whole and agrees with the register.")


def test_a_changed_row_is_named(own_desk: Desk) -> None:
    tamper(own_desk.data / "ledger.db", "UPDATE events SET officer = 'x' WHERE number = 2")
    told = own_desk.run("ledger", "verify")
    assert told.status == 1
    assert told.err == "The ledger was changed from row 2 on.\n"


def test_a_certificate_that_is_gone_from_the_register_is_missed(own_desk: Desk) -> None:
    tamper(
        own_desk.data / "register.db",
        "DELETE FROM holders",
        "DELETE FROM files",
        "DELETE FROM lifecycle_events",
        "DELETE FROM certificates",
    )
    told = own_desk.run("ledger", "verify")
    assert told.status == 1
    assert told.err.startswith("They differ: ")


# ---- anchors ----


def test_anchors_of_others_count_for_their_time(own_desk: Desk, tmp_path: Path) -> None:
    other = Desk(tmp_path / "other")
    assert other.run("init").status == 0
    roots = tmp_path / "others.pem"
    assert other.run("trust", "export", "-o", roots).status == 0

    def reasons(*arguments: str) -> list[str]:
        codes: list[str] = other.run("verify", own_desk.licence, "--json", *arguments).json[0][
            "reason_codes"
        ]
        return codes

    assert "unknown_anchor" in reasons("--policy", "seal-only")
    terms = ("--use", "seal", "--from", "2020-01-01", "--until", "2090-01-01")
    told = other.run("trust", "import", own_desk.roots, *terms)
    assert (told.status, told.out) == (0, "1 anchors are trusted.\n")
    assert reasons("--policy", "seal-only") == ["status_not_asked"]
    # Under the same authority's name, but not in this register.
    assert "not_in_register" in reasons("--policy", "office")
    terms = ("--use", "login", "--from", "2020-01-01", "--until", "2090-01-01")
    assert other.run("trust", "import", own_desk.roots, *terms).status == 0
    assert "unknown_anchor" in reasons("--policy", "seal-only")


@pytest.mark.parametrize(
    ("terms", "status"),
    [
        (("--use", "seal", "--from", "2026-02-01", "--until", "2026-01-31"), 2),
        (("--use", "everything", "--from", "2026-01-01", "--until", "2027-01-01"), 2),
        (("--use", "seal", "--from", "soon", "--until", "2027-01-01"), 2),
        (("--use", "seal"), 2),
    ],
)
def test_an_anchor_needs_a_use_and_a_time(desk: Desk, terms: tuple[str, ...], status: int) -> None:
    assert desk.run("trust", "import", desk.roots, *terms).status == status
    assert not (desk.data / "trust").exists()


def test_what_is_no_anchor_is_not_imported(desk: Desk, tmp_path: Path) -> None:
    terms = ("--use", "seal", "--from", "2026-01-01", "--until", "2027-01-01")
    for path in (desk.licence, desk.order, tmp_path / "nothing"):
        assert desk.run("trust", "import", path, *terms).status == 66


def test_an_export_that_cannot_be_written_is_said(desk: Desk, tmp_path: Path) -> None:
    assert desk.run("trust", "export", "-o", tmp_path / "no" / "roots.pem").status == 73
