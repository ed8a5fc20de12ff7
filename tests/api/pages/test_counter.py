"""The counter's pages: what a clerk does for the person in front of him, and nobody else."""

import base64
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import httpx
import pytest
from pydantic import HttpUrl, SecretStr
from simulators.accounts import AccountsInMemory
from simulators.office import AT, Clock
from simulators.officers import BUREAU, OTHER_BUREAU, document, held, open_staff
from simulators.passkeys import Registration
from simulators.signed_in import connect_browser, furnish_identity, identity_of, sign_in, submit
from simulators.web import CHINESE, ENGLISH, ServedOffice

from api.counter_views import SAID_ON_THE_PAGE
from api.identity import open_identity, upgrade_database
from api.messages import Language, messages
from api.settings import Settings
from api.wiring import Services, open_services
from certs.qr import draw_qr
from demo.population import Bases
from idp.documents import DocumentType
from idp.enrolment import LIFETIME
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.names import NamedPerson, PersonName
from idp.officers import Post
from idp.one_time_codes import CodeSecret
from idp.persons import LevelMeans
from idp.realm.admin import RealmAdmin
from idp.realm.records import NewUser
from idp.sessions import WebSession
from idp.settings import IdentitySettings
from idp.subjects import Subjects

CLERK, OTHER_CLERK, AUDITOR, DRAFTER = "clerk", "other-clerk", "auditor", "drafter"
ORIGIN, RP_ID = "https://desk.login.example", "login.example"
CODE = AuthenticationLevel.ONE_TIME_CODE


@dataclass(slots=True)
class Hall:
    """The services, a realm in memory, and a clock that a test moves."""

    services: Services
    accounts: AccountsInMemory
    clock: Clock
    bases: Bases

    @property
    def subjects(self) -> Subjects:
        return identity_of(self.services).people.subjects

    def settle(self, username: str = "chen.yi", sequence: int = 1, name: str = "陈一") -> str:
        named = NamedPerson(PersonName.parse(name), document(sequence))
        account = self.accounts.create_user(
            NewUser(username, name, "111", named.document.number, IdentityLevel.REGISTERED)
        )
        means = LevelMeans.SELF_REGISTERED
        self.subjects.register(named, account=account, means=means, at=self.clock())
        return account


@dataclass(slots=True)
class Clerk:
    """Somebody at a browser."""

    browser: httpx.Client
    session: WebSession

    def post(self, path: str, **fields: str) -> httpx.Response:
        return submit(self.browser, self.session, f"/office/counter{path}", fields)

    def get(self, path: str = "", language: dict[str, str] = ENGLISH) -> httpx.Response:
        return self.browser.get(f"/office/counter{path}", headers=language)

    def start(self, sequence: int = 1, /, **fields: str) -> str:
        answer = self.post("/enrolments", **person_fields(sequence, kind="code", **fields))
        assert answer.status_code == 303, answer.text
        return answer.headers["location"].removeprefix("/office/counter")


def person_fields(sequence: int = 1, /, **fields: str) -> dict[str, str]:
    number = document(sequence).number
    whole = {"authority": BUREAU, "document_type": "111", "document_number": number}
    return {**whole, "seen": "original", **fields}


@pytest.fixture(scope="module")
def opened(office: ServedOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    furnished = furnish_identity(office.copy_to(tmp_path_factory.mktemp("hall") / "data"))
    settings = Settings(data=furnished.folder, public_url=HttpUrl(ORIGIN))
    with open_services(settings, clock=Clock()) as services:
        yield services


@pytest.fixture
def hall(opened: Services, tmp_path: Path) -> Iterator[Hall]:
    """Open a hall whose people nobody else knows."""
    clock, desk = Clock(), opened.office
    identity_settings = IdentitySettings(
        issuer=HttpUrl(f"https://{RP_ID}/realms/district"),
        database_url=SecretStr(f"sqlite:///{tmp_path / 'identity.db'}"),
    )
    settings = opened.settings.model_copy(update={"identity": identity_settings})
    upgrade_database(settings)
    with open_identity(settings, desk.store, desk.mandate_sealer, clock) as opened_identity:
        accounts, bases = AccountsInMemory(), Bases.load()
        subjects = Subjects(opened_identity.transactions, opened_identity.personal_data, bases)
        identity = replace(
            opened_identity,
            admin=cast("RealmAdmin", accounts),
            people=replace(opened_identity.people, subjects=subjects),
        )
        services = replace(opened, settings=settings, clock=clock, identity=identity)
        staff = open_staff(identity.transactions, identity.personal_data)
        posts = {
            CLERK: (held(Post.ACCEPTANCE), held(Post.ACCEPTANCE, OTHER_BUREAU)),
            OTHER_CLERK: (held(Post.ACCEPTANCE),),
            AUDITOR: (held(Post.AUDIT),),
            DRAFTER: (held(Post.DRAFTING),),
        }
        for sequence, (account, own) in enumerate(posts.items(), start=50):
            staff.appoint(account, *own, sequence=sequence, at=AT - timedelta(days=1))
        yield Hall(services, accounts, clock, bases)


def come(hall: Hall, account: str = CLERK, level: AuthenticationLevel = CODE) -> Clerk:
    browser = connect_browser(hall.services)
    browser.headers.update(ENGLISH)
    return Clerk(browser, sign_in(browser, hall.services, account=account, level=level))


def secret_on(page: str) -> CodeSecret:
    """Return the secret as a person would type it off the page."""
    match = re.search(r'class="code">((?:[A-Z2-7]{4} )+[A-Z2-7]{1,4})</span>', page)
    assert match is not None
    text = match[1].replace(" ", "")
    return CodeSecret(base64.b32decode(text + "=" * (-len(text) % 8)).decode())


def code_now(secret: CodeSecret, hall: Hall) -> str:
    return secret.code(int(hall.clock().timestamp()) // 30)


def enrol_by_code(hall: Hall, clerk: Clerk, sequence: int = 1, /, **fields: str) -> httpx.Response:
    path = clerk.start(sequence, **fields)
    secret = secret_on(clerk.get(path).text)
    return clerk.post(f"{path}/code", code=code_now(secret, hall))


def test_a_clerk_enrols_an_authenticator(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    found = clerk.post("/person", **person_fields())
    assert found.status_code == 200
    assert "陈一" in found.text
    path = clerk.start()
    page = clerk.get(path)
    assert '<svg role="img"' in page.text
    assert "script" not in page.headers["content-security-policy"]
    assert "<script" not in page.text
    answer = clerk.post(f"{path}/code", code=code_now(secret_on(page.text), hall))
    assert answer.status_code == 303
    done = clerk.browser.get(answer.headers["location"], headers=ENGLISH)
    assert "It is bound" in done.text
    assert "authenticator bound" in done.text
    assert hall.accounts.kinds(account) == ["otp"]
    person = hall.subjects.of_account(account, at=hall.clock())
    assert person is not None
    assert person.identity_level is IdentityLevel.ORIGINAL
    assert hall.accounts.user(account).identity_level is IdentityLevel.ORIGINAL


def test_the_qr_code_holds_what_the_page_spells_out(hall: Hall) -> None:
    hall.settle()
    clerk = come(hall)
    page = clerk.get(clerk.start()).text
    secret = secret_on(page)
    address = secret.address(service=hall.services.settings.site_name, username="chen.yi")
    (picture,) = re.findall(r"<path d=[^>]+>", page)
    assert picture in draw_qr(address)


def test_a_clerk_enrols_a_passkey(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    answer = clerk.post("/enrolments", **person_fields(kind="passkey"))
    path = answer.headers["location"].removeprefix("/office/counter")
    page = clerk.get(path)
    assert page.headers["content-security-policy"].endswith("; script-src 'self'")
    assert '<script src="/static/passkey.js" defer></script>' in page.text
    assert clerk.browser.get("/static/passkey.js").status_code == 200
    match = re.search(r'data-options="([^"]+)"', page.text)
    assert match is not None
    options = json.loads(html.unescape(match[1]))
    assert options["rp"]["id"] == RP_ID
    assert base64.urlsafe_b64decode(options["user"]["id"] + "==").decode() == account
    challenge = base64.urlsafe_b64decode(options["challenge"] + "==")
    answer = clerk.post(
        f"{path}/passkey", **Registration(challenge, origin=ORIGIN, rp_id=RP_ID).answer
    )
    assert "It is bound" in clerk.browser.get(answer.headers["location"], headers=ENGLISH).text
    assert hall.accounts.kinds(account) == ["webauthn-passwordless"]


def test_a_passkey_of_another_page_is_refused(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    answer = clerk.post("/enrolments", **person_fields(kind="passkey"))
    path = answer.headers["location"].removeprefix("/office/counter")
    answer = clerk.post(
        f"{path}/passkey", **Registration(b"x" * 32, origin=ORIGIN, rp_id=RP_ID).answer
    )
    done = clerk.browser.get(answer.headers["location"], headers=ENGLISH)
    assert "nothing was bound" in done.text
    assert hall.accounts.kinds(account) == []


def test_no_passkeys_where_browsers_would_not_make_them(hall: Hall) -> None:
    hall.settle()
    settings = hall.services.settings
    identity = IdentitySettings(issuer=HttpUrl("https://other.example/realms/district"))
    elsewhere = replace(hall.services, settings=settings.model_copy(update={"identity": identity}))
    clerk = come(replace(hall, services=elsewhere))
    page = clerk.post("/person", **person_fields()).text
    assert "disabled" in page
    answer = clerk.post("/enrolments", **person_fields(kind="passkey"))
    assert answer.status_code == 422


def test_a_wrong_code_may_be_tried_again_five_times(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    path = clerk.start()
    secret = secret_on(clerk.get(path).text)
    now = int(hall.clock().timestamp()) // 30
    near = {secret.code(period) for period in (now - 1, now, now + 1)}
    wrong = next(code for code in ("000000", "111111", "222222", "333333") if code not in near)
    for _ in range(4):
        answer = clerk.post(f"{path}/code", code=wrong)
        assert answer.status_code == 422
        assert '<a href="#code">' in answer.text
        assert wrong not in answer.text
    answer = clerk.post(f"{path}/code", code=wrong)
    assert answer.status_code == 303
    assert clerk.post(f"{path}/code", code=secret.code(now)).status_code == 303
    assert hall.accounts.kinds(account) == []


def test_a_code_sent_again_binds_nothing_more(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    path = clerk.start()
    code = code_now(secret_on(clerk.get(path).text), hall)
    first, again = (clerk.post(f"{path}/code", code=code) for _ in range(2))
    assert first.headers["location"] == again.headers["location"]
    assert hall.accounts.kinds(account) == ["otp"]


def test_after_ten_minutes_it_is_over(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    path = clerk.start()
    secret = secret_on(clerk.get(path).text)
    hall.clock.at = hall.clock() + LIFETIME
    clerk = come(hall)
    assert clerk.get(path).status_code == 303
    assert clerk.post(f"{path}/code", code=code_now(secret, hall)).status_code == 303
    assert hall.accounts.kinds(account) == []


def test_cancelling_binds_nothing(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    path = clerk.start()
    secret = secret_on(clerk.get(path).text)
    answer = clerk.post(f"{path}/cancel")
    assert "Cancelled" in clerk.browser.get(answer.headers["location"], headers=ENGLISH).text
    clerk.post(f"{path}/code", code=code_now(secret, hall))
    assert hall.accounts.kinds(account) == []


def test_another_clerk_neither_sees_nor_ends_it(hall: Hall) -> None:
    hall.settle()
    clerk, other = come(hall), come(hall, OTHER_CLERK)
    path = clerk.start()
    refused = other.post("/enrolments", **person_fields(kind="code"))
    assert refused.status_code == 422
    assert "Another clerk" in refused.text
    assert other.get(path).status_code == 410
    assert other.post(f"{path}/cancel").status_code == 410
    assert other.get(path.replace("enrolments", "done")).status_code == 410
    assert clerk.get(path).status_code == 200


def test_old_factors_need_a_choice(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    hall.accounts.hold(account, "otp")
    answer = clerk.post("/enrolments", **person_fields(kind="code"))
    assert answer.status_code == 422
    assert '<a href="#old">' in answer.text
    enrol_by_code(hall, clerk, old="keep")
    assert hall.accounts.kinds(account) == ["otp", "otp"]
    enrol_by_code(hall, clerk, old="replace")
    assert hall.accounts.kinds(account) == ["otp"]
    assert hall.accounts.signed_out == [account]


def test_somebody_new_gets_an_account_and_a_slip(hall: Hall) -> None:
    clerk = come(hall)
    unknown = clerk.post("/person", **person_fields(9))
    assert unknown.status_code == 200
    assert "/office/counter/accounts" in unknown.text
    fields = person_fields(9, name="何新", username="he.xin")
    slip = clerk.post("/accounts", **fields)
    assert slip.status_code == 200
    assert slip.headers["cache-control"] == "no-store"
    user = hall.accounts.find_user("he.xin")
    assert user is not None
    password, temporary = hall.accounts.passwords[user.account]
    assert password in slip.text
    assert temporary
    assert clerk.post("/accounts", **fields).status_code == 422
    assert enrol_by_code(hall, clerk, 9).status_code == 303


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"username": "He"}, "username"),
        ({"username": "chen.yi"}, "username"),
        ({"name": ""}, "name"),
        ({"name": "何3"}, "name"),
    ],
)
def test_what_is_wrong_with_a_first_account_is_said_at_its_field(
    hall: Hall, fields: dict[str, str], field: str
) -> None:
    hall.settle()
    answer = come(hall).post(
        "/accounts", **(person_fields(9, name="何新", username="he.xin") | fields)
    )
    assert answer.status_code == 422
    assert f'<a href="#{field}">' in answer.text
    assert len(hall.accounts.users) == 1


def test_after_this_was_not_me(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    alarms = identity_of(hall.services).leaving.alarms
    alarms.report(account, None, at=hall.clock())
    alarms.enforce(hall.accounts, at=hall.clock())
    assert "/office/counter/alarms" in clerk.post("/person", **person_fields()).text
    for path in ("/enrolments", "/passwords"):
        assert clerk.post(path, **person_fields(kind="code")).status_code == 422
    slip = clerk.post("/alarms", **person_fields())
    assert hall.accounts.passwords[account][0] in slip.text
    assert hall.accounts.user(account).enabled
    assert clerk.post("/alarms", **person_fields()).status_code == 422
    assert enrol_by_code(hall, clerk).status_code == 303


def test_a_forgotten_password(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    slip = clerk.post("/passwords", **person_fields())
    assert hall.accounts.passwords[account][0] in slip.text
    assert hall.accounts.signed_out == [account]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"document_number": ""}, "document_number"),
        ({"document_number": "11999919000101001X"}, "document_number"),
        ({"document_type": "001", "document_number": BUREAU}, "document_number"),
        ({"document_type": "nonsense"}, "document_number"),
        ({"seen": ""}, "seen"),
        ({"authority": "11999901MB2000"}, "authority"),
    ],
)
def test_what_is_wrong_with_a_document_is_said_at_its_field(
    hall: Hall, fields: dict[str, str], field: str
) -> None:
    hall.settle()
    for path in ("/person", "/enrolments", "/passwords"):
        answer = come(hall).post(path, **(person_fields(kind="code") | fields))
        assert answer.status_code == 422
        assert f'<a href="#{field}">' in answer.text
    assert hall.accounts.passwords == {}


def test_all_that_is_wrong_is_said_at_once(hall: Hall) -> None:
    page = come(hall).post("/person").text
    for field in ("authority", "document_number", "seen"):
        assert f'<a href="#{field}">' in page


def test_who_may_not_is_told_nothing(hall: Hall) -> None:
    hall.settle()
    for account in (DRAFTER, AUDITOR, "citizen"):
        visitor = come(hall, account)
        assert visitor.get().status_code == 403
        for path in ("/person", "/enrolments", "/accounts", "/passwords", "/alarms"):
            assert visitor.post(path, **person_fields(kind="code")).status_code == 403
    for account in (DRAFTER, CLERK, "citizen"):
        assert come(hall, account).get("/acts").status_code == 403


def test_a_clerk_signs_in_with_his_own_second_factor_first(hall: Hall) -> None:
    hall.settle()
    clerk = come(hall, level=AuthenticationLevel.PASSWORD)
    for answer in (clerk.get(), clerk.post("/person", **person_fields())):
        assert answer.status_code != 200
        assert "陈一" not in answer.text


def test_a_form_of_another_site_or_session_does_nothing(hall: Hall) -> None:
    hall.settle()
    clerk, other = come(hall), come(hall, OTHER_CLERK)
    path = clerk.start()
    cases = ("/person", "/enrolments", "/accounts", "/passwords", f"{path}/code", f"{path}/cancel")
    for case in (*cases, f"{path}/passkey"):
        foreign = submit(
            clerk.browser, other.session, f"/office/counter{case}", person_fields(kind="code")
        )
        assert foreign.status_code == 403
        unsigned = clerk.browser.post(f"/office/counter{case}", data=person_fields())
        assert unsigned.status_code == 403
    assert clerk.get(path).status_code == 200
    assert hall.accounts.passwords == {}


def test_an_auditor_reads_what_was_done(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    enrol_by_code(hall, clerk)
    page = come(hall, AUDITOR).get("/acts", CHINESE).text
    for words in ("绑定手机验证器", "示例员", "陈*", account, "原件", "公民身份号码"):
        assert words in page
    assert document(1).number not in page
    assert "陈一" not in page


def test_the_record_has_pages(hall: Hall) -> None:
    hall.settle()
    clerk = come(hall)
    for _ in range(26):
        clerk.post(f"{clerk.start()}/cancel")
    auditor = come(hall, AUDITOR)
    first = auditor.get("/acts").text
    match = re.search(r"before=(\d+)", first)
    assert match is not None
    second = auditor.get(f"/acts?before={match[1]}").text
    assert (first.count("<tr"), second.count("<tr")) == (51, 3)


def test_a_base_or_a_realm_that_is_away_is_said_and_nothing_done(hall: Hall) -> None:
    account, clerk = hall.settle(), come(hall)
    hall.bases.away = True
    answer = clerk.post("/person", **person_fields())
    assert answer.status_code == 503
    assert "population base" in answer.text
    hall.bases.away = False
    path = clerk.start()
    code = code_now(secret_on(clerk.get(path).text), hall)
    hall.accounts.calls_left = 0
    answer = clerk.post(f"{path}/code", code=code)
    done = clerk.browser.get(answer.headers["location"], headers=ENGLISH)
    assert "did not complete a step" in done.text
    assert hall.accounts.kinds(account) == []


def test_addresses_tell_nothing(hall: Hall) -> None:
    hall.settle()
    clerk = come(hall)
    path = clerk.start()
    for secret in (document(1).number, "chen", secret_on(clerk.get(path).text).text):
        assert secret not in path


@pytest.mark.parametrize("language", [CHINESE, ENGLISH], ids=["zh", "en"])
def test_every_page_speaks_both_languages_and_has_no_gap(
    hall: Hall, language: dict[str, str]
) -> None:
    account, clerk = hall.settle(), come(hall)
    for kind in ("otp", "webauthn", "webauthn-passwordless", "recovery-authn-codes"):
        hall.accounts.hold(account, kind, kind)
    clerk.browser.headers.update(language)
    pages = [
        clerk.get("", language).text,
        clerk.post("/person", **person_fields()).text,
        clerk.post("/person", **person_fields(9)).text,
        clerk.get(clerk.start(old="keep"), language).text,
        clerk.post("/passwords", **person_fields()).text,
        come(hall, AUDITOR).get("/acts", language).text,
    ]
    for page in pages:
        assert f'<html lang="{language["Accept-Language"][:2]}' in page
        assert "证印" not in page
        assert "zhengyin" not in page.lower()
        assert page.count("<h1") == 1


def test_every_natural_persons_document_can_be_chosen(hall: Hall) -> None:
    page = come(hall).get().text
    for kind in DocumentType:
        assert (f'value="{kind.value}"' in page) is (kind.holder_kind.value == "natural")


def test_whatever_is_said_on_the_page_has_words() -> None:
    for language in Language:
        text = messages(language)
        for error in SAID_ON_THE_PAGE:
            assert text(f"counter.fault.{error.code}")
