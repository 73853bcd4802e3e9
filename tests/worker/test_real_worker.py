"""The real process with the bundled weights in a small simulated city."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import jsonschema
import numpy as np
import pytest
from PIL import Image

from cvgl_core import protocol
from cvgl_core.export.geojson import SCHEMA_PATH

from .conftest import ENVIRONMENT, program

CANCEL_S = 0.1
STAGES = protocol.STAGES[1:]
numbers = iter(range(10_000))


@pytest.fixture
def ask(client, city, tmp_path):
    """Locate the first photo with other parameters than usual."""

    def call(**others):
        params = {
            "photo": str(city / "photos" / "0000.jpg"),
            "index": str(city / "city.cvgl"),
            "output": str(tmp_path / "out"),
            **others,
        }
        return client.answer(f"{next(numbers)}", "locate", **params)

    return call


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_ready_says_what_there_is(client):
    facts = client.answer("hello", "hello")["result"]
    assert facts["device"] in ("cpu", "cuda") and facts["offline"] is True
    assert any(model["bundled"] and model["weights_sha256"] for model in facts["models"])


def test_info(client, city):
    info = client.answer("info", "info", index=str(city / "city.cvgl"))["result"]
    printed = json.loads(program("cvgl-tile", "info", city / "city.cvgl", "--json").stdout)
    assert info["name"] == "city" and info["sources"] == ["ortho.tif"]
    assert (info["tiles"], info["index_id"]) == (printed["tiles"], printed["index_id"])
    ring = np.array(info["area"]["coordinates"][0])
    west, south, east, north = info["bbox"]
    assert (ring[:, 0].min(), ring[:, 0].max()) == pytest.approx((west, east))
    assert (ring[:, 1].min(), ring[:, 1].max()) == pytest.approx((south, north))


def test_describe_photo_names_the_source_of_every_value(client, city, tmp_path):
    preview = tmp_path / "a folder" / "pre.jpg"
    photo = str(city / "photos" / "0000.jpg")
    found = client.answer("d", "describe_photo", photo=photo, preview=str(preview))["result"]
    values = found["values"]
    assert found["panorama"] is True
    assert values["heading_deg"]["source"].startswith("XMP GPano")
    assert values["exif_lon"]["source"].startswith("EXIF GPS")
    assert all((v["value"] is None) == (v["source"] is None) for v in values.values())
    assert max(Image.open(preview).size) <= 1024


class TestLocate:
    def test_the_same_answer_as_the_command(self, ask, city, tmp_path):
        found = ask(report=True)["result"]
        photo = city / "photos" / "0000.jpg"
        index = city / "city.cvgl"
        printed = json.loads(program("cvgl", "locate", photo, "--index", index, "--json").stdout)
        written = json.loads((tmp_path / "out" / "0000.geojson").read_text())
        for result in (printed, written):
            result["features"][0]["properties"].pop("created_at")
            result["provenance"].pop("created_at")
            for name in ("batch_tiles", "query_sha256"):
                result["provenance"]["settings"].pop(name, None)
        assert written.pop("evidence")  # of the report, which the command was not asked for
        assert written == printed
        found["estimate"].pop("created_at")
        assert found["estimate"] == written["features"][0]["properties"]

    def test_files_are_there_and_as_described(self, ask, tmp_path):
        found = ask(report=True, name="Fund 1", top_k=4)["result"]
        out = tmp_path / "out"
        names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
        tiles = {f"Fund 1.tiles/{rank}.jpg" for rank in range(1, 5)}
        endings = ("geojson", "heatmap.tif", "photo.jpg", "html")
        assert names == tiles | {f"Fund 1.{ending}" for ending in endings}
        assert {str(out / name) for name in names - tiles} == set(found["files"].values())
        assert [c["thumbnail"] for c in found["candidates"]] == [
            str(out / "Fund 1.tiles" / f"{rank}.jpg") for rank in range(1, 5)
        ]
        assert Image.open(found["candidates"][0]["thumbnail"]).size == (128, 128)
        result = json.loads((out / "Fund 1.geojson").read_text())
        jsonschema.validate(result, json.loads(SCHEMA_PATH.read_text()))
        first = result["evidence"]["places"][0]
        assert first["rank"] == 1 and len(first["directions"]["told"]) == 16
        assert 0 < found["posterior"]["peak"] <= 1
        assert list(found["seconds"]) == list(STAGES)

    def test_stages_come_in_order_and_fractions_grow(self, ask, client):
        ask(heading_deg="unknown")
        name = client.events[-1]["id"]
        told = [e for e in client.events if e["event"] == "progress" and e["id"] == name]
        assert list(dict.fromkeys(e["stage"] for e in told)) == list(STAGES)
        fractions = [e["fraction"] for e in told]
        assert fractions == sorted(fractions) and fractions[-1] <= 1.0

    def test_only_tiles_of_the_area_are_found(self, ask):
        everywhere = ask()["result"]["candidates"]
        lon, lat = (everywhere[-1][key] for key in ("lon", "lat"))
        d = 1e-4
        ring = [[lon - d, lat - d], [lon + d, lat - d], [lon + d, lat + d], [lon - d, lat - d]]
        found = ask(area={"type": "Polygon", "coordinates": [ring]})["result"]["candidates"]
        assert 1 <= len(found) <= 9
        near = ask(near=[lon, lat, 5.0])["result"]["candidates"]
        assert {c["tile_id"] for c in near} & {c["tile_id"] for c in found}

    def test_priors_are_used_and_told(self, ask):
        found = ask(heading_deg=10, heading_std_deg=20, exif_radius_m=50)["result"]["estimate"]
        heading, position, beyond = found["priors"]
        assert heading == "heading 10 ± 20 degrees (given)"
        assert position.startswith("position in the file") and "50 m" in beyond

    def test_an_index_that_moved_and_one_that_was_built_again(self, ask, city, tmp_path):
        moved = tmp_path / "other place" / "c.cvgl"
        shutil.copytree(city / "city.cvgl", moved)
        assert ask(index=str(moved))["event"] == "result"
        shutil.rmtree(moved)
        assert ask(index=str(moved))["error"] == "NoIndexError"

    @pytest.mark.parametrize(
        ("others", "error"),
        [
            ({"photo": "/nowhere/x.jpg"}, "PhotoOpenError"),
            ({"photo": __file__}, "PhotoOpenError"),
            ({"index": "/nowhere"}, "NoIndexError"),
            ({"output": "/proc/nowhere"}, "OutputError"),
            ({"near": [0, 0, 100]}, "SettingsError"),
            ({"area": {"type": "Point"}}, "SettingsError"),
            ({"heading_deg": 0, "heading_std_deg": 0}, "SettingsError"),
            ({"exif_radius_m": -1}, "SettingsError"),
            ({"depth": 0}, "SettingsError"),
            ({"estimate": "guess"}, "SettingsError"),
            ({"model": "nobody"}, "UnknownModelError"),
            ({"fov_deg": 900}, "PhotoViewError"),
            ({"photo": 3}, "ProtocolError"),
        ],
        ids=lambda value: value if isinstance(value, str) else next(iter(value)),
    )
    def test_errors_are_of_the_tree(self, ask, others, error):
        event = ask(**others)
        assert (event["event"], event["error"]) == ("error", error)
        assert event["message"]


@pytest.mark.parametrize("stage", STAGES)
def test_cancel_at_each_stage(client, city, tmp_path, stage):
    """The engine is idle again at once, and leaves no half-written file."""
    name = f"cancel-{stage}"
    photo, index = str(city / "photos" / "0001.jpg"), str(city / "city.cvgl")
    params = {"photo": photo, "index": index, "output": str(tmp_path), "heading_deg": "unknown"}
    client.send(name, "locate", **params)
    client.next(lambda e: e.get("id") == name and (e.get("stage") == stage or "result" in e))
    client.send(f"c-{name}", "cancel", id=name)
    assert client.ending(name)["event"] == "cancelled"
    assert not list(tmp_path.rglob(".*"))


def test_printing_does_not_reach_the_protocol():
    code = (
        "import os, sys, cvgl_core.worker as w\n"
        "class S:\n"
        "    def warm_up(self):\n"
        "        print('print'); os.write(1, b'write'); os.system('echo child')\n"
        "        raise RuntimeError('no')\n"
        "w.Service = lambda device: S()\n"
        "w.main()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code], env=ENVIRONMENT, **pipes)
    events = [json.loads(process.stdout.readline())["event"] for _ in range(2)]
    rest, errors = process.communicate(timeout=60)
    assert events == ["hello", "error"] and not rest
    assert all(word in errors for word in (b"print", b"write", b"child"))


def test_check():
    done = program("python", "-m", "cvgl_core.worker", "--check")
    report = json.loads(done.stdout)
    assert report["ok"] is True and report["protocol"] == protocol.VERSION
    assert {check["name"] for check in report["checks"]} >= {"torch", "weights"}


class TestEnd:
    def test_of_stdin_while_loading(self, fresh):
        process, client = fresh()
        client.next(lambda event: event["event"] == "hello")
        started = time.monotonic()
        client.close()
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - started < 2.0

    def test_of_stdin_while_locating(self, fresh, city, tmp_path):
        process, client = fresh()
        params = {"photo": str(city / "photos" / "0000.jpg"), "index": str(city / "city.cvgl")}
        client.send("1", "locate", **params, output=str(tmp_path), heading_deg="unknown")
        client.next(lambda event: event.get("stage") == "decoding")
        started = time.monotonic()
        client.close()
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - started < 2.0
        assert not list(tmp_path.rglob("*.geojson"))

    def test_with_a_parent_that_is_killed(self, tmp_path):
        """Nobody closes anything: the system does."""
        parent = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import subprocess, sys, time\n"
                "p = subprocess.Popen([sys.executable, '-m', 'cvgl_core.worker'],\n"
                "    stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
                "p.stdout.readline(); print(p.pid, flush=True); time.sleep(60)",
            ],
            stdout=subprocess.PIPE,
            env=ENVIRONMENT,
        )
        worker = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        started = time.monotonic()
        while not gone(worker) and time.monotonic() - started < 10:
            time.sleep(0.01)
        assert time.monotonic() - started < 2.0
