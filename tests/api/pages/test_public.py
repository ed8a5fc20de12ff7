"""The pages anyone may see: home, verify, trust, for departments, preferences."""

import html

import httpx
import pytest
from simulators.office import PUBLIC_URL
from simulators.web import BROWSER, CHINESE, ENGLISH, ServedOffice, connect

from api.messages import Language, messages
from api.problems import STATUS_OF
from api.wiring import Services
from verify.policy import POLICIES, TrustAnchors

PAGES = ("/", "/verify", "/trust", "/docs", "/problems/not_found")
HOST = PUBLIC_URL.removeprefix("https://")


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize(
    ("headers", "language"), [(CHINESE, "zh-CN"), (ENGLISH, "en"), ({}, "zh-CN")]
)
def test_a_page_speaks_the_visitors_language(
    client: httpx.Client, address: str, headers: dict[str, str], language: str
) -> None:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}"' in answer.text
    assert messages(Language(language))("page.skip") in answer.text


def test_no_page_bears_the_code_name(client: httpx.Client) -> None:
    for address in PAGES:
        for headers in (CHINESE, ENGLISH):
            text = client.get(address, headers=headers).text
            # An address for programs; only the page for departments names it.
            text = text.replace("/.well-known/zhengyin-jwks.json", "")
            assert "证印" not in text
            assert "zhengyin" not in text.lower()


def test_the_form_takes_a_file_without_javascript(client: httpx.Client) -> None:
    page = client.get("/verify").text
    assert '<form method="post" action="/verify" enctype="multipart/form-data">' in page
    assert "<script" not in page


def test_the_report_begins_with_the_verdict(client: httpx.Client, office: ServedOffice) -> None:
    answer = client.post("/verify", files={"file": ("a.pdf", office.licence.data)})
    assert answer.status_code == 200
    page = answer.text
    places = [
        page.index(words)
        for words in (
            '<h1 class="verdict__headline">',
            "印章真实，文件未被改动，证照在所示时刻有效。",
            "请核对证照内容与办理事项是否相符。",
            office.licence.certificate.number,
            "11999901MB10000106",
            "登记簿的记录",  # what proves the time of sealing
            "/trust#office",
            "技术细节",
        )
    ]
    assert places == sorted(places)


def test_a_report_names_every_reason_and_what_it_says_of_the_ground(
    client: httpx.Client, office: ServedOffice
) -> None:
    answer = client.post("/verify", files={"file": ("a.pdf", office.revoked.data)}, headers=ENGLISH)
    assert "Genuine, but not in force" in answer.text
    assert "no longer in force (revoked as a penalty, 吊销)" in answer.text


def test_a_personal_certificate_shows_a_masked_name_only(
    client: httpx.Client, office: ServedOffice
) -> None:
    page = client.post("/verify", files={"file": ("a.pdf", office.card.data)}).text
    (holder,) = office.card.certificate.content["metadata"]["holders"]
    assert holder["CZZT"] not in page
    assert holder["CZZTDM"] not in page
    assert office.card.certificate.public_fields["CZZT"] in page


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        ({"file": ("", b"")}, 422, "no_file"),
        ({"file": ("a.txt", b"hello")}, 415, "not_a_document"),
    ],
)
def test_a_fault_is_named_at_the_top_and_at_the_field(
    client: httpx.Client, files: dict[str, tuple[str, bytes]], status: int, code: str
) -> None:
    answer = client.post("/verify", files=files, headers=BROWSER | ENGLISH)
    words = messages(Language.ENGLISH)(f"problem.{code}")
    assert answer.status_code == status
    assert answer.text.count(html.escape(words)) == 2
    assert '<a href="#file">' in answer.text
    assert "<title>\nError: " in answer.text or "<title>Error: " in answer.text


def test_the_anchors_are_shown_and_handed_out(client: httpx.Client, services: Services) -> None:
    roots = client.get("/trust/roots.pem")
    assert roots.headers["content-type"].startswith("application/x-pem-file")
    (root,) = TrustAnchors.from_pem(roots.text).seal
    assert root == services.office.pki.root
    page = client.get("/trust").text
    assert root.sm3 in page
    for policy in POLICIES.values():
        assert policy.sm3 in page
        assert f'id="{policy.name}"' in page


def test_departments_find_every_address(client: httpx.Client) -> None:
    page = client.get("/docs").text
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in page
    assert f"{PUBLIC_URL}/v1/verifications" in page


@pytest.mark.parametrize("code", STATUS_OF)
def test_the_type_of_a_problem_leads_to_its_meaning(client: httpx.Client, code: str) -> None:
    answer = client.get(f"/problems/{code}")
    assert answer.status_code == 200
    assert messages(Language.CHINESE)(f"problem.{code}") in html.unescape(answer.text)


def test_no_problem_no_page(client: httpx.Client) -> None:
    assert client.get("/problems/nonsense").status_code == 404


def test_preferences_are_kept(services: Services) -> None:
    visitor = connect(services)
    answer = visitor.get("/preferences?lang=en&large=true&to=/trust")
    assert (answer.status_code, answer.headers["location"]) == (303, "/trust")
    for cookie in answer.headers.get_list("set-cookie"):
        assert {"HttpOnly", "Secure", "SameSite=lax"} <= set(cookie.split("; "))
    visitor.base_url = httpx.URL(PUBLIC_URL)  # where its cookies go: they are `Secure`
    visitor.get("/preferences?lang=en&large=true")
    page = visitor.get("/verify", headers=CHINESE).text
    assert '<html lang="en" class="govuk-template large-print">' in page
    visitor.get("/preferences?lang=zh-CN&large=false")
    assert '<html lang="zh-CN" class="govuk-template">' in visitor.get("/verify").text


@pytest.mark.parametrize(
    "to",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example"),
        *("javascript:alert(1)", "evil.example", "", " //evil.example", "@evil.example"),
    ],
)
def test_no_preference_leads_away(client: httpx.Client, to: str) -> None:
    answer = client.get("/preferences", params={"to": to, "lang": "en"})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("to", ["/\t/evil.example", "/\n/evil.example", "/\r\nX-Evil: 1", "/ä"])
def test_what_browsers_drop_from_an_address_is_written_out(client: httpx.Client, to: str) -> None:
    answer = client.get("/preferences", params={"to": to})
    location = answer.headers["location"]
    assert location.isascii()
    assert location.isprintable()
    assert not location.startswith(("//", "/\\"))
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize("query", ["lang=fr", "large=perhaps", f"to={'/' * 201}"])
def test_a_preference_that_is_none_is_refused(client: httpx.Client, query: str) -> None:
    assert client.get(f"/preferences?{query}").status_code == 422


def test_the_theme_may_be_kept_for_an_hour(client: httpx.Client) -> None:
    for name, kind in (("theme.css", "text/css; charset=utf-8"), ("mark.svg", "image/svg+xml")):
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == "public, max-age=3600"
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/").status_code == 404


def test_large_answers_are_compressed(client: httpx.Client) -> None:
    plain = client.get("/static/theme.css", headers={"Accept-Encoding": "identity"})
    packed = client.get("/static/theme.css", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.num_bytes_downloaded < plain.num_bytes_downloaded / 4
