"""Photos written with metadata: JPEG with EXIF and XMP GPano, the same bytes for the same input.

Used by the simulator; photos of users are never written to.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import Image, TiffImagePlugin
from PIL.ExifTags import GPS, IFD, Base

from cvgl_core.fsio import write_bytes
from cvgl_core.photo.lens import FILM_WIDTH_MM, film_px_per_mm
from cvgl_core.types import LonLat, UInt8Array

_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"'
    "{attributes}/>"
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


@dataclass(frozen=True)
class Panorama:
    """How an equirectangular image lies in the full sphere; pixels of the image, degrees true.

    ``pose_heading_deg`` is the azimuth of the middle of the full sphere, None where unknown. With
    ``full_width_px`` and ``full_height_px`` left out the image is the whole sphere.
    """

    full_width_px: int | None = None
    full_height_px: int | None = None
    left_px: int = 0
    top_px: int = 0
    pose_heading_deg: float | None = None
    pose_pitch_deg: float | None = None
    pose_roll_deg: float | None = None


def write_photo(
    path: Path,
    rgb: UInt8Array,
    *,
    lonlat: LonLat | tuple[float, float] | None = None,
    heading_deg: float | None = None,
    focal_35mm: float | None = None,
    fov_deg: float | None = None,
    panorama: Panorama | None = None,
    taken_at: str | datetime | None = None,
    camera: str = "cvgl simulated camera",
    quality: int = 92,
) -> None:
    """Write a JPEG atomically; the same arguments give the same bytes.

    Args:
        path: the file to make, usually ``*.jpg``.
        rgb: picture, uint8 ``[H, W, 3]``.
        lonlat: camera, degrees WGS 84.
        heading_deg: azimuth of the optical axis (of the middle of a panorama) from true north.
        focal_35mm: focal length of a frame 36 mm wide: ``18 / tan(horizontal_fov / 2)``.
        fov_deg: horizontal field of view, instead of ``focal_35mm``.
        panorama: given for an equirectangular image; writes XMP GPano.
        taken_at: time of exposure, ISO 8601 or datetime.
        camera: EXIF model.
        quality: of the JPEG, 1 to 95.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    if fov_deg is not None:
        focal_35mm = FILM_WIDTH_MM / 2 / math.tan(math.radians(fov_deg) / 2)
    height_px, width_px = rgb.shape[:2]
    exif = _exif(width_px, height_px, camera, _exif_date(taken_at))
    _add_lens(exif, focal_35mm, width_px, height_px)
    _add_gps(exif, lonlat, heading_deg)
    xmp = b""
    if panorama is not None:
        xmp = gpano_xmp(panorama, width_px, height_px, heading_deg)
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality, exif=exif.tobytes(), xmp=xmp)
    write_bytes(path, stream.getvalue())


def gpano_xmp(
    panorama: Panorama, width_px: int, height_px: int, heading_deg: float | None = None
) -> bytes:
    """Return the XMP packet that places a ``width_px`` x ``height_px`` image in the full sphere."""
    heading = panorama.pose_heading_deg if panorama.pose_heading_deg is not None else heading_deg
    values: dict[str, object] = {
        "UsePanoramaViewer": "True",
        "ProjectionType": "equirectangular",
        "CroppedAreaImageWidthPixels": width_px,
        "CroppedAreaImageHeightPixels": height_px,
        "FullPanoWidthPixels": panorama.full_width_px or width_px,
        "FullPanoHeightPixels": panorama.full_height_px or height_px,
        "CroppedAreaLeftPixels": panorama.left_px,
        "CroppedAreaTopPixels": panorama.top_px,
    }
    poses = {
        "PoseHeadingDegrees": None if heading is None else heading % 360.0,
        "PosePitchDegrees": panorama.pose_pitch_deg,
        "PoseRollDegrees": panorama.pose_roll_deg,
    }
    values |= {name: f"{value:.6f}" for name, value in poses.items() if value is not None}
    attributes = "".join(f' GPano:{name}="{value}"' for name, value in values.items())
    return _XMP.format(attributes=attributes).encode()


def _rational(value: float, denominator: int = 1_000_000) -> TiffImagePlugin.IFDRational:
    """Return ``value`` as an unsigned EXIF rational that fits 32 bits."""
    while value * denominator >= 2**32:
        denominator //= 10
    return TiffImagePlugin.IFDRational(round(value * denominator), denominator)


def _exif(width_px: int, height_px: int, camera: str, date: str | None) -> Image.Exif:
    """Return the fields that every photo has."""
    exif = Image.Exif()
    exif[Base.Make] = "cvgl"
    exif[Base.Model] = camera
    exif[Base.Orientation] = 1
    details = exif.get_ifd(IFD.Exif)
    details[Base.ExifVersion] = b"0232"
    details[Base.ExifImageWidth] = width_px
    details[Base.ExifImageHeight] = height_px
    if date is not None:
        exif[Base.DateTime] = date
        details[Base.DateTimeOriginal] = date
    return exif


def _add_lens(exif: Image.Exif, focal_35mm: float | None, width_px: int, height_px: int) -> None:
    """Add the focal length: rounded as EXIF asks, and exactly through the focal plane."""
    if focal_35mm is None:
        return
    details = exif.get_ifd(IFD.Exif)
    details[Base.FocalLength] = _rational(focal_35mm)
    film_mm = focal_35mm * width_px / FILM_WIDTH_MM / film_px_per_mm(width_px, height_px)
    details[Base.FocalLengthIn35mmFilm] = max(1, round(film_mm))
    resolution_px_per_cm = _rational(width_px / (FILM_WIDTH_MM / 10))
    details[Base.FocalPlaneXResolution] = resolution_px_per_cm
    details[Base.FocalPlaneYResolution] = resolution_px_per_cm
    details[Base.FocalPlaneResolutionUnit] = 3


def _add_gps(
    exif: Image.Exif, lonlat: LonLat | tuple[float, float] | None, heading_deg: float | None
) -> None:
    """Add position (1e-6 seconds of arc) and direction."""
    if lonlat is None and heading_deg is None:
        return
    gps = exif.get_ifd(IFD.GPSInfo)
    gps[GPS.GPSVersionID] = b"\x02\x03\x00\x00"
    if lonlat is not None:
        lon, lat = (lonlat.lon, lonlat.lat) if isinstance(lonlat, LonLat) else lonlat
        gps[GPS.GPSLatitudeRef] = "N" if lat >= 0 else "S"
        gps[GPS.GPSLatitude] = _degrees_minutes_seconds(lat)
        gps[GPS.GPSLongitudeRef] = "E" if lon >= 0 else "W"
        gps[GPS.GPSLongitude] = _degrees_minutes_seconds(lon)
        gps[GPS.GPSMapDatum] = "WGS-84"
    if heading_deg is not None:
        gps[GPS.GPSImgDirectionRef] = "T"
        gps[GPS.GPSImgDirection] = _rational(heading_deg % 360.0)


def _degrees_minutes_seconds(value_deg: float) -> tuple[TiffImagePlugin.IFDRational, ...]:
    """Return the size of an angle as three rationals."""
    micro_seconds = round(abs(value_deg) * 3600 * 1_000_000)
    minutes, micro_seconds = divmod(micro_seconds, 60_000_000)
    degrees, minutes = divmod(minutes, 60)
    rational = TiffImagePlugin.IFDRational
    return rational(degrees, 1), rational(minutes, 1), rational(micro_seconds, 1_000_000)


def _exif_date(taken_at: str | datetime | None) -> str | None:
    """Return a time as EXIF writes it, without time zone."""
    if taken_at is None:
        return None
    moment = datetime.fromisoformat(taken_at) if isinstance(taken_at, str) else taken_at
    return moment.strftime("%Y:%m:%d %H:%M:%S")
