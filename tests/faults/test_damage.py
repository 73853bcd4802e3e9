"""Damaged, missing and swapped files of an index: all found, and no reader falls over them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.errors import IndexCorruptError, IndexFolderError
from cvgl_core.index import Index, verify_folder
from tests.faults.scenes import QuickDescriber, Rasters, build
from tests.soak import cases


@pytest.fixture
def city(scratch: Path) -> Path:
    """An index of a few blocks, and beside it one of another raster."""
    rasters = Rasters(scratch, 8)
    build(scratch / "city.cvgl", QuickDescriber(), rasters.world)
    build(scratch / "other.cvgl", QuickDescriber(), rasters.new)
    return scratch / "city.cvgl"


def files_of(folder: Path) -> list[Path]:
    """All files of an index."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def use(folder: Path) -> None:
    """Read everything that a reader reads."""
    index = Index.open(folder)
    index.search(np.ones((1, index.manifest.descriptor_dim), np.float32), 3)
    index.tile_pixels(range(len(index)))
    list(index.tile_maps(range(len(index))))
    index.mosaic(index.bounds())


@pytest.mark.parametrize("eager_bytes", [0, 1 << 30], ids=["checked at use", "checked at once"])
def test_every_flipped_bit_is_found(
    city: Path, monkeypatch: pytest.MonkeyPatch, eager_bytes: int
) -> None:
    monkeypatch.setattr("cvgl_core.index.reader._EAGER_BYTES", eager_bytes)
    rng = np.random.default_rng(eager_bytes)
    files = files_of(city)
    for number in range(cases(500, 10_000)):
        path = files[number % len(files)]
        data = path.read_bytes()
        flipped = bytearray(data)
        flipped[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        problems = verify_folder(city)
        assert problems and all(str(city) in problem for problem in problems), path
        if path.suffix != ".parquet" and (eager_bytes or path.name != "shard.json"):
            # The table is for other programs, a shard's own record for the next build.
            with pytest.raises(IndexCorruptError, match=r"city\.cvgl"):
                use(city)
        path.write_bytes(data)
    assert verify_folder(city) == []
    use(city)


def shortened(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(path.read_bytes()[: int(rng.integers(path.stat().st_size))])


def grown(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(path.read_bytes() + rng.bytes(int(rng.integers(1, 5000))))


def zeroed(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def removed(path: Path, rng: np.random.Generator) -> None:
    path.unlink()


def made_a_folder(path: Path, rng: np.random.Generator) -> None:
    path.unlink()
    path.mkdir()


def of_another_shard(path: Path, rng: np.random.Generator) -> None:
    same_kind = sorted(p for p in path.parent.parent.glob(f"*/{path.name}") if p != path)
    data = path.read_bytes()
    other = next((p for p in same_kind if p.read_bytes() != data), None)
    path.write_bytes(other.read_bytes() if other else data[::-1])


@pytest.mark.parametrize(
    "damage", [shortened, grown, zeroed, removed, made_a_folder, of_another_shard]
)
def test_damaged_files_are_found(
    city: Path, damage: Callable[[Path, np.random.Generator], None]
) -> None:
    rng = np.random.default_rng(4)
    for path in files_of(city) * cases(1, 10):
        kept = shutil.copytree(city, city.with_name("kept"))
        damage(path, rng)
        assert verify_folder(city), path
        if path.suffix != ".parquet":
            with pytest.raises(IndexFolderError, match=r"city\.cvgl"):
                use(city)
        shutil.rmtree(city)
        kept.rename(city)
    assert verify_folder(city) == []


def test_the_shard_of_another_index_is_found(city: Path) -> None:
    mine = sorted((city / "shards").iterdir())[0]
    theirs = sorted((city.with_name("other.cvgl") / "shards").iterdir())[0]
    shutil.rmtree(mine)
    shutil.copytree(theirs, mine)
    assert verify_folder(city)
    with pytest.raises(IndexCorruptError, match=mine.name):
        use(city)
