"""When pictures were taken, as text that sorts: ISO 8601 in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cvgl_core.errors import SettingsError

_TOKENS = {"YYYY": r"(?P<year>\d{4})", "MM": r"(?P<month>\d{2})", "DD": r"(?P<day>\d{2})"}


def tag_date(text: str) -> str:
    """Return the date of a TIFF tag, ``YYYY:MM:DD HH:MM:SS``; empty if it is none."""
    try:
        return _iso(datetime.strptime(text.strip()[:19], "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC))
    except ValueError:
        return ""


def catalogue_date(text: str) -> str:
    """Return the date of a catalogue, RFC 3339; empty if it is none."""
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return _iso(date if date.tzinfo else date.replace(tzinfo=UTC))


def name_date(name: str, pattern: str) -> str:
    """Return the date in a file's name; empty if the pattern does not fit.

    Args:
        name: the file's name.
        pattern: how the date is written, such as ``YYYYMMDD``, ``YYYY-MM-DD`` or ``_YYYY_``.

    Raises:
        SettingsError: the pattern has no year.
    """
    if pattern.count("YYYY") != 1 or max(pattern.count("MM"), pattern.count("DD")) > 1:
        raise SettingsError(
            f"--date-in-name {pattern!r}: write how names hold the date, such as YYYYMMDD, "
            "YYYY-MM-DD or _YYYY_"
        )
    expression = re.escape(pattern)
    for token, digits in _TOKENS.items():
        expression = expression.replace(token, digits)
    # Digits of the date may not go on in digits that belong to something else.
    for match in re.finditer(rf"(?<!\d){expression}(?!\d)", name):
        parts = {key: int(value) for key, value in match.groupdict().items()}
        try:
            return _iso(
                datetime(parts["year"], parts.get("month", 1), parts.get("day", 1), tzinfo=UTC)
            )
        except ValueError:
            continue
    return ""


def _iso(date: datetime) -> str:
    """Return a date as text that sorts by time."""
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
