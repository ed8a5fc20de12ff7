"""Approval and sealing: by a fresh sign-in for what was seen, once, or not at all."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from simulators.attack_tokens import claims
from simulators.desk_office import (
    CARD_SEALER,
    DRAFTER,
    LICENCE,
    LICENCE_TYPED,
    OTHER_SEALER,
    SEALER,
    Browser,
    DeskOffice,
    fields_in,
    open_desk_office,
    texts,
)
from simulators.openid_provider import browse, status
from simulators.signed_in import identity_of, machine_headers
from structlog.testing import capture_logs

from api.problems import STATUS_OF
from certs.approval_requests import RequestState
from certs.draft_entries import DraftState
from hsm.errors import LedgerUnavailableError
from idp.levels import IdentityLevel
from verify.report import Verdict

REASON = "经营场所与申请不符，请核对"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskOffice]:
    with open_desk_office(tmp_path_factory.mktemp("desk") / "office") as office:
        yield office


@pytest.fixture
def sealer(office: DeskOffice) -> Browser:
    return office.browser(SEALER)


def submitted(office: DeskOffice) -> str:
    """Return the id of a draft that waits."""
    drafter = office.browser(DRAFTER)
    page = office.draft(drafter, LICENCE, LICENCE_TYPED)
    office.submit(drafter, page)
    return page.rpartition("/")[2]


def look_at(draft_id: str) -> str:
    return f"/office/sealing/drafts/{draft_id}"


def seen(browser: Browser, draft_id: str) -> str:
    page = browser.page(look_at(draft_id))
    return fields_in(page, action="/office/sealing/requests")["seen"]


def ask(browser: Browser, *draft_ids: str) -> str:
    """Choose drafts and return the page of the request."""
    chosen = [seen(browser, draft_id) for draft_id in draft_ids]
    return str(browser.post("/office/sealing/requests", {"seen": chosen}).headers["location"])


def state_of(office: DeskOffice, draft_id: str) -> DraftState:
    return office.services.office.drafting.drafts.get(draft_id).state


def nothing_was_sealed(office: DeskOffice, draft_id: str) -> bool:
    services = office.services
    return (
        state_of(office, draft_id) is DraftState.SUBMITTED
        and services.office.register.get_all([draft_id]) == {}
    )


def test_an_officer_looks_approves_and_the_file_verifies(
    office: DeskOffice, sealer: Browser
) -> None:
    first, second = submitted(office), submitted(office)
    assert "食品经营许可证" in texts(sealer.page("/office/sealing"))
    look = sealer.page(look_at(first))
    assert f"/office/drafts/{first}/face.svg" in look
    for value in LICENCE_TYPED.values():
        if not value.isdigit():
            assert value in texts(look)
    assert sealer.get(f"/office/drafts/{first}/face.svg").status_code == 200
    request = ask(sealer, first, second)
    assert "您将批准以下 2 份证照" in texts(sealer.page(request))
    answer = office.sign_in_for(sealer, request, account=SEALER)
    assert answer.headers["location"] == request
    results = sealer.page(request)
    assert "已用印 2 份" in texts(results)
    found = office.services.office.register.get_all([first, second])
    for draft_id, certificate in found.items():
        draft = office.services.office.drafting.drafts.get(draft_id)
        assert certificate.draft_sm3 == draft.draft_sm3
        assert certificate.content["draft_sm3"] == draft.draft_sm3
        assert certificate.number in texts(results)
        sealed = office.services.office.register.file(certificate)
        assert office.services.verify(sealed).verdict is Verdict.VALID
    office.services.office.reconciliation.verify()


def test_the_request_is_pushed_and_asks_for_everything(office: DeskOffice, sealer: Browser) -> None:
    request = ask(sealer, submitted(office))
    before = office.provider.requests["/par"]
    away = sealer.get(f"{request}/sign-in").headers["location"]
    assert office.provider.requests["/par"] == before + 1
    pushed = office.provider._pushed[httpx.URL(away).params["request_uri"]]
    assert (pushed["prompt"], pushed["acr_values"]) == ("login", "al2")
    nonce = office.services.office.drafting.requests.get(
        request.rpartition("/")[2], at=office.clock()
    ).nonce
    assert pushed["nonce"] == nonce


def test_a_draft_is_returned_with_a_reason_its_drafter_sees(
    office: DeskOffice, sealer: Browser
) -> None:
    draft_id = submitted(office)
    look = look_at(draft_id)
    action = f"{look}/return"
    fields = fields_in(sealer.page(look), action=action)
    bare = sealer.post(action, {**fields, "reason": "  "})
    assert bare.status_code == 422
    assert "请填写此项" in texts(bare.text)
    assert (
        sealer.post(action, {**fields, "reason": REASON}).headers["location"] == "/office/sealing"
    )
    again = sealer.post(action, {**fields, "reason": REASON})
    assert again.status_code == 404  # it lies with its drafter again
    drafter = office.browser(DRAFTER)
    assert REASON in texts(drafter.page("/office"))
    assert REASON in texts(drafter.page(f"/office/drafts/{draft_id}"))
    assert state_of(office, draft_id) is DraftState.RETURNED


def test_a_draft_that_changed_since_it_was_seen_is_not_returned_unseen(
    office: DeskOffice, sealer: Browser
) -> None:
    draft_id = submitted(office)
    action = f"{look_at(draft_id)}/return"
    answer = sealer.post(action, {"reason": REASON, "seen": "0" * 64})
    assert answer.status_code == 409
    assert REASON in answer.text
    assert state_of(office, draft_id) is DraftState.SUBMITTED


def change(office: DeskOffice, draft_id: str) -> None:
    """Return a draft, change it, and hand it on again."""
    other = office.browser(OTHER_SEALER)
    action = f"{look_at(draft_id)}/return"
    fields = fields_in(other.page(look_at(draft_id)), action=action)
    other.post(action, {**fields, "reason": REASON})
    drafter, page = office.browser(DRAFTER), f"/office/drafts/{draft_id}"
    drafter.fill(page, {"attributes/KZ_JYCS": "示例市青禾区样板路9号"}, "check")
    office.submit(drafter, page)


def test_a_draft_changed_after_the_officer_looked_is_not_even_asked_for(
    office: DeskOffice, sealer: Browser
) -> None:
    draft_id = submitted(office)
    old = seen(sealer, draft_id)
    change(office, draft_id)
    answer = sealer.post("/office/sealing/requests", {"seen": old})
    assert answer.status_code == STATUS_OF["draft_changed"]
    assert nothing_was_sealed(office, draft_id)


def test_a_draft_changed_while_the_officer_signs_in_is_not_sealed(
    office: DeskOffice, sealer: Browser
) -> None:
    draft_id = submitted(office)
    request = ask(sealer, draft_id)
    change(office, draft_id)
    office.sign_in_for(sealer, request, account=SEALER)
    assert "未用印 草稿已被改动" in texts(sealer.page(request))
    assert nothing_was_sealed(office, draft_id)


@pytest.mark.parametrize(
    "facts",
    [
        {"account": OTHER_SEALER},
        {"account": DRAFTER},
        {"account": SEALER, "identity_level": "L2"},
        {"account": SEALER, "level": "al1"},
    ],
    ids=["another officer", "the drafter", "not seen in person", "password alone"],
)
def test_a_sign_in_that_is_not_enough_seals_nothing(
    office: DeskOffice, sealer: Browser, facts: dict[str, str]
) -> None:
    draft_id = submitted(office)
    request = ask(sealer, draft_id)
    answer = office.sign_in_for(sealer, request, **facts)
    assert answer.status_code in {400, 403}
    assert nothing_was_sealed(office, draft_id)
    office.sign_in_for(sealer, request, account=SEALER)  # and may still be given
    assert state_of(office, draft_id) is DraftState.SEALED


def test_another_nonce_or_an_old_sign_in_seals_nothing(office: DeskOffice, sealer: Browser) -> None:
    draft_id = submitted(office)
    request = ask(sealer, draft_id)
    old = int((office.clock() - timedelta(minutes=1)).timestamp())
    for change_of_token in (claims(nonce="0" * 64), claims(auth_time=old)):
        away = sealer.get(f"{request}/sign-in").headers["location"]
        office.provider.change_draft = change_of_token
        answer = sealer.get(f"/login/callback?{browse(away)}")
        assert answer.status_code == 400
    assert nothing_was_sealed(office, draft_id)


def test_a_sign_in_comes_back_to_its_own_browser_once(office: DeskOffice, sealer: Browser) -> None:
    draft_id = submitted(office)
    request = ask(sealer, draft_id)
    away = sealer.get(f"{request}/sign-in").headers["location"]
    office.provider.level = None
    office.provider.change_draft = claims(sub=SEALER, identity_level="L3")
    query = browse(away)
    stranger = office.browser(SEALER)
    stranger.get(f"/login/callback?{query}")
    assert nothing_was_sealed(office, draft_id)
    assert sealer.get(f"/login/callback?{query}").headers["location"] == request
    sealer.get(f"/login/callback?{query}")  # the back button
    assert state_of(office, draft_id) is DraftState.SEALED
    # The request, too, is used up.
    assert sealer.get(f"{request}/sign-in").status_code == STATUS_OF["approval_used"]
    office.services.office.reconciliation.verify()


def test_two_sign_ins_for_one_request_seal_once(office: DeskOffice, sealer: Browser) -> None:
    """Two tabs."""
    draft_id = submitted(office)
    request = ask(sealer, draft_id)
    office.provider.level = None
    office.provider.change_draft = claims(sub=SEALER, identity_level="L3")
    tabs = [browse(sealer.get(f"{request}/sign-in").headers["location"]) for _ in range(2)]
    for query in tabs:
        assert sealer.get(f"/login/callback?{query}").headers["location"] == request
    assert state_of(office, draft_id) is DraftState.SEALED


def test_a_request_nobody_signs_in_for_expires(office: DeskOffice, sealer: Browser) -> None:
    draft_id = submitted(office)
    request = ask(sealer, draft_id)
    away = sealer.get(f"{request}/sign-in").headers["location"]
    office.provider.level = None
    office.provider.change_draft = claims(sub=SEALER, identity_level="L3")
    query = browse(away)
    now = office.clock.at
    office.clock.at = now + timedelta(minutes=10, seconds=1)
    try:
        late = office.browser(SEALER)
        assert "批准已失效" in texts(late.page(request))
        assert late.get(f"{request}/sign-in").status_code == STATUS_OF["approval_expired"]
        sealer.get(f"/login/callback?{query}")
    finally:
        office.clock.at = now
    assert nothing_was_sealed(office, draft_id)


def test_of_two_officers_at_once_one_seals(office: DeskOffice) -> None:
    draft_id = submitted(office)
    browsers = {account: office.browser(account) for account in (SEALER, OTHER_SEALER)}
    requests = {account: ask(browser, draft_id) for account, browser in browsers.items()}
    office.provider.level = None
    queries = {}
    for account, browser in browsers.items():
        away = browser.get(f"{requests[account]}/sign-in").headers["location"]
        queries[account] = browse(away)
    # The token endpoint is asked one after the other, sealing goes on side by side.
    lock = threading.Lock()

    def come_back(account: str) -> None:
        with lock:
            office.provider.change_draft = claims(sub=account, identity_level="L3")
            browsers[account].get(f"/login/callback?{queries[account]}")

    threads = [threading.Thread(target=come_back, args=[account]) for account in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pages = [texts(browsers[account].page(requests[account])) for account in browsers]
    assert sorted("已用印 1 份" in page for page in pages) == [False, True]
    assert len(office.services.office.register.get_all([draft_id])) == 1
    office.services.office.reconciliation.verify()


def test_a_provider_that_is_away_is_said_so(office: DeskOffice, sealer: Browser) -> None:
    draft_id = submitted(office)
    request = ask(sealer, draft_id)
    office.provider.misbehave("/par", status(503))
    try:
        assert sealer.get(f"{request}/sign-in").status_code == STATUS_OF["provider_unavailable"]
    finally:
        office.provider.behave()
    assert nothing_was_sealed(office, draft_id)


def test_sealing_that_could_not_be_finished_goes_on_later(
    office: DeskOffice, sealer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft_id = submitted(office)
    request = ask(sealer, draft_id)
    issuance = type(office.services.office.issuance)

    def gone(*_: object, **__: object) -> None:
        raise LedgerUnavailableError

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(issuance, "issue_many", gone)
        office.sign_in_for(sealer, request, account=SEALER)
    assert [entry["code"] for entry in logs if entry["event"] == "approval_not_finished"] == [
        "ledger_unavailable"
    ]
    waiting = sealer.get(request)
    assert waiting.headers["refresh"] == "2"
    assert "正在用印" in texts(waiting.text)
    assert "用印中" in texts(office.browser(DRAFTER).page(f"/office/drafts/{draft_id}"))
    for _ in range(2):
        again = sealer.post(f"{request}/continue", {"x": ""})
        assert again.headers["location"] == request
    assert "refresh" not in sealer.get(request).headers
    assert state_of(office, draft_id) is DraftState.SEALED


def test_nothing_chosen_is_said_beside_the_list(sealer: Browser) -> None:
    answer = sealer.post("/office/sealing/requests", {"x": ""})
    assert answer.status_code == 422
    assert "请先勾选" in texts(answer.text)


@pytest.mark.parametrize("nonsense", ["", ":", "x:y", f"{'0' * 32}:{'0' * 64}", "\x00:\n"])
def test_nonsense_that_is_chosen_is_refused(sealer: Browser, nonsense: str) -> None:
    answer = sealer.post("/office/sealing/requests", {"seen": nonsense})
    assert answer.status_code in {404, 409}


def test_only_the_authoritys_sealers_see_what_waits(office: DeskOffice) -> None:
    draft_id = submitted(office)
    for account in (CARD_SEALER, DRAFTER):
        browser = office.browser(account)
        assert "麦垄" not in texts(browser.page("/office/sealing"))
        assert browser.get(look_at(draft_id)).status_code == 404
        answer = browser.post(f"{look_at(draft_id)}/return", {"reason": REASON, "seen": ""})
        assert answer.status_code == 404


def test_who_was_not_seen_in_person_does_not_seal(office: DeskOffice) -> None:
    draft_id = submitted(office)
    browser = office.browser(SEALER, identity_level=IdentityLevel.CONFIRMED)
    for path in ("/office/sealing", look_at(draft_id)):
        assert browser.get(path).status_code == STATUS_OF["assurance_too_low"]


def test_a_request_is_its_officers_alone(office: DeskOffice, sealer: Browser) -> None:
    request = ask(sealer, submitted(office))
    other = office.browser(OTHER_SEALER)
    for path in (request, f"{request}/sign-in", f"/office/sealing/requests/{uuid4().hex}"):
        assert other.get(path).status_code == 404
    assert other.post(f"{request}/continue", {"x": ""}).status_code == 404


def test_forms_of_other_sites_do_nothing(office: DeskOffice, sealer: Browser) -> None:
    draft_id = submitted(office)
    chosen = seen(sealer, draft_id)
    for path in (
        "/office/sealing/requests",
        f"{look_at(draft_id)}/return",
        f"{ask(sealer, draft_id)}/continue",
    ):
        answer = sealer.http.post(
            path,
            data={"seen": chosen, "reason": REASON},
            headers={"Origin": "https://evil.example"},
        )
        assert answer.status_code == STATUS_OF["cross_site"]
    assert nothing_was_sealed(office, draft_id)


def test_an_officer_who_left_his_post_meanwhile_seals_nothing(
    office: DeskOffice, sealer: Browser
) -> None:
    draft_id = submitted(office)
    request = ask(sealer, draft_id)
    officers = identity_of(office.services).officers
    away = sealer.get(f"{request}/sign-in").headers["location"]
    office.provider.level = None
    office.provider.change_draft = claims(sub=SEALER, identity_level="L3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(officers), "of_account", lambda *_, **__: None)
        answer = sealer.get(f"/login/callback?{browse(away)}")
    assert answer.status_code == STATUS_OF["not_permitted"]
    assert nothing_was_sealed(office, draft_id)


# ---- the machine interface ----


def machine(browser: Browser, method: str, path: str, body: object = None) -> httpx.Response:
    return browser.http.request(method, path, json=body, headers=machine_headers(browser.http))


def test_a_program_asks_and_learns_each_result(office: DeskOffice, sealer: Browser) -> None:
    first, second = submitted(office), submitted(office)
    sm3 = office.services.office.drafting.drafts.get(second).draft_sm3
    asked = machine(
        sealer, "POST", "/v1/sealings", {"drafts": [first, {"id": second, "draft_sm3": sm3}]}
    )
    assert asked.status_code == 202
    told = asked.json()
    assert set(told) == {"id", "nonce", "sign_in"}
    address = f"/v1/sealings/{told['id']}"
    assert machine(sealer, "GET", address).json()["state"] == RequestState.OPEN
    assert told["sign_in"].startswith(office.services.settings.origin)
    page = httpx.URL(told["sign_in"]).path.removesuffix("/sign-in")
    office.sign_in_for(sealer, page, account=SEALER)
    done = machine(sealer, "GET", address).json()
    assert (done["state"], done["nonce"]) == (RequestState.DONE, told["nonce"])
    found = office.services.office.register.get_all([first, second])
    assert {d["id"]: (d["result"], d["number"]) for d in done["drafts"]} == {
        draft_id: ("sealed", certificate.number) for draft_id, certificate in found.items()
    }


@pytest.mark.parametrize(
    ("drafts", "code"),
    [
        ([], "invalid_request"),
        (["nobody"], "unknown_draft"),
        ([uuid4().hex], "unknown_draft"),
        ([7], "invalid_request"),
        ([{"id": "x"}], "invalid_request"),
    ],
)
def test_a_program_that_asks_for_nothing_sensible_is_told(
    sealer: Browser, drafts: list[object], code: str
) -> None:
    answer = machine(sealer, "POST", "/v1/sealings", {"drafts": drafts})
    assert answer.json()["code"] == code
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_program_names_a_draft_once_and_as_it_is(office: DeskOffice, sealer: Browser) -> None:
    draft_id = submitted(office)
    twice = machine(sealer, "POST", "/v1/sealings", {"drafts": [draft_id, draft_id]})
    assert twice.json()["errors"][0]["pointer"] == "/drafts"
    wrong = machine(
        sealer, "POST", "/v1/sealings", {"drafts": [{"id": draft_id, "draft_sm3": "0" * 64}]}
    )
    assert wrong.json()["code"] == "draft_changed"


def test_a_cookie_alone_is_no_program(office: DeskOffice, sealer: Browser) -> None:
    bare = sealer.http.post("/v1/sealings", json={"drafts": [submitted(office)]})
    assert bare.json()["code"] == "cross_site"
    assert sealer.http.get(f"/v1/sealings/{uuid4().hex}").json()["code"] == "cross_site"
    assert machine(sealer, "GET", f"/v1/sealings/{uuid4().hex}").status_code == 404
