"""People who sign in on our pages with a provider that does as it is told."""

from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
from simulators.office import Clock
from simulators.openid_provider import OpenIdProvider
from simulators.signed_in import origin_of
from simulators.token_drafts import TokenDraft, seconds

from api.wiring import Services

SESSION, BROWSER, UNCONFIRMED = (
    "__Host-platform",
    "__Host-platform-browser",
    "__Host-platform-unconfirmed",
)
NAME = "陈示例"


@dataclass
class Scene:
    """The application, its provider and a clock that both go by."""

    services: Services
    provider: OpenIdProvider
    clock: Clock

    def pass_by(self, time: timedelta) -> None:
        self.clock.at += time
        self.provider.at += time

    def say(self, **claims: object) -> None:
        """Let the provider say this of whoever signs in or is refreshed."""

        def change(draft: TokenDraft) -> None:
            expires_at = seconds(self.provider.at) + 300
            draft.claims.update({"full_name": NAME, "exp": expires_at, **claims})

        self.provider.change_draft = change


@dataclass
class Somebody:
    """A browser that goes where it is sent, to the provider and back."""

    scene: Scene
    http: httpx.Client

    def go(self, address: str) -> httpx.Response:
        """Open an address and follow every redirect; return the page at the end."""
        answer = self.http.get(address)
        for _ in range(10):
            if not answer.is_redirect:
                return answer
            answer = self.step(answer)
        raise AssertionError("sent round in a circle")

    def step(self, answer: httpx.Response) -> httpx.Response:
        """Follow one redirect of ours; what the provider answers is followed at once."""
        location = answer.headers["location"]
        if location.startswith(self.scene.provider.origin):
            location = at_provider(location)
        return self.http.get(location)

    def send(self, page: httpx.Response, action: str, **changes: str) -> httpx.Response:
        """Press the button of a form of the page."""
        form = page.text.partition(f'action="{action}"')[2].partition("</form>")[0]
        fields = {
            name: part.partition('value="')[2].partition('"')[0].replace("&amp;", "&")
            for part in form.split("<input")[1:]
            for name in [part.partition('name="')[2].partition('"')[0]]
        }
        headers = {"Origin": origin_of(self.http), "Referer": str(page.url)}
        return self.http.post(action, data=fields | changes, headers=headers)

    def sign_in(self, address: str = "/me") -> httpx.Response:
        """Sign in at a page that the provider has no session for."""
        self.scene.provider.has_session = False
        return self.go(address)

    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self.http.cookies.jar}


def at_provider(location: str) -> str:
    """Return where the provider sends the browser."""
    address = urlsplit(location)
    connection = HTTPConnection(address.netloc, timeout=5)
    connection.request("GET", f"{address.path}?{address.query}")
    sent_to = connection.getresponse().headers["Location"]
    connection.close()
    assert sent_to is not None
    return sent_to
