"""A tiny fake VIGOR in one of its three layouts: ``python -m tests.data.make_vigor DIR LAYOUT``.

Each city is four overlapping tiles (each the semi-positive of the others), a fifth without a
panorama, and eight panoramas. Names, lists and label lines are as in the data set; corrected
labels are true to the images, original ones use 0.114 m/px everywhere, as the real ones do.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyproj import Transformer

from tests.data.make_images import draw_panorama, draw_tile, save

CITIES = {
    "Chicago": (-87.63, 41.88),
    "NewYork": (-73.99, 40.73),
    "SanFrancisco": (-122.42, 37.77),
    "Seattle": (-122.33, 47.61),
}
WORLD_M_PER_PX = 0.149291070
"""Web Mercator metres (not ground metres) per pixel at zoom 20."""

STRIDE_PX, TILE_PX = 320, 640
PANORAMAS_PER_TILE = 2
TRAIN_SHARE = 0.625

to_mercator = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform
to_degrees = Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True).transform


@dataclass(frozen=True)
class FakePanorama:
    """Truth of one panorama; ``delta_px`` is south and west of each of its four tiles."""

    city: str
    name: str
    tiles: list[str]
    delta_px: np.ndarray
    azimuths_deg: np.ndarray

    def line(self, scale: float = 1.0) -> str:
        """The label line."""
        words = [self.name]
        for tile, (south, west) in zip(self.tiles, self.delta_px * scale, strict=True):
            words += [tile, f"{south:.4f}", f"{west:.4f}"]
        return " ".join(words)


def make_vigor(
    root: Path,
    layout: str = "original",
    tile_px: int = TILE_PX,
    panorama_px: int = 2048,
    plain_labels: str = "corrected",
) -> list[FakePanorama]:
    """Write the copy and return the truth; ``plain_labels`` is what sample4geo's lists hold."""
    truth: list[FakePanorama] = []
    for number, city in enumerate(CITIES):
        panoramas, tiles = _make_city(root, layout, city, number, tile_px, panorama_px)
        truth += panoramas
        lat = CITIES[city][1]
        old = WORLD_M_PER_PX * np.cos(np.radians(lat)) / 0.114
        if layout == "original":
            _write_lists(root / "splits" / city, "", panoramas, tiles, old)
            _write_lists(root / "splits__corrected" / city, "__corrected", panoramas, [], 1.0)
        elif layout == "ccvpe":
            _write_lists(root / "splits" / city, "", panoramas, tiles, old)
            _write_lists(root / "splits_new" / city, "", panoramas, tiles, 1.0)
        else:
            scale = 1.0 if plain_labels == "corrected" else old
            _write_lists(root / "splits" / city, "", panoramas, tiles, scale)
    return truth


def _make_city(
    root: Path, layout: str, city: str, seed: int, tile_px: int, panorama_px: int
) -> tuple[list[FakePanorama], list[str]]:
    """Write a city's images; its frame is pixels of zoom 20, x east and y south."""
    rng = np.random.default_rng(seed)
    middle = np.array(to_mercator(*CITIES[city])) / WORLD_M_PER_PX * (1, -1)
    half = STRIDE_PX / 2
    centres = middle + np.array(
        [(-half, -half), (half, -half), (-half, half), (half, half), (3000, 0)]
    )
    posts = centres[:4] + rng.uniform(-140, 140, (4, 2))
    names = [f"satellite_{lat:.10f}_{lon:.10f}.png" for lon, lat in map(_degrees, centres)]
    c = layout == "sample4geo"
    tile_folder = root / "satellite" / city if c else root / city / "satellite"
    panorama_folder = root / "ground" / city if c else root / city / "panorama"
    for name, centre in zip(names, centres, strict=True):
        save(tile_folder / name, draw_tile((posts - centre) / TILE_PX + 0.5, tile_px))
    panoramas = []
    for number in range(4 * PANORAMAS_PER_TILE):
        first = number % 4
        camera, azimuths_deg = _camera(rng, centres[first], posts)
        lon, lat = _degrees(camera)
        order = [first, *(other for other in range(4) if other != first)]
        east, south = (camera - centres[order]).T
        name = f"pano-{city}_{number:02d},{lat:.6f},{lon:.6f},.jpg"
        tiles = [names[index] for index in order]
        panoramas.append(
            FakePanorama(city, name, tiles, np.stack([south, -east], axis=1), azimuths_deg)
        )
        image = draw_panorama(azimuths_deg, panorama_px, (90.0, -90.0))
        save(panorama_folder / name, image)
    return panoramas, names


def _camera(
    rng: np.random.Generator, centre: np.ndarray, posts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A camera in the tile's central quarter that sees every post apart from the others."""
    while True:
        camera = centre + rng.uniform(-155, 155, 2)
        east, south = (posts - camera).T
        azimuths_deg = np.degrees(np.arctan2(east, -south))
        gaps = np.diff(np.sort(azimuths_deg), append=np.sort(azimuths_deg)[0] + 360.0)
        if gaps.min() > 12.0 and np.hypot(east, south).min() > 40.0:
            return camera, azimuths_deg


def _degrees(world_px: np.ndarray) -> tuple[float, float]:
    lon, lat = to_degrees(*(world_px * (1, -1) * WORLD_M_PER_PX))
    return float(lon), float(lat)


def _write_lists(
    folder: Path, suffix: str, panoramas: list[FakePanorama], tiles: list[str], scale: float
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [panorama.line(scale) + "\n" for panorama in panoramas]
    cut = round(TRAIN_SHARE * len(lines))
    for name, part in {
        "same_area_balanced_train": lines[:cut],
        "same_area_balanced_test": lines[cut:],
        "pano_label_balanced": lines,
    }.items():
        (folder / f"{name}{suffix}.txt").write_text("".join(part))
    if tiles:
        (folder / "satellite_list.txt").write_text("\n".join(tiles) + "\n")


if __name__ == "__main__":
    make_vigor(Path(sys.argv[1]), *sys.argv[2:3])
