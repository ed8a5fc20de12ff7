"""Orders for food business licences, each another business: synthetic, and right in every digit."""

import json
from itertools import count, islice
from random import Random
from typing import Any

from idp.documents import credit_code_check_character, organisation_check_character

_AREA = "999901"  # of no place in China
_BRANDS = "麦稻禾谷粟豆茶梅兰竹菊松柏桐杏桃李枣橘柚荷莲菱藕葵芝麻椒姜蒜葱韭芹笋菇莓瓜"
_TRADES = ("示例食品有限公司", "示例餐饮有限公司", "示例便利店", "示例小吃店", "示例饭庄")
_FAMILY_NAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许"
_ROADS = ("样板路", "示范街", "样例大道", "试验巷")
_ITEMS = ("散装食品销售", "热食类食品制售", "生食类食品制售", "半成品制售", "糕点类食品制售")


def make_orders(number: int) -> list[bytes]:
    """Return so many orders as ORDER.json, always the same ones."""
    random = Random(20261124)  # noqa: S311 - nothing secret
    return [
        json.dumps(_order(random, serial), ensure_ascii=False).encode()
        for serial in islice(count(1), number)
    ]


def _order(random: Random, serial: int) -> dict[str, Any]:
    brand = "".join(random.choices(_BRANDS, k=2))
    address = f"示例市青禾区{random.choice(_ROADS)}{random.randint(1, 999)}号"
    items: list[dict[str, str]] = [
        {"XMMC": "冷食类食品制售", "BZ": "含冷加工糕点"},
        {"XMMC": "自制饮品制售", "BZ": "不含自酿酒"},
        *({"XMMC": name} for name in random.sample(_ITEMS, k=random.randint(1, 3))),
    ]
    return {
        "holders": [
            {
                "type": "001",
                "number": _credit_code(serial),
                "name": f"示例市青禾区{brand}{random.choice(_TRADES)}",
            }
        ],
        "attributes": {
            "KZ_FDDBR": random.choice(_FAMILY_NAMES) + "示例",
            "KZ_ZS": address,
            "KZ_JYCS": f"{address}示例大厦{random.randint(1, 9)}层{random.randint(101, 130)}室",
            "KZ_ZTYT": "餐饮服务经营者",
            "KZ_JYXM": items,
            "KZ_TSJBDH": "12315",
        },
    }


def _credit_code(serial: int) -> str:
    """Return the code of the business with this number (GB 32100)."""
    organisation = f"MA{serial:06}"
    body = f"92{_AREA}{organisation}{organisation_check_character(organisation)}"
    return body + credit_code_check_character(body)
