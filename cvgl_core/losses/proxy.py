"""Classification of places by a learned descriptor for each (DyCL's third term)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ProxyLoss(nn.Module):
    """Normalised softmax: cross-entropy of cosines with one unit proxy for each place."""

    def __init__(self, places: int, descriptor_dim: int, temperature: float = 0.05) -> None:
        super().__init__()
        self.temperature = temperature
        bound = descriptor_dim**-0.5
        self.proxies = nn.Parameter(torch.empty(places, descriptor_dim).uniform_(-bound, bound))

    def forward(self, descriptors: Tensor, place: Tensor) -> Tensor:
        """Mean over descriptors.

        Args:
            descriptors: L2-normalised ``[B, D]``.
            place: number of each one's place ``[B]``.
        """
        cosines = descriptors.to(self.proxies) @ F.normalize(self.proxies, dim=1).T
        return F.cross_entropy(cosines / self.temperature, place)
