"""The command as a whole: help at once, versions, models, doctor."""

import json
import time

import pytest

HEAVY = ("torch", "timm", "rasterio", "pyproj", "shapely", "cv2", "PIL", "pandas")


def test_help_needs_nothing_heavy_and_is_quick(python):
    code = (
        "import sys; from cvgl_core.cli import app; from cvgl_core.console import run; "
        "code = run(app, 'cvgl', sys.argv[1:]); "
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules]; "
        "assert code == 0 and not heavy, (code, heavy)"
    )
    best = 99.0
    for args in (["--help"], ["locate", "--help"], ["simulate", "city", "--help"]):
        started = time.monotonic()
        done = python(code, *args)
        best = min(best, time.monotonic() - started)
        assert done.returncode == 0, done.stderr
        assert "Usage: cvgl" in done.stdout
    assert best < 2.0  # 0.4 s on a quiet machine


def test_version(cvgl):
    result = cvgl("--version")
    assert result.code == 0
    assert result.out.startswith("cvgl ")


@pytest.mark.parametrize("args", [(), ("nonsense",), ("locate",), ("simulate", "village")])
def test_usage(cvgl, args):
    assert cvgl(*args).code == 2


class TestModels:
    def test_json_is_the_contract(self, cvgl):
        result = cvgl("models", "--json")
        assert result.code == 0
        listed = {entry["name"]: entry for entry in json.loads(result.out)}
        assert {"unifygeo-lite0", "unifygeo-convnext-tiny"} <= set(listed)
        for entry in listed.values():
            assert entry["tile_size_m"] > 0
            assert entry["bundled"] == (entry["weights_sha256"] is not None)
        assert 57.66e6 <= listed["unifygeo-convnext-tiny"]["parameters"] <= 57.72e6
        assert listed["unifygeo-lite0"]["aerial_px"] == 128

    def test_one_model(self, cvgl):
        result = cvgl("models", "unifygeo-lite0")
        assert result.code == 0
        assert result.out.startswith("unifygeo-lite0  ")

    def test_unknown(self, cvgl):
        result = cvgl("models", "unifygeo-max")
        assert result.code == 52
        assert "unifygeo-lite0" in result.err


class TestDoctor:
    def test_it_looks_at_everything(self, cvgl):
        result = cvgl("doctor", "--json")
        report = json.loads(result.out)
        checks = {check["name"]: check for check in report["checks"]}
        assert {"cvgl", "python", "torch", "projections", "rasters", "device", "weights"} <= set(
            checks
        )
        assert checks["projections"]["ok"] is True
        assert checks["rasters"]["ok"] is True
        assert result.code == (0 if report["ok"] else 10)

    def test_a_broken_part_is_named_and_the_others_are_still_looked_at(self, cvgl, monkeypatch):
        from cvgl_core.commands import doctor

        def broken():
            raise RuntimeError("proj.db is gone\nsecond line")

        monkeypatch.setattr(doctor, "check_projections", broken)
        result = cvgl("doctor")
        assert result.code == 10
        assert "FAIL  projections: RuntimeError: proj.db is gone second line" in result.out
        assert "ok    rasters" in result.out


def test_interrupt(python):
    code = (
        "import sys, cvgl_core.commands.models as m\n"
        "def stop(*a): raise KeyboardInterrupt\n"
        "m.model_facts = stop\n"
        "from cvgl_core.cli import main\n"
        "sys.argv = ['cvgl', 'models']\n"
        "main()"
    )
    done = python(code)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
