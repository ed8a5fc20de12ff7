"""What a report says about the certificate itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CertificateSummary:
    """Which certificate the file is, once its seal is proven; never a claim of a forged file."""

    number: str
    type_name: str
    authority_name: str
    authority_uscc: str
    status: str | None = None
    """As the register says; None where it was not asked."""
    code: str | None = None
    """Of the page behind the QR."""
    legal_kind: str | None = None
    """Why it is not in force, in the law's words (吊销, 撤销, 注销 …)."""
    successor: str | None = None
    """Number of the certificate that replaced it."""
    masked: Mapping[str, str] = field(default_factory=dict)
    """Fields for the public, masked by the register."""

    def as_dict(self) -> dict[str, Any]:
        """Give the JSON object; no masked field can take the place of a fixed key."""
        return {
            **self.masked,
            "number": self.number,
            "type": self.type_name,
            "authority": self.authority_name,
            "authority_uscc": self.authority_uscc,
            "status": self.status,
            "code": self.code,
            "legal_kind": self.legal_kind,
            "successor": self.successor,
        }
