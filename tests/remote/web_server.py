"""nginx with a directory to serve, and what it was asked for."""

import http.client
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    log_format asked '$request_method $request_uri $http_range $status $body_bytes_sent';
    access_log {folder}/access.log asked;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/www;
        location /status/401/ {{ return 401; }}
        location /status/403/ {{ return 403; }}
        location /status/500/ {{ return 500; }}
        location /status/503/ {{ return 503; }}
        location /without-ranges/ {{ alias {folder}/www/; max_ranges 0; }}
        location /without-etags/ {{ alias {folder}/www/; etag off; }}
    }}
}}
"""


@dataclass(frozen=True)
class WebRequest:
    """A line of the access log; `range` is "" where none was asked for."""

    method: str
    path: str
    range: str
    status: int
    nbytes: int


@dataclass
class WebServer:
    """A running nginx."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"
    _marks: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def root(self) -> Path:
        return self.folder / "www"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def during(self, action: Callable[[], object]) -> list[WebRequest]:
        """What `action` asks for."""
        before = len(self._log())
        action()
        return self._log()[before:-1]

    def _log(self) -> list[WebRequest]:
        """The log up to a request of our own, its last: a line is written when its answer is on the way."""
        mark = f"/mark/{next(self._marks)}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", mark)
        connection.getresponse().read()
        connection.close()
        until = time.monotonic() + 10
        while True:
            lines = (self.folder / "access.log").read_text().splitlines()
            if lines and lines[-1].split(" ")[1] == mark:
                return [_parsed(line) for line in lines]
            assert time.monotonic() < until, "nginx does not write its log"
            time.sleep(0.01)


def start(program: str, folder: Path) -> WebServer:
    (folder / "www").mkdir()
    port = free_port()
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=port))
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return WebServer(folder, port, process)
        except OSError:
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < until, "nginx does not answer"
            time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _parsed(line: str) -> WebRequest:
    method, path, asked, status, nbytes = line.split(" ")
    return WebRequest(method, path, "" if asked == "-" else asked.removeprefix("bytes="), int(status), int(nbytes))
