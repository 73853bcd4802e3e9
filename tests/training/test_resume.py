"""Killed and resumed on the CPU, a run on a listed data set ends with the same bits."""

from __future__ import annotations

import signal

import pytest
import torch

from cvgl_core.models.weights import load_weights
from cvgl_core.training.checkpoint import CHECKPOINT
from cvgl_core.training.loop import train
from tests.data.make_vigor import make_vigor
from tests.training.helpers import in_process, listed_config


def test_killed_run_resumes_exactly(tmp_path):
    make_vigor(tmp_path / "vigor", tile_px=32, panorama_px=32)
    whole = train(listed_config(tmp_path / "vigor", tmp_path / "whole", checkpoint_minutes=1e-9))
    assert whole.steps >= 6
    # Killed in the second epoch: its batches were mined with weights that are gone by then.
    child = in_process("train_and_die", tmp_path / "vigor", tmp_path / "parts", whole.steps - 1)
    assert child.wait() == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "parts").glob("*.safetensors")] == [CHECKPOINT]
    config = listed_config(tmp_path / "vigor", tmp_path / "parts", checkpoint_minutes=1e-9)
    steps = []
    resumed = train(config, resume=True, progress=lambda stage, *_: steps.append(stage))
    assert steps.count("training") == 2
    first, second = (load_weights(run.weights)[0] for run in (whole, resumed))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert whole.figures == pytest.approx(resumed.figures)
