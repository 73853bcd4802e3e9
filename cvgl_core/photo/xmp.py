"""XMP packets as a flat table of short strings; parsed with limits, for it is hostile XML."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

MAX_XMP_BYTES = 262_144
MAX_ELEMENTS = 5_000
MAX_VALUE = 200

_WIDE = {
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}
"""How a packet begins that is not UTF-8: XMP part 1 allows all of these."""

_PREFIXES = {
    "http://ns.google.com/photos/1.0/panorama/": "GPano",
    "http://www.dji.com/drone-dji/1.0/": "drone-dji",
    "http://www.parrot.com/drone-parrot/1.0/": "drone-parrot",
    "http://pix4d.com/camera/1.0/": "Camera",
    "http://ns.adobe.com/exif/1.0/": "exif",
}


def parse_xmp(packet: bytes) -> tuple[dict[str, str], str | None]:
    """Return the known properties of an XMP packet as ``prefix:Name``, and a warning or None.

    Properties may be attributes or elements. A packet that is too long, nested too deep, or holds
    entities gives an empty table and a warning.
    """
    packet = packet.strip(b" \r\n\t")
    if not packet.strip(b"\0"):
        return {}, None
    if len(packet) > MAX_XMP_BYTES:
        return {}, f"XMP ignored: {len(packet)} bytes, more than {MAX_XMP_BYTES}"
    try:
        root: Element = fromstring(_text(packet).strip("\ufeff\0 \r\n\t"))
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        return {}, f"XMP ignored: not well-formed ({type(error).__name__})"
    values: dict[str, str] = {}
    for count, element in enumerate(root.iter()):
        if count >= MAX_ELEMENTS:
            return values, f"XMP read only in part: more than {MAX_ELEMENTS} elements"
        _put(values, element.tag, element.text)
        for name, value in element.attrib.items():
            _put(values, name, value)
    return values, None


def _text(packet: bytes) -> str:
    """Return a packet as text; ValueError where it is none."""
    codecs = [codec for mark, codec in _WIDE.items() if packet.startswith(mark)]
    return packet.decode(codecs[0] if codecs else "utf-8")


def _put(values: dict[str, str], qualified: object, value: str | None) -> None:
    """Add one property if its namespace is known; the first of its name stays."""
    if not isinstance(qualified, str) or not qualified.startswith("{") or value is None:
        return
    space, _, name = qualified[1:].partition("}")
    prefix = _PREFIXES.get(space)
    if prefix is not None and value.strip():
        values.setdefault(f"{prefix}:{name}"[:MAX_VALUE], value.strip()[:MAX_VALUE])
