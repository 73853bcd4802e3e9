"""Facades: windows, doors, shops and cornices drawn on the walls, without any texture file."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from cvgl_core.simulation.walls import Facade, WallHits


def hash01(*numbers: Tensor) -> Tensor:
    """Return pseudo-random numbers in [0, 1) that depend on integer-valued tensors only."""
    mixed = torch.zeros_like(numbers[0], dtype=torch.int32)
    for number in numbers:
        mixed = (mixed ^ (number.to(torch.int32) + 1013)) * 1540483477
        mixed = mixed ^ ((mixed >> 15) & 0x1FFFF)
    return (mixed & 0xFFFF).float() * (1.0 / 65536.0)


def band(value: Tensor, low: Tensor | float, high: Tensor | float, blur: Tensor) -> Tensor:
    """Return how much of a pixel of size ``blur`` around ``value`` lies in [low, high]."""
    inside = torch.minimum(value - low, high - value)
    return (inside / blur + 0.5).clamp_(0.0, 1.0)


@dataclass(frozen=True)
class Face:
    """Where on its facade each pixel lies; everything ``[n]``."""

    fields: Tensor
    window: Tensor
    floor: Tensor
    across: Tensor
    up: Tensor
    blur_across: Tensor
    blur_up: Tensor
    top: Tensor
    z_m: Tensor
    along_m: Tensor


def place(hits: WallHits, fields: Tensor, pixel_rad: float) -> Face:
    """Work out floor, window and position within them, with the pixel's footprint."""
    pitch, storey = fields[Facade.PITCH], fields[Facade.FLOOR]
    u, v = hits.along_m / pitch + 0.37, hits.z_m.clamp(min=0.0) / storey
    window, floor = u.floor(), v.floor()
    foot = hits.range_m * pixel_rad
    return Face(
        fields=fields,
        window=window,
        floor=floor,
        across=u - window,
        up=v - floor,
        blur_across=foot / (hits.cos_incidence.clamp(min=0.12) * pitch) + 1e-3,
        blur_up=foot / storey + 1e-3,
        top=((fields[Facade.HEIGHT] - 0.5) / storey).floor(),
        z_m=hits.z_m,
        along_m=hits.along_m,
    )


def blend(colour: Tensor, share: Tensor, target: Tensor) -> Tensor:
    """Mix ``target`` (``[3, n]`` or ``[3, 1]``) into ``colour`` by ``share`` ``[n]``."""
    return colour + share * (target - colour)


def _window_share(face: Face) -> tuple[Tensor, Tensor]:
    """Return how much of each pixel is glass, and how much is glass or frame."""
    fields = face.fields
    half, tall = fields[Facade.WIDTH] * 0.5, fields[Facade.TALL]
    ribbon = (fields[Facade.KIND] == 2) & (fields[Facade.STYLE_0] < 0.55)
    low = torch.where(ribbon, 0.22, 0.28)
    high = torch.where(ribbon, 0.42 + tall, 0.28 + tall).clamp(max=0.95)
    half = torch.where(ribbon, 0.47, half)
    side = (face.across - 0.5).abs()
    exists = (face.floor < face.top).float()
    glass = ((half - side) / face.blur_across + 0.5).clamp_(0.0, 1.0)
    glass = glass * band(face.up, low, high, face.blur_up) * exists
    wide = 0.10 / fields[Facade.PITCH]
    frame = ((half + wide - side) / face.blur_across + 0.5).clamp_(0.0, 1.0)
    tall_frame = 0.10 / fields[Facade.FLOOR]
    frame = frame * band(face.up, low - tall_frame, high + tall_frame, face.blur_up) * exists
    return glass, frame


def _glass(face: Face) -> Tensor:
    """Return the colour of window panes: dark rooms, curtains, the sky's reflection."""
    tint = hash01(face.window, face.floor, face.fields[Facade.NUMBER])
    dark = 52.0 + 62.0 * tint + 26.0 * face.up
    curtain = (tint > 0.80).float() * 55.0
    return torch.stack([dark * 0.92 + curtain, dark + curtain, dark * 1.14 + curtain * 0.8])


def _behind_door(face: Face) -> Tensor:
    """Tell where a window would collide with the door of a house."""
    fields = face.fields
    door = (fields[Facade.STYLE_2] - 0.5) * 4.0
    middle = (face.window + 0.5 - 0.37) * fields[Facade.PITCH]
    reach = 0.75 + 0.5 * fields[Facade.WIDTH] * fields[Facade.PITCH]
    return ((middle - door).abs() < reach) & (face.floor == 0)


def _ground_floor(face: Face, colour: Tensor) -> Tensor:
    """Draw shop fronts under towers and mid-rises, and the doors of houses."""
    fields = face.fields
    kind = fields[Facade.KIND]
    shop = ((kind == 1) | (kind == 2)) & (fields[Facade.STYLE_1] < 0.65) & (face.floor == 0)
    unit = (face.along_m / (2.2 * fields[Facade.PITCH])).floor()
    part = face.along_m / (2.2 * fields[Facade.PITCH]) - unit
    draw = hash01(unit, fields[Facade.NUMBER])
    pane = band(part, 0.05, 0.95, face.blur_across / 2.2) * band(face.up, 0.10, 0.70, face.blur_up)
    sign = band(face.up, 0.74, 0.92, face.blur_up) * band(part, 0.03, 0.97, face.blur_across / 2.2)
    level = 46.0 + 50.0 * draw + 30.0 * face.up
    colour = blend(colour, shop.float(), colour * 0.9)
    colour = blend(colour, pane * shop, torch.stack([level, level * 1.04, level * 1.12]))
    other = hash01(unit + 57, fields[Facade.NUMBER])
    paint = torch.stack([70 + 140 * draw, 70 + 120 * other, 190 - 120 * draw])
    colour = blend(colour, sign * shop, paint)
    metres = face.blur_across * fields[Facade.PITCH]
    door = band(face.along_m - (fields[Facade.STYLE_2] - 0.5) * 4.0, -0.55, 0.55, metres)
    door = door * band(face.z_m, -1.0, 2.1, face.blur_up * fields[Facade.FLOOR]) * (kind == 0)
    wood = torch.stack(
        [60 + 90 * fields[Facade.STYLE_0], 50 + 60 * fields[Facade.STYLE_1], 55 + 0 * draw]
    )
    return blend(colour, door, wood)


def _structure(face: Face, colour: Tensor) -> Tensor:
    """Draw plinth, string courses, cornice and the corrugation of sheds."""
    fields = face.fields
    kind = fields[Facade.KIND]
    metres = face.blur_up * fields[Facade.FLOOR]
    cornice = band(face.z_m, fields[Facade.HEIGHT] - 0.7, fields[Facade.HEIGHT] + 9.0, metres)
    course = band(face.up, 0.0, 0.06, face.blur_up) * (face.floor > 0) * (kind > 0)
    plinth = band(face.z_m, -2.0, 0.45, metres)
    rib = 0.07 * torch.sin(face.along_m * (2 * math.pi / 0.77))
    rib = rib * (1.0 - face.blur_across * fields[Facade.PITCH] / 0.5).clamp(0.0, 1.0)
    factor = 1.0 + 0.14 * cornice * (kind == 1) - 0.17 * course * (fields[Facade.STYLE_2] < 0.5)
    factor = factor - 0.16 * plinth + rib * (kind == 3)
    return colour * factor


def plain_facade(face: Face) -> Tensor:
    """Return the colour of wall pixels before daylight, ``[3, n]`` in 0..255."""
    fields = face.fields
    colour = _structure(face, fields[Facade.RED : Facade.BLUE + 1])
    glass, frame = _window_share(face)
    shop = (fields[Facade.KIND] > 0) & (fields[Facade.KIND] < 3)
    upper = ~(shop & (fields[Facade.STYLE_1] < 0.65) & (face.floor == 0))
    trim = torch.where(fields[Facade.STYLE_2] > 0.4, 226.0, 96.0)
    upper = upper & ~((fields[Facade.KIND] == 0) & _behind_door(face))
    colour = blend(colour, frame * upper, trim.expand_as(colour))
    colour = blend(colour, glass * upper, _glass(face))
    return _ground_floor(face, colour)
