"""A file from the outside: read while counting, kept in memory only."""

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api.problems import ApiError
from verify.errors import DocumentTooLargeError
from verify.verifier import MAX_FILE_OCTETS

FIELD = "file"


async def read_upload(request: Request) -> bytes:
    """Return the uploaded octets: the body itself, or the multipart field `file`.

    Raise `DocumentTooLargeError` as soon as there are too many, `ApiError` when a form holds
    anything but one file.
    """
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/form-data"):
        return _not_empty(await _read_body(request))
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=4)
    parser.spool_max_size = 2 * MAX_FILE_OCTETS  # by default a file of a megabyte goes to the disk
    try:
        form = await parser.parse()
    except MultiPartException:
        raise ApiError("invalid_request") from None
    try:
        upload = form.get(FIELD)
        if not isinstance(upload, UploadFile):
            raise ApiError("no_file", [{"pointer": f"/{FIELD}", "code": "missing"}])
        octets = await upload.read()
    finally:
        await form.close()
    _verify_length(len(octets))
    return _not_empty(octets)


async def _read_body(request: Request) -> bytes:
    octets = bytearray()
    async for chunk in request.stream():
        octets += chunk
        _verify_length(len(octets))
    return bytes(octets)


def _verify_length(length: int) -> None:
    if length > MAX_FILE_OCTETS:
        raise DocumentTooLargeError(f"more than {MAX_FILE_OCTETS} octets")


def _not_empty(octets: bytes) -> bytes:
    if not octets:
        raise ApiError("no_file", [{"pointer": "", "code": "empty"}])
    return octets
