"""The commands that look after index folders, as a user gives them."""

import json
import shutil
from pathlib import Path

import pytest

from cvgl_core.index import Index, verify_folder
from tests.tiling.helpers import PLAIN, UTM, folder_bytes, world_raster
from tests.tiling.test_cli import _stub, cvgl_tile, one_line_error
from tiling import plan as plan_module

__all__ = ["_stub"]
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "BLOCK_TILES", 3)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return world_raster(tmp_path / "world.tif", PLAIN, (200, 260), UTM)


@pytest.mark.parametrize("count", [1, 3, 40])
def test_parts_are_merged_to_the_bytes_of_one_build(
    world: Path, tmp_path: Path, capsys, count: int
) -> None:
    """Also when there are more parts than blocks, so that some are empty."""
    build = ("build", world, "--workers", 1, "-o")
    assert cvgl_tile(capsys, *build, tmp_path / "whole.cvgl")[0] == 0
    parts = [tmp_path / f"{number}.cvgl" for number in range(1, count + 1)]
    for number, part in enumerate(parts, start=1):
        assert cvgl_tile(capsys, *build, part, "--shard", f"{number}/{count}")[0] == 0
    merged = tmp_path / "merged.cvgl"
    code, out, _ = cvgl_tile(capsys, "merge", *parts[::-1], "-o", merged, "--json")
    assert code == 0 and json.loads(out)["blocks"] == len(list(merged.glob("shards/*")))
    assert folder_bytes(merged) == folder_bytes(tmp_path / "whole.cvgl")
    if count > 1:
        result = cvgl_tile(capsys, "merge", *parts[1:], "-o", tmp_path / "less.cvgl")
        one_line_error(result, 11, f"1 of {count} parts", f"1/{count}")


def test_gc_frees_what_the_version_before_took(world: Path, tmp_path: Path, capsys) -> None:
    city = tmp_path / "city.cvgl"
    for share in ("0.25", "1.0"):
        assert (
            cvgl_tile(capsys, "build", world, "--workers", 1, "-o", city, "--min-valid", share)[0]
            == 0
        )
    before = folder_bytes(city)
    code, out, _ = cvgl_tile(capsys, "gc", city)
    assert code == 0 and "0 blocks removed" in out and folder_bytes(city) == before
    tried = json.loads(cvgl_tile(capsys, "gc", city, "--keep-hours", "0", "--dry-run", "--json")[1])
    assert folder_bytes(city) == before and tried["bytes"] > 0 == tried["kept"]
    done = json.loads(cvgl_tile(capsys, "gc", city, "--keep-hours", "0", "--json")[1])
    assert done == tried | {"dry_run": False}
    freed = sum(map(len, before.values())) - sum(map(len, folder_bytes(city).values()))
    assert freed == done["bytes"] and verify_folder(city) == []
    one_line_error(cvgl_tile(capsys, "gc", tmp_path / "none"), 41, "none")


def test_migrate_and_read_on(tmp_path: Path, capsys) -> None:
    city = tmp_path / "city.cvgl"
    shutil.copytree(GOLDEN / "index-format-2", city)
    assert cvgl_tile(capsys, "verify", city)[0] == 0
    assert "now version 2" in cvgl_tile(capsys, "migrate", city)[1]
    assert cvgl_tile(capsys, "verify", city)[0] == 0 and len(Index.open(city)) == 30
    assert json.loads(cvgl_tile(capsys, "migrate", city, "--json")[1])["changed"] is False
    (city / "manifest.json").unlink()
    one_line_error(cvgl_tile(capsys, "migrate", city), 41, "no finished index")
