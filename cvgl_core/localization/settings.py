"""How a photo is located: every number that can be chosen, with its bounds and reason."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from cvgl_core.errors import SettingsError
from cvgl_core.localization.period import Period
from cvgl_core.types import DECODED_TILES, DEFAULT_DEPTH

_BOUNDS: dict[str, tuple[float, float]] = {
    "depth": (1, 100_000),
    "top_k": (1, 100_000),
    "decoded_tiles": (1, 100_000),
    "fused_tiles": (1, 100_000),
    "smoothing_m": (0.0, 50.0),
    "near_estimate_m": (0.1, 1000.0),
    "window_cells": (64, 16_384),
    "region_cells": (1_000, 10_000_000),
    "batch_tiles": (1, 4096),
    "decode_probability": (0.0, 1.0),
    "outside_probability": (0.0, 1.0),
    "located_probability": (0.0, 1.0),
    "strong_probability": (0.0, 1.0),
}


class EstimateMethod(StrEnum):
    """How the point is taken from the candidates' heatmaps."""

    FUSED = "fused"
    UNIFYGEO = "unifygeo"


@dataclass(frozen=True)
class LocalizeSettings:
    """Choices of ``Localizer``.

    Attributes:
        depth: tiles that are re-ranked; the paper takes 5, while 50 was far better in trials.
        decoded_tiles: the best of the re-ranked tiles, which are decoded and ranked once more by
            their presence, if the weights were calibrated for that.
        fused_tiles: the best of the re-ranked tiles, which enter the posterior; those behind hold
            next to no probability, and each costs as much as the whole match from stored maps.
        recentre: when the place found lies in the middle of another tile than the best one, look
            at that tile too and name it first, unless it does not show the place or is far weaker:
            half-overlapping tiles always have one in whose middle a place lies. Never for
            ``unifygeo``, which stays as published.
        top_k: candidates named in the result; a larger number raises ``depth``.
        estimate: mode of the fused posterior, or the paper's arg-max of the winning tile.
        smoothing_m: standard deviation of the Gaussian that the posterior is smoothed with before
            its mode is taken: about the accuracy of the heatmaps, so that one lone cell never wins.
        near_estimate_m: the probability of an estimate is the mass within this distance of it.
        window_cells: longest side of the posterior's array; farther mass is left out of the array
            only, never out of the figures.
        region_cells: a region of more cells is drawn with cells of twice the side, and so on.
        batch_tiles: tiles matched at a time; bounds the memory.
        decode_probability: a tile that is not named and less probable than this is not decoded; its
            mass is spread evenly over it.
        outside_probability: above it the verdict is ``not_in_area``.
        located_probability: from it on the verdict is ``located``, else ``ambiguous``.
        strong_probability: from it on the confidence is ``strong``.
        taken: only tiles whose imagery was taken then are searched; all if None.
    """

    depth: int = DEFAULT_DEPTH
    decoded_tiles: int = DECODED_TILES
    fused_tiles: int = 50
    recentre: bool = True
    top_k: int = 10
    estimate: EstimateMethod = EstimateMethod.FUSED
    smoothing_m: float = 1.5
    near_estimate_m: float = 10.0
    window_cells: int = 4096
    region_cells: int = 10_000
    batch_tiles: int = 16
    decode_probability: float = 1e-4
    outside_probability: float = 0.5
    located_probability: float = 0.5
    strong_probability: float = 0.8
    taken: Period | None = None

    def __post_init__(self) -> None:
        """Check every number against its bounds.

        Raises:
            SettingsError: a number is out of bounds.
        """
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name} is {value}; it must lie between {low} and {high}")

    def as_text(self) -> dict[str, str]:
        """Return the settings as strings, for the record of a result."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: str(value) for name, value in values.items() if value is not None}
