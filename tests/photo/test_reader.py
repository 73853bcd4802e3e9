"""The photo door: every kind of file gives upright RGB or one of our errors."""

from __future__ import annotations

import io
import os
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cvgl_core.errors import PhotoError, PhotoOpenError, PhotoTooLargeError
from cvgl_core.photo import Panorama, read_photo, write_photo
from cvgl_core.photo.pixels import flat_fraction
from cvgl_core.types import Projection

DATA = Path(os.environ.get("CVGL_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


def scene(width: int = 64, height: int = 32) -> np.ndarray:
    """Smooth picture with a red left and a blue top, so that turns and flips show."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return np.stack([255 * (1 - x), 120 * x * y, 255 * (1 - y)], axis=-1).astype(np.uint8)


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    noisy = np.random.default_rng(1).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    write_photo(path, noisy, lonlat=(8.5, 47.4), heading_deg=12.0, fov_deg=70.0)
    return path


def close(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert actual.shape == expected.shape
    assert np.abs(actual.astype(float) - expected.astype(float)).mean() <= tolerance


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_formats(tmp_path: Path, form: str) -> None:
    path = tmp_path / "photo.any"
    Image.fromarray(scene()).save(path, form, quality=95)
    photo = read_photo(path)
    close(photo.rgb, scene(), 4.0)
    assert len(photo.sha256) == 64 and photo.metadata.width_px == 64


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic(tmp_path: Path, orientation: int) -> None:
    """The container turns the picture, EXIF repeats it: it is turned once."""
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = orientation, "iPhone"
    exif.get_ifd(0x8769)[0xA405] = 26
    space = 'xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    xmp = f'<x {space} exif:GPSLatitude="48,30.0N" exif:GPSLongitude="8,15.0E"/>'.encode()
    path = tmp_path / "photo.heic"
    Image.fromarray(scene()).save(path, "HEIF", quality=95, exif=exif.tobytes(), xmp=xmp)
    photo = read_photo(path)
    close(photo.rgb, scene() if orientation == 1 else np.rot90(scene(), -1), 6.0)
    meta = photo.metadata
    assert (meta.width_px, meta.height_px) == ((64, 32) if orientation == 1 else (32, 64))
    assert meta.camera == "iPhone" and meta.exif_lat == 48.5
    assert meta.fov_deg == pytest.approx(69.39 if orientation == 1 else 38.19, abs=0.01)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(PhotoOpenError, match=r"photo\.heic"):
        read_photo(path)


@pytest.mark.parametrize("brand", [b"avif", b"heic"])
def test_heif_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brand: bytes
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(100))
    told = r"cvgl\[heic\]" if brand == b"heic" else "not an image that can be read"
    with pytest.raises(PhotoOpenError, match=told):
        read_photo(tmp_path / "a.heic")


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
def test_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    source = Image.fromarray(scene())
    grey = np.asarray(source.convert("L"))
    deep = {"I;16": grey.astype(np.uint16) * 257, "F": grey.astype(np.float32) / 255.0}
    image = Image.fromarray(deep[mode]) if mode in deep else source.convert(mode)
    image.save(tmp_path / "photo.tif")
    coloured = mode in ("P", "RGBA", "CMYK")
    expected = scene() if coloured else np.repeat(grey[..., None], 3, axis=2)
    close(read_photo(tmp_path / "photo.tif").rgb, expected, 20.0 if mode == "P" else 1.0)


def test_bilevel(tmp_path: Path) -> None:
    Image.fromarray(scene()).convert("1").save(tmp_path / "bits.png")
    assert set(np.unique(read_photo(tmp_path / "bits.png").rgb)) == {0, 255}


def test_transparent_parts_become_grey(tmp_path: Path) -> None:
    rgba = np.dstack([scene(), np.full((32, 64), 255, np.uint8)])
    rgba[:, :16, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    rgb = read_photo(tmp_path / "a.png").rgb
    assert (rgb[:, :16] == 115).all()
    assert np.array_equal(rgb[:, 16:], scene()[:, 16:])


@pytest.mark.parametrize("orientation", range(10))
def test_orientation(tmp_path: Path, orientation: int) -> None:
    upright = scene()
    undo = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    stored = undo.get(orientation, lambda a: a)(upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "o.png", exif=exif.tobytes())
    photo = read_photo(tmp_path / "o.png")
    assert np.array_equal(photo.rgb, upright)
    assert (photo.metadata.width_px, photo.metadata.height_px) == (64, 32)
    odd = [line for line in photo.metadata.warnings if "Orientation" in line]
    assert bool(odd) == (orientation in (0, 9))


def test_orientation_is_not_applied_to_a_described_panorama(tmp_path: Path) -> None:
    path = tmp_path / "pano.jpg"
    write_photo(path, scene(), panorama=Panorama())
    data = path.read_bytes()
    upright = b"\x12\x01\x03\x00\x01\x00\x00\x00\x01" in data
    tag = (
        b"\x12\x01\x03\x00\x01\x00\x00\x00" if upright else b"\x01\x12\x00\x03\x00\x00\x00\x01\x00"
    )
    assert tag in data
    path.write_bytes(data.replace(tag + b"\x01", tag + b"\x06"))
    photo = read_photo(path)
    assert photo.rgb.shape == (32, 64, 3)
    assert photo.metadata.projection is Projection.EQUIRECTANGULAR
    assert any("Orientation" in line for line in photo.metadata.warnings)


def test_large_photos_are_reduced(tmp_path: Path) -> None:
    Image.fromarray(scene(400, 200)).save(tmp_path / "a.png")
    photo = read_photo(tmp_path / "a.png", max_side_px=100)
    assert photo.rgb.shape == (50, 100, 3)
    assert photo.metadata.width_px == 400
    close(photo.rgb, scene(100, 50), 3.0)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.jpg", b""),
        ("text.jpg", b"this is not a picture"),
        ("gif.jpg", b"GIF89a" + bytes(50)),
        ("svg.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("head.jpg", b"\xff\xd8\xff\xe0"),
        ("soi.jpg", b"\xff\xd8" + bytes(1000)),
        ("heic.heic", b"\0\0\0\x18ftypheic" + bytes(100)),
        ("head.tif", b"II*\0\xff\xff\xff\xff"),
        ("eps.tif", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    ],
)
def test_what_is_no_photo_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PhotoOpenError, match=name) as caught:
        read_photo(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_missing_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.jpg", tmp_path / ("x" * 5000)):
        with pytest.raises(PhotoOpenError):
            read_photo(path)


def test_a_truncated_jpeg_is_refused(jpeg: Path) -> None:
    data = jpeg.read_bytes()
    for length in range(20, len(data) - 40, 97):
        jpeg.write_bytes(data[:length])
        with pytest.raises(PhotoOpenError, match=r"photo\.jpg"):
            read_photo(jpeg)


def test_a_truncated_jpeg_closed_by_hand_is_pointed_out(jpeg: Path) -> None:
    data = jpeg.read_bytes()
    jpeg.write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    try:
        photo = read_photo(jpeg)
    except PhotoOpenError:
        return
    assert any("damaged" in line for line in photo.metadata.warnings)


def test_flat_fraction() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (40, 20, 3), dtype=np.uint8)
    assert flat_fraction(rgb) == 0.0
    rgb[30:] = 128
    assert flat_fraction(rgb) == pytest.approx(0.25)
    rgb[:] = 128
    assert flat_fraction(rgb) == 0.0


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data = b"IDAT" + zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk
        + struct.pack(">I", len(data) - 4)
        + data
        + struct.pack(">I", zlib.crc32(data))
    )


@pytest.mark.parametrize("size", [(65_000, 65_000), (12_000, 12_000), (10_000, 9_000)])
def test_giant_png_is_refused_from_its_header(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "giant.png").write_bytes(png_header(*size))
    with pytest.raises(PhotoTooLargeError, match=r"giant\.png"):
        read_photo(tmp_path / "giant.png")


def jpeg_with_size(width: int, height: int, progressive: bool = False) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(scene()).save(stream, "JPEG", progressive=progressive)
    data = bytearray(stream.getvalue())
    at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def test_giant_jpeg_is_refused_from_its_header(tmp_path: Path) -> None:
    path = tmp_path / "giant.jpg"
    path.write_bytes(jpeg_with_size(65_000, 65_000))
    with pytest.raises(PhotoTooLargeError, match="megapixels"):
        read_photo(path)
    path.write_bytes(jpeg_with_size(20_000, 10_000, progressive=True))
    with pytest.raises(PhotoTooLargeError, match="160 megapixels"):
        read_photo(path)


def test_a_large_jpeg_is_never_held_in_full(tmp_path: Path) -> None:
    path = tmp_path / "pano.jpg"
    Image.new("RGB", (16_000, 8_000), (90, 120, 60)).save(path, quality=30)
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom cvgl_core.photo import read_photo\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "shape = read_photo(Path(sys.argv[1]), max_side_px=2048).rgb.shape\n"
        "print(shape, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    shape, grown_kb = done.stdout.rsplit(" ", 1)
    assert shape == "(1024, 2048, 3)"
    assert int(grown_kb) < 120_000  # in full it is 384 MB


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_damaged_files_give_only_photo_errors(tmp_path: Path, form: str) -> None:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif.get_ifd(0x8825)[2] = (47.0, 1.0, 2.0)
    Image.fromarray(scene(40, 30)).save(stream, form, exif=exif.tobytes())
    whole = stream.getvalue()
    random = np.random.default_rng(len(form))
    path = tmp_path / "hurt"
    for _ in range(120):
        data = bytearray(whole)
        for _ in range(random.integers(1, 6)):
            data[random.integers(len(data))] = random.choice([0, 1, 127, 255, random.integers(256)])
        path.write_bytes(data[: random.integers(8, len(data))] if random.random() < 0.3 else data)
        try:
            assert read_photo(path).rgb.shape[2] == 3
        except PhotoError as error:
            assert "hurt" in str(error)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 3_000_000


def test_hostile_xmp_leaves_the_picture_alone(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    for packet in (bomb, b"<x" * 9000, b"\xff\xfe\0", b"<a>" * 15_000):
        Image.fromarray(scene()).save(tmp_path / "x.jpg", xmp=packet)
        photo = read_photo(tmp_path / "x.jpg")
        assert any("XMP" in line for line in photo.metadata.warnings)


@pytest.mark.skipif(not (DATA / "photos").is_dir(), reason="needs CVGL_SHARED_DATA/photos")
def test_real_photos() -> None:
    photo = read_photo(DATA / "photos" / "1.jpg")
    meta = photo.metadata
    assert meta.projection is Projection.EQUIRECTANGULAR and photo.rgb.shape == (2048, 4096, 3)
    assert meta.heading_deg == pytest.approx(349.0582, abs=1e-3)
    assert (meta.exif_lon, meta.exif_lat) == pytest.approx((1.9191854, 49.0068896), abs=1e-6)
    crop = read_photo(DATA / "photos" / "crop.jpg").metadata
    assert (crop.pano_full_width_px, crop.pano_full_height_px, crop.pano_top_px) == (128, 64, 20)
    assert crop.heading_deg == 144.0
    broken = read_photo(DATA / "photos" / "invalid_exif.jpg").metadata
    assert broken.exif_lat is None and broken.fov_deg == pytest.approx(73.74, abs=0.01)
    assert any("GPSLatitude" in line for line in broken.warnings)
    zero = read_photo(DATA / "photos" / "focal_zero.jpg").metadata
    assert zero.fov_deg is None and "(magnetic)" in zero.sources["heading_deg"]
    assert read_photo(DATA / "photos" / "c1.jpg").metadata.fov_deg == pytest.approx(54.43, abs=0.01)
