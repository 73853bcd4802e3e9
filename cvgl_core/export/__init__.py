"""Results for people and programs: one file per format, each import of its own cost.

Import the module you need: ``geojson``, ``heatmap``, ``report``, ``overview``.
"""
