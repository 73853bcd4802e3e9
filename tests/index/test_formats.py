"""Every format that was ever released stays readable: one small index of each is kept."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.errors import NoIndexError
from cvgl_core.index import (
    DamagedRecord,
    Index,
    IndexWriter,
    PartRecord,
    read_manifest,
    verify_folder,
)
from tests.index.conftest import BLOCKS, block_data, manifest_for

GOLDEN = Path(__file__).parents[1] / "golden"


def test_format_2_is_read() -> None:
    """Made by ``build`` of ``conftest.py`` when the format was 2."""
    index = Index.open(GOLDEN / "index-format-2")
    manifest = index.manifest
    assert (manifest.format_version, manifest.precision, manifest.shared_trunk) == (
        3,
        "float32",
        False,
    )
    assert manifest.damaged == () and manifest.part is None and index.verify() == []
    blocks = [block_data(block) for block in BLOCKS]
    assert (index.rows == np.concatenate([block.tiles["row"] for block in blocks])).all()
    descriptors = np.concatenate([block.descriptors for block in blocks]).astype(np.float16)
    assert (index.descriptors[:] == descriptors).all()
    assert index.tile_pixels([3]).any() and len(list(index.tile_maps([0, 29]))) == 2


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
