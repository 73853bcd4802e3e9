"""A short run on hand-made cities: it learns, stops, resumes exactly and saves usable weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cvgl_core.data import citypack
from cvgl_core.errors import SettingsError, TrainingError
from cvgl_core.models import create_model
from cvgl_core.models.weights import load_weights
from cvgl_core.training.config import TrainConfig
from cvgl_core.training.loop import Trainer, train
from cvgl_core.training.producer import elsewhere_spec, training_specs, validation_spec


def small_config(folder: Path, cache: Path, steps: int) -> TrainConfig:
    return TrainConfig.model_validate(
        {
            "model": {"start": "random"},
            "data": {
                "cache": cache,
                "seeds": [1, 2],
                "views_per_city": 24,
                "size_m": 216,
                "validation_views": 12,
            },
            "batch": {"size": 4, "group_size": 2},
            "optimiser": {"learning_rate": 1e-4, "warmup_steps": 1},
            "run": {
                "folder": folder,
                "max_steps": steps,
                "threads": 1,
                "device": "cpu",
                "precision": "fp32",
            },
        }
    )


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Packs of noise where rendered cities would be: no simulation in this test."""
    config = small_config(tmp_path, tmp_path / "cache", 1)
    card = create_model(config.model.name).card()
    specs = [
        *training_specs(config.data, card),
        validation_spec(config.data, card),
        elsewhere_spec(config.data, card),
    ]
    for spec in specs:
        rng = np.random.default_rng(spec.seed)
        side = int(spec.size_m / spec.tile_gsd_m_per_px)
        citypack._write(
            tmp_path / "cache" / spec.name,
            rng.integers(0, 255, (side, side, 3), dtype=np.uint8),
            rng.integers(0, 255, (spec.views, 48, 256, 3), dtype=np.uint8),
            rng.uniform(60, 156, (spec.views, 2)).astype(np.float32),
        )
    return tmp_path / "cache"


def test_resumed_run_equals_uninterrupted_run(tmp_path, cache):
    whole = train(small_config(tmp_path / "whole", cache, 4))

    class Stopped(Exception):
        pass

    calls = iter(range(3))

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "training" and next(calls) == 2:
            raise Stopped

    config = small_config(tmp_path / "parts", cache, 4)
    with pytest.raises(Stopped):
        train(config, progress=stop)
    resumed = train(config, resume=True)
    first, _ = load_weights(whole.weights)
    second, _ = load_weights(resumed.weights)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_result_carries_calibration_and_record(tmp_path, cache):
    summary = train(small_config(tmp_path / "run", cache, 2))
    _, card = load_weights(summary.weights)
    assert card.calibration is not None and card.calibration.temperature > 0
    assert card.training["steps"] == "2" and card.training["pairs"] == "8"
    assert (tmp_path / "run" / "validation.jsonl").read_text().count("\n") == 1
    assert summary.figures["given tile median m"] > 0


def test_checkpoint_of_other_settings_is_refused(tmp_path, cache):
    train(small_config(tmp_path / "run", cache, 2))
    with pytest.raises(TrainingError, match="other settings"):
        train(small_config(tmp_path / "run", cache, 3), resume=True)


def test_no_city_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="name at least one city"):
        Trainer(TrainConfig.model_validate({"data": {"seeds": []}}))
