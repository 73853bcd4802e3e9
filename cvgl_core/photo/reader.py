"""The door for photos: any file in, clean RGB pixels and checked metadata out, or a ``PhotoError``.

Limits (checked from the header, before a pixel is decoded): formats ``JPEG PNG TIFF WEBP`` and,
with the package pillow-heif, ``HEIF``; a file of at most 1 GB; at most 1,000 megapixels for a
JPEG, which is decoded at a fraction of its size, 160 for a progressive one (its coefficients are
held in full), 80 for every other format.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from cvgl_core.errors import PhotoError, PhotoOpenError, PhotoTooLargeError
from cvgl_core.fsio import sha256_file
from cvgl_core.photo.metadata import RawMetadata, read_metadata
from cvgl_core.photo.pixels import flat_fraction, to_rgb, upright
from cvgl_core.photo.tilt import with_estimated_tilt
from cvgl_core.photo.values import number, text
from cvgl_core.photo.xmp import parse_xmp
from cvgl_core.types import Photo

logger = logging.getLogger(__name__)

FORMATS = ("PNG", "TIFF", "WEBP")
MAX_FILE_BYTES = 1_000_000_000
MAX_JPEG_PX = 1_000_000_000
MAX_PROGRESSIVE_PX = 160_000_000
MAX_OTHER_PX = 80_000_000
MAX_TAGS = 2_000
ORIENTATION = 0x0112
EXIF_IFD, GPS_IFD = 0x8769, 0x8825
MAX_FLAT_FRACTION = 0.1


def read_photo(path: Path, max_side_px: int = 4096, fov_deg: float | None = None) -> Photo:
    """Read a photo upright, as RGB, its longer side reduced to at most ``max_side_px``.

    Where the file says nothing of pitch and roll, they are estimated from upright edges, if these
    tell them well; ``metadata.sources`` says so.

    Args:
        path: the file; it is never changed.
        max_side_px: longer side of ``Photo.rgb``; metadata keeps the size of the file.
        fov_deg: horizontal field of view for that estimate, instead of what the file says.

    Raises:
        PhotoOpenError: the file is missing, not an image of a known format, or damaged.
        PhotoTooLargeError: it is above the limits of this module.
    """
    path = Path(path)
    _check_file(path)
    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(path, stream, max_side_px, fov_deg)
    except PhotoError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise PhotoTooLargeError(f"{path}: too many pixels; reduce the photo first") from error
    except UnidentifiedImageError as error:
        raise PhotoOpenError(f"{path}: not an image that can be read ({_known()})") from error
    except Exception as error:  # whatever a decoder throws at hostile bytes
        reason = text(str(error)) or type(error).__name__
        raise PhotoOpenError(f"{path}: damaged, or not a photo ({reason})") from error


def _known() -> str:
    """Return the formats that can be read, for a message."""
    return ", ".join(("JPEG", *FORMATS, "HEIF with the package pillow-heif"))


def _check_file(path: Path) -> None:
    """Refuse what is missing, not a regular file, empty or huge."""
    try:
        if not path.exists():
            raise PhotoOpenError(f"{path}: no such file; check the path")
        if not path.is_file():
            raise PhotoOpenError(f"{path}: not a file; name a photo")
        size_bytes = path.stat().st_size
    except (OSError, ValueError) as error:
        raise PhotoOpenError(f"{path}: cannot be read ({error})") from error
    if size_bytes == 0:
        raise PhotoOpenError(f"{path}: empty; copy the photo again")
    if size_bytes > MAX_FILE_BYTES:
        raise PhotoTooLargeError(f"{path}: {size_bytes / 1e9:.1f} GB, more than 1 GB")


def _read(path: Path, stream: BinaryIO, max_side_px: int, fov_deg: float | None) -> Photo:
    """Decode an open file; foreign errors pass through."""
    image = _open(path, stream)
    file_size = image.size
    raw, orientation = _raw_metadata(image)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        image.draft("RGB", _fitted(image.size, max_side_px))
    image.load()
    rgb = upright(to_rgb(image, _fitted(file_size, max_side_px)), orientation)
    width_px, height_px = file_size[::-1] if orientation >= 5 else file_size
    metadata = with_estimated_tilt(rgb, read_metadata(width_px, height_px, raw), fov_deg)
    flat = flat_fraction(rgb)
    if flat > MAX_FLAT_FRACTION:
        line = f"the lowest {flat:.0%} of the picture is one flat colour: it may be damaged"
        metadata = replace(metadata, warnings=(*metadata.warnings, line))
    return Photo(path=path, sha256=sha256_file(path), rgb=rgb, metadata=metadata)


def _open(path: Path, stream: BinaryIO) -> Image.Image:
    """Read the header with an allow-listed decoder and check the size it states."""
    head = stream.read(16)
    stream.seek(0)
    if head.startswith(b"\xff\xd8"):
        # Not Image.open: its general limit is below that of a JPEG decoded at a fraction.
        image: Image.Image = JpegImagePlugin.JpegImageFile(stream)
        progressive = bool(image.info.get("progressive") or image.info.get("progression"))
        limit_px = MAX_PROGRESSIVE_PX if progressive else MAX_JPEG_PX
    elif head[4:8] == b"ftyp" and head[8:12] not in (b"avif", b"avis"):
        image, limit_px = _open_heif(path, stream), MAX_OTHER_PX
    else:
        image, limit_px = Image.open(stream, formats=FORMATS), MAX_OTHER_PX
    width_px, height_px = image.size
    if width_px * height_px > limit_px:
        raise PhotoTooLargeError(
            f"{path}: {width_px} x {height_px} px, more than {limit_px // 10**6} megapixels for"
            f" {image.format}; save it smaller, or as a baseline JPEG"
        )
    return image


def _open_heif(path: Path, stream: BinaryIO) -> Image.Image:
    """Open a HEIF file, if the optional package is installed."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener(
            thumbnails=False, depth_images=False, aux_images=False
        )
    except ImportError as error:
        raise PhotoOpenError(
            f"{path}: HEIF needs pillow-heif (pip install 'cvgl[heic]'); or save as JPEG"
        ) from error
    return Image.open(stream, formats=("HEIF",))


def _fitted(size: tuple[int, int], max_side_px: int) -> tuple[int, int]:
    """Return ``size`` reduced to a longer side of ``max_side_px``, at least 1 px."""
    scale = min(1.0, max_side_px / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _raw_metadata(image: Image.Image) -> tuple[RawMetadata, int]:
    """Return the tables of an open image and the orientation to apply, 1 to 8."""
    notes: list[str] = []
    exif, gps = _exif_tables(image, notes)
    packet = image.info.get("xmp", b"")
    if isinstance(packet, str):
        packet = packet.encode()
    xmp, warning = parse_xmp(packet if isinstance(packet, bytes) else b"")
    if warning is not None:
        notes.append(warning)
    stated = number(exif.get(ORIENTATION, 1))
    orientation = int(stated) if stated is not None and stated in range(1, 9) else 1
    if stated != orientation:
        notes.append("EXIF Orientation ignored: not within 1 to 8")
    # HEIF turns the picture itself, and the decoder tells what EXIF said of it.
    as_taken = image.info.get("original_orientation") or orientation
    if orientation != 1 and any(name.startswith("GPano:Cropped") for name in xmp):
        notes.append("EXIF Orientation ignored: GPano describes the picture as stored")
        orientation = 1
    return RawMetadata(exif, gps, xmp, as_taken, tuple(notes)), orientation


def _exif_tables(
    image: Image.Image, notes: list[str]
) -> tuple[dict[int, object], dict[int, object]]:
    """Return main and Exif IFD in one table, and the GPS IFD; broken ones are empty and noted."""
    tables: list[dict[int, object]] = [{}, {}]
    try:
        exif = image.getexif()
        tables[0] = dict(list(exif.items())[:MAX_TAGS])
        tables[0] |= dict(list(exif.get_ifd(EXIF_IFD).items())[:MAX_TAGS])
        tables[1] = dict(list(exif.get_ifd(GPS_IFD).items())[:MAX_TAGS])
    except Exception as error:  # the picture may be fine though its EXIF is not
        logger.debug("EXIF not read", exc_info=True)
        notes.append(f"EXIF cannot be read ({type(error).__name__})")
    return tables[0], tables[1]
