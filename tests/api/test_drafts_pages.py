"""Drafting by the pages: nothing typed is lost, nothing happens twice, nobody sees another's."""

import base64
import io
import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from PIL import Image
from simulators.desk_office import (
    CARD,
    CARD_DRAFTER,
    CARD_TYPED,
    CITIZEN,
    DRAFTER,
    KEEPER,
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

from api.problems import STATUS_OF
from certs.draft_entries import DraftState

ROW = "attributes/KZ_JYXM"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskOffice]:
    with open_desk_office(tmp_path_factory.mktemp("desk") / "office") as office:
        yield office


@pytest.fixture
def drafter(office: DeskOffice) -> Browser:
    return office.browser(DRAFTER)


def begin(browser: Browser, choice: str = LICENCE) -> str:
    fields = fields_in(browser.page("/office/drafts/new"), action="/office/drafts/new")
    return str(browser.post("/office/drafts/new", {**fields, "choice": choice}).headers["location"])


def portrait(office: DeskOffice) -> bytes:
    folder = office.services.office.catalogue.find("senior-citizen-card").folder
    sample = json.loads((folder / "sample.json").read_bytes())
    return base64.b64decode(sample["portrait"])


def state_of(office: DeskOffice, page: str) -> DraftState:
    return office.services.office.drafting.drafts.get(page.rpartition("/")[2]).state


def test_a_clerk_drafts_previews_and_hands_on(office: DeskOffice, drafter: Browser) -> None:
    page = office.draft(drafter, LICENCE, LICENCE_TYPED)
    preview = drafter.page(f"{page}/preview")
    assert f"{page}/face.svg" in preview
    face = drafter.get(f"{page}/face.svg")
    assert face.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in face.headers["content-security-policy"]
    assert drafter.get(f"{page}/draft.pdf").content.startswith(b"%PDF-")
    assert office.submit(drafter, page).headers["location"] == "/office?sent=1"
    desk = texts(drafter.page("/office?sent=1"))
    assert "草稿已送审，等待用印。" in desk
    assert "待用印" in texts(drafter.page(page))


def test_the_same_page_sent_twice_begins_one_draft(drafter: Browser) -> None:
    fields = fields_in(drafter.page("/office/drafts/new"), action="/office/drafts/new")
    first, second = (
        drafter.post("/office/drafts/new", {**fields, "choice": LICENCE}).headers["location"]
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("choice", ["", CARD, "11999901MB10000106/nothing"])
def test_only_what_is_offered_is_begun(drafter: Browser, choice: str) -> None:
    fields = fields_in(drafter.page("/office/drafts/new"), action="/office/drafts/new")
    answer = drafter.post("/office/drafts/new", {**fields, "choice": choice})
    assert answer.headers["location"] == "/office/drafts/new"


def test_an_id_of_ones_own_making_is_not_taken(drafter: Browser) -> None:
    answer = drafter.post("/office/drafts/new", {"choice": LICENCE, "draft": "../../x"})
    assert len(answer.headers["location"].rpartition("/")[2]) == len(uuid4().hex)


def test_what_is_typed_is_kept_with_its_faults(drafter: Browser) -> None:
    page = begin(drafter)
    typed = {"attributes/KZ_FDDBR": "王", "holders/0/number": "12 34", "valid_to": "不知道"}
    saved = drafter.fill(page, typed, "save")
    assert saved.headers["location"] == f"{page}?saved=1"
    shown = drafter.page(f"{page}?saved=1")
    assert "草稿已保存" in texts(shown)
    assert "error-summary" not in shown
    fields = fields_in(shown, action=page)
    assert fields["attributes/KZ_FDDBR"] == "王"
    assert fields["holders/0/number"] == "1234"
    assert fields["valid_to"] == "不知道"
    checked = drafter.fill(page, {}, "check")
    assert checked.headers["location"] == f"{page}?check=1"
    shown = drafter.page(f"{page}?check=1")
    assert 'href="#holders-0-number"' in shown
    assert 'id="holders-0-number-error"' in shown
    assert "位数或字符与这种证件不符" in texts(shown)
    assert fields_in(shown, action=page)["valid_to"] == "不知道"


def test_rows_come_and_go_by_buttons(drafter: Browser) -> None:
    page = begin(drafter)
    added = drafter.fill(page, {f"{ROW}/0/XMMC": "热食类食品制售"}, f"add:{ROW}")
    assert added.headers["location"] == f"{page}#attributes-KZ_JYXM-end"
    drafter.fill(page, {f"{ROW}/1/XMMC": "自制饮品制售", f"{ROW}/1/BZ": "不含自酿酒"}, f"add:{ROW}")
    fields = fields_in(drafter.page(page), action=page)
    assert f"{ROW}/2/XMMC" in fields
    drafter.fill(page, {}, f"remove:{ROW}/0")
    fields = fields_in(drafter.page(page), action=page)
    assert fields[f"{ROW}/0/XMMC"] == "自制饮品制售"
    assert fields[f"{ROW}/0/BZ"] == "不含自酿酒"
    drafter.fill(page, {}, "save")
    assert f"{ROW}/1/XMMC" not in fields_in(drafter.page(page), action=page)


def test_enter_in_a_field_saves_and_removes_nothing(drafter: Browser) -> None:
    """A browser presses the first button of the form."""
    form = drafter.page(begin(drafter)).split("<form", 2)[1]
    first = form.index("<button")
    assert 'name="action" value="save"' in form[first : form.index(">", first)]


def test_a_photograph_is_kept_shown_and_removed(office: DeskOffice) -> None:
    drafter = office.browser(CARD_DRAFTER)
    page = begin(drafter, CARD)
    typed = {**fields_in(drafter.page(page), action=page), **CARD_TYPED}
    answer = drafter.post(page, {**typed, "action": "check"}, picture=portrait(office))
    assert answer.headers["location"] == f"{page}/preview"
    kept = drafter.get(f"{page}/portrait.jpg")
    assert kept.headers["content-type"] == "image/jpeg"
    assert kept.content == portrait(office)
    drafter.fill(page, {}, "save")  # without choosing a file again
    assert drafter.get(f"{page}/portrait.jpg").status_code == 200
    removed = drafter.fill(page, {}, "remove_portrait")
    assert removed.headers["location"] == f"{page}#portrait"
    assert drafter.get(f"{page}/portrait.jpg").status_code == 404
    drafter.fill(page, {}, "check")
    assert "持证人照片：请填写此项。" in texts(drafter.page(f"{page}?check=1"))


def test_a_photograph_from_a_camera_is_made_fit(office: DeskOffice) -> None:
    drafter = office.browser(CARD_DRAFTER)
    page = begin(drafter, CARD)
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    octets = io.BytesIO()
    Image.new("RGB", (1500, 2000), "white").save(octets, "JPEG", exif=exif)
    typed = {**fields_in(drafter.page(page), action=page), **CARD_TYPED}
    answer = drafter.post(page, {**typed, "action": "check"}, picture=octets.getvalue())
    assert answer.headers["location"] == f"{page}/preview"
    assert b"Camera" not in drafter.get(f"{page}/portrait.jpg").content


def test_a_file_that_is_no_photograph_takes_nothing_else_away(office: DeskOffice) -> None:
    drafter = office.browser(CARD_DRAFTER)
    page = begin(drafter, CARD)
    typed = {**fields_in(drafter.page(page), action=page), **CARD_TYPED}
    answer = drafter.post(page, {**typed, "action": "check"}, picture=b"%PDF-1.7")
    assert "不是 JPEG 或 PNG 照片" in texts(answer.text)
    assert (
        fields_in(drafter.page(page), action=page)["attributes/KZ_ZZ"]
        == CARD_TYPED["attributes/KZ_ZZ"]
    )


def test_an_old_page_overwrites_nothing_and_loses_nothing(drafter: Browser) -> None:
    """Two tabs, or the back button."""
    page = begin(drafter)
    old = fields_in(drafter.page(page), action=page)
    drafter.fill(page, {"attributes/KZ_FDDBR": "新写的"}, "save")
    late = drafter.post(page, {**old, "attributes/KZ_FDDBR": "旧页面写的", "action": "save"})
    assert late.status_code == 409
    assert "尚未保存" in texts(late.text)
    again = fields_in(late.text, action=page)
    assert again["attributes/KZ_FDDBR"] == "旧页面写的"
    assert fields_in(drafter.page(page), action=page)["attributes/KZ_FDDBR"] == "新写的"
    assert drafter.post(page, {**again, "action": "save"}).status_code == 303
    assert fields_in(drafter.page(page), action=page)["attributes/KZ_FDDBR"] == "旧页面写的"


@pytest.mark.parametrize("revision", ["", "x", "-1", "99999999999999999999", "２"])
def test_a_revision_that_is_none_is_an_old_page(drafter: Browser, revision: str) -> None:
    page = begin(drafter)
    fields = fields_in(drafter.page(page), action=page)
    answer = drafter.post(page, {**fields, "revision": revision, "action": "save"})
    assert answer.status_code == 409


def test_after_handing_on_nothing_changes_any_more(office: DeskOffice, drafter: Browser) -> None:
    page = office.draft(drafter, LICENCE, LICENCE_TYPED)
    form = fields_in(drafter.page(page), action=page)
    submit = fields_in(drafter.page(f"{page}/preview"), action=f"{page}/submit")
    for _ in range(2):  # a double click
        answer = drafter.post(f"{page}/submit", submit)
        assert answer.headers["location"] == "/office?sent=1"
    late = drafter.post(page, {**form, "attributes/KZ_FDDBR": "改", "action": "save"})
    assert late.status_code == 409
    assert "这份草稿已经送审" in texts(late.text)
    assert drafter.get(f"{page}/preview").headers["location"] == page
    assert drafter.post(f"{page}/discard", {"x": ""}).headers["location"] == page
    assert state_of(office, page) is DraftState.SUBMITTED


def test_a_draft_with_faults_is_not_handed_on(office: DeskOffice, drafter: Browser) -> None:
    page = begin(drafter)
    assert drafter.get(f"{page}/preview").headers["location"] == f"{page}?check=1"
    answer = drafter.post(f"{page}/submit", {"revision": "1"})
    assert answer.headers["location"] == f"{page}?check=1"
    assert drafter.get(f"{page}/face.svg").status_code == 404
    stale = office.draft(drafter, LICENCE, LICENCE_TYPED)
    answer = drafter.post(f"{stale}/submit", {"revision": "1"})
    assert answer.headers["location"] == f"{stale}/preview"


def test_a_draft_nobody_needs_is_deleted(drafter: Browser) -> None:
    page = begin(drafter)
    assert drafter.post(f"{page}/discard", {"x": ""}).headers["location"] == "/office"
    assert drafter.get(page).status_code == 404


@pytest.mark.parametrize("account", [OTHER_SEALER, CARD_DRAFTER])
@pytest.mark.parametrize("end", ["", "/preview", "/face.svg", "/draft.pdf", "/portrait.jpg"])
def test_a_draft_under_way_is_its_drafters_alone(
    office: DeskOffice, drafter: Browser, account: str, end: str
) -> None:
    page = office.draft(drafter, LICENCE, LICENCE_TYPED)
    other = office.browser(account).get(f"{page}{end}")
    nothing = office.browser(account).get(f"/office/drafts/{uuid4().hex}{end}")
    assert other.status_code == nothing.status_code == 404
    assert texts(other.text) == texts(nothing.text)


def test_nobody_changes_another_ones_draft(office: DeskOffice, drafter: Browser) -> None:
    page = office.draft(drafter, LICENCE, LICENCE_TYPED)
    other = office.browser(CARD_DRAFTER)
    for path in (page, f"{page}/submit", f"{page}/discard", f"{page}/copy"):
        assert other.post(path, {"revision": "2", "action": "save"}).status_code == 404
    assert state_of(office, page) is DraftState.DRAFTING


@pytest.mark.parametrize("account", [CITIZEN])
def test_somebody_without_a_post_has_no_desk(office: DeskOffice, account: str) -> None:
    for path in ("/office", "/office/drafts/new", "/office/sealing"):
        assert office.browser(account).get(path).status_code == STATUS_OF["not_permitted"]


def test_posts_decide_what_the_desk_offers(office: DeskOffice, drafter: Browser) -> None:
    assert "制作新证照" in texts(drafter.page("/office"))
    assert "待用印" not in texts(office.browser(KEEPER).page("/office"))
    assert "制作新证照" not in texts(office.browser(SEALER).page("/office"))
    assert "没有可以制作的证照类型" in texts(office.browser(SEALER).page("/office/drafts/new"))


def test_forms_of_other_sites_do_nothing(office: DeskOffice, drafter: Browser) -> None:
    page = office.draft(drafter, LICENCE, LICENCE_TYPED)
    fields = fields_in(drafter.page(page), action=page)
    for path in (page, f"{page}/submit", f"{page}/discard"):
        bare = drafter.http.post(path, data=fields, headers={"Origin": "https://evil.example"})
        assert bare.status_code == STATUS_OF["cross_site"]
        forged = drafter.http.post(
            path,
            data={**fields, "csrf_token": "x"},
            headers={"Origin": office.services.settings.origin},
        )
        assert forged.status_code == STATUS_OF["cross_site"]
    assert state_of(office, page) is DraftState.DRAFTING


def test_a_draft_given_up_goes_on_as_another(office: DeskOffice, drafter: Browser) -> None:
    page = office.draft(drafter, LICENCE, LICENCE_TYPED)
    office.submit(drafter, page)
    draft_id = page.rpartition("/")[2]
    layout = office.services.office.catalogue.find("food-business-licence").folder / "layout.typ"
    whole = layout.read_bytes()
    sealer = office.browser(SEALER)
    look = f"/office/sealing/drafts/{draft_id}"
    seen = fields_in(sealer.page(look), action="/office/sealing/requests")
    request = sealer.post("/office/sealing/requests", seen).headers["location"]
    layout.write_bytes(b"#let draw(inputs) = panic()")
    office.sign_in_for(sealer, request, account=SEALER)
    layout.write_bytes(whole)
    assert state_of(office, page) is DraftState.REFUSED
    assert "未能签发" in texts(drafter.page(page))
    first, second = (drafter.post(f"{page}/copy", {"x": ""}).headers["location"] for _ in range(2))
    assert first == second != page
    assert (
        fields_in(drafter.page(first), action=first)["holders/0/name"]
        == LICENCE_TYPED["holders/0/name"]
    )
    assert drafter.post(f"{first}/copy", {"x": ""}).status_code == STATUS_OF["draft_state"]
