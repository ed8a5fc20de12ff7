"""What the realm knows of a person, and that the person cannot change a word of it.

Name, document and level are what an office has checked; they change at a counter or by the bases,
through the admin interface alone.
"""

from collections.abc import Mapping, Sequence

from idp.documents import DocumentType
from idp.levels import IdentityLevel

LONGEST_NAME = 120
"""Names in Latin letters with several given names; GA/T 2000 allows 50 for Chinese ones."""
LONGEST_NUMBER = 40


def user_profile() -> Mapping[str, object]:
    """Return the declared attributes; others are not kept."""
    return {
        "attributes": [
            _attribute(
                "username",
                {
                    "length": {"min": 3, "max": 64},
                    "username-prohibited-characters": {},
                    "up-username-not-idn-homograph": {},
                },
            ),
            _attribute("email", {"email": {}, "length": {"max": 255}}),
            _attribute("fullName", {"length": {"min": 1, "max": LONGEST_NAME}}),
            _attribute(
                "documentType", {"options": {"options": [kind.value for kind in DocumentType]}}
            ),
            _attribute(
                "documentNumber", {"length": {"min": 1, "max": LONGEST_NUMBER}}, seen_by=("admin",)
            ),
            _attribute(
                "identityLevel", {"options": {"options": [level.claim for level in IdentityLevel]}}
            ),
        ],
        "groups": [],
    }


def _attribute(
    name: str, validations: Mapping[str, object], *, seen_by: Sequence[str] = ("admin", "user")
) -> Mapping[str, object]:
    return {
        "name": name,
        "displayName": f"${{{name}}}",
        "multivalued": False,
        "validations": dict(validations),
        "permissions": {"view": list(seen_by), "edit": ["admin"]},
    }
