"""The real worker from within QGIS: with every variable poisoned, and without a standstill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qgis_plugin.engine import environment
from qgis_plugin.engine.check import check_engine
from qgis_plugin.engine.finder import EngineCommand
from qgis_plugin.engine.process import READY, Engine

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("CVGL_PYTHON") or ROOT / ".venv" / "bin" / "python")
COMMAND = EngineCommand((str(PYTHON), "-m", "cvgl_core.worker"), "test")
HOSTILE = {
    "PYTHONHOME": "/usr",
    "PYTHONPATH": "/usr/share/qgis/python:/usr/lib/python3/dist-packages",
    "PROJ_LIB": "/usr/share/proj",
    "PROJ_DATA": "/usr/share/proj",
    "LD_LIBRARY_PATH": "/usr/lib",
    "QT_QPA_PLATFORM": "nothing",
}

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason=f"no engine at {PYTHON}: make venv, or name it in CVGL_PYTHON"
)


def run(*arguments):
    """Run a command of the engine's distribution."""
    module, *rest = map(str, arguments)
    code = f"import sys; from {module} import main; sys.exit(main())"
    done = subprocess.run(
        [str(PYTHON), "-c", code, *rest],
        env=environment.scrubbed_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "Größe 街 1"
    run("cvgl_core.cli", "simulate", "city", "-o", folder, "--size-m", 260, "--gsd-m", 0.5)
    run("tiling.cli", "build", folder / "ortho.tif", "-o", folder / "city.cvgl")
    return folder


@pytest.fixture
def engine(qgis_app, monkeypatch, wait):
    """A real engine, started in an environment where everything is wrong."""
    for name in environment.REMOVED:
        monkeypatch.setenv(name, HOSTILE.get(name, "/poison"))
    monkeypatch.setenv("SSL_CERT_FILE", "/poison")
    running = Engine(COMMAND)
    running.start()
    wait(lambda: running.facts or running.state == "failed", 120)
    assert running.state == READY, running.diagnostics()
    yield running
    running.stop()


@pytest.fixture
def ask(engine, city, tmp_path):
    def call(**others):
        params = {
            "photo": str(city / "photos" / "0000.jpg"),
            "index": str(city / "city.cvgl"),
            "output": str(tmp_path / "out"),
            **others,
        }
        job = engine.request("locate", params)
        job.events = []
        job.finished.connect(lambda result: job.events.append(("finished", result)))
        job.failed.connect(lambda *error: job.events.append(("failed", *error)))
        job.cancelled.connect(lambda: job.events.append(("cancelled",)))
        return job

    return call


def test_a_photo_is_located_and_qgis_goes_on(ask, engine, wait, heartbeat):
    told = []
    job = ask(heading_deg="unknown", report=True)
    job.progress.connect(lambda fraction, text: told.append(fraction))
    wait(lambda: job.events, 120)
    assert job.events[0][0] == "finished", job.events
    result = job.events[0][1]
    assert json.loads(Path(result["files"]["geojson"]).read_text())["features"]
    assert len(told) > 10 and told == sorted(told)
    computing_ms, _ = heartbeat()
    assert computing_ms < 50
    assert engine.state == READY


def test_cancel_leaves_a_warm_engine(ask, engine, wait):
    first = ask()
    wait(lambda: first.events, 120)
    job, pid = ask(heading_deg="unknown"), engine.facts["pid"]
    wait(lambda: job.stage == "describing", 60)
    job.cancel()
    wait(lambda: job.events, 10)
    assert job.events == [("cancelled",)]
    wait(lambda: engine.state == READY, 10)
    assert engine.facts["pid"] == pid


def test_a_killed_worker_is_told_and_replaced(ask, engine, wait):
    job = ask(heading_deg="unknown")
    wait(lambda: job.stage == "describing", 60)
    os.kill(engine.facts["pid"], signal.SIGKILL)
    wait(lambda: job.events, 10)
    assert job.events[0][:2] == ("failed", "EngineStopped")
    wait(lambda: engine.state == READY, 120)
    again = ask()
    wait(lambda: again.events, 120)
    assert again.events[0][0] == "finished"


def test_check_engine(qgis_app, wait):
    job, reports = check_engine(COMMAND), []
    job.finished.connect(reports.append)
    wait(lambda: job.done, 120)
    assert reports[0]["ok"] is True


def test_no_worker_is_left_when_qgis_is_killed(tmp_path):
    """A QGIS of its own starts the worker and is killed; the worker ends by itself."""
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from qgis.PyQt.QtCore import QCoreApplication
from qgis_plugin.engine.finder import EngineCommand
from qgis_plugin.engine.process import Engine
app = QCoreApplication([])
engine = Engine(EngineCommand({COMMAND.argv!r}, "test"))
engine.state_changed.connect(lambda *_: engine.facts and print(engine.facts["pid"], flush=True))
engine.start()
app.exec() if hasattr(app, "exec") else app.exec_()
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    started = time.monotonic()
    while time.monotonic() - started < 10:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            break
        time.sleep(0.01)
    assert time.monotonic() - started < 2.0
