"""Imagery stored as JPEG: what it shows, what it refuses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from cvgl_core.errors import IndexCorruptError
from cvgl_core.index import Index, merge_indexes, verify_folder
from cvgl_core.index.manifest import FileRecord, ShardRecord, sealed_bytes, unseal
from cvgl_core.index.picture import jpeg_of, pixels_of
from cvgl_core.index.shard import stored_bytes
from cvgl_core.types import Bounds
from tests.index.conftest import BLOCKS, DIM, MAPS, build, folder_bytes

SMOOTH = np.indices((48, 80)).sum(0).astype(np.uint8)[..., None] + np.array([0, 50, 90], np.uint8)


def whole(bounds: Bounds) -> Bounds:
    return Bounds(bounds.left_m - 8, bounds.bottom_m - 8, bounds.right_m + 8, bounds.top_m + 8)


def test_pixels_come_back_nearly_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "imagery.jpg"
    path.write_bytes(jpeg_of(SMOOTH))
    assert jpeg_of(SMOOTH) == path.read_bytes()
    found = pixels_of(path, 48, 80)
    assert np.abs(found.astype(int) - SMOOTH).mean() < 2.0
    for size in ((80, 48), (48, 81)):
        with pytest.raises(IndexCorruptError, match="promises"):
            pixels_of(path, *size)
    for data in (
        b"",
        path.read_bytes()[:200],
        simplejpeg.encode_jpeg(SMOOTH[..., :1].copy(), 90, "GRAY"),
    ):
        path.write_bytes(data)
        with pytest.raises(IndexCorruptError, match=r"imagery\.jpg"):
            pixels_of(path, 48, 80)


def test_an_index_with_jpeg_is_read_like_another(make_index: Callable[..., Path]) -> None:
    raw = Index.open(make_index("raw.cvgl"))
    folder = make_index("jpeg.cvgl", jpeg=True)
    index = Index.open(folder)
    assert not list(folder.glob("shards/*/imagery.npy")) and index.verify() == []
    assert (index.descriptors[:] == raw.descriptors[:]).all()
    tiles = list(range(len(index)))
    assert index.tile_pixels(tiles).shape == raw.tile_pixels(tiles).shape
    shown, valid = index.mosaic(whole(index.bounds()))
    _, expected_valid = raw.mosaic(whole(raw.bounds()))
    assert (valid == expected_valid).all()
    assert (shown[~valid] == np.array(index.manifest.fill_rgb)).all()
    before = folder_bytes(folder)
    build(folder, jpeg=True)
    assert folder_bytes(folder) == before


def test_where_there_is_no_picture_is_the_colour_of_nothing(
    make_index: Callable[..., Path],
) -> None:
    index = Index.open(make_index(jpeg=True))
    pixels = index.tile_pixels([0])[0]
    empty = (np.indices(pixels.shape[:2]).sum(0) + _corner(index)) % 4 == 0
    assert (pixels[empty] == np.array(index.manifest.fill_rgb)).all()


def _corner(index: Index) -> int:
    stride = index.manifest.stride_px
    return int(index.rows[0]) * stride + int(index.cols[0]) * stride


def test_both_kinds_in_one_index(make_index: Callable[..., Path], tmp_path: Path) -> None:
    raw = make_index("raw.cvgl", blocks=BLOCKS[:1])
    jpeg = make_index("jpeg.cvgl", blocks=BLOCKS[1:], jpeg=True)
    merge_indexes([raw, jpeg], tmp_path / "both.cvgl")
    index = Index.open(tmp_path / "both.cvgl")
    assert verify_folder(index.path) == [] and len(index.tile_pixels(range(len(index)))) == 30


def test_a_flip_is_found(make_index: Callable[..., Path]) -> None:
    folder = make_index(jpeg=True)
    path = sorted(folder.glob("shards/*/imagery.jpg"))[1]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(IndexCorruptError, match=r"imagery\.jpg"):
        Index.open(folder)
    assert len(verify_folder(folder)) == 1


def test_what_no_writer_makes_is_refused(make_index: Callable[..., Path]) -> None:
    folder = make_index(jpeg=True)
    record = Index.open(folder).manifest.shards[0]
    shards = folder / "shards"
    assert stored_bytes(shards, record, DIM, MAPS) > 0
    huge = {"height_px": 65536, "width_px": 65536}
    both = {"imagery": record.valid}
    neither = {"imagery_jpeg": None}
    long = {"imagery_jpeg": FileRecord(file_bytes=1 << 40, sha256="0" * 64)}
    for change in (huge, both, neither, long):
        with pytest.raises(IndexCorruptError):
            stored_bytes(shards, record.model_copy(update=change), DIM, MAPS)


def test_a_damaged_picture_is_repaired_file_by_file(make_index: Callable[..., Path]) -> None:
    folder = make_index(jpeg=True)
    before = folder_bytes(folder)
    shard = sorted(folder.glob("shards/*"))[0]
    kept = (shard / "tiles.npy").stat().st_ino
    (shard / "imagery.jpg").write_bytes(b"no picture")
    (shard / "imagery.npy").write_bytes(b"of nobody")
    record = unseal((shard / "shard.json").read_bytes(), shard)
    assert sealed_bytes(ShardRecord.model_validate(record)) == (shard / "shard.json").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.rmtree", _only_temporary)
        build(folder, jpeg=True)
    assert folder_bytes(folder) == before and (shard / "tiles.npy").stat().st_ino != kept


def _only_temporary(path: Path, ignore_errors: bool = False) -> None:
    """A shard that is damaged may still be read in part: it is never taken away whole."""
    assert path.name.startswith(".tmp-")
    for file in path.iterdir():
        file.unlink()
    path.rmdir()


@pytest.mark.parametrize("jpeg", [False, True])
def test_thumbnails_are_small_copies_of_the_tiles(
    make_index: Callable[..., Path], jpeg: bool
) -> None:
    folder = make_index("small.cvgl", jpeg=jpeg, thumbnails=True)
    index = Index.open(folder)
    assert index.has_thumbnails and index.verify() == []
    plain = Index.open(make_index("plain.cvgl"))
    pixels = plain.tile_pixels(range(len(plain))).astype(float)
    means = pixels.reshape(len(index), 4, 4, 4, 4, 3).mean(axis=(2, 4))
    found = index.thumbnails(range(len(index)))
    assert found.shape == (len(index), 4, 4, 3)
    brightness = np.array([0.299, 0.587, 0.114])  # colours are kept at half the resolution
    assert np.abs((found - means) @ brightness).mean() < 4.0
    before = folder_bytes(folder)
    build(folder, jpeg=jpeg, thumbnails=True)
    assert folder_bytes(folder) == before
    assert not plain.has_thumbnails


def test_a_coarse_mosaic_reads_thumbnails_only(make_index: Callable[..., Path]) -> None:
    folder = make_index("small.cvgl", thumbnails=True)
    index, plain = Index.open(folder), Index.open(make_index("plain.cvgl"))
    for step in (2, 5, 7):
        seen, valid = index.mosaic(whole(index.bounds()), step)
        expected, expected_valid = plain.mosaic(whole(plain.bounds()), step)
        assert (valid == expected_valid).all() and seen.shape == expected.shape
        assert (seen[~valid] == expected[~valid]).all()
        assert (step < 4) == bool((seen == expected).all())
    for path in folder.glob("shards/*/imagery.npy"):
        path.unlink()
    assert (index.mosaic(whole(index.bounds()), 5)[0] != 0).any()


def test_damaged_thumbnails_are_found(make_index: Callable[..., Path]) -> None:
    folder = make_index("small.cvgl", thumbnails=True)
    path = next(folder.glob("shards/*/thumbnails.jpg"))
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert any("thumbnails.jpg" in problem for problem in verify_folder(folder))
    with pytest.raises(IndexCorruptError, match=r"thumbnails\.jpg"):
        Index.open(folder)


def test_thumbnails_come_along_when_indexes_are_merged(
    make_index: Callable[..., Path], tmp_path: Path
) -> None:
    first = make_index("first.cvgl", blocks=BLOCKS[:1], thumbnails=True)
    second = make_index("second.cvgl", blocks=BLOCKS[1:], thumbnails=True)
    merge_indexes([first, second], tmp_path / "both.cvgl")
    both = Index.open(tmp_path / "both.cvgl")
    assert both.has_thumbnails and both.verify() == []
