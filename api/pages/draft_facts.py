"""What a draft says, as a list of titles and values: for whoever reads it before he decides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from api.desk import OfficersDesk
from api.messages import Language, messages
from certs.draft_entries import CertificateDraft
from certs.orders import IssuanceOrder
from certs.unverified import Json


@dataclass(frozen=True, slots=True, repr=False)
class Fact:
    """One line."""

    title: str
    values: tuple[str, ...]


def facts_of(desk: OfficersDesk, draft: CertificateDraft, language: Language) -> list[Fact]:
    """Return every fact of a submitted draft; raise what `Drafts.order_of` raises."""
    order = desk.drafting.drafts.order_of(draft, at=desk.at)
    return [*_of_every_type(order, language), *_attributes(order, language)]


def _of_every_type(order: IssuanceOrder, language: Language) -> Iterator[Fact]:
    text = messages(language)
    chinese = language is Language.CHINESE
    for holder in order.holders:
        document = holder.document.type
        yield Fact(text("form.field.name"), (holder.name,))
        title = document.title_zh if chinese else document.title_en
        yield Fact(title, (holder.document.number,))
    if order.number is not None:
        yield Fact(text("form.field.number_outside"), (order.number,))
    yield Fact(text("form.field.issued_on"), (order.issued_on.isoformat(),))
    until = text("page.certificate.no_end") if order.valid_to is None else order.valid_to
    period = text("page.certificate.from_to", since=order.valid_from, until=until)
    yield Fact(text("page.certificate.period"), (period,))


def _attributes(order: IssuanceOrder, language: Language) -> Iterator[Fact]:
    chinese = language is Language.CHINESE
    for key, field in order.certificate_type.attributes.fields.items():
        title = field.title_zh if chinese else field.title_en
        if key in order.attributes:
            yield Fact(title, tuple(_texts(order.attributes[key], language)))


def _texts(value: Json, language: Language) -> Iterator[str]:
    match value:
        case list():
            for item in value:
                yield from _texts(item, language)
        case dict():
            yield "　".join(_record(value, language))
        case bool():
            yield messages(language)("form.yes" if value else "form.no")
        case _:
            yield str(value)


def _record(record: Mapping[str, Json], language: Language) -> Iterator[str]:
    for value in record.values():
        yield from _texts(value, language)
