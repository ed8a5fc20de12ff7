"""What a holder sees of his certificates, and who else does not."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from simulators.desk_office import (
    CARD,
    CARD_DRAFTER,
    CARD_SEALER,
    CARD_TYPED,
    CITIZEN,
    CITIZENS_DOCUMENT,
    DRAFTER,
    LICENCE,
    LICENCE_TYPED,
    SEALER,
    Browser,
    DeskOffice,
    fields_in,
    open_desk_office,
    texts,
)
from simulators.signed_in import identity_of
from simulators.token_drafts import AT

from api.entitlement import CERTIFICATES_MATTER
from certs.entries import ECertificate
from certs.lifecycle import LegalKind
from demo.population import Bases
from idp.documents import HolderKind, IdentityDocument
from idp.mandate_register import Grant
from idp.mandates import Grounds, Party, Principal, Terms
from idp.matters import ALL_MATTERS, Matters
from idp.names import NamedPerson
from idp.persons import LevelMeans
from idp.sources import PersonState

COMPANY = LICENCE_TYPED["holders/0/number"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskOffice]:
    with open_desk_office(tmp_path_factory.mktemp("desk") / "office") as office:
        yield office


def seal(office: DeskOffice, page: str, drafter: Browser, account: str) -> ECertificate:
    office.submit(drafter, page)
    draft_id = page.rpartition("/")[2]
    sealer = office.browser(account)
    look = sealer.page(f"/office/sealing/drafts/{draft_id}")
    fields = fields_in(look, action="/office/sealing/requests")
    request = sealer.post("/office/sealing/requests", fields).headers["location"]
    office.sign_in_for(sealer, request, account=account)
    return office.services.office.register.get_all([draft_id])[draft_id]


@pytest.fixture(scope="module")
def card(office: DeskOffice) -> ECertificate:
    """Return the citizen's card, drafted and sealed by the pages."""
    drafter = office.browser(CARD_DRAFTER)
    begun = fields_in(drafter.page("/office/drafts/new"), action="/office/drafts/new")
    page = drafter.post("/office/drafts/new", {**begun, "choice": CARD}).headers["location"]
    folder = office.services.office.catalogue.find("senior-citizen-card").folder
    photograph = portrait_in((folder / "sample.json").read_bytes())
    typed = {**fields_in(drafter.page(page), action=page), **CARD_TYPED, "action": "check"}
    drafter.post(page, typed, picture=photograph)
    return seal(office, page, drafter, CARD_SEALER)


def portrait_in(order: bytes) -> bytes:
    return base64.b64decode(json.loads(order)["portrait"])


@pytest.fixture(scope="module")
def licence(office: DeskOffice) -> ECertificate:
    """Return the company's licence."""
    drafter = office.browser(DRAFTER)
    return seal(office, office.draft(drafter, LICENCE, LICENCE_TYPED), drafter, SEALER)


def test_a_holder_sees_and_downloads_the_very_bytes(office: DeskOffice, card: ECertificate) -> None:
    citizen = office.browser(CITIZEN)
    page = citizen.page("/me/certificates")
    for words in ("老年人优待证", card.number, "有效", "示例市青禾区民政局", f"/c/{card.code}"):
        assert words in page
    assert "119*************4X" in page
    file = citizen.get(f"/me/certificates/{card.code}/file")
    assert file.content == office.services.office.register.file(card)
    assert file.headers["content-type"] == "application/pdf"
    assert office.services.verify(file.content).verdict == "valid"


def test_others_see_nothing_of_it(office: DeskOffice, card: ECertificate) -> None:
    for account in ("account-nobody", DRAFTER, CARD_SEALER):
        browser = office.browser(account)
        assert card.number not in browser.page("/me/certificates")
        assert browser.get(f"/me/certificates/{card.code}/file").status_code == 404
    stranger = office.browser("account-nobody")
    assert "尚未登记您的身份证件" in texts(stranger.page("/me/certificates"))


# ---- for a company, under a mandate ----

_people = (
    one
    for one in Bases.load().people
    if one.state is PersonState.LIVING and CITIZENS_DOCUMENT not in one.documents
)


def agent(office: DeskOffice, *, matters: Matters) -> Browser:
    """Return the browser of somebody who acts for the company under such a mandate."""
    identity, one = identity_of(office.services), next(_people)
    account = f"account-agent-{len(one.documents)}-{one.documents[0].number[-6:]}"
    person = identity.people.subjects.register(
        NamedPerson(one.name, one.documents[0]),
        account=account,
        means=LevelMeans.COUNTER_ORIGINAL,
        at=AT,
    )
    company = Principal(HolderKind.LEGAL, COMPANY)
    code = IdentityDocument.parse("001", COMPANY)
    mandate = identity.people.mandates.grant(
        Grant(
            grounds=Grounds.AT_COUNTER,
            principal=company,
            principal_party=Party(LICENCE_TYPED["holders/0/name"], code),
            actor=person,
            terms=Terms(matters, AT, AT + timedelta(days=30)),
            granted_by="clerk:account-clerk",
        ),
        officer="account-clerk",
        at=AT,
    )
    browser = office.browser(account)
    identity.sessions.set_acting(browser.session, mandate.id)
    return browser


def test_who_acts_for_a_company_sees_what_it_holds(
    office: DeskOffice, licence: ECertificate
) -> None:
    for matters in (ALL_MATTERS, Matters.parse([CERTIFICATES_MATTER])):
        browser = agent(office, matters=matters)
        page = browser.page("/me/certificates")
        assert licence.number in page
        assert COMPANY in page
        file = browser.get(f"/me/certificates/{licence.code}/file")
        assert file.content == office.services.office.register.file(licence)


def test_a_mandate_for_something_else_shows_nothing(
    office: DeskOffice, licence: ECertificate
) -> None:
    browser = agent(office, matters=Matters.parse(["000131168001"]))
    page = browser.page("/me/certificates")
    assert licence.number not in page
    assert "授权不包括" in texts(page)
    assert browser.get(f"/me/certificates/{licence.code}/file").status_code == 404


def test_a_mandate_that_was_recalled_shows_nothing(
    office: DeskOffice, licence: ECertificate
) -> None:
    browser = agent(office, matters=ALL_MATTERS)
    assert licence.number in browser.page("/me/certificates")
    identity = identity_of(office.services)
    acting = identity.sessions.find(browser.http.cookies.get("__Host-platform"), at=AT).acting
    assert acting is not None
    identity.people.mandates.recall(acting, "clerk:account-clerk", at=AT)
    assert browser.get(f"/me/certificates/{licence.code}/file").status_code != 200


def test_a_revoked_certificate_says_so(office: DeskOffice) -> None:
    drafter = office.browser(DRAFTER)
    revoked = seal(office, office.draft(drafter, LICENCE, LICENCE_TYPED), drafter, SEALER)
    office.services.office.register.revoke(
        revoked.number, LegalKind.DIAOXIAO, officer="operator", at=office.clock()
    )
    browser = agent(office, matters=ALL_MATTERS)
    assert "已失效 · 吊销" in texts(browser.page("/me/certificates"))
    assert browser.get(f"/me/certificates/{revoked.code}/file").status_code == 200
