"""Rasters on web servers, read in pieces."""

import logging
from pathlib import Path

import numpy as np
import pytest
import rasterio

from cvgl_core.errors import (
    CvglError,
    RasterOpenError,
    SourceUnreachableError,
    UnsupportedRasterError,
)
from cvgl_core.index import Index, verify_folder
from tests.tiling.helpers import PLAIN, UTM, StubDescriber, folder_bytes, world_raster, write_raster
from tests.tiling.web.servers import files, serve
from tiling.build import build_index
from tiling.raster.info import describe_raster
from tiling.sources.fingerprint import fingerprint
from tiling.sources.listing import list_sources
from tiling.sources.survey import SurveySettings, take_survey
from tiling.web import client
from tiling.web.remote import GDAL_OPTIONS, RemoteFile


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PAUSE_S", 0.0)
    client._pool.cache_clear()
    monkeypatch.setitem(GDAL_OPTIONS, "GDAL_HTTP_RETRY_DELAY", 0.01)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A file that is read in many pieces: its blocks are far apart."""
    return world_raster(tmp_path / "world.tif", PLAIN, (700, 700), UTM)


def surveyed(*urls: str, **options):
    return take_survey(list_sources(list(urls)), SurveySettings(**options))


def test_as_if_it_lay_here(world: Path, tmp_path: Path) -> None:
    with serve(files({"/a/sheet 1.tif": world.read_bytes()}, {"ETag": '"1"'})) as server:
        url = f"{server.url.replace('//', '//user:secret@')}/a/sheet%201.tif?token=secret"
        found = surveyed(url).rasters
        assert found[0].path.name == "sheet 1.tif" and "secret" not in str(found[0].path)
        assert len(server.asked) < 8  # headers only
        build_index(found, tmp_path / "remote.cvgl", StubDescriber())
        assert server.seen[0]["authorization"].startswith("Basic ")
        assert all(path.startswith("/a/sheet") for path in server.asked)  # nothing beside it
    build_index([describe_raster(world)], tmp_path / "local.cvgl", StubDescriber())
    remote, local = Index.open(tmp_path / "remote.cvgl"), Index.open(tmp_path / "local.cvgl")
    assert len(remote) == len(local)
    for one, other in zip(remote.manifest.shards, local.manifest.shards, strict=True):
        assert one.imagery == other.imagery and one.descriptors == other.descriptors
    assert remote.manifest.sources[0].file_bytes == world.stat().st_size
    kept = folder_bytes(tmp_path / "remote.cvgl")
    assert not any(b"secret" in data or b"127.0.0.1" in data for data in kept.values())


def test_another_version_on_the_server_is_another_raster(world: Path) -> None:
    data, prints = world.read_bytes(), []
    headers = {"ETag": '"1"', "Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}
    for body, sent in (
        (data, headers),
        (data, headers),
        (data, headers | {"ETag": '"2"'}),
        (data, headers | {"Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT"}),
        (data + b"\0", headers),
    ):
        with serve(files({"/w.tif": body}, sent)) as server:
            prints.append(fingerprint(describe_raster(RemoteFile(f"{server.url}/w.tif"))))
    assert prints[0] == prints[1] and len(set(prints)) == 4


def test_a_server_that_sends_whole_files_only(world: Path) -> None:
    with (
        serve(files({"/w.tif": world.read_bytes()}), ranges=False) as server,
        pytest.raises(RasterOpenError, match=r"w\.tif: .*range requests.*download"),
    ):
        surveyed(f"{server.url}/w.tif")


def test_what_is_not_there_or_no_geotiff_is_left_out(
    world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    palette = write_raster(tmp_path / "p.tif", np.zeros((99, 99, 1), np.uint8), PLAIN, UTM)
    with rasterio.open(palette, "r+") as target:
        target.write_colormap(1, {0: (9, 9, 9, 255)})
    contents = {
        "/w.tif": world.read_bytes(),
        "/v.tif": b"<VRTDataset rasterXSize='9' rasterYSize='9'></VRTDataset>",
        "/p.tif": palette.read_bytes(),
    }
    with serve(files(contents)) as server, caplog.at_level(logging.WARNING):
        urls = [f"{server.url}/{name}.tif" for name in ("gone", "v", "p", "w")]
        found = surveyed(*urls)
        assert [raster.path.name for raster in found.rasters] == ["w.tif"]
        assert [one.name for one in found.skipped] == ["gone.tif", "v.tif", "p.tif"]
        with pytest.raises(UnsupportedRasterError, match="palette"):
            surveyed(urls[2])
    with serve(lambda path: (403, b"", {})) as server:
        with pytest.raises(RasterOpenError, match="refuses access"):
            surveyed(f"{server.url}/w.tif")


def test_a_server_that_fails_stops_the_survey(
    world: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = str(world)
    with serve(lambda path: (503, b"", {})) as server:
        with pytest.raises(SourceUnreachableError, match=r"w\.tif.*503.*try again"):
            surveyed(good, f"{server.url}/w.tif?key=secret")
        assert len(server.asked) == 4  # tried again, but not for ever
    with pytest.raises(SourceUnreachableError, match="try again") as caught:
        surveyed(good, f"{server.url}/w.tif?key=secret")
    assert "secret" not in str(caught.value) and "secret" not in caplog.text


def test_a_server_that_dies_in_the_middle(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The error is clear, nothing is taken for a hole, and the next run goes on."""
    path = world_raster(tmp_path / "long.tif", PLAIN, (500, 4500), UTM)
    contents = files({"/long.tif": path.read_bytes()}, {"ETag": '"x"'})
    alive = [True]
    with serve(lambda p: contents(p) if alive[0] else (0, b"", {})) as server:
        url = f"{server.url}/long.tif?key=secret"
        city = tmp_path / "city.cvgl"
        describer = StubDescriber()
        found = surveyed(url).rasters

        def after_first(stage: str, done: int, total: int) -> None:
            if stage == "tiles" and done:
                alive[0] = False

        with pytest.raises(SourceUnreachableError, match=r"long\.tif.*goes on"):
            build_index(found, city, describer, progress=after_first)
        begun = len(list(city.glob("shards/r*")))
        assert begun >= 1 and not (city / "manifest.json").exists()
        assert "secret" not in caplog.text
        alive[0] = True
        result = build_index(surveyed(url).rasters, city, describer)
        assert result.blocks_kept >= begun and result.blocks_written >= 1
        build_index(surveyed(url).rasters, tmp_path / "whole.cvgl", describer)
    assert folder_bytes(city / "shards") == folder_bytes(tmp_path / "whole.cvgl" / "shards")
    assert verify_folder(city) == []


def test_only_http_is_spoken(tmp_path: Path) -> None:
    for name in ("ftp://127.0.0.1/x.tif", "file:///etc/passwd", "/vsicurl/http://127.0.0.1/x.tif"):
        with pytest.raises(CvglError, match="does not exist"):
            surveyed(name)
    with serve(lambda path: (302, b"", {"Location": "file:///etc/passwd"})) as server:
        with pytest.raises(CvglError):
            surveyed(f"{server.url}/w.tif")
