"""Status by code and by number: who may know what, and that the rest looks like nothing."""

import httpx
import pytest
from simulators.web import BROWSER, ServedOffice

IDENTIFYING = ("x-request-id", "date")


def test_the_code_tells_the_status(client: httpx.Client, office: ServedOffice) -> None:
    answer = client.get(f"/v1/status/{office.licence.certificate.code}")
    assert answer.json() == {
        "status": "valid",
        "as_of": "2026-11-24T01:30:00Z",
        "type": "食品经营许可证",
        "authority": "示例市青禾区市场监督管理局",
    }


def test_the_code_tells_the_status_of_what_is_not_public_too(
    client: httpx.Client, office: ServedOffice
) -> None:
    body = client.get(f"/v1/status/{office.card.certificate.code}").json()
    assert (body["status"], body["type"]) == ("valid", "老年人优待证")


def test_a_revoked_certificate_is_not_in_force(client: httpx.Client, office: ServedOffice) -> None:
    assert client.get(f"/v1/status/{office.revoked.certificate.code}").json()["status"] == "revoked"
    number = office.revoked.certificate.number
    assert client.get(f"/v1/certificates/{number}/status").json()["status"] == "revoked"


def test_the_number_tells_it_where_the_register_is_public(
    client: httpx.Client, office: ServedOffice
) -> None:
    by_code = client.get(f"/v1/status/{office.licence.certificate.code}")
    by_number = client.get(f"/v1/certificates/{office.licence.certificate.number}/status")
    assert by_number.json() == by_code.json()


@pytest.mark.parametrize("headers", [{}, BROWSER, {"Accept-Language": "en"}])
def test_not_public_and_unknown_are_the_same_octets(
    client: httpx.Client, office: ServedOffice, headers: dict[str, str]
) -> None:
    def answer(number: str) -> tuple[int, bytes, list[tuple[str, str]]]:
        got = client.get(f"/v1/certificates/{number}/status", headers=headers)
        said = [(n, v) for n, v in got.headers.multi_items() if n not in IDENTIFYING]
        return got.status_code, got.content, said

    secret, unknown = answer(office.card.certificate.number), answer("LN9999012026999999")
    assert secret == unknown
    assert secret[0] == 404


@pytest.mark.parametrize("code", ["x", "a" * 26, "%00", "..%2F..", "证照", "'--"])
def test_an_unknown_code_is_not_found(client: httpx.Client, code: str) -> None:
    assert client.get(f"/v1/status/{code}").status_code == 404
    assert client.get(f"/c/{code}").status_code == 404
    assert client.get(f"/c/{code}/face.svg").status_code == 404


def test_a_number_is_no_code(client: httpx.Client, office: ServedOffice) -> None:
    assert client.get(f"/v1/status/{office.licence.certificate.number}").status_code == 404
    assert client.get(f"/c/{office.licence.certificate.number}").status_code == 404
