"""A small simulated city, its index, one warm engine with the real weights, and what it answers.

The engine is the one of CVGL_PYTHON, else of the repository's ``.venv``.
"""

import json
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from time import thread_time
from types import SimpleNamespace

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsSettings
from qgis.PyQt.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from qgis.PyQt.QtGui import QDragEnterEvent, QDropEvent
from qgis.PyQt.QtWidgets import QApplication

from qgis_plugin.engine.process import Job

ROOT = Path(__file__).parents[3]
PYTHON = Path(os.environ.get("CVGL_PYTHON") or ROOT / ".venv" / "bin" / "python")


@pytest.fixture(scope="session")
def city(tmp_path_factory):
    """A city of 400 m: its ortho, photos, truth and index; the path is no plain ASCII."""
    if not PYTHON.exists():
        pytest.skip(f"no engine at {PYTHON}: run make venv, or name one in CVGL_PYTHON")
    folder = tmp_path_factory.mktemp("Straße 東京 é")
    run("cvgl", "simulate", "city", "-o", folder, "--size-m", 400, "--seed", 7, "--photos", 5)
    run("cvgl-tile", "build", folder / "ortho.tif", "-o", folder / "city.cvgl")
    truth = json.loads((folder / "truth.geojson").read_text(encoding="utf-8"))["features"]
    return SimpleNamespace(
        folder=folder,
        ortho=folder / "ortho.tif",
        index=folder / "city.cvgl",
        photos=[folder / feature["properties"]["photo"] for feature in truth],
        truth=[feature["geometry"]["coordinates"] for feature in truth],
    )


def run(command, *arguments):
    """Run a command of the engine's environment."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [str(PYTHON.parent / command), *map(str, arguments)],
        check=True, capture_output=True, env=environment, timeout=280,
    )  # fmt: skip


@pytest.fixture(scope="session")
def station(qgis_app):
    """One engine for all tests."""
    from qgis_plugin.station import Station

    os.environ["CVGL_PYTHON"] = str(PYTHON)
    QgsSettings().remove("cvgl")
    station = Station()
    yield station
    station.stop()


@pytest.fixture(scope="session")
def answer(city, station, tmp_path_factory, session_wait):
    """What the engine answers for the first photo, and the folder it wrote."""
    folder = tmp_path_factory.mktemp("answer")
    params = {"photo": str(city.photos[0]), "index": str(city.index), "output": str(folder)}
    got = []
    job = station.request("locate", {**params, "name": "a photo", "report": True})
    job.finished.connect(got.append)
    job.failed.connect(lambda *failure: got.append(failure))
    session_wait(lambda: got, 120)
    assert isinstance(got[0], dict), got[0]
    return folder, got[0]


@pytest.fixture(scope="session")
def session_wait(qgis_app):
    """`wait` for fixtures of the session."""
    from time import monotonic, sleep

    def wait(condition, timeout_s):
        end_s = monotonic() + timeout_s
        while not condition() and monotonic() < end_s:
            QApplication.processEvents()
            sleep(0.005)
        assert condition(), "timed out"

    return wait


@pytest.fixture
def result(answer, tmp_path):
    """A copy of the answer, as the dock reads it."""
    from qgis_plugin.result import read_result
    from qgis_plugin.shapes import write_shapes

    folder = tmp_path / "résultat 1"
    shutil.copytree(answer[0], folder)
    result = read_result(folder / "a photo.geojson")
    result.save()
    write_shapes(result, fov_deg=360.0)
    result.peak = answer[1]["posterior"]["peak"]
    return result


@pytest.fixture
def group(result, qgis_new_project):
    """The layers of the answer, in the open project."""
    return build(result)


def build(result):
    """Add the layers of a result to the open project."""
    from qgis_plugin.layers import build_group

    return next(step for step in build_group(result, result.peak) if step is not None)


@pytest.fixture
def imagery(city, qgis_new_project, qgis_canvas):
    """The ortho in a project in Web Mercator."""
    layer = QgsRasterLayer(str(city.ortho), "ortho")
    QgsProject.instance().addMapLayer(layer)
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    qgis_canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    return layer


@pytest.fixture
def fresh_settings(qgis_app, tmp_path):
    """Nothing remembered; results go to a folder of the test."""
    from qgis_plugin import settings

    QgsSettings().remove("cvgl")
    settings.set_results_folder(tmp_path / "results")
    yield
    QgsSettings().remove("cvgl")


@pytest.fixture
def dock(imagery, station, qgis_iface, qgis_canvas, fresh_settings):
    """A dock that is seen, over the imagery."""
    from qgis_plugin.dock import CvglDock

    dock = CvglDock(qgis_iface, station=station)
    dock.messages = []
    dock._warn = dock.messages.append
    dock.search.failed.disconnect()
    dock.search.failed.connect(dock._failed)
    dock.resize(430, 1100)
    dock.show()
    yield dock
    dock.search.drop()
    dock.marker.clear()
    QgsProject.instance().readProject.disconnect(dock._restore)
    dock.deleteLater()


@pytest.fixture
def open_dock(dock, city, wait):
    """A dock with the city's index open."""
    dock.open_index(str(city.index))
    wait(dock.index_bar.path, 120)
    return dock


@pytest.fixture
def shown_dock(open_dock, result):
    """A dock that shows the answer for the first photo."""
    open_dock._reopened(result, build(result))
    return open_dock


@pytest.fixture
def asked(open_dock, station):
    """What the dock asks the engine to locate; nothing is located."""
    questions, request = [], station.request

    def note(method, params):
        if method != "locate":
            return request(method, params)
        questions.append(params)
        return Job("0", method, params)

    station.request = note
    yield questions
    del station.request


@pytest.fixture
def busy(qgis_app):
    """Tells the longest time in milliseconds that the main thread computed without a pause.

    Its own time, not the clock's: whatever else this machine does has no part in it.
    """
    beats = [thread_time()]
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(thread_time()))
    timer.start(5)
    yield lambda: 1000 * max(b - a for a, b in pairwise(beats))
    timer.stop()


@pytest.fixture
def drop_on(qgis_app):
    """Drops files on a widget as the mouse does; tells whether they were taken."""
    return drop


def drop(widget, *paths, text=""):
    """Send the events of a drag and a drop."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    if text:
        mime.setText(text)
    how = (
        Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )  # fmt: skip
    enter = QDragEnterEvent(QPoint(10, 10), *how)
    QApplication.sendEvent(widget, enter)
    event = QDropEvent(QPointF(10, 10), *how)
    QApplication.sendEvent(widget, event)
    return enter.isAccepted() and event.isAccepted()
