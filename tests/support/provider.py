"""A payment provider: a page over HTTPS on loopback that counts who asked for it and when."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

from ringfence.entry.certificates import create_self_signed

PAGE = b"""<!DOCTYPE html><html lang="en"><head><title>Invented payments</title></head><body>
<h1>Invented payments</h1><form><label for="card">Card number</label> <input id="card" inputmode="numeric"></form>
</body></html>"""


@dataclass
class Provider:
    """Where the page stands, and when it was asked for (seconds of the monotonic clock)."""

    url: str
    asked: list[float] = field(default_factory=list)


@contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    """The page at ``url``, until the end of the block."""
    found = Provider(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/pay"):
                found.asked.append(time.monotonic())
            self.send_response(200 if self.path.startswith("/pay") else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(PAGE)))
            self.end_headers()
            self.wfile.write(PAGE)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    certificate, key = folder / "provider.pem", folder / "provider.key"
    create_self_signed(certificate, key, names=("127.0.0.1",), now=datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    found.url = f"https://127.0.0.1:{server.server_address[1]}/pay"
    thread = threading.Thread(target=server.serve_forever, name="provider")
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
