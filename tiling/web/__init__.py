"""Imagery on servers that the user names: GeoTIFFs read in pieces, and map services."""
