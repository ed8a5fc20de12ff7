"""An office made of reportlab, pikepdf and pyHanko: the peer of issuing, in a process of its own.

    with PeerOffice(folder, orders) as peer:
        spent = peer.issue(some)        # drawn, attached, sealed, written, synced

It does less than ours: no order is checked, no key's use is entered in a ledger, no result is read
again, nothing is encrypted, there is no register, and the pages are not PDF/A.
"""

import json
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, Self

from independent.pyhanko_sm2 import validate_pades
from simulators.pki import Pki

from bench.measuring import Spent, spend
from bench.peers import reportlab_licence
from bench.peers.pyhanko_seal import POINTS_PER_MM, BareSm2Signer, PyHankoSealer, ReadyPicture
from bench.peers.reportlab_licence import Licence
from certs.seal_picture import draw_seal

AUTHORITY = "示例市青禾区市场监督管理局"
SITE_NAME = "示例区电子证照服务平台（演示）"
HOST = "zhengzhao.example"
SAMPLE_TYPE = (
    Path(__file__).parents[2] / "certs" / "samples" / "types" / "11999900MB0000019D001" / "1"
)
LEFT_MM, BOTTOM_MM = 201, 23
ISSUED_ON, VALID_TO = date(2026, 11, 24), date(2031, 11, 23)


class _Office:
    """What the peer's process holds."""

    def __init__(self, folder: Path, texts: Sequence[str]) -> None:
        """Make keys, certificates, seal and font; pyHanko finds the first file good."""
        self._folder = folder
        self._serials = count(1)
        self._background = reportlab_licence.read_background(SAMPLE_TYPE / "background.svg")
        reportlab_licence.register_font([*texts, AUTHORITY, SITE_NAME])
        pki = Pki.create()
        unit = pki.issue_unit()
        picture = draw_seal(AUTHORITY, sample=True)
        left, bottom = LEFT_MM * POINTS_PER_MM, BOTTOM_MM * POINTS_PER_MM
        side = picture.width_mm * POINTS_PER_MM
        self._sealer = PyHankoSealer(
            BareSm2Signer(unit.cert, unit.key, [pki.unit_ca.cert]),
            ReadyPicture(picture),
            (left, bottom, left + side, bottom + side),
        )
        (status,) = validate_pades(
            self.make(json.loads(texts[0])), [pki.root.cert.der], at=datetime.now(UTC)
        )
        if not status.bottom_line:
            raise ValueError("the peer makes no valid signatures")

    def make(self, order: dict[str, Any]) -> bytes:
        """Return the certificate of an order, sealed."""
        number = f"JY99990120{next(self._serials):010}"
        (holder,) = order["holders"]
        licence = Licence(
            number=number,
            holder=holder,
            attributes=order["attributes"],
            authority=AUTHORITY,
            issued_on=_in_chinese(ISSUED_ON),
            validity=f"{_in_chinese(ISSUED_ON)}至{_in_chinese(VALID_TO)}",
            site_name=SITE_NAME,
            host=HOST,
            address=f"https://{HOST}/c/{token_hex(13)}",
            certificate_json=_certificate_json(order, number),
        )
        return self._sealer.seal(reportlab_licence.draw(licence, self._background))

    def issue(self, orders: Sequence[bytes]) -> None:
        """Make a chunk of certificates and have them on the disk at the end."""
        files = []
        for order in orders:
            path = self._folder / f"{token_hex(16)}.pdf"
            file = path.open("xb")
            file.write(self.make(json.loads(order)))
            file.flush()
            files.append(file)
        for file in files:
            os.fsync(file.fileno())
            file.close()
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def _in_chinese(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _certificate_json(order: dict[str, Any], number: str) -> bytes:
    """Return what ours attaches, with the same members."""
    (holder,) = order["holders"]
    content = {
        "metadata": {
            "ZZMC": "食品经营许可证",
            "ZZLXMC": "食品经营许可证",
            "ZZLXDM": "11999900MB0000019D001",
            "ZZBH": number,
            "ZZBS": f"1.2.156.3005.2.11999900MB0000019D001.11999901MB10000106.{number}.001.X",
            "ZZBFJG": AUTHORITY,
            "ZZBFJGDM": "11999901MB10000106",
            "ZZBFJGJB": "区县",
            "ZZBFRQ": ISSUED_ON.isoformat(),
            "ZZYXQQSRQ": ISSUED_ON.isoformat(),
            "ZZYXQJZRQ": VALID_TO.isoformat(),
            "holders": [
                {
                    "CZZT": holder["name"],
                    "CZZTDM": holder["number"],
                    "CZZTDMLX": "统一社会信用代码",
                    "CZZTDMLXDM": "001",
                }
            ],
        },
        "attributes": order["attributes"],
        "type": {"code": "11999900MB0000019D001", "version": 1, "sm3": token_hex(32)},
        "draft_sm3": token_hex(32),
        "portrait_sm3": None,
        "seal": {"id": "99990100000001", "picture_sm3": token_hex(32)},
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


_office: list[_Office] = []


def _open(folder: Path, texts: Sequence[str]) -> None:
    _office.append(_Office(folder, texts))


def _issue(orders: Sequence[bytes]) -> Spent:
    return spend(lambda: _office[0].issue(orders))


class PeerOffice:
    """The peer in its own process, so that its memory is not counted as ours."""

    def __init__(self, folder: Path, orders: Sequence[bytes]) -> None:
        """Start it; `orders` are all that will come, for the characters in them."""
        folder.mkdir()
        self._process = ProcessPoolExecutor(
            1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_open,
            initargs=(folder, [order.decode() for order in orders]),
        )

    def issue(self, orders: Sequence[bytes]) -> Spent:
        """Issue them together; return what the peer's process spent."""
        return self._process.submit(_issue, orders).result()

    def __enter__(self) -> Self:
        """End the process at the end of a `with`."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._process.shutdown()
