"""`/v1/verifications`: reports on uploads, what is refused, what is kept and for how long."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from simulators.office import AT, Clock, open_office
from simulators.web import BROWSER, ServedOffice, connect
from structlog.testing import capture_logs

from api.verification_log import KEPT_FOR
from api.wiring import Services
from signing.canonical import sm3
from verify.errors import SandboxUnavailableError, TooManyError, VerifyError
from verify.sandbox import Sandbox
from verify.verifier import MAX_FILE_OCTETS

ADDRESS = "/v1/verifications"
KEYS = {
    *("id", "indication", "sub_indication", "reason_code", "reason_codes", "verdict"),
    *("checked_at", "status_as_of", "policy", "policy_sm3", "signatures", "certificate"),
}


def report(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    return body


def forged(pdf: bytes) -> bytes:
    """Return the file with one octet of a page's content changed."""
    place = pdf.index(b"stream") + 200
    return pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]


def test_a_genuine_file_is_valid(client: httpx.Client, office: ServedOffice) -> None:
    body = report(client.post(ADDRESS, content=office.licence.data))
    assert set(body) == KEYS
    assert (body["verdict"], body["reason_code"], body["indication"]) == (
        "valid",
        "ok",
        "TOTAL-PASSED",
    )
    assert body["certificate"]["number"] == office.licence.certificate.number
    assert body["checked_at"] == body["status_as_of"] == "2026-11-24T01:30:00Z"
    assert body["signatures"][0]["kind"] == "ses"


def test_a_form_answers_what_the_bare_body_answers(
    client: httpx.Client, office: ServedOffice
) -> None:
    bare = report(client.post(ADDRESS, content=office.card.data))
    form = report(client.post(ADDRESS, files={"file": ("a.pdf", office.card.data)}))
    assert bare.pop("id") != form.pop("id")
    assert bare == form
    assert bare["signatures"][0]["kind"] == "cms"


def test_a_forged_file_is_a_conclusion_not_an_error(
    client: httpx.Client, office: ServedOffice
) -> None:
    body = report(client.post(ADDRESS, content=forged(office.licence.data)))
    assert (body["verdict"], body["reason_code"]) == ("invalid", "document_changed")
    assert body["certificate"] is None


def test_a_revoked_certificate_says_on_which_ground(
    client: httpx.Client, office: ServedOffice
) -> None:
    body = report(client.post(ADDRESS, content=office.revoked.data))
    assert (body["verdict"], body["reason_code"]) == ("not_in_force", "certificate_revoked")
    assert body["certificate"]["legal_kind"] == "diaoxiao"


def test_depth_says_how_much_is_told(client: httpx.Client, office: ServedOffice) -> None:
    def signature(depth: str) -> dict[str, Any]:
        body = report(client.post(f"{ADDRESS}?depth={depth}", content=office.licence.data))
        told: dict[str, Any] = body["signatures"][0]
        return told

    assert signature("simple")["checks"] == []
    assert len(signature("detailed")["checks"]) > 10
    assert "diagnostic" in signature("diagnostic")


def test_an_unknown_depth_is_pointed_at(client: httpx.Client) -> None:
    body = problem(client.post(f"{ADDRESS}?depth=deep", content=b"%PDF-"), 422)
    assert body["code"] == "invalid_request"
    assert body["errors"] == [{"pointer": "/query/depth", "code": "enum"}]


def test_what_is_no_document_is_refused(client: httpx.Client) -> None:
    assert problem(client.post(ADDRESS, content=b"MZ..."), 415)["code"] == "not_a_document"


def test_an_empty_body_is_refused(client: httpx.Client) -> None:
    assert problem(client.post(ADDRESS), 422)["code"] == "no_file"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"other": ("a.pdf", b"%PDF-")}, "no_file"),
        ({"file": (None, b"a text field")}, "no_file"),
        ({"file": ("a.pdf", b"")}, "no_file"),
        ([("file", ("a.pdf", b"1")), ("file", ("b.pdf", b"2"))], "invalid_request"),
        ([(f"f{n}", (None, b"")) for n in range(9)], "invalid_request"),
    ],
    ids=["another name", "no file", "empty", "two files", "many fields"],
)
def test_a_form_holds_one_file(client: httpx.Client, files: Any, code: str) -> None:  # noqa: ANN401 - httpx's union of unions
    assert problem(client.post(ADDRESS, files=files), 422)["code"] == code


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense\r\n--x--"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n"),
    ],
)
def test_a_broken_form_is_refused(client: httpx.Client, kind: str, content: bytes) -> None:
    answer = client.post(ADDRESS, content=content, headers={"Content-Type": kind})
    problem(answer, 422)


def test_a_large_form_stays_off_the_disk(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is uploaded is kept nowhere, not even for a moment in a temporary file."""
    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", _refuse)
    large = b"%PDF-1.7\n" + bytes(3_000_000)
    assert report(client.post(ADDRESS, files={"file": ("a.pdf", large)}))["id"]


def _refuse(*_: object) -> None:
    raise AssertionError("written to the disk")


def test_the_largest_file_is_tried_and_one_octet_more_is_not(client: httpx.Client) -> None:
    largest = b"%PDF-1.7\n".ljust(MAX_FILE_OCTETS, b"\0")
    assert report(client.post(ADDRESS, content=largest))["reason_code"] == "malformed_document"
    answer = client.post(ADDRESS, content=largest + b"\0")
    assert problem(answer, 413)["code"] == "document_too_large"
    answer = client.post(ADDRESS, files={"file": ("a.pdf", largest + b"\0")})
    assert problem(answer, 413)["code"] == "document_too_large"


def test_a_body_of_unknown_length_is_counted(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(30):
            yield bytes(1_000_000)

    answer = client.post(ADDRESS, content=chunks())
    assert "content-length" not in answer.request.headers
    assert problem(answer, 413)["code"] == "document_too_large"


def test_a_declared_length_is_believed_only_to_refuse(client: httpx.Client) -> None:
    headers = {"Content-Length": str(MAX_FILE_OCTETS * 2)}
    assert problem(client.post(ADDRESS, content=b"%PDF-", headers=headers), 413)


class _Failing(Sandbox):
    """A sandbox that has no place, or is not there."""

    def __init__(self, error: VerifyError) -> None:
        super().__init__("verify.pdf:prepare")
        self._error = error

    def examine(self, unverified_file: bytes) -> bytes | None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (TooManyError(), 429, "too_many"),
        (SandboxUnavailableError("gone"), 503, "sandbox_unavailable"),
    ],
)
def test_what_cannot_be_tried_now_may_come_again(
    services: Services, error: VerifyError, status: int, code: str
) -> None:
    busy = connect(replace(services, sandbox=_Failing(error)))
    answer = busy.post(ADDRESS, content=b"%PDF-1.7")
    assert problem(answer, status)["code"] == code
    assert answer.headers["retry-after"] == "5"
    page = busy.post("/verify", files={"file": ("a.pdf", b"%PDF-1.7")}, headers=BROWSER)
    assert page.status_code == status
    assert page.headers["retry-after"] == "5"
    assert 'name="file"' in page.text


def test_a_verification_is_found_again(client: httpx.Client, office: ServedOffice) -> None:
    made = report(client.post(ADDRESS, content=office.licence.data))
    assert report(client.get(f"{ADDRESS}/{made['id']}")) == {
        "id": made["id"],
        "file_sm3": sm3(office.licence.data).hex(),
        "policy": "office",
        "verdict": "valid",
        "reason_code": "ok",
        "checked_at": "2026-11-24T01:30:00Z",
    }


@pytest.mark.parametrize("name", ["v" + "0" * 20, "v1", "%00", "x" * 5000])
def test_an_unknown_verification_is_not_found(client: httpx.Client, name: str) -> None:
    assert problem(client.get(f"{ADDRESS}/{name}"), 404)["code"] == "not_found"


def test_after_ninety_days_a_verification_is_forgotten(spoilt: ServedOffice) -> None:
    clock = Clock()
    with spoilt.open(clock) as services:
        visitor = connect(services)
        first = report(visitor.post(ADDRESS, content=spoilt.licence.data))["id"]
        clock.at = AT + KEPT_FOR
        assert report(visitor.get(f"{ADDRESS}/{first}"))
        clock.at += timedelta(seconds=1)
        problem(visitor.get(f"{ADDRESS}/{first}"), 404)
        second = report(visitor.post(ADDRESS, content=spoilt.licence.data))["id"]
        clock.at = AT  # the first is not merely hidden: it is gone
        problem(visitor.get(f"{ADDRESS}/{first}"), 404)
        assert report(visitor.get(f"{ADDRESS}/{second}"))


def test_without_a_register_nothing_is_confirmed_and_nothing_kept(spoilt: ServedOffice) -> None:
    with spoilt.open() as services:
        spoilt.lose_register(services)
        visitor = connect(services)
        with capture_logs() as logs:
            body = report(visitor.post(ADDRESS, content=spoilt.licence.data))
        assert (body["verdict"], body["reason_code"]) == ("cannot_confirm", "register_unreachable")
        assert "verification_not_recorded" in {entry["event"] for entry in logs}
        answer = visitor.get(f"{ADDRESS}/{body['id']}")
        assert problem(answer, 503)["code"] == "register_unavailable"


def test_a_seal_of_ours_on_what_is_not_registered_raises_an_alarm(
    client: httpx.Client, spoilt: ServedOffice
) -> None:
    insider = open_office(spoilt.folder)  # the office's own keys, and another register
    (sealed,) = insider.issue()
    insider.close()
    with capture_logs() as logs:
        body = report(client.post(ADDRESS, content=sealed.data))
    assert (body["verdict"], body["reason_code"]) == ("invalid", "not_in_register")
    (alarm,) = [entry for entry in logs if entry["event"] == "sealed_but_not_in_register"]
    assert alarm["log_level"] == "error"
    assert alarm["file_sm3"] == sealed.certificate.file_sm3
