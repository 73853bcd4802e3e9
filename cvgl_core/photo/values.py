"""Single values of hostile metadata as clean numbers, times and words, or None."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import datetime

MAX_TEXT = 80
_ISO_OFFSET = re.compile(r"^[+-]\d{2}:\d{2}$")
_ADOBE = re.compile(r"^(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEWnsew])$")


def number(value: object) -> float | None:
    """Return a finite float, or None for ``0/0``, words, bytes and everything else."""
    if isinstance(value, tuple | list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bytes | bool) or value is None:
        return None
    if isinstance(value, str):
        value = value.strip("\0 ")[:MAX_TEXT]
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def text(value: object, limit: int = MAX_TEXT) -> str:
    """Return metadata as one short line without control or text-direction characters."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    kept = (
        character if unicodedata.category(character)[0] != "Z" else " "
        for character in value[: 4 * limit]
        if unicodedata.category(character)[0] != "C"
    )
    return " ".join("".join(kept).split())[:limit]


def time(value: object, offset: object = None) -> str | None:
    """Return an EXIF time ``YYYY:MM:DD HH:MM:SS`` as ISO 8601, or None when it is not a date."""
    try:
        moment = datetime.strptime(text(value)[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    if moment.year < 1900:
        return None
    zone = text(offset)
    return moment.isoformat() + (zone if _ISO_OFFSET.match(zone) else "")


def angle(value: object) -> float | None:
    """Return degrees, minutes, seconds (or fewer) as signed degrees; None when out of range."""
    if isinstance(value, str) and (match := _ADOBE.match(value.strip())):
        parts = [float(part) for part in match.groups()[:3] if part is not None]
        size = _join(parts)
        return -size if size is not None and match.group(4).upper() in "SW" else size
    if not isinstance(value, tuple | list):
        value = (value,)
    if not 1 <= len(value) <= 3:
        return None
    numbers = [number(part) for part in value]
    if numbers[0] is None or any(part is None for part in numbers):
        return None
    size = _join([abs(part) for part in numbers if part is not None])
    return -size if size is not None and numbers[0] < 0 else size


def _join(parts: list[float]) -> float | None:
    """Return degrees from parts of 1, 1/60 and 1/3600; None when minutes or seconds exceed 60."""
    if any(part > 60 for part in parts[1:]):
        return None
    return math.fsum(part / 60.0**power for power, part in enumerate(parts))
