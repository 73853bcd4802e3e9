"""Every format that was ever released stays readable: one small index of each is kept."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.errors import NoIndexError
from cvgl_core.index import (
    DamagedRecord,
    Index,
    IndexWriter,
    PartRecord,
    migrate_index,
    read_manifest,
    verify_folder,
)
from cvgl_core.index.manifest import FORMAT_VERSION, OLDEST_READABLE
from tests.index.conftest import BLOCKS, block_data, folder_bytes, manifest_for

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("number", range(OLDEST_READABLE, FORMAT_VERSION))
def test_older_formats_are_read(number: int) -> None:
    """Each was made by ``build`` of ``conftest.py`` when the format had that number."""
    index = Index.open(GOLDEN / f"index-format-{number}")
    manifest = index.manifest
    assert manifest.format_version == FORMAT_VERSION
    assert (manifest.precision, manifest.shared_trunk) == ("float32", False)
    assert manifest.damaged == () and manifest.part is None and index.verify() == []
    blocks = [block_data(block) for block in BLOCKS]
    assert (index.rows == np.concatenate([block.tiles["row"] for block in blocks])).all()
    descriptors = np.concatenate([block.descriptors for block in blocks]).astype(np.float16)
    assert (index.descriptors[:] == descriptors).all()
    assert index.tile_pixels([3]).any() and len(list(index.tile_maps([0, 29]))) == 2


@pytest.mark.parametrize("number", range(OLDEST_READABLE, FORMAT_VERSION))
def test_older_formats_are_migrated_in_place(number: int, tmp_path: Path) -> None:
    folder = tmp_path / "city.cvgl"
    shutil.copytree(GOLDEN / f"index-format-{number}", folder)
    old = Index.open(folder)
    before = folder_bytes(folder)
    manifest = migrate_index(folder)
    assert (manifest.version, manifest.format_version) == (2, FORMAT_VERSION)
    written = f'"format_version":{FORMAT_VERSION}'.encode()
    assert written in (folder / "manifest.json").read_bytes()
    after = folder_bytes(folder)
    assert after.keys() - before.keys() == {"tiles-v2.parquet"}
    assert {name for name in before if before[name] != after.get(name)} <= {
        "manifest.json",
        "tiles-v1.parquet",
    }
    new = Index.open(folder)
    assert new.verify() == [] and new.manifest.shards == old.manifest.shards
    assert (old.tile_pixels([3, 29]) == new.tile_pixels([3, 29])).all()
    assert migrate_index(folder) == manifest
    assert folder_bytes(folder) == after
    with pytest.raises(NoIndexError):
        migrate_index(tmp_path / "new.cvgl")
    assert not (tmp_path / "new.cvgl").exists()


def test_what_could_not_be_read_is_told(tmp_path: Path) -> None:
    lost = DamagedRecord(row=-5, col=7, source="ortho.tif", reason="a block cannot be decoded")
    with IndexWriter(tmp_path / "city.cvgl") as writer:
        data = dataclasses.replace(block_data(BLOCKS[0]), damaged=(lost,))
        record = writer.write_shard(f"r0c0-{'0' * 16}", data)
        writer.commit(manifest_for([record], damaged=(lost, lost), precision="bfloat16"))
    manifest = Index.open(tmp_path / "city.cvgl").manifest
    assert manifest.damaged == (lost, lost) and manifest.shards[0].damaged == (lost,)
    assert manifest.precision == "bfloat16"


def test_a_part_may_be_empty_but_not_searched(tmp_path: Path) -> None:
    part = PartRecord(number=2, count=3)
    with IndexWriter(tmp_path / "part.cvgl") as writer:
        writer.commit(manifest_for([], part=part))
    assert read_manifest(tmp_path / "part.cvgl").part == part
    assert verify_folder(tmp_path / "part.cvgl") == []
    with pytest.raises(NoIndexError, match="merge"):
        Index.open(tmp_path / "part.cvgl")
    with pytest.raises(ValueError, match="at least one shard"):
        manifest_for([])


def test_the_days_of_tiles(tmp_path: Path) -> None:
    each = tuple(f"2021-06-{day:02}" if day % 3 else "" for day in range(1, 13))
    given = {BLOCKS[0]: each, BLOCKS[1]: ("2019-01-01",), BLOCKS[2]: ()}
    with IndexWriter(tmp_path / "city.cvgl") as writer:
        records = [
            writer.write_shard(
                f"r{number}c0-{'0' * 16}", dataclasses.replace(block_data(block), acquired=days)
            )
            for number, (block, days) in enumerate(given.items())
        ]
        writer.commit(manifest_for(records))
    index = Index.open(tmp_path / "city.cvgl")
    assert index.acquired.tolist() == [*each, *6 * ["2019-01-01"], *12 * [""]]
    for wrong in (each[:5], ("2019-01-01T10:00",)):
        with pytest.raises(ValueError, match=r"acquired|days"):
            records[0].model_validate(records[0].model_dump() | {"acquired": wrong})


def test_an_index_of_an_older_format_knows_no_days() -> None:
    assert set(Index.open(GOLDEN / "index-format-4").acquired.tolist()) == {""}
