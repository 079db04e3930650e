# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks on loopback."""

from __future__ import annotations

import http.server
import threading

KEY = bytes(range(32))
"""What its messages are signed with."""


class Listener:
    """A receiver: remembers what it was sent, and answers as it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.location: str | None = None
        self.arrived = threading.Event()
        self.answers = threading.Event()
        """Nobody is answered while it is not set."""
        self.answers.set()
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                listener.heard.append((headers | {":path": self.path}, body))
                listener.arrived.set()
                listener.answers.wait()
                self.send_response(listener.status)
                if listener.location:
                    self.send_header("Location", listener.location)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook?of=votes"

    def close(self) -> None:
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
