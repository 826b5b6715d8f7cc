"""A model hub on this machine: as much of its protocol as reading one repository needs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class HubHandler(BaseHTTPRequestHandler):
    """Serves `folder` as the repository `repo`; remembers the files that were really sent."""

    protocol_version = "HTTP/1.1"
    folder: Path
    repo: str
    sent: list[str]

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def _answer(self, *, with_body: bool) -> None:
        path = urlsplit(self.path).path
        files = sorted(file for file in self.folder.iterdir() if file.is_file())
        if path == "/":
            self._send(b"", with_body)
        elif path.startswith(f"/api/models/{self.repo}/tree/"):
            entries = [
                {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": _etag(file)}
                for file in files
            ]
            self._send(json.dumps(entries).encode(), with_body)
        elif path.startswith(f"/api/models/{self.repo}"):
            about = {
                "id": self.repo,
                "sha": COMMIT,
                "siblings": [{"rfilename": file.name} for file in files],
            }
            self._send(json.dumps(about).encode(), with_body)
        elif path.startswith(f"/{self.repo}/resolve/"):
            self._send_file(self.folder / path.rsplit("/", 1)[1], with_body)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send_file(self, file: Path, with_body: bool) -> None:
        if with_body:
            self.sent.append(file.name)
        headers = {"ETag": f'"{_etag(file)}"', "X-Repo-Commit": COMMIT}
        self._send(file.read_bytes(), with_body, headers)

    def _send(self, body: bytes, with_body: bool, headers: dict[str, str] | None = None) -> None:
        self.send_response(200)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@contextmanager
def serve_hub(folder: Path, repo: str) -> Iterator[tuple[str, list[str]]]:
    """The address of a hub that holds `folder`, and the names of the files it has sent."""
    sent: list[str] = []
    handler = type("Handler", (HubHandler,), {"folder": folder, "repo": repo, "sent": sent})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", sent
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _etag(file: Path) -> str:
    return sha1(file.read_bytes()).hexdigest()
