"""Departments' systems at `/v1/certificates`: what a bearer token opens, and each refusal."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml
from simulators.desk_office import CARD_DRAFTER, DeskOffice, open_desk_office
from simulators.office import CIVIL_AFFAIRS_BUREAU, MARKET_BUREAU
from simulators.signed_in import connect_browser, machine_headers
from simulators.token_drafts import machine_token_draft
from structlog.testing import capture_logs

from idp.levels import AuthenticationLevel

LICENCE, CARD = "food-business-licence", "senior-citizen-card"
BOTH = "certificates:issue certificates:read"
CIVIL, MARKET, READER = "system-civil", "system-market", "system-reader"
_FILES = {
    CIVIL: (CIVIL_AFFAIRS_BUREAU, BOTH),
    MARKET: (MARKET_BUREAU, BOTH),
    READER: (CIVIL_AFFAIRS_BUREAU, "certificates:read"),
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskOffice]:
    with open_desk_office(tmp_path_factory.mktemp("systems") / "office") as office:
        folder = office.services.settings.data / "systems"
        folder.mkdir()
        for client, (authority, may) in _FILES.items():
            members = {"kind": "system", "client": client, "names": {"zh": "例", "en": "X"}}
            members |= {"authority": authority, "may": may.split()}
            (folder / f"{client}.yaml").write_text(yaml.safe_dump(members), encoding="utf-8")
        yield office


@pytest.fixture
def http(office: DeskOffice) -> httpx.Client:
    return connect_browser(office.services)


def bearer(office: DeskOffice, client: str = CIVIL, **claims: Any) -> dict[str, str]:  # noqa: ANN401  # whatever a token may claim
    draft = machine_token_draft(office.provider.issuer)
    draft.claims |= {"azp": client, "authority": _FILES.get(client, (None,))[0], "scope": BOTH}
    draft.claims |= claims
    draft.claims = {name: value for name, value in draft.claims.items() if value is not None}
    return {"Authorization": f"Bearer {draft.compact()}", "Accept": "application/json"}


def body(office: DeskOffice, slug: str = CARD, **more: object) -> dict[str, object]:
    folder = office.services.office.catalogue.find(slug).folder
    return {"type": slug, "order": json.loads((folder / "sample.json").read_bytes())} | more


def issue(
    office: DeskOffice,
    http: httpx.Client,
    key: str,
    headers: dict[str, str] | None = None,
    sent: dict[str, object] | None = None,
) -> httpx.Response:
    return http.post(
        "/v1/certificates",
        json=body(office) if sent is None else sent,
        headers=(headers or bearer(office)) | {"Idempotency-Key": key},
    )


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_a_system_issues_for_its_authority_and_reads_what_was_issued(
    office: DeskOffice, http: httpx.Client
) -> None:
    with capture_logs() as logs:
        first, again = issue(office, http, "system-1"), issue(office, http, "system-1")
    assert first.status_code == again.status_code == 201, first.text
    assert first.json() == again.json()
    register = office.services.office.register
    certificate = register.get(first.json()["number"])
    assert certificate.authority == CIVIL_AFFAIRS_BUREAU
    path = first.json()["links"]["self"]
    entry = http.get(path, headers=bearer(office, READER))
    assert {key: entry.json()[key] for key in first.json()} == first.json()
    file = http.get(f"{path}/file", headers=bearer(office))
    assert file.content == register.file(certificate)
    assert file.headers["cache-control"] == "no-store"
    # Who asked stands in the log, by ids alone.
    (said, _) = [line for line in logs if line["event"] == "issued_unattended"]
    assert (said["asked_by"], said["certificate"]) == ("client:system-civil", certificate.id)
    assert certificate.number not in str(said)
    # The same key with another order is no second certificate.
    sample = body(office)["order"]
    assert isinstance(sample, dict)
    other = body(office, order=sample | {"valid_from": "2027-03-02"})
    assert refused(issue(office, http, "system-1", sent=other)) == (409, "already_issued")
    office.services.office.reconciliation.verify()


def test_other_authorities_certificates_are_not_there(
    office: DeskOffice, http: httpx.Client
) -> None:
    path = issue(office, http, "system-2").json()["links"]["self"]
    market = bearer(office, MARKET)
    nothing = http.get("/v1/certificates/nothing", headers=market)
    assert refused(nothing) == (404, "not_found")
    for address in (path, f"{path}/file"):
        answer = http.get(address, headers=market)
        assert (answer.status_code, answer.text) == (404, nothing.text)


def test_a_system_issues_for_no_other_authority_and_no_type_with_four_eyes(
    office: DeskOffice, http: httpx.Client
) -> None:
    named = body(office, authority=MARKET_BUREAU)
    assert refused(issue(office, http, "system-3", sent=named)) == (403, "not_permitted")
    own = body(office, authority=CIVIL_AFFAIRS_BUREAU)
    assert issue(office, http, "system-3", sent=own).status_code == 201
    market = bearer(office, MARKET)
    licence = body(office, LICENCE)
    assert refused(issue(office, http, "system-4", market, licence)) == (403, "four_eyes")
    assert issue(office, http, "system-4", market).status_code in {403, 422}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"authority": MARKET_BUREAU}, (403, "not_permitted")),
        ({"authority": None}, (403, "not_permitted")),
        ({"azp": MARKET}, (403, "not_permitted")),
        ({"azp": "system-unknown"}, (403, "not_permitted")),
        ({"azp": "portal-a"}, (403, "not_permitted")),
        ({"azp": "platform"}, (403, "not_permitted")),
        ({"sid": "somebody", "acr": "al3", "identity_level": "L4"}, (403, "not_permitted")),
        ({"scope": "certificates:read"}, (403, "insufficient_scope")),
        ({"scope": ""}, (403, "insufficient_scope")),
        ({"scope": "certificates:issues"}, (403, "insufficient_scope")),
        ({"aud": "platform"}, (401, "invalid_token")),
        ({"aud": None}, (401, "invalid_token")),
        ({"iss": "https://evil.example"}, (401, "invalid_token")),
        ({"typ": "ID"}, (401, "invalid_token")),
        ({"azp": None}, (401, "invalid_token")),
        ({"exp": 1}, (401, "invalid_token")),
        ({"authority": ["x"]}, (401, "invalid_token")),
    ],
    ids=str,
)
def test_each_thing_a_token_must_say_is_asked(
    office: DeskOffice,
    http: httpx.Client,
    claims: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    answer = issue(office, http, "system-5", bearer(office, **claims))
    assert refused(answer) == expected
    challenge = answer.headers.get("www-authenticate", "")
    assert challenge == (f'Bearer error="{expected[1]}"' if expected[1] != "not_permitted" else "")


def test_what_the_file_does_not_grant_no_token_grants(
    office: DeskOffice, http: httpx.Client
) -> None:
    answer = issue(office, http, "system-6", bearer(office, READER))
    assert refused(answer) == (403, "insufficient_scope")
    number = issue(office, http, "system-7").json()["number"]
    unread = bearer(office, scope="certificates:issue")
    for path in (f"/v1/certificates/{number}", f"/v1/certificates/{number}/file"):
        assert refused(http.get(path, headers=unread)) == (403, "insufficient_scope")


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Basic eDp5"])
def test_without_a_token_nobody_is_let_in(http: httpx.Client, header: str) -> None:
    for method, path in (("POST", ""), ("GET", "/x"), ("GET", "/x/file")):
        answer = http.request(
            method, f"/v1/certificates{path}", headers={"Authorization": header}, json={}
        )
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_signature_of_somebody_else_counts_for_nothing(
    office: DeskOffice, http: httpx.Client
) -> None:
    headers = bearer(office)
    signed, _, signature = headers["Authorization"].rpartition(".")
    headers["Authorization"] = f"{signed}.{signature[::-1]}"
    assert refused(issue(office, http, "system-8", headers)) == (401, "invalid_token")


def test_a_session_beside_a_token_counts_for_nothing(office: DeskOffice) -> None:
    officer = office.browser(CARD_DRAFTER, level=AuthenticationLevel.ONE_TIME_CODE).http
    headers = machine_headers(officer)
    assert issue(office, officer, "system-9", headers).status_code == 201
    unable = bearer(office, scope="certificates:read")
    assert refused(issue(office, officer, "system-10", headers | unable)) == (
        403,
        "insufficient_scope",
    )


def test_a_system_that_was_removed_is_unknown_at_once(
    office: DeskOffice, http: httpx.Client
) -> None:
    file = office.services.settings.data / "systems" / f"{CIVIL}.yaml"
    content = file.read_bytes()
    file.unlink()
    try:
        assert refused(issue(office, http, "system-11")) == (403, "not_permitted")
    finally:
        file.write_bytes(content)
