"""Row 5: validate an ID token, beside a library that only decodes it."""

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from simulators.openid_provider import OpenIdProvider, running_provider
from simulators.token_drafts import (
    AT,
    CLIENT,
    access_token_draft,
    ec_key,
    id_token_draft,
    public_jwk,
    rsa_key,
)

from bench.measuring import Timing, Work, compare
from bench.rows import Goal, Row, compare_table
from idp.provider import Provider
from idp.tokens import verify_id_token

ROUNDS = 15
REPEATS = 1500
MOST = 1.5
NONCE = "n-0S6_WzA2Mj"
OURS = "ours, {}: every check"
PEER = "joserfc, {}: decoded, its key at hand"

NOTES = """
- The token: {octets} octets, as Keycloak 26 writes it for our client, signed with RS256 (2048
  bits), and the same with ES256.
- Ours: size, header and kind, key by its id, signature, strict JSON (each member once, depth,
  characters), issuer, audience, authorised party, times, nonce, the hash of the access token,
  account, session, both levels. The keys were fetched before and are kept.
- The peer: `joserfc.jwt.decode` with the one right key, one algorithm; it looks at the signature
  and at nothing the claims say.
"""


def measure() -> Row:
    """Measure the row."""
    with running_provider() as simulator:
        provider = Provider(simulator.issuer)
        works, octets = _works(simulator, provider)
        timings = compare(works, rounds=ROUNDS)
        provider.close()
    goals = [_goal(timings, algorithm) for algorithm in ("RS256", "ES256")]
    table = compare_table(timings, timings[PEER.format("RS256")])
    return Row("5 · Validate an ID token", goals, [table], NOTES.format(octets=octets))


def _works(simulator: OpenIdProvider, provider: Provider) -> tuple[dict[str, Work], int]:
    access_token = access_token_draft(simulator.issuer).compact()
    draft = id_token_draft(simulator.issuer, access_token, NONCE)
    by_rsa = draft.compact()
    draft.header.update(alg="ES256", kid="ec")
    draft.key = ec_key("good")
    by_ec = draft.compact()

    def validate(id_token: str) -> object:
        return verify_id_token(
            id_token,
            provider=provider,
            client_id=CLIENT,
            nonce=NONCE,
            access_token=access_token,
            at=AT,
        )

    rsa = RSAKey.import_key(public_jwk(rsa_key("good"), "rsa"))
    ec = ECKey.import_key(public_jwk(ec_key("good"), "ec"))
    works = {
        OURS.format("RS256"): Work(lambda: validate(by_rsa), REPEATS),
        PEER.format("RS256"): Work(lambda: jwt.decode(by_rsa, rsa, ["RS256"]), REPEATS),
        OURS.format("ES256"): Work(lambda: validate(by_ec), REPEATS),
        PEER.format("ES256"): Work(lambda: jwt.decode(by_ec, ec, ["ES256"]), REPEATS),
    }
    return works, len(by_rsa)


def _goal(timings: dict[str, Timing], algorithm: str) -> Goal:
    ratio = timings[OURS.format(algorithm)].cpu_ratio(timings[PEER.format(algorithm)])
    what = f"{algorithm}, CPU beside decoding alone"
    return Goal(what, f"≤ {MOST:g}×", f"{ratio:.2f}×", ratio <= MOST)
