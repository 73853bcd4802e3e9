"""Exit codes, one-line errors and progress of the commands."""

import io
import json
import logging
import sys

import pytest
import typer

from cvgl_core.console import (
    JsonProgress,
    PlainProgress,
    ProgressStyle,
    Verbose,
    one_line,
    progress_bar,
    run,
)
from cvgl_core.errors import CvglError, PhotoOpenError


def all_errors(base=CvglError):
    yield base
    for child in base.__subclasses__():
        yield from all_errors(child)


@pytest.fixture(autouse=True)
def quiet_again():
    yield
    for name in ("cvgl_core", "tiling"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def app_raising(error):
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    def go(verbose: Verbose = 0):
        if error is not None:
            raise error

    return app


def test_success_is_zero(capsys):
    assert run(app_raising(None), "cvgl", []) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("leaf", list(all_errors()))
def test_each_error_has_its_code_and_one_line(leaf, capsys):
    assert run(app_raising(leaf("a.tif: first\nsecond")), "cvgl", []) == leaf.exit_code >= 10
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "cvgl: error: a.tif: first second\n"


def test_exit_codes_are_distinct():
    codes = [leaf.exit_code for leaf in all_errors()]
    assert len(codes) == len(set(codes))


def test_usage_is_two(capsys):
    assert run(app_raising(None), "cvgl", ["--nonsense"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--nonsense" in err


def test_interrupt_is_130():
    assert run(app_raising(KeyboardInterrupt()), "cvgl", []) == 130


def test_a_fault_is_named_without_a_traceback(capsys):
    assert run(app_raising(RuntimeError("boom")), "cvgl-tile", []) == 1
    err = capsys.readouterr().err
    assert err.startswith("cvgl-tile: error: RuntimeError: boom (this is a fault of the program")
    assert "Traceback" not in err


def test_verbose_shows_the_traceback(capsys):
    assert run(app_raising(PhotoOpenError("x.jpg: no image")), "cvgl", ["-v"]) == 31
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1] == "cvgl: error: x.jpg: no image"


def test_operating_system_errors_are_output_errors(capsys):
    assert run(app_raising(PermissionError(13, "denied", "x")), "cvgl", []) == 60
    assert "denied" in capsys.readouterr().err


def test_logs_go_to_stderr_as_lines(capsys):
    run(app_raising(None), "cvgl", [])
    logging.getLogger("cvgl_core.something").warning("look at %s", "this")
    assert capsys.readouterr() == ("", "cvgl: warning: look at this\n")


def test_one_line_escapes_controls():
    assert one_line("a\nb\t c\x1b[31m\u202e") == "a b c\\x1b[31m\\u202e"


def test_plain_progress_is_sparse():
    stream = io.StringIO()
    progress = PlainProgress(stream, interval_s=0.0)
    for done in range(3):
        progress("cutting", done, 3)
    assert stream.getvalue() == "cutting: 1/3\ncutting: 2/3\n"
    quiet = PlainProgress(stream, interval_s=100.0)
    quiet("cutting", 1, 3)
    quiet("cutting", 2, 3)
    assert stream.getvalue().count("\n") == 2


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_bar_leaves_stdout_alone(terminal, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with progress_bar() as progress:
        progress("describing", 0, 2)
        progress("describing", 2, 2)
    assert capsys.readouterr().out == ""


def test_progress_for_programs(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bar(ProgressStyle.JSON) as progress:
        for done in range(1001):
            progress("cutting", done, 1000)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert told[0] == {"stage": "cutting", "done": 0, "total": 1000}
    assert told[-1] == {"stage": "cutting", "done": 1000, "total": 1000}
    assert len(told) < 100


def test_progress_for_programs_is_steady():
    stream = io.StringIO()
    progress = JsonProgress(stream, interval_s=0.0)
    for done in (0, 1, 2):
        progress("a", done, 2)
    assert [json.loads(line)["done"] for line in stream.getvalue().splitlines()] == [0, 1, 2]
