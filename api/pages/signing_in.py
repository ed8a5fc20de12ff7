"""Signing in: to the provider and back, "continue as …", who am I and for whom."""

from fastapi import APIRouter, Request, Response

from api.deps import CurrentVisitor
from api.rendering import render

router = APIRouter(include_in_schema=False)


@router.get("/me")
def me(request: Request, visitor: CurrentVisitor) -> Response:
    """Show who is signed in, how surely, and for whom he acts."""
    return render(request.scope, "me.html", session=visitor.session)
