"""Small web servers on this machine, with the virtues and vices of real ones."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

Handler = Callable[[str], tuple[int, bytes, dict[str, str]]]
"""Called with path and query; returns status, body and headers."""


@dataclass
class Server:
    """A running server: where it is and what it was asked."""

    url: str
    asked: list[str] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0


@contextmanager
def serve(answer: Handler, *, ranges: bool = True) -> Iterator[Server]:
    """Run a server that answers GET requests by ``answer``; parts of 200 answers if asked."""
    server = Server("")
    lock, now = threading.Lock(), [0]

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with lock:
                now[0] += 1
                server.most_at_once = max(server.most_at_once, now[0])
                server.asked.append(self.path)
                server.seen.append({k.lower(): v for k, v in self.headers.items()})
            try:
                self._answer()
            finally:
                with lock:
                    now[0] -= 1

        def _answer(self) -> None:
            status, body, headers = answer(self.path)
            if status == 0:  # the line goes dead
                self.close_connection = True
                self.connection.close()
                return
            wanted = self.headers.get("Range", "")
            if ranges and status == 200 and wanted.startswith("bytes="):
                first, _, last = wanted[6:].partition("-")
                start, size = int(first), len(body)
                stop = min(int(last) + 1 if last else size, size)
                if start >= size:
                    status, body = 416, b""
                else:
                    status, body = 206, body[start:stop]
                    headers = headers | {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            pass

    with Quiet(("127.0.0.1", 0), Requests) as running:
        server.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            running.shutdown()
            thread.join()


def files(contents: dict[str, bytes], headers: dict[str, str] | None = None) -> Handler:
    """Answers with files by path, 404 for others."""

    def answer(path: str) -> tuple[int, bytes, dict[str, str]]:
        body = contents.get(unquote(urlsplit(path).path))
        return (404, b"", {}) if body is None else (200, body, headers or {})

    return answer
