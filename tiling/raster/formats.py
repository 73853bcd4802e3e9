"""Which raster formats are opened at all, by the first bytes of the file."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element  # for the type only; defusedxml parses
from xml.sax.saxutils import escape

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from cvgl_core.errors import RasterOpenError
from cvgl_core.fsio import confined_path

_SIGNATURES = (
    (b"II*\x00", "GTiff"),
    (b"MM\x00*", "GTiff"),
    (b"II+\x00", "GTiff"),
    (b"MM\x00+", "GTiff"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\x00\x00\x00\x0cjP  ", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
    (b"SQLite format 3\x00", "GPKG"),
)
RASTER_SUFFIXES = frozenset(
    (".tif", ".tiff", ".vrt", ".jp2", ".j2k", ".jpg", ".jpeg", ".png", ".gpkg", ".mbtiles")
)
"""What is taken for a raster when a folder is named; what it is, its first bytes tell."""

_PICTURE_TAIL_BYTES = 64  # some servers add a few bytes after the end
_MAX_VRT_BYTES = 64 << 20
_SIMPLE_BANDS = {None, "VRTSourcedRasterBand"}
_SOURCE_KINDS = {"SimpleSource", "ComplexSource", "AveragedSource"}


def driver_of(path: Path) -> str:
    """Return the GDAL driver for a file; a VRT is looked through first.

    Raises:
        RasterOpenError: the file is missing, or of a format that is not opened.
    """
    if not path.is_file():
        what = "is a folder, not a raster" if path.is_dir() else "does not exist"
        raise RasterOpenError(f"{path}: {what}; give the file of an overhead image")
    try:
        with path.open("rb") as stream:
            head = stream.read(512)
    except OSError as error:
        raise RasterOpenError(f"{path}: cannot be read ({error.strerror or error})") from error
    if path.suffix.lower() == ".vrt":
        _check_vrt(path)
        return "VRT"
    driver = driver_of_bytes(head)
    if driver:
        mbtiles = driver == "GPKG" and path.suffix.lower() == ".mbtiles"
        return "MBTiles" if mbtiles else driver
    raise RasterOpenError(
        f"{path}: is no raster of a known format (GeoTIFF, JPEG, PNG, JPEG 2000, GeoPackage, "
        "MBTiles, or a .vrt of these)"
    )


def driver_of_bytes(head: bytes) -> str:
    """Return the GDAL driver for a file that starts like this; empty if it is not opened."""
    return next((driver for start, driver in _SIGNATURES if head.startswith(start)), "")


def picture_driver(data: bytes) -> str:
    """Return the GDAL driver for a tile of a map service; empty if it is no whole picture.

    GDAL itself shows the missing part of a picture that was cut short as black.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP" if len(data) >= 8 + int.from_bytes(data[4:8], "little") else ""
    driver = driver_of_bytes(data)
    end = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}.get(driver)
    return driver if end and end in data[-_PICTURE_TAIL_BYTES:] else ""


def _check_vrt(path: Path) -> None:
    """Refuse a VRT that does anything but place plain rasters from its own folder."""
    try:
        if path.stat().st_size > _MAX_VRT_BYTES:
            raise RasterOpenError(f"{path}: is too large for a VRT")
        root: Element = ElementTree.fromstring(path.read_bytes(), forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, OSError) as error:
        raise RasterOpenError(f"{path}: is not a VRT ({error})") from error
    if root.tag != "VRTDataset" or root.get("subClass"):
        raise RasterOpenError(f"{path}: only plain mosaics are opened as VRT")
    for band in root.iter("VRTRasterBand"):
        if band.get("subClass") not in _SIMPLE_BANDS:
            raise RasterOpenError(f"{path}: raw and computed bands of a VRT are not opened")
    for element in root.iter():
        if element.tag.endswith("Source") and element.tag not in _SOURCE_KINDS:
            raise RasterOpenError(f"{path}: {element.tag} of a VRT is not opened")
        if element.tag == "SourceFilename":
            _check_vrt_source(path, element)
        elif element.tag in ("SourceDataset", "PixelFunctionCode", "OpenOptions"):
            raise RasterOpenError(f"{path}: {element.tag} of a VRT is not opened")


def _check_vrt_source(path: Path, element: Element) -> None:
    """Refuse a source outside the VRT's folder, or that is not a plain raster."""
    name = (element.text or "").strip()
    folder = path.absolute().parent
    try:
        if Path(name).is_absolute():
            name = str(Path(name).relative_to(folder))
        source = confined_path(folder, name)
    except (ValueError, OSError) as error:
        raise RasterOpenError(
            f"{path}: its source {name[:200]!r} lies outside its folder; put them together"
        ) from error
    if source.suffix.lower() == ".vrt":
        raise RasterOpenError(f"{path}: a VRT of VRTs is not opened")
    try:
        driver_of(source)
    except RasterOpenError as error:
        raise RasterOpenError(f"{path}: its source is unusable: {error}") from error


def palette_view(
    name: str,
    size_px: tuple[int, int],
    transform: tuple[float, float, float, float, float, float],
    band: int,
    has_alpha: bool,
) -> bytes:
    """Return a GDAL VRT that shows a paletted band as red, green and blue, with its mask.

    Args:
        name: of the raster, as GDAL opens it.
        size_px: its width and height.
        transform: pixel to CRS.
        band: the paletted band.
        has_alpha: whether some colours of the palette are transparent.
    """
    file = f'<SourceFilename relativeToVRT="0">{escape(name)}</SourceFilename>'
    source = f"{file}<SourceBand>{band}</SourceBand>"

    def component(number: int) -> str:
        part = f"<ColorTableComponent>{number}</ColorTableComponent>"
        return f"<ComplexSource>{source}{part}</ComplexSource>"

    colours = "".join(
        f'<VRTRasterBand dataType="Byte" band="{number}"><ColorInterp>{name}</ColorInterp>'
        f"{component(number)}</VRTRasterBand>"
        for number, name in enumerate(("Red", "Green", "Blue"), 1)
    )
    own_mask = f"<SimpleSource>{file}<SourceBand>mask,{band}</SourceBand></SimpleSource>"
    mask = component(4) if has_alpha else own_mask
    a, b, c, d, e, f = transform
    return (
        f'<VRTDataset rasterXSize="{size_px[0]}" rasterYSize="{size_px[1]}">'
        f"<GeoTransform>{c!r}, {a!r}, {b!r}, {f!r}, {d!r}, {e!r}</GeoTransform>{colours}"
        f'<MaskBand><VRTRasterBand dataType="Byte">{mask}</VRTRasterBand></MaskBand></VRTDataset>'
    ).encode()
