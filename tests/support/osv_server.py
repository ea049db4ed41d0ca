"""A real HTTP server on loopback that speaks the OSV API as documented, about records that a test plants.

https://google.github.io/osv.dev/post-v1-querybatch/ and https://google.github.io/osv.dev/get-v1-vulns/. It matches by
the enumerated ``versions`` of a record, which osv.dev fills in for both ecosystems, and so shares no code with the
audit.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

PAGE = 2
"""Advisories in one answer; the rest comes with its page token."""


class OsvServer(ThreadingHTTPServer):
    """Answers from ``records``; ``asked`` keeps the questions."""

    daemon_threads = True

    def __init__(self, records: list[dict[str, Any]], failing: dict[str, int | str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.records = records
        self.failing = failing
        """For a path: the status to refuse with, or the body to answer instead; ``trickle`` never ends."""
        self.asked: list[dict[str, Any]] = []
        self.closing = threading.Event()

    @property
    def address(self) -> str:
        """What RINGFENCE_ADVISORIES names."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def covering(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        """The short form of each record that covers the version asked about."""
        wanted = query["package"]["ecosystem"], query["package"]["name"]
        return [
            {"id": record["id"], "modified": record["modified"]}
            for record in self.records
            if any(
                (entry["package"]["ecosystem"], entry["package"]["name"]) == wanted
                and query["version"] in entry["versions"]
                for entry in record["affected"]
            )
        ]


class _Handler(BaseHTTPRequestHandler):
    server: OsvServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/querybatch" or len(body["queries"]) > 1000:
            self._answer(400, {"code": 3, "message": "Invalid query."})
            return
        self.server.asked += body["queries"]
        results = []
        for query in body["queries"]:
            start = int(query.get("page_token", "0"))
            vulns = self.server.covering(query)
            page: dict[str, Any] = {"vulns": vulns[start : start + PAGE]} if vulns else {}
            if len(vulns) > start + PAGE:
                page["next_page_token"] = str(start + PAGE)
            results.append(page)
        self._answer(200, {"results": results})

    def do_GET(self) -> None:
        for record in self.server.records:
            if self.path == f"/v1/vulns/{record['id']}":
                self._answer(200, record)
                return
        self._answer(404, {"code": 5, "message": "Bug not found."})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        instead = self.server.failing.get(self.path)
        body = instead.encode() if isinstance(instead, str) else json.dumps(content).encode()
        self.send_response(instead if isinstance(instead, int) else status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(10**6 if instead == "trickle" else len(body)))
        self.end_headers()
        try:
            while instead == "trickle":
                self.wfile.write(b" ")
                if self.server.closing.wait(0.05):
                    return
            self.wfile.write(body)
        except OSError:
            return  # the audit has gone

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """The test's own output stays readable."""


@contextmanager
def osv_server(records: list[dict[str, Any]], failing: dict[str, int | str] | None = None) -> Iterator[OsvServer]:
    """An OSV API that knows ``records`` and, for the paths in ``failing``, misbehaves."""
    server = OsvServer(records, failing or {})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
