"""Small real builds to be disturbed: rasters, a quick model, and commands that change an index."""

import mmap
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from rasterio.transform import from_origin

from cvgl_core.index import PartRecord, merge_indexes, migrate_index, remove_garbage
from tests.tiling.helpers import E0, N0, UTM, StubDescriber, folder_bytes, world_raster
from tiling import plan
from tiling.build import build_index
from tiling.plan import CutSettings
from tiling.raster.info import RasterInfo, describe_raster

GOLDEN = Path(__file__).parents[1] / "golden"


class QuickDescriber(StubDescriber):
    """The stub with maps of few channels; counts its calls, one a block, across a fork."""

    map_shape = (4, 2, 2)

    def __init__(self) -> None:
        super().__init__()
        self.calls = mmap.mmap(-1, 4)

    @property
    def called(self) -> int:
        return int.from_bytes(self.calls[:4], "little")

    def encode_tiles(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.calls[:4] = (self.called + 1).to_bytes(4, "little")
        descriptors = self.describe_tiles(rgb)
        return descriptors, descriptors.reshape(len(rgb), *self.map_shape)


Act = Callable[[Path, QuickDescriber], object]


@dataclass(frozen=True)
class Scene:
    """A command that changes index folders, and what is there before it.

    Attributes:
        name: of the scene.
        before: makes the state before, in an empty folder.
        act: the command; it may be given again after it was stopped.
        index: the folder, inside, that it changes.
    """

    name: str
    before: Act
    act: Act
    index: str = "city.cvgl"


class Rasters:
    """The rasters of all scenes: a world and a flat picture that overlaps its east."""

    def __init__(self, folder: Path, block_tiles: int = 3) -> None:
        plan.BLOCK_TILES = block_tiles
        world = folder / "world.tif"
        if not world.exists():
            world_raster(world, from_origin(E0, N0, 0.5, 0.5), (250, 330), UTM)
            world_raster(
                folder / "new.tif", from_origin(E0 + 120, N0 - 3, 0.5, 0.5), (200, 160), UTM, "",
                scale=0.7,
            )  # fmt: skip
        self.world = describe_raster(world)
        self.new = describe_raster(folder / "new.tif")


def build(
    output: Path, describer: QuickDescriber, *rasters: RasterInfo, min_valid: float = 0.25
) -> None:
    """Build or go on."""
    build_index(rasters, output, describer, CutSettings(min_valid=min_valid))


def merge(folder: Path, describer: QuickDescriber) -> None:
    """Put the parts together."""
    merge_indexes([folder / "1.cvgl", folder / "2.cvgl"], folder / "city.cvgl")


def gc(folder: Path, describer: QuickDescriber) -> None:
    """Remove what the version before left."""
    remove_garbage(folder / "city.cvgl", keep_hours=0.0)


def old(folder: Path, describer: QuickDescriber) -> None:
    """An index of an older format."""
    shutil.copytree(GOLDEN / "index-format-2", folder / "city.cvgl")


def migrate(folder: Path, describer: QuickDescriber) -> None:
    """Bring it to today's."""
    migrate_index(folder / "city.cvgl")


def scenes(rasters: Rasters) -> dict[str, Scene]:
    """All scenes by name."""

    def nothing(folder: Path, describer: QuickDescriber) -> None:
        pass

    def first(folder: Path, describer: QuickDescriber) -> None:
        build(folder / "city.cvgl", describer, rasters.world)

    def twice(folder: Path, describer: QuickDescriber) -> None:
        build(folder / "city.cvgl", describer, rasters.world, min_valid=1.0)
        first(folder, describer)

    def update(folder: Path, describer: QuickDescriber) -> None:
        build(folder / "city.cvgl", describer, rasters.new, rasters.world)

    def in_parts(folder: Path, describer: QuickDescriber) -> None:
        for number in (1, 2):
            part, output = PartRecord(number=number, count=2), folder / f"{number}.cvgl"
            build_index([rasters.world], output, describer, CutSettings(), part=part)

    found = (
        Scene("new", nothing, first),
        Scene("update", twice, update),
        Scene("merge", in_parts, merge),
        Scene("gc", twice, gc),
        Scene("migrate", old, migrate),
    )
    return {scene.name: scene for scene in found}


@cache
def undisturbed(scene: Scene, folder: Path) -> dict[str, bytes]:
    """The files that a scene leaves when nothing happens."""
    scene.before(folder, QuickDescriber())
    scene.act(folder, QuickDescriber())
    return folder_bytes(folder)
