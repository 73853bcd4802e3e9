"""A real Ray cluster of two nodes on this machine, one of which is lost in the middle of a build.

In processes of its own with a time limit, so that whatever Ray does no test waits for ever; where
Ray is missing or does not start in a minute, the test is skipped and says so.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rasterio.transform import from_origin

from cvgl_core.errors import OutputError, SettingsError, WeightsError
from tests.tiling.helpers import StubDescriber, folder_bytes, world_raster
from tiling import plan as plan_module
from tiling.build import build_index
from tiling.crews import ray_cluster
from tiling.crews.line import Job
from tiling.plan import CutSettings, make_plan
from tiling.raster.info import describe_raster

ROOT = Path(__file__).parents[3]
STARTS_S, ENDS_S = 60.0, 240.0

DRIVER = """
import json, os, sys, threading, time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from tests.tiling.helpers import StubDescriber
from tiling import plan
from tiling.build import build_index
from tiling.plan import CutSettings
from tiling.crews.ray_cluster import RayCluster
from tiling.raster.info import describe_raster

raster, output, marks = map(Path, sys.argv[1:])
options = {"num_cpus": 1, "object_store_memory": 80 << 20}
cluster = Cluster(initialize_head=True, head_node_args={**options, "include_dashboard": False})
doomed = cluster.add_node(**options)
ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
cluster.wait_for_nodes()
print("started", flush=True)


class Slow(StubDescriber):
    def encode_tiles(self, rgb):
        (marks / ray.get_runtime_context().get_node_id()).touch()
        time.sleep(0.1)
        return super().encode_tiles(rgb)


def load():
    return Slow()


def lose_a_node():
    while not (marks / doomed.node_id).exists():
        time.sleep(0.01)
    cluster.remove_node(doomed, allow_graceful=False)
    (marks / "lost").touch()


thread = threading.Thread(target=lose_a_node)
thread.start()
plan.BLOCK_TILES = 4
result = build_index(
    [describe_raster(raster)], output, StubDescriber(), CutSettings(), crew=RayCluster(load)
)
thread.join()
print(json.dumps({"written": result.blocks_written, "marks": len(list(marks.iterdir()))}))
sys.stdout.flush()
"""


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "BLOCK_TILES", 4)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    corner = from_origin(500_123.4, 5_400_321.7, 0.5, 0.5)
    return world_raster(tmp_path / "world.tif", corner, (340, 420), "EPSG:32633")


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.timeout(STARTS_S + ENDS_S + 60)
def test_a_lost_machine_costs_nothing_but_time(world: Path, tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text(DRIVER)
    (tmp_path / "marks").mkdir()
    output = tmp_path / "city.cvgl"
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, tmp_path / "driver.py", world, output, tmp_path / "marks"],
        env={k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | quiet,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        end = threading.Timer(STARTS_S, os.killpg, (running.pid, signal.SIGKILL))
        try:
            end.start()
            started = running.stdout.readline() == "started\n"
            end.cancel()
            if not started:
                pytest.skip("Ray did not start here in a minute")
            end = threading.Timer(ENDS_S, os.killpg, (running.pid, signal.SIGKILL))
            end.start()
            said = json.loads(next(line for line in running.stdout if line.startswith("{")))
        finally:
            end.cancel()
            os.killpg(running.pid, signal.SIGKILL)
    assert (tmp_path / "marks" / "lost").exists() and said["marks"] == 3
    result = build_index([describe_raster(world)], tmp_path / "a.cvgl", StubDescriber())
    assert said["written"] == result.blocks_written > 8
    assert folder_bytes(output) == folder_bytes(tmp_path / "a.cvgl")


@pytest.fixture
def job(world: Path, tmp_path: Path) -> Job:
    plan = make_plan([describe_raster(world)], StubDescriber().card, CutSettings())
    folder = tmp_path / "shards"
    folder.mkdir()
    return Job.of(plan, CutSettings(), StubDescriber().card.weights_sha256, folder)


def test_a_task_gives_back_what_is_wrong(world: Path, job: Job) -> None:
    blocks = make_plan([describe_raster(world)], StubDescriber().card, CutSettings()).blocks[:2]
    version = ray_cluster.__version__
    found = ray_cluster._work(job, StubDescriber, blocks, version)
    assert [result.name for result in found] == [block.name for block in blocks]
    assert isinstance(ray_cluster._work(job, StubDescriber, blocks, "0.0"), SettingsError)

    def others() -> StubDescriber:
        return StubDescriber(seed=1)

    assert isinstance(ray_cluster._work(job, others, blocks, version), WeightsError)
    for shard in job.shard_folder.iterdir():
        shard.rename(job.shard_folder.parent / shard.name)
    with pytest.raises(OutputError, match="share"):
        ray_cluster._check_shared(job, found[0])
    job.shard_folder.rmdir()
    lost = ray_cluster._work(job, StubDescriber, blocks, version)
    assert isinstance(lost, OutputError) and "same paths" in str(lost)
    assert not job.shard_folder.exists()


def test_tasks_are_small_towards_a_fair_end(world: Path) -> None:
    blocks = make_plan([describe_raster(world)], StubDescriber().card, CutSettings()).blocks
    for slots in (1, 2, 100):
        chunks = list(ray_cluster._chunks(blocks, slots))
        assert [block for chunk in chunks for block in chunk] == list(blocks)
        assert max(map(len, chunks)) <= max(1, len(blocks) // (4 * slots)) <= 4
