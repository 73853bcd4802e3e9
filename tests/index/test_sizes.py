"""Several tile sizes under one path: named by one file, looked after by the same commands."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cvgl_core.errors import (
    IndexCorruptError,
    NoIndexError,
    OutputError,
    SettingsError,
)
from cvgl_core.index import (
    Collection,
    GridRecord,
    Index,
    IndexWriter,
    check_sizes,
    claim_sizes,
    find_garbage,
    member_folders,
    merge_sizes,
    open_index,
    read_manifest,
    remove_garbage,
    verify_folder,
    write_sizes,
)
from tests.index.conftest import BLOCKS, build, folder_bytes


def grid(size_m: float) -> GridRecord:
    return GridRecord(crs="EPSG:32633", tile_size_m=size_m, stride_m=size_m / 2)


@pytest.fixture
def make_sizes(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str = "city.cvgl", sizes=(16.0, 32.0), **options: object) -> Path:
        folders = claim_sizes(tmp_path / name, sizes)
        for number, (size, folder) in enumerate(zip(sizes, folders, strict=True)):
            build(folder, grid=grid(size), index_id=str(number) * 32, **options)
        write_sizes(tmp_path / name, folders)
        return tmp_path / name

    return make


def test_one_path_opens_all(make_sizes: Callable[..., Path], city: Path) -> None:
    folder = make_sizes("both.cvgl")
    assert [path.name for path in member_folders(folder)] == ["16m", "32m"]
    both = open_index(folder)
    assert isinstance(both, Collection) and both.sizes == 2 and len(both) == 2 * 30
    assert both.path == folder and both.grid.tile_size_m == 16.0
    assert both.tile_id(0).endswith("-16m") and both.tile_id(59).endswith("-32m")
    one, other = both.members
    assert both.member_of(31) == (other, 1)
    assert both.manifest.index_id not in {one.manifest.index_id, other.manifest.index_id}
    rgb, valid = both.mosaic(one.bounds())
    alone = one.mosaic(one.bounds())
    assert (rgb == alone[0]).all() and (valid == alone[1]).all()
    assert verify_folder(folder) == []
    plain = open_index(city)
    assert isinstance(plain, Index) and plain.members == (plain,) and plain.member_of(3)[1] == 3
    with pytest.raises(NoIndexError, match="several sizes"):
        Index.open(folder)
    with pytest.raises(NoIndexError):
        open_index(folder.with_name("nothing.cvgl"))


def test_every_flip_and_exchange_is_found(make_sizes: Callable[..., Path]) -> None:
    folder = make_sizes()
    names = folder / "sizes.json"
    data = names.read_bytes()
    for offset in range(len(data)):
        flipped = bytearray(data)
        flipped[offset] ^= 1
        names.write_bytes(flipped)
        with pytest.raises(IndexCorruptError, match=r"sizes\.json"):
            open_index(folder)
        assert len(verify_folder(folder)) == 1
    names.write_bytes(data)
    victim = next((folder / "32m").glob("shards/*/descriptors.npy"))
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1] + b"\x7f")
    assert len(verify_folder(folder)) >= 1
    victim.write_bytes(whole)
    shutil.move(folder / "16m", folder / "kept")
    shutil.copytree(folder / "32m", folder / "16m")
    assert any("16m: holds tiles of 32 m" in line for line in verify_folder(folder))
    with pytest.raises(IndexCorruptError, match="holds tiles of 32 m"):
        open_index(folder)
    shutil.rmtree(folder / "16m")
    assert verify_folder(folder)
    with pytest.raises(NoIndexError):
        open_index(folder)
    (folder / "16m").symlink_to(folder / "kept", target_is_directory=True)
    with pytest.raises(IndexCorruptError, match="leads out"):
        open_index(folder)


def test_sizes_have_to_fit_together() -> None:
    assert check_sizes([144.0, 36.0, 72.0, 36.0]) == (36.0, 72.0, 144.0)
    assert check_sizes([28.8, 57.6]) == (28.8, 57.6)
    for wrong in ([36.0, 100.0], [0.0, 36.0], [-1.0], [float("nan")], [1e9], list(range(1, 40))):
        with pytest.raises(SettingsError, match="tile sizes"):
            check_sizes(wrong)


def test_nothing_else_is_overwritten(
    make_sizes: Callable[..., Path], city: Path, tmp_path: Path
) -> None:
    folder = make_sizes("both.cvgl")
    with pytest.raises(SettingsError, match="32m too"):
        claim_sizes(folder, (16.0, 64.0))
    assert [path.name for path in claim_sizes(folder, (16.0, 32.0, 64.0))][2] == "64m"
    with pytest.raises(SettingsError, match="one tile size"):
        claim_sizes(city, (16.0, 32.0))
    with pytest.raises(OutputError, match="several sizes"), IndexWriter(folder):
        pass
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="no index folder"):
        claim_sizes(tmp_path / "mine", (16.0, 32.0))
    before = (folder / "sizes.json").stat().st_mtime_ns
    write_sizes(folder, claim_sizes(folder, (16.0, 32.0)))
    assert (folder / "sizes.json").stat().st_mtime_ns == before


def test_gc_and_merge_reach_every_size(make_sizes: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_sizes()
    before = folder_bytes(folder)
    for member in member_folders(folder):
        build(member, seed=1, grid=read_manifest(member).grid, index_id="7" * 32)
    found = find_garbage(folder, 0.0)
    assert len(found.shards) == 6 and {path.parts[-3] for path in found.shards} == {"16m", "32m"}
    assert remove_garbage(folder, 0.0) == found and verify_folder(folder) == []
    parts = [make_sizes(f"{n}.cvgl", blocks=(block,)) for n, block in enumerate(BLOCKS)]
    merged = merge_sizes(parts, tmp_path / "merged.cvgl")
    assert [manifest.tile_count for manifest in merged] == [30, 30]
    assert {name for name in before if name.endswith("npy")} == {
        name for name in folder_bytes(tmp_path / "merged.cvgl") if name.endswith("npy")
    }
    assert open_index(tmp_path / "merged.cvgl").members[1].grid.tile_size_m == 32.0
    other = make_sizes("other.cvgl", sizes=(16.0, 64.0))
    for odd in (other, member_folders(other)[0]):
        with pytest.raises(SettingsError, match="other sizes"):
            merge_sizes([folder, odd], tmp_path / "no.cvgl")
