"""What people meet, in Chromium: without JavaScript, on a desk and on a telephone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import HttpUrl
from simulators.chromium import check_layout, excess_width, faults, running_chromium
from simulators.office import FOOD_LICENCE, MARKET_BUREAU
from simulators.server import Server
from simulators.terminal import zhengyin

from api.messages import Language, messages
from api.rendering import render
from api.settings import Settings
from verify.policy import OFFICE
from verify.report import OUTCOMES, ReasonCode, Verdict, VerificationReport

pytestmark = pytest.mark.real

DEVICES: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1280, "height": 900}},
    "telephone": {
        "viewport": {"width": 360, "height": 740},
        "is_mobile": True,
        "has_touch": True,
        "device_scale_factor": 2,
    },
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as chromium:
        yield chromium


@contextmanager
def visit(
    browser: Browser, server: Server, device: str, language: Language, *, scripts: bool = False
) -> Iterator[Page]:
    """Give a page of a new visitor; nothing it asks for may come from elsewhere."""
    context = browser.new_context(
        base_url=server.address,
        locale=language.value,
        java_script_enabled=scripts,
        **DEVICES[device],
    )
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert [url for url in asked if not url.startswith((f"{server.address}/", "data:"))] == []
    context.close()


def upload(page: Page, path: Path, language: Language) -> None:
    """Choose a file and send it."""
    page.goto("/verify")
    page.set_input_files("#file", path)
    page.get_by_role("button", name=messages(language)("page.verify.submit")).click()


@dataclass(frozen=True, slots=True)
class Cases:
    """What is there to be looked at."""

    licence: Path
    card: Path
    forged: Path
    revoked: Path
    pages: dict[str, str]
    """Address of the page behind the QR code, by number."""
    revoked_page: str


@pytest.fixture(scope="session")
def cases(
    server: Server, samples: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Cases:
    folder = tmp_path_factory.mktemp("cases")
    licence = next(path for number, path in samples.items() if number.startswith("JY"))
    card = next(path for number, path in samples.items() if number.startswith("LN"))
    pdf = bytearray(licence.read_bytes())
    pdf[pdf.index(b"stream") + 200] ^= 1
    forged, revoked = folder / "forged.pdf", folder / "revoked.pdf"
    forged.write_bytes(pdf)
    # Issued and revoked while the server serves.
    order = next((server.data / "types").glob("*D001/1/sample.json"))
    issued = zhengyin(
        *("issue", FOOD_LICENCE, order, "--authority", MARKET_BUREAU),
        *("-o", revoked, "--json", "--data", server.data),
    ).json
    told = zhengyin("revoke", issued["number"], "--reason", "diaoxiao", "--data", server.data)
    assert told.status == 0
    shown = server.screen.read_text(encoding="utf-8")
    pages = dict(re.findall(r"(\w+)\.pdf\s+http://localhost:\d+(/c/\w+)", shown))
    return Cases(licence, card, forged, revoked, pages, f"/c/{issued['code']}")


@pytest.mark.parametrize(
    ("device", "language"), [("desk", Language.CHINESE), ("telephone", Language.ENGLISH)]
)
def test_a_file_is_checked(
    browser: Browser, server: Server, cases: Cases, device: str, language: Language
) -> None:
    text = messages(language)
    with visit(browser, server, device, language) as page:
        headline = page.locator(".verdict__headline")
        page.goto("/")
        page.get_by_role("button", name=text("page.verify.title")).click()
        expect(page).to_have_url(f"{server.address}/verify")

        page.get_by_role("button", name=text("page.verify.submit")).click()
        expect(page.locator(".govuk-error-summary")).to_contain_text(text("problem.no_file"))
        page.locator(".govuk-error-summary a").click()
        expect(page).to_have_url(f"{server.address}/verify#file")

        upload(page, cases.licence, language)
        expect(headline).to_have_text(text("verdict.valid"))
        expect(page.locator(".verdict__why")).to_have_text(text("reason.ok.why"))
        expect(page.locator("main")).to_contain_text(cases.licence.stem)
        table = page.get_by_role("table")
        expect(table).to_be_hidden()
        page.get_by_text(text("page.report.details")).click()
        expect(table).to_be_visible()

        page.get_by_role("button", name=text("page.verify.again")).click()
        upload(page, cases.forged, language)
        expect(headline).to_have_text(text("verdict.invalid"))
        expect(page.locator("main")).not_to_contain_text(cases.licence.stem)

        upload(page, cases.revoked, language)
        expect(headline).to_have_text(text("verdict.not_in_force"))
        expect(page.locator(".verdict__why")).to_contain_text(text("legal_kind.diaoxiao"))

        upload(page, Path(__file__), language)
        expect(page.locator(".govuk-error-summary")).to_contain_text(text("problem.not_a_document"))


def test_a_certificate_is_looked_up(browser: Browser, server: Server, cases: Cases) -> None:
    text = messages(Language.CHINESE)
    with visit(browser, server, "telephone", Language.CHINESE) as page:
        for number, address in cases.pages.items():
            page.goto(address)
            expect(page.locator(".verdict__headline")).to_have_text(text("status.valid"))
            picture = page.get_by_role("img", name=text("page.certificate.rendering_alt"))
            shown = 1 if number.startswith("JY") else 0  # only this register is public
            expect(page.get_by_text(number)).to_have_count(shown)
            expect(picture).to_have_count(shown)
            if shown:
                box = picture.bounding_box()
                assert box
                assert box["width"] > 250
                assert box["height"] > 150
        page.goto(cases.revoked_page)
        expect(page.locator(".verdict__headline")).to_contain_text(text("status.revoked"))
        page.goto("/c/nobody")
        expect(page.locator("h1")).to_have_text(text("problem.not_found"))


def test_language_and_size_of_print_stay_chosen(browser: Browser, server: Server) -> None:
    with visit(browser, server, "telephone", Language.CHINESE) as page:
        page.goto("/trust")
        heading = page.locator("h1")
        small = heading.bounding_box()
        page.get_by_role("link", name="长辈版（大字）").click()
        expect(page).to_have_url(f"{server.address}/trust")
        large = heading.bounding_box()
        assert small
        assert large
        assert large["height"] > small["height"] * 1.2
        page.get_by_role("link", name="English").click()
        expect(heading).to_have_text("Trust anchors and checking without us")
        page.goto("/")
        expect(heading).to_have_text("Check an electronic certificate")
        page.get_by_role("link", name="Normal print").click()
        page.get_by_role("link", name="中文").click()
        expect(heading).to_have_text("电子证照核验")


def test_the_keyboard_is_enough(browser: Browser, server: Server, cases: Cases) -> None:
    with visit(browser, server, "desk", Language.ENGLISH) as page:
        page.goto("/verify")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.locator("#file")).to_be_focused()
        page.set_input_files("#file", cases.licence)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator(".verdict__headline")).to_have_text("Valid")


def report_page(server: Server, reason: ReasonCode, language: Language) -> str:
    """Return the page of a report that gives this reason."""
    services = SimpleNamespace(settings=Settings(public_url=HttpUrl(server.address)), identity=None)
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/verify",
        "headers": [(b"accept-language", language.value.encode())],
        "app": SimpleNamespace(state=SimpleNamespace(services=services)),
    }
    at = datetime(2026, 11, 24, tzinfo=UTC)
    report = VerificationReport("v" + "0" * 20, OFFICE, at, None, (reason,), (), None)
    page = render(scope, "report.html", report=report, other_reasons=[], outcomes=OUTCOMES)
    return bytes(page.body).decode()


def test_a_bad_page_would_be_noticed(browser: Browser, server: Server) -> None:
    with visit(browser, server, "telephone", Language.ENGLISH, scripts=True) as page:
        page.set_content(
            "<html lang=en><title>t</title><meta name=viewport content='width=device-width'>"
            "<main><h1>t</h1><p style='color:#aaa'>pale</p><img src='data:,'>"
            "<p style='width:500px'>wide</p></main>"
        )
        assert {fault.partition(":")[0] for fault in faults(page)} == {
            "color-contrast",
            "image-alt",
        }
        assert excess_width(page) > 100


@pytest.mark.parametrize(
    ("device", "language", "large"),
    [("desk", Language.CHINESE, "false"), ("telephone", Language.ENGLISH, "true")],
)
def test_every_page_is_for_everybody(  # noqa: PLR0913, PLR0917 - pytest's fixtures
    browser: Browser, server: Server, cases: Cases, device: str, language: Language, large: str
) -> None:
    with visit(browser, server, device, language, scripts=True) as page:
        page.goto(f"/preferences?large={large}")
        for address in (
            *("/", "/verify", "/trust", "/docs", "/nowhere"),
            *cases.pages.values(),
            cases.revoked_page,
        ):
            page.goto(address)
            check_layout(page)
        upload(page, Path(__file__), language)
        check_layout(page)
        for path in (cases.licence, cases.card, cases.forged):
            upload(page, path, language)
            page.locator("summary").click()
            check_layout(page)


def test_every_verdict_is_for_everybody(browser: Browser, server: Server) -> None:
    """Those too that no file of ours leads to: their pages in the dress of the real ones."""
    reasons = {outcome.verdict: reason for reason, outcome in OUTCOMES.items()}
    assert set(reasons) == set(Verdict)
    body = ""
    with visit(browser, server, "telephone", Language.CHINESE, scripts=True) as page:
        page.route("**/shown", lambda route: route.fulfill(body=body))
        for verdict, reason in reasons.items():
            body = report_page(server, reason, Language.CHINESE)
            page.goto("/shown")
            headline = messages(Language.CHINESE)(f"verdict.{verdict}")
            expect(page.locator(".verdict__headline")).to_have_text(headline)
            check_layout(page)
