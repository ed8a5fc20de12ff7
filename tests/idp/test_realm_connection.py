"""The road to the admin interface: one token for all, replaced when it is over, failures named."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from idp.errors import (
    AlreadyInRealmError,
    IdentityError,
    NotInRealmError,
    ProviderUnavailableError,
    RealmRefusedError,
)
from idp.faults import ProviderFault
from idp.realm.connection import AdminConnection, AdministratorPassword
from idp.server.process import free_port


@dataclass
class AdminInterface:
    """What answers: tokens that count, until they are recalled."""

    port: int = 0
    tokens: list[str] = field(default_factory=list)
    recalled: set[str] = field(default_factory=set)
    answer: tuple[int, bytes] = (HTTPStatus.OK, b"{}")
    token_status: int = HTTPStatus.OK
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def connection(self) -> AdminConnection:
        return AdminConnection(
            f"http://127.0.0.1:{self.port}",
            AdministratorPassword("admin", "secret word"),
            token_realm="master",  # noqa: S106  # a realm's name
        )

    def new_token(self) -> tuple[int, bytes]:
        with self.lock:
            self.tokens.append(f"token-{len(self.tokens)}")
            body = {"access_token": self.tokens[-1], "expires_in": 60}
        return self.token_status, json.dumps(body).encode()

    def answer_to(self, path: str, authorization: str) -> tuple[int, bytes]:
        with self.lock:
            self.asked.append(path)
        if authorization.removeprefix("Bearer ") in self.recalled:
            return HTTPStatus.UNAUTHORIZED, b"{}"
        return self.answer


@pytest.fixture
def interface() -> Iterator[AdminInterface]:
    interface = AdminInterface()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(interface.answer_to(self.path, self.headers["Authorization"]))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.endswith("/token"):
                self._send(interface.new_token())
            else:
                self._send(interface.answer_to(self.path, self.headers["Authorization"]))

        def _send(self, answer: tuple[int, bytes]) -> None:
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(answer[1])))
            self.end_headers()
            self.wfile.write(answer[1])

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        interface.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield interface
        server.shutdown()


def test_threads_share_one_token(interface: AdminInterface) -> None:
    connection = interface.connection
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: connection.get(("district",)), range(40)))
    assert interface.tokens == ["token-0"]
    interface.recalled = {"token-0"}  # as when the server was started anew
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: connection.get(("district",)), range(40)))
    assert interface.tokens == ["token-0", "token-1"]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (HTTPStatus.NOT_FOUND, b"{}", NotInRealmError),
        (HTTPStatus.CONFLICT, b"{}", AlreadyInRealmError),
        (HTTPStatus.BAD_REQUEST, b'{"error": "invalidPassword"}', RealmRefusedError),
        (HTTPStatus.FORBIDDEN, b"no", RealmRefusedError),
        (HTTPStatus.INTERNAL_SERVER_ERROR, b"{}", ProviderUnavailableError),
        (HTTPStatus.OK, b"not json", ProviderUnavailableError),
        (HTTPStatus.OK, b"[]", ProviderUnavailableError),
    ],
)
def test_each_failure_has_a_name(
    interface: AdminInterface, status: int, body: bytes, error: type[IdentityError]
) -> None:
    interface.answer = status, body
    with pytest.raises(error):
        interface.connection.get(("district",))


def test_a_refusal_says_a_word_and_quotes_nothing(interface: AdminInterface) -> None:
    interface.answer = HTTPStatus.BAD_REQUEST, b'{"errorMessage": "Zhang San is too short"}'
    with pytest.raises(RealmRefusedError) as refused:
        interface.connection.get(("district",))
    assert refused.value.reason == "status 400"
    interface.answer = HTTPStatus.BAD_REQUEST, b'{"error": "invalidPasswordHistoryMessage"}'
    with pytest.raises(RealmRefusedError) as refused:
        interface.connection.get(("district",))
    assert refused.value.reason == "invalidPasswordHistoryMessage"


def test_credentials_that_are_not_taken(interface: AdminInterface) -> None:
    interface.token_status = HTTPStatus.UNAUTHORIZED
    with pytest.raises(ProviderUnavailableError) as refused:
        interface.connection.get(("district",))
    assert refused.value.reason is ProviderFault.ERROR_STATUS
    assert "secret word" not in repr(interface.connection.__dict__)


def test_nobody_there() -> None:
    credentials = AdministratorPassword("admin", "secret word")
    connection = AdminConnection(
        f"http://127.0.0.1:{free_port()}",
        credentials,
        token_realm="master",  # noqa: S106  # a realm's name
    )
    with pytest.raises(ProviderUnavailableError) as refused:
        connection.get(("district",))
    assert refused.value.reason is ProviderFault.UNREACHABLE
    assert "secret word" not in repr(credentials)


def test_parts_of_a_path_stay_parts(interface: AdminInterface) -> None:
    interface.connection.get(("district", "users", "../../master?x=y", "z"))
    assert interface.asked == ["/admin/realms/district/users/..%2F..%2Fmaster%3Fx%3Dy/z"]
