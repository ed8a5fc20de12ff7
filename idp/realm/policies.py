"""Settings of the realm: passwords, guessing, sessions, second factors, events, languages."""

from collections.abc import Mapping

from idp.realm.flows import ACR_LEVELS

PASSWORD_RULES = (
    "length(10)",
    "maxLength(128)",
    "digits(1)",
    "lowerCase(1)",
    "upperCase(1)",
    "notUsername",
    "passwordHistory(3)",
)
"""GB/T 22239 8.1.4.1 demands complexity; Keycloak hashes with Argon2id by default."""

_DAY = 86_400
KEEP_EVENTS_SECONDS = 180 * _DAY
"""GB/T 22239 8.1.4.3 and the Cybersecurity Law, article 21: at least six months."""

LOGIN_THEME = "platform"
DEFAULT_LANGUAGE = "zh-CN"
LANGUAGES = (DEFAULT_LANGUAGE, "en")


def settings(realm: str, title: str) -> Mapping[str, object]:
    """Return the realm's own fields; what is not named here is left as the server has it."""
    return {
        "realm": realm,
        "enabled": True,
        "displayName": title,
        "displayNameHtml": "",
        "organizationsEnabled": True,
        **_passwords(),
        **_guessing(),
        **_lifetimes(),
        **_second_factors(title),
        **_events(),
        **_languages(),
        "browserSecurityHeaders": _security_headers(),
        "attributes": {
            "acr.loa.map": ACR_LEVELS,
            "adminEventsExpiration": str(KEEP_EVENTS_SECONDS),
            "parRequestUriLifespan": "60",
        },
    }


def _passwords() -> Mapping[str, object]:
    return {
        "passwordPolicy": " and ".join(PASSWORD_RULES),
        "registrationAllowed": False,
        # A forgotten password by mail would be a sign-in without the second factor.
        "resetPasswordAllowed": False,
        "editUsernameAllowed": False,
        "loginWithEmailAllowed": False,
        "rememberMe": False,
        "verifyEmail": False,
        "userManagedAccessAllowed": False,
    }


def _guessing() -> Mapping[str, object]:
    return {
        "bruteForceProtected": True,
        "permanentLockout": False,  # anybody could lock out anybody
        "bruteForceStrategy": "MULTIPLE",
        "failureFactor": 5,
        "waitIncrementSeconds": 60,
        "maxFailureWaitSeconds": 900,
        "minimumQuickLoginWaitSeconds": 60,
        "quickLoginCheckMilliSeconds": 200,
        "maxDeltaTimeSeconds": 12 * 3_600,
    }


def _lifetimes() -> Mapping[str, object]:
    return {
        "ssoSessionIdleTimeout": 1_800,
        "ssoSessionMaxLifespan": 36_000,
        "accessTokenLifespan": 300,
        "accessCodeLifespan": 60,
        "accessCodeLifespanLogin": 1_800,
        "accessCodeLifespanUserAction": 300,
        "offlineSessionMaxLifespanEnabled": True,
        "sslRequired": "external",
        "defaultSignatureAlgorithm": "RS256",
    }


def _second_factors(title: str) -> Mapping[str, object]:
    return {
        "otpPolicyType": "totp",
        "otpPolicyAlgorithm": "HmacSHA1",  # what every authenticator application can do
        "otpPolicyDigits": 6,
        "otpPolicyPeriod": 30,
        "otpPolicyLookAheadWindow": 1,
        "otpPolicyCodeReusable": False,
        "webAuthnPolicyPasswordlessRpEntityName": title,
        "webAuthnPolicyPasswordlessSignatureAlgorithms": ["ES256", "RS256"],
        "webAuthnPolicyPasswordlessUserVerificationRequirement": "required",
        "webAuthnPolicyPasswordlessPasskeysEnabled": True,
    }


def _events() -> Mapping[str, object]:
    return {
        "eventsEnabled": True,
        "eventsExpiration": KEEP_EVENTS_SECONDS,
        # The built-in listener writes names into the log.
        "eventsListeners": [],
        "adminEventsEnabled": True,
        "adminEventsDetailsEnabled": True,
    }


def _languages() -> Mapping[str, object]:
    return {
        "internationalizationEnabled": True,
        "supportedLocales": list(LANGUAGES),
        "defaultLocale": DEFAULT_LANGUAGE,
        "loginTheme": LOGIN_THEME,
    }


def _security_headers() -> Mapping[str, object]:
    return {
        "contentSecurityPolicy": "frame-src 'none'; frame-ancestors 'none'; object-src 'none';",
        "contentSecurityPolicyReportOnly": "",
        "xContentTypeOptions": "nosniff",
        "xFrameOptions": "DENY",
        "referrerPolicy": "no-referrer",
        "xRobotsTag": "none",
        "strictTransportSecurity": "max-age=31536000; includeSubDomains",
    }
