"""One-time codes by the published vectors, their window, and what applications are given."""

import base64
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.one_time_codes import CodeSecret, WrongCodeError
from idp.one_time_passwords import new_one_time_password

PUBLISHED = CodeSecret("12345678901234567890")
AT = datetime(2026, 11, 20, 2, 0, 10, tzinfo=UTC)


def code_at(secret: CodeSecret, at: datetime) -> str:
    return secret.code(int(at.timestamp()) // 30)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    assert PUBLISHED.code(seconds // 30) == code  # appendix B, its last six digits


@pytest.mark.parametrize(
    ("periods", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_code_is_good_one_period_before_and_after(periods: int, *, good: bool) -> None:
    secret = CodeSecret.generate()
    code = code_at(secret, AT + timedelta(seconds=30 * periods))
    near = {code_at(secret, AT + timedelta(seconds=30 * near)) for near in (-1, 0, 1)}
    if good:
        secret.verify(code, at=AT)
        secret.verify(f" {code[:3]} {code[3:]}\n", at=AT)
    elif code not in near:  # once in 300,000 runs it is one of them by chance
        with pytest.raises(WrongCodeError):
            secret.verify(code, at=AT)


@given(st.text(max_size=12))
def test_anything_else_is_a_wrong_code(text: str) -> None:
    now = int(AT.timestamp()) // 30
    right = {PUBLISHED.code(period) for period in (now - 1, now, now + 1)}
    if "".join(text.split()) in right:
        PUBLISHED.verify(text, at=AT)
    else:
        with pytest.raises(WrongCodeError):
            PUBLISHED.verify(text, at=AT)


def test_digits_of_other_scripts_are_no_code() -> None:
    code = code_at(PUBLISHED, AT).translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    with pytest.raises(WrongCodeError):
        PUBLISHED.verify(code, at=AT)


def test_an_application_learns_all_it_needs() -> None:
    secret = CodeSecret.generate()
    address = urlsplit(secret.address(service="示例服务 A&B", username="li.shi"))
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert unquote(address.path) == "/示例服务 A&B:li.shi"
    parameters = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert parameters["issuer"] == "示例服务 A&B"
    assert (parameters["digits"], parameters["period"]) == ("6", "30")
    padded = parameters["secret"] + "=" * (-len(parameters["secret"]) % 8)
    assert base64.b32decode(padded).decode() == secret.text
    assert secret.text not in repr(secret)
    assert len({CodeSecret.generate().text for _ in range(50)}) == 50


def test_one_time_passwords_keep_the_rules_of_the_realm() -> None:
    passwords = {new_one_time_password() for _ in range(200)}
    assert len(passwords) == 200
    for password in passwords:
        assert re.fullmatch(r"[A-Z][a-z2-9]{3}(-[a-z2-9]{4}){2}-[a-z][a-z2-9]{2}[2-9]", password)
