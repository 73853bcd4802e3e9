"""Overhead rasters to index folders: open, plan, cut, describe, store."""
