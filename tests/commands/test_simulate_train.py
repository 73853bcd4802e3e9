"""``cvgl simulate`` and ``cvgl train``: thin, so what is tested is what they pass on and say."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture
def simulator(monkeypatch):
    import cvgl_core.simulation as simulation
    from cvgl_core.simulation import writer

    seen = SimpleNamespace()

    def generate(seed, size_m, gsd_m, osm, progress, look):
        seen.asked = (seed, size_m, gsd_m, osm)
        seen.look = look
        progress("city", 1, 1)
        return "a city"

    def write(made, folder, photos, seed=0, progress=None):
        seen.written = (made, folder, photos)

    monkeypatch.setattr(simulation, "generate_city", generate)
    monkeypatch.setattr(writer, "write_city", write)
    return seen


def test_simulate_passes_everything_on(cvgl, simulator, tmp_path):
    result = cvgl(
        "simulate", "city", "-o", tmp_path, "--seed", 5, "--size-m", 300, "--gsd-m", 0.5,
        "--photos", 3, "--osm", "town.osm", "--look", "foreign", "--json",
    )  # fmt: skip
    assert result.code == 0
    assert simulator.asked == (5, 300.0, 0.5, Path("town.osm"))
    assert simulator.look == "foreign"
    assert simulator.written == ("a city", tmp_path, 3)
    assert json.loads(result.out)["photos"] == 3


def test_simulate_defaults_are_the_contract(cvgl, simulator, tmp_path):
    assert cvgl("simulate", "city", "-o", tmp_path).code == 0
    assert simulator.asked == (0, 1200.0, 0.25, None)
    assert simulator.look == "plain"


def test_simulate_needs_a_folder(cvgl):
    result = cvgl("simulate", "city")
    assert result.code == 2
    assert "--output" in result.err


def test_simulate_refuses_a_size_in_one_line(cvgl, tmp_path):
    result = cvgl("simulate", "city", "-o", tmp_path, "--size-m", 1)
    assert result.code == 11
    assert len(result.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def packs(monkeypatch):
    from cvgl_core.data import simcity

    seen = SimpleNamespace()

    def render(specs, folder, processes, progress):
        seen.asked = ([spec.seed for spec in specs], folder, processes)
        return 1

    monkeypatch.setattr(simcity, "render_packs", render)
    return seen


def test_benchmark_renders_the_parts_asked_for(cvgl, packs, tmp_path):
    command = ("simulate", "benchmark", "simcity-v1", "-o", tmp_path)
    result = cvgl(*command, "--part", "test", "--part", "validation", "--processes", 3, "--json")
    assert result.code == 0
    assert packs.asked == ([80001, 80002, 80003, 80004, 9001], tmp_path, 3)
    facts = json.loads(result.out)
    assert len(facts["cities"]) == 5 and facts["rendered"] == 1
    assert cvgl(*command).code == 0
    assert len(packs.asked[0]) == 56


@pytest.mark.parametrize("words", [("simcity-v9",), ("simcity-v1", "--part", "tests")])
def test_benchmark_names_what_it_knows(cvgl, packs, tmp_path, words):
    result = cvgl("simulate", "benchmark", *words, "-o", tmp_path)
    assert result.code == 2
    assert "is one of" in result.err


@pytest.fixture
def trainer(monkeypatch):
    from cvgl_core.training import loop

    seen = SimpleNamespace()

    def train(config, *, resume, progress):
        seen.config, seen.resume = config, resume
        return SimpleNamespace(
            weights=Path("runs/x/weights.safetensors"),
            card=SimpleNamespace(weights_sha256="ab" * 32),
            steps=10,
            pairs=640,
            minutes=1.5,
            figures={"r@1": 0.5},
        )

    monkeypatch.setattr(loop, "train", train)
    return seen


def test_train_reads_the_file_and_reports(cvgl, trainer, tmp_path):
    config = tmp_path / "t.toml"
    config.write_text("[run]\nminutes = 3\n")
    result = cvgl("train", config, "--resume", "--json")
    assert result.code == 0
    assert trainer.resume is True
    assert trainer.config.run.minutes == 3
    assert json.loads(result.out)["figures"] == {"r@1": 0.5}
    assert "10 steps" in cvgl("train", config).out


@pytest.mark.parametrize("text", [None, "[run", "[run]\nminutes = -1\n", "[run]\nminuets = 3\n"])
def test_train_refuses_bad_configurations(cvgl, trainer, tmp_path, text):
    config = tmp_path / "t.toml"
    if text is not None:
        config.write_text(text)
    result = cvgl("train", config)
    assert result.code == 11
    assert "t.toml" in result.err
    assert len(result.err.splitlines()) == 1


def test_train_takes_a_preset_a_row_and_changes(cvgl, trainer):
    result = cvgl(
        "train", "simcity", "--row", "fa", "--set", "run.minutes=3", "--set", "batch.size=8"
    )
    assert result.code == 0
    config = trainer.config
    assert config.model.network == "unifygeo-lite0-paper"
    assert (config.run.minutes, config.batch.size) == (3, 8)
    assert str(config.run.folder) == "runs/simcity-fa"


def test_train_lists_presets_and_rows(cvgl):
    result = cvgl("train", "--list")
    assert result.code == 0
    assert all(name in result.out for name in ("vigor-same", "cvusa", "sample4geo", "ul-fa"))


@pytest.mark.parametrize(
    ("options", "word"),
    [(("--row", "none"), "rows:"), (("--set", "batch.size"), "section.key=value")],
    ids=["row", "change"],
)
def test_train_refuses_unknown_rows_and_changes(cvgl, trainer, options, word):
    result = cvgl("train", "simcity", *options)
    assert result.code == 11
    assert word in result.err


def test_of_several_processes_one_talks(cvgl, trainer, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert cvgl("train", "simcity", "--json").out == ""
