"""Reading, threads, cancelling and ending, with a service that only pretends to work."""

import os
import threading
import time
from pathlib import Path

import pytest

from cvgl_core import protocol
from cvgl_core.errors import PhotoOpenError
from cvgl_core.worker import Worker

from .conftest import Client

STAGES = protocol.STAGES[1:]
LOCATE = {"photo": "a.jpg", "index": "c.cvgl", "output": "out"}


class Service:
    """Goes through all stages; stops in the one that is named as the photo until ``go``."""

    def __init__(self):
        self.go = threading.Event()
        self.loaded = True

    def warm_up(self):
        if not self.loaded:
            raise OSError(2, "No such file", "libtorch.so")
        return protocol.Ready("1.0", "0.0", 1, "3", "cpu", 1, ())

    def check(self):
        return {"ok": True}

    def info(self, params):
        return {"path": str(params.index)}

    def describe_photo(self, params, progress):
        raise PhotoOpenError(f"{params.photo}: no")

    def locate(self, params, progress):
        for stage in STAGES:
            progress(stage, 0, 2)
            while params.photo == Path(stage) and not self.go.is_set():
                time.sleep(0.002)
                progress(stage, 1, 2)
        if params.photo == Path("fault"):
            raise ZeroDivisionError("oh")
        if params.photo == Path("disk"):
            raise PermissionError(13, "Permission denied", "/x")
        if params.photo == Path("nan"):
            return {"value": float("nan")}
        return {"photo": str(params.photo)}


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def client(service):
    to_worker, to_client = os.pipe(), os.pipe()
    worker = Worker(os.fdopen(to_worker[0], "rb"), os.fdopen(to_client[1], "wb"), service)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    client = Client(os.fdopen(to_client[0], "rb"), os.fdopen(to_worker[1], "wb"))
    client.thread = thread
    yield client
    service.go.set()
    client.close()
    thread.join(5)
    assert not thread.is_alive()


def locate(client, id, photo):
    client.send(id, "locate", **{**LOCATE, "photo": photo})


def test_hello_comes_first_then_ready(client):
    client.next(lambda event: event["event"] == "ready")
    assert [event["event"] for event in client.events] == ["hello", "ready"]
    answer = client.answer("1", "hello")["result"]
    assert answer["device"] == "cpu"


def test_fractions_grow_through_all_stages(client):
    locate(client, "1", "a.jpg")
    assert client.ending("1")["result"] == {"photo": "a.jpg"}
    told = [event for event in client.events if event["event"] == "progress"]
    told = [event for event in told if event["stage"] != "waiting"]
    assert [event["stage"] for event in told] == list(STAGES)
    fractions = [event["fraction"] for event in told]
    assert fractions == sorted(fractions) and 0 <= fractions[0] and fractions[-1] <= 1
    assert all(event["text"] and "{" not in event["text"] for event in told)


class TestCancel:
    @pytest.mark.parametrize("stage", STAGES)
    def test_at_each_stage(self, client, stage):
        locate(client, "1", stage)
        client.next(lambda event: event.get("stage") == stage)
        assert client.answer("c", "cancel", id="1")["result"] == {"cancelled": True}
        if not any(event["event"] == "cancelled" for event in client.events):
            assert client.ending("1")["event"] == "cancelled"
        locate(client, "2", "a.jpg")
        assert client.ending("2")["event"] == "result"

    def test_of_one_that_waits(self, client, service):
        locate(client, "1", "matching")
        client.next(lambda event: event.get("stage") == "matching")
        locate(client, "2", "a.jpg")
        assert client.next(lambda event: event.get("id") == "2")["stage"] == "waiting"
        client.send("c", "cancel", id="2")
        assert client.ending("2")["event"] == "cancelled"
        service.go.set()
        assert client.ending("1")["event"] == "result"

    def test_of_one_that_is_not_there(self, client):
        assert client.answer("c", "cancel", id="9")["result"] == {"cancelled": False}


def test_locating_is_done_in_order_and_quick_methods_meanwhile(client, service):
    locate(client, "1", "matching")
    locate(client, "2", "a.jpg")
    assert client.answer("3", "info", index="c.cvgl")["result"] == {"path": "c.cvgl"}
    service.go.set()
    client.ending("2")
    ended = [event["id"] for event in client.events if event["event"] == "result"]
    assert ended == ["3", "1", "2"]


@pytest.mark.parametrize(
    ("photo", "error", "code"),
    [("fault", "ZeroDivisionError", 1), ("disk", "OutputError", 60), ("nan", "ValueError", 1)],
)
def test_whatever_goes_wrong_is_an_event(client, photo, error, code):
    locate(client, "1", photo)
    event = client.ending("1")
    assert (event["error"], event["exit_code"]) == (error, code)
    assert client.answer("2", "describe_photo", photo="x.jpg") == {
        "event": "error",
        "id": "2",
        "error": "PhotoOpenError",
        "message": "x.jpg: no",
        "exit_code": 31,
    }


def test_an_id_that_is_in_use_is_refused(client, service):
    locate(client, "1", "matching")
    locate(client, "1", "a.jpg")
    refused = client.next(lambda event: event["event"] == "error")
    assert refused["id"] is None and "not done" in refused["message"]
    service.go.set()
    assert client.ending("1")["result"] == {"photo": "matching"}


@pytest.mark.parametrize(
    "line", [b"garbage\n", b"\xff\n", b"[1]\n", b"x" * (protocol.MAX_LINE_BYTES * 2) + b"\n"],
    ids=["text", "bytes", "list", "huge"],
)  # fmt: skip
def test_garbage_is_answered_and_overlooked(client, line):
    client.write(line)
    refused = client.next(lambda event: event["event"] == "error")
    assert refused["id"] is None and refused["error"] == "ProtocolError"
    assert client.answer("1", "info", index="c")["event"] == "result"
    assert sum(event["event"] == "error" for event in client.events) == 1


def test_empty_lines_mean_nothing(client):
    client.write(b"\n \r\n")
    assert client.answer("1", "info", index="c")["event"] == "result"
    assert not [event for event in client.events if event["event"] == "error"]


def test_unknown_methods_and_parameters_are_refused(client):
    assert "unknown method" in client.answer("1", "fly")["message"]
    assert "unknown parameter" in client.answer("2", "info", index="c", color=1)["message"]


def test_shutdown_ends_what_runs(client):
    locate(client, "1", "matching")
    client.next(lambda event: event.get("stage") == "matching")
    client.send("2", "shutdown")
    assert client.ending("1")["event"] == "cancelled"
    client.thread.join(2)
    assert not client.thread.is_alive()


def test_an_engine_that_cannot_be_loaded_says_so():
    service = Service()
    service.loaded = False
    to_worker, to_client = os.pipe(), os.pipe()
    worker = Worker(os.fdopen(to_worker[0], "rb"), os.fdopen(to_client[1], "wb"), service)
    threading.Thread(target=worker.run, daemon=True).start()
    client = Client(os.fdopen(to_client[0], "rb"), os.fdopen(to_worker[1], "wb"))
    event = client.next(lambda event: event["event"] == "error")
    assert event["id"] is None and "libtorch.so" in event["message"]
    client.close()
