"""Problems: the one shape of every error (RFC 9457)."""

from pydantic import BaseModel, Field


class FaultOut(BaseModel):
    """One fault of a request, or of this system."""

    pointer: str = Field(description="JSON pointer to what is meant")
    code: str
    detail: str = Field(default="", description="the limit or form expected, never what was sent")


class ProblemOut(BaseModel):
    """Why a request was not served; `code` is stable, the words follow the language asked for."""

    type: str = Field(description="address of a page that says what `code` means")
    title: str
    status: int
    code: str
    detail: str
    errors: list[FaultOut]
