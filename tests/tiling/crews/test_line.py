"""The line of one process: what it does when a step fails, and what it tells."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import from_origin

from cvgl_core.errors import OutputError, RasterOpenError, WeightsError
from tests.tiling.helpers import StubDescriber, world_raster
from tiling import plan as plan_module
from tiling.crews import line as line_module
from tiling.crews.crew import Tally
from tiling.crews.line import Job, Line
from tiling.cut import Cutter
from tiling.plan import CutSettings, Plan, make_plan
from tiling.raster.info import describe_raster


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setattr(plan_module, "BLOCK_TILES", 4)
    corner = from_origin(500_123.4, 5_400_321.7, 0.5, 0.5)
    raster = world_raster(tmp_path / "world.tif", corner, (340, 420), "EPSG:32633")
    return make_plan([describe_raster(raster)], StubDescriber().card, CutSettings())


def run(plan: Plan, folder: Path, describer: StubDescriber, readers: int) -> list[str]:
    done: list[str] = []
    job = Job.of(plan, CutSettings(), StubDescriber().card.weights_sha256, folder)
    threads = threading.active_count()
    try:
        line = Line(job, describer, lambda *_: None, lambda r: done.append(r.name), readers)
        line.run(plan.blocks)
    finally:
        assert threading.active_count() == threads
    return done


@pytest.mark.parametrize("readers", [1, 3])
def test_every_block_is_done_once(plan: Plan, tmp_path: Path, readers: int) -> None:
    done = run(plan, tmp_path / "shards", StubDescriber(), readers)
    assert sorted(done) == sorted(block.name for block in plan.blocks)
    assert sorted(p.name for p in (tmp_path / "shards").iterdir()) == sorted(done)


@pytest.mark.parametrize("readers", [1, 3])
@pytest.mark.parametrize("step", ["cut", "describe", "store"])
def test_a_failing_step_ends_the_line(
    plan: Plan, tmp_path: Path, monkeypatch, readers: int, step: str
) -> None:
    errors = {"cut": RasterOpenError("x"), "describe": WeightsError("x"), "store": OutputError("x")}
    calls: list[object] = []

    def failing(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise errors[step]
        return real(*arguments)

    if step == "cut":
        real = Cutter.cut
        monkeypatch.setattr(Cutter, "cut", failing)
    else:
        name = {"describe": "describe_block", "store": "write_shard"}[step]
        real = getattr(line_module, name)
        monkeypatch.setattr(line_module, name, failing)
    with pytest.raises(type(errors[step])):
        run(plan, tmp_path / "shards", StubDescriber(), readers)
    assert len(calls) <= 3 + 2 * readers


def test_few_blocks_are_in_memory_at_a_time(plan: Plan, tmp_path: Path, monkeypatch) -> None:
    cut, stored, most = 0, 0, 0
    real_cut, real_write = Cutter.cut, line_module.write_shard

    def counted(self: Cutter, block: object) -> object:
        nonlocal cut, most
        cut += 1
        most = max(most, cut - stored)
        return real_cut(self, block)

    def written(*arguments: object) -> object:
        nonlocal stored
        record = real_write(*arguments)
        stored += 1
        return record

    monkeypatch.setattr(Cutter, "cut", counted)
    monkeypatch.setattr(line_module, "write_shard", written)
    run(plan, tmp_path / "shards", StubDescriber(), 1)
    assert cut == len(plan.blocks) > 8 and most <= 5


def test_other_weights_than_the_plans_are_refused(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="same file of weights"):
        run(plan, tmp_path / "shards", StubDescriber(seed=1), 1)
    with pytest.raises(WeightsError, match="bfloat16"):
        run(plan, tmp_path / "shards", StubDescriber(precision="bfloat16"), 1)
    with pytest.raises(WeightsError, match="share a trunk"):
        run(replace(plan, shared_trunk="b" * 64), tmp_path / "shards", StubDescriber(), 1)


def test_progress_never_goes_back(plan: Plan) -> None:
    shown: list[int] = []
    first, second = plan.blocks[:2]
    total = len(first.rows) + len(second.rows) + 5
    tally = Tally(lambda stage, done, _: shown.append(done), 5, total)
    tally.told(first.name, 3)
    tally.told(second.name, 2)
    tally.told(first.name, 1)  # begun anew by another worker
    tally.finished(first)
    tally.finished(second)
    assert shown[0] == 5 and shown[-1] == total and (np.diff(shown) >= 0).all()
    assert 5 + 3 + 2 in shown
