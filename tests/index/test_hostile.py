import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvgl_core.errors import IndexCorruptError, IndexFolderError, IndexVersionError
from cvgl_core.fsio import sha256_file
from cvgl_core.index import Index, verify_folder
from cvgl_core.index.manifest import (
    FORMAT_VERSION,
    ShardRecord,
    canonical_json,
    digest_of,
    sealed_bytes,
)
from tests.index.conftest import DIM, build


def test_any_flipped_bit_is_found(city: Path) -> None:
    rng = np.random.default_rng(5)
    files = sorted(p for p in city.rglob("*") if p.is_file())
    assert len(files) == 2 + 3 * 7
    for path in files:
        data = path.read_bytes()
        for offset in {0, len(data) - 1, *rng.integers(0, len(data), 12).tolist()}:
            flipped = bytearray(data)
            flipped[offset] ^= 1 << int(rng.integers(8))
            path.write_bytes(flipped)
            with pytest.raises(IndexCorruptError, match=r"city\.cvgl"):
                Index.open(city)
            assert any(path.name in line or "manifest" in line for line in verify_folder(city))
        path.write_bytes(data)
    assert verify_folder(city) == []


@pytest.mark.parametrize(
    "name, use",
    [
        ("imagery.npy", lambda index: index.tile_pixels(range(len(index)))),
        ("maps.npy", lambda index: list(index.tile_maps(range(len(index))))),
        ("descriptors.npy", lambda index: index.search(np.ones((1, DIM), np.float32), 1)),
    ],
)
def test_a_flip_in_what_is_too_large_to_read_at_once_is_found_at_use(
    city: Path, monkeypatch: pytest.MonkeyPatch, name: str, use: Callable[[Index], object]
) -> None:
    monkeypatch.setattr("cvgl_core.index.reader._EAGER_BYTES", 0)
    path = sorted(city.glob(f"shards/*/{name}"))[1]
    data = bytearray(path.read_bytes())
    data[-7] ^= 4
    path.write_bytes(data)
    index = Index.open(city)
    for _ in range(2):
        with pytest.raises(IndexCorruptError, match=name):
            use(index)
    assert len(index.verify()) == 1


@pytest.mark.parametrize("damage", ["truncate", "grow", "remove", "swap", "foreign"])
def test_damaged_files(city: Path, tmp_path: Path, damage: str) -> None:
    other = build(tmp_path / "other.cvgl", seed=0, weights_sha256="c" * 64, blocks=((9, 9, 2, 2),))
    a, b = sorted(city.glob("shards/*"))[:2]
    if damage == "truncate":
        os.truncate(a / "tiles.npy", 40)
    elif damage == "grow":
        with (a / "descriptors.npy").open("ab") as stream:
            stream.write(b"\0")
    elif damage == "remove":
        (a / "valid.npy").unlink()
    elif damage == "swap":
        shutil.copy(a / "shard.json", b / "shard.json")
    else:
        shutil.copytree(next(other.glob("shards/*")), a, dirs_exist_ok=True)
    with pytest.raises(IndexCorruptError):
        Index.open(city)
    assert verify_folder(city)


def reseal(city: Path, change: Callable[[dict[str, Any]], object]) -> None:
    body = json.loads((city / "manifest.json").read_bytes())["body"]
    change(body)
    data = canonical_json({"body": body, "checksum": digest_of(body)})
    (city / "manifest.json").write_bytes(data)


def set_at(*path: Any) -> Callable[[dict[str, Any]], None]:
    *keys, value = path

    def change(body: Any) -> None:
        for key in keys[:-1]:
            body = body[key]
        body[keys[-1]] = value

    return change


NAMES = [
    "../evil",
    "/etc/passwd",
    "C:\\x",
    "\\\\host\\share",
    "r0c0-" + "0" * 16 + "/..",
    "r0c0\0",
    "",
    ".",
    "..",
    "r0c0-" + "g" * 16,
    "r0c0-" + "0" * 17,
    "r" + "1" * 9 + "c0-" + "0" * 16,
    "x" * 100_000,
    7,
    None,
]
CHANGES = [
    *(("shards", 0, "name", name) for name in NAMES),
    ("shards", 0, "tile_count", 10**12),
    ("shards", 0, "tile_count", 0),
    ("shards", 0, "tile_count", -1),
    ("shards", 0, "tile_count", 11),
    ("shards", 0, "tile_count", 2.5),
    ("shards", 0, "tile_count", "12"),
    ("shards", 0, "height_px", 10**9),
    ("shards", 0, "width_px", 1),
    ("shards", 0, "top_px", 2**60),
    ("shards", 0, "top_px", 0),
    ("shards", 0, "left_px", True),
    ("shards", 0, "imagery", None),
    ("shards", 0, "imagery", {"file_bytes": -1, "sha256": "0" * 64}),
    ("shards", 0, "imagery", {"file_bytes": 10**15, "sha256": "0" * 64}),
    ("shards", 0, "tiles", {"file_bytes": 1, "sha256": "0" * 63}),
    ("shards", 0, "extra", 1),
    ("shards", []),
    ("shards", {}),
    ("shards", None),
    ("shards", "abc"),
    ("grid", "crs", "EPSG:4326;rm"),
    ("grid", "crs", "+proj=longlat"),
    ("grid", "crs", 4326),
    ("grid", "tile_size_m", 0),
    ("grid", "tile_size_m", -72.0),
    ("grid", "tile_size_m", 1e99),
    ("grid", "stride_m", "36"),
    ("grid", None),
    ("index_id", "zz"),
    ("index_id", 3),
    ("version", 0),
    ("version", 2**40),
    ("version", "1"),
    ("weights_sha256", ""),
    ("weights_sha256", None),
    ("aerial_px", 0),
    ("aerial_px", 10**9),
    ("aerial_px", 17),
    ("descriptor_dim", 0),
    ("descriptor_dim", 13),
    ("descriptor_dim", 10**9),
    ("maps", None),
    ("maps", {}),
    ("maps", "channels", 7),
    ("maps", "channels", 0),
    ("maps", "channels", 10**9),
    ("maps", "kept_channels", 5),
    ("maps", "kept_channels", 10**6),
    ("maps", "height", -1),
    ("maps", "height", 3),
    ("maps", "width", 1.5),
    ("maps", "extra", 1),
    ("shards", 0, "maps", None),
    ("shards", 0, "map_basis", None),
    ("shards", 1, "map_basis", {"file_bytes": 10**15, "sha256": "0" * 64}),
    ("fill_rgb", [0, 0]),
    ("fill_rgb", [0, 0, 256]),
    ("min_valid", 2),
    ("min_valid", None),
    ("sources", 0, "name", "a\nb"),
    ("sources", 0, "name", "x" * 10**6),
    ("sources", 0, "gsd_m_per_px", 0),
    ("sources", None),
    ("software", "a\0b"),
    ("unknown", 1),
    ("precision", "float16"),
    ("precision", None),
    ("shared_trunk", 1),
    ("damaged", None),
    ("damaged", [{"row": 1, "col": 2, "source": "a.tif"}]),
    ("damaged", [{"row": 2**40, "col": 2, "source": "a.tif", "reason": "bad"}]),
    ("shards", 0, "damaged", [{"row": 1, "col": 2, "source": "a\n", "reason": "bad"}]),
    ("part", {"number": 0, "count": 2}),
    ("model", ["x"]),
    ("model", "y" * 5000),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: str(c)[:60])
def test_hostile_manifests_with_right_checksums_are_refused(
    city: Path, change: tuple[Any, ...]
) -> None:
    reseal(city, set_at(*change))
    start = time.perf_counter()
    with pytest.raises(IndexCorruptError, match=r"city\.cvgl"):
        Index.open(city)
    assert verify_folder(city)
    assert time.perf_counter() - start < 2.0


@pytest.mark.parametrize("version", [0, 1, FORMAT_VERSION + 1, "3", None, 10**30])
def test_other_formats_are_named(city: Path, version: object) -> None:
    reseal(city, set_at("format_version", version))
    with pytest.raises(IndexVersionError, match="format"):
        Index.open(city)


def test_a_shard_listed_twice_is_refused(city: Path) -> None:
    reseal(city, lambda body: body["shards"].append(body["shards"][0]))
    with pytest.raises(IndexCorruptError, match="contradicts"):
        Index.open(city)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"body":{},"checksum":1}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"body":NaN,"checksum":"x"}',
        b'{"body":' + b"9" * 5000 + b"}",
        b'{"body":1e999,"checksum":""}',
        b'{"body":{},"body":{},"checksum":""}',
        b"\0" * 1000,
    ],
    ids=lambda d: repr(d[:24]),
)
def test_what_is_not_a_manifest_is_refused(city: Path, data: bytes) -> None:
    (city / "manifest.json").write_bytes(data)
    with pytest.raises(IndexCorruptError, match="manifest"):
        Index.open(city)


def rewritten(city: Path, key: str, array: np.ndarray) -> None:
    """Replace an array of the first shard, with right checksums everywhere."""
    path = city / "shards" / Index.open(city).manifest.shards[0].name / f"{key}.npy"
    np.save(path, array, allow_pickle=True)
    facts = {"file_bytes": path.stat().st_size, "sha256": sha256_file(path)}
    reseal(city, set_at("shards", 0, key, facts))
    body = json.loads((city / "manifest.json").read_bytes())["body"]["shards"][0]
    (path.parent / "shard.json").write_bytes(sealed_bytes(ShardRecord(**body)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_a_map_basis_of_impossible_numbers_is_refused(city: Path, value: float) -> None:
    basis = np.zeros((6, 4), "<f4")
    basis[3, 2] = value
    rewritten(city, "map_basis", basis)
    index = Index.open(city)
    with pytest.raises(IndexCorruptError, match="map basis"):
        list(index.tile_maps([0]))


@pytest.mark.parametrize(
    "key, array",
    [
        ("map_basis", np.zeros((6, 5), "<f4")),
        ("map_basis", np.zeros((4, 6), "<f4")),
        ("map_basis", np.zeros((6, 4), "<f8")),
        ("maps", np.zeros((12, 2, 3, 4), "u1")),
        ("maps", np.zeros((12, 3, 2, 4), "i1")),
        ("maps", np.zeros((11, 2, 3, 4), "i1")),
        ("maps", np.asfortranarray(np.zeros((12, 2, 3, 4), "i1"))),
    ],
    ids=["wide", "turned", "double", "unsigned", "other-sides", "a-tile-less", "fortran"],
)
def test_maps_of_another_shape_are_refused(city: Path, key: str, array: np.ndarray) -> None:
    rewritten(city, key, array)
    with pytest.raises(IndexCorruptError, match=rf"{key}\.npy.*not the array"):
        Index.open(city)
    assert verify_folder(city)


@pytest.mark.parametrize("what", ["shard", "file"])
def test_links_out_of_the_folder_are_refused(city: Path, tmp_path: Path, what: str) -> None:
    victim = sorted(city.glob("shards/*"))[0]
    victim = victim if what == "shard" else victim / "imagery.npy"
    outside = tmp_path / "outside"
    victim.rename(outside)
    victim.symlink_to(outside)
    with pytest.raises(IndexCorruptError, match="leads out"):
        Index.open(city)


def test_a_pickle_in_an_array_never_runs(city: Path, tmp_path: Path) -> None:
    class Canary:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "canary",))

    rewritten(city, "tiles", np.array([Canary()] * 12, dtype=object))
    with pytest.raises(IndexFolderError, match="not the array"):
        Index.open(city)
    assert not (tmp_path / "canary").exists()
