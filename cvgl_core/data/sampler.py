"""Which cameras make a batch, and which of their tiles truly see which cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvgl_core.data.citypack import CityPack
from cvgl_core.errors import SettingsError
from cvgl_core.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class BatchPlan:
    """Cameras of a batch and the tiles cut around them.

    Attributes:
        city: index of each camera's city, ``[B]``.
        camera: index within the city, ``[B]``.
        origin_px: upper left corner of each tile in the city's orthophoto, ``[B, 2]`` (u, v).
        target_px: camera in its own tile, continuous tile pixels, ``[B, 2]`` (u, v).
        same_place: camera i lies in the central quarter of tile j, j != i: not a negative of the
            global loss, ``[B, B]``.
        covers: tile j shows the place of camera i, j != i: not a negative of the matching loss
            over all tiles, ``[B, B]``.
        span_px: side of each tile in the orthophoto ``[B]``.
        apart_m: from camera i to the centre of tile j ``[B, B]``; infinite in another city.
    """

    city: IntArray
    camera: IntArray
    origin_px: IntArray
    target_px: FloatArray
    same_place: BoolArray
    covers: BoolArray
    span_px: IntArray
    apart_m: FloatArray


@dataclass(frozen=True)
class BatchSettings:
    """How a batch is drawn; see ``training.config.BatchSection``."""

    size: int
    tile_px: int
    offset_px: float
    grouped_fraction: float = 0.5
    group_size: int = 4
    neighbour_min_m: float = 12.0
    neighbour_max_m: float = 75.0
    wide_fraction: float = 0.0
    wide_offset_px: float = 0.0
    areas: int = 0
    area_radius_m: float = 200.0
    tile_scales: tuple[float, ...] = (1.0,)


class BatchSampler:
    """Draws batches: partly groups of neighbours (hard negatives), partly cameras from anywhere."""

    def __init__(self, settings: BatchSettings, rng: np.random.Generator) -> None:
        self._settings = settings
        self._rng = rng
        self._usable: dict[str, IntArray] = {}

    def draw(self, packs: Sequence[CityPack]) -> BatchPlan:
        """Return one batch over the cities that are ready.

        Raises:
            SettingsError: they have fewer cameras than a batch.
        """
        settings = self._settings
        self._check_enough(packs)
        members: list[tuple[int, int]] = []
        areas = [self._area(packs) for _ in range(settings.areas)]
        groups = int(settings.size * settings.grouped_fraction) // settings.group_size
        for _ in range(groups):
            members += self._group(packs, self._somewhere(packs, areas, members))
        while len(members) < settings.size:
            member = self._somewhere(packs, areas, members)
            if member not in members:
                members.append(member)
        city, camera = np.array(members[: settings.size]).T
        return self._plan(packs, city, camera)

    def _check_enough(self, packs: Sequence[CityPack]) -> None:
        enough = self._settings.size
        cameras = sum(len(self._cameras(pack)) for pack in packs)
        if cameras < enough:
            raise SettingsError(
                f"batch.size: {enough} places, but the cities have only {cameras} cameras far "
                "enough from their borders; lower it, or ask for more cities, larger ones "
                "(data.size_m) or more data.views_per_city"
            )

    def _anywhere(self, packs: Sequence[CityPack]) -> tuple[int, int]:
        cities = [city for city, pack in enumerate(packs) if len(self._cameras(pack))]
        city = cities[int(self._rng.integers(len(cities)))]
        return city, int(self._rng.choice(self._cameras(packs[city])))

    def _area(self, packs: Sequence[CityPack]) -> tuple[int, IntArray]:
        """Return the cameras around a random one, and their city."""
        city, centre = self._anywhere(packs)
        usable, xy_m = self._cameras(packs[city]), packs[city].xy_m
        distance_m = np.hypot(*(xy_m[usable] - xy_m[centre]).T)
        return city, usable[distance_m <= self._settings.area_radius_m]

    def _somewhere(
        self,
        packs: Sequence[CityPack],
        areas: Sequence[tuple[int, IntArray]],
        taken: Sequence[tuple[int, int]],
    ) -> tuple[int, int]:
        """Return a camera of an area that is not taken, or from anywhere if there is none."""
        if not areas:
            return self._anywhere(packs)
        city, cameras = areas[int(self._rng.integers(len(areas)))]
        free = np.setdiff1d(cameras, [camera for c, camera in taken if c == city])
        return (city, int(self._rng.choice(free))) if len(free) else self._anywhere(packs)

    def _group(self, packs: Sequence[CityPack], start: tuple[int, int]) -> list[tuple[int, int]]:
        """Return a camera and others whose tiles overlap its own: semi-positive negatives."""
        city, first = start
        usable = self._cameras(packs[city])
        xy_m = packs[city].xy_m
        distance_m = np.hypot(*(xy_m[usable] - xy_m[first]).T)
        low, high = self._settings.neighbour_min_m, self._settings.neighbour_max_m
        near = usable[(distance_m >= low) & (distance_m <= high)]
        count = min(self._settings.group_size - 1, len(near))
        chosen: IntArray = self._rng.choice(near, count, replace=False) if count else near[:0]
        return [(city, first), *((city, int(other)) for other in chosen)]

    def _cameras(self, pack: CityPack) -> IntArray:
        """Return cameras far enough from the border that any drawn tile lies inside."""
        if pack.name not in self._usable:
            widest = max(self._settings.tile_scales)
            margin_px = widest * (self._settings.tile_px / 2 + self._reach_px()) + 1
            uv_px = pack.xy_m / pack.gsd_m_per_px
            height, width = pack.aerial.shape[:2]
            inside = (uv_px >= margin_px) & (uv_px <= np.array([width, height]) - margin_px)
            self._usable[pack.name] = np.flatnonzero(inside.all(axis=1))
        return self._usable[pack.name]

    def _offsets_px(self, count: int) -> FloatArray | float:
        """Return how far each camera may be from its tile's centre, ``[B, 1]`` or one for all."""
        settings = self._settings
        if not settings.wide_fraction:
            return settings.offset_px
        wide = self._rng.random((count, 1)) < settings.wide_fraction
        return np.where(wide, settings.wide_offset_px, settings.offset_px)

    def _spans_px(self, count: int) -> IntArray:
        """Return the side of each tile in the orthophoto ``[B]``."""
        scales = self._settings.tile_scales
        sides = np.array([round(self._settings.tile_px * scale) for scale in scales], np.int64)
        if len(sides) == 1:
            return sides.repeat(count)
        return np.asarray(self._rng.choice(sides, count))

    def _reach_px(self) -> float:
        settings = self._settings
        return max(settings.offset_px, settings.wide_offset_px if settings.wide_fraction else 0.0)

    def _plan(
        self, packs: Sequence[CityPack], city: NDArray[np.int_], camera: NDArray[np.int_]
    ) -> BatchPlan:
        span = self._spans_px(len(city))
        half, scale = span[:, None] / 2, span[:, None] / self._settings.tile_px
        uv_px = np.stack(
            [packs[c].xy_m[k] / packs[c].gsd_m_per_px for c, k in zip(city, camera, strict=True)]
        ).astype(np.float64)
        shift = self._rng.uniform(-1, 1, uv_px.shape) * self._offsets_px(len(city)) * scale
        origin = np.round(uv_px - half + shift).astype(np.int64)
        away_px = uv_px[:, None, :] - (origin + half)[None, :, :]
        offset = np.abs(away_px).max(axis=2)
        same_city = city[:, None] == city[None, :]
        other = same_city & ~np.eye(len(city), dtype=bool)
        gsd_m_per_px = packs[city[0]].gsd_m_per_px  # of the model, so that of all packs
        return BatchPlan(
            city=city,
            camera=camera,
            origin_px=origin,
            target_px=(uv_px - origin) / scale,
            same_place=other & (offset < half.T / 2),
            covers=other & (offset < half.T),
            span_px=span,
            apart_m=np.where(same_city, np.hypot(*away_px.T).T * gsd_m_per_px, np.inf),
        )
