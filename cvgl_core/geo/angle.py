"""Angles in degrees."""

from __future__ import annotations

from typing import overload

from cvgl_core.types import FloatArray


@overload
def wrapped(angle_deg: float) -> float: ...
@overload
def wrapped(angle_deg: FloatArray) -> FloatArray: ...
def wrapped(angle_deg: float | FloatArray) -> float | FloatArray:
    """Return angles within -180 (included) to 180 degrees."""
    return (angle_deg + 180.0) % 360.0 - 180.0
