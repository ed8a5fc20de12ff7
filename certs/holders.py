"""Who holds a certificate."""

from dataclasses import dataclass

from certs.unverified import Json
from idp.documents import HolderKind, IdentityDocument, mask_name, mask_number


@dataclass(frozen=True, slots=True, repr=False)
class Holder:
    """持证主体: a person or an organisation as its identity document names it."""

    document: IdentityDocument
    name: str

    @property
    def kind(self) -> HolderKind:
        """Natural or legal person."""
        return self.document.type.holder_kind

    @property
    def public_name(self) -> str:
        """The name as anyone may see it: masked for people, as it is for organisations."""
        return mask_name(self.name) if self.kind is HolderKind.NATURAL else self.name

    @property
    def public_number(self) -> str:
        """The number as anyone may see it: masked for people, as it is for organisations."""
        number = self.document.number
        return mask_number(number) if self.kind is HolderKind.NATURAL else number

    def as_json(self) -> dict[str, Json]:
        """Return the holder as an order and a draft digest write it."""
        return {
            "type": self.document.type.value,
            "number": self.document.number,
            "name": self.name,
        }

    def __repr__(self) -> str:
        """Show the kind alone: names and numbers do not belong in logs."""
        return f"Holder({self.document!r})"
