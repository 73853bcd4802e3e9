"""The finding as an XMP sidecar: what photo managers read, beside a photo that is never changed.

It is called ``photo.jpg.xmp``, as darktable, digiKam and geeqie have it: the whole name, so that
``photo.jpg`` and ``photo.dng`` have one each, and ``photo.xmp``, where raw converters keep their
edits, is not touched.

Only a photo that is ``located`` gets a position (``exif:GPSLatitude`` and so on, WGS 84, headings
from true north): programs show any position as a fact. The verdict and the best place, in the
namespace ``cvgl``, are written whatever it is.

A sidecar by other software keeps every byte of its own; ours are added as a block of their own,
and replaced when it is written again. Where it already holds a position it is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import quoteattr

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from cvgl_core.export.words import plain
from cvgl_core.fsio import output_errors, write_bytes
from cvgl_core.types import Verdict

SUFFIX = ".xmp"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
EXIF = "http://ns.adobe.com/exif/1.0/"
CVGL = "urn:cvgl:xmp:1.0/"
MAX_BYTES = 10_000_000

_OURS = f'<rdf:Description xmlns:rdf="{RDF}" xmlns:exif="{EXIF}" xmlns:cvgl="{CVGL}" rdf:about=""'
_BLOCK = re.compile(re.escape(_OURS.encode()) + rb"[^<>]*/>\n?")
_END = re.compile(rb"</(?:[A-Za-z_][\w.-]*:)?RDF\s*>")
_EMPTY = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    b'<rdf:RDF xmlns:rdf="%s">\n</rdf:RDF>\n</x:xmpmeta>\n' % RDF.encode()
)
_MICRO_MINUTES = 60 * 10**7


def write_sidecar(path: Path, estimate: Mapping[str, Any]) -> str | None:
    """Write the finding to a sidecar atomically.

    Args:
        path: of the sidecar.
        estimate: properties of the estimate.

    Returns:
        Why the sidecar of other software that is there was left as it is; None when all is well.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    there = _EMPTY
    with output_errors(path):
        if path.exists():
            if path.stat().st_size > MAX_BYTES:
                return f"{path}: is no XMP sidecar; it was left as it is"
            there = path.read_bytes()
    try:
        write_bytes(path, merged(there, estimate))
    except ValueError as error:
        return f"{path}: {error}; it was left as it is"
    return None


def merged(sidecar: bytes, estimate: Mapping[str, Any]) -> bytes:
    """Return a sidecar with the finding in it; every other byte stays.

    Raises:
        ValueError: it is no XMP in UTF-8, or other software has put a position there.
    """
    others = _BLOCK.sub(b"", sidecar)
    held = {name for element in _parsed(others).iter() for name in (element.tag, *element.attrib)}
    taken = sorted(name for name in held if isinstance(name, str) and _is_position(name))
    if taken:
        raise ValueError(f"holds a position by other software ({taken[0].rpartition('}')[2]})")
    ends = list(_END.finditer(others))
    if not ends:
        raise ValueError("holds no rdf:RDF that could take another property")
    place = ends[-1].start()
    made = others[:place] + _block(estimate).encode() + others[place:]
    if _parsed(made).find(f".//{{{RDF}}}RDF/{{{RDF}}}Description[@{{{CVGL}}}Verdict]") is None:
        raise ValueError("holds no rdf:RDF that could take another property")
    return made


def _parsed(sidecar: bytes) -> Element:
    """Return the root of a sidecar; raises ``ValueError`` if it is none."""
    try:
        sidecar.decode("utf-8-sig")
        root: Element = fromstring(sidecar, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise ValueError(f"is no XMP in UTF-8 ({type(error).__name__})") from error
    return root


def _is_position(name: str) -> bool:
    """Tell whether a qualified name is of a property that we write."""
    return name.startswith(f"{{{CVGL}}}") or name.startswith(f"{{{EXIF}}}GPS")


def _block(estimate: Mapping[str, Any]) -> str:
    """Return the properties as one description."""
    values = _finding(estimate)
    if estimate["verdict"] == Verdict.LOCATED.value:
        values |= _position(estimate)
    written = "".join(
        f"\n {name}={quoteattr(plain(value))}"
        for name, value in values.items()
        if value is not None
    )
    return f"{_OURS}{written}/>\n"


def _finding(estimate: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what was found, in words of our own."""
    names = {
        "Verdict": "verdict",
        "Confidence": "confidence",
        "Probability": "probability",
        "Latitude": "lat",
        "Longitude": "lon",
        "Radius50M": "radius_50_m",
        "Radius90M": "radius_90_m",
        "HeadingDeg": "heading_deg",
        "HeadingStdDeg": "heading_std_deg",
        "PhotoSHA256": "photo_sha256",
        "IndexID": "index_id",
        "Model": "model",
        "WeightsSHA256": "weights_sha256",
        "Software": "software",
        "CreatedAt": "created_at",
    }
    found = {f"cvgl:{name}": estimate.get(key) for name, key in names.items()}
    return {name: None if value is None else str(value) for name, value in found.items()}


def _position(estimate: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the place and the direction in the names that programs read."""
    heading_deg, radius_m = estimate["heading_deg"], estimate["radius_90_m"]
    return {
        "exif:GPSVersionID": "2.3.0.0",
        "exif:GPSLatitude": _angle(estimate["lat"], "NS"),
        "exif:GPSLongitude": _angle(estimate["lon"], "EW"),
        "exif:GPSMapDatum": "WGS-84",
        "exif:GPSHPositioningError": None if radius_m is None else _rational(radius_m, 10),
        "exif:GPSImgDirection": None if heading_deg is None else _rational(heading_deg, 100),
        "exif:GPSImgDirectionRef": None if heading_deg is None else "T",
        "exif:GPSProcessingMethod": "CVGL",
    }


def _angle(value_deg: float, letters: str) -> str:
    """Return an angle as XMP has it, ``DDD,MM.mmmmmmmK``."""
    degrees, rest = divmod(round(abs(value_deg) * _MICRO_MINUTES), _MICRO_MINUTES)
    return f"{degrees},{rest / 10**7:.7f}{letters[value_deg < 0]}"


def _rational(value: float, denominator: int) -> str:
    """Return a number as XMP has it, ``N/D``."""
    return f"{round(value * denominator)}/{denominator}"
