"""SkyLink's losses: contrast between every two views of a place, and within each view.

Of the public training script only the names of its losses are known, not their weights: InfoNCE
with label smoothing between views, SupCon within a view. Its block-wise InfoNCE and DSA are not
published and left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cvgl_core.losses.infonce import symmetric_infonce

_MIN_TEMPERATURE = 0.01


@dataclass(frozen=True)
class SkyLinkWeights:
    """Weights of the terms; 0 leaves one out."""

    street_satellite: float = 1.0
    street_drone: float = 1.0
    satellite_drone: float = 1.0
    within: float = 1.0
    scene: float = 1.0

    @property
    def drone(self) -> bool:
        """Whether any term needs drone views."""
        return bool(self.street_drone or self.satellite_drone or self.scene)


@dataclass(frozen=True)
class PlaceFeatures:
    """Descriptors of a batch of different places, L2-normalised, ``n`` images of each.

    Attributes:
        street, satellite: ``[B, n, D]``; the first images pair, all contrast within their view.
        drone: ``[S, B, n, D]``, a row for each altitude; None without drone views.
        scene: of the 3D scene at the scale of each altitude ``[S, B, D]``; None without.
    """

    street: Tensor
    satellite: Tensor
    drone: Tensor | None = None
    scene: Tensor | None = None


@dataclass(frozen=True)
class SkyLinkLosses:
    """Scalars: the weighted total and its unweighted terms."""

    total: Tensor
    street_satellite: Tensor
    street_drone: Tensor
    satellite_drone: Tensor
    within: Tensor
    scene: Tensor


class SkyLinkLoss(nn.Module):
    """All terms with one learned temperature, in float32.

    Args:
        weights: of the terms.
        label_smoothing: of the contrast between views.
        temperature: at the start; its inverse's logarithm is learned, never below 0.01.
    """

    def __init__(
        self, weights: SkyLinkWeights, label_smoothing: float = 0.1, temperature: float = 0.07
    ) -> None:
        super().__init__()
        self.weights = weights
        self._smoothing = label_smoothing
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self, found: PlaceFeatures) -> SkyLinkLosses:
        """Loss of a batch in which all images of row ``b`` show place ``b``."""
        with torch.autocast(found.street.device.type, enabled=False):
            return self._forward(found)

    def _forward(self, found: PlaceFeatures) -> SkyLinkLosses:
        weights = self.weights
        street, satellite = found.street[:, 0].float(), found.satellite[:, 0].float()
        none = street.new_zeros(())
        drone = [] if found.drone is None else [scale[:, 0].float() for scale in found.drone]
        views = [found.street, found.satellite, *([] if found.drone is None else found.drone)]
        scene = found.scene if found.drone is not None else None
        terms = {
            "street_satellite": self._between(street, [satellite]),
            "street_drone": self._between(street, drone),
            "satellite_drone": self._between(satellite, drone),
            "within": none,
            "scene": none,
        }
        if weights.within:
            within = [supervised_contrastive(view, self._temperature()) for view in views]
            terms["within"] = torch.stack(within).mean()
        if scene is not None:
            pairs = zip(drone, scene.float(), strict=True)
            terms["scene"] = torch.stack([self._between(a, [b]) for a, b in pairs]).mean()
        total = torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum()
        return SkyLinkLosses(total, **terms)

    def _between(self, one: Tensor, others: list[Tensor]) -> Tensor:
        """Mean InfoNCE of a view with each of several; zero with none."""
        if not others:
            return one.new_zeros(())
        tau = self._temperature()
        losses = [symmetric_infonce(one, other, tau, self._smoothing) for other in others]
        return torch.stack(losses).mean()

    def _temperature(self) -> Tensor:
        return torch.exp(-self.log_scale).clamp(min=_MIN_TEMPERATURE)


def supervised_contrastive(features: Tensor, temperature: Tensor) -> Tensor:
    """SupCon (Khosla et al., NeurIPS 2020, ``L_out``): images of one place attract each other.

    For anchor i with positives P(i), the mean over P(i) of ``-log(exp(s_ip) / sum_a exp(s_ia))``
    with cosines ``s`` over temperature and ``a`` any other image; averaged over anchors.

    Args:
        features: L2-normalised ``[B, n, D]``, ``n`` images of each of B places, n > 1.
        temperature: scalar.
    """
    places, images, width = features.shape
    flat = features.float().reshape(places * images, width)
    own = torch.eye(len(flat), dtype=torch.bool, device=flat.device)
    scores = (flat @ flat.T / temperature).masked_fill(own, float("-inf"))
    log_p = scores.log_softmax(dim=1)
    place = torch.arange(places, device=flat.device).repeat_interleave(images)
    positive = (place[:, None] == place[None, :]) & ~own
    return -log_p.masked_fill(~positive, 0.0).sum() / positive.sum()
