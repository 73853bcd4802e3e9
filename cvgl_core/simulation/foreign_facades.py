"""Facades by other rules: masonry, arched windows with shutters, balconies, arcades, glass fins."""

from __future__ import annotations

import torch
from torch import Tensor

from cvgl_core.simulation.facades import Face, band, blend, hash01
from cvgl_core.simulation.walls import Facade

_COURSE_M = 0.36
_SPRING, _CROWN = 0.60, 0.84  # where an arch begins and ends, as shares of a storey
_SHUTTERS = ((62.0, 98.0, 74.0), (70.0, 92.0, 128.0), (126.0, 84.0, 58.0), (206.0, 200.0, 188.0))
_RAIL_RGB = (58.0, 56.0, 54.0)
_EAVES_RGB = (92.0, 72.0, 58.0)


def _rgb(colour: tuple[float, float, float], like: Tensor) -> Tensor:
    return like.new_tensor(colour)[:, None]


def _masonry(face: Face, colour: Tensor) -> Tensor:
    """Draw courses of stone, pilasters between the bays, and a heavy base storey."""
    fields = face.fields
    metres = face.blur_up * fields[Facade.FLOOR]
    course = face.z_m / _COURSE_M
    joint = band(course - course.floor(), 0.0, 0.16, metres / _COURSE_M)
    sharp = (1.0 - metres / 0.4).clamp(0.0, 1.0) * (fields[Facade.STYLE_2] < 0.65)
    colour = colour * (1.0 - 0.20 * joint * sharp)
    side = (face.across - 0.5).abs()
    pilaster = ((side - 0.42) / face.blur_across + 0.5).clamp(0.0, 1.0)
    colour = colour * (1.0 + 0.10 * pilaster * (fields[Facade.STYLE_1] > 0.5))
    base = band(face.z_m, -2.0, 0.9 * fields[Facade.FLOOR], metres)
    return colour * (1.0 - 0.22 * base * (fields[Facade.KIND] > 0))


def _arch(face: Face, half: Tensor, low: float) -> Tensor:
    """Return the share of each pixel inside a round-headed opening ``half`` bays wide each way."""
    rise = ((face.up - _SPRING) / (_CROWN - _SPRING)).clamp(0.0, 1.0)
    narrow = half * (1.0 - rise * rise).sqrt()
    side = (face.across - 0.5).abs()
    inside = ((narrow - side) / face.blur_across + 0.5).clamp(0.0, 1.0)
    return inside * band(face.up, low, _CROWN, face.blur_up)


def _panes(face: Face) -> Tensor:
    """Return the colour of windows that mirror a pale sky."""
    tint = hash01(face.window + 11, face.floor, face.fields[Facade.NUMBER])
    level = 84.0 + 66.0 * tint - 22.0 * face.up
    return torch.stack([level * 0.94, level * 1.03, level * 1.06])


def _windows(face: Face, colour: Tensor) -> Tensor:
    """Draw arched windows and the shutters beside them."""
    fields = face.fields
    half = 0.13 + 0.14 * fields[Facade.WIDTH]
    exists = (face.floor < face.top) & (fields[Facade.KIND] != 2)
    exists = exists & ((face.floor > 0) | (fields[Facade.KIND] == 0))
    number = fields[Facade.NUMBER]
    paint = torch.zeros_like(colour)
    chosen = (hash01(number, number + 5) * len(_SHUTTERS)).floor()
    for index, rgb in enumerate(_SHUTTERS):
        paint = blend(paint, (chosen == index).float(), _rgb(rgb, colour))
    beside = band((face.across - 0.5).abs(), half, 1.75 * half, face.blur_across)
    shutter = beside * band(face.up, 0.16, 0.74, face.blur_up)
    colour = blend(colour, shutter * exists * (fields[Facade.STYLE_0] < 0.7), paint)
    return blend(colour, _arch(face, half, 0.16) * exists, _panes(face))


def _balconies(face: Face, colour: Tensor) -> Tensor:
    """Draw slabs and railings in front of some bays of town houses."""
    fields = face.fields
    here = hash01(face.window, fields[Facade.NUMBER] + 3) < 0.2 + 0.5 * fields[Facade.STYLE_1]
    here = here & (fields[Facade.KIND] == 1) & (face.floor > 0) & (face.floor < face.top)
    width = band((face.across - 0.5).abs(), -1.0, 0.44, face.blur_across) * here
    slab = band(face.up, 0.0, 0.07, face.blur_up)
    rail = 0.55 * band(face.up, 0.07, 0.36, face.blur_up)
    return blend(colour, width * torch.maximum(slab, rail), _rgb(_RAIL_RGB, colour))


def _arcade(face: Face, colour: Tensor) -> Tensor:
    """Open the ground floor of town houses and towers into shadowed arches."""
    fields = face.fields
    here = (fields[Facade.KIND] > 0) & (fields[Facade.KIND] < 3) & (face.floor == 0)
    level = 30.0 + 34.0 * hash01(face.window, fields[Facade.NUMBER] + 9)
    shade = torch.stack([level * 1.15, level, level * 0.85])
    opening = _arch(face, torch.full_like(level, 0.37), -1.0)
    return blend(colour, opening * here, shade)


def _fins(face: Face, colour: Tensor) -> Tensor:
    """Draw the upright strips of glass of towers, broken by dark spandrels."""
    fields = face.fields
    here = (fields[Facade.KIND] == 2) & (face.floor > 0) & (face.z_m < fields[Facade.HEIGHT] - 1.0)
    strip = band(face.across, 0.16, 0.84, face.blur_across) * here
    colour = blend(colour, strip, _panes(face) * 0.8)
    spandrel = band(face.up, 0.0, 0.24, face.blur_up)
    return blend(colour, strip * spandrel, colour * 0.62)


def foreign_facade(face: Face) -> Tensor:
    """Return the colour of wall pixels before daylight, ``[3, n]`` in 0..255."""
    fields = face.fields
    colour = _masonry(face, fields[Facade.RED : Facade.BLUE + 1])
    for draw in (_windows, _fins, _balconies, _arcade):
        colour = draw(face, colour)
    metres = face.blur_up * fields[Facade.FLOOR]
    eaves = band(face.z_m, fields[Facade.HEIGHT] - 0.4, fields[Facade.HEIGHT] + 9.0, metres)
    return blend(colour, eaves * (fields[Facade.KIND] < 2), _rgb(_EAVES_RGB, colour))
