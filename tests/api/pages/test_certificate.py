"""The page behind the QR: what each kind of certificate shows there, and what it does not."""

import httpx
import pytest
from simulators.office import AT, Clock
from simulators.web import CHINESE, ENGLISH, ServedOffice, connect

from api.wiring import Services
from certs.issuance import Issued


def address(issued: Issued) -> str:
    return f"/c/{issued.certificate.code}"


def test_a_public_certificate_shows_what_is_to_be_compared(
    client: httpx.Client, office: ServedOffice
) -> None:
    page = client.get(address(office.licence), headers=CHINESE).text
    certificate = office.licence.certificate
    for words in (
        "有效",
        certificate.number,
        "2026-11-24 至 2031-11-23",
        "示例市青禾区市场监督管理局",
        *certificate.public_fields.values(),
        f"{address(office.licence)}/face.svg",
    ):
        assert words in page
    assert certificate.content["attributes"]["KZ_FDDBR"] not in page  # masked


def test_a_personal_certificate_shows_status_and_masked_name_only(
    client: httpx.Client, office: ServedOffice
) -> None:
    certificate = office.card.certificate
    page = client.get(address(office.card), headers=CHINESE).text
    assert "有效" in page
    assert certificate.public_fields == {"CZZT": certificate.public_fields["CZZT"]}
    assert certificate.public_fields["CZZT"] in page
    (holder,) = certificate.content["metadata"]["holders"]
    for secret in (holder["CZZT"], holder["CZZTDM"], certificate.number, "face.svg"):
        assert secret not in page
    assert client.get(f"{address(office.card)}/face.svg").status_code == 404


def test_a_revoked_certificate_says_so_first(client: httpx.Client, office: ServedOffice) -> None:
    page = client.get(address(office.revoked), headers=ENGLISH).text
    assert "No longer in force · revoked as a penalty, 吊销" in page
    assert "Do not act on it." in page
    assert "Food Business Licence" in page
    assert "2026-11-24 09:30:00 UTC+8" in page


def test_an_expired_certificate_is_not_shown_as_valid(spoilt: ServedOffice) -> None:
    with spoilt.open(Clock(AT.replace(year=2040))) as services:
        page = connect(services).get(address(spoilt.licence)).text
    assert "已过期" in page
    assert 'class="verdict verdict--not_in_force"' in page


@pytest.mark.parametrize("end", ["", "/face.svg"])
def test_nothing_of_it_is_kept_or_passed_on(
    client: httpx.Client, office: ServedOffice, end: str
) -> None:
    headers = client.get(address(office.licence) + end).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]


def test_the_face_is_drawn_anew_and_masked(client: httpx.Client, office: ServedOffice) -> None:
    answer = client.get(f"{address(office.licence)}/face.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.content.startswith(b"<svg")
    assert b"<script" not in answer.content
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_without_a_register_the_page_says_so(spoilt: ServedOffice) -> None:
    with spoilt.open() as services:
        spoilt.lose_register(services)
        answer = connect(services).get(address(spoilt.licence), headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "登记簿暂时无法访问" in answer.text
    assert "已失效" not in answer.text


def test_titles_of_fields_follow_the_language(services: Services, office: ServedOffice) -> None:
    visitor = connect(services)
    assert "经营场所" in visitor.get(address(office.licence), headers=CHINESE).text
    assert "Place of business" in visitor.get(address(office.licence), headers=ENGLISH).text
