"""The short answers."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from certs.lifecycle import Status
from verify.report import ReasonCode, Verdict


class AliveOut(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class ReadyOut(BaseModel):
    """Every part was tried just now."""

    status: Literal["ready"] = "ready"
    parts: dict[str, Literal["ok"]]


class StatusOut(BaseModel):
    """Whether a certificate is in force."""

    status: Status
    as_of: datetime
    type: str
    authority: str


class VerificationOut(BaseModel):
    """What was concluded about a file."""

    id: str
    file_sm3: str
    policy: str
    verdict: Verdict
    reason_code: ReasonCode
    checked_at: datetime
