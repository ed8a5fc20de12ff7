"""One sign-in for everything, in Chromium with the real Keycloak, over one demonstration.

The step-up of the first walk is made with a passkey, bound at the counter with a virtual
authenticator; the officer of the second approves with password and one-time code.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect
from simulators.chromium import running_chromium
from simulators.demonstration import Demonstration, run_demonstration
from simulators.terminal import zhengyin
from simulators.walkers import Passkey, Walker, walker

from api.messages import Language
from demo.people_of_demo import demo_people
from idp.levels import AuthenticationLevel

pytestmark = pytest.mark.real

AGENT, REPRESENTATIVE, CITIZEN = "li.shili", "wang.shili", "su.xiaoyang"
DRAFTER, SEALER, CLERK = "wu.zhizheng", "zheng.yongyin", "zhou.shouli"
COMPANY, USCC = "示例市青禾区麦垄示例食品有限公司", "91999901MA1000017H"
WORDS = "新开一间早餐店，位于示例路一号。"


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    with run_demonstration(tmp_path_factory.mktemp("identity")) as demonstration:
        yield demonstration


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


def test_one_sign_in_opens_and_shuts_every_service(
    browser: Browser, demonstration: Demonstration
) -> None:
    with walker(browser, demonstration, CLERK) as clerk:
        passkey = enrol_at_the_counter(clerk, AGENT)
    with walker(browser, demonstration, AGENT) as agent:
        enter_first_portal(agent)
        enter_second_portal(agent)
        step_up(agent, passkey)
        act_for_company(agent)
        act_for_himself(agent)
        leave_everything(agent)


def enrol_at_the_counter(clerk: Walker, username: str) -> Passkey:
    """Bind a passkey to a person whose document the clerk sees; return what the person keeps."""
    text, page = clerk.text, clerk.page
    clerk.go("/office/counter")
    clerk.look("sign-in")
    clerk.sign_in()
    expect(page.locator("#otp")).to_be_visible()
    clerk.look("sign-in-code")
    clerk.give_code()
    expect(page.locator("h1")).to_have_text(text("page.counter.title"))
    clerk.look("counter")
    document = demo_people(clerk.demonstration.data)[username].document
    page.select_option("#authority", label="示例市青禾区市场监督管理局")
    page.fill("#document_number", document.number)
    page.get_by_label(text("page.counter.original")).check()
    clerk.press("page.counter.find")
    expect(page.locator("h1")).to_have_text(text("page.counter.found"))
    assert document.number not in page.url
    clerk.look("counter-person")
    page.get_by_label(text("page.counter.kind_passkey")).check()
    page.get_by_label(text("page.counter.replace_old")).check()
    clerk.press("page.counter.start")
    device = clerk.hold_passkeys()
    clerk.look("counter-passkey")
    clerk.press("page.counter.enrolment.passkey_start")
    expect(page.locator("main")).to_contain_text(text("page.counter.done.bound"))
    clerk.look("counter-done")
    (passkey,) = device.passkeys
    return passkey


def enter_first_portal(agent: Walker) -> None:
    agent.go(agent.demonstration.market)
    agent.look("portal-home")
    agent.follow(agent.portal_text("sign_in"))
    agent.look("sign-in-portal")
    agent.sign_in()
    expect(agent.page).to_have_url(f"{agent.demonstration.market}/")
    expect(agent.header).to_contain_text(agent.portal_text("acting.himself"))
    agent.look("portal-entered")


def enter_second_portal(agent: Walker) -> None:
    """Continue there: no password is asked, but it is said who enters and what is told."""
    text, page = agent.portal_text, agent.page
    agent.go(agent.demonstration.civil)
    agent.follow(text("sign_in"))
    expect(page.locator("h1")).to_have_text(text("continue.title"))
    expect(page).to_have_url(re.compile(f"{agent.demonstration.civil}/login/continue"))
    main = page.locator("main")
    for said in (
        "示例区民政局",
        agent.demonstration.civil,
        text("told.name"),
        text("told.document"),
        "《示例区高龄津贴发放办法（演示）》第三条",
        "李示例",
        text("acting.himself"),
    ):
        expect(main).to_contain_text(said)
    agent.look("continue")
    agent.press_portal("continue.submit", name="李示例")
    expect(page).to_have_url(f"{agent.demonstration.civil}/")
    expect(agent.header).to_contain_text("李示例")


def step_up(agent: Walker, passkey: Passkey) -> None:
    """Send a form whose matter wants more than a password; nothing typed is lost."""
    page, text = agent.page, agent.portal_text
    agent.go(f"{agent.demonstration.market}/matters/food-licence")
    page.fill("#words", WORDS)
    agent.look("portal-matter")
    device = agent.hold_passkeys(passkey)
    agent.press_portal("matter.send")
    button = page.locator("#authenticateWebAuthnButton")
    expect(button).to_be_visible()
    agent.look("step-up")
    button.click()
    expect(page.locator("h1")).to_have_text(text("resume.title"))
    agent.look("portal-resume")
    device.put_away()  # in reach, it would sign in by itself wherever a passkey is welcome
    agent.press_portal("resume.submit")
    expect(page.get_by_role("status")).to_contain_text(WORDS)
    level = text(f"level.{AuthenticationLevel.ONE_TIME_CODE.acr}")
    expect(page.locator("dl")).to_contain_text(level)
    agent.look("portal-sent")


def act_for_company(agent: Walker) -> None:
    """Choose on the platform's page; the portal learns it from the platform."""
    page, text = agent.page, agent.text
    agent.follow(agent.portal_text("switch"))
    expect(page.locator("h1")).to_have_text(text("page.continue.title"))
    agent.look("continue-platform")
    agent.press("page.continue.submit", name="李示例")
    expect(page.locator("h1")).to_have_text(text("page.acting.title"))
    agent.look("switch")
    page.get_by_label(COMPANY).check()
    agent.press("page.acting.submit")
    agent.is_at("/me")
    expect(agent.header).to_contain_text(COMPANY)
    expect(agent.header).to_contain_text(USCC)
    agent.look("me-company")
    agent.go(agent.demonstration.market)
    expect(agent.header).to_contain_text(COMPANY)
    expect(agent.header).to_contain_text(USCC)
    agent.look("portal-company")
    agent.go("/me/certificates")
    expect(page.locator("main")).to_contain_text("食品经营许可证")
    agent.look("my-certificates-company")


def act_for_himself(agent: Walker) -> None:
    agent.go("/acting")
    agent.page.get_by_label(agent.text("page.acting.himself", name="李示例")).check()
    agent.press("page.acting.submit")
    agent.is_at("/me")
    expect(agent.header).to_contain_text(agent.text("page.header.himself", name="李示例"))
    expect(agent.header).not_to_contain_text(COMPANY)
    agent.look("me")
    agent.go(agent.demonstration.market)
    expect(agent.header).to_contain_text(agent.portal_text("acting.himself"))
    for path, name in (
        ("/me/mandates", "mandates"),
        ("/me/identity", "identity-level"),
        ("/me/history", "history"),
    ):
        agent.go(path)
        agent.look(name)
    expect(agent.page.locator("main")).to_contain_text(agent.text("means.passkey"))


def leave_everything(agent: Walker) -> None:
    """Leave all: each service is listed with what became of it, and each is shut."""
    page, text = agent.page, agent.text
    agent.go("/services")
    agent.look("services")
    agent.press("page.services.leave_all")
    expect(page.locator("h1")).to_have_text(text("page.left.title_all"))
    agent.look("leave-all")
    for name in ("食品经营许可办理（演示）", "高龄津贴办理（演示）"):
        row = page.locator(".govuk-summary-list__row", has_text=name)
        expect(row).to_contain_text(text("page.left.outcome.left"))
    for home in agent.demonstration.homes.values():
        agent.go(home)
        expect(agent.header).to_have_text(agent.portal_text("nobody"))
    agent.go(f"{agent.demonstration.market}/matters/food-licence")
    expect(page.locator("#password")).to_be_visible()
    agent.go("/me")
    expect(page.locator("#password")).to_be_visible()


def test_a_draft_is_sealed_and_reaches_its_holder(
    browser: Browser, demonstration: Demonstration, tmp_path: Path
) -> None:
    with walker(browser, demonstration, DRAFTER) as drafter:
        draft(drafter)
    with walker(browser, demonstration, SEALER) as sealer:
        number = seal(sealer)
    with walker(browser, demonstration, REPRESENTATIVE) as holder:
        enter_as_company(holder)
        path = download(holder, number, tmp_path)
        check_file(holder, path, number)
    assert zhengyin("ledger", "verify", "--data", demonstration.data).status == 0


def draft(drafter: Walker) -> None:
    """Fill in the form, wrongly at first: what was typed stays."""
    page, text = drafter.page, drafter.text
    drafter.go("/office")
    drafter.sign_in()
    expect(page.locator("h1")).to_have_text(text("page.desk.title"))
    drafter.follow_button("page.new_draft.title")
    page.get_by_label("食品经营许可证").check()
    drafter.press("page.new_draft.begin")
    expect(page.locator("#holders-0-number")).to_be_visible()
    drafter.look("draft-empty")
    page.select_option("#holders-0-type", "001")
    page.fill("#holders-0-name", COMPANY)
    page.fill("#holders-0-number", f"{USCC[:-1]}0")
    typed = {
        "#attributes-KZ_FDDBR": "王示例",
        "#attributes-KZ_ZS": "示例市青禾区样板路1号",
        "#attributes-KZ_JYCS": "示例市青禾区样板路1号一层101室",
        "#attributes-KZ_TSJBDH": "12315",
    }
    for field, words in typed.items():
        page.fill(field, words)
    page.select_option("#attributes-KZ_ZTYT", "餐饮服务经营者")
    page.select_option("#attributes-KZ_JYXM-0-XMMC", "热食类食品制售")
    drafter.press("page.draft.check")
    expect(page.locator(".govuk-error-summary")).to_be_visible()
    for field, words in {"#holders-0-name": COMPANY, **typed}.items():
        expect(page.locator(field)).to_have_value(words)
    drafter.look("draft")
    page.fill("#holders-0-number", USCC)
    drafter.press("page.draft.check")
    expect(page.locator("h1")).to_have_text(text("page.draft.preview"))
    is_drawn(drafter)
    drafter.look("draft-preview")
    drafter.press("page.draft.submit")
    drafter.is_at("/office?sent=1")
    drafter.look("desk")


def is_drawn(somebody: Walker) -> None:
    """Wait until the picture of the page is there."""
    picture = somebody.page.locator(".desk-face img")
    expect(picture).to_have_js_property("complete", value=True)
    assert picture.evaluate("image => image.naturalWidth") > 100


def seal(sealer: Walker) -> str:
    """Look at preview and data, approve with a fresh sign-in; return the certificate's number."""
    page, text = sealer.page, sealer.text
    sealer.go("/office/sealing")
    sealer.sign_in()
    expect(page.locator("h1")).to_have_text(text("page.desk.to_seal"))
    sealer.look("sealing-list")
    sealer.follow(COMPANY)
    is_drawn(sealer)
    for said in (COMPANY, USCC, "王示例", "热食类食品制售", "吴制证"):
        expect(page.locator(".desk-beside")).to_contain_text(said)
    sealer.look("sealing")
    sealer.press("page.sealing.approve_one")
    expect(page.locator("h1")).to_have_text(text("page.sealing.state.open"))
    sealer.look("sealing-approve")
    sealer.follow_button("page.sealing.sign_in")
    # The sign-in of a minute ago counts for nothing: all is asked again.
    expect(page.locator("#password")).to_be_visible()
    sealer.look("sealing-sign-in")
    asked = [url for url in sealer.asked if "/auth?" in url and "platform-approvals" in url]
    assert [sorted(parse_qs(urlsplit(url).query)) for url in asked] == [
        ["client_id", "request_uri"]
    ]
    page.fill("#password", sealer.person.password)
    page.click("#kc-login")
    sealer.give_code()
    expect(page.locator("h1")).to_have_text(text("page.sealing.state.done"))
    sealer.look("sealed")
    row = page.locator("tbody tr")
    expect(row).to_contain_text(text("draft_state.sealed"))
    return row.locator("th").inner_text()


def enter_as_company(holder: Walker) -> None:
    """Act as the legal representative, by the word of the base: he needs no mandate."""
    page, text = holder.page, holder.text
    holder.go("/acting?next=/me/certificates")
    holder.sign_in()
    expect(page.locator("h1")).to_have_text(text("page.acting.title"))
    page.get_by_label(COMPANY).check()
    holder.look("switch-representative")
    holder.press("page.acting.submit")
    holder.is_at("/me/certificates")
    expect(holder.header).to_contain_text(COMPANY)


def download(holder: Walker, number: str, folder: Path) -> Path:
    """Find the certificate under one's own and take its file."""
    page, text = holder.page, holder.text
    holder.look("my-certificates")
    card = page.locator(".desk-card", has_text=number)
    with page.expect_download() as begun:
        card.get_by_role("button", name=text("page.my_certificates.download")).click()
    path = folder / begun.value.suggested_filename
    begun.value.save_as(path)
    return path


def check_file(holder: Walker, path: Path, number: str) -> None:
    page, text = holder.page, holder.text
    holder.go("/verify")
    page.set_input_files("#file", path)
    holder.press("page.verify.submit")
    expect(page.locator(".verdict__headline")).to_have_text(text("verdict.valid"))
    expect(page.locator("main")).to_contain_text(number)
    holder.look("verified")


def test_without_scripts_in_english(browser: Browser, demonstration: Demonstration) -> None:
    """The same sign-in, Keycloak's pages and the step-up too, where no script runs."""
    english = Language.ENGLISH
    with walker(browser, demonstration, CITIZEN, language=english, scripts=False) as citizen:
        page, text = citizen.page, citizen.text
        citizen.go("/")
        citizen.follow(text("page.header.sign_in"))
        citizen.look("sign-in")
        citizen.sign_in()
        citizen.is_at("/")
        citizen.go("/me")
        expect(citizen.header).to_contain_text("苏小样")
        citizen.go(demonstration.civil)
        citizen.follow(citizen.portal_text("sign_in"))
        citizen.look("continue")
        citizen.press_portal("continue.submit", name="苏小样")
        expect(citizen.header).to_contain_text("苏小样")
        citizen.go(f"{demonstration.market}/matters/food-licence")
        citizen.press_portal("continue.submit", name="苏小样")
        page.fill("#words", WORDS)
        citizen.press_portal("matter.send")
        citizen.look("step-up")
        citizen.give_code()
        citizen.press_portal("resume.submit")
        expect(page.get_by_role("status")).to_contain_text(WORDS)
        for path, name in (
            ("/me", "me"),
            ("/acting", "switch"),
            ("/me/certificates", "my-certificates"),
            ("/me/history", "history"),
            ("/services", "services"),
        ):
            citizen.go(path)
            citizen.look(name)
        citizen.press("page.services.leave_all")
        citizen.look("leave-all")
        expect(page.locator("main")).to_contain_text(text("page.left.outcome.left"))
        for home in demonstration.homes.values():
            citizen.go(home)
            expect(citizen.header).to_have_text(citizen.portal_text("nobody"))
