"""Small bodies (crowns, trunks, cars) as ragged lists of the pixels they may cover.

All (camera, body) pairs become one list of (pair, column), then of (pair, column, row) between two
slopes; no loop over bodies or cameras, and no limit on their number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_DEPTH_STEPS_PER_M = 1024.0


@dataclass(frozen=True)
class Rays:
    """The grid of rays of ``[B]`` views of ``W`` columns and ``H`` rows.

    Attributes:
        x, y, height: cameras, metres, ``[B]``.
        east, south: direction of each column in plan, ``[B or 1, W]``.
        first_azimuth: of the centre of column 0 in radians, ``[B]``.
        column_rad: angle between columns.
        full_circle: whether column W - 1 is followed by column 0.
        slope: tangent of each row's elevation, falling, ``[H]``.
        top_rad, row_rad: elevation of the upper edge and step of the rows, radians.
    """

    x: Tensor
    y: Tensor
    height: Tensor
    east: Tensor
    south: Tensor
    first_azimuth: Tensor
    column_rad: float
    full_circle: bool
    slope: Tensor
    top_rad: float
    row_rad: float

    @property
    def columns(self) -> int:
        """Number of columns of a view."""
        return self.east.shape[1]

    @property
    def rows(self) -> int:
        """Number of rows of a view."""
        return len(self.slope)

    def directions(self, camera: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
        """Return direction east and south of columns, ``[n]`` each."""
        ray = column if self.east.shape[0] == 1 else camera * self.columns + column
        return (
            self.east.reshape(-1).index_select(0, ray),
            self.south.reshape(-1).index_select(0, ray),
        )


@dataclass(frozen=True)
class Painted:
    """Pixels to overwrite: flat index, horizontal distance in metres, colour ``[3, n]``."""

    pixel: Tensor
    distance: Tensor
    colour: Tensor


@dataclass(frozen=True)
class Columns:
    """(camera, body, column) triples, ``[n]`` each.

    Attributes:
        camera, body, column: indices.
        east, south: direction of the column.
        along: distance of the body's axis along the column's ray, metres.
        across: its offset to the right of the ray, metres.
    """

    camera: Tensor
    body: Tensor
    column: Tensor
    east: Tensor
    south: Tensor
    along: Tensor
    across: Tensor

    def take(self, index: Tensor) -> Columns:
        """Return some of the triples."""
        return Columns(
            *(
                part.index_select(0, index)
                for part in (
                    self.camera, self.body, self.column, self.east, self.south,
                    self.along, self.across,
                )
            )
        )  # fmt: skip


@dataclass(frozen=True)
class Pixels:
    """Pixels between two slopes: owning entry of ``Columns``, tangent of elevation, flat index."""

    owner: Tensor
    slope: Tensor
    pixel: Tensor


def ragged(count: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each of ``sum(count)`` items which entry it belongs to, and its rank in it."""
    owner = torch.repeat_interleave(count)
    first = torch.cumsum(count, 0) - count
    rank = torch.arange(len(owner), device=count.device) - first.index_select(0, owner)
    return owner, rank


def list_columns(x: Tensor, y: Tensor, radius: Tensor, rays: Rays, reach_m: float) -> Columns:
    """List the columns touched by upright cylinders ``[T]`` within ``reach_m`` of a camera."""
    east, south = x - rays.x[:, None], y - rays.y[:, None]
    distance = torch.hypot(east, south)
    camera, body = torch.nonzero((distance < reach_m) & (distance > 0.3), as_tuple=True)
    distance, east, south = distance[camera, body], east[camera, body], south[camera, body]
    middle = 0.5 * (rays.columns - 1) * rays.column_rad
    turn = torch.atan2(east, -south) - rays.first_azimuth[camera]
    turn = torch.remainder(turn - middle + math.pi, 2 * math.pi) - math.pi + middle
    centre = turn / rays.column_rad
    reach = radius[body] / distance
    half = torch.where(reach < 1, torch.asin(reach.clamp(max=1.0)), math.pi) / rays.column_rad
    first, last = torch.ceil(centre - half), torch.floor(centre + half)
    if rays.full_circle:
        last = torch.minimum(last, first + rays.columns - 1)
    else:
        first, last = first.clamp(min=0), last.clamp(max=rays.columns - 1)
    owner, rank = ragged((last - first + 1).clamp(min=0).long())
    column = (first[owner].long() + rank) % rays.columns
    camera, body, east, south = (
        part.index_select(0, owner) for part in (camera, body, east, south)
    )
    ray_east, ray_south = rays.directions(camera, column)
    along = east * ray_east + south * ray_south
    across = south * ray_east - east * ray_south
    listed = Columns(camera, body, column, ray_east, ray_south, along, across)
    return listed.take(torch.nonzero(along > 0.2).squeeze(1))


def list_pixels(
    rays: Rays, columns: Columns, upper: Tensor, lower: Tensor, depth: Tensor, near: Tensor
) -> Pixels:
    """List the pixels between two slopes where nothing is nearer than ``near``.

    Args:
        rays: the views.
        columns: the bodies' columns, ``[n]``.
        upper: tangent of the highest elevation of each column, ``[n]``.
        lower: tangent of the lowest, ``[n]``.
        depth: horizontal distance of what is seen already, metres, ``[B * W * H]``.
        near: horizontal distance at which the body begins, metres, ``[n]``.
    """
    rows = rays.rows
    first = torch.ceil((rays.top_rad - torch.atan(upper)) / rays.row_rad - 0.5).clamp(0, rows)
    last = torch.floor((rays.top_rad - torch.atan(lower)) / rays.row_rad - 0.5)
    count = (last.clamp(-1, rows - 1) - first + 1).clamp(min=0).long()
    owner, rank = ragged(count)
    start = ((columns.camera * rays.columns + columns.column) * rows + first.long()).index_select(
        0, owner
    )
    pixel = start + rank
    seen = depth.index_select(0, pixel) > near.index_select(0, owner)
    keep = torch.nonzero(seen).squeeze(1)
    pixel = pixel.index_select(0, keep)
    slope = rays.slope.index_select(0, pixel % rows)
    return Pixels(owner.index_select(0, keep), slope, pixel)


def nearest_only(parts: list[Painted], depth: Tensor) -> Painted:
    """Merge lists, keeping the nearest entry of every pixel (the first of equals)."""
    pixel = torch.cat([part.pixel for part in parts])
    distance = torch.cat([part.distance for part in parts])
    colour = torch.cat([part.colour for part in parts], dim=1)
    rank = torch.arange(len(pixel), device=pixel.device)
    key = (distance * _DEPTH_STEPS_PER_M).long() * (1 << 32) + rank
    nearest = torch.full_like(depth, torch.iinfo(torch.int64).max, dtype=torch.int64)
    nearest.scatter_reduce_(0, pixel, key, "amin")
    keep = torch.nonzero(nearest.index_select(0, pixel) == key).squeeze(1)
    return Painted(
        pixel.index_select(0, keep), distance.index_select(0, keep), colour.index_select(1, keep)
    )
