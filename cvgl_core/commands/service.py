"""What ``cvgl worker`` answers: indexes and networks are opened once and stay open.

The parameters and answers of every method are described in ``cvgl_core.protocol``.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from cvgl_core import __version__
from cvgl_core.errors import SettingsError
from cvgl_core.protocol import VERSION, DescribeParams, InfoParams, LocateParams, Ready
from cvgl_core.types import Progress

if TYPE_CHECKING:
    from cvgl_core.commands.batch import Batch
    from cvgl_core.index import Collection, Index
    from cvgl_core.models.engine import Engine
    from cvgl_core.types import LocalizationResult, Photo

JsonObject = dict[str, object]
Key = tuple[object, ...]
Value = TypeVar("Value")

_PREVIEW_PX = 1024
_OPEN_INDEXES, _OPEN_ENGINES = 4, 2
_VALUES = (
    "heading_deg",
    "fov_deg",
    "pitch_deg",
    "roll_deg",
    "exif_lon",
    "exif_lat",
    "taken_at",
    "camera",
)


class Recent(Generic[Value]):
    """The values used last, made when they are first asked for; any thread may ask."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the value of a key; the one not used for longest makes room."""
        with self._lock:
            value = self._values[key] if key in self._values else make()
            self._values[key] = value
            self._values.move_to_end(key)
            if len(self._values) > self._size:
                self._values.popitem(last=False)
            return value


class Service:
    """Answers requests; ``locate`` and ``warm_up`` are never called by two threads at a time."""

    def __init__(self, device: str = "auto") -> None:
        self.device = device
        self._engines: Recent[Engine] = Recent(_OPEN_ENGINES)
        self._indexes: Recent[Index | Collection] = Recent(_OPEN_INDEXES)

    def warm_up(self) -> Ready:
        """Load what takes long and say what there is."""
        import torch

        from cvgl_core.commands import batch  # noqa: F401 (its imports take a second)
        from cvgl_core.models import bundled_path, list_models
        from cvgl_core.models.loading import resolve_device

        models: list[JsonObject] = []
        for name in list_models():
            bundled = bundled_path(name) is not None
            weights = self._engine(name).card.weights_sha256 if bundled else None
            models.append({"name": name, "bundled": bundled, "weights_sha256": weights})
        return Ready(
            protocol=VERSION,
            engine=__version__,
            pid=os.getpid(),
            python=f"{platform.python_version()} ({sys.executable})",
            device=resolve_device(self.device),
            threads=torch.get_num_threads(),
            models=tuple(models),
        )

    def check(self) -> JsonObject:
        """Test that every part works."""
        from cvgl_core.commands.doctor import all_checks, diagnosis

        return diagnosis(all_checks())

    def info(self, params: InfoParams) -> JsonObject:
        """Say what an index is.

        Raises:
            IndexFolderError: it cannot be used.
        """
        from cvgl_core.geo import bbox, cut_antimeridian, geometry, to_lonlat

        index = self._index(params.index)
        manifest, bounds = index.manifest, index.bounds()
        lon, lat = to_lonlat(
            index.grid.crs,
            [bounds.left_m, bounds.right_m, bounds.right_m, bounds.left_m, bounds.left_m],
            [bounds.bottom_m, bounds.bottom_m, bounds.top_m, bounds.top_m, bounds.bottom_m],
        )
        polygons = cut_antimeridian(list(zip(lon.tolist(), lat.tolist(), strict=True)))
        return {
            "path": str(index.path),
            "name": index.path.resolve().name.removesuffix(".cvgl"),
            "index_id": manifest.index_id,
            "version": manifest.version,
            "tiles": len(index),
            "tile_size_m": manifest.tile_size_m,
            "stride_m": manifest.grid.stride_m,
            "gsd_m_per_px": manifest.gsd_m_per_px,
            "crs": manifest.grid.crs,
            "model": manifest.model,
            "weights_sha256": manifest.weights_sha256,
            "software": manifest.software,
            "area": geometry(polygons),
            "bbox": bbox(polygons),
            "sources": [source.name for source in manifest.sources],
        }

    def describe_photo(self, params: DescribeParams, progress: Progress) -> JsonObject:
        """Say what a photo's file says, and where it says so.

        Raises:
            PhotoError: it cannot be read.
            OutputError: the preview cannot be written.
        """
        from cvgl_core.photo import read_photo

        progress("reading", 0, 1)
        photo = read_photo(params.photo, _PREVIEW_PX)
        if params.preview is not None:
            _write_picture(params.preview, photo)
        return _described(photo, params.preview)

    def locate(self, params: LocateParams, progress: Progress) -> JsonObject:
        """Locate a photo and write its files.

        Raises:
            CvglError: the photo, the index, a setting or the output folder is at fault.
        """
        from cvgl_core.commands.batch import BatchOptions, locate_photo
        from cvgl_core.commands.known import Given
        from cvgl_core.localization import Area, Near
        from cvgl_core.photo import read_photo

        clock = StageClock(progress)
        clock("reading", 0, 2)
        near: Near | Area | None = None if params.near is None else Near(*params.near)
        if params.area is not None:
            near = Area.from_geojson(params.area)
        batch = self._batch(params)
        clock("reading", 1, 2)
        photo = read_photo(params.photo, fov_deg=params.fov_deg)
        options = BatchOptions(
            heading_deg=None if params.heading_deg is None else params.heading_deg % 360.0,
            search_heading=params.search_heading,
            fov_deg=params.fov_deg,
            near=near,
            output=params.output,
            report=params.report,
            given=Given(params.heading_std_deg, exif_radius_m=params.exif_radius_m),
        )
        name = params.name or params.photo.stem
        result = locate_photo(batch, photo, name, options, clock)
        stem = params.output / name
        preview = stem.with_name(f"{name}.photo.jpg")
        _write_picture(preview, photo)
        (index,) = batch.localizer.galleries
        thumbnails = _write_tiles(stem.with_name(f"{name}.tiles"), result, index, clock)
        return _located(result, photo, stem, preview, thumbnails, params.report) | {
            "seconds": clock.seconds()
        }

    def _batch(self, params: LocateParams) -> Batch:
        """Return the index and a localizer with the settings asked for."""
        from cvgl_core.commands.batch import Batch
        from cvgl_core.localization import EstimateMethod, LocalizeSettings, SeveralLocalizer
        from cvgl_core.localization.device_gallery import search_on
        from cvgl_core.localization.walk import ALL_TILES

        if params.estimate not in tuple(EstimateMethod):
            raise SettingsError(f"estimate is 'fused' or 'unifygeo', not {params.estimate!r:.40}")
        index = self._index(params.index)
        engine = self._engine(params.model or index.manifest.model)
        for member in index.members:
            search_on(member, engine.device)
        settings = LocalizeSettings(
            depth=params.depth,
            top_k=params.top_k,
            estimate=EstimateMethod(params.estimate),
            # Whole batches of the network, no more: a search can be ended between two of them.
            batch_tiles=engine.tile_batch,
            fused_tiles=LocalizeSettings.fused_tiles if params.exif_radius_m is None else ALL_TILES,
        )
        return Batch(SeveralLocalizer([index], engine, settings))

    def _index(self, path: Path) -> Index | Collection:
        """Return an open index, the newest version."""
        from cvgl_core.index import member_folders, open_index
        from cvgl_core.index.manifest import MANIFEST_NAME

        manifests = [_identity(folder / MANIFEST_NAME) for folder in member_folders(path)]
        return self._indexes.get(tuple(manifests), partial(open_index, path))

    def _engine(self, name: str) -> Engine:
        """Return a network that is ready to run."""
        from cvgl_core.models import load_engine

        return self._engines.get(
            (name, *_identity(Path(name))), partial(load_engine, name, self.device)
        )


class StageClock:
    """A ``Progress`` that passes on and takes the time of each stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._spent_s: dict[str, float] = {}
        self._stage, self._since_s = "", time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note of ``done`` of ``total`` steps of ``stage``."""
        self._note(stage)
        self._progress(stage, done, total)

    def seconds(self) -> dict[str, float]:
        """Return how long each stage took until now."""
        self._note(self._stage)
        return {stage: round(spent, 3) for stage, spent in self._spent_s.items()}

    def _note(self, stage: str) -> None:
        """Add the time since the last call to the stage that it named."""
        now_s = time.monotonic()
        if self._stage:
            spent = self._spent_s.get(self._stage, 0.0)
            self._spent_s[self._stage] = spent + now_s - self._since_s
        self._stage, self._since_s = stage, now_s


def _identity(path: Path) -> Key:
    """Return what changes when a file does; for a file that is not there only its name."""
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return (str(path),)
    return (str(path), facts.st_mtime_ns, facts.st_size, facts.st_ino)


def _described(photo: Photo, preview: Path | None) -> JsonObject:
    """Return what a photo's file says."""
    metadata = photo.metadata
    return {
        "photo": str(photo.path),
        "name": photo.path.name,
        "sha256": photo.sha256,
        "width_px": metadata.width_px,
        "height_px": metadata.height_px,
        "panorama": metadata.projection.value == "equirectangular",
        "values": {
            name: {"value": getattr(metadata, name), "source": metadata.sources.get(name)}
            for name in _VALUES
        },
        "warnings": list(metadata.warnings),
        "preview": None if preview is None else str(preview),
    }


def _located(
    result: LocalizationResult,
    photo: Photo,
    stem: Path,
    preview: Path,
    thumbnails: list[Path],
    report: bool,
) -> JsonObject:
    """Return a result: the properties of its features, and where the files are."""
    from cvgl_core.export.geojson import result_to_geojson

    features = result_to_geojson(result)["features"]
    assert isinstance(features, list)
    properties: list[Mapping[str, object]] = [feature["properties"] for feature in features]
    candidates = [item for item in properties if item["kind"] == "candidate"]
    posterior = result.posterior
    return {
        "estimate": properties[0],
        "candidates": [
            {**candidate, "thumbnail": str(path)}
            for candidate, path in zip(candidates, thumbnails, strict=True)
        ],
        "photo": _described(photo, preview),
        "posterior": {
            "crs": posterior.crs,
            "cell_m": posterior.cell_m,
            "peak": float(posterior.probability.max()),
            "outside_probability": posterior.outside_probability,
        },
        "files": {
            "geojson": f"{stem}.geojson",
            "heatmap": f"{stem}.heatmap.tif",
            "preview": str(preview),
            "report": f"{stem}.html" if report else None,
        },
    }


def _write_picture(path: Path, photo: Photo) -> None:
    """Write a photo upright and reduced.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    from cvgl_core.export.pictures import fitted, jpeg_bytes
    from cvgl_core.fsio import write_bytes

    write_bytes(path, jpeg_bytes(fitted(photo.rgb, _PREVIEW_PX, _PREVIEW_PX)))


def _write_tiles(
    folder: Path, result: LocalizationResult, index: Index | Collection, progress: Progress
) -> list[Path]:
    """Write the imagery of the candidates, north up, and return the files in order of rank."""
    import numpy as np

    from cvgl_core.export.pictures import jpeg_bytes
    from cvgl_core.fsio import write_bytes

    tiles = np.array([candidate.tile_index for candidate in result.candidates], dtype=np.int64)
    paths: list[Path] = []
    for rank, rgb in enumerate(index.tile_pixels(tiles), start=1):
        progress("writing", len(tiles) + rank, 2 * len(tiles))
        paths.append(folder / f"{rank}.jpg")
        write_bytes(paths[-1], jpeg_bytes(rgb, quality=90))
    return paths
