"""What a page of Keycloak may demand of, or do for, somebody who gave a password: nearly nothing.

Every action that binds a second factor, removes a credential, links a foreign account or edits the
profile is left out of the realm, so that a password alone leads to no second factor. Those are
bound at a counter, by injection (`idp.enrolment`).
"""

from collections.abc import Mapping

UPDATE_PASSWORD = "UPDATE_PASSWORD"  # noqa: S105  # the action's name
OPEN_ACTIONS: tuple[Mapping[str, object], ...] = (
    {
        "alias": UPDATE_PASSWORD,
        "name": "Update Password",
        "providerId": UPDATE_PASSWORD,
        "enabled": True,
        "defaultAction": False,
        "priority": 57,
        "config": {},
    },
    {
        "alias": "update_user_locale",
        "name": "Update User Locale",
        "providerId": "update_user_locale",
        "enabled": True,
        "defaultAction": False,
        "priority": 1000,
        "config": {},
    },
)
