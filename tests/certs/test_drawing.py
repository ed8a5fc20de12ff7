"""Certificates as they are drawn: what is on the page, what is attached, what the public sees."""

import datetime as dt
import io
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
import zxingcpp

from certs.authorities import Authorities
from certs.catalogue import Catalogue
from certs.content import CertificateContent
from certs.drawing import Drawing, missing_characters
from certs.errors import DrawingError, Fault
from certs.orders import IssuanceOrder, parse_order
from certs.unverified import Json
from demo.backgrounds.draw import FOLDERS, draw_background
from signing.pdf.placement import SignatureForm
from signing.pdf.prepare import prepare
from signing.picture import SealPicture

SAMPLES = Path(__file__).parents[2] / "certs" / "samples"
AT = dt.datetime(2026, 11, 24, 4, tzinfo=dt.UTC)
FOOD, SENIOR = "food-business-licence", "senior-citizen-card"
QINGHE_MARKET = "11999901MB10000106"
SITE = "示例区电子证照与电子签章服务平台（演示）"
DRAWING = Drawing(public_url="https://licences.example/", site_name=SITE)
SEAL_MM = 42
POINTS_PER_MM = 72 / 25.4
BLANK_SEAL = SealPicture.from_alpha(
    bytes(64 * 64),
    width_px=64,
    height_px=64,
    colour=(230, 0, 18),
    width_mm=SEAL_MM,
    height_mm=SEAL_MM,
)


@cache
def sample(slug: str) -> CertificateContent:
    certificate_type = Catalogue.load(SAMPLES / "types").find(slug)
    order = parse_order(
        json.loads((certificate_type.folder / "sample.json").read_bytes()),
        certificate_type=certificate_type,
        authorities=Authorities.load(SAMPLES / "authorities"),
        authority_uscc=QINGHE_MARKET if slug == FOOD else None,
        at=AT,
    )
    return CertificateContent(
        order=order,
        number="JY99990120260000011",
        identifier="1.2.156.3005.2.X",
        code="7Q2MK4VX9TZCR8PD3W6HJB",
        draft_sm3="d" * 64,
        seal_id="99990100000001",
        seal_picture_sm3="e" * 64,
    )


def with_order(content: CertificateContent, **changes: object) -> CertificateContent:
    order: IssuanceOrder = replace(content.order, **changes)  # type: ignore[arg-type]  # any field
    return replace(content, order=order)


def with_attributes(content: CertificateContent, **changes: Json) -> CertificateContent:
    return with_order(content, attributes={**content.order.attributes, **changes})


def with_name(content: CertificateContent, name: str) -> CertificateContent:
    return with_order(content, holders=(replace(content.order.holders[0], name=name),))


def text_of(pdf: bytes) -> str:
    """Return the text of the one page, without the blanks that tracking makes."""
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    text = document[0].get_textpage().get_text_bounded()
    return "".join(text.replace("\x02", "-").split())  # pdfium's sign for a hyphen at a line's end


def characters_of(pdf: bytes) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """Give each character with its left, bottom, right, top in millimetres."""
    page = pypdfium2.PdfDocument(pdf)[0].get_textpage()
    for index in range(page.count_chars()):
        left, bottom, right, top = page.get_charbox(index)
        box = (
            left / POINTS_PER_MM,
            bottom / POINTS_PER_MM,
            right / POINTS_PER_MM,
            top / POINTS_PER_MM,
        )
        yield page.get_text_range(index, 1), box


@pytest.fixture(params=[FOOD, SENIOR])
def content(request: pytest.FixtureRequest) -> CertificateContent:
    """Return the sample of each type."""
    found: CertificateContent = sample(request.param)
    return found


def test_a_drawing_is_one_page_of_pdf_a_3b(content: CertificateContent) -> None:
    with pikepdf.open(io.BytesIO(DRAWING.draw(content, sample=True))) as pdf:
        assert len(pdf.pages) == 1
        with pdf.open_metadata() as metadata:
            assert metadata.pdfa_status == "3B"
        assert pdf.docinfo["/Title"] == content.order.certificate_type.name_zh
        assert pdf.docinfo["/Author"] == content.order.authority.name
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20261124")
        assert pdf.Root.Lang == "zh-CN"


def test_the_data_are_attached_as_they_are(content: CertificateContent) -> None:
    with pikepdf.open(io.BytesIO(DRAWING.draw(content, sample=True))) as pdf:
        attached = pdf.attachments["certificate.json"]
        assert attached.get_file().read_bytes() == content.json
        assert attached.obj.AFRelationship == "/Data"
        assert [each.F for each in pdf.Root.AF] == ["certificate.json"]


def test_all_that_the_certificate_says_stands_on_it(content: CertificateContent) -> None:
    text = text_of(DRAWING.draw(content, sample=True))
    order = content.order
    holder = order.holders[0]
    said = [
        order.certificate_type.name_zh,
        content.number,
        holder.name,
        holder.document.type.title_zh,
        holder.document.number,
        order.authority.name,
        "2026年11月24日",
        SITE,
        "licences.example",
        "1957年3月12日" if order.portrait else "至2031年11月23日",
    ]
    said += [value for value in leaves(order.attributes) if value != "1957-03-12"]
    assert [each for each in said if each not in text] == []


def leaves(value: object) -> Iterator[str]:
    """Give every text within `value`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from leaves(member)


def test_only_a_sample_says_that_it_is_one(content: CertificateContent) -> None:
    marks = ("样", "演示样例", "不具有法律效力")
    honest = with_attributes(content, KZ_ZS="青禾区稻香路1号", KZ_JYCS="青禾区稻香路1号")
    honest = with_attributes(honest, KZ_ZZ="青禾区稻香路1号", KZ_FDDBR="王示例")
    honest = with_name(honest, "青禾")
    drawn, genuine = (DRAWING.draw(honest, sample=sample) for sample in (True, False))
    assert all(mark in text_of(drawn) for mark in marks)
    assert not any(mark in text_of(genuine) for mark in marks)


def test_the_qr_leads_to_the_page_of_this_certificate(content: CertificateContent) -> None:
    page = pypdfium2.PdfDocument(DRAWING.draw(content, sample=True))[0]
    picture = page.render(scale=200 / 72).to_pil()
    (found,) = zxingcpp.read_barcodes(picture)
    assert found.text == "https://licences.example/c/7Q2MK4VX9TZCR8PD3W6HJB"
    # The seal, put on later, must not touch it.
    placement = content.order.certificate_type.placement
    right_mm = found.position.top_right.x * 25.4 / 200
    assert right_mm < placement.left_mm


def test_the_portrait_is_in_the_file_octet_by_octet() -> None:
    content = sample(SENIOR)
    portrait = content.order.portrait
    assert portrait is not None
    assert portrait in DRAWING.draw(content, sample=True)


def test_the_same_certificate_is_the_same_file_in_every_thread(content: CertificateContent) -> None:
    once = DRAWING.draw(content, sample=True)
    reordered = with_order(
        content, attributes=dict(sorted(content.order.attributes.items(), reverse=True))
    )
    with ThreadPoolExecutor(4) as pool:
        drawn = pool.map(lambda each: DRAWING.draw(each, sample=True), [content, reordered] * 6)
        assert set(drawn) == {once}


def test_the_seal_lies_over_authority_and_date(content: CertificateContent) -> None:
    placement = content.order.certificate_type.placement
    middle = placement.left_mm + SEAL_MM / 2, placement.bottom_mm + SEAL_MM / 2
    signed = content.order.authority.name + "2026年11月24日"
    drawn = [*characters_of(DRAWING.draw(content, sample=True))]
    last = [each for each in drawn if each[0].strip()][-len(signed) :]
    assert "".join(character for character, _ in last) == signed
    boxes = [box for _, box in last]
    centre = (min(box[0] for box in boxes) + max(box[2] for box in boxes)) / 2
    assert centre == pytest.approx(middle[0], abs=0.5)
    # 居印章中心偏下位置 (GB/T 9704-2012, 7.3.5): below the middle, within the ring
    height = (min(box[1] for box in boxes) + max(box[3] for box in boxes)) / 2
    assert middle[1] - 5 < height < middle[1]
    assert min(box[1] for box in boxes) > placement.bottom_mm + 5


def test_a_drawing_can_be_sealed(content: CertificateContent) -> None:
    certificate_type = content.order.certificate_type
    prepared = prepare(
        DRAWING.draw(content, sample=True),
        form=certificate_type.form,
        placement=certificate_type.placement,
        picture=BLANK_SEAL,
        contents_size=1000,
        signed_at=AT if certificate_type.form is SignatureForm.PADES else None,
    )
    assert len(prepared.digest) == 32


LONG_NAME = "阿卜杜热合曼·阿卜杜克热木·买买提艾力·吐尔逊江·阿不力克木·艾尼瓦尔"
LONGEST = [
    with_attributes(
        with_name(sample(FOOD), "示例市" + "青禾云间" * 24 + "公"),
        KZ_FDDBR=(LONG_NAME * 2)[:40],
        KZ_ZS="示例市青禾区样板路" * 8 + "12345678",
        KZ_JYCS="示例市青禾区样板路" * 8 + "12345678",
        KZ_ZTYT="集中用餐单位食堂",
        KZ_JYXM=[
            {"XMMC": "食品销售连锁管理", "BZ": f"{place:02}" + "含" * 22} for place in range(12)
        ],
        KZ_TSJBDH="9" * 20,
    ),
    with_attributes(
        with_name(sample(SENIOR), (LONG_NAME * 2)[:55]),
        KZ_ZZ="示例市青禾区样板路" * 6 + "123456",
        KZ_JJLXR=(LONG_NAME * 2)[:40],
        KZ_JJLXDH="9" * 20,
    ),
    with_name(sample(SENIOR), ("Wilhelmina Magdalena Montgomery-Wolfenstein " * 3)[:90]),
]


@pytest.mark.parametrize("content", LONGEST)
def test_the_longest_texts_fit(content: CertificateContent) -> None:
    schema = content.order.certificate_type.attributes
    assert list(schema.faults(dict(content.order.attributes), pointer="")) == []
    pdf = DRAWING.draw(content, sample=True)
    text = text_of(pdf)
    assert "".join(content.order.holders[0].name.split()) in text
    width = pypdfium2.PdfDocument(pdf)[0].get_width() / POINTS_PER_MM
    margin = 19.5 if content.order.portrait is None else 3.5
    for character, (left, _, right, _) in characters_of(pdf):
        assert margin < left <= right < width - margin or not character.strip()


@pytest.mark.parametrize(
    "content",
    [
        with_attributes(sample(FOOD), KZ_ZS="路" * 300),
        with_attributes(sample(FOOD), KZ_JYXM=[{"XMMC": "热食类食品制售"}] * 60),
        with_attributes(sample(FOOD), KZ_JYXM=[{"XMMC": "食" * 80}]),
        with_name(sample(SENIOR), "名" * 90),
    ],
)
def test_what_does_not_fit_is_refused(content: CertificateContent) -> None:
    with pytest.raises(DrawingError):
        DRAWING.draw(content, sample=True)


def test_a_layout_gets_every_value_it_asks_for_or_fails() -> None:
    with pytest.raises(DrawingError):
        DRAWING.draw(with_order(sample(FOOD), attributes={}), sample=True)


def test_the_public_rendering_has_neither_qr_nor_portrait_nor_seal(
    content: CertificateContent,
) -> None:
    svg = DRAWING.draw_masked(content, sample=True).decode()
    assert svg.startswith("<svg ")
    assert "image/jpeg" not in svg
    # The background is the one picture within.
    assert svg.count("<image ") == 1
    # No text, no script, no address: glyphs are outlines.
    assert not any(part in svg for part in ("<text", "<script", 'href="http', "licences.example"))


HIDDEN_CHANGES = [
    (sample(FOOD), with_attributes(sample(FOOD), KZ_FDDBR="王样本")),
    (sample(FOOD), replace(sample(FOOD), code="another", identifier="another", draft_sm3="f" * 64)),
    (sample(SENIOR), with_name(sample(SENIOR), "陈示范")),
    (sample(SENIOR), with_order(sample(SENIOR), portrait=None)),
    (sample(SENIOR), with_attributes(sample(SENIOR), KZ_XB="男", KZ_CSRQ="1950-01-01")),
    (sample(SENIOR), with_attributes(sample(SENIOR), KZ_ZZ="示例市青禾区样板路9号")),
    (sample(SENIOR), with_attributes(sample(SENIOR), KZ_JJLXR="李样本")),
    (
        with_attributes(sample(SENIOR), KZ_JJLXDH="00011111122"),
        with_attributes(sample(SENIOR), KZ_JJLXDH="00099999922"),
    ),
]


@pytest.mark.parametrize(("content", "changed"), HIDDEN_CHANGES)
def test_what_is_masked_does_not_change_the_public_rendering(
    content: CertificateContent, changed: CertificateContent
) -> None:
    assert DRAWING.draw_masked(content, sample=True) == DRAWING.draw_masked(changed, sample=True)
    assert DRAWING.draw_masked(content, sample=True) != DRAWING.draw_masked(content, sample=False)


def test_a_character_without_glyph_is_named_with_its_field() -> None:
    order = with_attributes(
        with_name(sample(FOOD), "青禾\U00030edd面馆"),
        KZ_JYXM=[{"XMMC": "a", "BZ": "\U00030edea\U00030ede"}],
    ).order
    assert missing_characters(order) == (
        Fault("/holders/0/name", "missing_character", "U+30EDD \U00030edd"),
        Fault("/attributes/KZ_JYXM/0/BZ", "missing_character", "U+30EDE \U00030ede"),
    )


def test_rare_characters_and_the_middle_dot_have_glyphs_and_are_drawn() -> None:
    content = with_name(sample(FOOD), "阿依古丽·𬭎䶮㙦〇餐馆")
    assert missing_characters(content.order) == ()
    assert "阿依古丽·𬭎䶮㙦〇餐馆" in text_of(DRAWING.draw(content, sample=True))


@pytest.mark.parametrize("slug", FOLDERS)
def test_the_backgrounds_are_what_their_drawings_give(slug: str) -> None:
    assert (FOLDERS[slug] / "background.svg").read_text(encoding="utf-8") == draw_background(slug)
