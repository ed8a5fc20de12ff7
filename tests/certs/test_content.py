"""What a certificate says, what an approval is bound to, what the public sees."""

import datetime as dt
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from certs.attributes import AttributeSchema
from certs.authorities import Authorities
from certs.catalogue import Catalogue
from certs.content import CertificateContent, draft_sm3, draft_sm3_of_content
from certs.orders import IssuanceOrder, parse_order
from signing.canonical import canonical_sm3, sm3

SAMPLES = Path(__file__).parents[2] / "certs" / "samples"
AT = dt.datetime(2026, 11, 24, 4, tzinfo=dt.UTC)
QINGHE_MARKET = "11999901MB10000106"


@cache
def order(slug: str) -> IssuanceOrder:
    certificate_type = Catalogue.load(SAMPLES / "types").find(slug)
    return parse_order(
        json.loads((certificate_type.folder / "sample.json").read_bytes()),
        certificate_type=certificate_type,
        authorities=Authorities.load(SAMPLES / "authorities"),
        authority_uscc=QINGHE_MARKET if slug.startswith("food") else None,
        at=AT,
    )


def content(slug: str) -> CertificateContent:
    return CertificateContent(
        order=order(slug),
        number="JY99990120260000011",
        identifier="1.2.156.3005.2.X",
        code="unguessable",
        draft_sm3="d" * 64,
        seal_id="99990100000001",
        seal_picture_sm3="e" * 64,
    )


def test_certificate_json_bears_the_names_of_the_standard() -> None:
    written = json.loads(content("food-business-licence").json)
    food = order("food-business-licence")
    assert written["metadata"] == {
        "ZZMC": "食品经营许可证",
        "ZZLXMC": "食品经营许可证",
        "ZZLXDM": "11999900MB0000019D001",
        "ZZBH": "JY99990120260000011",
        "ZZBS": "1.2.156.3005.2.X",
        "ZZBFJG": "示例市青禾区市场监督管理局",
        "ZZBFJGDM": QINGHE_MARKET,
        "ZZBFJGJB": "区县",
        "ZZBFRQ": "2026-11-24",
        "ZZYXQQSRQ": "2026-11-24",
        "ZZYXQJZRQ": "2031-11-23",
        "holders": [
            {
                "CZZT": "示例市青禾区麦垄示例食品有限公司",
                "CZZTDM": "91999901MA1000017H",
                "CZZTDMLX": "统一社会信用代码",
                "CZZTDMLXDM": "001",
            }
        ],
    }
    assert written["attributes"] == food.attributes
    kind = food.certificate_type
    assert written["type"] == {"code": kind.code, "version": 1, "sm3": kind.sm3}
    assert written["draft_sm3"] == "d" * 64
    assert written["portrait_sm3"] is None
    assert written["seal"] == {"id": "99990100000001", "picture_sm3": "e" * 64}
    assert "unguessable" not in content("food-business-licence").json.decode()


def test_certificate_json_is_canonical() -> None:
    octets = content("senior-citizen-card").json
    again = json.dumps(
        json.loads(octets), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    assert octets == again.encode()


def test_a_certificate_without_end_says_so_by_an_empty_date_and_names_its_portrait() -> None:
    written = json.loads(content("senior-citizen-card").json)
    portrait = order("senior-citizen-card").portrait
    assert portrait is not None
    assert written["metadata"]["ZZYXQJZRQ"] == ""
    assert written["portrait_sm3"] == sm3(portrait).hex()


def test_an_approval_is_bound_to_all_that_is_decided() -> None:
    senior = order("senior-citizen-card")
    portrait = senior.portrait
    assert portrait is not None
    assert draft_sm3(senior, "draft-1") == canonical_sm3(
        {
            "draft_id": "draft-1",
            "authority": "11999901MB10000293",
            "type": "11999900MB0000019D002",
            "type_version": 1,
            "type_sm3": senior.certificate_type.sm3,
            "holders": [{"type": "111", "number": "11999919570312004X", "name": "陈样例"}],
            "attributes": senior.attributes,
            "portrait_sm3": sm3(portrait).hex(),
            "valid_from": "2026-11-24",
            "valid_to": None,
        }
    )


@pytest.mark.parametrize(
    "change",
    [
        {"holders": ()},
        {"attributes": {"KZ_XB": "男"}},
        {"portrait": None},
        {"valid_from": dt.date(2026, 11, 25)},
        {"valid_to": dt.date(2027, 1, 1)},
        {"authority": order("food-business-licence").authority},
        {"certificate_type": replace(order("senior-citizen-card").certificate_type, sm3="0" * 64)},
        {"certificate_type": replace(order("senior-citizen-card").certificate_type, version=2)},
        {"certificate_type": order("food-business-licence").certificate_type},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_decided_changes_the_approval(change: dict[str, Any]) -> None:
    senior = order("senior-citizen-card")
    assert draft_sm3(replace(senior, **change), "draft-1") != draft_sm3(senior, "draft-1")
    assert draft_sm3(senior, "draft-2") != draft_sm3(senior, "draft-1")


def test_the_day_of_issue_does_not_touch_the_approval() -> None:
    senior = order("senior-citizen-card")
    later = replace(senior, issued_on=dt.date(2026, 11, 25), body_sm3="")
    assert draft_sm3(later, "draft-1") == draft_sm3(senior, "draft-1")


def test_a_number_that_the_drafter_types_is_approved_like_the_rest() -> None:
    senior = order("senior-citizen-card")
    approved = draft_sm3(replace(senior, number="示第1号"), "draft-1")
    assert approved != draft_sm3(replace(senior, number="示第2号"), "draft-1")
    numbered = replace(content("senior-citizen-card"), number="示第1号", draft_sm3=approved)
    assert draft_sm3_of_content(numbered.as_json(), "draft-1") == approved
    exchanged = replace(numbered, number="示第2号")
    assert draft_sm3_of_content(exchanged.as_json(), "draft-1") != approved
    ours = content("senior-citizen-card")
    given = replace(ours, draft_sm3=draft_sm3(ours.order, "draft-1")).as_json()
    assert draft_sm3_of_content(given, "draft-1") == draft_sm3(ours.order, "draft-1")


def test_of_a_public_type_anyone_sees_masked_fields() -> None:
    assert content("food-business-licence").public_fields() == {
        "CZZT": "示例市青禾区麦垄示例食品有限公司",
        "CZZTDM": "91999901MA1000017H",
        "KZ_FDDBR": "王**",
        "KZ_ZS": "示例市青禾区样板路1号",
        "KZ_JYCS": "示例市青禾区样板路1号示例大厦一层101至103室",
        "KZ_ZTYT": "餐饮服务经营者",
        "KZ_JYXM": (
            "热食类食品制售；冷食类食品制售 含冷加工糕点；"
            "自制饮品制售 不含自酿酒；散装食品销售 含散装熟食"
        ),
        "KZ_TSJBDH": "12315",
    }


def test_of_any_other_type_anyone_sees_the_masked_name_alone() -> None:
    assert content("senior-citizen-card").public_fields() == {"CZZT": "陈**"}


def test_counts_and_truth_values_are_told_in_words() -> None:
    titles = {"title": "某", "x-title-en": "Some", "x-mask": "none"}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "样例",
        "x-title-en": "Sample",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "COUNT": {**titles, "type": "integer"},
            "OPEN": {**titles, "type": "boolean"},
        },
    }
    food = order("food-business-licence")
    kind = replace(food.certificate_type, attributes=AttributeSchema(schema))
    for value, text in ((True, "是"), (False, "否")):
        told = replace(food, certificate_type=kind, attributes={"COUNT": 0, "OPEN": value})
        fields = replace(content("food-business-licence"), order=told).public_fields()
        assert (fields["COUNT"], fields["OPEN"]) == ("0", text)


def test_content_shows_nothing_of_people_where_it_is_logged() -> None:
    assert "陈" not in repr(content("senior-citizen-card"))
