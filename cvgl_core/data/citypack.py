"""One simulated city as training material: its orthophoto and its street views, on disk.

A pack is a folder of three arrays, written whole or not at all, so that one process can render
while another trains.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from cvgl_core.fsio import output_errors
from cvgl_core.simulation import Look, generate_city
from cvgl_core.simulation.cameras import sample_cameras
from cvgl_core.simulation.render import StreetRenderer
from cvgl_core.simulation.scene import City
from cvgl_core.types import Float32Array, GroundSpec, Progress, UInt8Array, no_progress

_SUPERSAMPLING = 2
_CHUNK = 64
_FILES = ("aerial", "ground", "cameras")
_FORMAT = 1


@dataclass(frozen=True)
class CitySpec:
    """All that a city's training material depends on.

    Attributes:
        camera_seed: of the cameras, when the same city is to be photographed from other places.
        look: rules by which the city is drawn, see ``generate_city``.
    """

    seed: int
    views: int
    size_m: float
    city_gsd_m_per_px: float
    tile_gsd_m_per_px: float
    ground: GroundSpec
    osm: Path | None = None
    camera_seed: int | None = None
    look: Look = "plain"

    @property
    def name(self) -> str:
        """Folder name: readable, and different for different settings."""
        kind = self.osm.name.split(".")[0] if self.osm else "city"
        facts: tuple[object, ...] = (
            _FORMAT,
            self.seed,
            self.views,
            self.size_m,
            self.city_gsd_m_per_px,
            self.tile_gsd_m_per_px,
            self.ground,
            self.osm.name if self.osm else None,
        )
        if self.camera_seed is not None:  # what is not asked for leaves older packs' names alone
            facts = (*facts, "cameras", self.camera_seed)
        if self.look != "plain":
            kind, facts = self.look, (*facts, self.look)
        return f"{kind}-{self.seed}-{sha256(repr(facts).encode()).hexdigest()[:10]}"


@dataclass(frozen=True)
class CityPack:
    """A city's material; the frame is the city's (``x_m`` east, ``y_m`` south).

    Attributes:
        name: of the city.
        aerial: orthophoto at the model's sampling distance, uint8 ``[H, W, 3]``.
        ground: north-aligned strips at the model's size, uint8 ``[N, h, w, 3]``.
        xy_m: cameras, float32 ``[N, 2]``.
        gsd_m_per_px: of ``aerial``.
    """

    name: str
    aerial: UInt8Array
    ground: UInt8Array
    xy_m: Float32Array
    gsd_m_per_px: float


def open_pack(spec: CitySpec, cache: Path) -> CityPack | None:
    """Return the pack of ``spec`` if it has been rendered, with the views memory-mapped."""
    folder = cache / spec.name
    if not folder.is_dir():
        return None
    aerial, ground, cameras = (
        np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _FILES
    )
    return CityPack(spec.name, aerial, ground, np.asarray(cameras), spec.tile_gsd_m_per_px)


def render_pack(
    spec: CitySpec, cache: Path, device: str = "cpu", progress: Progress = no_progress
) -> CityPack:
    """Simulate the city of ``spec``, photograph it, and keep the result in ``cache``.

    Raises:
        OutputError: the cache cannot be written.
        SettingsError: the OpenStreetMap extract cannot be used.
    """
    found = open_pack(spec, cache)
    if found is not None:
        return found
    city = generate_city(
        spec.seed, spec.size_m, spec.city_gsd_m_per_px, osm=spec.osm, look=spec.look
    )
    camera_seed = spec.seed if spec.camera_seed is None else spec.camera_seed
    cameras = sample_cameras(city.ground, spec.views, camera_seed)
    renderer = StreetRenderer(city.ground, device)
    strips = []
    for start in range(0, spec.views, _CHUNK):
        part = type(cameras)(
            cameras.x_m[start : start + _CHUNK],
            cameras.y_m[start : start + _CHUNK],
            cameras.height_m[start : start + _CHUNK],
        )
        views = renderer.panoramas(
            part,
            spec.ground.height_px * _SUPERSAMPLING,
            spec.ground.width_px * _SUPERSAMPLING,
            spec.ground.elevation_top_deg,
            spec.ground.elevation_bottom_deg,
            seed=camera_seed * 100_003 + start,
        )
        strips.append(_halve(views.cpu().numpy()))
        progress(f"rendering {spec.name}", min(start + _CHUNK, spec.views), spec.views)
    xy_m = np.stack([cameras.x_m, cameras.y_m], axis=1).astype(np.float32)
    _write(cache / spec.name, _aerial(city, spec), np.concatenate(strips), xy_m)
    pack = open_pack(spec, cache)
    assert pack is not None
    return pack


def _halve(views: UInt8Array) -> UInt8Array:
    """Average 2 x 2 pixels: ``[N, 2h, 2w, 3]`` to ``[N, h, w, 3]``."""
    count, height, width, bands = views.shape
    blocks = views.reshape(count, height // 2, 2, width // 2, 2, bands)
    return np.asarray((blocks.sum(axis=(2, 4), dtype=np.uint16) + 2) // 4, dtype=np.uint8)


def _aerial(city: City, spec: CitySpec) -> UInt8Array:
    """Return the orthophoto averaged down to the model's sampling distance."""
    side_px = int(spec.size_m / spec.tile_gsd_m_per_px)
    keep_px = round(side_px * spec.tile_gsd_m_per_px / spec.city_gsd_m_per_px)
    crop = city.ortho[:keep_px, :keep_px]
    return np.asarray(cv2.resize(crop, (side_px, side_px), interpolation=cv2.INTER_AREA))


def _write(folder: Path, aerial: UInt8Array, ground: UInt8Array, xy_m: Float32Array) -> None:
    """Write the three arrays so that ``folder`` appears only when complete."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    with output_errors(folder):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        np.save(temporary / "aerial.npy", aerial, allow_pickle=False)
        np.save(temporary / "ground.npy", ground, allow_pickle=False)
        np.save(temporary / "cameras.npy", xy_m, allow_pickle=False)
        temporary.rename(folder)
