"""Finding the engine, and the environment it gets."""

import os
import sys
from pathlib import Path

import pytest

from qgis_plugin.engine import environment
from qgis_plugin.engine.finder import EngineNotFound, find_engine

WORKER = ("-m", "cvgl_core.worker")


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    """A machine on which no engine is installed."""
    monkeypatch.delenv("CVGL_PYTHON", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


class TestFinder:
    def test_nothing_found_says_how_to_install(self, nothing):
        with pytest.raises(EngineNotFound, match="pip install cvgl"):
            find_engine()

    def test_the_order_of_places(self, nothing, monkeypatch):
        on_path = program(nothing / "bin" / "cvgl")
        assert find_engine() == type(find_engine())((str(on_path), "worker"), "PATH")
        own = program(nothing / "home" / ".cvgl" / "venv" / "bin" / "python")
        assert find_engine().argv == (str(own), *WORKER)
        named = program(nothing / "another place" / "bin" / "python3")
        monkeypatch.setenv("CVGL_PYTHON", str(named))
        assert find_engine().argv == (str(named), *WORKER)
        assert find_engine().origin == "CVGL_PYTHON"
        assert find_engine(str(own)).argv == (str(own), *WORKER)
        assert find_engine(str(own)).origin == "settings"

    def test_a_setting_may_be_a_folder_with_spaces(self, nothing):
        python = program(nothing / "My engine é" / "bin" / "python")
        assert find_engine(f" {nothing / 'My engine é'} ").argv == (str(python), *WORKER)
        (nothing / "home").mkdir()
        assert find_engine("~/../My engine é").argv[1:] == WORKER

    def test_a_link_of_a_virtual_environment_is_not_followed(self, nothing):
        real = program(nothing / "usr" / "python3.11")
        venv = nothing / "venv" / "bin"
        venv.mkdir(parents=True)
        (venv / "python").symlink_to(real)
        assert find_engine(str(nothing / "venv")).argv[0] == str(venv / "python")

    def test_a_setting_may_be_a_whole_command(self, nothing):
        ssh = program(nothing / "bin" / "ssh")
        found = find_engine("ssh -i 'my key' user@host cvgl worker")
        assert found.argv == (str(ssh), "-i", "my key", "user@host", "cvgl", "worker")

    def test_a_setting_may_be_cvgl(self, nothing):
        cvgl = program(nothing / "bin" / "cvgl")
        assert find_engine("cvgl").argv == find_engine(str(cvgl)).argv == (str(cvgl), "worker")

    def test_shell_syntax_is_not_run(self, nothing):
        program(nothing / "bin" / "ssh")
        argv = find_engine("ssh host 'cvgl worker; rm x' $HOME `id` && true").argv
        assert argv[2:] == ("cvgl worker; rm x", "$HOME", "`id`", "&&", "true")

    @pytest.mark.parametrize("setting", ["/nowhere/python", "nosuch worker", "'unclosed", "''"])
    def test_a_wrong_setting_is_not_passed_over(self, nothing, setting):
        program(nothing / "bin" / "cvgl")
        with pytest.raises(EngineNotFound):
            find_engine(setting)

    def test_a_wrong_variable_is_not_passed_over(self, nothing, monkeypatch):
        program(nothing / "bin" / "cvgl")
        monkeypatch.setenv("CVGL_PYTHON", "/nowhere/python")
        with pytest.raises(EngineNotFound, match="/nowhere/python"):
            find_engine()

    def test_a_folder_without_python(self, nothing):
        with pytest.raises(EngineNotFound, match="virtual environment"):
            find_engine(str(nothing))


class TestEnvironment:
    def test_what_breaks_another_python_is_gone(self):
        poisoned = dict.fromkeys(environment.REMOVED, "/poison")
        found = environment.scrubbed_environment({**poisoned, "PATH": "/bin", "LANG": "C.UTF-8"})
        assert found == {"PATH": "/bin", "LANG": "C.UTF-8", **environment.SET}

    def test_the_surroundings_are_left_alone(self):
        before = dict(os.environ)
        environment.scrubbed_environment()
        assert dict(os.environ) == before

    def test_certificates_stay_where_they_are_good(self, tmp_path):
        bundle, own = tmp_path / "ca.pem", tmp_path / "qgis" / "ca.pem"
        for path in (bundle, own):
            program(path)
        given = {
            "SSL_CERT_FILE": str(bundle),
            "REQUESTS_CA_BUNDLE": str(own),
            "CURL_CA_BUNDLE": str(tmp_path / "missing.pem"),
            "QGIS_PREFIX_PATH": str(tmp_path / "qgis"),
        }
        found = environment.scrubbed_environment(given)
        assert found == {"SSL_CERT_FILE": str(bundle), **environment.SET}

    def test_a_system_prefix_is_no_install_of_qgis(self):
        given = {"SSL_CERT_DIR": "/usr/share", "QGIS_PREFIX_PATH": "/usr"}
        assert environment.scrubbed_environment(given)["SSL_CERT_DIR"] == "/usr/share"


def test_parts_without_qt():
    """What needs no Qt can be used, and tested, without it."""
    import subprocess

    code = (
        "import sys; sys.modules['qgis'] = None\n"
        "import qgis_plugin.engine.environment, qgis_plugin.engine.messages"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
