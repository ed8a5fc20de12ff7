"""How people sign in: three levels, each asked for by `acr_values`, none to be had by less.

Level 1 is the password (or a passkey on the same page). Level 2 is a one-time code or a passkey,
asked for anew each time (`loa-max-age` 0): otherwise whoever holds the browser could drop `prompt`
from the address and reuse an old second factor. Level 3 is a passkey with the person verified by
it; one gesture serves levels 2 and 3 of the same sign-in.

A company chosen by scope is settled only for somebody who is already signed in: the password page
comes first, and no page before it tells where somebody works.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

PASSKEY = "webauthn-passwordless"
"""Keycloak's credential type; passkeys of people are of this type."""
SECONDS_OF_LEVEL_1 = 36_000
"""A password counts for as long as a session can last."""
ACR_LEVELS = '{"al1":1,"al2":2,"al3":3}'


@dataclass(frozen=True, slots=True)
class Step:
    """One authenticator."""

    requirement: str
    authenticator: str
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubFlow:
    """Steps that count as one."""

    requirement: str
    alias: str
    steps: "tuple[Step | SubFlow, ...]"


@dataclass(frozen=True, slots=True)
class Flow:
    """A whole flow."""

    alias: str
    steps: tuple[Step | SubFlow, ...]

    def outline(self) -> tuple[str, ...]:
        """Return one line a step, indented by depth; aliases do not count."""
        return tuple(_outline(self.steps, 0))


def _outline(steps: tuple[Step | SubFlow, ...], depth: int) -> Iterator[str]:
    for step in steps:
        if isinstance(step, SubFlow):
            yield f"{'  ' * depth}{step.requirement}"
            yield from _outline(step.steps, depth + 1)
        else:
            settings = "".join(f" {name}={value}" for name, value in sorted(step.settings.items()))
            yield f"{'  ' * depth}{step.requirement} {step.authenticator}{settings}"


def sign_in_flow(realm: str) -> Flow:
    """Return the flow that browsers of this realm go through."""
    return Flow(
        "sign-in",
        (
            Step("ALTERNATIVE", "auth-cookie"),
            SubFlow("ALTERNATIVE", "sign-in company", (_company_of_the_signed_in(realm),)),
            SubFlow("ALTERNATIVE", "sign-in levels", (_level_1(), _level_2(), _level_3())),
        ),
    )


def _company_of_the_signed_in(realm: str) -> SubFlow:
    # Everybody has the default role; nobody has one before he is known.
    known = Step(
        "REQUIRED", "conditional-user-role", {"condUserRole": f"default-roles-{realm.lower()}"}
    )
    return SubFlow(
        "CONDITIONAL",
        "sign-in company of the signed in",
        (known, Step("ALTERNATIVE", "organization")),
    )


def _level_1() -> SubFlow:
    return SubFlow(
        "CONDITIONAL",
        "sign-in level 1",
        (_level(1, SECONDS_OF_LEVEL_1), Step("REQUIRED", "auth-username-password-form")),
    )


def _level_2() -> SubFlow:
    either = SubFlow(
        "REQUIRED",
        "sign-in level 2 either",
        (
            Step("ALTERNATIVE", "webauthn-authenticator-passwordless"),
            Step("ALTERNATIVE", "auth-otp-form"),
        ),
    )
    return SubFlow(
        "CONDITIONAL",
        "sign-in level 2",
        (_level(2, 0), _passkey_was_used(2), _otherwise(2, either)),
    )


def _level_3() -> SubFlow:
    return SubFlow(
        "CONDITIONAL",
        "sign-in level 3",
        (
            _level(3, 0),
            _passkey_was_used(3),
            _otherwise(3, Step("REQUIRED", "webauthn-authenticator-passwordless")),
        ),
    )


def _level(level: int, seconds: int) -> Step:
    return Step(
        "REQUIRED",
        "conditional-level-of-authentication",
        {"loa-condition-level": str(level), "loa-max-age": str(seconds)},
    )


def _passkey_was_used(level: int) -> SubFlow:
    # Without the step that allows, a flow of nothing but a skipped condition ends in a refusal.
    return SubFlow(
        "CONDITIONAL",
        f"sign-in level {level} by the passkey just used",
        (
            Step(
                "REQUIRED", "conditional-credential", {"credentials": PASSKEY, "included": "true"}
            ),
            Step("REQUIRED", "allow-access-authenticator"),
        ),
    )


def _otherwise(level: int, step: Step | SubFlow) -> SubFlow:
    return SubFlow(
        "CONDITIONAL",
        f"sign-in level {level} otherwise",
        (
            Step(
                "REQUIRED", "conditional-credential", {"credentials": PASSKEY, "included": "false"}
            ),
            step,
        ),
    )
