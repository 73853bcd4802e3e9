"""Simulated cities with exact truth: layout, orthophoto, heights and the street's own day."""

from cvgl_core.simulation.city import generate_city
from cvgl_core.simulation.scene import BuildingTable, Cameras, City, GroundScene, TreeTable

__all__ = ["BuildingTable", "Cameras", "City", "GroundScene", "TreeTable", "generate_city"]
