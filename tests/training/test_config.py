"""What a run is told: presets, rows of an ablation, changes, and what is refused."""

from __future__ import annotations

import pytest

from cvgl_core.errors import SettingsError
from cvgl_core.models.registry import model_config
from cvgl_core.training.config import TrainConfig, about_preset, load_train_config, presets
from cvgl_core.training.rows import ROWS
from cvgl_core.training.skylink_config import is_skylink

PAPERS = ("vigor-same", "vigor-cross", "cvusa", "cvact")


@pytest.mark.parametrize("name", [name for name in presets() if not is_skylink(name)])
def test_presets_are_valid_and_say_what_they_are(name):
    config = load_train_config(name)
    model_config(config.model.network)
    assert about_preset(name)


@pytest.mark.parametrize("name", PAPERS)
def test_the_papers_settings(name):
    """UnifyGeo IV-C, and sigma as CCVPE's scaled to 384 px."""
    config = load_train_config(name)
    loss, how = config.loss, config.optimiser
    assert config.model.name.startswith("unifygeo-convnext-tiny")
    assert (config.batch.size, config.run.epochs, how.warmup_epochs) == (64, 40, 1)
    assert (how.learning_rate, how.weight_decay) == (4.5e-4, 0.04)
    assert (loss.localization, loss.retrieval, loss.matching, loss.ranking) == (1, 100, 10, 1)
    assert (loss.label_smoothing, loss.sigma_px) == (0.1, 3.0)
    assert config.pairs is not None and config.pairs.dataset == name


@pytest.mark.parametrize("row", ROWS)
def test_rows_go_over_any_preset(row):
    for name in ("vigor-same", "cvusa", "simcity"):
        plain, changed = load_train_config(name), load_train_config(name, row)
        model_config(changed.model.network)
        assert changed.run.folder.name == f"{plain.run.folder.name}-{row}"
        assert changed.pairs == plain.pairs and changed.optimiser == plain.optimiser


def test_rows_switch_terms_and_parts():
    def of(row):
        config = load_train_config("simcity", row)
        loss = config.loss
        parts = model_config(config.model.network)
        return (
            (loss.localization, loss.retrieval, loss.matching, loss.ranking),
            parts.aggregator,
            parts.shared_encoder,
        )

    assert of("baseline") == ((0, 100, 0, 0), "mean", False)
    assert of("fa") == ((0, 100, 0, 0), "attention", False)
    assert of("ul") == ((1, 100, 10, 0), "mean", False)
    assert of("ul-fa") == ((1, 100, 10, 0), "attention", False)
    assert of("paper") == ((1, 100, 10, 1), "attention", False)
    assert of("localizer") == ((1, 0, 10, 0), "mean", False)
    assert of("sample4geo") == ((0, 100, 0, 0), "mean", True)


def test_changes_are_read_as_toml_or_as_text():
    changes = ["pairs.root=/data/V I", "run.epochs=3", "run.save_memory=true"]
    config = load_train_config("vigor-same", changes=changes)
    assert config.pairs is not None and str(config.pairs.root) == "/data/V I"
    assert config.run.epochs == 3 and config.run.save_memory


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[batch]\nsize = 1", "batch.size"),
        ("[batch]\nsise = 64", "batch.sise"),
        ("not toml", "not a TOML file"),
        ("batch = 3", "batch"),
        ("[loss]\nlocalization = 0\nretrieval = 0\nmatching = 0\nranking = 0", "nothing would be"),
        ('[pairs]\ndataset = "cvusa"\nroot = "x"\n[data]\nseeds = [1]', "not both"),
        ('[pairs]\ndataset = "cvusa"\nroot = "x"\nneighbours = 200', "neighbour_pool"),
    ],
    ids=["bound", "unknown", "syntax", "no-section", "no-loss", "two-sources", "pool"],
)
def test_bad_settings_name_the_field(tmp_path, text, message):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_train_config(path)


@pytest.mark.parametrize("change", ["epochs=3", "run.epochs", "run.epoch=3", "pairs=1.2=3"])
def test_bad_changes_are_refused(change):
    with pytest.raises(SettingsError):
        load_train_config("vigor-same", changes=[change])


def test_unknown_rows_and_files_say_what_there_is(tmp_path):
    with pytest.raises(SettingsError, match="rows: baseline"):
        load_train_config("simcity", "everything")
    with pytest.raises(SettingsError, match="vigor-same"):
        load_train_config("vigor")


def test_defaults_are_a_whole_configuration():
    assert TrainConfig().model.network == "unifygeo-lite0"
