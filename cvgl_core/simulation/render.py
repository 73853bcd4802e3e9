"""Street-level views of a simulated city: exact casting of rays against the height field.

A ray leaves the camera in the direction of its column and samples the surface at growing
distances. The running maximum of the slope towards the surface grows along the ray, so the first
sample that hides a row is found by binary search: occlusion is exact for the sampled field, also
for cameras above the roofs. What a row hits (level ground, a wall, a roof, a car, sky) decides how
it is coloured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cvgl_core.simulation.bodies import Rays, nearest_only
from cvgl_core.simulation.cars import find_cars, paint_cars
from cvgl_core.simulation.foliage import make_crowns, paint_trees
from cvgl_core.simulation.painter import SMOOTH_M, Painter, pick
from cvgl_core.simulation.scene import Cameras, GroundScene
from cvgl_core.simulation.sight import STREET_SIGHT, Sight
from cvgl_core.simulation.sky import make_sky
from cvgl_core.simulation.surface import make_surface, without_thin_parts
from cvgl_core.simulation.walls import make_walls

_FIRST_M = 0.8
_STEP_M = 0.24
_HORIZON_M = 3000.0
_LEVEL_M = 0.02
_NOISE = 3.0
_NOISE_POOL = 1 << 20
_CPU_CHUNK_PX = 8 * 96 * 512
_GPU_CHUNK_PX = 256 * 96 * 512
_STRIP_OVERSAMPLING = 1.5


@dataclass(frozen=True)
class _Look:
    """What differs between exposures, ``[B]`` or ``[B, 3]``: gain, clouds, where noise starts."""

    gain: Tensor
    cloud_shift: Tensor
    cloud_cover: Tensor
    noise_start: Tensor


def _range_samples(sight: Sight) -> Tensor:
    """Return the horizontal distances at which a ray looks at the surface, metres, ``[K]``."""
    ranges = [_FIRST_M]
    while ranges[-1] < sight.last_m:
        ranges.append(ranges[-1] + max(_STEP_M, sight.growth * ranges[-1]))
    return torch.tensor([*ranges, _HORIZON_M])  # the last one closes the ground at the horizon


class StreetRenderer:
    """Renders what street cameras see of one scene; immutable once made, on one device."""

    def __init__(
        self, scene: GroundScene, device: str = "cpu", sight: Sight = STREET_SIGHT
    ) -> None:
        """Prepare a scene (about two seconds for a square kilometre).

        Args:
            scene: the city on the street camera's day.
            device: of torch, such as ``cpu`` or ``cuda``.
            sight: how far and how finely the cameras see.
        """
        self.device = device
        self._sight = sight
        scene = replace(scene, height_m=without_thin_parts(scene))
        found = find_cars(scene, device)
        self._cars = found.cars
        self._surface = make_surface(
            scene, found.height_m, found.albedo, device, sight.texel_range_m
        )
        self._walls = make_walls(scene, device)
        self._crowns = make_crowns(scene, device)
        self._sky = make_sky(
            scene.sun_azimuth_deg, scene.sun_elevation_deg, scene.sky_seed, device, scene.look
        )
        self._sky_seed = scene.sky_seed
        self._ranges = _range_samples(sight).to(device)
        self._nearer = torch.cat([self._ranges.new_zeros(1), self._ranges[:-1]])
        generator = torch.Generator().manual_seed(77)
        self._noise = torch.randn(_NOISE_POOL, generator=generator).mul_(_NOISE).to(device)

    def panoramas(
        self,
        cameras: Cameras,
        height_px: int,
        width_px: int,
        elevation_top_deg: float,
        elevation_bottom_deg: float,
        seed: int,
    ) -> Tensor:
        """Render north-aligned equirectangular strips: north in the centre, clockwise.

        Args:
            cameras: places in the city frame.
            height_px: of each picture.
            width_px: of each picture; spans 360 degrees.
            elevation_top_deg: of the outer edge of the first row.
            elevation_bottom_deg: of the outer edge of the last row.
            seed: of exposure, clouds and noise; the same seed gives the same bytes.

        Returns:
            uint8 ``[N, height_px, width_px, 3]``.
        """
        look = self._looks(len(cameras.x_m), seed)
        column_rad = 2 * math.pi / width_px
        first = torch.full((1,), 0.5 * column_rad - math.pi, device=self.device)
        chunk = self._chunk(height_px * width_px)
        pictures = []
        for start in range(0, len(cameras.x_m), chunk):
            part = slice(start, start + chunk)
            rays = self._rays(
                cameras,
                part,
                first,
                width_px,
                column_rad,
                height_px,
                elevation_top_deg,
                elevation_bottom_deg,
            )
            light = self._strip(rays, _part(look, part))
            pictures.append(self._expose(light, _part(look, part)))
        empty = torch.empty(0, height_px, width_px, 3, dtype=torch.uint8, device=self.device)
        return torch.cat([empty, *pictures])

    def perspective(
        self,
        cameras: Cameras,
        headings_deg: Tensor | np.ndarray,
        fov_deg: float,
        pitch_deg: float,
        width_px: int,
        height_px: int,
        seed: int,
    ) -> Tensor:
        """Render pinhole photographs without roll, from cylindrical strips 1.5 times finer.

        Args:
            cameras: places in the city frame.
            headings_deg: azimuth of each optical axis, ``[N]``.
            fov_deg: horizontal field of view.
            pitch_deg: of the optical axis above the horizon.
            width_px: of each picture.
            height_px: of each picture.
            seed: of exposure, clouds and noise.

        Returns:
            uint8 ``[N, height_px, width_px, 3]``.
        """
        look = self._looks(len(cameras.x_m), seed)
        azimuth, elevation = pinhole_directions(fov_deg, pitch_deg, width_px, height_px)
        strip = _StripPlan.covering(azimuth, elevation, fov_deg, width_px)
        grid = strip.grid(azimuth, elevation).to(self.device)
        headings = torch.deg2rad(torch.as_tensor(headings_deg, dtype=torch.float32))
        chunk = self._chunk(strip.rows * strip.cols)
        pictures = []
        for start in range(0, len(cameras.x_m), chunk):
            part = slice(start, start + chunk)
            first = headings[part].to(self.device) + strip.left_rad + 0.5 * strip.step_rad
            rays = self._rays(
                cameras,
                part,
                first,
                strip.cols,
                strip.step_rad,
                strip.rows,
                math.degrees(strip.top_rad),
                math.degrees(strip.bottom_rad),
            )
            light = self._strip(rays, _part(look, part))
            light = functional.grid_sample(
                light,
                grid.expand(len(light), -1, -1, -1),
                padding_mode="border",
                align_corners=False,
            )
            pictures.append(self._expose(light, _part(look, part)))
        empty = torch.empty(0, height_px, width_px, 3, dtype=torch.uint8, device=self.device)
        return torch.cat([empty, *pictures])

    def _chunk(self, pixels: int) -> int:
        """Return how many views to render together: few on a CPU, whose caches are small."""
        budget = _CPU_CHUNK_PX if self.device == "cpu" else _GPU_CHUNK_PX
        return max(1, budget // pixels)

    def _looks(self, count: int, seed: int) -> _Look:
        """Draw exposure, white balance and clouds of each view."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + self._sky_seed)
        exposure = (1.0 + 0.12 * torch.randn(count, 1, generator=generator)).clamp_(0.65, 1.4)
        warmth = 0.045 * torch.randn(count, 1, generator=generator)
        tint = 0.015 * torch.randn(count, 1, generator=generator)
        balance = 1.0 + torch.cat([warmth, tint, -warmth], dim=1)
        shift = torch.rand(count, generator=generator)
        cover = torch.rand(count, generator=generator) * 1.9 - 1.5
        start = torch.randint(_NOISE_POOL // 2, (count,), generator=generator)
        return _Look(
            (exposure * balance).to(self.device),
            shift.to(self.device),
            cover.to(self.device),
            start,
        )

    def _rays(
        self,
        cameras: Cameras,
        part: slice,
        first: Tensor,
        cols: int,
        column_rad: float,
        rows: int,
        top_deg: float,
        bottom_deg: float,
    ) -> Rays:
        """Lay out the rays of a chunk of views."""
        x, y, height = (
            torch.from_numpy(values[part]).to(self.device, torch.float32)
            for values in (cameras.x_m, cameras.y_m, cameras.height_m)
        )
        azimuth = first[:, None] + torch.arange(cols, device=self.device) * column_rad
        step = math.radians(top_deg - bottom_deg) / rows
        top = math.radians(top_deg)
        elevation = top - (torch.arange(rows, device=self.device) + 0.5) * step
        limit = math.radians(89.8)
        return Rays(
            x=x,
            y=y,
            height=height,
            east=torch.sin(azimuth),
            south=-torch.cos(azimuth),
            first_azimuth=first.expand(len(x)),
            column_rad=column_rad,
            full_circle=abs(cols * column_rad - 2 * math.pi) < 1e-6,
            slope=torch.tan(elevation.clamp(-limit, limit)),
            top_rad=top,
            row_rad=step,
        )

    def _march(self, rays: Rays) -> tuple[Tensor, Tensor]:
        """Return heights along the rays ``[B * W * K]`` and the first hit per row ``[B * W * H]``.

        A hit of K means that the row sees the sky.
        """
        surface = self._surface
        count, cols, rows = len(rays.x), rays.east.shape[1], len(rays.slope)
        samples = self._ranges * (1.0 / surface.gsd_m)
        x = (rays.x * (1.0 / surface.gsd_m))[:, None, None]
        y = (rays.y * (1.0 / surface.gsd_m))[:, None, None]
        close = int((self._nearer < SMOOTH_M).sum())
        height = torch.empty(count, cols, len(samples), device=self.device)
        for part, field in (
            (slice(0, close), surface.smooth_height_at),
            (slice(close, None), surface.height_at),
        ):
            height[..., part] = field(
                x + rays.east[..., None] * samples[part], y + rays.south[..., None] * samples[part]
            )
        slope = (height - rays.height[:, None, None]) * (1.0 / self._ranges)
        highest = torch.cummax(slope, dim=2).values
        wanted = rays.slope.expand(count * cols, rows).contiguous()
        hit = torch.searchsorted(highest.reshape(count * cols, -1), wanted, out_int32=True)
        return height.reshape(-1), hit.reshape(-1)

    def _strip(self, rays: Rays, look: _Look) -> Tensor:
        """Render a chunk, float32 ``[B, 3, H, W]`` in 0..255 before exposure."""
        height, hit = self._march(rays)
        samples = len(self._ranges)
        painter = Painter(self._surface, self._walls, self._sky, rays)
        painter.sky(torch.nonzero(hit == samples).squeeze(1), look.cloud_shift, look.cloud_cover)
        solid = torch.nonzero(hit < samples).squeeze(1)
        at = pick(hit, solid)
        line = torch.div(solid, rays.rows, rounding_mode="floor") * samples
        upper, lower = pick(height, line + at), pick(height, line + (at - 1).clamp_(min=0))
        far, near = pick(self._ranges, at), pick(self._nearer, at)
        level = upper - lower <= _LEVEL_M
        flat = torch.nonzero(level).squeeze(1)
        rough = torch.nonzero(~level).squeeze(1)
        painter.level(*(pick(part, flat) for part in (solid, near, far, upper)))
        painter.rising(*(pick(part, rough) for part in (solid, near, far, lower, upper)))
        depth = painter.depth
        trees = paint_trees(self._crowns, rays, depth, self._sight.trees_m)
        bodies = [*trees, *paint_cars(self._cars, rays, depth, self._sight.cars_m)]
        painter.put(nearest_only(bodies, depth))
        painter.haze()
        return painter.rgb.reshape(3, -1, rays.columns, rays.rows).permute(1, 0, 3, 2)

    def _expose(self, light: Tensor, look: _Look) -> Tensor:
        """Apply exposure, white balance and sensor noise; uint8 ``[B, H, W, 3]``."""
        picture = light.permute(0, 2, 3, 1).contiguous()
        picture *= look.gain[:, None, None, :]
        size = picture[0].numel()
        for view, start in enumerate(look.noise_start.tolist()):
            picture[view] += self._noise_run(start, size).view(picture[view].shape)
        return picture.clamp_(0.0, 255.0).add_(0.5).clamp_(max=255.0).to(torch.uint8)

    def _noise_run(self, start: int, size: int) -> Tensor:
        """Return ``size`` normal numbers from the pool."""
        if start + size <= _NOISE_POOL:
            return self._noise[start : start + size]
        repeats = -(-(start + size) // _NOISE_POOL)
        return self._noise.repeat(repeats)[start : start + size]


def _part(look: _Look, part: slice) -> _Look:
    """Return the looks of some views."""
    return _Look(
        look.gain[part], look.cloud_shift[part], look.cloud_cover[part], look.noise_start[part]
    )


def pinhole_directions(
    fov_deg: float, pitch_deg: float, width_px: int, height_px: int
) -> tuple[Tensor, Tensor]:
    """Return azimuth from the heading and elevation of each pixel, radians, ``[h, w]``."""
    focal = 0.5 * width_px / math.tan(math.radians(fov_deg) / 2)
    right = ((torch.arange(width_px) + 0.5 - width_px / 2) / focal)[None, :]
    up = (-(torch.arange(height_px) + 0.5 - height_px / 2) / focal)[:, None]
    cosine, sine = math.cos(math.radians(pitch_deg)), math.sin(math.radians(pitch_deg))
    forward = cosine - up * sine
    rise = sine + up * cosine
    flat = torch.hypot(right, forward)
    return torch.atan2(right, forward.expand_as(flat)), torch.atan2(rise.expand_as(flat), flat)


@dataclass(frozen=True)
class _StripPlan:
    """The equirectangular strip a pinhole view is taken from; angles in radians."""

    left_rad: float
    top_rad: float
    bottom_rad: float
    step_rad: float
    cols: int
    rows: int

    @classmethod
    def covering(
        cls, azimuth: Tensor, elevation: Tensor, fov_deg: float, width_px: int
    ) -> _StripPlan:
        """Plan a strip that holds all directions, finer than the picture's centre."""
        focal = 0.5 * width_px / math.tan(math.radians(fov_deg) / 2)
        step = 1.0 / (focal * _STRIP_OVERSAMPLING)
        side = min(float(azimuth.abs().max()) + 2 * step, math.pi)
        cols = math.ceil(2 * side / step)
        if side >= math.pi:
            step = 2 * math.pi / cols
        top = min(float(elevation.max()) + 2 * step, math.pi / 2)
        bottom = max(float(elevation.min()) - 2 * step, -math.pi / 2)
        rows = math.ceil((top - bottom) / step)
        return cls(-0.5 * cols * step, top, bottom, step, cols, rows)

    def grid(self, azimuth: Tensor, elevation: Tensor) -> Tensor:
        """Return the sampling grid of ``grid_sample``, ``[1, h, w, 2]`` in -1..1."""
        x = azimuth / (0.5 * self.cols * self.step_rad)
        y = (self.top_rad - elevation) / (self.top_rad - self.bottom_rad) * 2 - 1
        return torch.stack([x, y], dim=-1)[None].float()
