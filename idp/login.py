"""Signing in with an OpenID provider: the authorization code flow, every step checked by us.

    begin    state, nonce, PKCE S256, the level asked for; by a pushed request where demanded
    finish   iss, state, error, code → tokens → ID token → level, freshness, organisation
    refresh  the session goes on, is over, or the provider does not answer

The provider may silently sign somebody in at a lower level than was asked for, or without asking
again; so what was asked for is compared with what the ID token says, here.
"""

import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl

from authlib.common.urls import add_params_to_uri  # type: ignore[import-untyped]  # has no types
from authlib.oauth2.rfc7636 import (  # type: ignore[import-untyped]  # has no types
    create_s256_code_challenge,
)

from idp.errors import (
    InvalidTokenError,
    LoginError,
    ProviderUnavailableError,
    SessionEndedError,
)
from idp.faults import LoginReason, ProviderFault
from idp.levels import AuthenticationLevel
from idp.provider import ClientAuthenticator, Endpoint, Provider
from idp.tokens import CLOCK_SKEW, VerifiedClaims, read_kept_subject, verify_id_token

LONGEST_QUERY = 8_192
"""Of the provider's answer in the browser's address; Keycloak's has 400 octets."""
MOST_PARAMETERS = 32
ATTEMPT_LIFETIME = timedelta(minutes=30)
"""As long as Keycloak keeps its login page open."""
FRESHNESS_SKEW = timedelta(seconds=2)
"""`auth_time` has whole seconds, and two clocks of one network differ by less than one. More would
let somebody at an open browser reuse what its owner typed just before."""

_SECRET_OCTETS = 32
"""256 bits; as code verifier 43 characters, the least that RFC 7636 allows."""
_CODE = re.compile(r"[!-~]{1,4096}")
_REQUEST_URI = re.compile(r"[!-~]{1,1024}")
_ERROR_WORD = re.compile(r"[a-z_]{1,64}")
_ORGANIZATION_SCOPE = "organization:"
_ALL_ORGANIZATIONS = "*"


class Prompt(StrEnum):
    """What the provider may or must show (OpenID Connect Core §3.1.2.1)."""

    NONE = "none"
    """No page: a session of the provider answers at once, or the answer is `LOGIN_REQUIRED`."""
    LOGIN = "login"
    """The person proves again who he is, whatever session there is."""


@dataclass(frozen=True, slots=True)
class SignInRequest:
    """What a sign-in is to bring."""

    level: AuthenticationLevel = AuthenticationLevel.PASSWORD
    """The least; a lower one is refused, whatever the provider says."""
    prompt: Prompt | None = None
    scopes: tuple[str, ...] = ()
    """Besides `openid`."""
    nonce: str | None = None
    """Bound to what is approved by it (decision 9); None: a random one."""
    login_hint: str | None = None
    language: str | None = None
    """As in `lang` of a page."""


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A sign-in under way; kept secret, bound to the browser, used once."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    request: SignInRequest = field(repr=False)
    asked_at: datetime

    def to_json(self) -> str:
        """Return it as text, to be kept encrypted."""
        request = self.request
        return json.dumps(
            {
                "state": self.state,
                "nonce": self.nonce,
                "code_verifier": self.code_verifier,
                "asked_at": self.asked_at.isoformat(),
                "level": request.level.value,
                "prompt": request.prompt,
                "scopes": request.scopes,
                "own_nonce": request.nonce,
                "login_hint": request.login_hint,
                "language": request.language,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the attempt that `to_json` wrote; raise `ValueError` for anything else."""
        try:
            kept = json.loads(text)
            request = SignInRequest(
                level=AuthenticationLevel(kept["level"]),
                prompt=None if kept["prompt"] is None else Prompt(kept["prompt"]),
                scopes=tuple(kept["scopes"]),
                nonce=kept["own_nonce"],
                login_hint=kept["login_hint"],
                language=kept["language"],
            )
            asked_at = datetime.fromisoformat(kept["asked_at"])
            return cls(kept["state"], kept["nonce"], kept["code_verifier"], request, asked_at)
        except (KeyError, TypeError):
            raise ValueError("no attempt to sign in") from None


@dataclass(frozen=True, slots=True)
class TokenSet:
    """The tokens of a session: never in a browser, a log or an address."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody is signed in."""

    claims: VerifiedClaims
    tokens: TokenSet


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """One client of the provider, with one redirect address; any thread may use it."""

    provider: Provider
    client_id: str
    authentication: ClientAuthenticator = field(repr=False)
    redirect_uri: str
    pushed: bool = False
    """Requests go by the back channel (RFC 9126): the browser cannot change them."""

    def begin(self, request: SignInRequest, *, at: datetime) -> tuple[LoginAttempt, str]:
        """Return the attempt to keep, and the address to send the browser to.

        Raise `ProviderUnavailableError`; raise `LoginError` when a pushed request is refused.
        """
        attempt = LoginAttempt(
            state=secrets.token_urlsafe(_SECRET_OCTETS),
            nonce=request.nonce or secrets.token_urlsafe(_SECRET_OCTETS),
            code_verifier=secrets.token_urlsafe(_SECRET_OCTETS),
            request=request,
            asked_at=at,
        )
        parameters = self._parameters(attempt)
        endpoint = self.provider.metadata(at=at).authorization_endpoint
        if self.pushed:
            answer = self.provider.post(Endpoint.PAR, parameters, client=self.authentication, at=at)
            parameters = {"client_id": self.client_id, "request_uri": _request_uri(answer)}
        return attempt, _address(endpoint, parameters)

    def finish(
        self, attempt: LoginAttempt, unverified_query: str | Mapping[str, str], *, at: datetime
    ) -> SignedIn:
        """Return who signed in, from the query with which the browser came back.

        Hand in the query as it came: a mapping no longer shows a parameter that was sent twice.
        `attempt` is the one that this browser began, and is never used again. Raise `LoginError`,
        or `ProviderUnavailableError`.
        """
        # 1. The answer: each parameter once, within limits.
        answer = _read_answer(unverified_query)
        # 2. From whom (RFC 9207 §2.4), and to which request of ours (RFC 6749 §10.12).
        self._verify_sender(answer, at=at)
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise LoginError(LoginReason.WRONG_STATE)
        if not -CLOCK_SKEW <= at - attempt.asked_at <= ATTEMPT_LIFETIME:
            raise LoginError(LoginReason.ATTEMPT_EXPIRED)
        # 3. A code, or an error; not both.
        code = _read_code(answer)
        # 4. The tokens, for the code and what only we know (RFC 7636 §4.5).
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": attempt.code_verifier,
        }
        tokens = _read_tokens(
            self.provider.post(Endpoint.TOKEN, form, client=self.authentication, at=at), None
        )
        # 5. The ID token.
        claims = self._verify(tokens, attempt.nonce, code, at=at)
        # 6. That it is what was asked for.
        _verify_as_asked(claims, attempt)
        return SignedIn(claims, tokens)

    def refresh(self, tokens: TokenSet, *, at: datetime) -> SignedIn:
        """Return the session of `tokens` with new ones, as the provider sees it now.

        Raise `SessionEndedError` when it is over, or when the new tokens are not of the same person
        and session; raise `ProviderUnavailableError` when that cannot be learnt.
        """
        if tokens.refresh_token is None:
            raise SessionEndedError
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        try:
            answer = self.provider.post(Endpoint.TOKEN, form, client=self.authentication, at=at)
            renewed = _read_tokens(answer, tokens.refresh_token)
            claims = self._verify(renewed, None, None, at=at)
        except LoginError as error:
            if error.reason is LoginReason.CLIENT_REFUSED:  # nothing is said of the session
                raise ProviderUnavailableError(ProviderFault.CLIENT_REFUSED) from None
            raise SessionEndedError from error
        if (claims.account, claims.session_id) != read_kept_subject(tokens.id_token):
            raise SessionEndedError
        return SignedIn(claims, renewed)

    def logout_address(
        self, *, id_token: str | None, return_to: str, state: str, at: datetime
    ) -> str:
        """Return the address at which the browser ends the provider's session.

        With `id_token` at once, but the address then tells what that says of the person; without,
        the provider asks him first. Raise `ProviderUnavailableError`.
        """
        endpoint = self.provider.metadata(at=at).end_session_endpoint
        if endpoint is None:
            raise ProviderUnavailableError(ProviderFault.MISSING_ENDPOINT)
        parameters = {
            "client_id": self.client_id,
            **({} if id_token is None else {"id_token_hint": id_token}),
            "post_logout_redirect_uri": return_to,
            "state": state,
        }
        return _address(endpoint, parameters)

    def _parameters(self, attempt: LoginAttempt) -> dict[str, str]:
        request = attempt.request
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(("openid", *request.scopes)),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": create_s256_code_challenge(attempt.code_verifier),
            "code_challenge_method": "S256",
        }
        optional = {
            # The lowest needs no asking: every sign-in has it.
            "acr_values": request.level.acr
            if request.level > AuthenticationLevel.PASSWORD
            else None,
            "prompt": request.prompt,
            "login_hint": request.login_hint,
            "ui_locales": request.language,
        }
        return parameters | {name: str(value) for name, value in optional.items() if value}

    def _verify_sender(self, answer: Mapping[str, str], *, at: datetime) -> None:
        oidc_issuer = answer.get("iss")
        if oidc_issuer is None:
            if self.provider.metadata(at=at).names_itself:
                raise LoginError(LoginReason.MISSING_ISSUER)
        elif oidc_issuer != self.provider.oidc_issuer:
            raise LoginError(LoginReason.WRONG_ISSUER)

    def _verify(
        self, tokens: TokenSet, nonce: str | None, code: str | None, *, at: datetime
    ) -> VerifiedClaims:
        try:
            return verify_id_token(
                tokens.id_token,
                provider=self.provider,
                client_id=self.client_id,
                nonce=nonce,
                access_token=tokens.access_token,
                code=code,
                at=at,
            )
        except InvalidTokenError as error:
            raise LoginError(LoginReason.INVALID_ID_TOKEN, fault=error.reason) from error


def _address(endpoint: str, parameters: Mapping[str, str]) -> str:
    return str(add_params_to_uri(endpoint, list(parameters.items())))


def _read_answer(unverified_query: str | Mapping[str, str]) -> dict[str, str]:
    if not isinstance(unverified_query, str):
        return dict(unverified_query)
    if len(unverified_query) > LONGEST_QUERY:
        raise LoginError(LoginReason.MALFORMED_ANSWER)
    try:
        pairs = parse_qsl(
            unverified_query,
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except ValueError:
        raise LoginError(LoginReason.MALFORMED_ANSWER) from None
    answer = dict(pairs)
    if len(answer) != len(pairs):
        raise LoginError(LoginReason.DUPLICATE_PARAMETER)
    return answer


_ERRORS = {
    # What `prompt=none` brings when a page would be needed (OpenID Connect Core §3.1.2.6).
    "login_required": LoginReason.LOGIN_REQUIRED,
    "interaction_required": LoginReason.LOGIN_REQUIRED,
    "consent_required": LoginReason.LOGIN_REQUIRED,
    "account_selection_required": LoginReason.LOGIN_REQUIRED,
    "access_denied": LoginReason.ACCESS_DENIED,
    "invalid_scope": LoginReason.INVALID_SCOPE,
    "unauthorized_client": LoginReason.CLIENT_REFUSED,
}


def _read_code(answer: Mapping[str, str]) -> str:
    word = answer.get("error")
    if word is not None:
        if "code" in answer or not _ERROR_WORD.fullmatch(word):
            raise LoginError(LoginReason.MALFORMED_ANSWER)
        if word in {"server_error", "temporarily_unavailable"}:
            raise ProviderUnavailableError(ProviderFault.OUT_OF_ORDER)
        raise LoginError(_ERRORS.get(word, LoginReason.PROVIDER_REFUSED), error=word)
    code = answer.get("code", "")
    # Tokens have no business in the browser: whoever sends one has mixed up the flows.
    if not _CODE.fullmatch(code) or "id_token" in answer or "access_token" in answer:
        raise LoginError(LoginReason.MALFORMED_ANSWER)
    return code


def _request_uri(answer: Mapping[str, object]) -> str:
    request_uri = answer.get("request_uri")
    if not isinstance(request_uri, str) or not _REQUEST_URI.fullmatch(request_uri):
        raise ProviderUnavailableError(ProviderFault.MALFORMED_ANSWER)
    return request_uri


def _read_tokens(answer: Mapping[str, object], refresh_token: str | None) -> TokenSet:
    token_type = answer.get("token_type")
    id_token, access_token = answer.get("id_token"), answer.get("access_token")
    refresh_token_now = answer.get("refresh_token", refresh_token)
    if (
        not isinstance(token_type, str)
        or token_type.lower() != "bearer"  # RFC 6749 §5.1: without regard to case
        or not isinstance(id_token, str)
        or not isinstance(access_token, str)
        or not isinstance(refresh_token_now, str | None)
    ):
        raise LoginError(LoginReason.MALFORMED_TOKENS)
    return TokenSet(id_token, access_token, refresh_token_now)


def _verify_as_asked(claims: VerifiedClaims, attempt: LoginAttempt) -> None:
    request = attempt.request
    if claims.issued_at < attempt.asked_at - CLOCK_SKEW:
        raise LoginError(LoginReason.ISSUED_BEFORE_ASKED)
    if claims.level < request.level:
        raise LoginError(LoginReason.LEVEL_TOO_LOW)
    fresh_since = attempt.asked_at.replace(microsecond=0) - FRESHNESS_SKEW
    if request.prompt is Prompt.LOGIN and claims.authenticated_at < fresh_since:
        raise LoginError(LoginReason.NOT_FRESH)
    # Keycloak signs a stranger to the company in as usual and leaves out the claim.
    wanted = {
        scope.removeprefix(_ORGANIZATION_SCOPE)
        for scope in request.scopes
        if scope.startswith(_ORGANIZATION_SCOPE)
    } - {_ALL_ORGANIZATIONS}
    if not wanted <= claims.organizations.keys():
        raise LoginError(LoginReason.NOT_A_MEMBER)
