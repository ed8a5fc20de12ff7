"""`certificate.json`, the data sealed into a certificate, read as what anybody may have written."""

import json
from dataclasses import dataclass
from typing import Any

from signing.canonical import canonical_json
from signing.errors import NotCanonicalError

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

    def __post_init__(self) -> None:
        """Refuse (ValueError) what cannot be shown in a report."""
        for text in (self.number, self.type_name, self.authority_uscc):
            if not (0 < len(text) <= MAX_TEXT and text.isprintable()):
                raise ValueError("no text for a report")

    @classmethod
    def parse(cls, unverified_json: bytes) -> "SealedData":
        """Read the members that verification needs (GB/T 36903 short names).

        Raises `MalformedSealedDataError` unless it is canonical JSON (RFC 8785), so that no two
        readers find different values in it, and the members are texts that can be shown.
        """
        if len(unverified_json) > MAX_OCTETS:
            raise MalformedSealedDataError("too large")
        try:
            value: Any = json.loads(unverified_json)
            if canonical_json(value) != unverified_json:
                raise MalformedSealedDataError("not canonical")
            metadata, seal = value["metadata"], value["seal"]
            texts = [metadata[key] for key in ("ZZBH", "ZZLXMC", "ZZBFJGDM")]
            texts += [seal[key] for key in ("id", "picture_sm3")]
            if not all(isinstance(text, str) for text in texts):
                raise MalformedSealedDataError("a member that is no text")
            return cls(*texts)
        except (ValueError, RecursionError, NotCanonicalError) as error:
            raise MalformedSealedDataError("not what it must be") from error
        except (KeyError, TypeError, IndexError) as error:
            raise MalformedSealedDataError("a member is missing") from error
