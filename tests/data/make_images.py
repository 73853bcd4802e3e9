"""Images for fake data sets: coloured posts on grey ground, seen from above and from the street.

A post is a disc in the tile and a stripe in the panorama's column of its azimuth, so that tile,
label and panorama must agree on where the camera stands.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

COLOURS = np.array([(230, 20, 20), (20, 210, 20), (30, 30, 240), (240, 230, 10)], np.uint8)
TILE_GREY, GROUND_GREY, SKY_GREY = 90, 120, 160
POST_RADIUS = 0.022
POST_WIDTH_DEG = 6.0
POST_ELEVATION_DEG = (15.0, -10.0)


def draw_tile(posts_uv: np.ndarray, side_px: int) -> np.ndarray:
    """Posts at ``posts_uv`` (fractions of the side, may lie outside), in the order of COLOURS."""
    tile = np.full((side_px, side_px, 3), TILE_GREY, np.uint8)
    v, u = (np.mgrid[:side_px, :side_px] + 0.5) / side_px
    for colour, (post_u, post_v) in zip(COLOURS, posts_uv, strict=True):
        tile[np.hypot(u - post_u, v - post_v) <= POST_RADIUS] = colour
    return tile


def draw_panorama(
    azimuths_deg: np.ndarray, width_px: int, elevation_deg: tuple[float, float]
) -> np.ndarray:
    """The full circle, north in the middle, with a stripe at the azimuth of each post."""
    top_deg, bottom_deg = elevation_deg
    height_px = round((top_deg - bottom_deg) / 360.0 * width_px)
    rows_deg = top_deg - (np.arange(height_px) + 0.5) * (top_deg - bottom_deg) / height_px
    columns_deg = (np.arange(width_px) + 0.5) / width_px * 360.0 - 180.0
    panorama = np.full((height_px, width_px, 3), SKY_GREY, np.uint8)
    panorama[rows_deg < 0.0] = GROUND_GREY
    post_rows = (rows_deg <= POST_ELEVATION_DEG[0]) & (rows_deg >= POST_ELEVATION_DEG[1])
    for colour, azimuth_deg in zip(COLOURS, azimuths_deg, strict=True):
        gap_deg = (columns_deg - azimuth_deg + 180.0) % 360.0 - 180.0
        panorama[np.ix_(post_rows, np.abs(gap_deg) <= POST_WIDTH_DEG / 2)] = colour
    return panorama


def save(path: Path, rgb: np.ndarray) -> None:
    """Write a JPEG or PNG, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        cv2.imwrite(str(path), rgb[..., ::-1])
    else:
        Image.fromarray(rgb).save(path, quality=95, subsampling=0)


def likeness(rgb: np.ndarray, colour: int) -> np.ndarray:
    """How much each pixel of ``[..., 3]`` has a post's colour, 0 to 1."""
    away = np.linalg.norm(rgb.astype(float) - COLOURS[colour].astype(float), axis=-1)
    return np.clip(1.0 - away / 100.0, 0.0, 1.0)


def post_uv(tile: np.ndarray, colour: int) -> np.ndarray | None:
    """Centre of a post in a tile, fractions of the side; None when it is not seen."""
    weight = likeness(tile, colour)
    if weight.sum() < 2.0:
        return None
    v, u = (np.mgrid[: len(tile), : len(tile)] + 0.5) / len(tile)
    return np.array([(weight * u).sum(), (weight * v).sum()]) / weight.sum()


def post_azimuth_deg(strip: np.ndarray, colour: int) -> float:
    """Azimuth of a post in a strip of the full circle whose middle is north."""
    weight = likeness(strip, colour).sum(axis=0)
    azimuth = ((np.arange(strip.shape[1]) + 0.5) / strip.shape[1] - 0.5) * 2 * np.pi
    return float(
        np.degrees(np.arctan2((weight * np.sin(azimuth)).sum(), (weight * np.cos(azimuth)).sum()))
    )
