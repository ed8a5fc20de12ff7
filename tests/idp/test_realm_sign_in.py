"""What the sign-in flow asks of people, level by level, on the real pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from simulators.browser_session import BrowserSession
from simulators.keycloak import RealmForTests

from idp.levels import AuthenticationLevel, IdentityLevel
from idp.login import Prompt, RelyingParty, SignedIn, SignInRequest
from idp.provider import Provider

pytestmark = pytest.mark.real

PASSWORD, CODE, PASSKEY = AuthenticationLevel
USCC = "91110000MA000000XX"


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
    assert person.asked == ("password",)
    assert (first.claims.account, first.claims.level) == (citizen, PASSWORD)
    assert first.claims.identity_level is IdentityLevel.SEEN

    silent = person.sign_in(platform, SignInRequest(prompt=Prompt.NONE))
    assert person.asked == ()
    assert silent.claims.session_id == first.claims.session_id

    second = person.sign_in(platform, SignInRequest(level=CODE))
    assert person.asked == ("otp",)
    assert second.claims.level is CODE
    assert second.claims.session_id == first.claims.session_id

    # A second factor counts once: asked again, it is given again.
    again = person.sign_in(platform, SignInRequest(level=CODE))
    assert person.asked == ("otp",)
    assert again.claims.level is CODE
