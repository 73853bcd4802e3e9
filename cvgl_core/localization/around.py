"""A soft prior for the place: probably around a point, possibly anywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvgl_core.geo import from_lonlat
from cvgl_core.geo.heading import WRONG
from cvgl_core.localization.retrieve import Near
from cvgl_core.localization.weighing import CellWeights
from cvgl_core.types import FloatArray

_RADIUS_STDS = 2.4477
"""A circle of so many standard deviations holds 95 % of a normal distribution in the plane."""

_SEARCHED_RADII = 1.5


@dataclass(frozen=True)
class Around:
    """Normally distributed around a point in degrees, WGS 84: 95 % within ``radius_m``.

    A share ``WRONG`` of such positions says nothing (another phone's, a default, a forgery).
    """

    lon: float
    lat: float
    radius_m: float

    def near(self) -> Near:
        """Return the circle in which candidates are looked for beside those of the whole area.

        Raises:
            SettingsError: it is no place on Earth, or the radius is not positive.
        """
        return Near(self.lon, self.lat, self.radius_m * _SEARCHED_RADII)

    def weights(self, crs: str, cell_m: float, area_m2: float) -> CellWeights:
        """Return how many times more probable cells are than if all of the area were alike.

        Args:
            crs: of the grid.
            cell_m: side of a cell.
            area_m2: of all that is searched.

        Raises:
            SettingsError: it is no place on Earth, or the radius is not positive.
        """
        self.near()
        x_m, y_m = (float(value[0]) for value in from_lonlat(crs, [self.lon], [self.lat]))
        if not (np.isfinite(x_m) and np.isfinite(y_m)):  # on the other side of the Earth
            return lambda row, col, height, width: np.full((height, width), WRONG)
        std_m = self.radius_m / _RADIUS_STDS
        peak = area_m2 / (2 * np.pi * std_m**2)

        def weights(row: int, col: int, height: int, width: int) -> FloatArray:
            north_m = -(np.arange(row, row + height) + 0.5) * cell_m - y_m
            east_m = (np.arange(col, col + width) + 0.5) * cell_m - x_m
            away = (north_m[:, None] ** 2 + east_m[None] ** 2) / std_m**2
            density: FloatArray = (1 - WRONG) * peak * np.exp(-0.5 * away) + WRONG
            return density

        return weights
