"""Every error a user can meet: one tree, one leaf per thing that can be put right.

Each class carries the exit code of the command that meets it. The message of an instance says
what happened, to which file, and what to do.
"""

from __future__ import annotations


class CvglError(Exception):
    """Base of all errors raised on purpose by this project."""

    exit_code = 10


class SettingsError(CvglError):
    """A setting, option or configuration file is missing, misspelt or out of bounds."""

    exit_code = 11


class RasterError(CvglError):
    """An overhead raster cannot be used."""

    exit_code = 20


class RasterOpenError(RasterError):
    """The file is missing, is not a raster, or is damaged."""

    exit_code = 21


class MissingGeoreferenceError(RasterError):
    """The raster does not say where on Earth it lies (no CRS or no transform)."""

    exit_code = 22


class EmptyCoverageError(RasterError):
    """No tile fits: the raster is smaller than a tile, empty, or outside the area asked for."""

    exit_code = 23


class UnsupportedRasterError(RasterError):
    """The raster's bands or pixel type cannot be shown as colours."""

    exit_code = 24


class SourceUnreachableError(RasterError):
    """A server that sends imagery cannot be reached or fails; later it may work again."""

    exit_code = 25


class PhotoError(CvglError):
    """A photo cannot be used."""

    exit_code = 30


class PhotoOpenError(PhotoError):
    """The file is missing, is not an image of a known format, or is damaged."""

    exit_code = 31


class PhotoTooLargeError(PhotoError):
    """The photo has more pixels than the limit allows."""

    exit_code = 32


class PhotoViewError(PhotoError):
    """It is not known how the photo looks at the world (field of view missing or impossible)."""

    exit_code = 33


class IndexFolderError(CvglError):
    """An index folder cannot be used."""

    exit_code = 40


class NoIndexError(IndexFolderError):
    """The folder does not exist, or holds no finished index."""

    exit_code = 41


class IndexCorruptError(IndexFolderError):
    """A file of the index is missing or is not as it was written."""

    exit_code = 42


class IndexVersionError(IndexFolderError):
    """The index was written in a format that this version does not read."""

    exit_code = 43


class IndexLockedError(IndexFolderError):
    """Another process is building this index."""

    exit_code = 44


class WeightsError(CvglError):
    """A weights file cannot be used."""

    exit_code = 50


class WeightsMismatchError(WeightsError):
    """The index was made by other weights than those asked to read it."""

    exit_code = 51


class UnknownModelError(WeightsError):
    """No model of that name is known."""

    exit_code = 52


class OutputError(CvglError):
    """A result cannot be written: no permission, or the disk is full."""

    exit_code = 60


class ResultFileError(CvglError):
    """A saved result cannot be read: missing, damaged, or no result of this program."""

    exit_code = 61


class TrainingError(CvglError):
    """Training cannot go on: a loss or gradient is not finite, or a checkpoint does not fit."""

    exit_code = 70


class MissingDependencyError(CvglError):
    """An optional package is needed for what was asked."""

    exit_code = 80


class DatasetError(CvglError):
    """A data set cannot be used: files are missing, or their contents contradict one another."""

    exit_code = 90


class ProtocolError(CvglError):
    """A message to the worker cannot be understood, or asks for what it does not offer."""

    exit_code = 100
