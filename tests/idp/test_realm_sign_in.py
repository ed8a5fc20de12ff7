"""What the sign-in flow asks of people, level by level, on the real pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from simulators.browser_session import BrowserSession
from simulators.keycloak import RealmForTests

from idp.errors import LoginError
from idp.faults import LoginReason
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.login import Prompt, RelyingParty, SignedIn, SignInRequest
from idp.provider import Provider

pytestmark = pytest.mark.real

PASSWORD, CODE, PASSKEY = AuthenticationLevel
USCC, OTHER_USCC = "91110000MA000000XX", "91110000MA000000YY"


@pytest.fixture(scope="module")
def citizen(realm: RealmForTests) -> str:
    return realm.person("chen.example")


@pytest.fixture(scope="module")
def provider(realm: RealmForTests) -> Iterator[Provider]:
    provider = Provider(realm.issuer)
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def platform(realm: RealmForTests, provider: Provider) -> RelyingParty:
    callback = f"{realm.origin}/login/callback"
    return RelyingParty(provider, "platform", realm.platform, callback, pushed=False)


@pytest.fixture(scope="module")
def approvals(realm: RealmForTests, provider: Provider) -> RelyingParty:
    callback = f"{realm.origin}/login/callback"
    return RelyingParty(provider, "platform-approvals", realm.approvals, callback, pushed=True)


@pytest.fixture
def browser(realm: RealmForTests) -> Iterator[BrowserSession]:
    with realm.browser() as browser:
        yield browser


def at() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Visitor:
    """Somebody at a browser."""

    realm: RealmForTests
    browser: BrowserSession
    username: str
    asked: tuple[str, ...] = ()
    """What the last sign-in asked for."""

    def sign_in(self, party: RelyingParty, request: SignInRequest) -> SignedIn:
        attempt, address = party.begin(request, at=at())
        page = self.realm.sign_in(self.browser, address, self.username)
        self.asked = page.asked
        return party.finish(attempt, page.query_string, at=at())


def test_levels_are_asked_for_and_given(
    realm: RealmForTests, browser: BrowserSession, citizen: str, platform: RelyingParty
) -> None:
    person = Visitor(realm, browser, "chen.example")
    first = person.sign_in(platform, SignInRequest())
    assert "".join(person.asked) == "password"
    assert (first.claims.account, first.claims.level) == (citizen, PASSWORD)
    assert first.claims.identity_level is IdentityLevel.SEEN

    silent = person.sign_in(platform, SignInRequest(prompt=Prompt.NONE))
    assert not person.asked
    assert silent.claims.session_id == first.claims.session_id

    second = person.sign_in(platform, SignInRequest(level=CODE))
    assert "".join(person.asked) == "otp"
    assert second.claims.level is CODE
    assert second.claims.session_id == first.claims.session_id

    # A second factor counts once: asked again, it is given again.
    again = person.sign_in(platform, SignInRequest(level=CODE))
    assert "".join(person.asked) == "otp"
    assert again.claims.level is CODE


def test_without_a_second_factor_a_password_leads_to_none(
    realm: RealmForTests, browser: BrowserSession, platform: RelyingParty
) -> None:
    account = realm.person("zhao.example", otp=False)
    _, address = platform.begin(SignInRequest(level=CODE), at=at())
    page = realm.sign_in(browser, address, "zhao.example")
    assert (page.left, page.status, page.asked) == (None, 400, ("password",))
    assert [credential.type for credential in realm.admin.credentials(account)] == ["password"]


def test_an_approval_is_a_fresh_sign_in_with_both_factors(
    realm: RealmForTests, browser: BrowserSession, approvals: RelyingParty
) -> None:
    officer = realm.person("sun.example")
    person = Visitor(realm, browser, "sun.example")
    nonce = "ab" * 32
    for _ in range(2):
        began = at()
        request = SignInRequest(level=CODE, prompt=Prompt.LOGIN, nonce=nonce)
        approval = person.sign_in(approvals, request)
        assert person.asked == ("password", "otp")
        assert (approval.claims.account, approval.claims.level) == (officer, CODE)
        assert approval.claims.nonce == nonce
        assert approval.claims.authenticated_at >= began.replace(microsecond=0)


def test_an_approval_cannot_be_asked_for_in_the_address_line(
    realm: RealmForTests, browser: BrowserSession, provider: Provider
) -> None:
    callback = f"{realm.origin}/login/callback"
    party = RelyingParty(provider, "platform-approvals", realm.approvals, callback, pushed=False)
    _, address = party.begin(SignInRequest(level=CODE, prompt=Prompt.LOGIN), at=at())
    assert browser.visit(address).query["error"] == "invalid_request"


def test_a_company_is_chosen_in_a_session_and_never_before_the_password(
    realm: RealmForTests, browser: BrowserSession, platform: RelyingParty
) -> None:
    account = realm.person("wu.example", otp=False)
    for uscc, name in ((USCC, "示例贸易有限公司"), (OTHER_USCC, "示例运输有限公司")):
        realm.admin.add_member(realm.admin.put_organization(uscc.lower(), name, uscc), account)
    person = Visitor(realm, browser, "wu.example")
    for scope in ("organization", "organization:*", f"organization:{USCC.lower()}"):
        with realm.browser() as fresh:
            _, address = platform.begin(SignInRequest(scopes=(scope,)), at=at())
            form = fresh.visit(address).form("username", "password")
            assert form is not None
            assert not form.fields["username"]
    person.sign_in(platform, SignInRequest())
    silent = SignInRequest(prompt=Prompt.NONE, scopes=("organization:*",))
    all_of_them = person.sign_in(platform, silent).claims.organizations
    assert {company.uscc for company in all_of_them.values()} == {USCC, OTHER_USCC}
    for uscc in (USCC, OTHER_USCC, USCC):
        silent = SignInRequest(prompt=Prompt.NONE, scopes=(f"organization:{uscc.lower()}",))
        (company,) = person.sign_in(platform, silent).claims.organizations.values()
        assert company.uscc == uscc
        assert not person.asked


@pytest.mark.usefixtures("citizen")
def test_a_company_one_does_not_belong_to(
    realm: RealmForTests, browser: BrowserSession, platform: RelyingParty
) -> None:
    # In a session the browser is stuck on an error page: `organization:*` has to be asked first.
    realm.admin.put_organization(USCC.lower(), "示例贸易有限公司", USCC)
    scopes = (f"organization:{USCC.lower()}",)
    person = Visitor(realm, browser, "chen.example")
    with pytest.raises(LoginError) as refused:
        person.sign_in(platform, SignInRequest(scopes=scopes))
    assert refused.value.reason is LoginReason.NOT_A_MEMBER
    _, address = platform.begin(SignInRequest(prompt=Prompt.NONE, scopes=scopes), at=at())
    page = browser.visit(address)
    assert (page.left, page.status) == (None, 400)
    everything = SignInRequest(prompt=Prompt.NONE, scopes=("organization:*",))
    assert person.sign_in(platform, everything).claims.organizations == {}
