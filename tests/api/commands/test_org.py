"""`org import`: what would change, what is wrong, and the real Keycloak behind it."""

import inspect
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from simulators.keycloak import RealmForTests
from simulators.officers import BUREAU, document
from simulators.terminal import Desk, Told

from api.commands.common import Exit
from api.messages import Language, messages
from idp import org_files, org_import, unverified_csv
from idp.client_authentication import generate_client_key
from idp.documents import DocumentFault
from idp.login import RelyingParty, SignInRequest
from idp.names import NameFault
from idp.provider import Provider
from idp.realm.plan import ADMIN

DEMO = Path(__file__).parents[3] / "demo" / "org"
HEADER = (
    "username,name,document_type,document_number,authority,department,post,since,until,stand_in_for"
)


def row(username: str, sequence: int, post: str) -> str:
    number = document(sequence).number
    return f"{username},李示,111,{number},{BUREAU},999901000000,{post},2026-01-01,,"


@dataclass(frozen=True, slots=True)
class Personnel:
    """An operator with the two files."""

    desk: Desk
    folder: Path

    def write(self, *rows: str) -> None:
        lines = "\n".join([HEADER, *rows])
        (self.folder / "officers.csv").write_text(lines, encoding="utf-8")

    def run(self, *options: str, language: str = "C") -> Told:
        files = self.folder / "departments.csv", self.folder / "officers.csv"
        return self.desk.run("org", "import", *files, *options, language=language)

    @property
    def password_files(self) -> list[Path]:
        return sorted((self.desk.data / "identity").glob("passwords-*"))


@pytest.fixture
def personnel(own_desk: Desk, tmp_path: Path) -> Personnel:
    """Return an operator whose provider nobody can reach."""
    folder = own_desk.data / "identity"
    folder.mkdir(exist_ok=True)
    for name in ("platform", ADMIN):
        (folder / f"{name}.pem").write_bytes(generate_client_key())
    shutil.copytree(DEMO, tmp_path / "org")
    return Personnel(own_desk, tmp_path / "org")


def test_where_nobody_signs_in_there_is_nobody_to_import(own_desk: Desk) -> None:
    shutil.rmtree(own_desk.data / "identity", ignore_errors=True)
    files = DEMO / "departments.csv", DEMO / "officers.csv"
    told = own_desk.run("org", "import", *files)
    assert told.status == Exit.CONFIGURATION
    assert "make run" in told.err


def test_a_file_that_is_not_there(personnel: Personnel) -> None:
    (personnel.folder / "officers.csv").unlink()
    assert personnel.run().status == Exit.UNREADABLE


@pytest.mark.parametrize(("language", "word"), [("C", "row 3"), ("zh_CN.UTF-8", "第 3 行")])
def test_every_fault_is_listed_and_nothing_imported(
    personnel: Personnel, language: str, word: str
) -> None:
    faulty = row("li.shi", 1, "king"), "=x,y", row("Li", 2, "audit")
    personnel.write(*faulty)
    told = personnel.run(language=language)
    assert told.status == Exit.BAD_DATA
    assert told.out == ""
    lines = told.err.splitlines()[1:]
    codes = [re.search(r"\[([a-z_]+)\]$", line) for line in lines]
    assert [code and code[1] for code in codes] == ["unknown_post", "cells", "username"]
    assert word in lines[1]
    assert str(personnel.folder / "officers.csv") in lines[0]
    assert document(1).number not in told.err


def test_a_wrong_encoding_is_named(personnel: Personnel) -> None:
    path = personnel.folder / "officers.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    told = personnel.run()
    assert told.status == Exit.BAD_DATA
    assert "--encoding" in told.err
    assert personnel.run("--encoding", "gb18030").status == Exit.BAD_DATA  # the other file is not


def test_a_provider_that_is_away_is_said(
    personnel: Personnel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_ISSUER", "http://127.0.0.1:9/realms/nowhere")
    told = personnel.run("--dry-run")
    assert told.status == Exit.TRY_AGAIN
    assert "provider_unavailable" in told.err


def test_every_fault_has_its_words() -> None:
    said = set()
    for module in (unverified_csv, org_files, org_import):
        source = inspect.getsource(module)
        said |= set(re.findall(r"""(?:add|_fault)\([^)"]*?(?:"[a-z_]*", )?"([a-z_]+)\"""", source))
        said |= set(re.findall(r"""yield "([a-z_]+)\"""", source))
    said |= {fault.value for fault in (*DocumentFault, *NameFault)}
    said -= {"document_number", "name"}  # columns whose fault is a variable
    assert len(said) > 40
    for language in Language:
        entries = messages(language).entries["org"]["fault"]
        assert said - set(entries) == set()


@pytest.fixture
def connected(
    personnel: Personnel, realm: RealmForTests, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Personnel]:
    """Give the operator the realm of this module."""
    monkeypatch.setenv("IDP_ISSUER", realm.issuer)
    key = realm.admin_key.as_pem(private=True)
    (personnel.desk.data / "identity" / f"{ADMIN}.pem").write_bytes(key)
    yield personnel
    for user in map(realm.operator.find_user, ("li.shi", "wu.shi")):
        if user is not None:
            realm.operator.delete_user(user.account)


@pytest.mark.real
def test_an_organisation_comes_goes_and_signs_in(
    connected: Personnel, realm: RealmForTests
) -> None:
    first, second = row("li.shi", 1, "sealing"), row("wu.shi", 2, "audit")
    connected.write(first, second)
    told = connected.run("--dry-run")
    assert told.status == 0
    assert "+ account li.shi" in told.out
    assert "sealing, 11999901MB10000106, 999901000000, 2026-01-01" in told.out
    assert realm.operator.find_user("li.shi") is None

    planned = told.out.splitlines()[:-1]
    told = connected.run()
    assert told.status == 0, told.err
    assert told.out.splitlines()[: len(planned)] == planned
    (path,) = connected.password_files
    assert str(path) in told.out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    passwords = dict(line.split() for line in path.read_text(encoding="utf-8").splitlines())
    assert set(passwords) == {"li.shi", "wu.shi"}
    assert not any(password in told.out + told.err for password in passwords.values())

    provider = Provider(realm.issuer)
    party = RelyingParty(
        provider, "platform", realm.platform, f"{realm.origin}/login/callback", pushed=False
    )
    with realm.browser() as browser:
        _, address = party.begin(SignInRequest(), at=datetime.now(UTC))
        page = browser.sign_in(address, "li.shi", passwords["li.shi"])
    provider.close()
    assert page.form("password-new", "password-confirm") is not None

    told = connected.run()
    assert told.out == "Nothing changes.\n"
    assert connected.password_files == [path]

    connected.write(second)
    told = connected.run()
    assert "- li.shi leaves" in told.out
    user = realm.operator.find_user("li.shi")
    assert user is not None
    assert not user.enabled
    assert realm.operator.sessions(user.account) == ()


@pytest.mark.real
def test_the_demo_organisation_can_be_imported(connected: Personnel) -> None:
    told = connected.run("--dry-run", language="zh_CN.UTF-8")
    assert told.status == 0, told.err
    assert "+ 账号 zheng.yongyin" in told.out
    assert "代 han.yongyin 履职" in told.out
