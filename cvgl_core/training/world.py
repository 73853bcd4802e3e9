"""The processes of a run: one, or several that torchrun started, each with a part of the batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

_PATIENCE = timedelta(hours=2)  # the others wait while the first one validates


@dataclass(frozen=True)
class World:
    """Which of how many processes this is; all methods do nothing where there is only one."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Return this process's part of ``count`` things; ``size`` must divide it."""
        part = count // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def gather(self, rows: Tensor) -> Tensor:
        """Put the rows of all processes together, in order of rank; the same in each of them.

        The gradient of the own rows is multiplied by the number of processes: each computes the
        loss of the whole batch, and the average over processes that follows divides it again.
        """
        if self.size == 1:
            return rows
        own = rows.detach().contiguous()  # parts in another memory format would arrive scrambled
        parts = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(parts, own)
        if rows.requires_grad:
            parts[self.rank] = rows * self.size - (rows * (self.size - 1)).detach()
        return torch.cat(parts)

    def agree(self, tensor: Tensor) -> Tensor:
        """Return the first process's value of a tensor whose shape is known to all."""
        if self.size > 1:
            dist.broadcast(tensor, src=0)
        return tensor


@contextmanager
def joined_world(device: torch.device) -> Iterator[World]:
    """Join the processes that torchrun started, if it did, and leave them at the end."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield World(dist.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        dist.destroy_process_group()
