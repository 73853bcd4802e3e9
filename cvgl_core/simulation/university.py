"""A simulated data set in the layout of University-1652: buildings from street, air and space.

Training and test places lie in different cities. Beside the layout's own folders there are tiles
of 36 and 144 m (``satellite_36m``, ``satellite_144m``), surface points (``train/points``) and
``truth.geojson``, which says where every picture was taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cvgl_core.errors import SettingsError
from cvgl_core.fsio import write_bytes
from cvgl_core.geo.crs import to_lonlat
from cvgl_core.photo import write_photo
from cvgl_core.simulation.city import generate_city
from cvgl_core.simulation.drones import Flight, photograph, spiral_flight
from cvgl_core.simulation.places import Place, choose_places
from cvgl_core.simulation.points import surface_points
from cvgl_core.simulation.render import StreetRenderer
from cvgl_core.simulation.scene import Cameras, City
from cvgl_core.simulation.sight import DRONE_SIGHT
from cvgl_core.types import Float32Array, Progress, UInt8Array, no_progress

TILE_SIDES_M = (72.0, 36.0, 144.0)
"""Of the tiles of each place; the first is ``satellite``."""

_PER_CITY = 40
_TEST_SEED = 500_000
_FIRST_TEST_ID = 5001
_DISTRACTORS = 0.25
_QUALITY = 90


@dataclass(frozen=True)
class UniversitySpec:
    """What to make; the same settings give the same bytes.

    Attributes:
        seed: of the first training city.
        places, test_places: buildings of each part; a quarter of the latter are only in galleries.
        drone_views: of a place, along a spiral of three rounds.
        street_views: of a place; training places have as many web images, every second of which
            shows another building.
        image_px: side of every picture.
        street_fov_deg, drone_fov_deg: fields of view.
        city_m: side of the cities.
    """

    seed: int = 0
    places: int = 60
    test_places: int = 40
    drone_views: int = 54
    street_views: int = 4
    image_px: int = 256
    street_fov_deg: float = 90.0
    drone_fov_deg: float = 60.0
    city_m: float = 500.0

    def __post_init__(self) -> None:
        if min(self.places, self.test_places, self.drone_views, self.street_views) < 1:
            raise SettingsError("places and views must be at least 1 each")


@dataclass(frozen=True)
class _Shot:
    """A picture and where it was taken; ``shows`` is the place in the middle."""

    name: str
    rgb: UInt8Array
    kind: str
    shows: int
    camera: tuple[float, float, float]
    heading_deg: float | None = None
    pitch_deg: float | None = None


def write_university(
    spec: UniversitySpec, folder: Path, progress: Progress = no_progress
) -> tuple[int, int]:
    """Write the data set; return how many training and test places there are.

    Args:
        spec: what to make.
        folder: made if missing.
        progress: called after each place.

    Raises:
        SettingsError: a city has no building that can be photographed.
        OutputError: the folder cannot be written.
    """
    total = spec.places + spec.test_places
    features: list[dict[str, object]] = []
    done = 0
    for part, first_id, count, seed in (
        ("train", 1, spec.places, spec.seed),
        ("test", _FIRST_TEST_ID, spec.test_places, spec.seed + _TEST_SEED),
    ):
        asked = count if part == "train" else max(1, round(count * (1.0 - _DISTRACTORS)))
        for city, number, shots in _photographed(spec, first_id, count, seed):
            for shot in shots:
                names = _targets(part, shot, number, number < first_id + asked)
                for name in names:
                    write_photo(folder / name, shot.rgb, quality=_QUALITY)
                features += [_feature(city, names[0], shot, number)] if names else []
            if part == "train":
                place = f"{number:04d}"
                x_m, y_m, _ = shots[0].camera
                points = surface_points(city, x_m, y_m)
                write_bytes(folder / "train" / "points" / place / f"{place}.ply", points.ply())
            done += 1
            progress("places", done, total)
    collection = {"type": "FeatureCollection", "features": features}
    write_bytes(folder / "truth.geojson", (json.dumps(collection) + "\n").encode())
    return spec.places, spec.test_places


def cut_tile(city: City, x_m: float, y_m: float, side_m: float, side_px: int) -> UInt8Array:
    """Return a square of the orthophoto, averaged over area; black outside the city.

    Args:
        city: the city.
        x_m: centre, east in the city frame.
        y_m: centre, south in the city frame.
        side_m: of the square.
        side_px: of the picture.
    """
    half_px = side_m / 2 / city.gsd_m_per_px
    left, top = (round(centre / city.gsd_m_per_px - half_px) for centre in (x_m, y_m))
    size = round(2 * half_px)
    rows, cols = city.ortho.shape[:2]
    whole = np.zeros((size, size, 3), np.uint8)
    v0, v1, u0, u1 = max(top, 0), min(top + size, rows), max(left, 0), min(left + size, cols)
    if v0 < v1 and u0 < u1:
        whole[v0 - top : v1 - top, u0 - left : u1 - left] = city.ortho[v0:v1, u0:u1]
    how = cv2.INTER_AREA if side_px <= size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(whole, (side_px, side_px), interpolation=how), np.uint8)


def _photographed(
    spec: UniversitySpec, first_id: int, count: int, seed: int
) -> Iterator[tuple[City, int, list[_Shot]]]:
    """Yield the places of one part with their pictures, from as many cities as it takes."""
    made = 0
    while made < count:
        city = generate_city(seed, spec.city_m)
        places = choose_places(city, min(count - made, _PER_CITY), 2 * spec.street_views, seed)
        street, air = StreetRenderer(city.ground), StreetRenderer(city.ground, sight=DRONE_SIGHT)
        for index, place in enumerate(places):
            number = first_id + made + index
            other = (index + 1) % len(places)
            shots = _from_space(spec, city, place, number)
            shots += _from_air(spec, city, air, place, number)
            shots += _from_street(spec, street, place, number, "street", slice(0, None, 2))
            shots += _from_street(spec, street, place, number, "google", slice(1, None, 4))
            wrong = first_id + made + other
            shots += _from_street(spec, street, places[other], wrong, "google", slice(3, None, 4))
            yield city, number, shots
        made += len(places)
        seed += 1


def _from_space(spec: UniversitySpec, city: City, place: Place, number: int) -> list[_Shot]:
    """Return the tiles of a place."""
    shots = []
    for side_m in TILE_SIDES_M:
        kind = "satellite" if side_m == TILE_SIDES_M[0] else f"satellite_{side_m:.0f}m"
        rgb = cut_tile(city, place.x_m, place.y_m, side_m, spec.image_px)
        centre = (place.x_m, place.y_m, 0.0)
        shots.append(_Shot(f"{number:04d}.jpg", rgb, kind, number, centre))
    return shots


def _from_air(
    spec: UniversitySpec, city: City, renderer: StreetRenderer, place: Place, number: int
) -> list[_Shot]:
    flight = spiral_flight(
        city.ground,
        place.x_m,
        place.y_m,
        place.height_m / 2,
        spec.drone_views,
        first_deg=number * 77.0 % 360.0,
    )
    rgb = photograph(renderer, flight, spec.drone_fov_deg, spec.image_px, number * 1000)
    names = [f"image-{index + 1:02d}.jpeg" for index in range(len(flight))]
    return _shots(rgb, flight, names, "drone", number)


def _from_street(
    spec: UniversitySpec,
    renderer: StreetRenderer,
    place: Place,
    number: int,
    kind: str,
    part: slice,
) -> list[_Shot]:
    """Return photos by every so many of a place's cameras, looking up a little."""
    cameras = place.cameras
    x, y, height = (values[part] for values in (cameras.x_m, cameras.y_m, cameras.height_m))
    pitch: Float32Array = np.full(len(x), 8.0, np.float32)
    views = Flight(Cameras(x, y, height), place.heading_deg[part], pitch)
    start, step = part.start or 0, part.step
    seed = number * 1000 + 500 + start
    rgb = photograph(renderer, views, spec.street_fov_deg, spec.image_px, seed)
    names = [f"{number:04d}-{start + index * step:02d}.jpg" for index in range(len(x))]
    return _shots(rgb, views, names, kind, number)


def _shots(
    rgb: UInt8Array, flight: Flight, names: list[str], kind: str, number: int
) -> list[_Shot]:
    cameras = flight.cameras
    return [
        _Shot(
            name,
            rgb[index],
            kind,
            number,
            (
                float(cameras.x_m[index]),
                float(cameras.y_m[index]),
                float(cameras.height_m[index]),
            ),
            float(flight.heading_deg[index]),
            float(flight.pitch_deg[index]),
        )
        for index, name in enumerate(names)
    ]


def _targets(part: str, shot: _Shot, number: int, asked: bool) -> list[str]:
    """Return the files a picture is written to; web images are part of train only."""
    place = f"{number:04d}/{shot.name}"
    if part == "train":
        return [f"train/{shot.kind}/{place}"]
    if shot.kind == "google":
        return []
    gallery = [f"test/gallery_{shot.kind}/{place}"]
    return [f"test/query_{shot.kind}/{place}", *gallery] if asked else gallery


def _feature(city: City, name: str, shot: _Shot, number: int) -> dict[str, object]:
    """Return a picture's camera (a tile's centre) as a GeoJSON point."""
    x_m, y_m, height_m = shot.camera
    lon, lat = to_lonlat(
        city.crs, np.array([city.origin_e_m + x_m]), np.array([city.origin_n_m - y_m])
    )
    facts = {
        "photo": name,
        "place": number,
        "shows": shot.shows,
        "camera_height_m": round(height_m, 2),
        "grid_heading_deg": shot.heading_deg,
        "pitch_deg": shot.pitch_deg,
    }
    point = {"type": "Point", "coordinates": [round(float(lon[0]), 8), round(float(lat[0]), 8)]}
    return {"type": "Feature", "geometry": point, "properties": facts}
