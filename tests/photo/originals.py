"""Small photos of every format that is read, full of metadata: what the damage starts from."""

from __future__ import annotations

import importlib.util
import io
import struct

import numpy as np
from PIL import Image

from tests.photo.exif_bytes import (
    ascii_,
    degrees,
    directory,
    exif_block,
    long,
    rationals,
    short,
    srationals,
    undefined,
)

XMP = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>"
    b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description"
    b" xmlns:GPano='http://ns.google.com/photos/1.0/panorama/'"
    b" xmlns:exif='http://ns.adobe.com/exif/1.0/' GPano:ProjectionType='equirectangular'"
    b" GPano:FullPanoWidthPixels='96' GPano:FullPanoHeightPixels='48' GPano:PoseRollDegrees='2.5'"
    b" GPano:CroppedAreaImageWidthPixels='96' GPano:CroppedAreaImageHeightPixels='36'"
    b" GPano:CroppedAreaLeftPixels='0' GPano:CroppedAreaTopPixels='6'"
    b" GPano:PoseHeadingDegrees='144.0' exif:GPSLatitude='48,30.0N' exif:GPSLongitude='8,15.0E'/>"
    b"</rdf:RDF></x:xmpmeta>"
)


def pixels(width: int = 96, height: int = 36) -> np.ndarray:
    """A smooth picture with some grain."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    smooth = np.stack([200 * (1 - x), 120 * x * y, 200 * (1 - y)], axis=-1)
    grain = np.random.default_rng(1).integers(0, 50, smooth.shape)
    return (smooth + grain).astype(np.uint8)


def apple_notes() -> bytes:
    gravity = srationals((-100, 10_000), (-9_900, 10_000), (500, 10_000), order=">")
    return b"Apple iOS\0\0\1MM" + directory(14, {8: gravity}, ">")


def everything() -> bytes:
    """An EXIF block with all tags that are read, and a thumbnail."""
    small = io.BytesIO()
    Image.fromarray(pixels(16, 8)).save(small, "JPEG")
    main = {0x010F: ascii_("Apple"), 0x0110: ascii_("iPhone 12"), 0x0112: short(6)}
    main[0x0132] = ascii_("2021:07:29 11:16:42")
    exif = {
        0x9003: ascii_("2021:07:29 11:16:42"), 0x920A: rationals((42, 10)), 0xA405: short(26),
        0xA20E: rationals((7000, 1)), 0xA210: short(3), 0xA002: long(96), 0xA003: long(36),
        0xA434: ascii_("iPhone 12 back camera"), 0x927C: undefined(apple_notes()),
    }  # fmt: skip
    gps = {
        1: ascii_("N"), 2: degrees(47, 30, 0), 3: ascii_("E"), 4: degrees(8, 15, 0),
        7: rationals((9, 1), (16, 1), (40, 1)), 16: ascii_("M"), 17: rationals((1235, 10)),
        29: ascii_("2021:07:29"),
    }  # fmt: skip
    return exif_block(main, exif, gps, small.getvalue())


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.copy().save(stream, form, **options)  # saving leaves marks on an image
    return stream.getvalue()


def make_originals() -> dict[str, bytes]:
    """Return name -> bytes; HEIF only where the package for it is installed."""
    rgb, exif = Image.fromarray(pixels()), everything()
    grey = rgb.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    clear = rgb.copy()
    clear.putalpha(grey)
    tags = exif[6:]  # TIFF has no header "Exif"
    files = {
        "plain.jpg": saved(rgb, "JPEG", exif=exif),
        "pano.jpg": saved(rgb, "JPEG", exif=exif, xmp=XMP),
        "progressive.jpg": saved(rgb, "JPEG", exif=exif, progressive=True),
        "cmyk.jpg": saved(rgb.convert("CMYK"), "JPEG", exif=exif),
        "grey.jpg": saved(grey, "JPEG", quality=60, xmp=XMP),
        "rgb.png": saved(rgb, "PNG", exif=exif),
        "clear.png": saved(clear, "PNG", exif=exif),
        "deep.png": saved(deep, "PNG"),
        "palette.png": saved(rgb.convert("P"), "PNG", transparency=3),
        "lossy.webp": saved(rgb, "WEBP", exif=exif, xmp=XMP),
        "lossless.webp": saved(clear, "WEBP", lossless=True, exif=exif),
        "frames.webp": saved(rgb, "WEBP", save_all=True, append_images=[clear.convert("RGB")]),
        "raw.tif": saved(rgb, "TIFF", exif=tags),
        "lzw.tif": saved(rgb, "TIFF", compression="tiff_lzw"),
        "deflate.tif": saved(clear, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tif": saved(rgb, "TIFF", compression="jpeg"),
        "deep.tif": saved(deep, "TIFF"),
        "big.tif": saved(rgb, "TIFF", big_tiff=True),
        "pages.tif": saved(rgb, "TIFF", save_all=True, append_images=[grey, rgb]),
        "motorola.tif": motorola(np.asarray(grey)),
    }
    if importlib.util.find_spec("pillow_heif") is not None:
        import pillow_heif

        pillow_heif.register_heif_opener()
        files["photo.heic"] = saved(rgb, "HEIF", exif=exif, quality=60)
        files["clear.heic"] = saved(clear, "HEIF", exif=exif, quality=60)
    return files


def motorola(grey: np.ndarray) -> bytes:
    """A big-endian TIFF, which Pillow does not write."""
    height, width = grey.shape
    table = {
        256: long(width, ">"), 257: long(height, ">"), 258: short(8, ">"), 259: short(1, ">"),
        262: short(1, ">"), 273: long(0, ">"), 277: short(1, ">"), 278: long(height, ">"),
        279: long(grey.size, ">"),
    }  # fmt: skip
    table[273] = long(8 + len(directory(8, table, ">")), ">")
    return b"MM\0*" + struct.pack(">I", 8) + directory(8, table, ">") + grey.tobytes()
