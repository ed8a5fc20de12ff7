"""Two companies, one sign-in, the real Keycloak: choosing, switching, recall within seconds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Thread

import httpx
import pytest
from pydantic import HttpUrl
from simulators.acting import FOOD, TRADE
from simulators.browser_session import BrowserSession
from simulators.keycloak import RealmForTests
from simulators.people import terms
from simulators.signed_in import connect_browser, furnish_identity, identity_of, origin_of
from simulators.web import ServedOffice

from api.people import People
from api.settings import Settings
from api.wiring import Services, open_services
from demo.population import Bases, BaseServer
from idp.levels import IdentityLevel
from idp.mandates import Mandate
from idp.names import NamedPerson
from idp.realm.plan import ADMIN
from idp.realm_changes import alias_of
from idp.settings import IdentitySettings

pytestmark = pytest.mark.real


@dataclass
class Town:
    """The application over the realm, and the bases."""

    services: Services
    realm: RealmForTests
    bases: Bases

    @property
    def people(self) -> People:
        return identity_of(self.services).people


@dataclass
class Player:
    """Somebody with a browser: our pages in one client, Keycloak's in the other."""

    town: Town
    username: str
    http: httpx.Client
    browser: BrowserSession
    asked: list[str]
    """What Keycloak's pages asked for, all in all."""

    @property
    def account(self) -> str:
        return self.town.realm.people[self.username].account

    def go(self, address: str) -> httpx.Response:
        return self.follow(self.http.get(address))

    def follow(self, answer: httpx.Response) -> httpx.Response:
        for _ in range(12):
            if not answer.is_redirect:
                return answer
            location = answer.headers["location"]
            if location.startswith(self.town.realm.issuer):
                page = self.town.realm.sign_in(self.browser, location, self.username)
                self.asked += page.asked
                assert page.left is not None, (page.status, page.title)
                location = page.left
            answer = self.http.get(location)
        raise AssertionError("sent round in a circle")

    def press(self, page: httpx.Response, action: str, **fields: str) -> httpx.Response:
        form = page.text.partition(f'action="{action}"')[2].partition("</form>")[0]
        token = form.partition('name="csrf_token" value="')[2].partition('"')[0]
        data = {"csrf_token": token, "next": "/me"} | fields
        headers = {"Origin": origin_of(self.http)}
        return self.follow(self.http.post(action, data=data, headers=headers))

    def acts_for(self) -> str:
        """Return what the header says."""
        page = self.http.get("/me", headers={"Accept-Language": "zh-CN"}).text
        return page.partition('whoami__who">')[2].partition("</p>")[0]


@pytest.fixture(scope="module")
def town(
    realm: RealmForTests, office: ServedOffice, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    own = furnish_identity(office.copy_to(tmp_path_factory.mktemp("real-acting") / "data"))
    key_file = Settings(data=own.folder).client_key_file
    key_file.write_bytes(realm.platform_key.as_pem(private=True))
    (key_file.parent / f"{ADMIN}.pem").write_bytes(realm.admin_key.as_pem(private=True))
    bases = Bases.load()
    with BaseServer(bases=bases) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings = Settings(
            data=own.folder,
            public_url=HttpUrl(realm.origin),
            identity=IdentitySettings(
                issuer=HttpUrl(realm.issuer), bases_url=HttpUrl(server.address)
            ),
        )
        with open_services(settings, clock=lambda: datetime.now(UTC)) as services:
            yield Town(services, realm, bases)
        server.shutdown()


@pytest.fixture(scope="module")
def _accounts(town: Town) -> None:
    for username, name in (("wang.example", "王示例"), ("li.example", "李示例")):
        person = town.bases.person(name)
        town.realm.person(
            username,
            level=IdentityLevel.SEEN,
            otp=False,
            full_name=name,
            document_number=person.documents[0].number,
        )


@pytest.fixture
def enter(town: Town, _accounts: None) -> Iterator["Entering"]:
    entering = Entering(town, [])
    yield entering
    for browser in entering.browsers:
        browser.close()


@dataclass
class Entering:
    """Lets people sign in, and closes their browsers."""

    town: Town
    browsers: list[httpx.Client]

    def __call__(self, username: str) -> Player:
        browser = self.town.realm.browser()
        self.browsers.append(browser.client)
        http = connect_browser(self.town.services)

        def keep_cookies(_: httpx.Response) -> None:
            for cookie in http.cookies.jar:
                cookie.secure = False  # browsers trust localhost, httpx does not

        http.event_hooks = {"response": [keep_cookies]}
        player = Player(self.town, username, http, browser, [])
        assert player.go("/me").status_code == 200
        return player


def agent_of(town: Town, wang: Player, li: Player) -> Mandate:
    """Return the mandate of the company's agent, named and accepted."""
    at = datetime.now(UTC)
    people = town.people
    representative = people.subjects.of_account(wang.account, at=at)
    agent = people.subjects.of_account(li.account, at=at)
    assert representative is not None
    assert agent is not None
    under = people.representation.represent(representative, FOOD, at=at)
    person = town.bases.person("李示例")
    offer = people.representation.name_agent(
        representative,
        under.id,
        NamedPerson(person.name, person.documents[0]),
        terms(since=at),
        at=at,
    )
    return people.representation.accept(offer.id, agent, at=at)


def test_two_companies_one_password(town: Town, enter: Entering) -> None:
    wang = enter("wang.example")
    page = wang.go("/acting")
    assert FOOD in page.text
    assert TRADE in page.text
    for uscc in (FOOD, TRADE, FOOD):
        page = wang.go("/acting")
        choice = choice_of(town, wang, uscc)
        assert wang.press(page, "/acting", choice=choice).status_code == 200
        assert uscc in wang.acts_for()
    wang.press(wang.go("/acting"), "/acting", choice="self")
    assert "本人" in wang.acts_for()
    assert wang.asked == ["password"], "once, at the very beginning"
    names = {company.uscc for company in town.realm.admin.organizations_of(wang.account)}
    assert names == {FOOD, TRADE}


def choice_of(town: Town, player: Player, uscc: str) -> str:
    """Return what the page offers for the company now."""
    at = datetime.now(UTC)
    person = town.people.subjects.of_account(player.account, at=at)
    assert person is not None
    held = [m for m in town.people.mandates.of_actor(person.id) if m.principal.id == uscc]
    return f"mandate:{held[0].id}" if held else f"company:{uscc}"


def test_a_membership_taken_away_is_a_refusal_on_our_page(town: Town, enter: Entering) -> None:
    """Keycloak itself would show a page with no way back to somebody who asks for it again."""
    wang = enter("wang.example")
    wang.press(wang.go("/acting"), "/acting", choice=choice_of(town, wang, TRADE))
    assert TRADE in wang.acts_for()
    company = town.realm.admin.find_organization(TRADE)
    assert company is not None
    town.realm.admin.remove_member(company.id, wang.account)
    choice = choice_of(town, wang, TRADE)
    # What Keycloak said is older than the moment for which it is believed.
    at = datetime.now(UTC)
    for session in identity_of(town.services).sessions.of_account(wang.account, at=at):
        assert session.session_id is not None
        town.people.choices.note_organisations(
            session.session_id, wang.account, [alias_of(TRADE)], at=at - timedelta(minutes=5)
        )
    page = wang.go("/acting")
    assert "统一身份认证尚未列出该单位" in page.text
    answer = wang.press(page, "/acting", choice=choice)
    assert answer.status_code == 403
    assert "没有确认您属于该单位" in answer.text
    assert wang.go("/me").status_code == 200


def test_a_recall_ends_the_agents_sign_in_within_seconds(town: Town, enter: Entering) -> None:
    wang, li = enter("wang.example"), enter("li.example")
    for player in (wang, li):
        player.go("/acting")  # who he is is taken over from what Keycloak says
    mandate = agent_of(town, wang, li)
    page = li.go("/acting")
    assert li.press(page, "/acting", choice=f"mandate:{mandate.id}").status_code == 200
    assert FOOD in li.acts_for()
    assert len(town.realm.admin.sessions(li.account)) == 1
    wang.press(wang.go("/acting"), "/acting", choice=choice_of(town, wang, FOOD))
    page = wang.press(wang.go("/me/mandates"), f"/me/mandates/{mandate.id}/recall")
    assert page.status_code == 200
    # The recall's own answer came after all of this.
    assert FOOD not in li.acts_for()
    assert town.realm.admin.sessions(li.account) == ()
    assert FOOD not in {c.uscc for c in town.realm.admin.organizations_of(li.account)}
    assert mandate.id not in town.people.choices.in_use(at=datetime.now(UTC))
    assert town.people.realm_changes.waiting() == 0
