"""What a look consists of: everything in which one kind of simulated city differs from another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cvgl_core.simulation.aerial import AerialLook, draw_look
from cvgl_core.simulation.foreign_style import (
    draw_foreign_flight,
    draw_foreign_season,
    draw_foreign_style,
    revise,
)
from cvgl_core.simulation.layout import Layout, draw_layout
from cvgl_core.simulation.plan import Plan, Surface
from cvgl_core.simulation.radial import draw_radial_layout
from cvgl_core.simulation.scene import Look
from cvgl_core.simulation.style import CityStyle, draw_style
from cvgl_core.simulation.survey import Survey, draw_survey
from cvgl_core.simulation.texture import AMPLITUDES
from cvgl_core.simulation.vegetation import Season, draw_season

_Rng = np.random.Generator


@dataclass(frozen=True)
class Rules:
    """How one kind of city is drawn.

    Attributes:
        look: under which the renderer knows it.
        style, layout, season, flight: draw what their types say.
        revise: changes a finished plan, if the look wants that.
        survey: flies the orthophoto; without, it is a true one.
        air_sun_deg, street_sun_deg: lowest and highest sun of the two days.
        grain: amplitudes of the surfaces' noise.
        crown_noise: size in metres and strength of what roughens crowns seen from above.
    """

    look: Look
    style: Callable[[_Rng], CityStyle]
    layout: Callable[[_Rng, CityStyle, float], Layout]
    season: Callable[[_Rng], Season]
    flight: Callable[[_Rng], AerialLook]
    revise: Callable[[Plan, _Rng], Plan] | None
    survey: Callable[[_Rng, float], Survey] | None
    air_sun_deg: tuple[float, float]
    street_sun_deg: tuple[float, float]
    grain: Mapping[Surface, tuple[float, float, float, float]]
    crown_noise: tuple[float, float]


_FOREIGN_GRAIN = {
    surface: (0.5 * fine, 1.7 * middle, 1.8 * coarse, hue + 0.015)
    for surface, (fine, middle, coarse, hue) in AMPLITUDES.items()
}
RULES: dict[Look, Rules] = {
    "plain": Rules(
        "plain", draw_style, draw_layout, draw_season, draw_look, None, None,
        (40, 64), (32, 64), AMPLITUDES, (0.9, 1.0),
    ),
    "foreign": Rules(
        "foreign", draw_foreign_style, draw_radial_layout, draw_foreign_season,
        draw_foreign_flight, revise, draw_survey,
        (24, 38), (16, 30), _FOREIGN_GRAIN, (1.6, 1.8),
    ),
}  # fmt: skip
