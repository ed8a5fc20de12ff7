"""`/v1/drafts` and `/v1/certificates`: what programs of officers and holders may do and see."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from simulators.desk_office import (
    CARD_DRAFTER,
    CARD_SEALER,
    CITIZEN,
    CITIZENS_DOCUMENT,
    DRAFTER,
    KEEPER,
    SEALER,
    Browser,
    DeskOffice,
    open_desk_office,
)
from simulators.office import CIVIL_AFFAIRS_BUREAU, MARKET_BUREAU, OTHER_MARKET_BUREAU
from simulators.signed_in import machine_headers

from api.problems import STATUS_OF
from certs.content import draft_sm3
from idp.levels import AuthenticationLevel, IdentityLevel

TWO_FACTORS = AuthenticationLevel.ONE_TIME_CODE
LICENCE, CARD = "food-business-licence", "senior-citizen-card"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskOffice]:
    with open_desk_office(tmp_path_factory.mktemp("desk") / "office") as office:
        yield office


def sample(office: DeskOffice, slug: str, **changes: object) -> dict[str, object]:
    folder = office.services.office.catalogue.find(slug).folder
    order: dict[str, object] = json.loads((folder / "sample.json").read_bytes())
    return order | changes


def call(
    browser: Browser,
    method: str,
    path: str,
    body: object = None,
    **headers: str,
) -> httpx.Response:
    sent = machine_headers(browser.http) | {
        name.replace("_", "-"): v for name, v in headers.items()
    }
    return browser.http.request(method, path, json=body, headers=sent)


def create(office: DeskOffice, **more: object) -> dict[str, Any]:
    body = {"type": LICENCE, "order": sample(office, LICENCE)} | more
    answer = call(office.browser(DRAFTER), "POST", "/v1/drafts", body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_draft_is_created_submitted_and_seen_by_those_who_seal(office: DeskOffice) -> None:
    draft = create(office, submit=True)
    assert (draft["state"], draft["errors"], draft["authority"]) == ("submitted", [], MARKET_BUREAU)
    kept = office.services.office.drafting.drafts.get(str(draft["id"]))
    order = office.services.office.drafting.drafts.order_of(kept, at=office.clock())
    assert draft["draft_sm3"] == draft_sm3(order, kept.id)
    for account in (DRAFTER, SEALER):
        assert call(office.browser(account), "GET", f"/v1/drafts/{draft['id']}").json() == draft


def test_a_draft_with_faults_is_kept_and_they_are_told(office: DeskOffice) -> None:
    draft = create(office, order={"holders": [{"type": "001", "number": "1", "name": "例"}]})
    assert draft["state"] == "drafting"
    errors = {(e["pointer"], e["code"]) for e in draft["errors"]}
    assert {("/holders/0/number", "malformed_number"), ("/attributes", "required")} <= errors
    assert draft["links"]["face"] is None


def test_a_draft_with_faults_is_not_submitted_and_not_kept(office: DeskOffice) -> None:
    drafter = office.browser(DRAFTER)
    count = len(drafter.page("/office").split("/office/drafts/"))
    body = {"type": LICENCE, "order": {"holders": []}, "submit": True}
    answer = call(drafter, "POST", "/v1/drafts", body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_order"
    assert {"pointer": "/holders", "code": "min_items", "detail": "1"} in answer.json()["errors"]
    assert len(drafter.page("/office").split("/office/drafts/")) == count


def test_a_draft_is_changed_from_its_revision_and_submitted(office: DeskOffice) -> None:
    draft = create(office, order={})
    drafter, path = office.browser(DRAFTER), f"/v1/drafts/{draft['id']}"
    change = {"revision": 1, "order": sample(office, LICENCE)}
    changed = call(drafter, "PUT", path, change)
    assert (changed.json()["revision"], changed.json()["errors"]) == (2, [])
    assert call(drafter, "PUT", path, change).json()["code"] == "draft_changed"
    sent = call(drafter, "PUT", path, change | {"revision": 2, "submit": True})
    assert sent.json()["state"] == "submitted"
    late = call(drafter, "PUT", path, change | {"revision": 3})
    assert late.json()["code"] == "draft_state"


def test_a_draft_is_returned_with_a_reason(office: DeskOffice) -> None:
    draft = create(office, submit=True)
    sealer, path = office.browser(SEALER), f"/v1/drafts/{draft['id']}/return"
    for body, code in (
        ({"reason": ""}, "invalid_order"),
        ({"reason": "不符", "draft_sm3": "0" * 64}, "draft_changed"),
        ({}, "invalid_request"),
    ):
        assert call(sealer, "POST", path, body).json()["code"] == code
    returned = call(sealer, "POST", path, {"reason": "不符", "draft_sm3": draft["draft_sm3"]})
    assert returned.json()["state"] == "returned"
    own = call(office.browser(DRAFTER), "GET", f"/v1/drafts/{draft['id']}").json()
    assert own["reason"] == "不符"
    assert call(sealer, "GET", f"/v1/drafts/{draft['id']}").status_code == 404


def test_another_ones_draft_is_answered_like_none(office: DeskOffice) -> None:
    path, nothing = f"/v1/drafts/{create(office)['id']}", f"/v1/drafts/{uuid4().hex}"
    for account in (CARD_DRAFTER, CARD_SEALER, SEALER, KEEPER):
        browser = office.browser(account)
        assert call(browser, "GET", path).text == call(browser, "GET", nothing).text
        for method, address, body in (
            ("PUT", path, {"revision": 1, "order": {}}),
            ("POST", f"{path}/return", {"reason": "x"}),
        ):
            assert call(browser, method, address, body).status_code == 404
    assert call(office.browser(CITIZEN), "GET", path).status_code == STATUS_OF["not_permitted"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "nothing", "order": {}}, "unknown_type"),
        ({"type": CARD, "order": {}}, "not_permitted"),
        ({"type": CARD, "authority": CIVIL_AFFAIRS_BUREAU, "order": {}}, "not_permitted"),
        ({"type": CARD, "authority": MARKET_BUREAU, "order": {}}, "not_entitled"),
        ({"type": LICENCE, "authority": OTHER_MARKET_BUREAU, "order": {}}, "not_permitted"),
        ({"type": LICENCE, "order": {"x": "字" * 22_000}}, "invalid_order"),
        ({"type": LICENCE, "order": []}, "invalid_request"),
        ({"type": LICENCE, "order": {}, "more": 1}, "invalid_request"),
        ([], "invalid_request"),
    ],
)
def test_what_cannot_be_drafted_is_refused(office: DeskOffice, body: object, code: str) -> None:
    answer = call(office.browser(DRAFTER), "POST", "/v1/drafts", body)
    assert answer.json()["code"] == code
    assert answer.status_code == STATUS_OF[code]


def test_a_body_beyond_all_measure_is_not_read(office: DeskOffice) -> None:
    answer = call(
        office.browser(DRAFTER),
        "POST",
        "/v1/drafts",
        {"type": LICENCE, "order": {"x": "y" * 2**21}},
    )
    assert answer.status_code == STATUS_OF["document_too_large"]


def test_a_portrait_travels_with_the_order_and_stays(office: DeskOffice) -> None:
    drafter = office.browser(CARD_DRAFTER)
    body = {"type": CARD, "order": sample(office, CARD)}
    draft = call(drafter, "POST", "/v1/drafts", body).json()
    assert draft["errors"] == []
    assert "portrait" not in draft["order"]
    without = {key: value for key, value in sample(office, CARD).items() if key != "portrait"}
    path = f"/v1/drafts/{draft['id']}"
    assert call(drafter, "PUT", path, {"revision": 1, "order": without}).json()["errors"] == []
    odd = call(drafter, "POST", "/v1/drafts", body | {"order": without | {"portrait": 7}}).json()
    assert {(e["pointer"], e["code"]) for e in odd["errors"]} == {("/portrait", "type")}


# ---- issuing without a second officer ----


def issue(
    office: DeskOffice, key: str, account: str = CARD_DRAFTER, **more: object
) -> httpx.Response:
    body = {"type": CARD, "order": sample(office, CARD)} | more
    browser = office.browser(account, level=TWO_FACTORS)
    return call(browser, "POST", "/v1/certificates", body, Idempotency_Key=key)


@pytest.mark.parametrize(
    ("level", "identity_level", "needs"),
    [
        (AuthenticationLevel.PASSWORD, IdentityLevel.ORIGINAL, "al2"),
        (AuthenticationLevel.PASSKEY, IdentityLevel.CONFIRMED, "L3"),
    ],
)
def test_no_seal_is_applied_for_a_password_or_for_somebody_never_seen(
    office: DeskOffice, level: AuthenticationLevel, identity_level: IdentityLevel, needs: str
) -> None:
    browser = office.browser(CARD_DRAFTER, level=level, identity_level=identity_level)
    body = {"type": CARD, "order": sample(office, CARD)}
    answer = call(browser, "POST", "/v1/certificates", body, Idempotency_Key="key-0")
    assert answer.status_code == 403, answer.text
    assert answer.json()["code"] == "assurance_too_low"
    assert [error["code"] for error in answer.json()["errors"]] == [needs]


def test_one_key_gives_one_certificate(office: DeskOffice) -> None:
    first, again = issue(office, "key-1"), issue(office, "key-1")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert set(first.json()) == {"number", "identifier", "code", "status", "file_sm3", "links"}
    other = sample(office, CARD, valid_from="2027-03-02")
    assert issue(office, "key-1", order=other).json()["code"] == "already_issued"
    assert issue(office, "key-2").json()["number"] != first.json()["number"]
    office.services.office.reconciliation.verify()


def test_who_may_not_issue_so_does_not(office: DeskOffice) -> None:
    licence = {"type": LICENCE, "order": sample(office, LICENCE)}
    assert issue(office, "key-3", DRAFTER, **licence).json()["code"] == "four_eyes"
    for account in (DRAFTER, CARD_SEALER, CITIZEN):
        assert issue(office, "key-3", account).json()["code"] == "not_permitted"
    faulty = issue(office, "key-3", order={}).json()
    assert faulty["code"] == "invalid_order"
    assert {e["pointer"] for e in faulty["errors"]} >= {"/holders", "/attributes", "/portrait"}
    bare = call(
        office.browser(CARD_DRAFTER, level=TWO_FACTORS),
        "POST",
        "/v1/certificates",
        {"type": CARD, "order": sample(office, CARD)},
    )
    assert bare.json()["code"] == "invalid_request"


def test_entry_and_file_are_for_the_holder_and_the_office(office: DeskOffice) -> None:
    issued = issue(office, "key-4").json()
    path = issued["links"]["self"]
    certificate = office.services.office.register.get(issued["number"])
    for account in (CITIZEN, CARD_DRAFTER, CARD_SEALER):
        browser = office.browser(account)
        entry = call(browser, "GET", path).json()
        assert {key: entry[key] for key in issued} == issued
        assert entry["content"]["metadata"]["holders"][0]["CZZTDM"] == CITIZENS_DOCUMENT.number
        file = call(browser, "GET", f"{path}/file")
        assert file.content == office.services.office.register.file(certificate)
        assert file.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert file.headers["cache-control"] == "no-store"
    for account in (DRAFTER, SEALER, KEEPER, "account-nobody"):
        browser = office.browser(account)
        nothing = call(browser, "GET", "/v1/certificates/nothing")
        for address in (path, f"{path}/file"):
            assert call(browser, "GET", address).text == nothing.text
            assert call(browser, "GET", address).status_code == 404


def test_nobody_is_told_nothing(office: DeskOffice) -> None:
    stranger = office.browser(CITIZEN).http
    stranger.cookies.clear()
    for path in ("/v1/drafts/x", "/v1/sealings/x", "/v1/certificates/x", "/v1/certificates/x/file"):
        answer = stranger.get(path)
        assert answer.status_code == 401
        assert answer.json()["code"] == "not_signed_in"
