"""What all tests of the plugin share. They run inside QGIS's Python: see tools/test_qgis.sh."""

import sys
import time
from pathlib import Path

import pytest
from qgis.PyQt.QtCore import QEventLoop, QTimer

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
FAKE_WORKER = Path(__file__).with_name("fake_worker.py")


def wait_for(condition, timeout_s=30.0):
    """Let QGIS go on until something holds."""
    loop, end_s = QEventLoop(), time.monotonic() + timeout_s
    timer = QTimer()
    timer.timeout.connect(lambda: (condition() or time.monotonic() > end_s) and loop.quit())
    timer.start(5)
    loop.exec() if hasattr(loop, "exec") else loop.exec_()
    assert condition(), "timed out"


@pytest.fixture
def wait(qgis_app):
    return wait_for


@pytest.fixture
def fake_command():
    """The command of a stand-in for the worker that goes wrong in a given way."""
    from qgis_plugin.engine.finder import EngineCommand

    return lambda *how: EngineCommand((sys.executable, str(FAKE_WORKER), *how), "test")


@pytest.fixture
def heartbeat(qgis_app):
    """Tells the longest time that the user interface stood still, in milliseconds.

    Returns the computing time of the longest gap between two ticks and the longest gap by the
    clock, which grows where other processes take the processor.
    """
    beats = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append((time.thread_time(), time.monotonic())))
    timer.start(5)

    def longest_ms():
        ends = [*beats[1:], (time.thread_time(), time.monotonic())]
        gaps = [(e[0] - b[0], e[1] - b[1]) for b, e in zip(beats, ends, strict=True)]
        return tuple(1000 * max(gap[i] for gap in gaps) for i in (0, 1))

    yield longest_ms
    timer.stop()
