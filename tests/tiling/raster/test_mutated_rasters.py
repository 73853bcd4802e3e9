"""Damaged and disguised rasters: an error of ours or an index, never a crash, and no stranger read.

Each file is tried by a child of its own with bounded memory and time.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import rasterio

from cvgl_core.errors import RasterError, RasterOpenError
from tests.soak import cases
from tests.tiling.helpers import PLAIN, UTM, world_raster
from tiling.raster.info import describe_raster

ROOT = Path(__file__).parents[3]

TRIAL = """
import json, os, random, resource, signal, struct, sys, time
from pathlib import Path
import numpy as np
from cvgl_core.errors import CvglError
from cvgl_core.index import Index
from tests.tiling.helpers import StubDescriber
from tiling.build import build_index
from tiling.raster.info import describe_raster
folder, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
originals = sorted(folder.glob("*.tif"))

def mutate(data, rng):
    data = bytearray(data)
    tail = rng.random() < 0.7  # the tags lie at the end or the beginning
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        span = min(len(data), 3000)
        near = rng.randrange(span) if rng.random() < 0.5 else len(data) - 1 - rng.randrange(span)
        at = near if tail else rng.randrange(len(data))
        kind = rng.random()
        if kind < 0.4:
            data[at] ^= 1 << rng.randrange(8)
        elif kind < 0.6:
            data[at] = rng.choice([0, 1, 127, 128, 255])
        else:
            size, number = rng.choice([(2, "<H"), (4, "<I"), (8, "<d")])
            value = rng.choice([0, 1, 2**15, 2**16 - 1, 2**31, 2**32 - 1, float("nan"), 1e308, -1])
            if number != "<d":
                value = 0 if value != value else int(min(max(value, 0), 256**size - 1))
            data[at : at + size] = struct.pack(number, value)
    if rng.random() < 0.1:
        del data[rng.randrange(len(data)) :]
    return bytes(data)

def limits():
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def attempt(path):
    try:
        build_index([describe_raster(path)], path.with_suffix(".cvgl"), StubDescriber())
        return "built"
    except CvglError as error:
        return "refused" if str(path.parent) in str(error) or "EPSG" in str(error) else str(error)
    except MemoryError:
        return "MemoryError"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"

attempt(originals[0])  # so that a child need import nothing
time.sleep(0.5)  # threads that are done give back what they hold
for number in range(first, last):
    rng = random.Random(number)
    original = rng.choice(originals)
    case = folder / "case"
    case.mkdir()
    path = case / f"m{number}.tif"
    path.write_bytes(mutate(original.read_bytes(), rng))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        limits()
        os.write(writing, attempt(path).encode()[:2000])
        os._exit(0)
    os.close(writing)
    status = os.waitpid(child, 0)[1]
    told = os.read(reading, 4000).decode()
    os.close(reading)
    print(json.dumps([number, original.name, status, told]), flush=True)
    import shutil
    shutil.rmtree(case)
"""

CASES = cases(60, 20_000)


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    """Small rasters of several kinds."""
    size = (150, 150)
    kinds = {
        "plain": {},
        "deflate": {"compress": "deflate", "predictor": 2},
        "jpeg": {"compress": "jpeg", "photometric": "YCBCR"},
        "lzw": {"compress": "lzw", "dtype": "uint16"},
        "nodata": {"nodata": 0, "compress": "zstd"},
        "strips": {"tiled": False, "blockxsize": None, "blockysize": None},
        "big": {"BIGTIFF": "YES"},
    }
    for name, options in kinds.items():
        options = {key: value for key, value in options.items() if value is not None}
        world_raster(tmp_path / f"{name}.tif", PLAIN, size, UTM, **options)
    with rasterio.open(tmp_path / "deflate.tif", "r+") as target:
        target.build_overviews([2, 4])
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="limits are those of Linux")
def test_mutated_rasters_are_indexed_or_refused(originals: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRIAL, originals, "0", str(CASES)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == CASES, done.stderr
    assert [case for case in found if case[2] or case[3] not in ("built", "refused")] == []
    assert min(sum(case[3] == end for case in found) for end in ("built", "refused")) > 8


HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(500)
GRIB = b"GRIB\x00\x00\x00\x02" + bytes(200)
DISGUISED = {
    "hdf5.tif": HDF5,
    "netcdf.tif": b"CDF\x01" + bytes(300),
    "page.tif": b"%PDF-1.7\n" + bytes(300),
    "grib.tif": GRIB,
    "zip.tif": b"PK\x03\x04" + bytes(300),
    "gzip.tif": b"\x1f\x8b\x08" + bytes(300),
    "elf.tif": b"\x7fELF" + bytes(300),
    "script.tif": b"#!/bin/sh\ntouch canary\n",
    "wms.tif": b"<GDAL_WMS><Service name='TMS'><ServerUrl>http://localhost:9/</ServerUrl></Service>"
    b"</GDAL_WMS>",
    "vrt.tif": b"<VRTDataset rasterXSize='9' rasterYSize='9'>"
    b"<VRTRasterBand dataType='Byte' band='1'>"
    b"<SimpleSource><SourceFilename>/etc/passwd</SourceFilename></SimpleSource></VRTRasterBand>"
    b"</VRTDataset>",
    "json.tif": b'{"type": "gdal_streamed_alg", "gdal_pipeline": "read /etc/passwd"}',
    "envi.hdr": b"ENVI\nsamples = 9\nlines = 9\nbands = 1\n",
    "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "kml.jpg": b"<kml><GroundOverlay><Icon><href>http://localhost:9/x.png</href></Icon></GroundOverlay>"
    b"</kml>",
    "sqlite.gpkg": b"SQLite format 3\x00" + bytes(600),
    "tiff-header.tif": b"II*\x00\x08\x00\x00\x00" + bytes(40),
    "jp2.jp2": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(100),
}


@pytest.mark.parametrize("name", DISGUISED)
def test_disguised_files_are_refused_and_nobody_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_bytes(DISGUISED[name])
    (tmp_path / "envi").write_bytes(bytes(81))
    monkeypatch.setattr("socket.socket.connect", lambda *args: pytest.fail("the network is used"))
    with pytest.raises(RasterError, match=name.replace(".", r"\.")):
        describe_raster(tmp_path / name)


@pytest.mark.parametrize(
    "name",
    [
        "/vsicurl/http://localhost:9/a.tif",
        "/vsizip//etc/a.zip/b.tif",
        "/vsitar/a.tar",
        "/vsis3/bucket/a.tif",
        "/vsimem/a.tif",
        "/vsistdin/",
        "/vsisubfile/0_10,/etc/passwd",
        "GTIFF_DIR:1:a.tif",
        "GTIFF_RAW:a.tif",
        "NETCDF:a.nc:b",
        "WMS:http://localhost:9/",
        "vrt:///etc/passwd",
        "zip:///etc/a.zip!b.tif",
        "/etc/passwd",
        "/dev/zero",
        "/proc/self/environ",
    ],
)
def test_names_that_are_no_files_of_rasters_are_refused(name: str) -> None:
    with pytest.raises(RasterOpenError):
        describe_raster(Path(name))
