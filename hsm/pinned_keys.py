"""The keys whose signatures under a sign-in count as an approval, by their thumbprints.

They stand in the setting `HSM_APPROVAL_KEYS`, which only who starts the process can change, or in
`approval-keys.json` in the data folder, which `zhengyin realm apply` writes: {"oidc_issuer",
"client_id", "thumbprints": […]}, the thumbprints as in RFC 7638 (SHA-256, base64url).
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from hsm.errors import ApprovalRejectedError
from hsm.files import write_file
from signing.canonical import canonical_json

FILE_NAME = "approval-keys.json"

_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_LARGEST_FILE = 16_384  # a thumbprint takes 46 octets


def parse_thumbprints(unverified_text: str) -> frozenset[str]:
    """Return the thumbprints in a text, separated by blanks or commas; raise `ValueError`."""
    thumbprints = frozenset(unverified_text.replace(",", " ").split())
    if not thumbprints or not all(map(_THUMBPRINT.fullmatch, thumbprints)):
        raise ValueError("not thumbprints of RFC 7638: 43 characters of base64url each")
    return thumbprints


def read_pinned_keys(
    setting: str | None, data_folder: Path, *, oidc_issuer: str, client_id: str
) -> frozenset[str]:
    """Return the pinned thumbprints, by the setting or else by the file.

    Raise `ApprovalRejectedError` where there are none for this issuer and client.
    """
    if setting is not None:
        return parse_thumbprints(setting)
    try:
        with (data_folder / FILE_NAME).open("rb") as file:
            pinned = json.loads(file.read(_LARGEST_FILE))
        if (pinned["oidc_issuer"], pinned["client_id"]) != (oidc_issuer, client_id):
            raise ApprovalRejectedError("keys of another provider are pinned")
        return parse_thumbprints(" ".join(pinned["thumbprints"]))
    except (OSError, LookupError, TypeError, ValueError, RecursionError):
        raise ApprovalRejectedError("no keys are pinned") from None


def write_pinned_keys(
    data_folder: Path, *, oidc_issuer: str, client_id: str, thumbprints: Iterable[str]
) -> None:
    """Pin these keys from now on, in one step; raise `ValueError` for what is no thumbprint."""
    pinned = sorted(parse_thumbprints(" ".join(thumbprints)))
    content = canonical_json(
        {"oidc_issuer": oidc_issuer, "client_id": client_id, "thumbprints": pinned}
    )
    write_file(data_folder / FILE_NAME, content, replace=True)
