import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.errors import IndexCorruptError, NoIndexError, SettingsError
from cvgl_core.index import (
    DamagedRecord,
    GridRecord,
    Index,
    PartRecord,
    merge_indexes,
    read_manifest,
    verify_folder,
)
from cvgl_core.index.manifest import canonical_json, digest_of
from tests.index.conftest import BLOCKS, build, folder_bytes

WEST, EAST, SOUTH = BLOCKS


def parts(folder: Path, *blocks: tuple, **changes: object) -> list[Path]:
    """Parts of a build, whose shards have the names of the whole."""
    made = []
    for number, own in enumerate(blocks, start=1):
        part = PartRecord(number=number, count=len(blocks))
        made.append(build(folder / f"{number}.cvgl", blocks=own, part=part, **changes))
    return made


def test_parts_become_the_very_bytes_of_a_build_at_once(tmp_path: Path) -> None:
    whole = build(tmp_path / "whole.cvgl", blocks=(EAST, SOUTH, WEST))
    made = parts(tmp_path, (SOUTH,), (), (WEST, EAST))
    manifest = merge_indexes(made[::-1], tmp_path / "merged.cvgl")
    merged, expected = folder_bytes(tmp_path / "merged.cvgl"), folder_bytes(whole)
    assert {name: merged[name] for name in merged if name.startswith("shards/")} == {
        name: expected[name] for name in expected if name.startswith("shards/")
    }
    assert manifest.part is None and manifest.index_id == read_manifest(whole).index_id
    assert manifest.model_dump(exclude={"shards", "tiles"}) == read_manifest(whole).model_dump(
        exclude={"shards", "tiles"}
    )
    assert {s.name for s in manifest.shards} == {s.name for s in read_manifest(whole).shards}
    assert verify_folder(tmp_path / "merged.cvgl") == []


def test_files_are_linked_and_outlive_the_parts(tmp_path: Path) -> None:
    made = parts(tmp_path, (WEST,), (EAST,))
    merge_indexes(made, tmp_path / "merged.cvgl")
    some = next(made[0].glob("shards/*/imagery.npy"))
    same = tmp_path / "merged.cvgl" / some.relative_to(made[0])
    assert some.samefile(same)
    for path in made:
        shutil.rmtree(path)
    assert verify_folder(tmp_path / "merged.cvgl") == []


def test_without_links_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = parts(tmp_path, (WEST,), (EAST,))
    merge_indexes(made, tmp_path / "linked.cvgl")

    def refuse(self: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    merge_indexes(made, tmp_path / "copied.cvgl")
    assert folder_bytes(tmp_path / "copied.cvgl") == folder_bytes(tmp_path / "linked.cvgl")
    assert all(p.stat().st_nlink == 1 for p in tmp_path.glob("copied.cvgl/shards/*/*"))


def test_neighbouring_indexes_in_any_order(tmp_path: Path) -> None:
    lost = DamagedRecord(row=1, col=2, source="a.tif", reason="bad")
    a = build(tmp_path / "a.cvgl", blocks=(WEST, EAST), damaged=(lost,), area="A")
    b = build(tmp_path / "b.cvgl", blocks=(SOUTH, EAST), index_id="2" * 32)
    manifest = merge_indexes([a, b], tmp_path / "ab.cvgl")
    assert len(manifest.shards) == 3 and manifest.tile_count == 30
    assert manifest.index_id not in ("0" * 32, "2" * 32)
    assert manifest.damaged == (lost,) and len(manifest.sources) == 1 and manifest.area == ""
    other = merge_indexes([b, a], tmp_path / "ba.cvgl")
    assert other.index_id == manifest.index_id and other.shards == manifest.shards
    index, left = Index.open(tmp_path / "ab.cvgl"), Index.open(a)
    found = index.search(left.descriptors[[5]].astype(np.float32), 1)
    assert index.tile_id(int(found.indices[0, 0])) == left.tile_id(5)


def test_into_one_of_them_and_again(tmp_path: Path) -> None:
    a = build(tmp_path / "a.cvgl", blocks=(WEST,))
    b = build(tmp_path / "b.cvgl", blocks=(EAST,), index_id="2" * 32)
    assert merge_indexes([a, b], a).version == 2
    assert len(Index.open(a)) == 18 and verify_folder(a) == []
    before = folder_bytes(tmp_path / "b.cvgl")
    merge_indexes([b], b)
    assert folder_bytes(b) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "other"},
        {"weights_sha256": "e" * 64},
        {"precision": "bfloat16"},
        {"shared_trunk": True},
        {"min_valid": 0.5},
        {"grid": GridRecord(crs="EPSG:32634", tile_size_m=16.0, stride_m=8.0)},
        {"fill_rgb": (0, 0, 0)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_cannot_be_searched_as_one_is_refused(tmp_path: Path, changes: dict) -> None:
    a = build(tmp_path / "a.cvgl", blocks=(WEST,))
    b = build(tmp_path / "b.cvgl", blocks=(EAST,), **changes)
    with pytest.raises(
        SettingsError, match=rf"a\.cvgl and .*b\.cvgl differ in {next(iter(changes))}"
    ):
        merge_indexes([a, b], tmp_path / "c.cvgl")
    assert not (tmp_path / "c.cvgl").exists()


def test_missing_and_foreign_parts_are_named(tmp_path: Path) -> None:
    made = parts(tmp_path, (WEST,), (EAST,), (SOUTH,))
    whole = build(tmp_path / "whole.cvgl")
    foreign = build(
        tmp_path / "f.cvgl", blocks=(EAST,), part=PartRecord(number=2, count=3), index_id="3" * 32
    )
    with pytest.raises(SettingsError, match="1 of 3 parts are missing: 2/3"):
        merge_indexes([made[0], made[2]], tmp_path / "c.cvgl")
    for others in ([made[0], foreign, made[2]], [made[0], whole], [whole, made[1]]):
        with pytest.raises(SettingsError, match="not parts of the same build"):
            merge_indexes(others, tmp_path / "c.cvgl")
    with pytest.raises(SettingsError, match="no index"):
        merge_indexes([], tmp_path / "c.cvgl")
    with pytest.raises(NoIndexError):
        merge_indexes([whole, tmp_path / "none"], tmp_path / "c.cvgl")
    assert not (tmp_path / "c.cvgl").exists()


def test_conflicts_name_both(tmp_path: Path) -> None:
    a = build(tmp_path / "a.cvgl", blocks=(WEST, EAST))
    overlapping = build(tmp_path / "b.cvgl", blocks=((0, 3, 2, 2),), seed=1, index_id="1" * 32)
    with pytest.raises(SettingsError, match=r"a\.cvgl and .*b\.cvgl both hold 4 tiles"):
        merge_indexes([a, overlapping], tmp_path / "c.cvgl")
    other = build(tmp_path / "other.cvgl", blocks=(WEST,), index_id="2" * 32)
    record = next(other.glob("shards/*/shard.json"))
    name = record.parent.name
    body = json.loads((other / "manifest.json").read_bytes())["body"]
    body["shards"][0]["descriptors"]["sha256"] = "9" * 64
    (other / "manifest.json").write_bytes(
        canonical_json({"body": body, "checksum": digest_of(body)})
    )
    with pytest.raises(SettingsError, match=rf"a\.cvgl and .*other\.cvgl hold different.*{name}"):
        merge_indexes([a, other], tmp_path / "c.cvgl")


def test_a_damaged_part_is_found(tmp_path: Path, make_index: Callable[..., Path]) -> None:
    made = parts(tmp_path, (WEST,), (EAST,))
    victim = next(made[1].glob("shards/*/maps.npy"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"\x55")
    with pytest.raises(IndexCorruptError, match=r"2\.cvgl.*maps\.npy"):
        merge_indexes(made, tmp_path / "c.cvgl")
    assert not (tmp_path / "c.cvgl" / "manifest.json").exists()
