"""A file from the outside: read while counting, kept in memory only."""

from fastapi import Request
from starlette.datastructures import UploadFile

from api.problems import ApiError
from verify.errors import DocumentTooLargeError

LARGEST_FILE = 20 * 1000 * 1000  # what the verifier reads at the most
FIELD = "file"


async def read_upload(request: Request) -> bytes:
    """Return the uploaded octets: the body itself, or the multipart field `file`.

    Raise `DocumentTooLargeError` as soon as there are too many, `ApiError` when a form holds
    anything but one file.
    """
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/form-data"):
        return _not_empty(await _read_body(request))
    # No `max_part_size`: it bounds text fields; the file itself is bounded by the body's limit.
    async with request.form(max_files=1, max_fields=4) as form:
        upload = form.get(FIELD)
        if not isinstance(upload, UploadFile):
            raise ApiError("invalid_request", [{"pointer": f"/{FIELD}", "code": "missing"}])
        octets = await upload.read(LARGEST_FILE + 1)
    _verify_length(len(octets))
    return _not_empty(octets)


async def _read_body(request: Request) -> bytes:
    octets = bytearray()
    async for chunk in request.stream():
        octets += chunk
        _verify_length(len(octets))
    return bytes(octets)


def _verify_length(length: int) -> None:
    if length > LARGEST_FILE:
        raise DocumentTooLargeError(f"more than {LARGEST_FILE} octets")


def _not_empty(octets: bytes) -> bytes:
    if not octets:
        raise ApiError("no_file")
    return octets
