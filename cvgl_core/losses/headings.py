"""Retrieval and ranking where nobody knows the heading: every turn of a view is a rival.

A photo of unknown heading is compared under all ``n`` turns by whole descriptor columns, and a
tile keeps its best. So the true tile under the true heading must beat every tile under every
heading, its own tile under wrong ones included. The turns next to the true one are no rivals on the
own tile: headings are not exact.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cvgl_core.losses.infonce import mean_over
from cvgl_core.models.decoder import all_cosines
from cvgl_core.models.features import AerialFeatures, GroundFeatures


def heading_infonce(
    ground: GroundFeatures,
    aerial: AerialFeatures,
    temperature: Tensor,
    label_smoothing: float = 0.1,
    exclude: Tensor | None = None,
    asked: Tensor | None = None,
) -> Tensor:
    """InfoNCE from views to tiles under all headings; arguments as of ``symmetric_infonce``."""
    every = ground.at_turns(range(ground.column_count))
    logits = _by_view(every.descriptor.float() @ aerial.descriptor.float().T, ground) / temperature
    kept = _fair(ground, exclude)
    log_p = logits.masked_fill(~kept, float("-inf")).flatten(1).log_softmax(dim=1)
    positive = log_p.reshape(logits.shape)[:, 0].diagonal()
    spread = log_p.masked_fill(~kept.flatten(1), 0.0).sum(dim=1) / kept.flatten(1).sum(dim=1)
    return mean_over(-((1 - label_smoothing) * positive + label_smoothing * spread), asked)


def heading_ranking(
    ground: GroundFeatures,
    aerial: AerialFeatures,
    label: Tensor,
    temperature: Tensor,
    covers: Tensor | None = None,
    asked: Tensor | None = None,
) -> Tensor:
    """``L_R`` against all positions of all tiles under all headings; as ``ranking_loss``."""
    every = ground.at_turns(range(ground.column_count))
    cosines = all_cosines(every.columns[0], aerial.maps[0], every.weights).flatten(2)
    logits = _by_view(cosines, ground) / temperature
    own = logits[:, 0].diagonal(dim1=0, dim2=1).T
    hidden = ~_fair(ground, covers)
    normaliser = logits.masked_fill(hidden[..., None], float("-inf")).flatten(1).logsumexp(dim=1)
    return mean_over(normaliser - (label.flatten(1) * own).sum(dim=1), asked)


def _by_view(scores: Tensor, ground: GroundFeatures) -> Tensor:
    """Order ``[n * B, T, ...]`` as ``[B, n, T, ...]``."""
    return scores.reshape(ground.column_count, -1, *scores.shape[1:]).transpose(0, 1)


def _fair(ground: GroundFeatures, excluded: Tensor | None) -> Tensor:
    """Return which tile under which heading takes part in a view's comparison ``[B, n, B]``.

    Args:
        ground: the views.
        excluded: ``[B, B]`` bool, tiles that are no fair rivals; the own tile always takes part,
            but for the headings next to the true one.
    """
    count, turns = len(ground.descriptor), ground.column_count
    own = torch.eye(count, dtype=torch.bool, device=ground.descriptor.device)
    hidden = torch.zeros_like(own) if excluded is None else excluded.bool() & ~own
    hidden = hidden[:, None].repeat(1, turns, 1)
    hidden[:, 1] |= own
    hidden[:, -1] |= own
    return ~hidden
