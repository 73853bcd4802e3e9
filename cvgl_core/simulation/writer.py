"""A simulated city on disk: rasters, street photos with metadata, and the truth about them.

The photos carry what real ones do: a heading from true north, a focal length or GPano, and a GPS
position that is tens of metres off, so that only their content can locate them well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from torch.nn import functional

from cvgl_core.errors import OutputError
from cvgl_core.fsio import output_errors, write_bytes
from cvgl_core.geo.crs import convergence_deg, from_lonlat, to_lonlat
from cvgl_core.photo import Panorama, write_photo
from cvgl_core.simulation.cameras import sample_cameras
from cvgl_core.simulation.render import StreetRenderer
from cvgl_core.simulation.scene import Cameras, City
from cvgl_core.types import Float32Array, FloatArray, Progress, Projection, UInt8Array, no_progress

PHOTO_FOLDER = "photos"
TRUTH_FILE = "truth.geojson"

_PANORAMA_PX = 1024
_PANORAMA_TOP_DEG = 45.0
_PERSPECTIVE_EVERY = 5
_PERSPECTIVE_PX = (960, 720)
_FOVS_DEG = (62.0, 74.0)
_OVERSAMPLING = 2
_GPS_ERROR_M = (15.0, 40.0)


@dataclass(frozen=True)
class _Shot:
    """One photo to be taken; headings in degrees, the true one is what users see."""

    name: str
    cameras: Cameras
    lon: float
    lat: float
    gps: tuple[float, float]
    heading_deg: float
    grid_heading_deg: float
    fov_deg: float
    projection: Projection
    seed: int


def write_city(
    city: City, folder: Path, photos: int, seed: int = 0, progress: Progress = no_progress
) -> None:
    """Write ``ortho.tif``, ``dsm.tif``, ``photos/*.jpg`` and ``truth.geojson`` into ``folder``.

    Every fifth photo is a perspective one, the others are panoramas that show elevations of
    +-45 degrees. Every file is written atomically, the truth last; the same city, number and seed
    give the same bytes.

    Args:
        city: what to write.
        folder: made if missing.
        photos: how many street photos.
        seed: of the cameras, headings and GPS errors.
        progress: called after each file.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
        SettingsError: the city has no room for a camera.
    """
    total = photos + 2
    shots = _plan(city, photos, seed)
    with output_errors(folder):
        (folder / PHOTO_FOLDER).mkdir(parents=True, exist_ok=True)
    progress("files", 0, total)
    write_bytes(folder / "ortho.tif", _geotiff(city, np.moveaxis(city.ortho, 2, 0), "ortho"))
    progress("files", 1, total)
    write_bytes(folder / "dsm.tif", _geotiff(city, city.dsm_m[None], "dsm"))
    progress("files", 2, total)
    if shots:
        renderer = StreetRenderer(city.ground)
        for done, shot in enumerate(shots):
            _take(renderer, shot, folder)
            progress("files", done + 3, total)
    write_bytes(folder / TRUTH_FILE, _truth(shots))


def _geotiff(city: City, bands: UInt8Array | Float32Array, name: str) -> bytes:
    """Return a tiled, compressed GeoTIFF of ``[bands, H, W]`` in the city's CRS."""
    count, height, width = bands.shape
    gsd = city.gsd_m_per_px
    colour = bands.dtype == np.uint8
    try:
        with rasterio.Env(), MemoryFile() as memory:
            with memory.open(
                driver="GTiff",
                width=width,
                height=height,
                count=count,
                dtype=bands.dtype,
                crs=CRS.from_string(city.crs),
                transform=rasterio.Affine(gsd, 0.0, city.origin_e_m, 0.0, -gsd, city.origin_n_m),
                tiled=True,
                blockxsize=256,
                blockysize=256,
                compress="deflate",
                predictor=2 if colour else 3,
                bigtiff="IF_SAFER",
                **({"photometric": "RGB", "interleave": "pixel"} if colour else {}),
            ) as raster:
                raster.write(bands)
                if not colour:
                    raster.set_band_description(1, "surface, metres above sea level")
            return bytes(memory.read())
    except RasterioError as error:
        raise OutputError(
            f"{name}.tif: GDAL could not write it ({error}); check the city's CRS {city.crs}"
        ) from error


def _plan(city: City, photos: int, seed: int) -> list[_Shot]:
    """Choose places, headings and GPS errors of all photos."""
    if photos == 0:
        return []
    cameras = sample_cameras(city.ground, photos, seed)
    rng = np.random.default_rng([seed, city.seed % (1 << 32), 0x9107])
    east = city.origin_e_m + cameras.x_m.astype(np.float64)
    north = city.origin_n_m - cameras.y_m.astype(np.float64)
    lon, lat = to_lonlat(city.crs, east, north)
    gps_lon, gps_lat = _misread(rng, city.crs, lon, lat)
    shots = []
    for index in range(photos):
        perspective = index % _PERSPECTIVE_EVERY == _PERSPECTIVE_EVERY - 1
        turn = int(rng.integers(_PANORAMA_PX)) * 360.0 / _PANORAMA_PX
        fov = float(rng.choice(_FOVS_DEG))
        part = slice(index, index + 1)
        true = turn + convergence_deg(city.crs, float(lon[index]), float(lat[index]))
        shots.append(
            _Shot(
                name=f"{PHOTO_FOLDER}/{index:04d}.jpg",
                cameras=Cameras(cameras.x_m[part], cameras.y_m[part], cameras.height_m[part]),
                lon=float(lon[index]),
                lat=float(lat[index]),
                gps=(float(gps_lon[index]), float(gps_lat[index])),
                heading_deg=true % 360.0,
                grid_heading_deg=turn,
                fov_deg=fov if perspective else 360.0,
                projection=Projection.PERSPECTIVE if perspective else Projection.EQUIRECTANGULAR,
                seed=seed + index,
            )
        )
    return shots


def _misread(
    rng: np.random.Generator, crs: str, lon: FloatArray, lat: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what a poor GPS receiver says: 15 to 40 m off in any direction."""
    x_m, y_m = from_lonlat(crs, lon, lat)
    off_m = rng.uniform(*_GPS_ERROR_M, len(x_m))
    angle = rng.uniform(0, 2 * np.pi, len(x_m))
    return to_lonlat(crs, x_m + off_m * np.cos(angle), y_m + off_m * np.sin(angle))


def _take(renderer: StreetRenderer, shot: _Shot, folder: Path) -> None:
    """Render and write one photo."""
    path = folder / shot.name
    if shot.projection is Projection.PERSPECTIVE:
        width, height = _PERSPECTIVE_PX
        heading = np.array([shot.grid_heading_deg])
        view = renderer.perspective(
            shot.cameras, heading, shot.fov_deg, 0.0, width, height, shot.seed
        )
        rgb: UInt8Array = view[0].cpu().numpy()
        write_photo(path, rgb, lonlat=shot.gps, heading_deg=shot.heading_deg, fov_deg=shot.fov_deg)
        return
    rows = round(_PANORAMA_PX / 2 * _PANORAMA_TOP_DEG / 90.0)
    place = Panorama(
        full_width_px=_PANORAMA_PX,
        full_height_px=_PANORAMA_PX // 2,
        top_px=(_PANORAMA_PX // 2 - rows) // 2,
        pose_heading_deg=shot.heading_deg,
    )
    rgb = _panorama(renderer, shot, rows)
    write_photo(path, rgb, lonlat=shot.gps, heading_deg=shot.heading_deg, panorama=place)


def _panorama(renderer: StreetRenderer, shot: _Shot, rows: int) -> UInt8Array:
    """Render a panorama whose centre column looks along the heading, averaged from 2 x 2 rays."""
    north_up = renderer.panoramas(
        shot.cameras,
        rows * _OVERSAMPLING,
        _PANORAMA_PX * _OVERSAMPLING,
        _PANORAMA_TOP_DEG,
        -_PANORAMA_TOP_DEG,
        shot.seed,
    )
    mean = functional.avg_pool2d(north_up.permute(0, 3, 1, 2).float(), _OVERSAMPLING)
    columns = round(shot.grid_heading_deg / 360.0 * _PANORAMA_PX)
    rolled = mean.roll(-columns, dims=3)[0].permute(1, 2, 0)
    picture: UInt8Array = rolled.add(0.5).byte().cpu().numpy()
    return np.ascontiguousarray(picture)


def _features(shots: list[_Shot]) -> Iterator[dict[str, object]]:
    """Yield one GeoJSON point a photo."""
    for shot in shots:
        yield {
            "type": "Feature",
            "geometry": {
                "type": "Point",
                "coordinates": [round(shot.lon, 8), round(shot.lat, 8)],
            },
            "properties": {
                "photo": shot.name,
                "heading_deg": round(shot.heading_deg, 4),
                "fov_deg": shot.fov_deg,
                "camera_height_m": round(float(shot.cameras.height_m[0]), 3),
                "projection": shot.projection.value,
            },
        }


def _truth(shots: list[_Shot]) -> bytes:
    """Return the truth as an RFC 7946 FeatureCollection."""
    collection = {"type": "FeatureCollection", "features": list(_features(shots))}
    return (json.dumps(collection, indent=1) + "\n").encode()
