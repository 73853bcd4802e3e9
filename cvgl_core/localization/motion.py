"""How far apart two photos were taken, as a kernel: where the next one is, given the last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvgl_core.errors import SettingsError
from cvgl_core.types import FloatArray

WALKING_M_PER_S = 2.0
"""Nobody on foot with a camera is faster for long."""

_SLACK_M = 5.0
_EDGE = 0.2
_LEAST_M = 1.0
_MOST_M = 100_000.0
_SPREADS = 3.0


@dataclass(frozen=True)
class Step:
    """From one photo to the next, grid metres: ``east_m, north_m`` and then anywhere near there.

    Attributes:
        east_m: known part.
        north_m: known part.
        reach_m: the unknown part is as probable everywhere within this distance, and fades out
            beyond it with a normal tail of a fifth of it.
        std_m: standard deviation of the known part on either axis.
    """

    east_m: float = 0.0
    north_m: float = 0.0
    reach_m: float = 0.0
    std_m: float = _LEAST_M

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            SettingsError: one is not finite, negative, or no walk.
        """
        far = abs(self.east_m) + abs(self.north_m) + self.reach_m + self.std_m
        if not (far <= _MOST_M and self.reach_m >= 0 and self.std_m > 0):
            raise SettingsError(
                f"a step of {self.east_m:g} m east, {self.north_m:g} m north, give or take "
                f"{self.reach_m:g} m: give metres, at most {_MOST_M:,.0f} in all"
            )

    @property
    def scale_m(self) -> float:
        """The size of the smallest thing in the kernel."""
        return max(self.std_m, _EDGE * self.reach_m)

    @property
    def radius_m(self) -> float:
        """Beyond this distance from its middle the kernel is next to nothing."""
        return self.reach_m + _SPREADS * self.scale_m

    def kernel(self, cell_m: float, east_m: float = 0.0, south_m: float = 0.0) -> FloatArray:
        """Return the kernel on square cells, odd sides, sum 1; rows grow southward.

        Args:
            cell_m: side of a cell.
            east_m: of the kernel's centre from the middle of the array, less than a cell.
            south_m: the same, southward.
        """
        half = int(np.ceil(self.radius_m / cell_m)) + 1
        offsets_m = np.arange(-half, half + 1) * cell_m
        away_m = np.hypot(offsets_m[:, None] - south_m, offsets_m[None] - east_m)
        beyond = np.maximum(away_m - self.reach_m, 0.0) / self.scale_m
        weights = np.exp(-0.5 * beyond**2)
        kernel: FloatArray = weights / weights.sum()
        return kernel

    def back(self) -> Step:
        """Return the way back."""
        return Step(-self.east_m, -self.north_m, self.reach_m, self.std_m)


def walked(seconds: float) -> Step:
    """Return the step that somebody on foot took within a time, whatever the direction."""
    return Step(reach_m=min(_SLACK_M + WALKING_M_PER_S * abs(seconds), _MOST_M / 2))
