"""A small real index, made by an untrained network, and photos to locate in it."""

import dataclasses
import functools
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from cvgl_core.geo import TileGrid, to_lonlat
from cvgl_core.index import TILE_DTYPE, GridRecord, IndexWriter, Manifest, ShardData, SourceRecord
from cvgl_core.models import create_model, load_engine, save_weights
from cvgl_core.photo import Panorama, write_photo
from cvgl_core.types import Calibration

SIDE = 4
ROW0, COL0 = -138_900, 13_900
GRID = TileGrid("EPSG:32633", 72.0, 36.0)


def make_weights(path, outside_logit):
    import torch

    torch.manual_seed(7)
    model = create_model("unifygeo-lite0")
    calibration = Calibration(0.05, outside_logit, "nothing: made for tests")
    save_weights(path, model, dataclasses.replace(model.card(), calibration=calibration))
    return path


def make_index(folder, engine):
    px = engine.card.aerial_px
    stride = px // 2
    rows, cols = (a.ravel() for a in np.mgrid[ROW0 : ROW0 + SIDE, COL0 : COL0 + SIDE])
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (SIDE * 4 + 4, SIDE * 4 + 4, 3), dtype=np.uint8)
    imagery = coarse.repeat(stride // 4, 0).repeat(stride // 4, 1)
    table = np.zeros(len(rows), TILE_DTYPE)
    table["row"], table["col"], table["valid_fraction"] = rows, cols, 1.0
    table["lon"], table["lat"] = to_lonlat(GRID.crs, *GRID.centre(rows, cols))
    tops, lefts = (rows - ROW0) * stride, (cols - COL0) * stride
    tiles = np.stack([imagery[t : t + px, u : u + px] for t, u in zip(tops, lefts, strict=True)])
    valid = np.ones(imagery.shape[:2], bool)
    descriptors = engine.describe_tiles(tiles)
    data = ShardData(ROW0 * stride, COL0 * stride, descriptors, table, imagery, valid)
    source = SourceRecord(
        name="ortho.tif",
        file_bytes=5,
        fingerprint="b" * 64,
        driver="GTiff",
        crs=GRID.crs,
        width_px=9,
        height_px=9,
        gsd_m_per_px=0.25,
        dtype="uint8",
        bands=(1, 2, 3),
    )
    with IndexWriter(folder) as writer:
        record = writer.write_shard(f"r{ROW0}c{COL0}-{'0' * 16}", data)
        writer.commit(
            Manifest(
                index_id="1" * 32,
                version=1,
                software="cvgl test",
                grid=GridRecord(crs=GRID.crs, tile_size_m=72.0, stride_m=36.0),
                model=engine.card.name,
                weights_sha256=engine.card.weights_sha256,
                aerial_px=px,
                descriptor_dim=engine.card.descriptor_dim,
                fill_rgb=(10, 20, 30),
                min_valid=0.25,
                sources=(source,),
                shards=(record,),
            )
        )
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Two indexes of the same ground; the model of the second always says "outside"."""
    folder = tmp_path_factory.mktemp("site")
    inside = make_weights(folder / "inside.safetensors", -1000.0)
    outside = make_weights(folder / "outside.safetensors", 1000.0)
    index = make_index(folder / "city.cvgl", load_engine(inside, "cpu"))
    refusing = make_index(folder / "refusing.cvgl", load_engine(outside, "cpu"))
    rgb = np.random.default_rng(5).integers(0, 256, (96, 192, 3), dtype=np.uint8)
    lon, lat = to_lonlat(GRID.crs, [COL0 * 36.0 + 90], [-ROW0 * 36.0 - 90])
    place = (float(lon[0]), float(lat[0]))
    pano = folder / "pano.jpg"
    write_photo(pano, rgb, lonlat=place, panorama=Panorama(pose_heading_deg=20.0))
    bare = folder / "bare.jpg"
    write_photo(bare, rgb)
    flat = folder / "flat.jpg"
    write_photo(flat, rgb[:, :128])
    text = folder / "text.jpg"
    text.write_text("this is not an image")
    cut = folder / "cut.jpg"
    cut.write_bytes(pano.read_bytes()[:2000])
    return SimpleNamespace(
        folder=folder,
        weights=inside,
        other_weights=outside,
        index=index,
        refusing=refusing,
        pano=pano,
        bare=bare,
        flat=flat,
        text=text,
        cut=cut,
        missing=folder / "missing.jpg",
        place=place,
    )


@pytest.fixture(autouse=True)
def each_engine_once(monkeypatch):
    """Load the same weights only once for all tests."""
    from cvgl_core.commands import batch

    monkeypatch.setattr(batch, "load_engine", _cached_engine)


_cached_engine = functools.cache(load_engine)


@pytest.fixture
def cvgl(capfd):
    """Run the command in this process; returns exit code, stdout, stderr."""
    from cvgl_core.cli import app
    from cvgl_core.console import run

    def call(*args):
        capfd.readouterr()
        code = run(app, "cvgl", [str(arg) for arg in args])
        out, err = capfd.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return call


@pytest.fixture
def python():
    """Run Python in a fresh process."""

    def call(code, *args):
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, args)],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    return call
