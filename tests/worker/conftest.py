"""A small simulated city, and a client of the worker."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def program(name, *arguments):
    command = [str(Path(sys.executable).with_name(name)), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode in (0, 3), done.stderr
    return done


@pytest.fixture(scope="session")
def city(tmp_path_factory):
    """Folder with ``photos`` and ``city.cvgl``, in a path that is not plain ASCII."""
    folder = tmp_path_factory.mktemp("worker") / "Größe 街 1"
    program(
        "cvgl", "simulate", "city", "-o", folder, "--size-m", 260, "--gsd-m", 0.5, "--photos", 2
    )
    program("cvgl-tile", "build", folder / "ortho.tif", "-o", folder / "city.cvgl")
    return folder


class Client:
    """Talks to a worker over its pipes."""

    def __init__(self, source, sink):
        self._sink = sink
        self.events = []
        self._queue = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(source,), daemon=True)
        self._reader.start()

    def _read(self, source):
        for line in source:
            self._queue.put(json.loads(line))

    def send(self, name, method, /, **params):
        self.write(json.dumps({"id": name, "method": method, "params": params}).encode() + b"\n")

    def write(self, data):
        self._sink.write(data)
        self._sink.flush()

    def close(self):
        self._sink.close()

    def next(self, match, timeout_s=60.0):
        """Return the next event for which ``match`` holds; all are kept in ``events``."""
        end_s = time.monotonic() + timeout_s
        while True:
            event = self._queue.get(timeout=max(0.01, end_s - time.monotonic()))
            self.events.append(event)
            if match(event):
                return event

    def ending(self, name):
        """Return the last event of a request."""
        last = ("result", "error", "cancelled")
        return self.next(lambda event: event.get("id") == name and event["event"] in last)

    def answer(self, name, method, /, **params):
        self.send(name, method, **params)
        return self.ending(name)


def start_worker(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "cvgl_core.worker", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**ENVIRONMENT, **options},
    )


@pytest.fixture(scope="session")
def process():
    """One worker for all tests: it has to stay usable."""
    running = start_worker()
    yield running
    running.stdin.close()
    assert running.wait(timeout=10) == 0


@pytest.fixture(scope="session")
def client(process):
    client = Client(process.stdout, process.stdin)
    client.next(lambda event: event["event"] == "ready")
    return client


@pytest.fixture
def fresh():
    """Starts workers of a test's own, and returns them with their clients."""
    made = []

    def make(*arguments):
        running = start_worker(*arguments)
        made.append(running)
        return running, Client(running.stdout, running.stdin)

    yield make
    for running in made:
        running.kill()
        running.wait()
