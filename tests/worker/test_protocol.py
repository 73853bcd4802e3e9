"""The messages: what is understood, what is refused, and that the plugin means the same."""

import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvgl_core import protocol
from cvgl_core.errors import ProtocolError

LOCATE = {"photo": "a.jpg", "index": "c.cvgl", "output": "out"}
EVENTS = (
    protocol.Hello("1.0", "0.1", 5),
    protocol.Ready("1.0", "0.1", 5, "3.11", "cpu", 2, ({"name": "m", "bundled": True},)),
    protocol.Progress("7", "matching", 0.5, "half"),
    protocol.Result("7", {"files": {"report": None}}),
    protocol.Error(None, "ProtocolError", "no", 100),
    protocol.Error("7", "PhotoOpenError", "no", 31),
    protocol.Cancelled("7"),
)


@pytest.fixture(scope="module")
def plugin_messages():
    """The plugin's side; a file of its own, because the plugin imports nothing of the engine."""
    path = Path(__file__).parents[2] / "qgis_plugin" / "engine" / "messages.py"
    spec = importlib.util.spec_from_file_location("plugin_messages", path)
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class TestBothSides:
    @pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
    def test_the_plugin_understands_every_event(self, plugin_messages, event):
        line = protocol.encode(event)
        assert line.endswith(b"\n") and line.count(b"\n") == 1
        parsed = plugin_messages.parse_event(line)
        assert parsed.kind == type(event).__name__.lower()
        assert parsed.fields == {"event": parsed.kind, **json.loads(json.dumps(vars(event)))}

    def test_the_worker_understands_requests_of_the_plugin(self, plugin_messages):
        params = {"photo": "Größe 街 \udcff.jpg"}
        line = plugin_messages.encode_request("7", "describe_photo", params)
        assert protocol.parse_request(line) == protocol.Request("7", "describe_photo", params)

    def test_versions_agree(self, plugin_messages):
        assert plugin_messages.same_major(protocol.VERSION)

    @given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"x") + b"y")), st.data())
    def test_lines_come_out_however_they_were_cut(self, plugin_messages, lines, data):
        stream = b"".join(line + b"\n" for line in lines) + b"rest"
        buffer, found = plugin_messages.LineBuffer(), []
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            found += buffer.feed(stream[:size])
            stream = stream[size:]
        assert found == lines

    def test_a_line_without_end_is_refused(self, plugin_messages):
        for parts in (
            [b"x" * 11],
            [b"x" * 6] * 2,
            [b"a\n" + b"x" * 11],
            [b"a\n" + b"x" * 11 + b"\n"],
        ):
            buffer = plugin_messages.LineBuffer(limit=10)
            with pytest.raises(plugin_messages.BadMessage):
                for part in parts:
                    buffer.feed(part)


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"\xff\xfe",
        b"[]",
        b'"text"',
        b"[" * 100_000,
        b'{"method": "info"}',
        b'{"id": 7, "method": "info"}',
        b'{"id": "", "method": "info"}',
        b'{"id": "7"}',
        b'{"id": "7", "method": "info", "params": []}',
        b'{"id": "7", "method": ["info"]}',
        b" " * (protocol.MAX_LINE_BYTES + 1),
    ],
    ids=["text", "bytes", "list", "string", "deep", "no-id", "number-id", "empty-id", "no-method",
         "params", "method", "huge"],
)  # fmt: skip
def test_what_is_no_request_is_refused_in_a_short_line(line):
    with pytest.raises(ProtocolError) as caught:
        protocol.parse_request(line)
    assert len(str(caught.value)) < 250


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(line):
    try:
        protocol.parse_request(line)
    except ProtocolError:
        pass


class TestLocate:
    def test_defaults(self):
        params = protocol.LocateParams.parse({**LOCATE, "near": None, "heading_deg": None})
        assert params == protocol.LocateParams(Path("a.jpg"), Path("c.cvgl"), Path("out"))

    def test_heading_unknown_is_searched(self):
        params = protocol.LocateParams.parse({**LOCATE, "heading_deg": "unknown"})
        assert params.search_heading and params.heading_deg is None
        assert protocol.LocateParams.parse({**LOCATE, "heading_deg": 20}).heading_deg == 20.0

    @pytest.mark.parametrize(
        "wrong",
        [
            {"photo": None},
            {"photo": ""},
            {"photo": "a\0b"},
            {"index": 3},
            {"output": None},
            {"name": "../x"},
            {"name": ".."},
            {"name": "a\\b"},
            {"heading_deg": "north"},
            {"heading_deg": True},
            {"heading_deg": "unknown", "heading_std_deg": 20},
            {"exif_radius_m": "near"},
            {"fov_deg": float("inf")},
            {"fov_deg": "90"},
            {"near": [1, 2]},
            {"near": [1, 2, "3"]},
            {"near": [1, 2, 3], "area": {"type": "Polygon"}},
            {"area": [1]},
            {"top_k": 2.5},
            {"top_k": True},
            {"report": 1},
            {"model": ""},
            {"search_heading": True},
            {"headng": 3},
        ],
        ids=lambda wrong: "-".join(f"{k}" for k in wrong) + f"-{len(str(wrong))}",
    )
    def test_wrong_values_are_refused(self, wrong):
        with pytest.raises(ProtocolError):
            protocol.LocateParams.parse({**LOCATE, **wrong})
