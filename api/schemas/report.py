"""The report on a file: what `verify --json` prints and `POST /v1/verifications` answers."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from verify.report import (
    Indication,
    ReasonCode,
    Revocation,
    Step,
    SubIndication,
    TimeSource,
    Verdict,
)
from verify.sources import CertificateStatus


class CheckOut(BaseModel):
    """One step of the seven checks."""

    number: int = Field(ge=1, le=7)
    name: Step
    indication: Indication
    reason_code: ReasonCode


class SignatureOut(BaseModel):
    """What was found out about one signature."""

    kind: Literal["ses", "cms"] | None
    signer: str | None
    signer_uscc: str | None
    signed_at: datetime | None
    time_source: TimeSource
    covers_whole_file: bool
    revocation: Revocation | None
    indication: Indication
    checks: list[CheckOut]
    diagnostic: dict[str, Any] | None = Field(default=None, description="depth `diagnostic` only")


class CertificateOut(BaseModel):
    """Which certificate it is; besides, its fields for the public by short name, masked."""

    model_config = ConfigDict(extra="allow")

    number: str
    type: str
    authority: str
    authority_uscc: str
    status: CertificateStatus | None
    code: str | None
    legal_kind: str | None
    successor: str | None


class ReportOut(BaseModel):
    """The report; `verdict` follows from the worst of `reason_codes`."""

    id: str
    indication: Indication
    sub_indication: SubIndication | None
    reason_code: ReasonCode
    reason_codes: list[ReasonCode] = Field(min_length=1)
    verdict: Verdict
    checked_at: datetime
    status_as_of: datetime | None
    policy: str
    policy_sm3: str
    signatures: list[SignatureOut]
    certificate: CertificateOut | None
