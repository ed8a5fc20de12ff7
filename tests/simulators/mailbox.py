"""A mail server that keeps what it is given and sends nothing on."""

import socketserver
from email import message_from_bytes
from email.message import Message
from threading import Thread


class Mailbox(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP (RFC 5321) as a client needs to be rid of its mail."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port of the loopback interface."""
        self.messages: list[Message] = []
        super().__init__(("127.0.0.1", 0), _Conversation)
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    @property
    def text(self) -> str:
        """What the last message says."""
        plain = next(
            part for part in self.messages[-1].walk() if part.get_content_type() == "text/plain"
        )
        content = plain.get_payload(decode=True)
        assert isinstance(content, bytes)
        return content.decode()


class _Conversation(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self._say("220 mailbox")
        while line := self.rfile.readline():
            command = line[:4].upper().strip()
            if command == b"DATA":
                self._say("354 go on")
                self.server.messages.append(message_from_bytes(b"".join(iter(self._line, b""))))
            self._say("221 bye" if command == b"QUIT" else "250 mailbox")
            if command == b"QUIT":
                return

    def _line(self) -> bytes:
        line = self.rfile.readline()
        return b"" if line.rstrip() == b"." else line.removeprefix(b".")

    def _say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")
