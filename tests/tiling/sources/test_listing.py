"""What a user names as sources, as places."""

import os
from pathlib import Path

import pytest

from cvgl_core.errors import RasterOpenError, SettingsError
from tiling.sources.listing import list_sources


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.tif", "a.TIF", "deep/c.jp2", "note.txt", ".hidden.tif", ".cache/d.tif"):
        path = tmp_path / "ortho" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return tmp_path / "ortho"


def names(*texts: object) -> list[str]:
    return [source.place.name for source in list_sources([str(text) for text in texts])]


def test_folders_patterns_and_lists(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(folder) == ["a.TIF", "b.tif", "c.jp2"]
    assert names(folder / "b.tif", folder) == ["b.tif", "a.TIF", "c.jp2"]  # each once, in order
    assert names(folder / "*.tif") == ["b.tif"]
    assert names(folder / "**" / "*.jp2") == ["c.jp2"]
    assert names(folder / "d*p") == ["c.jp2"]  # a folder that fits a pattern
    listed = folder.parent / "list.txt"
    listed.write_text("# what we fly\n\northo/b.tif\n  ortho/deep \n")
    assert names(f"@{listed}") == ["b.tif", "c.jp2"]
    monkeypatch.chdir("/")
    assert names("@" + os.path.relpath(listed, "/")) == ["b.tif", "c.jp2"]


def test_a_name_with_signs_of_a_pattern_is_a_name(folder: Path) -> None:
    (folder / "sheet [1].tif").write_text("x")
    assert names(folder / "sheet [1].tif") == ["sheet [1].tif"]
    assert "sheet [1].tif" in names(folder / "*.tif")


def test_what_names_nothing_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.txt").write_text("# nothing\n")
    (tmp_path / "nested.txt").write_text("@list.txt\n")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    for text, words in (
        (tmp_path / "empty", "without rasters"),
        (folder / "*.png", "no file fits"),
        (f"@{tmp_path / 'list.txt'}", "names no source"),
        (f"@{tmp_path / 'gone.txt'}", "gone.txt"),
        (f"@{tmp_path / 'bytes.txt'}", "bytes.txt"),
    ):
        with pytest.raises(RasterOpenError, match=words):
            names(text)
    with pytest.raises(SettingsError, match="list in a list"):
        names(f"@{tmp_path / 'nested.txt'}")
