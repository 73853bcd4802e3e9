"""Colours for what the rays of a chunk of views hit: sky, level ground, walls, slopes, haze."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from cvgl_core.simulation.bodies import Painted, Rays
from cvgl_core.simulation.facades import place, plain_facade
from cvgl_core.simulation.foreign_facades import foreign_facade
from cvgl_core.simulation.sky import Sky
from cvgl_core.simulation.surface import NEAR_M, Surface, daylight
from cvgl_core.simulation.walls import STEP_M, Facade, WallHits, WallMap

SMOOTH_M = 24.0
"""Up to here heights are interpolated between pixels; farther away they are not. Metres."""

FAR_M = 1e9
"""Distance of pixels that see the sky, metres."""

_BISECTIONS = 3
_SMOOTH_STEP_M = 0.06
_INSIDE_M = 0.3
_HAZE_M = 420.0
_HAZE = 0.75
_NEAREST_M = 0.02
_PLANE_SLACK_M = 0.6


def pick(values: Tensor, index: Tensor) -> Tensor:
    """Return ``values[index]`` of a vector; several times faster than indexing on a CPU."""
    return values.index_select(0, index)


@dataclass(frozen=True)
class Hits:
    """Rays of a list of pixels, ``[n]`` each (city frame, metres).

    Attributes:
        pixel: flat index ``(camera * W + column) * H + row``.
        x, y, eye: camera.
        east, south: direction in plan.
        slope, secant: tangent and secant of the elevation.
    """

    pixel: Tensor
    x: Tensor
    y: Tensor
    eye: Tensor
    east: Tensor
    south: Tensor
    slope: Tensor
    secant: Tensor

    def take(self, index: Tensor) -> Hits:
        """Return some of the rays."""
        parts = (
            self.pixel, self.x, self.y, self.eye, self.east, self.south, self.slope, self.secant,
        )  # fmt: skip
        return Hits(*(pick(part, index) for part in parts))


class Painter:
    """Fills the colours ``[3, N]`` and distances ``[N]`` of one chunk of views."""

    def __init__(self, surface: Surface, walls: WallMap, sky: Sky, rays: Rays) -> None:
        """Start with a black picture."""
        self._surface, self._walls, self._sky, self._rays = surface, walls, sky, rays
        count, cols, rows = len(rays.x), rays.columns, rays.rows
        device = rays.x.device
        self.rgb = torch.zeros(3, count * cols * rows, device=device)
        self.depth = torch.full((count * cols * rows,), FAR_M, device=device)
        self._secant = torch.sqrt(1.0 + rays.slope**2)
        self._east = rays.east.expand(count, cols).reshape(-1)
        self._south = rays.south.expand(count, cols).reshape(-1)
        self._x, self._y, self._eye = (
            part.repeat_interleave(cols) for part in (rays.x, rays.y, rays.height)
        )

    def _hits(self, pixel: Tensor) -> Hits:
        """Return the rays of pixels."""
        line = torch.div(pixel, self._rays.rows, rounding_mode="floor")
        row = pixel - line * self._rays.rows
        return Hits(
            pixel=pixel,
            x=pick(self._x, line),
            y=pick(self._y, line),
            eye=pick(self._eye, line),
            east=pick(self._east, line),
            south=pick(self._south, line),
            slope=pick(self._rays.slope, row),
            secant=pick(self._secant, row),
        )

    def put(self, painted: Painted) -> None:
        """Write colours and horizontal distances."""
        self.depth.index_copy_(0, painted.pixel, painted.distance)
        for band in range(3):
            self.rgb[band].index_copy_(0, painted.pixel, painted.colour[band])

    def sky(self, pixel: Tensor, cloud_shift: Tensor, cloud_cover: Tensor) -> None:
        """Colour pixels that hit nothing; clouds differ per view, ``[B]``."""
        rays = self._rays
        line = torch.div(pixel, rays.rows, rounding_mode="floor")
        row = pixel - line * rays.rows
        column = torch.arange(rays.columns, device=pixel.device) * rays.column_rad
        azimuth = pick((rays.first_azimuth[:, None] + column).reshape(-1), line)
        turn = pick(cloud_shift.repeat_interleave(rays.columns), line)
        cover = pick(cloud_cover.repeat_interleave(rays.columns), line)
        rows = torch.arange(rays.rows, device=pixel.device)
        elevation = pick(rays.top_rad - (rows + 0.5) * rays.row_rad, row)
        colour = self._sky.colours(azimuth, elevation, turn, cover)
        for band in range(3):
            self.rgb[band].index_copy_(0, pixel, colour[band])

    def level(self, pixel: Tensor, near: Tensor, far: Tensor, height: Tensor) -> None:
        """Colour pixels that hit a level surface between two distances: ground, flat roofs."""
        hits = self._hits(pixel)
        distance = (height - hits.eye) / hits.slope
        distance = torch.minimum(torch.maximum(distance, near.clamp(min=_NEAREST_M)), far)
        self._cover(hits, distance, None)

    def _cover(self, hits: Hits, distance: Tensor, sun: Tensor | None) -> None:
        """Colour pixels by the surface's own colour; ``sun`` is the gain of slopes."""
        slant = distance * hits.secant
        x, y = hits.x + hits.east * distance, hits.y + hits.south * distance
        near = slant < NEAR_M
        for part, colours in (
            (torch.nonzero(near).squeeze(1), self._surface.near_colours),
            (torch.nonzero(~near).squeeze(1), self._surface.distant_colours),
        ):
            packed = colours(pick(x, part), pick(y, part), pick(slant, part))
            colour = daylight(packed, None if sun is None else pick(sun, part))
            self.put(Painted(pick(hits.pixel, part), pick(distance, part), colour))

    def rising(
        self, pixel: Tensor, near: Tensor, far: Tensor, lower: Tensor, upper: Tensor
    ) -> None:
        """Colour pixels that hit something that rises between two distances.

        The hit is bisected down to an eighth of the sampling step; a rise that is steeper than
        any roof is a wall.
        """
        smooth = near < SMOOTH_M
        for part, field, gentle in (
            (torch.nonzero(smooth).squeeze(1), self._surface.smooth_height_at, _SMOOTH_STEP_M),
            (torch.nonzero(~smooth).squeeze(1), self._surface.height_at, STEP_M),
        ):
            ends = (pick(value, part) for value in (near, far, lower, upper))
            self._bisect(self._hits(pick(pixel, part)), field, gentle, *ends)

    def _bisect(
        self,
        hits: Hits,
        field: Callable[[Tensor, Tensor], Tensor],
        gentle_m: float,
        near: Tensor,
        far: Tensor,
        lower: Tensor,
        upper: Tensor,
    ) -> None:
        """Narrow hits down on a height field and tell walls from slopes."""
        to_px = 1.0 / self._surface.gsd_m
        x, y, east, south = (part * to_px for part in (hits.x, hits.y, hits.east, hits.south))
        for _ in range(_BISECTIONS):
            middle = 0.5 * (near + far)
            height = field(x + east * middle, y + south * middle)
            solid = height >= hits.eye + hits.slope * middle
            far, near = torch.where(solid, middle, far), torch.where(solid, near, middle)
            upper, lower = torch.where(solid, height, upper), torch.where(solid, lower, height)
        wall = pick(self._walls.wall, self._surface.index_at(x + east * far, y + south * far))
        inside = far + _INSIDE_M
        top = self._surface.height_at(x + east * inside, y + south * inside)
        steep = upper - lower > gentle_m + 1.4 * (far - near)
        steep = (steep | (hits.eye + hits.slope * far < top - STEP_M)) & (wall > 0)
        facade = torch.nonzero(steep).squeeze(1)
        other = torch.nonzero(~steep).squeeze(1)
        self._facade(hits.take(facade), pick(wall, facade) - 1, pick(far, facade))
        self._slope(hits.take(other), pick(far, other))

    def _facade(self, hits: Hits, wall: Tensor, far: Tensor) -> None:
        """Colour pixels of building walls, on the exact plane of the wall where it is known."""
        normal_e, normal_s, offset, known = self._walls.planes.index_select(1, wall)
        incidence = -(hits.east * normal_e + hits.south * normal_s)
        plane = (hits.x * normal_e + hits.y * normal_s - offset) / incidence.clamp(min=0.02)
        trusted = (
            (known > 0) & (incidence > 0.02) & ((plane - far).abs() * incidence < _PLANE_SLACK_M)
        )
        distance = torch.where(trusted, plane, far).clamp(min=0.1)
        height = hits.eye + hits.slope * distance
        above = torch.nonzero(height >= 0).squeeze(1)
        below = torch.nonzero(height < 0).squeeze(1)  # the raster's steps reach over the ground
        ground, reach = pick(hits.pixel, below), pick(distance, below)
        self.level(ground, torch.zeros_like(reach), reach, torch.zeros_like(reach))
        hits, wall, distance = hits.take(above), pick(wall, above), pick(distance, above)
        normal_e, normal_s = pick(normal_e, above), pick(normal_s, above)
        x = hits.x + hits.east * distance - pick(self._walls.facades[Facade.X], wall)
        y = hits.y + hits.south * distance - pick(self._walls.facades[Facade.Y], wall)
        on_wall = WallHits(
            row=wall,
            along_m=y * normal_e - x * normal_s,
            z_m=pick(height, above),
            cos_incidence=pick(incidence, above).clamp(0.0, 1.0),
            range_m=distance * hits.secant,
        )
        face = place(on_wall, self._walls.facades.index_select(1, wall), self._rays.column_rad)
        colour = (plain_facade if self._walls.look == "plain" else foreign_facade)(face)
        near_ground = 0.86 + 0.14 * (on_wall.z_m * 0.7).clamp(0.0, 1.0)
        colour = colour * (face.fields[Facade.LIGHT] * near_ground)
        self.put(Painted(hits.pixel, distance, colour))

    def _slope(self, hits: Hits, distance: Tensor) -> None:
        """Colour pixels of sloped roofs and other objects by how they face the sun."""
        x, y = hits.x + hits.east * distance, hits.y + hits.south * distance
        self._cover(hits, distance, self._surface.facing_sun(x, y))

    def haze(self) -> None:
        """Fade everything solid towards the horizon's colour by slant distance."""
        slant = self.depth.view(-1, self._rays.rows) * self._secant
        share = _HAZE - _HAZE * torch.exp(slant * (-1.0 / _HAZE_M))
        share.mul_(slant < 0.1 * FAR_M)
        share = share.view(-1)
        for band in range(3):
            self.rgb[band].lerp_(self._sky.horizon[band], share)
