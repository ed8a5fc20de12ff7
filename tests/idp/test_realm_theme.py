"""The sign-in pages wear our dress, in both languages."""

import re

import httpx
import pytest
from simulators.browser_session import Page
from simulators.keycloak import TITLE, RealmForTests

from idp.realm.policies import LANGUAGES
from idp.realm.theme.folder import THEME

WORDS = {"zh-CN": "登录", "en": "Sign in"}
OF_KEYCLOAK = re.compile(r"keycloak|zhengyin|证印", re.IGNORECASE)


def page_in(realm: RealmForTests, language: str) -> Page:
    query = f"client_id=platform&redirect_uri={realm.origin}/login/callback&response_type=code"
    pkce = "scope=openid&code_challenge_method=S256&code_challenge=" + "A" * 43
    with realm.browser(language=language) as browser:
        return browser.visit(f"{realm.issuer}/protocol/openid-connect/auth?{query}&{pkce}")


@pytest.mark.real
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page(realm: RealmForTests, language: str) -> None:
    page = page_in(realm, language)
    assert f'<html lang="{language}">' in page.html
    assert f'<h1 id="kc-page-title">{WORDS[language]}' in re.sub(r">\s+", ">", page.html)
    assert TITLE in page.html
    scripts_and_tags = r"<script.*?</script>|<[^>]*>"
    shown = re.sub(scripts_and_tags, " ", page.html, flags=re.DOTALL)
    assert not OF_KEYCLOAK.search(shown)


@pytest.mark.real
def test_what_a_page_asks_for_is_there(realm: RealmForTests) -> None:
    page = page_in(realm, "en")
    assets = re.findall(r'(?:href|src)="(/[^"]+\.(?:css|svg|js))"', page.html)
    assert any(path.endswith("platform.css") for path in assets)
    for path in assets:
        answer = httpx.get(realm.server.url + path, trust_env=False)
        assert answer.status_code == httpx.codes.OK, path


def test_both_languages_say_the_same_things() -> None:
    keys = [
        {line.partition("=")[0] for line in path.read_text(encoding="utf-8").splitlines()}
        for path in sorted((THEME / "login" / "messages").iterdir())
    ]
    defaults = {"doLogIn", "invalidPasswordMessage"}  # Keycloak's own words will do
    assert keys[0] - defaults == keys[1] - defaults
