"""Many rasters through few descriptors."""

import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from rasterio.transform import from_origin

from tests.tiling.helpers import StubDescriber, write_raster
from tiling.cut import Cutter
from tiling.plan import CutSettings, make_plan
from tiling.raster.info import describe_raster
from tiling.raster.open_readers import OpenReaders


class Counted:
    """A reader that knows whether it is open."""

    opened: ClassVar[list[int]] = []

    def __init__(self, number: int) -> None:
        self.number, self.is_open = number, False

    def __enter__(self) -> "Counted":
        self.is_open = True
        self.opened.append(self.number)
        return self

    def __exit__(self, *_: object) -> None:
        self.is_open = False


def test_the_oldest_is_closed_but_never_one_on_loan() -> None:
    Counted.opened = []
    made: list[Counted] = []

    def make(number: int) -> Counted:
        made.append(Counted(number))
        return made[-1]

    readers = OpenReaders(make, most=3)
    with readers.lent(0) as kept:
        for number in (1, 2, 3, 1, 4):
            with readers.lent(number) as reader:
                assert reader.is_open and reader.number == number
        assert kept.is_open
        assert [one.number for one in made if one.is_open] == [0, 1, 4]
        with readers.lent(1):
            pass
    assert Counted.opened == [0, 1, 2, 3, 1, 4]
    barrier = threading.Barrier(8)

    def use(number: int) -> bool:
        barrier.wait()
        with readers.lent(number) as reader:
            return reader.is_open and reader.number == number

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(10, 18)))
    with readers.lent(1):
        pass
    assert sum(one.is_open for one in made) == 3
    readers.close()
    assert not any(one.is_open for one in made)


@pytest.fixture
def few_descriptors():
    """Leave this process 170 more descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 170, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_descriptors")
def test_a_coverage_of_many_sheets(tmp_path: Path) -> None:
    sheets = []
    for number in range(225):
        row, col = divmod(number, 15)
        pixels = np.full((40, 40, 3), number + 20, np.uint8)
        where = from_origin(500_000 + 20 * col, 5_400_000 - 20 * row, 0.5, 0.5)
        path = write_raster(tmp_path / f"{number}.tif", pixels, where, "EPSG:32633")
        sheets.append(describe_raster(path))
    plan = make_plan(sheets, StubDescriber().card, CutSettings(crs="EPSG:32633"))
    with Cutter(plan, 0.25, (0, 0, 0)) as cutter:
        for block in plan.blocks:
            cut = cutter.cut(block)
            top, left, height, width = block.window_px
            y, x = np.mgrid[top : top + height, left : left + width]
            row, col = (5_400_000 + y) // 20, (x - 500_000) // 20
            inside = (row >= 0) & (row < 15) & (col >= 0) & (col < 15)
            assert (cut.valid == inside).all()
            assert (cut.rgb[..., 0][inside] == (15 * row + col)[inside] + 20).all()
