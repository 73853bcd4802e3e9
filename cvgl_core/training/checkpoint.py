"""A run on disk: everything needed to go on as if it had not stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cvgl_core.errors import TrainingError
from cvgl_core.models.weights import load_tensors, save_tensors

CHECKPOINT = "checkpoint.safetensors"


class Resumable(Protocol):
    """Whatever decides the batches to come."""

    def state(self) -> dict[str, Tensor]:
        """Return it."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on where ``state`` was taken."""


@dataclass
class RunState:
    """What changes while training runs.

    Attributes:
        model, loss: their parameters and buffers.
        optimiser: AdamW over both.
        source: of batches, with its random states.
        scaler: of gradients, for half precision.
        step: optimiser steps taken.
        minutes: of training so far, over all sessions.
    """

    model: nn.Module
    loss: nn.Module
    optimiser: torch.optim.Optimizer
    source: Resumable
    scaler: torch.amp.GradScaler
    step: int = 0
    minutes: float = 0.0


def save_checkpoint(folder: Path, state: RunState, settings: str) -> None:
    """Write the state atomically to ``folder``.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    tensors = {f"model.{name}": value for name, value in state.model.state_dict().items()}
    tensors |= {f"loss.{name}": value for name, value in state.loss.state_dict().items()}
    for index, values in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in values.items()}
    tensors |= {f"source.{name}": value for name, value in state.source.state().items()}
    facts = {
        "settings": settings,
        "step": str(state.step),
        "minutes": repr(state.minutes),
        "scaler": json.dumps(state.scaler.state_dict()),
    }
    save_tensors(folder / CHECKPOINT, tensors, facts)


def load_checkpoint(folder: Path, state: RunState, settings: str) -> bool:
    """Restore ``state`` in place; return False if there is no checkpoint.

    Raises:
        TrainingError: the checkpoint belongs to other settings.
        WeightsError: the file is damaged.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return False
    tensors, facts = load_tensors(path)
    if facts.get("settings") != settings:
        raise TrainingError(
            f"{path}: belongs to a run with other settings; choose another run.folder or remove it"
        )
    state.model.load_state_dict(_part(tensors, "model."))
    state.loss.load_state_dict(_part(tensors, "loss."))
    saved: dict[int, dict[str, Any]] = {}
    for name, value in _part(tensors, "optimiser.").items():
        index, key = name.split(".", 1)
        saved.setdefault(int(index), {})[key] = value
    groups = state.optimiser.state_dict()["param_groups"]
    state.optimiser.load_state_dict({"state": saved, "param_groups": groups})
    state.source.restore(_part(tensors, "source."))
    state.scaler.load_state_dict(json.loads(facts["scaler"]))
    state.step = int(facts["step"])
    state.minutes = float(facts["minutes"])
    return True


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
