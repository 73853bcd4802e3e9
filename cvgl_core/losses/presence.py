"""Is the camera on this tile at all? The decoder's word for it, taught by rival tiles.

A heatmap is a softmax over the pixels of one tile, so whatever level its logits have is lost, and
the loss on it (``L_D``) says nothing of other tiles. Here the softmax also runs over the pixels of
a rival tile, the one whose level-0 match is best among those that do not show the camera:

``L_P = -log(E_own / (E_own + E_rival))`` with ``E = sum of exp(logits)`` of a tile,

which added to ``L_D`` is the loss of the camera's pixel among all pixels of both. ``log E`` is the
decoded candidate's *presence*, the third term of re-ranking. This project's own extension.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from cvgl_core.models.decoder import all_cosines
from cvgl_core.models.features import AerialFeatures, GroundFeatures


@dataclass(frozen=True)
class Rivals:
    """One rival for each view.

    Attributes:
        ground: the views, turned to the heading under which the rival matches best.
        aerial: the rivals; row ``b`` is that of view ``b``.
        real: whether there was one at all ``[B]``.
    """

    ground: GroundFeatures
    aerial: AerialFeatures
    real: Tensor


def hardest_rivals(
    ground: GroundFeatures, aerial: AerialFeatures, covers: Tensor, searched: Tensor
) -> Rivals:
    """Choose them by the level-0 match.

    Args:
        ground: ``B`` views.
        aerial: ``T`` tiles; tile ``b`` is that of view ``b``, and there may be more tiles.
        covers: ``[B, T]`` bool, other tiles that show the camera: no fair rivals.
        searched: views whose rivals may match under any heading, not only the true one ``[B]``.
    """
    (count, tiles), turns = covers.shape, range(ground.column_count if searched.any() else 1)
    own = torch.eye(count, tiles, dtype=torch.bool, device=covers.device)
    hidden = (covers.bool() | own)[:, None].repeat(1, len(turns), 1)
    hidden[:, 1:] |= ~searched[:, None, None]
    with torch.no_grad():
        turned = ground.at_turns(turns)
        cosines = all_cosines(turned.columns[0], aerial.maps[0], turned.weights).amax(dim=(2, 3))
    scores = cosines.reshape(len(turns), count, tiles).transpose(0, 1)
    best, place = scores.masked_fill(hidden, float("-inf")).flatten(1).max(dim=1)
    turn, tile = place // tiles, place % tiles
    rivals = AerialFeatures(aerial.descriptor[tile], tuple(level[tile] for level in aerial.maps))
    return Rivals(ground.rolled(turn), rivals, best.isfinite())


def presence_loss(own: Tensor, rival: Tensor, real: Tensor) -> Tensor:
    """``L_P``, batch mean.

    Args:
        own: logits of the views on their own tiles ``[B, p, p]``.
        rival: on their rivals.
        real: which rivals count ``[B]``.
    """
    own_log, rival_log = (each.float().flatten(1).logsumexp(dim=1) for each in (own, rival))
    losses = softplus(rival_log - own_log) * real
    return losses.sum() / real.sum().clamp(min=1)
