"""The zip: it keeps the repository's rules, and installs, loads, unloads and reloads."""

import importlib
import sys
import zipfile
from pathlib import Path

import pytest
import qgis.utils
from qgis.core import QgsApplication

ROOT = Path(__file__).parents[2]
ZIP = ROOT / "dist" / "cvgl-0.1.0.zip"
NAME = "cvgl"
sys.path.insert(0, str(ROOT / "tools"))

needs_zip = pytest.mark.skipif(not ZIP.is_file(), reason="no zip: run make plugin first")


@needs_zip
def test_the_repository_would_take_it():
    from check_plugin_zip import problems

    assert problems(ZIP) == []
    with zipfile.ZipFile(ZIP) as archive:
        names = set(archive.namelist())
        metadata = archive.read(f"{NAME}/metadata.txt").decode()
    assert ZIP.stat().st_size < 1_000_000
    assert {f"{NAME}/help/index.html", f"{NAME}/i18n/cvgl_de.qm"} <= names
    assert not [name for name in names if name.endswith(".ts") or "/tests/" in name]
    assert "commitSha1=\n" not in metadata, "the packager says what it was made from"


def make(path, names, metadata="[general]\nname=x\n"):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, metadata if name.endswith("metadata.txt") else "")
    return path


GOOD = ("cvgl/__init__.py", "cvgl/LICENSE", "cvgl/metadata.txt")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (GOOD[1:], "cvgl/__init__.py: missing"),
        ((*GOOD, "other/x.py"), "one top folder is wanted, not cvgl, other"),
        ((), "one top folder is wanted, not none"),
        ([name.replace("cvgl", "my-plugin") for name in GOOD], "Python cannot import"),
        ((*GOOD, "cvgl/../evil.py"), "leads out of the folder"),
        ((*GOOD, "cvgl/__pycache__/x.pyc"), "does not belong"),
        ((*GOOD, "cvgl/run.sh"), "programs and scripts"),
        (GOOD, "metadata.txt: about is missing"),
    ],
)
def test_each_rule_is_checked(tmp_path, names, words):
    from check_plugin_zip import problems

    assert any(words in problem for problem in problems(make(tmp_path / "x.zip", names)))


@pytest.fixture
def profile(qgis_iface, tmp_path, monkeypatch):
    """A profile in which the zip was just installed."""
    with zipfile.ZipFile(ZIP) as archive:
        archive.extractall(tmp_path)
    monkeypatch.setattr(qgis.utils, "iface", qgis_iface)
    monkeypatch.setattr(qgis.utils, "plugin_paths", [str(tmp_path)])
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    qgis.utils.updateAvailablePlugins()
    yield tmp_path / NAME
    if NAME in qgis.utils.plugins:
        qgis.utils.unloadPlugin(NAME)


def provider_ids():
    return [one.id() for one in QgsApplication.processingRegistry().providers()]


@needs_zip
def test_installs_loads_unloads_and_reloads(profile):
    assert NAME in qgis.utils.available_plugins
    for _ in range(2):
        assert qgis.utils.loadPlugin(NAME)
        assert qgis.utils.startPlugin(NAME)
        module = sys.modules[NAME]
        assert Path(module.__file__).parent == profile, "not the sources"
        assert provider_ids().count("cvgl") == 1
        assert qgis.utils.plugins[NAME].dock is not None
        assert qgis.utils.unloadPlugin(NAME)
        assert "cvgl" not in provider_ids()
        left = [name for name in sys.modules if name.split(".")[0] == NAME]
        # QGIS forgets modules, not packages: those of ours hold no code.
        assert all(hasattr(sys.modules[name], "__path__") for name in left), left
    assert qgis.utils.loadPlugin(NAME)
    assert qgis.utils.startPlugin(NAME)
    before = qgis.utils.plugins[NAME]
    qgis.utils.reloadPlugin(NAME)
    assert qgis.utils.plugins[NAME] is not before
    assert qgis.utils.isPluginLoaded(NAME)
    assert provider_ids().count("cvgl") == 1


@needs_zip
def test_starts_without_a_window_for_qgis_process(profile):
    assert qgis.utils.loadPlugin(NAME)
    assert qgis.utils.startProcessingPlugin(NAME)
    assert "cvgl" in provider_ids()
    assert qgis.utils.unloadPlugin(NAME)
    assert "cvgl" not in provider_ids()
