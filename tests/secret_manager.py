"""A stand-in for Secret Manager's REST API on this machine: what the client library asks of it, and its refusals."""

import base64
import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROJECT, NUMBER = "books-prod", "123456789"
_CALL = re.compile(r"/v1/projects/([\w-]+)/secrets/([\w-]+)(?:/versions/(\w+))?:(access|addVersion|destroy)")
_STATUS = {403: "PERMISSION_DENIED", 404: "NOT_FOUND", 400: "FAILED_PRECONDITION", 503: "UNAVAILABLE"}


@dataclass(slots=True)
class FakeSecrets:
    """Secrets by name, each a list of versions (null: destroyed). `denied` and `failing` names are refused."""

    url: str = ""
    values: dict[str, list[str | None]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)

    def put(self, name: str, value: str) -> None:
        """Add a version, as a person does."""
        self.values.setdefault(name, []).append(value)

    def environment(self) -> dict[str, str]:
        """What points a process here."""
        return {
            "WESCOPE_SECRETS": "gcp",
            "WESCOPE_GCP_PROJECT": PROJECT,
            "WESCOPE_GCP_SECRETS_ENDPOINT": self.url,
        }

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and content for one request."""
        found = _CALL.fullmatch(path.partition("?")[0])
        if found is None:
            return 403, {}  # among them every attempt to list
        project, name, version, action = found.groups()
        self.calls.append(f"{action} {name}")
        if project not in {PROJECT, NUMBER} or name in self.denied or name in self.failing:
            return 503 if name in self.failing else 403, {}
        versions = self.values.get(name)
        if versions is None:
            return 404, {}
        if action == "addVersion" and method == "POST":
            versions.append(base64.b64decode(body["payload"]["data"]).decode())
            return 200, {"name": self._version(name, len(versions)), "state": "ENABLED"}
        number = len(versions) if version == "latest" else int(version)
        if not 0 < number <= len(versions):
            return 404, {}
        if versions[number - 1] is None:
            return 400, {}
        if action == "destroy" and method == "POST":
            versions[number - 1] = None
            return 200, {"name": self._version(name, number), "state": "DESTROYED"}
        data = base64.b64encode(str(versions[number - 1]).encode()).decode()
        return 200, {"name": self._version(name, number), "payload": {"data": data}}

    def _version(self, name: str, number: int) -> str:
        return f"projects/{NUMBER}/secrets/{name}/versions/{number}"


@contextlib.contextmanager
def fake_secret_manager() -> Iterator[FakeSecrets]:
    """A stand-in that answers as long as the block runs."""
    secrets = FakeSecrets()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}"))

        def _answer(self, body: dict[str, Any]) -> None:
            status, content = secrets.answer(self.command, self.path, body)
            if status != 200:
                content = {"error": {"code": status, "message": "refused: s3cr3t", "status": _STATUS[status]}}
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        secrets.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield secrets
        finally:
            server.shutdown()
            thread.join(timeout=5)
