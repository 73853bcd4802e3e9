"""JPEG blocks of a GeoTIFF, decoded by libjpeg-turbo itself.

Several times faster than through GDAL, and stricter: of damaged blocks GDAL notices next to none.
GDAL has read the header and says where blocks lie; a block that is not what the header says is
left to GDAL. Blocks stored as red, green and blue are the same to the bit; where colour is stored
at half the resolution, its interpolation differs by one grey level on average, neither being
nearer to the picture that was compressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import simplejpeg

from cvgl_core.types import UInt8Array
from tiling.raster.info import RasterInfo

_COLOURS = {(3, "YCbCr JPEG"): "YCbCr", (3, "JPEG"): "RGB", (1, "JPEG"): "Gray"}
_START = b"\xff\xd8"
_ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"  # tells libjpeg "not YCbCr"
_MAX_BLOCK_BYTES = 64 << 20


class DamagedBlockError(Exception):
    """A block cannot be decoded; never leaves the readers of this package."""


@dataclass(frozen=True)
class JpegBlocks:
    """How a GeoTIFF keeps its JPEG blocks.

    Attributes:
        shape_px: height and width of a block.
        tables: what the blocks have in common, as JPEG markers.
        colours: how they store colours, in the decoder's words.
    """

    shape_px: tuple[int, int]
    tables: bytes
    colours: str

    @staticmethod
    def of(info: RasterInfo, source: Any) -> JpegBlocks | None:
        """Return how an open raster keeps its blocks; None if it is no plain JPEG of colours."""
        structure = source.tags(ns="IMAGE_STRUCTURE")
        colours = _COLOURS.get((source.count, structure.get("COMPRESSION", "")))
        plain = (
            source.driver == "GTiff"
            and info.parts == (info.path,)
            and info.dtype == "uint8"
            and info.bands == tuple(range(1, source.count + 1))
            and not info.paletted
            and (source.count == 1 or structure.get("INTERLEAVE") == "PIXEL")
        )
        if colours is None or not plain:
            return None
        tables = bytes.fromhex(source.get_tag_item("JPEGTABLES", "TIFF", bidx=1) or "")[2:-2]
        if colours == "RGB":
            tables = _ADOBE_RGB + tables
        return JpegBlocks(source.block_shapes[0], tables, colours)

    def decode(self, source: Any, stream: BinaryIO, row: int, col: int) -> UInt8Array | None:
        """Return a block's pixels ``[h, w, 3]``; None if this way does not suit it.

        Args:
            source: the raster, open.
            stream: its file.
            row: of the block.
            col: of the block.

        Raises:
            DamagedBlockError: it is damaged.
            OSError: the file cannot be read.
        """
        where, size = (
            int(source.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=1) or 0)
            for what in ("OFFSET", "SIZE")
        )
        if not 2 < size <= _MAX_BLOCK_BYTES:
            return None
        stream.seek(where)
        body = stream.read(size)
        if len(body) < size:
            raise DamagedBlockError("the file ends before it")
        data = _START + self.tables + body[2:]
        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
            if (height, width, colours) != (*self.shape_px, self.colours):
                return None
            pixels: UInt8Array = simplejpeg.decode_jpeg(data, "RGB")
        except ValueError as error:
            raise DamagedBlockError(str(error)) from error
        return pixels
