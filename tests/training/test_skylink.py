"""Training on a tiny fake University-1652, with every module on and off."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from cvgl_core.errors import DatasetError, SettingsError, TrainingError
from cvgl_core.losses.skylink import SkyLinkLosses
from cvgl_core.models import skylink as networks
from cvgl_core.models.skylink import SkyLink, load_skylink, save_skylink
from cvgl_core.simulation.points import SurfacePoints
from cvgl_core.training.config import presets
from cvgl_core.training.skylink import SkyLinkTrainer
from cvgl_core.training.skylink_config import (
    SkyLinkConfigFile,
    is_skylink,
    load_skylink_config,
)
from cvgl_core.training.skylink_source import PlaceSource, training_places
from cvgl_core.training.skylink_start import start_skylink
from tests.data.make_university import TRAIN_PLACES, make_university

TINY = networks.SkyLinkConfig("tiny", "efficientnet_lite0", 32, mixer_channels=8, mixer_rows=2)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(networks.SKYLINK_CONFIGS, "tiny", TINY)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A fake data set with a point cloud of each place."""
    pytest.importorskip("trimesh")
    folder = tmp_path_factory.mktemp("university")
    make_university(folder)
    for place in TRAIN_PLACES:
        xyz = np.random.default_rng(place).uniform(-20, 20, (300, 3)).astype(np.float32)
        target = folder / f"University-Release/train/points/{place:04d}/{place:04d}.ply"
        target.parent.mkdir(parents=True)
        target.write_bytes(SurfacePoints(xyz, np.zeros((300, 3), np.uint8)).ply())
    return folder


@pytest.fixture
def config(root, tmp_path):
    def make(**sections):
        values = {
            "skylink": {"name": "tiny", "start": "random"},
            "places": {
                "root": root,
                "extra": "none",
                "points": "points",
                "scene_px": 16,
                "scene_views": 3,
                "readers": 1,
            },
            "batch": {"size": 3},
            "run": {
                "folder": tmp_path / "run",
                "max_steps": 2,
                "device": "cpu",
                "precision": "fp32",
                "threads": 1,
            },
        }
        for name, section in sections.items():
            values[name] = values.get(name, {}) | section
        return SkyLinkConfigFile.model_validate(values)

    return make


OFF = {"street_drone": 0, "satellite_drone": 0, "within": 0, "scene": 0}


def test_a_run_from_begin_to_end(config, tmp_path):
    summary = SkyLinkTrainer(config(places={"held_out": 0.34, "extra": "google"})).run()
    assert (summary.steps, summary.places) == (2, 4)
    assert set(summary.figures) == {"r@1", "r@5", "r@10", "r@1%", "ap"}
    model, card = load_skylink(summary.weights)
    assert card.weights_sha256 == summary.weights_sha256
    assert card.training["steps"] == "2"
    assert not [name for name in model.state_dict() if "scene" in name]  # training only
    added = (tmp_path / "run/extra.txt").read_text().splitlines()
    assert card.training["added photos"] == str(len(added)) != "0"
    assert all("\t" in line and "/google/" in line for line in added)
    assert json.loads((tmp_path / "run/config.json").read_text())["batch"]["size"] == 3


@pytest.mark.parametrize("on", ["street_drone", "satellite_drone", "within", "scene", None])
def test_each_module_trains_what_it_should(config, on):
    trainer = SkyLinkTrainer(config(loss=OFF | ({on: 1.0} if on else {})))
    losses = trainer.step()
    for name in ("street_drone", "satellite_drone", "within", "scene"):
        needs_drone_only = name in ("street_drone", "satellite_drone") and on in (
            "street_drone",
            "satellite_drone",
            "scene",
        )
        assert bool(getattr(losses, name) > 0) == (name == on or needs_drone_only)
    scene_moved = any(p.grad is not None and bool(p.grad.any()) for p in trainer.scene.parameters())
    assert scene_moved == (on == "scene")
    assert all(p.grad is not None for p in trainer.model.parameters() if p.requires_grad)


def test_without_drones_none_are_read(config, root):
    places = training_places(config(loss=OFF))
    assert not places.drone
    assert not places.points
    batch = PlaceSource(places, config(loss=OFF), TINY.sees).draw()
    assert batch.drone is None
    assert batch.scene is None
    assert batch.street.shape == (3, 1, 3, 32, 32)


def test_batches_hold_different_places_and_come_again(config):
    one, same, other = (
        PlaceSource(training_places(c), c, TINY.sees)
        for c in (config(), config(), config(run={"seed": 1}))
    )
    batches = [one.draw() for _ in range(3)]
    assert batches[0].drone.shape == (3, 3, 2, 3, 32, 32)
    assert batches[0].scene.shape == (3, 3, 3, 16, 16)
    same.restore({"drawn": torch.tensor(2)})
    assert torch.equal(same.draw().street, batches[2].street)
    assert not torch.equal(other.draw().street, batches[0].street)
    # Every place has colours of its own.
    colours = batches[0].satellite[:, 0].mean(dim=(2, 3))
    assert torch.pdist(colours).min() > 1e-3


def test_drone_views_are_grouped_by_altitude(config):
    places = training_places(config())
    number = int(places.numbers[0])
    source = PlaceSource(
        places.part(np.repeat(places.numbers[:1], 3)),
        config(batch={"flip_probability": 0}),
        TINY.sees,
    )
    batch = source.draw()
    expected = [path.name for path in places.drone[number]]
    assert expected == ["image-01.jpeg", "image-02.jpeg", "image-03.jpeg"]
    assert not torch.equal(batch.drone[0], batch.drone[1])


def test_a_run_goes_on_bit_for_bit(config, tmp_path):
    whole = SkyLinkTrainer(config(run={"folder": tmp_path / "whole", "max_steps": 3}))
    whole.run()
    settings = config(run={"folder": tmp_path / "parts", "max_steps": 3})
    first = SkyLinkTrainer(settings)
    first.step()
    from cvgl_core.training.checkpoint import save_checkpoint

    save_checkpoint(tmp_path / "parts", first.state, settings.model_dump_json())
    second = SkyLinkTrainer(settings)
    second.run(resume=True)
    for (name, a), b in zip(
        whole.model.state_dict().items(), second.model.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), name


def test_colours_are_learnt(config):
    """Places differ by their colours alone: a few steps bring the right pairs together."""
    trainer = SkyLinkTrainer(
        config(
            skylink={"start": "imagenet"},
            loss=OFF,
            batch={"size": 6, "colour": 0.0},
            optimiser={"learning_rate": 2e-3},
            places={"held_out": 0.0},
            run={"max_steps": 25},
        )
    )
    values = [float(trainer.step().street_satellite) for _ in range(25)]
    assert np.mean(values[-4:]) < 0.8 * np.mean(values[:4])


def test_a_loss_that_is_not_finite_stops(config, monkeypatch):
    trainer = SkyLinkTrainer(config(loss=OFF))
    broken = SkyLinkLosses(*[torch.tensor(float("nan"))] * 6)
    monkeypatch.setattr(trainer, "loss", lambda found: broken)
    with pytest.raises(TrainingError, match="step 0 is not finite"):
        trainer.step()


def test_what_is_missing_is_said(config):
    with pytest.raises(SettingsError, match=r"places\.points"):
        training_places(config(places={"points": None}))
    with pytest.raises(DatasetError, match=r"lower batch\.size"):
        SkyLinkTrainer(config(batch={"size": 7}))
    with pytest.raises(DatasetError, match="elsewhere"):
        training_places(config(places={"root": "elsewhere"}))


def test_presets_and_changes(tmp_path, root):
    for name in ("skylink", "skylink-lite0"):
        assert name in presets()
        assert is_skylink(name)
        load_skylink_config(name)
    assert not is_skylink("lite0")
    assert not is_skylink("nothing.toml")
    changed = load_skylink_config("skylink", ["places.root=/d", "loss.scene=0.5"])
    assert (str(changed.places.root), changed.loss.scene) == ("/d", 0.5)
    assert changed.optimiser.method == "sgd"
    refused = {"loss.street=1": "loss.street", "batch.size=1": "batch.size"}
    for change, said in (*refused.items(), ("run.precision=fp16", "run.precision")):
        with pytest.raises(SettingsError, match=said):
            load_skylink_config("skylink", [change])
    path = tmp_path / "c.toml"
    path.write_text("[skylink]\n[run]\nfolder = 'y'\n")
    with pytest.raises(SettingsError, match="places"):
        load_skylink_config(str(path))
    path.write_text("[skylink")
    with pytest.raises(SettingsError, match="not a TOML file"):
        load_skylink_config(str(path))


def test_a_run_may_start_from_another(config, tmp_path):
    torch.manual_seed(1)
    model = SkyLink(TINY)
    save_skylink(tmp_path / "w.safetensors", model, {})
    how = config().skylink
    started = start_skylink(how.model_copy(update={"start": tmp_path / "w.safetensors"}))
    for a, b in zip(model.parameters(), started.parameters(), strict=True):
        assert torch.equal(a, b)
    other = replace(TINY, aggregator="mean")
    assert start_skylink(how.model_copy(update={"aggregator": "mean"})).config == other
