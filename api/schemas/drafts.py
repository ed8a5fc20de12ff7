"""Drafts and requests for their approval, as the machine interface takes and answers them."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.problem import FaultOut
from certs.approval_requests import MOST_DRAFTS, RequestState
from certs.draft_entries import DraftState
from certs.lifecycle import LegalKind

ORDER = (
    "ORDER.json: holders, attributes, and whatever else the type takes; kept as it is, faults and"
    " all, until the draft is submitted"
)
_STRICT = ConfigDict(extra="forbid")


class DraftIn(BaseModel):
    """A new draft."""

    model_config = _STRICT

    type: str = Field(description="code or short name of the certificate type", max_length=100)
    authority: str | None = Field(
        default=None,
        description="unified social credit code; may be left out by who drafts for one alone",
        max_length=18,
    )
    order: dict[str, Any] = Field(description=ORDER)
    submit: bool = Field(default=False, description="hand it on at once; refused if it has faults")


class DraftChangeIn(BaseModel):
    """A draft as it is to be."""

    model_config = _STRICT

    revision: int = Field(description="the revision that is changed", ge=1, lt=10**9)
    order: dict[str, Any] = Field(description=ORDER)
    submit: bool = Field(default=False, description="hand it on at once; refused if it has faults")


class ReturnIn(BaseModel):
    """Why a draft is given back."""

    model_config = _STRICT

    reason: str = Field(max_length=2000)
    draft_sm3: str | None = Field(
        default=None, description="of the draft that was seen; another one is not returned"
    )


class DraftLinks(BaseModel):
    """Where more is to be had."""

    self: str
    page: str
    face: str | None = Field(default=None, description="the page as it will be, marked 草稿")


class DraftOut(BaseModel):
    """A draft."""

    id: str
    state: DraftState
    revision: int
    type: str
    type_version: int
    authority: str
    drafter: str = Field(description="account")
    changed_at: datetime
    submitted_at: datetime | None
    draft_sm3: str | None = Field(description="what an approval is bound to")
    reason: str | None = Field(description="why it was returned")
    refusal: str | None = Field(description="the code of the error that ended it")
    number: str | None = Field(description="of the certificate that it became")
    order: dict[str, Any] = Field(description="as it was typed, without the portrait")
    errors: list[FaultOut] = Field(description="what speaks against handing it on")
    links: DraftLinks


class SeenDraftIn(BaseModel):
    """A draft as it was seen."""

    model_config = _STRICT

    id: str = Field(max_length=64)
    draft_sm3: str = Field(max_length=64)


class SealingIn(BaseModel):
    """Drafts to be approved."""

    model_config = _STRICT

    drafts: list[str | SeenDraftIn] = Field(
        description="ids, or ids with the digests that were seen; of one authority",
        min_length=1,
        max_length=MOST_DRAFTS,
    )


class SealingAskedOut(BaseModel):
    """A request that waits for the officer's sign-in."""

    id: str
    nonce: str
    sign_in: str = Field(description="where the officer's browser has to go within ten minutes")


class DraftResultOut(BaseModel):
    """What became of one draft."""

    id: str
    draft_sm3: str
    result: str | None = Field(
        description='"sealed", the code of the error, or null while it is under way'
    )
    number: str | None


class SealingOut(BaseModel):
    """A request as it stands."""

    id: str
    nonce: str
    state: RequestState
    requested_at: datetime
    approved_at: datetime | None
    drafts: list[DraftResultOut]


class IssueIn(BaseModel):
    """A certificate to be issued without a second officer."""

    model_config = _STRICT

    type: str = Field(description="code or short name of the certificate type", max_length=100)
    authority: str | None = Field(default=None, max_length=18)
    order: dict[str, Any] = Field(description="ORDER.json")


class CertificateLinks(BaseModel):
    """Where more is to be had."""

    self: str
    file: str
    page: str = Field(description="what the QR code leads to")


class IssuedOut(BaseModel):
    """A certificate in the register."""

    number: str
    identifier: str
    code: str
    status: str
    file_sm3: str
    links: CertificateLinks


class EntryOut(IssuedOut):
    """A certificate in the register, to those entitled to see all of it."""

    type: str
    type_name: str
    authority: str
    authority_name: str
    issued_on: str
    valid_from: str | None
    valid_to: str | None
    legal_kind: LegalKind | None
    as_of: datetime
    content: dict[str, Any] = Field(description="certificate.json, as it was sealed into the file")
