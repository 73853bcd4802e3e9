"""cvgl: find where a street photo was taken by matching it to overhead imagery."""

__version__ = "0.1.0"
