"""`certificate.json`, the data sealed into a certificate, read as what anybody may have written."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from signing.canonical import canonical_json
from signing.errors import NotCanonicalError
from signing.pdf.attachments import Attachment, AttachmentFault

NAME = "certificate.json"
MAX_OCTETS = 1 << 20
"""A certificate of a hundred items has some 20 kB."""
MAX_TEXT = 200
"""Characters of a name or number."""


class MalformedSealedDataError(Exception):
    """The attachment is there and is not what `certificate.json` must be."""


@dataclass(frozen=True, slots=True)
class SealedData:
    """What the file says it is; true only if its seal is."""

    number: str
    type_name: str
    authority_uscc: str
    seal_id: str
    picture_sm3: str

    @classmethod
    def parse(cls, unverified_json: bytes) -> "SealedData":
        """Read the members that verification needs (GB/T 36903 short names).

        Raises `MalformedSealedDataError` unless it is canonical JSON (RFC 8785), so that no two
        readers find different values in it, and the members are texts of reasonable length.
        """
        if len(unverified_json) > MAX_OCTETS:
            raise MalformedSealedDataError("too large")
        try:
            value: Any = json.loads(unverified_json)
            if canonical_json(value) != unverified_json:
                raise MalformedSealedDataError("not canonical")
            metadata, seal = value["metadata"], value["seal"]
            texts = [metadata[key] for key in ("ZZBH", "ZZMC", "ZZBFJGDM")]
            texts += [seal[key] for key in ("id", "picture_sm3")]
        except (ValueError, RecursionError, NotCanonicalError) as error:
            raise MalformedSealedDataError("not JSON") from error
        except (KeyError, TypeError, IndexError) as error:
            raise MalformedSealedDataError("a member is missing") from error
        if not all(isinstance(text, str) and 0 < len(text) <= MAX_TEXT for text in texts):
            raise MalformedSealedDataError("a member that is no text")
        return cls(*texts)


def find_attachment(attachments: Sequence[Attachment | AttachmentFault]) -> bytes | None:
    """Give the octets of `certificate.json`; None if nothing readable has that name."""
    for attachment in attachments:
        if isinstance(attachment, Attachment) and attachment.name == NAME:
            return attachment.data
    return None
