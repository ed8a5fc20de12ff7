"""Four eyes with the real Keycloak: one drafts, one signs in afresh for it, the file verifies."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import HttpUrl
from simulators.browser_session import BrowserSession
from simulators.desk_office import (
    DRAFTER,
    LICENCE,
    LICENCE_TYPED,
    SEALER,
    Browser,
    Desks,
    appoint,
    fields_in,
    furnish_desks,
    texts,
)
from simulators.keycloak import RealmForTests, new_realm
from simulators.server import free_port

from api.app import create_app
from api.settings import Settings
from api.wiring import open_services, system_clock
from certs.draft_entries import DraftState
from idp.levels import IdentityLevel
from idp.settings import IdentitySettings
from verify.report import Verdict

pytestmark = pytest.mark.real

PEOPLE = {
    DRAFTER: ("wu.zhizheng", IdentityLevel.SEEN),
    SEALER: ("zheng.yongyin", IdentityLevel.ORIGINAL),
}


@dataclass(slots=True)
class District:
    """The officers' desks, and the realm they sign in with."""

    desks: Desks
    realm: RealmForTests

    def browser(self, officer: str) -> Browser:
        """Return the officer's browser, signed in by hand."""
        return self.desks.browser(self.account(officer))

    def account(self, officer: str) -> str:
        return self.realm.people[PEOPLE[officer][0]].account

    def submitted(self) -> str:
        """Return the id of a draft that waits."""
        drafter = self.browser(DRAFTER)
        page = self.desks.draft(drafter, LICENCE, LICENCE_TYPED)
        self.desks.submit(drafter, page)
        return page.rpartition("/")[2]

    def ask(self, sealer: Browser, draft_id: str) -> str:
        look = sealer.page(f"/office/sealing/drafts/{draft_id}")
        seen = fields_in(look, action="/office/sealing/requests")
        return str(sealer.post("/office/sealing/requests", seen).headers["location"])

    def come_back(
        self, keycloak: BrowserSession, sealer: Browser, request: str, username: str
    ) -> tuple[httpx.Response, tuple[str, ...]]:
        """Sign in at Keycloak for a request; return our answer, and what Keycloak asked for."""
        away = sealer.get(f"{request}/sign-in").headers["location"]
        assert "nonce" not in away  # it was pushed
        page = self.realm.sign_in(keycloak, away, username)
        assert page.left is not None, page.title
        parts = urlsplit(page.left)
        return sealer.get(f"{parts.path}?{parts.query}"), page.asked

    def state_of(self, draft_id: str) -> DraftState:
        return self.desks.services.office.drafting.drafts.get(draft_id).state


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    origin = f"http://127.0.0.1:{free_port()}"
    with new_realm(origin) as realm:
        accounts = {
            officer: realm.person(username, level=level)
            for officer, (username, level) in PEOPLE.items()
        }
        settings = Settings(
            data=tmp_path_factory.mktemp("keycloak") / "office",
            public_url=HttpUrl(origin),
            identity=IdentitySettings(issuer=HttpUrl(realm.issuer)),
        )
        published = httpx.get(f"{realm.issuer}/protocol/openid-connect/certs").json()["keys"]
        furnish_desks(
            settings, realm.platform_key, [key for key in published if key["use"] == "sig"]
        )
        with open_services(settings, clock=system_clock) as services:
            appoint(services, accounts)
            yield District(Desks(services, create_app(services, rate_limited=False)), realm)


def test_an_officer_signs_in_afresh_and_the_file_verifies(district: District) -> None:
    draft_id = district.submitted()
    sealer = district.browser(SEALER)
    with district.realm.browser() as keycloak:
        request = district.ask(sealer, draft_id)
        answer, asked = district.come_back(keycloak, sealer, request, PEOPLE[SEALER][0])
        assert answer.headers["location"] == request
        assert asked == ("password", "otp")
        office = district.desks.services.office
        certificate = office.register.get_all([draft_id])[draft_id]
        assert certificate.number in texts(sealer.page(request))
        sealed = office.register.file(certificate)
        assert district.desks.services.verify(sealed).verdict is Verdict.VALID
        # Another approval in the same browser asks for both again: nothing is taken for granted.
        second = district.submitted()
        request = district.ask(sealer, second)
        _, asked = district.come_back(keycloak, sealer, request, PEOPLE[SEALER][0])
        assert asked == ("password", "otp")
        assert district.state_of(second) is DraftState.SEALED
    office.reconciliation.verify()


def test_the_drafter_at_the_sealers_browser_seals_nothing(district: District) -> None:
    draft_id = district.submitted()
    sealer = district.browser(SEALER)
    request = district.ask(sealer, draft_id)
    with district.realm.browser() as keycloak:
        answer, _ = district.come_back(keycloak, sealer, request, PEOPLE[DRAFTER][0])
    assert answer.status_code == 403
    assert district.state_of(draft_id) is DraftState.SUBMITTED
