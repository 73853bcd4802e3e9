"""Figures of merit, calibration, and the report that shows them."""
