import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cvgl_core.errors import IndexLockedError, NoIndexError, OutputError
from cvgl_core.index import Index, IndexWriter, shard
from tests.index.conftest import BLOCKS, DIM, MAPS, block_data, build, folder_bytes


def test_same_content_same_bytes_and_same_version(make_index: Callable[..., Path]) -> None:
    first, second = make_index("a.cvgl"), make_index("b.cvgl")
    before = folder_bytes(first)
    assert before == folder_bytes(second)
    assert not any(name.startswith(".") or ".tmp" in name for name in before)
    times = {p: p.stat().st_mtime_ns for p in first.rglob("*") if p.is_file()}
    make_index("a.cvgl")
    assert folder_bytes(first) == before
    assert {p: p.stat().st_mtime_ns for p in first.rglob("*") if p.is_file()} == times


def test_changed_content_is_a_new_version_and_readers_keep_theirs(
    make_index: Callable[..., Path],
) -> None:
    old = Index.open(make_index())
    new = Index.open(make_index(seed=1, index_id="1" * 32))
    assert (old.manifest.version, new.manifest.version) == (1, 2)
    assert old.tile_pixels([0]).shape and len(old.descriptors) == 30
    assert (old.descriptors[:] != new.descriptors[:]).any()
    third = Index.open(make_index(seed=2, index_id="2" * 32))
    assert third.manifest.version == 3 and third.verify() == []
    assert len(list((third.path / "shards").iterdir())) == 2 * len(BLOCKS)


def test_an_unfinished_index_is_none_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "city.cvgl"
    with IndexWriter(folder) as writer:
        writer.write_shard(f"r0c0-{'0' * 16}", block_data(BLOCKS[0]))
    with pytest.raises(NoIndexError):
        Index.open(folder)
    with IndexWriter(folder) as writer:
        assert writer.existing(f"r0c0-{'0' * 16}", DIM, MAPS) is not None
        assert writer.existing(f"r0c0-{'0' * 16}", DIM) is None
        assert writer.existing(f"r0c0-{'1' * 16}", DIM, MAPS) is None


def test_a_damaged_shard_is_made_anew(make_index: Callable[..., Path]) -> None:
    folder = make_index()
    before = folder_bytes(folder)
    victim = sorted(folder.glob("shards/*/imagery.npy"))[1]
    victim.write_bytes(victim.read_bytes()[:-1] + b"\xff")
    assert folder_bytes(folder) != before
    make_index()
    assert folder_bytes(folder) == before


def test_a_damaged_manifest_is_written_anew(make_index: Callable[..., Path]) -> None:
    folder = make_index()
    before = folder_bytes(folder)
    (folder / "manifest.json").write_bytes(b"{")
    make_index()
    assert folder_bytes(folder) == before


def test_leftovers_of_a_killed_writer_are_cleared(make_index: Callable[..., Path]) -> None:
    folder = make_index()
    before = folder_bytes(folder)
    (folder / "shards" / ".tmp-r0c0-77").mkdir()
    (folder / "shards" / ".tmp-r0c0-77" / "imagery.npy").write_bytes(b"half")
    (folder / ".manifest.json.tmp77").write_bytes(b"half")
    (folder / ".owner").write_bytes(b"process 77")
    assert Index.open(folder).verify() == []
    make_index()
    assert folder_bytes(folder) == before


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    folder = tmp_path / "city.cvgl"
    code = (
        "import sys; from pathlib import Path; from cvgl_core.index import IndexWriter\n"
        "with IndexWriter(Path(sys.argv[1])): pass"
    )
    with IndexWriter(folder):
        done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True)
        assert done.returncode != 0 and "IndexLockedError" in done.stderr
        assert f"process {os.getpid()} on" in done.stderr
        with pytest.raises(IndexLockedError, match=f"process {os.getpid()}"):
            IndexWriter(folder).__enter__()
    with IndexWriter(folder):
        pass
    assert not folder.exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(OutputError, match="no index folder"), IndexWriter(tmp_path):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(OutputError, match="is a file"), IndexWriter(tmp_path / "thesis.txt"):
        pass


def test_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, array: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shard, "write_npy", full)
    with pytest.raises(OutputError, match="disk is full"):
        build(tmp_path / "city.cvgl")
    assert not (tmp_path / "city.cvgl").exists()
