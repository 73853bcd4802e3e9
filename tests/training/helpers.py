"""Scripts that tests run in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import torch

from cvgl_core.data.pairs import PairBatch
from cvgl_core.losses import LossSettings, LossWeights, UnifyGeoLoss
from cvgl_core.models.unifygeo import UnifyGeo, UnifyGeoConfig
from cvgl_core.models.weights import save_tensors
from cvgl_core.training.config import TrainConfig
from cvgl_core.training.loop import Trainer, train
from cvgl_core.training.step import LossStep, shared_by
from cvgl_core.training.world import World, joined_world
from cvgl_core.types import GroundSpec

CPU = torch.device("cpu")
KINDS = {"joint": LossWeights(), "retrieval": LossWeights(0, 100, 0, 0)}


def listed_config(root: Path, folder: Path, **run: object) -> TrainConfig:
    """Two epochs on a fake VIGOR, with mining between them."""
    return TrainConfig.model_validate(
        {
            "model": {"start": "random"},
            "pairs": {
                "dataset": "vigor-same",
                "root": root,
                "neighbours": 2,
                "neighbour_pool": 6,
                "readers": 2,
                "mined_every": 1,
            },
            "batch": {"size": 4},
            "optimiser": {"learning_rate": 1e-4, "warmup_epochs": 0.5},
            "run": {
                "folder": folder,
                "epochs": 2,
                "threads": 1,
                "device": "cpu",
                "precision": "fp32",
            }
            | run,
        }
    )


def train_and_die(root: str, folder: str, step: str) -> None:
    """Train with a checkpoint after every step, and be killed after ``step`` steps."""
    done = 0

    def progress(stage: str, _done: int, _total: int) -> None:
        nonlocal done
        done += stage == "training"
        if done == int(step):
            os.kill(os.getpid(), signal.SIGKILL)

    config = listed_config(Path(root), Path(folder), checkpoint_minutes=1e-9)
    train(config, progress=progress)


def without_batch_norm() -> UnifyGeo:
    """A small network, the same each time."""
    torch.manual_seed(5)
    return UnifyGeo(
        UnifyGeoConfig(
            name="tiny",
            backbone="convnext_atto",
            tile_size_m=72.0,
            aerial_px=64,
            ground=GroundSpec(32, 64, 30.0, -30.0),
            column_channels=(8, 4, 4, 2),
            head_width=16,
            light=True,
        )
    )


def whole_batch() -> PairBatch:
    """Four random pairs; one tile shows another's camera."""
    rng = torch.Generator().manual_seed(6)
    covers = torch.zeros(4, 4, dtype=torch.bool)
    covers[0, 3] = True
    return PairBatch(
        torch.randn(4, 3, 32, 64, generator=rng),
        torch.randn(4, 3, 64, 64, generator=rng),
        16 + 32 * torch.rand(4, 2, generator=rng),
        covers & False,
        covers,
    )


def gradients(world: World, batch: PairBatch, weights: LossWeights) -> dict[str, torch.Tensor]:
    """Gradients after one backward pass."""
    loss = UnifyGeoLoss(LossSettings(weights=weights))
    step = LossStep(without_batch_norm(), loss, world)
    shared = shared_by(world, step, CPU)  # must outlive the backward pass
    shared(batch).total.backward()
    return {name: p.grad for name, p in step.named_parameters() if p.grad is not None}


def share_of(batch: PairBatch, world: World) -> PairBatch:
    """The pixels and targets of one process; the masks stay whole."""
    part = world.share(len(batch.ground))
    return PairBatch(
        batch.ground[part],
        batch.aerial[part],
        batch.target_px[part],
        batch.same_place,
        batch.covers,
    )


def take_part(root: str, folder: str) -> None:
    """Be one of several processes: write gradients of a batch, train, write what came of it."""
    with joined_world(CPU) as world:
        for name, weights in KINDS.items():
            found = gradients(world, share_of(whole_batch(), world), weights)
            save_tensors(Path(folder) / f"{name}-{world.rank}", found, {})
        config = listed_config(Path(root), Path(folder) / "run", max_steps=5, epochs=None)
        trainer = Trainer(config, world=world)
        summary = trainer.run(resume=False)
        assert bool(summary.figures) == world.leads
        ended = dict(trainer.model.named_parameters())
        save_tensors(Path(folder) / f"trained-{world.rank}", ended, {})


def in_process(function: str, *args: object, **environment: object) -> subprocess.Popen[bytes]:
    """Start a function of this module in a process of its own."""
    call = f"from tests.training.helpers import {function}; {function}(*{[str(a) for a in args]})"
    return subprocess.Popen(
        [sys.executable, "-c", call],
        cwd=Path(__file__).parents[2],
        env=os.environ | {name: str(value) for name, value in environment.items()},
    )
