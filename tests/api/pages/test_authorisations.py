"""Authorisations for unattended sealing: by a fresh sign-in of the keeper for what he filled in."""

import json
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import HttpUrl
from simulators.attack_tokens import claims
from simulators.desk_office import (
    CARD,
    DRAFTER,
    KEEPER,
    LICENCE,
    SEALER,
    Browser,
    DeskOffice,
    Desks,
    fields_in,
    furnish_desks,
    open_desk_office,
    texts,
)
from simulators.keycloak import new_realm
from simulators.office import CIVIL_AFFAIRS_BUREAU, MARKET_BUREAU, SENIOR_CARD
from simulators.officers import held, open_staff
from simulators.openid_provider import browse
from simulators.server import free_port
from simulators.signed_in import identity_of
from simulators.web import ENGLISH

from api.app import create_app
from api.pages.authorisations import MOST_LISTED
from api.settings import Settings
from api.wiring import Services, open_services, system_clock
from certs.orders import parse_order
from hsm.errors import LedgerUnavailableError
from hsm.permits import MOST_A_DAY, UnattendedUse
from idp.levels import IdentityLevel
from idp.officers import Post
from idp.settings import IdentitySettings

CARD_KEEPER, OTHER_KEEPER, DRAFTING_KEEPER = "card-keeper", "other-keeper", "drafting-keeper"
PAGE, FORM = "/office/authorisations", "/office/authorisations/new"
TYPED = {"choice": CARD, "since": "2027-03-02", "until": "2027-05-31", "daily_cap": "200"}
TODAY = {"since": "2027-03-01"}


def furnish_keepers(services: Services, *accounts: str) -> None:
    """Appoint keepers of the civil affairs bureau's seal, the last of whom drafts as well."""
    identity = identity_of(services)
    staff = open_staff(identity.transactions, identity.personal_data)
    for number, account in enumerate(accounts, 70):
        posts = [held(Post.SEAL_KEEPING, CIVIL_AFFAIRS_BUREAU)]
        if account == DRAFTING_KEEPER:
            posts.append(held(Post.DRAFTING, MARKET_BUREAU))
        staff.appoint(account, *posts, sequence=number, at=services.clock())


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskOffice]:
    with open_desk_office(tmp_path_factory.mktemp("keepers") / "office") as office:
        furnish_keepers(office.services, CARD_KEEPER, OTHER_KEEPER, DRAFTING_KEEPER)
        yield office


@pytest.fixture
def keeper(office: DeskOffice) -> Browser:
    return office.browser(CARD_KEEPER)


def given(services: Services) -> list[UnattendedUse]:
    """Return those that somebody signed in for."""
    uses = services.office.permissions.authorisations()
    return [use for use in uses if not use.of_development]


def fill_in(keeper: Browser, **changes: str) -> httpx.Response:
    fields = fields_in(keeper.page(FORM), action=FORM)
    return keeper.post(FORM, {**fields, **TYPED, **changes})


def come_back(
    office: DeskOffice,
    keeper: Browser,
    away: httpx.Response,
    *,
    account: str = CARD_KEEPER,
    identity_level: str = "L3",
) -> httpx.Response:
    """Sign in at the provider and follow it back."""
    assert away.status_code == 303, texts(away.text)
    office.provider.level = None
    office.provider.change_draft = claims(sub=account, identity_level=identity_level)
    return keeper.get(f"/login/callback?{browse(away.headers['location'])}")


def test_a_seal_keeper_gives_one_and_it_is_used(office: DeskOffice, keeper: Browser) -> None:
    assert PAGE in keeper.page("/office")
    before = len(given(office.services))
    answer = come_back(office, keeper, fill_in(keeper))
    assert answer.headers["location"] == f"{PAGE}?given=true"
    use = given(office.services)[-1]
    terms = use.authorisation
    assert len(given(office.services)) == before + 1
    assert (terms.authority, terms.daily_cap) == (CIVIL_AFFAIRS_BUREAU, 200)
    assert terms.since.isoformat() == "2027-03-01T16:00:00+00:00"
    assert terms.until.isoformat() == "2027-05-31T16:00:00+00:00"
    assert use.officer == CARD_KEEPER
    office.services.office.permissions.verify_evidence()
    page = texts(keeper.page(answer.headers["location"]))
    assert "授权已给出" in page
    assert "2027-03-02 至 2027-05-31" in page


def test_what_is_used_today_stands_beside_the_cap(office: DeskOffice, keeper: Browser) -> None:
    come_back(office, keeper, fill_in(keeper, **TODAY, daily_cap="7"))
    desk, at = office.services.office, office.clock()
    kind = desk.catalogue.find(SENIOR_CARD)
    use = desk.permissions.in_force(authority=CIVIL_AFFAIRS_BUREAU, type_code=kind.code)
    assert use.authorisation.daily_cap == 7
    assert use.authorisation.since == at.replace(microsecond=0)
    assert "7 0 示例员 有效" in texts(keeper.page(PAGE))
    order = parse_order(
        json.loads((kind.folder / "sample.json").read_bytes()),
        certificate_type=kind,
        authorities=desk.authorities,
        authority_uscc=CIVIL_AFFAIRS_BUREAU,
        at=at,
    )
    desk.issue_one(order, key="used-today", at=at)
    assert "7 1 示例员 有效" in texts(keeper.page(PAGE))


def test_the_request_is_pushed_and_bears_what_was_filled_in(
    office: DeskOffice, keeper: Browser
) -> None:
    before = office.provider.requests["/par"]
    away = fill_in(keeper, daily_cap="3").headers["location"]
    assert office.provider.requests["/par"] == before + 1
    pushed = office.provider._pushed[httpx.URL(away).params["request_uri"]]
    assert (pushed["prompt"], pushed["acr_values"]) == ("login", "al2")
    office.provider.change_draft = claims(sub=CARD_KEEPER, identity_level="L3")
    keeper.get(f"/login/callback?{browse(away)}")
    assert given(office.services)[-1].authorisation.nonce == pushed["nonce"]


@pytest.mark.parametrize(
    ("account", "identity_level"),
    [(OTHER_KEEPER, "L3"), (SEALER, "L3"), (CARD_KEEPER, "L2")],
    ids=["another keeper", "a sealing officer", "never seen"],
)
def test_nobody_else_and_nobody_unknown_gives_it(
    office: DeskOffice, keeper: Browser, account: str, identity_level: str
) -> None:
    before = given(office.services)
    away = fill_in(keeper)
    answer = come_back(office, keeper, away, account=account, identity_level=identity_level)
    assert answer.status_code == 403
    assert "授权未成立" in texts(answer.text)
    assert given(office.services) == before


def test_a_sign_in_is_for_one_authorisation_only(office: DeskOffice, keeper: Browser) -> None:
    before = given(office.services)
    away = fill_in(keeper)
    office.provider.level = None
    office.provider.change_draft = claims(
        sub=CARD_KEEPER, identity_level="L3", nonce=before[0].authorisation.nonce
    )
    answer = keeper.get(f"/login/callback?{browse(away.headers['location'])}")
    assert answer.status_code == 400
    assert given(office.services) == before


def test_coming_back_twice_gives_one(office: DeskOffice, keeper: Browser) -> None:
    away = fill_in(keeper)
    before = len(given(office.services))
    office.provider.level = None
    office.provider.change_draft = claims(sub=CARD_KEEPER, identity_level="L3")
    query = browse(away.headers["location"])
    for _ in range(2):
        keeper.get(f"/login/callback?{query}")
    assert len(given(office.services)) == before + 1


def test_a_ledger_that_is_away_is_said(
    office: DeskOffice, keeper: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise LedgerUnavailableError

    form = fill_in(keeper)
    monkeypatch.setattr(type(office.services.office.permissions), "authorise", away)
    answer = come_back(office, keeper, form)
    assert answer.status_code == 503
    assert "台账暂时无法写入" in texts(answer.text)


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("choice", LICENCE, "请选择证照类型"),
        ("choice", "", "请选择证照类型"),
        ("since", "明天", "请填写日期"),
        ("since", "2027-02-28", "第一天已经过去"),
        ("until", "2027-03-01", "最后一天不能早于第一天"),
        ("until", "2028-03-02", "最长 366 天"),
        ("until", "9999-12-31", "请填写日期"),
        ("daily_cap", "0", "1 至 100000 之间"),
        ("daily_cap", str(MOST_A_DAY + 1), "1 至 100000 之间"),
        ("daily_cap", "１０", "1 至 100000 之间"),
        ("daily_cap", "9" * 5000, "1 至 100000 之间"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    keeper: Browser, field: str, typed: str, words: str
) -> None:
    answer = fill_in(keeper, **{field: typed})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert f'href="#{field}"' in answer.text
    assert words in texts(answer.text)
    others = {name: value for name, value in TYPED.items() if name != field}
    assert others.items() <= fields_in(answer.text, action=FORM).items()


def test_a_year_may_be_given(keeper: Browser) -> None:
    assert fill_in(keeper, until="2028-03-01").status_code == 303


def test_one_is_recalled_at_once_and_again(office: DeskOffice, keeper: Browser) -> None:
    come_back(office, keeper, fill_in(keeper))
    number = given(office.services)[-1].number
    path = f"{PAGE}/{number}/recall"
    assert path in keeper.page(PAGE)
    for _ in range(2):
        assert keeper.post(path, {}).headers["location"] == f"{PAGE}?recalled=true"
    assert given(office.services)[-1].recalled
    page = keeper.page(f"{PAGE}?recalled=true")
    assert "授权已收回" in texts(page)
    assert path not in page
    office.services.office.ledger.verify_chain()


def test_only_who_keeps_the_seal_recalls(office: DeskOffice, keeper: Browser) -> None:
    come_back(office, keeper, fill_in(keeper))
    number = given(office.services)[-1].number
    assert office.browser(KEEPER).post(f"{PAGE}/{number}/recall", {}).status_code == 404
    assert office.browser(SEALER).post(f"{PAGE}/{number}/recall", {}).status_code == 403
    forged = keeper.http.post(f"{PAGE}/{number}/recall", headers={"Origin": keeper.origin})
    assert forged.status_code == 403
    assert not given(office.services)[-1].recalled


@pytest.mark.parametrize("account", [DRAFTER, SEALER])
def test_whoever_keeps_no_seal_has_no_such_page(office: DeskOffice, account: str) -> None:
    browser = office.browser(account)
    assert PAGE not in browser.page("/office")
    assert browser.get(PAGE).status_code == 403
    assert browser.get(FORM).status_code == 403
    assert browser.post(FORM, TYPED).status_code == 403


def test_a_keeper_who_drafts_looks_and_recalls_but_gives_none(office: DeskOffice) -> None:
    browser = office.browser(DRAFTING_KEEPER)
    page = browser.page(PAGE)
    assert FORM not in page
    assert "不能给出授权" in texts(page)
    assert browser.get(FORM).status_code == 403
    assert browser.post(FORM, TYPED).status_code == 403


def test_who_was_never_seen_is_told_so(office: DeskOffice) -> None:
    browser = office.browser(CARD_KEEPER, identity_level=IdentityLevel.MATCHED)
    assert browser.get(PAGE).status_code == 200
    assert browser.get(FORM).status_code == 403


def test_types_for_two_officers_cannot_be_authorised(office: DeskOffice) -> None:
    page = texts(office.browser(KEEPER).page(FORM))
    assert "都要求两人" in page
    assert "登录并给出授权" not in page


def test_the_page_is_in_english_too(office: DeskOffice, keeper: Browser) -> None:
    for path, words in ((PAGE, "Unattended sealing"), (FORM, "Sign in and give it")):
        answer = keeper.http.get(path, headers=ENGLISH)
        assert words in texts(answer.text)
    assert len(given(office.services)) <= MOST_LISTED


@pytest.mark.real
def test_with_the_real_keycloak(tmp_path_factory: pytest.TempPathFactory) -> None:
    origin = f"http://127.0.0.1:{free_port()}"
    with new_realm(origin) as realm:
        account = realm.person("feng.baoguan", level=IdentityLevel.SEEN)
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
            furnish_keepers(services, account)
            keeper = Desks(services, create_app(services, rate_limited=False)).browser(account)
            day = services.clock() + timedelta(days=1)
            period = {"since": f"{day:%Y-%m-%d}", "until": f"{day:%Y-%m-%d}"}
            away = fill_in(keeper, **period).headers["location"]
            with realm.browser() as keycloak:
                page = realm.sign_in(keycloak, away, "feng.baoguan")
            assert page.asked == ("password", "otp")
            assert page.left is not None
            parts = urlsplit(page.left)
            answer = keeper.get(f"{parts.path}?{parts.query}")
            assert answer.headers["location"] == f"{PAGE}?given=true"
            (use,) = given(services)
            assert (use.officer, use.authorisation.daily_cap) == (account, 200)
