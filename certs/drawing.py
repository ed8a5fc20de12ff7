"""The face of a certificate: its type's layout filled in.

A layout (`draw(inputs)` in `layout.typ` of the type's folder) gets `inputs.data` with

    title, title_en, number, authority, issued_on, valid_from, valid_to (null: 长期)
    holders      [{"name", "document" (what kind the number is of), "number"}]
    attributes   by the type's schema
    seal         {"left_mm", "bottom_mm"}, where the seal will lie
    site         {"name", "host"}
    qr, portrait an SVG each, or null
    sample       whether it must say 样例
    masked       whether it is the rendering for the public page

and, unless masked, `inputs.attachment`, the text it attaches as certificate.json.
"""

import base64
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

from certs.content import CertificateContent
from certs.errors import Fault
from certs.fonts import find_missing_characters, name_character
from certs.holders import Holder
from certs.orders import IssuanceOrder
from certs.qr import draw_qr
from certs.typesetting import typeset
from certs.unverified import Json

DRAFT_MARK = "草稿"
NO_NUMBER_YET = "（签发时编号）"


class Drawing:
    """Draws certificates for one site."""

    def __init__(self, *, public_url: str, site_name: str) -> None:
        """Print `site_name` and the host of `public_url`; the QR codes lead below that address."""
        self._public_url = public_url.rstrip("/")
        self._site = {"name": site_name, "host": urlsplit(public_url).netloc}

    def draw(self, content: CertificateContent, *, sample: bool) -> bytes:
        """Return the page to be sealed: one page of PDF/A-3b with certificate.json attached.

        The same content gives the same octets. Raise `DrawingError` if a text does not fit.
        """
        order = content.order
        data = self._data(content, sample=sample) | {
            "holders": [
                _holder(holder, holder.name, holder.document.number) for holder in order.holders
            ],
            "attributes": dict(order.attributes),
            "qr": draw_qr(f"{self._public_url}/c/{content.code}"),
            "portrait": None if order.portrait is None else _wrap_portrait(order.portrait),
            "masked": False,
        }
        inputs = {"data": data, "attachment": content.json.decode()}
        return typeset(order.certificate_type.folder / "layout.typ", inputs, form="pdf")

    def draw_masked(self, content: CertificateContent, *, sample: bool) -> bytes:
        """Return an SVG of the same layout for the public page.

        Values are masked as the schema says, and a band says so; there is no seal, QR code,
        portrait or attachment. Raise `DrawingError` if a text does not fit.
        """
        order = content.order
        data = self._data(content, sample=sample) | {
            "holders": [
                _holder(holder, holder.public_name, holder.public_number)
                for holder in order.holders
            ],
            "attributes": order.certificate_type.attributes.mask(order.attributes),
            "qr": None,
            "portrait": None,
            "masked": True,
        }
        return typeset(
            order.certificate_type.folder / "layout.typ",
            {"data": data},
            form="svg",
        )

    def draw_draft(
        self, order: IssuanceOrder, *, sample: bool, form: Literal["pdf", "svg"]
    ) -> bytes:
        """Return the page as it will be but for number, seal and QR code, marked 草稿 all over.

        The code leads to the page that verifies files, and the number says that there is none yet.
        Raise `DrawingError` if a text does not fit.
        """
        data = self._order_data(order, sample=sample) | {
            "number": order.number or NO_NUMBER_YET,
            "holders": [
                _holder(holder, holder.name, holder.document.number) for holder in order.holders
            ],
            "attributes": dict(order.attributes),
            "qr": draw_qr(f"{self._public_url}/verify"),
            "portrait": None if order.portrait is None else _wrap_portrait(order.portrait),
            "masked": False,
        }
        inputs = {"data": data, "attachment": "{}"}
        layout = order.certificate_type.folder / "layout.typ"
        return typeset(layout, inputs, form=form, mark=DRAFT_MARK)

    def _data(self, content: CertificateContent, *, sample: bool) -> dict[str, object]:
        return self._order_data(content.order, sample=sample) | {"number": content.number}

    def _order_data(self, order: IssuanceOrder, *, sample: bool) -> dict[str, object]:
        placement = order.certificate_type.placement
        return {
            "title": order.certificate_type.name_zh,
            "title_en": order.certificate_type.name_en,
            "authority": order.authority.name,
            "issued_on": order.issued_on.isoformat(),
            "valid_from": order.valid_from.isoformat(),
            "valid_to": None if order.valid_to is None else order.valid_to.isoformat(),
            "seal": {"left_mm": placement.left_mm, "bottom_mm": placement.bottom_mm},
            "site": self._site,
            "sample": sample,
        }


def missing_characters(order: IssuanceOrder) -> tuple[Fault, ...]:
    """Return a fault for each character of the order that the fonts lack.

    It names the field and the character: whoever drafts must be able to see which one it is.
    """
    texts: dict[str, Json] = {
        "holders": [{"name": holder.name} for holder in order.holders],
        "attributes": dict(order.attributes),
        "number": order.number,
    }
    return tuple(
        Fault(pointer, "missing_character", name_character(character))
        for pointer, text in _texts(texts, "")
        for character in find_missing_characters(text)
    )


def _texts(value: Json, pointer: str) -> Iterator[tuple[str, str]]:
    """Give every text within `value` with its JSON pointer; keys need no escape (`clean`)."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _texts(member, f"{pointer}/{key}")


def _holder(holder: Holder, name: str, number: str) -> dict[str, Json]:
    return {"name": name, "document": holder.document.type.title_zh, "number": number}


def _wrap_portrait(jpeg: bytes) -> str:
    """Return an SVG of 35 : 45, as identity photographs are, that holds the JPEG as it came.

    Text is the only way into a layout; Typst puts the very octets of the JPEG into the PDF.
    """
    encoded = base64.b64encode(jpeg).decode()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 35 45"><image width="35" height="45"'
        f' href="data:image/jpeg;base64,{encoded}"/></svg>'
    )
