"""The engine's client against a stand-in that fails in every way; the interface goes on."""

import os
import signal

import pytest

from qgis_plugin.engine.check import check_engine
from qgis_plugin.engine.finder import EngineCommand
from qgis_plugin.engine.process import (
    BUSY,
    FAILED,
    READY,
    RESTARTING,
    SILENT,
    STARTING,
    STOPPED,
    Engine,
    Limits,
)

MAX_COMPUTING_MS, MAX_GAP_MS = 50, 250
QUICK = Limits(silence_ms=300, cancel_ms=400, pauses_ms=(10, 10, 10))
STAGES = ("reading", "describing", "searching", "matching", "decoding", "fusing", "writing")


class Heard:
    """Everything a job said."""

    def __init__(self, job):
        self.job, self.events, self.progress = job, [], []
        job.progress.connect(lambda fraction, text: self.progress.append((fraction, job.stage)))
        job.finished.connect(lambda result: self.events.append(("finished", result)))
        job.failed.connect(lambda error, message: self.events.append(("failed", error, message)))
        job.cancelled.connect(lambda: self.events.append(("cancelled",)))

    @property
    def end(self):
        return self.events[0] if self.events else None


@pytest.fixture
def make_engine(qgis_app, fake_command, wait):
    made = []

    def make(*how, limits=QUICK, command=None):
        engine = Engine(command or fake_command(*how), limits=limits)
        engine.states, engine.lines = [], []
        engine.state_changed.connect(lambda *state: engine.states.append(state))
        engine.log.connect(engine.lines.append)
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.stop()


def ask(engine, method="locate", **params):
    return Heard(engine.request(method, params))


def smooth(gaps_ms):
    computing_ms, clock_ms = gaps_ms
    return computing_ms < MAX_COMPUTING_MS and clock_ms < MAX_GAP_MS


def pid(engine):
    return engine.facts["pid"]


def alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_request_starts_the_engine_and_comes_back(make_engine, wait, heartbeat):
    engine = make_engine()
    assert engine.state == STOPPED
    heard = ask(engine, photo="Müller 写真.jpg", value=1.5, none=None)
    assert not heard.events
    wait(lambda: heard.end)
    assert heard.events == [
        ("finished", {"echo": {"photo": "Müller 写真.jpg", "value": 1.5, "none": None}})
    ]
    assert [stage for _, stage in heard.progress] == list(STAGES)
    assert [state for state, _ in engine.states] == [STARTING, STARTING, BUSY, READY]
    assert engine.text == "Engine ready, CPU, offline"
    assert engine.facts["engine"] == "0.0-fake"
    assert smooth(heartbeat())


def test_requests_before_the_start_are_all_answered(make_engine, wait):
    engine = make_engine("slow")
    heard = [ask(engine, number=number) for number in range(20)]
    wait(lambda: all(each.end for each in heard))
    assert [each.end[1]["echo"]["number"] for each in heard] == list(range(20))


def test_an_error_of_the_engine_is_that_of_the_job(make_engine, wait):
    engine = make_engine()
    heard = ask(engine, "refuse")
    wait(lambda: heard.end)
    assert heard.events == [("failed", "PhotoOpenError", "x.jpg: no")]
    assert engine.state == READY


def test_what_is_no_json_fails_alone(make_engine, wait):
    engine = make_engine()
    heard = [ask(engine, value=float("nan")), ask(engine, value=object()), ask(engine)]
    wait(lambda: all(each.end for each in heard))
    assert [each.end[0] for each in heard] == ["failed", "failed", "finished"]


class TestCancel:
    @pytest.mark.parametrize("stage", STAGES)
    def test_at_each_stage(self, make_engine, wait, stage):
        engine = make_engine()
        heard = ask(engine, hold=stage)
        wait(lambda: heard.progress and heard.progress[-1][1] == stage)
        heard.job.cancel()
        heard.job.cancel()
        wait(lambda: heard.end)
        wait(lambda: engine.state == READY)
        assert heard.events == [("cancelled",)]

    def test_before_it_was_sent(self, make_engine, wait):
        engine = make_engine("slow")
        heard, other = ask(engine), ask(engine)
        heard.job.cancel()
        assert not heard.events
        wait(lambda: other.end)
        assert heard.events == [("cancelled",)]
        assert other.end[0] == "finished"

    def test_of_a_deaf_engine_kills_it_and_asks_again_for_the_others(self, make_engine, wait):
        engine = make_engine("deaf")
        heard = ask(engine, hold="matching")
        wait(lambda: heard.progress)
        other, old = ask(engine, steps=3), pid(engine)
        heard.job.cancel()
        wait(lambda: heard.end)
        assert engine.state == BUSY and not other.end
        wait(lambda: other.end)
        assert heard.events == [("cancelled",)]
        assert other.end[0] == "finished"
        wait(lambda: not alive(old))

    def test_after_the_end_does_nothing(self, make_engine, wait):
        engine = make_engine()
        heard = ask(engine)
        wait(lambda: heard.end)
        heard.job.cancel()
        other = ask(engine)
        wait(lambda: other.end)
        assert [event[0] for event in heard.events] == ["finished"]


class TestCrash:
    def test_in_the_middle(self, make_engine, wait, heartbeat):
        engine = make_engine()
        waiting = ask(engine, hold="matching")
        wait(lambda: waiting.progress)
        heard = ask(engine, "crash")
        wait(lambda: heard.end and waiting.end)
        assert heard.end[:2] == waiting.end[:2] == ("failed", "EngineStopped")
        assert "killed or crashed" in heard.end[2]
        wait(lambda: engine.state == READY)
        assert RESTARTING in [state for state, _ in engine.states]
        again = ask(engine)
        wait(lambda: again.end)
        assert again.end[0] == "finished"
        assert smooth(heartbeat())

    def test_killed_from_outside(self, make_engine, wait):
        engine = make_engine()
        heard = ask(engine, hold="decoding")
        wait(lambda: heard.progress)
        os.kill(pid(engine), signal.SIGKILL)
        wait(lambda: heard.end)
        assert "signal 9" in heard.end[2]
        wait(lambda: engine.state == READY)

    def test_again_and_again_ends_the_attempts(self, make_engine, wait):
        engine = make_engine()
        engine.start()
        crashes = len(QUICK.pauses_ms) + 1
        for _ in range(crashes):
            wait(lambda: engine.state == READY)
            heard = ask(engine, "crash")
            wait(lambda heard=heard: heard.end)
        assert engine.state == FAILED
        assert f"{crashes} times in a row" in engine.text
        refused = ask(engine)
        assert not refused.events
        wait(lambda: refused.end)
        assert refused.end[:2] == ("failed", "EngineFailed")
        engine.restart()
        heard = ask(engine)
        wait(lambda: heard.end)
        assert heard.end[0] == "finished"

    def test_at_the_start_is_told_with_its_reason(self, make_engine, wait):
        engine = make_engine("crash-at-start")
        heard = ask(engine)
        wait(lambda: heard.end)
        assert engine.state == FAILED
        assert "No module named 'cvgl_core'" in heard.end[2]
        assert "No module named" in engine.diagnostics()

    def test_while_loading(self, make_engine, wait):
        engine = make_engine("crash-while-loading")
        engine.start()
        wait(lambda: engine.state == FAILED)
        assert [state for state, _ in engine.states].count(RESTARTING) == len(QUICK.pauses_ms)


def test_no_such_program(make_engine, wait):
    engine = make_engine(command=EngineCommand(("/nowhere/python", "-m", "x"), "settings"))
    heard = ask(engine)
    assert not heard.events
    wait(lambda: heard.end)
    assert engine.state == FAILED
    assert "/nowhere/python" in engine.text


def test_another_version_is_refused_in_a_sentence(make_engine, wait):
    engine = make_engine("version")
    heard = ask(engine)
    wait(lambda: heard.end)
    assert engine.state == FAILED
    assert "protocol 2.0" in engine.text and "install matching versions" in engine.text


def test_an_engine_that_cannot_load_says_why(make_engine, wait):
    engine = make_engine("broken")
    engine.start()
    wait(lambda: engine.state == FAILED)
    assert "torch cannot be loaded" in engine.text


def test_a_slow_start_says_so_and_ends_well(make_engine, wait):
    engine = make_engine("slow", limits=Limits(slow_start_ms=50))
    engine.start()
    wait(lambda: engine.state == READY)
    assert any("still starting" in text for _, text in engine.states)


def test_a_start_that_takes_for_ever_fails(make_engine, wait):
    engine = make_engine("never", limits=Limits(slow_start_ms=50, start_ms=500))
    heard = ask(engine)
    wait(lambda: heard.end)
    assert engine.state == FAILED
    assert "did not start" in heard.end[2]


def test_a_hang_is_told_and_can_be_ended(make_engine, wait):
    engine = make_engine()
    heard = ask(engine, "hang")
    wait(lambda: engine.state == SILENT)
    assert "No sign of life" in engine.text
    heard.job.cancel()
    wait(lambda: heard.end)
    assert heard.events == [("cancelled",)]
    wait(lambda: engine.state == READY)


def test_a_sign_of_life_ends_the_silence(make_engine, wait):
    engine = make_engine(limits=Limits(silence_ms=100))
    heard = ask(engine, steps=8)
    wait(lambda: heard.end)
    states = [state for state, _ in engine.states]
    assert SILENT in states and states[-1] == READY
    assert heard.end[0] == "finished"


def test_garbage_is_logged_and_overlooked(make_engine, wait):
    engine = make_engine()
    heard = ask(engine, "garbage")
    wait(lambda: heard.end)
    assert heard.end[0] == "finished"
    assert sum("no message" in line for line in engine.lines) == 4


def test_a_huge_message_ends_the_engine_not_qgis(make_engine, wait, heartbeat):
    engine = make_engine()
    heard = ask(engine, "huge")
    wait(lambda: heard.end)
    assert heard.end[:2] == ("failed", "EngineStopped")
    assert "more than 4 MiB" in heard.end[2]
    wait(lambda: engine.state == READY)
    assert smooth(heartbeat())


def test_a_flood_on_stderr_holds_nothing_up(make_engine, wait, heartbeat):
    engine = make_engine()
    heard = ask(engine, "flood")
    wait(lambda: heard.end)
    assert heard.end[0] == "finished"
    wait(lambda: any("199999" in line for line in engine.lines))
    assert len(engine.lines) < 20_000  # of 200,000; as many reads as there were do not matter
    assert smooth(heartbeat())


class TestStop:
    def test_jobs_fail_and_the_process_goes(self, make_engine, wait):
        engine = make_engine()
        heard = ask(engine, hold="matching")
        wait(lambda: heard.progress)
        old = pid(engine)
        engine.stop()
        assert heard.end[:2] == ("failed", "EngineStopped")
        assert engine.state == STOPPED
        wait(lambda: not alive(old), 2.0)

    def test_a_stubborn_process_is_killed(self, make_engine, wait):
        engine = make_engine("stubborn")
        engine.start()
        wait(lambda: engine.state == READY)
        old = pid(engine)
        engine.stop()
        wait(lambda: not alive(old), 4.0)

    def test_deleting_the_engine_leaves_no_process(self, make_engine, wait):
        engine = make_engine("stubborn")
        engine.start()
        wait(lambda: engine.state == READY)
        old = pid(engine)
        engine.stop()
        engine.deleteLater()
        engine.stop = lambda: None
        wait(lambda: not alive(old), 4.0)

    def test_it_can_be_started_again(self, make_engine, wait):
        engine = make_engine()
        engine.start()
        wait(lambda: engine.state == READY)
        engine.stop()
        heard = ask(engine)
        wait(lambda: heard.end)
        assert heard.end[0] == "finished"

    def test_restart_with_another_command(self, make_engine, wait, fake_command):
        engine = make_engine("crash-at-start")
        engine.start()
        wait(lambda: engine.state == FAILED)
        engine.restart(fake_command())
        wait(lambda: engine.state == READY)


class TestCheck:
    def test_report(self, qgis_app, fake_command, wait):
        heard = Heard(check_engine(fake_command()))
        wait(lambda: heard.end)
        assert heard.end[1]["ok"] is True
        assert heard.end[1]["checks"][0]["name"] == "torch"

    @pytest.mark.parametrize("how", ["crash-at-start", "never"])
    def test_no_report(self, qgis_app, fake_command, wait, how):
        heard = Heard(check_engine(fake_command(how), limit_ms=500))
        wait(lambda: heard.end)
        assert heard.end[:2] == ("failed", "EngineFailed")
        assert how == "never" or "No module named" in heard.end[2]


def test_diagnostics_name_everything(make_engine, wait):
    engine = make_engine()
    engine.start()
    wait(lambda: engine.state == READY)
    text = engine.diagnostics()
    for part in ("fake_worker.py", "(test)", "ready", "device: cpu", "engine: 0.0-fake"):
        assert part in text
