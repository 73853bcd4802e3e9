"""Simulated cities with exact truth: layout, orthophoto, heights and the street's own day."""

from cvgl_core.simulation.city import generate_city
from cvgl_core.simulation.scene import (
    LOOKS,
    BuildingTable,
    Cameras,
    City,
    GroundScene,
    Look,
    TreeTable,
)

__all__ = [
    "LOOKS",
    "BuildingTable",
    "Cameras",
    "City",
    "GroundScene",
    "Look",
    "TreeTable",
    "generate_city",
]
