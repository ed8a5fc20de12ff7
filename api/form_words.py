"""What a form says to people: titles, help, and what is wrong, in their language."""

from collections.abc import Iterator
from dataclasses import dataclass

from api.forms import Control, ControlKind, Form, Rows
from api.messages import Language, Messages
from certs.errors import Fault

FAULTS = (
    "another_authority",
    "drawing_failed",
    "enum",
    "format",
    "hidden_character",
    "holder_kind",
    "impossible_birth_date",
    "in_the_future",
    "jpeg_metadata",
    "malformed_number",
    "max_items",
    "max_length",
    "maximum",
    "min_items",
    "min_length",
    "minimum",
    "missing_character",
    "not_a_jpeg",
    "not_a_picture",
    "not_of_this_type",
    "pattern",
    "picture_size",
    "required",
    "too_early",
    "too_large",
    "too_late",
    "type",
    "unique_items",
    "unknown_area",
    "unknown_document_type",
    "unknown_key",
    "without_end",
    "wrong_check_digit",
)
"""The faults that are explained one by one; all others are told to be none of these."""


@dataclass(frozen=True, slots=True)
class FormWords:
    """The words of forms in one language."""

    text: Messages

    def title(self, part: Control | Rows) -> str:
        """Return what a field is called: by its schema, or by us where every type has it."""
        in_chinese = self.text.language is Language.CHINESE
        own = part.title_zh if in_chinese else part.title_en
        return own or self.text(f"form.field.{part.name.rpartition('/')[2]}")

    def help(self, part: Control | Rows) -> str:
        """Return what helps to fill it in; "" where nothing needs to be said."""
        in_chinese = self.text.language is Language.CHINESE
        said = [part.help_zh if in_chinese else part.help_en]
        if isinstance(part, Control):
            said.append(self._expected(part))
        elif part.most > 1:
            said.append(self.text("form.hint.rows", most=part.most))
        return " ".join(words for words in said if words)

    def fault(self, fault: Fault, part: Control | None = None) -> str:
        """Return what is wrong, in a sentence."""
        code = fault.code if fault.code in FAULTS else "other"
        if code == "type" and part is not None and part.kind is ControlKind.WHOLE_NUMBER:
            code = "whole_number"
        return self.text(f"form.fault.{code}", detail=fault.detail)

    def faults(self, part: Control | Rows) -> str:
        """Return all that is wrong with a field, "" for nothing."""
        control = part if isinstance(part, Control) else None
        return " ".join(dict.fromkeys(self.fault(fault, control) for fault in part.faults))

    def summary(self, form: Form) -> list[dict[str, str]]:
        """Return every fault with a link to its field, in the order of the page."""
        return list(self._summary(form))

    def _summary(self, form: Form) -> Iterator[dict[str, str]]:
        for part in (form.holders, *form.attributes):
            if isinstance(part, Rows):
                yield from self._entry(part, self.title(part))
                for number, row in enumerate(part.rows, 1):
                    place = self.title(part) if part.most > 1 else ""
                    for control in row:
                        title = self.title(control)
                        if place:
                            title = self.text("form.in_row", list=place, row=number, title=title)
                        yield from self._entry(control, title)
            else:
                yield from self._entry(part, self.title(part))
        for control in (*((form.number,) if form.number else ()), *form.dates):
            yield from self._entry(control, self.title(control))
        for fault in form.portrait_faults:
            title = self.text("form.field.portrait")
            yield {"text": self._said(title, self.fault(fault)), "href": "#portrait"}
        for fault in form.other_faults:
            yield {"text": self._said(fault.pointer or "/", self.fault(fault)), "href": "#form"}

    def _entry(self, part: Control | Rows, title: str) -> Iterator[dict[str, str]]:
        if words := self.faults(part):
            yield {"text": self._said(title, words), "href": f"#{part.id}"}

    def _said(self, title: str, words: str) -> str:
        return self.text("form.said", title=title, words=words)

    def _expected(self, control: Control) -> str:
        text = self.text
        match control.kind:
            case ControlKind.DATE if control.name in {"issued_on", "valid_from", "valid_to"}:
                return text(f"form.hint.{control.name}")
            case ControlKind.DATE:
                return text("form.hint.date")
            case ControlKind.WHOLE_NUMBER if control.least is not None and control.most is not None:
                return text("form.hint.between", least=control.least, most=control.most)
            case ControlKind.LONG_TEXT if control.most is not None:
                return text("form.hint.length", least=control.least or 1, most=control.most)
            case _ if control.name.startswith("holders/") and control.name.endswith("/name"):
                return text("form.hint.name")
            case _:
                return ""
