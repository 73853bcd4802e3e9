import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cvgl_core.errors import IndexLockedError, NoIndexError
from cvgl_core.index import Index, IndexWriter, find_garbage, remove_garbage, verify_folder
from tests.index.conftest import BLOCKS, folder_bytes


@pytest.fixture
def twice(make_index: Callable[..., Path]) -> Path:
    make_index()
    return make_index(seed=1, index_id="1" * 32)


def aged(folder: Path, hours: float) -> None:
    """Make everything in a folder as old as that."""
    past = time.time() - hours * 3600.0
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (past, past))


def test_young_shards_of_the_version_before_are_kept_for_its_readers(twice: Path) -> None:
    aged(twice, 23.0)
    found = remove_garbage(twice, 24.0)
    assert (found.shards, found.file_bytes, found.kept) == ((), 0, len(BLOCKS))
    aged(twice, 25.0)
    assert len(remove_garbage(twice, 24.0).shards) == len(BLOCKS)
    assert len(list(twice.glob("shards/*"))) == len(BLOCKS) and verify_folder(twice) == []
    assert remove_garbage(twice, 0.0).shards == ()


def test_a_reader_of_the_version_before_goes_on(
    make_index: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cvgl_core.index.reader._EAGER_BYTES", 0)
    old = Index.open(make_index())
    folder = make_index(seed=1, index_id="1" * 32)
    assert remove_garbage(folder, 24.0).kept == len(BLOCKS)
    assert len(old.tile_pixels([0, 29])) == 2 and len(old.descriptors[:]) == 30


def test_what_a_stopped_build_wrote_counts_from_when_it_was_written(twice: Path) -> None:
    aged(twice, 100.0)
    leftover = twice / "shards" / f"r0c0-{'5' * 16}"
    shutil.copytree(next(twice.glob("shards/*")), leftover)
    os.utime(leftover)
    assert find_garbage(twice, 24.0).kept == 1
    assert leftover not in find_garbage(twice, 24.0).shards
    assert leftover in find_garbage(twice, 0.0).shards


def test_looking_changes_nothing_and_tells_the_bytes(twice: Path) -> None:
    before = folder_bytes(twice)
    found = find_garbage(twice, 0.0)
    assert folder_bytes(twice) == before
    remove_garbage(twice, 0.0)
    after = folder_bytes(twice)
    gone = [path for path in before if path not in after]
    assert found.file_bytes == sum(len(before[path]) for path in gone)
    assert {path.split("/")[1] for path in gone} == {path.name for path in found.shards}
    assert all(after[path] == before[path] for path in after)


def test_half_written_files_go_too(twice: Path) -> None:
    (twice / "shards" / ".tmp-r0c0-x").mkdir()
    (twice / "tiles-v7.parquet").write_bytes(b"of a commit that was killed")
    remove_garbage(twice, 24.0)
    assert not list(twice.glob("shards/.tmp*")) and not (twice / "tiles-v7.parquet").exists()
    assert verify_folder(twice) == []


def test_not_while_it_is_built_nor_where_there_is_none(twice: Path, tmp_path: Path) -> None:
    with IndexWriter(twice), pytest.raises(IndexLockedError):
        remove_garbage(twice, 0.0)
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(NoIndexError):
            remove_garbage(folder, 0.0)
    assert not (tmp_path / "none").exists()


def test_a_table_that_a_stopped_build_left_is_named_and_removed(
    city: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = city / "tiles-v2.parquet"
    left.write_bytes(b"half")
    assert verify_folder(city) == []
    assert "tiles-v2.parquet: belongs to no version" in caplog.text
    remove_garbage(city, 24.0)
    assert not left.exists() and (city / "tiles-v1.parquet").exists()
