"""Any mode of Pillow as upright 8-bit RGB, reduced before it is copied."""

from __future__ import annotations

import numpy as np
from PIL import Image

from cvgl_core.types import UInt8Array

BACKDROP_RGBA = (115, 115, 115, 255)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def to_rgb(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a loaded image as RGB of ``size`` (width, height), antialiased.

    16-bit and floating-point grey is scaled to 8 bits; transparent parts become mid-grey.
    """
    if image.mode.startswith(("I", "F")):
        image = _eight_bit(image)
    if image.mode in ("P", "PA", "1"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        backdrop = Image.new("RGBA", image.size, BACKDROP_RGBA)
        image = Image.alpha_composite(backdrop, image)
    return image.convert("RGB")


def upright(image: Image.Image, orientation: int) -> UInt8Array:
    """Return the pixels ``[H, W, 3]`` as they are to be seen; ``orientation`` as in EXIF."""
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
    return np.array(image, dtype=np.uint8)


def flat_fraction(rgb: UInt8Array) -> float:
    """Return the share of rows, from the lowest up, that are all exactly one grey.

    This is what decoders leave where the data of a JPEG stopped; a fully flat picture counts 0.
    """
    last = rgb[-1, 0]
    if last[0] != last[1] or last[1] != last[2]:
        return 0.0
    different = np.flatnonzero((rgb != last).any(axis=(1, 2)))
    if different.size == 0:
        return 0.0
    return float(len(rgb) - 1 - different[-1]) / len(rgb)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Return deep grey as 8-bit grey; not-a-number is black."""
    deep = np.nan_to_num(np.asarray(image).astype(np.float32), posinf=0.0, neginf=0.0)
    top = float(deep.max(initial=0.0))
    if image.mode == "F" and top <= 1.0:
        full = 1.0
    elif top <= 255.0 and not image.mode.startswith("I;16"):
        full = 255.0
    else:
        full = max(65535.0, top)
    return Image.fromarray(np.clip(deep * (255.0 / full) + 0.5, 0, 255).astype(np.uint8))
