"""`org enrol`: the first clerk at the operator's terminal, and the real Keycloak behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import typer
from simulators.accounts import AccountsInMemory
from simulators.keycloak import RealmForTests
from simulators.officers import BUREAU, document, held, open_staff
from simulators.terminal import Desk, Told

from api.commands.common import Exit
from api.identity import Identity, open_identity, upgrade_database
from api.office import open_office
from api.settings import read_settings
from api.wiring import system_clock
from idp.client_authentication import generate_client_key
from idp.counter_acts import OPERATOR, CounterAct, CounterRecords
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.login import RelyingParty, SignInRequest
from idp.officers import Post
from idp.one_time_codes import CodeSecret
from idp.provider import Provider
from idp.realm.plan import ADMIN
from idp.realm.records import NewUser

FIRST = (held(Post.ACCEPTANCE), held(Post.SECURITY_ADMINISTRATION))
CLERK = "jiang.anquan"


@dataclass(slots=True)
class Terminal:
    """The operator's terminal; who stands beside him reads the code off his telephone."""

    desk: Desk
    secret: CodeSecret
    wrong_codes: int = 0
    asked: list[str] = field(default_factory=list)

    def enrol(self, username: str = CLERK, *, language: str = "C") -> Told:
        return self.desk.run("org", "enrol", username, language=language)

    def answer(self, question: str) -> str:
        self.asked.append(question)
        if self.wrong_codes == 0:
            return self.secret.code(int(datetime.now(UTC).timestamp()) // 30)
        self.wrong_codes -= 1
        return "12345"

    @contextmanager
    def people(self) -> Iterator[Identity]:
        settings = read_settings().with_data(self.desk.data)
        upgrade_database(settings)
        with (
            open_office(settings, clock=system_clock) as office,
            open_identity(settings, office.store, office.mandate_sealer, system_clock) as identity,
        ):
            yield identity

    def appoint(self, account: str, sequence: int = 1) -> None:
        with self.people() as identity:
            staff = open_staff(identity.transactions, identity.personal_data)
            staff.appoint(account, *FIRST, sequence=sequence)

    def acts(self) -> list[tuple[CounterAct, str]]:
        with self.people() as identity:
            records = CounterRecords(identity.transactions).of_authorities([BUREAU], most=100)
        return [(record.act, record.case.clerk) for record in reversed(records)]


@pytest.fixture
def terminal(own_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    folder = own_desk.data / "identity"
    folder.mkdir(exist_ok=True)
    for name in ("platform", ADMIN):
        (folder / f"{name}.pem").write_bytes(generate_client_key())
    terminal = Terminal(own_desk, CodeSecret.generate())
    monkeypatch.setattr(CodeSecret, "generate", lambda: terminal.secret)
    monkeypatch.setattr(typer, "prompt", terminal.answer)
    return terminal


@pytest.fixture
def accounts(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> AccountsInMemory:
    """Give the operator a realm in memory, with one officer's account."""
    accounts = AccountsInMemory()
    monkeypatch.setattr("api.identity.open_admin", lambda *_: accounts)
    number = document(1).number
    account = accounts.create_user(
        NewUser(CLERK, "蒋安全", "111", number, IdentityLevel.REGISTERED)
    )
    terminal.appoint(account)
    return accounts


def account_of(accounts: AccountsInMemory) -> str:
    user = accounts.find_user(CLERK)
    assert user is not None
    return user.account


@pytest.mark.parametrize("language", ["C", "zh_CN.UTF-8"])
def test_the_first_clerk_is_let_in_once(
    terminal: Terminal, accounts: AccountsInMemory, language: str
) -> None:
    terminal.wrong_codes = 1
    told = terminal.enrol(language=language)
    assert told.status == 0, told.err
    assert accounts.kinds(account_of(accounts)) == ["otp"]
    key = " ".join(
        terminal.secret.base32[place : place + 4]
        for place in range(0, len(terminal.secret.base32), 4)
    )
    assert told.out.count(key) == 1
    assert sum("▀" in line or "█" in line for line in told.out.splitlines()) > 20
    assert "[wrong_code]" in told.err
    assert len(terminal.asked) == 2
    assert terminal.acts() == [
        (CounterAct.STARTED, OPERATOR),
        (CounterAct.BINDING, OPERATOR),
        (CounterAct.CODE_BOUND, OPERATOR),
    ]
    again = terminal.enrol(language=language)
    assert again.status == Exit.CONFLICT
    assert "[second_factor_held]" in again.err
    assert key not in again.out
    assert "█" not in again.out


def test_after_him_everybody_goes_to_the_counter(
    terminal: Terminal, accounts: AccountsInMemory
) -> None:
    accounts.hold(account_of(accounts), "otp")
    number = document(2).number
    other = accounts.create_user(
        NewUser("other.anquan", "乙", "111", number, IdentityLevel.REGISTERED)
    )
    terminal.appoint(other, 2)
    told = terminal.enrol("other.anquan")
    assert told.status == Exit.CONFLICT
    assert "[counter_open]" in told.err
    assert "counter" in told.err
    assert accounts.kinds(other) == []


@pytest.mark.usefixtures("accounts")
def test_nobody_of_that_name(terminal: Terminal) -> None:
    told = terminal.enrol("nobody")
    assert told.status == Exit.UNKNOWN
    assert terminal.asked == []


def test_five_wrong_codes_bind_nothing(terminal: Terminal, accounts: AccountsInMemory) -> None:
    terminal.wrong_codes = 5
    told = terminal.enrol()
    assert told.status == Exit.BAD_DATA
    assert accounts.kinds(account_of(accounts)) == []
    assert [act for act, _ in terminal.acts()] == [CounterAct.STARTED, CounterAct.REFUSED]


def test_whoever_walks_away_binds_nothing(
    terminal: Terminal, accounts: AccountsInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def walk_away(_: str) -> str:
        raise typer.Abort

    monkeypatch.setattr(typer, "prompt", walk_away)
    assert terminal.enrol().status == Exit.FAILED
    assert accounts.kinds(account_of(accounts)) == []
    assert terminal.acts()[-1][0] is CounterAct.REFUSED


@pytest.mark.usefixtures("terminal")
def test_a_provider_that_is_away_is_said(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_ISSUER", "http://127.0.0.1:9/realms/nowhere")
    told = terminal.enrol()
    assert told.status == Exit.TRY_AGAIN
    assert "provider_unavailable" in told.err


@pytest.mark.real
def test_the_first_clerk_signs_in_with_two_factors(
    terminal: Terminal, realm: RealmForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_ISSUER", realm.issuer)
    key = realm.admin_key.as_pem(private=True)
    (terminal.desk.data / "identity" / f"{ADMIN}.pem").write_bytes(key)
    terminal.appoint(realm.person(CLERK, otp=False, level=IdentityLevel.REGISTERED))
    told = terminal.enrol()
    assert told.status == 0, told.err
    provider = Provider(realm.issuer)
    redirect = f"{realm.origin}/login/callback"
    party = RelyingParty(provider, "platform", realm.platform, redirect, pushed=False)
    asked = SignInRequest(level=AuthenticationLevel.ONE_TIME_CODE)
    with realm.browser() as browser:
        attempt, address = party.begin(asked, at=datetime.now(UTC))
        page = browser.sign_in(
            address,
            CLERK,
            realm.people[CLERK].password,
            code=lambda: terminal.answer(""),
        )
        assert page.left is not None
        claims = party.finish(attempt, page.left.partition("?")[2], at=datetime.now(UTC)).claims
    provider.close()
    assert claims.level is AuthenticationLevel.ONE_TIME_CODE
    assert terminal.enrol().status == Exit.CONFLICT
