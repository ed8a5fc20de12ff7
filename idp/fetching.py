"""HTTP to a provider that may be slow, drip-feeding, huge or hostile: everything has a limit.

No redirect is followed, no cookie kept, no proxy taken from the environment, nothing unpacked. The
deadline is for the whole exchange: a timeout for each read would let a server that sends an octet
a second hold a thread for hours.
"""

import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore

from idp.errors import ProviderUnavailableError
from idp.faults import ProviderFault

SECONDS_FOR_EXCHANGE = 10.0
"""A token request takes a tenth of a second; a server that has just started, some seconds."""
SECONDS_FOR_TURN = 2.0
"""How long a request waits for one of the connections."""
MOST_CONNECTIONS = 8
"""So many threads can be held up by a provider that hangs; the others go on serving."""
SECONDS_IDLE = 10.0
"""A connection unused for longer may have been closed by the server at any moment."""

Extensions = dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What a server answered; nothing of it is trusted."""

    status: int
    media_type: str
    """Of `Content-Type`, lower-case, without parameters."""
    unverified_octets: bytes


class Fetcher:
    """Sends requests, within limits; any thread may use it."""

    def __init__(
        self,
        *,
        seconds: float = SECONDS_FOR_EXCHANGE,
        seconds_for_turn: float = SECONDS_FOR_TURN,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Give each exchange so many `seconds`, those of waiting for a connection included.

        With `tls` its certificates are trusted, else the system's.
        """
        self._deadline = _Deadline(seconds)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or _tls_context(),
            max_connections=MOST_CONNECTIONS,
            keepalive_expiry=SECONDS_IDLE,
            network_backend=_BoundedBackend(self._deadline),
        )
        self._extensions: Extensions = {"timeout": {"pool": min(seconds_for_turn, seconds)}}

    def close(self) -> None:
        """Close its connections."""
        self._pool.close()

    def get(self, address: str, *, longest: int) -> Answer:
        """Return the answer to a GET; raise `ProviderUnavailableError`."""
        return self._exchange("GET", address, {}, b"", longest)

    def post(
        self, address: str, headers: Mapping[str, str], body: bytes, *, longest: int
    ) -> Answer:
        """Return the answer to a POST; raise `ProviderUnavailableError`."""
        return self._exchange("POST", address, headers, body, longest)

    def _exchange(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes, longest: int
    ) -> Answer:
        self._deadline.begin()
        lines = [("Accept", "application/json"), ("Accept-Encoding", "identity"), *headers.items()]
        try:
            with self._pool.stream(
                method, address, headers=lines, content=body, extensions=self._extensions
            ) as response:
                return _read(response, longest)
        except httpcore.PoolTimeout:
            raise ProviderUnavailableError(ProviderFault.BUSY) from None
        except httpcore.TimeoutException:
            raise ProviderUnavailableError(ProviderFault.TOO_SLOW) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError):
            raise ProviderUnavailableError(ProviderFault.UNREACHABLE) from None


@cache
def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()  # reads the system's certificates: tens of milliseconds


def _read(response: httpcore.Response, longest: int) -> Answer:
    if 300 <= response.status < 400:  # noqa: PLR2004  # the redirections of RFC 9110
        raise ProviderUnavailableError(ProviderFault.REDIRECTED)
    headers = {name.lower(): value for name, value in response.headers}
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        # Not asked for; unpacking could make gigabytes of it.
        raise ProviderUnavailableError(ProviderFault.WRONG_CONTENT_TYPE)
    octets = bytearray()
    for part in response.iter_stream():
        octets += part
        if len(octets) > longest:
            raise ProviderUnavailableError(ProviderFault.TOO_LARGE)
    content_type = headers.get(b"content-type", b"").decode("latin-1")
    media_type = content_type.partition(";")[0].strip().lower()
    return Answer(response.status, media_type, bytes(octets))


class _Deadline(threading.local):
    """When the exchange of this thread must have ended."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = 0.0

    def begin(self) -> None:
        self._end = time.monotonic() + self.seconds

    def remaining(self) -> float:
        # Never 0: that would mean "do not block" to a socket, which is another error.
        return max(0.001, self._end - time.monotonic())


class _BoundedBackend(httpcore.NetworkBackend):
    """Connects within the deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._backend = httpcore.SyncBackend()
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._backend.connect_tcp(
            host, port, self._deadline.remaining(), local_address, socket_options
        )
        return _BoundedStream(stream, self._deadline)


class _BoundedStream(httpcore.NetworkStream):
    """Reads and writes within what is left of the exchange's time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.remaining())
        return _BoundedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # httpcore's signature
        return self._stream.get_extra_info(info)
