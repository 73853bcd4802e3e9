"""What a photo says about itself: values from EXIF and XMP, each with the place it was found.

Pure functions over plain tables (tag number -> value, ``prefix:Name`` -> text), so that every odd
file is one row of a test. A value that makes no sense is left out with a line in ``warnings``.
Tag numbers: Exif 2.32; GPano: Google's Photo Sphere XMP specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cvgl_core.photo import values
from cvgl_core.photo.lens import read_fov_deg
from cvgl_core.photo.panorama import PanoramaFrame, read_frame
from cvgl_core.types import PhotoMetadata, Projection

MAKE, MODEL, DATE = 0x010F, 0x0110, 0x0132
DATE_ORIGINAL, OFFSET_ORIGINAL = 0x9003, 0x9011
LAT_REF, LAT, LON_REF, LON = 1, 2, 3, 4
TRACK, DIRECTION_REF, DIRECTION = 15, 16, 17

Tags = Mapping[int, object]
Properties = Mapping[str, str]


@dataclass(frozen=True)
class RawMetadata:
    """The tables of a file as decoded, nothing checked yet.

    Attributes:
        exif: main and Exif IFD in one table.
        gps: the GPS IFD.
        xmp: known properties, ``prefix:Name``.
        warnings: what went wrong while decoding.
    """

    exif: Tags = field(default_factory=dict)
    gps: Tags = field(default_factory=dict)
    xmp: Properties = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass
class Notes:
    """Collects sources and warnings while a file is read."""

    sources: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def found(self, name: str, source: str) -> None:
        """Record where a value was found."""
        self.sources[name] = source

    def warn(self, line: str) -> None:
        """Record something odd, cleaned of control characters."""
        self.warnings.append(values.text(line, 200))


def read_metadata(width_px: int, height_px: int, raw: RawMetadata) -> PhotoMetadata:
    """Return what is known of a photo of ``width_px`` x ``height_px`` (as displayed)."""
    notes = Notes(warnings=list(raw.warnings))
    fov_deg = read_fov_deg(width_px, height_px, raw.exif, notes)
    frame = read_frame(width_px, height_px, raw.xmp, fov_deg is not None, notes)
    if frame is not None and frame.full_width_px is not None:
        fov_deg = 360.0 * min(1.0, width_px / frame.full_width_px)
        notes.found("fov_deg", notes.sources["projection"])
    position = read_position(raw, notes)
    pitch_deg, roll_deg = _pitch_roll(raw.xmp, frame is not None, notes)
    frame = frame or PanoramaFrame(None, None, 0, 0)
    panorama = "projection" in notes.sources
    return PhotoMetadata(
        width_px=width_px,
        height_px=height_px,
        projection=Projection.EQUIRECTANGULAR if panorama else Projection.PERSPECTIVE,
        heading_deg=read_heading_deg(raw, panorama, notes),
        fov_deg=fov_deg,
        pitch_deg=pitch_deg,
        roll_deg=roll_deg,
        exif_lon=position[0] if position else None,
        exif_lat=position[1] if position else None,
        taken_at=_taken_at(raw.exif, notes),
        camera=_camera(raw.exif, notes),
        pano_full_width_px=frame.full_width_px,
        pano_full_height_px=frame.full_height_px,
        pano_left_px=frame.left_px,
        pano_top_px=frame.top_px,
        sources=notes.sources,
        warnings=tuple(notes.warnings),
    )


def read_heading_deg(raw: RawMetadata, panorama: bool, notes: Notes) -> float | None:
    """Return the azimuth of the optical axis (middle of a panorama), degrees from north.

    A panorama's own GPano pose comes before EXIF, except that a pose of exactly 0 is what some
    cameras write for "not known".
    """
    exif_deg = _exif_direction(raw.gps, notes)
    name = "GPano:PoseHeadingDegrees" if panorama else "drone-dji:GimbalYawDegree"
    pose_deg = _pose_angle(raw.xmp, name, -180.0, 360.0, notes)
    if pose_deg is not None and exif_deg is not None:
        difference = abs((pose_deg - exif_deg + 180.0) % 360.0 - 180.0)
        if difference > 1.0:
            kept = "EXIF" if pose_deg == 0.0 else "XMP"
            notes.warn(
                f"heading: XMP says {pose_deg:.1f}, EXIF says {exif_deg:.1f}; {kept} is used"
            )
        if pose_deg == 0.0:
            pose_deg = None
    if pose_deg is not None:
        notes.found("heading_deg", f"XMP {name}")
        return pose_deg % 360.0
    if exif_deg is None and number_of(raw.gps, TRACK) is not None:
        notes.warn("EXIF GPSTrack is the direction of travel, not of the view: not used")
    return exif_deg


def _exif_direction(gps: Tags, notes: Notes) -> float | None:
    """Return GPSImgDirection, noting a magnetic or missing reference."""
    if DIRECTION not in gps:
        return None
    direction_deg = number_of(gps, DIRECTION)
    if direction_deg is None or not 0.0 <= direction_deg <= 360.0:
        notes.warn("EXIF GPSImgDirection ignored: not within 0 to 360 degrees")
        return None
    reference = values.text(gps.get(DIRECTION_REF)).upper()
    source = "EXIF GPSImgDirection"
    if reference == "M":
        source += " (magnetic)"
        notes.warn("heading is magnetic: it differs from true north by the local declination")
    elif reference != "T":
        source += " (reference missing)"
        notes.warn("EXIF GPSImgDirectionRef is missing: taken as true north")
    notes.found("heading_deg", source)
    return direction_deg % 360.0


def read_position(raw: RawMetadata, notes: Notes) -> tuple[float, float] | None:
    """Return (lon, lat) in degrees from EXIF, else from XMP, else None."""
    xmp_place = _xmp_position(raw.xmp)
    place = _exif_position(raw.gps, notes)
    if place is None and xmp_place is not None:
        notes.found("exif_lon", "XMP exif:GPSLongitude")
        notes.found("exif_lat", "XMP exif:GPSLatitude")
        return xmp_place
    if place is None:
        return None
    if xmp_place is not None and max(abs(place[0] - xmp_place[0]), abs(place[1] - xmp_place[1])) > (
        1e-3
    ):
        notes.warn("position: EXIF and XMP name different places; EXIF is shown")
    notes.found("exif_lon", "EXIF GPSLongitude")
    notes.found("exif_lat", "EXIF GPSLatitude")
    return place


def _exif_position(gps: Tags, notes: Notes) -> tuple[float, float] | None:
    """Return (lon, lat) of the GPS IFD if both make sense."""
    if LAT not in gps and LON not in gps:
        return None
    lat = _coordinate(gps.get(LAT), gps.get(LAT_REF), "NS", 90.0, notes)
    lon = _coordinate(gps.get(LON), gps.get(LON_REF), "EW", 180.0, notes)
    if lat is None or lon is None:
        return None
    return _not_null_island(lon, lat, notes)


def _coordinate(
    value: object, reference: object, letters: str, limit_deg: float, notes: Notes
) -> float | None:
    """Return a signed coordinate in degrees, or None with a warning."""
    name = "GPSLatitude" if letters == "NS" else "GPSLongitude"
    degrees = values.angle(value)
    if degrees is None or abs(degrees) > limit_deg:
        notes.warn(f"EXIF {name} ignored: not a {name[3:].lower()}")
        return None
    letter = values.text(reference).upper()[:1]
    if isinstance(value, str) and value.strip()[-1:].isalpha():
        return degrees
    if letter == letters[1]:
        return -abs(degrees)
    if letter == letters[0] and degrees < 0:
        notes.warn(f"EXIF {name} ignored: negative, yet marked {letter}")
        return None
    if letter != letters[0]:
        notes.warn(f"EXIF {name}Ref is missing: sign taken as written")
    return degrees


def _xmp_position(xmp: Properties) -> tuple[float, float] | None:
    """Return (lon, lat) of ``exif:GPSLatitude`` and its like, Adobe's ``48,52.5N``."""
    lat = values.angle(xmp.get("exif:GPSLatitude"))
    lon = values.angle(xmp.get("exif:GPSLongitude"))
    if lat is None or lon is None or abs(lat) > 90.0 or abs(lon) > 180.0:
        return None
    return _not_null_island(lon, lat, None)


def _not_null_island(lon: float, lat: float, notes: Notes | None) -> tuple[float, float] | None:
    """Return the place unless it is 0, 0: what receivers write before they have a fix."""
    if lon == 0.0 and lat == 0.0:
        if notes is not None:
            notes.warn("EXIF position ignored: 0, 0 is what receivers write without a fix")
        return None
    return lon, lat


def _pitch_roll(xmp: Properties, panorama: bool, notes: Notes) -> tuple[float | None, float | None]:
    """Return pitch (up) and roll (clockwise camera) in degrees, where a file states them."""
    names = (
        ("GPano:PosePitchDegrees", "GPano:PoseRollDegrees")
        if panorama
        else ("drone-dji:GimbalPitchDegree", "drone-dji:GimbalRollDegree")
    )
    pitch_deg = _pose_angle(xmp, names[0], -90.0, 90.0, notes)
    roll_deg = _pose_angle(xmp, names[1], -180.0, 180.0, notes)
    if pitch_deg is not None:
        notes.found("pitch_deg", f"XMP {names[0]}")
    if roll_deg is not None:
        notes.found("roll_deg", f"XMP {names[1]}")
    return pitch_deg, roll_deg


def _pose_angle(
    xmp: Properties, name: str, low_deg: float, high_deg: float, notes: Notes
) -> float | None:
    """Return an angle of the XMP table if it lies within its bounds."""
    if name not in xmp:
        return None
    value = values.number(xmp[name])
    if value is None or not low_deg <= value <= high_deg:
        notes.warn(f"XMP {name} ignored: not within {low_deg:g} to {high_deg:g} degrees")
        return None
    return value


def _taken_at(exif: Tags, notes: Notes) -> str | None:
    """Return the time of exposure as ISO 8601; local time where no zone is stated."""
    for tag, name in ((DATE_ORIGINAL, "DateTimeOriginal"), (DATE, "DateTime")):
        if tag not in exif:
            continue
        moment = values.time(exif[tag], exif.get(OFFSET_ORIGINAL))
        if moment is not None:
            notes.found("taken_at", f"EXIF {name}")
            return moment
        notes.warn(f"EXIF {name} ignored: not a date")
    return None


def _camera(exif: Tags, notes: Notes) -> str | None:
    """Return make and model as one line."""
    make, model = values.text(exif.get(MAKE)), values.text(exif.get(MODEL))
    name = model if model.lower().startswith(make.lower()) else f"{make} {model}"
    if not name.strip():
        return None
    notes.found("camera", "EXIF Make, Model")
    return name.strip()


def number_of(tags: Tags, tag: int) -> float | None:
    """Return the number under ``tag``, None when it is missing or not finite."""
    return values.number(tags.get(tag))
