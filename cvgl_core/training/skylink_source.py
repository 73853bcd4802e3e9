"""Batches of places: images of every view, each augmented, and the scene's depth pictures."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cvgl_core.data.depthviews import SCALES, scene_views
from cvgl_core.data.listing import names_in
from cvgl_core.data.pairs import Augmentation, photographed
from cvgl_core.data.placeimages import read_square
from cvgl_core.data.pointcloud import SUFFIXES, read_points
from cvgl_core.data.university1652 import PlaceImages, load_view, part_folder
from cvgl_core.errors import DatasetError, SettingsError
from cvgl_core.models.skylink import ImageInput
from cvgl_core.training.skylink_config import SkyLinkConfigFile
from cvgl_core.types import IntArray, UInt8Array

ALTITUDES = len(SCALES)
"""Groups of drone views, from the highest to the lowest, by their order in the folder."""


@dataclass(frozen=True)
class PlaceBatch:
    """Images of B different places, normalised, ``n`` augmentations of each.

    Attributes:
        street, satellite: ``[B, n, 3, p, p]``.
        drone: ``[S, B, n, 3, p, p]``, or None.
        scene: nearness ``[S, B, V, q, q]``, or None.
    """

    street: Tensor
    satellite: Tensor
    drone: Tensor | None
    scene: Tensor | None

    def to(self, device: torch.device) -> PlaceBatch:
        """Move to a device."""
        drone = None if self.drone is None else self.drone.to(device)
        scene = None if self.scene is None else self.scene.to(device)
        return PlaceBatch(self.street.to(device), self.satellite.to(device), drone, scene)


@dataclass(frozen=True)
class TrainingPlaces:
    """The places that have all views that a run needs.

    Attributes:
        numbers: of the places ``[P]``.
        street, satellite: images by place.
        drone: images by place in the order they were taken, empty if not needed.
        points: point cloud of each place, empty if not needed.
    """

    numbers: IntArray
    street: dict[int, list[Path]]
    satellite: dict[int, list[Path]]
    drone: dict[int, list[Path]]
    points: dict[int, Path]

    def part(self, chosen: IntArray) -> TrainingPlaces:
        """Return some of the places, by their numbers."""
        return replace(self, numbers=chosen)


def training_places(config: SkyLinkConfigFile, street: PlaceImages | None = None) -> TrainingPlaces:
    """Find the places to train on.

    Args:
        config: says which views are needed.
        street: photos, if others than the data set's own.

    Raises:
        SettingsError: the loss asks for points that no setting names.
        DatasetError: a folder is missing, or no place has all views.
    """
    folder = part_folder(config.places.root, "train")
    loss = config.loss
    photos = _by_place(street or load_view(folder / "street", "street"))
    tiles = _by_place(load_view(folder / "satellite", "satellite"))
    shared = photos.keys() & tiles.keys()
    drone: dict[int, list[Path]] = {}
    points: dict[int, Path] = {}
    if loss.street_drone or loss.satellite_drone or loss.scene:
        views = _by_place(load_view(folder / "drone", "drone"))
        drone = {place: images for place, images in views.items() if len(images) >= ALTITUDES}
        shared &= drone.keys()
    if loss.scene:
        if config.places.points is None:
            raise SettingsError("loss.scene needs places.points; name the folder, or set it to 0")
        points = _clouds(folder / config.places.points)
        shared &= points.keys()
    if not shared:
        raise DatasetError(f"{folder}: no place has images of every view that the loss asks for")
    return TrainingPlaces(np.array(sorted(shared)), photos, tiles, drone, points)


def _by_place(images: PlaceImages) -> dict[int, list[Path]]:
    found: dict[int, list[Path]] = {}
    for path, place in zip(images.paths, images.place.tolist(), strict=True):
        found.setdefault(place, []).append(path)
    return found


def _clouds(folder: Path) -> dict[int, Path]:
    """Return the first point cloud of each place's folder."""
    found = {}
    for name in sorted(names_in(folder)):
        if name.isascii() and name.isdecimal():
            inner = folder / name
            files = [inner / one for one in sorted(names_in(inner))]
            clouds = [path for path in files if path.suffix.lower() in SUFFIXES]
            if clouds:
                found[int(name)] = clouds[0]
    return found


class PlaceSource:
    """Draws batches; batch ``k`` is decided by the seed and ``k`` alone, so a run can go on."""

    def __init__(self, places: TrainingPlaces, config: SkyLinkConfigFile, sees: ImageInput) -> None:
        if len(places.numbers) < config.batch.size:
            raise DatasetError(
                f"{config.places.root}: {len(places.numbers)} places do not fill one batch of "
                f"{config.batch.size}; lower batch.size"
            )
        self._places, self._config, self._sees = places, config, sees
        self._mean = torch.tensor(sees.mean_rgb).view(1, 3, 1, 1)
        self._std = torch.tensor(sees.std_rgb).view(1, 3, 1, 1)
        self._copies = 2 if config.loss.within else 1
        self._how = Augmentation(colour=config.batch.colour)
        self._scenes: dict[int, Tensor] = {}
        self._pool = ThreadPoolExecutor(config.places.readers)
        self.drawn = 0

    @property
    def batches(self) -> int:
        """Batches of one pass over all places."""
        return len(self._places.numbers) // self._config.batch.size

    def state(self) -> dict[str, Tensor]:
        """Return what decides all batches to come."""
        return {"drawn": torch.tensor(self.drawn)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on where ``state`` was taken."""
        self.drawn = int(state["drawn"])

    def draw(self) -> PlaceBatch:
        """Return the next batch.

        Raises:
            DatasetError: an image or a point cloud cannot be read.
            MissingDependencyError: the reader of point clouds is not installed.
        """
        seed, size = self._config.run.seed, self._config.batch.size
        epoch, index = divmod(self.drawn, self.batches)
        order = np.random.default_rng([seed, epoch]).permutation(self._places.numbers)
        rng = np.random.default_rng([seed, self.drawn, 1])
        noise = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        self.drawn += 1
        return self._read(order[index * size : (index + 1) * size], rng, noise)

    def _read(
        self, numbers: IntArray, rng: np.random.Generator, noise: torch.Generator
    ) -> PlaceBatch:
        places = self._places
        chosen = numbers.tolist()
        street = self._images([_one_of(places.street[p], rng) for p in chosen], noise)
        tiles = self._images([_one_of(places.satellite[p], rng) for p in chosen], noise, True)
        drone = scene = None
        if places.drone:
            scales = [
                self._images([_one_of(_altitude(places.drone[p], s), rng) for p in chosen], noise)
                for s in range(ALTITUDES)
            ]
            drone = torch.stack(scales)
        if places.points:
            scene = torch.stack(list(self._pool.map(self._scene, chosen)), dim=1)
        return PlaceBatch(street, tiles, drone, scene)

    def _images(self, paths: Sequence[Path], noise: torch.Generator, tiles: bool = False) -> Tensor:
        """Return images ``[B, n, 3, p, p]``, each copy augmented by itself."""
        side = self._sees.image_px
        pixels = np.stack(list(self._pool.map(lambda path: read_square(path, side), paths)))
        copies = [self._augmented(pixels, noise, tiles) for _ in range(self._copies)]
        return torch.stack(copies, dim=1)

    def _augmented(self, pixels: UInt8Array, noise: torch.Generator, tiles: bool) -> Tensor:
        how = self._config.batch
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255.0
        flip = torch.rand(len(images), generator=noise) < how.flip_probability
        images = torch.where(flip[:, None, None, None], images.flip(3), images)
        if tiles and how.turn_tiles:
            quarter = torch.randint(4, (len(images),), generator=noise).tolist()
            turned = [image.rot90(k, (1, 2)) for image, k in zip(images, quarter, strict=True)]
            images = torch.stack(turned)
        return (photographed(images, self._how, noise) - self._mean) / self._std

    def _scene(self, place: int) -> Tensor:
        """Return the depth pictures of a place ``[S, V, q, q]``, drawn once."""
        if place not in self._scenes:
            how = self._config.places
            points = read_points(self._places.points[place])
            views = scene_views(points, how.scene_views, how.scene_px)
            self._scenes[place] = torch.from_numpy(views).half()
        return self._scenes[place].float()


def _one_of(paths: Sequence[Path], rng: np.random.Generator) -> Path:
    return paths[int(rng.integers(len(paths)))]


def _altitude(paths: list[Path], group: int) -> list[Path]:
    """Return one of the equal parts of a place's drone views; the flight comes down."""
    ends = np.linspace(0, len(paths), ALTITUDES + 1).round().astype(int)
    return paths[ends[group] : ends[group + 1]]
