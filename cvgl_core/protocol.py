"""The language of ``cvgl worker``: one JSON object a line, UTF-8, over stdin and stdout.

A client writes *requests* ``{"id": "7", "method": "locate", "params": {...}}``; the worker writes
*events*. Only paths and small values travel; pictures and rasters are files. The version is
``MAJOR.MINOR``: a client refuses another MAJOR, and overlooks events and keys it does not know.

Events:

* ``hello`` ``{protocol, engine, pid}``: the first line, before anything heavy is loaded.
* ``ready`` ``{protocol, engine, pid, device, threads, models, offline, python}``: requests are
  answered at once from now on (those sent before wait). ``models`` is a list of ``{name, bundled,
  weights_sha256}``; ``offline`` is always true: the worker never uses the network.
* ``progress`` ``{id, stage, fraction, text}``: ``stage`` is one of ``STAGES``, ``fraction`` grows
  from 0 to 1 over the whole request, ``text`` is for people.
* ``result`` ``{id, result}``, ``error`` ``{id, error, message, exit_code}`` or ``cancelled``
  ``{id}``: the last event of a request. ``error`` is a class of ``cvgl_core.errors``; ``id`` is
  null where a line was not a request.

Methods (``=`` marks what may be left out, and its default):

``hello {}`` answers what ``ready`` said.

``info {index}`` answers ``{path, name, index_id, version, tiles, tile_size_m, stride_m,
gsd_m_per_px, crs, model, weights_sha256, software, area, bbox, sources}``; ``area`` is the covered
rectangle as a GeoJSON geometry and ``bbox`` ``[west, south, east, north]``, both WGS 84 degrees
(west > east across the antimeridian); ``sources`` the names of the rasters.

``describe_photo {photo, preview=null}`` answers ``{photo, name, sha256, width_px, height_px,
panorama, values, warnings, preview}``; ``values`` maps ``heading_deg fov_deg pitch_deg roll_deg
exif_lon exif_lat taken_at camera`` to ``{value, source}``, both null where the file is silent. With
a path in ``preview`` an upright JPEG of at most 1024 px is written there.

``locate {photo, index, output, name=null, heading_deg=null, heading_std_deg=null, fov_deg=null,
near=null, area=null, exif_radius_m=null, top_k=10, depth=50, estimate="fused", report=false,
model=null}``. ``heading_deg`` is a number, null (what the file says, else searched) or "unknown"
(searched whatever the file says); with ``heading_std_deg`` it is known to a standard deviation;
``near`` ``[lon, lat, radius_m]``; ``area`` a GeoJSON Polygon or MultiPolygon in WGS 84 degrees;
both restrict which tiles are searched. With ``exif_radius_m`` the position in the file is taken to
be right to so many metres in 95 of 100 photos. Files go to the folder ``output``: ``NAME.geojson``,
``NAME.heatmap.tif``, ``NAME.photo.jpg``, ``NAME.tiles/RANK.jpg`` and with ``report``
``NAME.html``; NAME is ``name``, else that of the photo without its suffix. Answers ``{estimate,
candidates, photo, posterior, files, seconds}``: ``estimate`` and each of ``candidates`` are the
properties of the features in ``NAME.geojson``, a candidate with its ``thumbnail`` (path), too;
``photo`` as of ``describe_photo``; ``posterior`` ``{crs, cell_m, peak, outside_probability}``;
``files`` ``{geojson, heatmap, preview, report}`` (paths or null); ``seconds`` per stage.

``check {}`` answers ``{ok, checks}`` as ``cvgl doctor --json`` prints.

``cancel {id}`` ends a request, running or waiting; that one's last event is ``cancelled`` (or its
result, if it was quicker). Answers ``{cancelled}``: whether there was such a request.

``shutdown {}`` ends the worker, as the end of stdin does.

``locate`` and ``check`` are done one after the other in the order they came; the other methods are
answered meanwhile.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cvgl_core.errors import ProtocolError

VERSION = "1.0"
MAX_LINE_BYTES = 4 << 20
STAGES = (
    "waiting",
    "reading",
    "describing",
    "searching",
    "matching",
    "decoding",
    "fusing",
    "writing",
)

_MAX_ID = 200


@dataclass(frozen=True)
class Request:
    """What a client asks for."""

    id: str
    method: str
    params: Mapping[str, object]


@dataclass(frozen=True)
class Hello:
    """The worker runs."""

    protocol: str
    engine: str
    pid: int


@dataclass(frozen=True)
class Ready:
    """The worker can compute; ``models`` as ``cvgl models --json`` names them."""

    protocol: str
    engine: str
    pid: int
    python: str
    device: str
    threads: int
    models: tuple[dict[str, object], ...]
    offline: bool = True


@dataclass(frozen=True)
class Progress:
    """How far a request is."""

    id: str
    stage: str
    fraction: float
    text: str


@dataclass(frozen=True)
class Result:
    """The answer to a request."""

    id: str
    result: Mapping[str, object]


@dataclass(frozen=True)
class Error:
    """Why a request has no answer; ``id`` is None where a line was not a request."""

    id: str | None
    error: str
    message: str
    exit_code: int


@dataclass(frozen=True)
class Cancelled:
    """A request was ended as asked."""

    id: str


Event = Hello | Ready | Progress | Result | Error | Cancelled


def encode(event: Event) -> bytes:
    """Return an event as one line of ASCII; raises ``ValueError`` rather than write NaN.

    ASCII, because a file's name may be no valid UTF-8 and must come back as it was.
    """
    message = {"event": type(event).__name__.lower(), **asdict(event)}
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def parse_request(line: bytes) -> Request:
    """Return the request of a line.

    Raises:
        ProtocolError: it is none; the message says what is wrong with it.
    """
    if len(line) > MAX_LINE_BYTES:
        raise ProtocolError(f"a message is longer than {MAX_LINE_BYTES >> 20} MiB; send paths")
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a line is not JSON ({error}): {_shown(line)}") from error
    if not isinstance(message, dict):
        raise ProtocolError(f"a line is not a JSON object: {_shown(line)}")
    name, method = message.get("id"), message.get("method")
    params = message.get("params", {})
    if not (isinstance(name, str) and 0 < len(name) <= _MAX_ID):
        raise ProtocolError(f"a request needs an id, a text of 1 to {_MAX_ID} letters")
    if not isinstance(method, str) or not isinstance(params, dict):
        raise ProtocolError(f"request {name}: method must be a text and params an object")
    return Request(name, method, params)


@dataclass(frozen=True)
class InfoParams:
    """What ``info`` is asked with."""

    index: Path

    @classmethod
    def parse(cls, params: Mapping[str, object]) -> InfoParams:
        """Check and convert; raises ``ProtocolError``."""
        _known(params, {"index"})
        return cls(_path(params, "index"))


@dataclass(frozen=True)
class DescribeParams:
    """What ``describe_photo`` is asked with."""

    photo: Path
    preview: Path | None

    @classmethod
    def parse(cls, params: Mapping[str, object]) -> DescribeParams:
        """Check and convert; raises ``ProtocolError``."""
        _known(params, {"photo", "preview"})
        preview = None if params.get("preview") is None else _path(params, "preview")
        return cls(_path(params, "photo"), preview)


@dataclass(frozen=True)
class CancelParams:
    """What ``cancel`` is asked with."""

    id: str

    @classmethod
    def parse(cls, params: Mapping[str, object]) -> CancelParams:
        """Check and convert; raises ``ProtocolError``."""
        _known(params, {"id"})
        return cls(_text(params, "id"))


@dataclass(frozen=True)
class LocateParams:
    """What ``locate`` is asked with; ``area`` is GeoJSON, looked at by who uses it."""

    photo: Path
    index: Path
    output: Path
    name: str | None = None
    heading_deg: float | None = None
    search_heading: bool = False
    heading_std_deg: float | None = None
    fov_deg: float | None = None
    near: tuple[float, float, float] | None = None
    area: Mapping[str, object] | None = None
    exif_radius_m: float | None = None
    top_k: int = 10
    depth: int = 50
    estimate: str = "fused"
    report: bool = False
    model: str | None = None

    @classmethod
    def parse(cls, params: Mapping[str, object]) -> LocateParams:
        """Check and convert; raises ``ProtocolError``."""
        _known(params, {*cls.__dataclass_fields__} - {"search_heading"})
        given = {key: value for key, value in params.items() if value is not None}
        search = given.get("heading_deg") == "unknown"
        if search:
            del given["heading_deg"]
        near, area = given.get("near"), given.get("area")
        if near is not None and area is not None:
            raise ProtocolError("locate: give near or area, not both")
        if search and "heading_std_deg" in given:
            raise ProtocolError("locate: an unknown heading has no heading_std_deg")
        if not isinstance(area, dict | None):
            raise ProtocolError("locate: area must be a GeoJSON object")
        report = given.get("report", False)
        if not isinstance(report, bool):
            raise ProtocolError("locate: report must be true or false")
        return cls(
            photo=_path(given, "photo"),
            index=_path(given, "index"),
            output=_path(given, "output"),
            name=_file_name(given, "name") if "name" in given else None,
            heading_deg=_number(given, "heading_deg"),
            search_heading=search,
            heading_std_deg=_number(given, "heading_std_deg"),
            fov_deg=_number(given, "fov_deg"),
            near=None if near is None else _three(near),
            area=area,
            exif_radius_m=_number(given, "exif_radius_m"),
            top_k=_whole(given, "top_k", cls.top_k),
            depth=_whole(given, "depth", cls.depth),
            estimate=_text(given, "estimate") if "estimate" in given else cls.estimate,
            report=report,
            model=_text(given, "model") if "model" in given else None,
        )


def _known(params: Mapping[str, object], names: set[str]) -> None:
    """Refuse what would otherwise be silently left out of account."""
    unknown = sorted(params.keys() - names)
    if unknown:
        raise ProtocolError(
            f"unknown parameter {unknown[0]!r:.60}; known are {', '.join(sorted(names))}"
        )


def _text(params: Mapping[str, object], name: str) -> str:
    """Return a text that is not empty."""
    value = params.get(name)
    if not isinstance(value, str) or not value or "\0" in value:
        raise ProtocolError(f"{name} must be a text that is not empty")
    return value


def _path(params: Mapping[str, object], name: str) -> Path:
    """Return a path."""
    return Path(_text(params, name))


def _file_name(params: Mapping[str, object], name: str) -> str:
    """Return a file's name without a folder."""
    value = _text(params, name)
    if value in (".", "..") or set(value) & set("/\\") or len(value) > _MAX_ID:
        raise ProtocolError(f"{name} must be the name of a file without a folder")
    return value


def _number(params: Mapping[str, object], name: str) -> float | None:
    """Return a finite number, None where there is none."""
    return _finite(params[name], name) if name in params else None


def _whole(params: Mapping[str, object], name: str, default: int) -> int:
    """Return a whole number."""
    value = params.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProtocolError(f"{name} must be a whole number")
    return value


def _three(value: object) -> tuple[float, float, float]:
    """Return longitude, latitude and radius."""
    if not isinstance(value, list) or len(value) != 3:
        raise ProtocolError("near must be [longitude, latitude, radius in metres]")
    lon, lat, radius_m = (_finite(item, "near") for item in value)
    return lon, lat, radius_m


def _finite(value: object, name: str) -> float:
    """Return a finite number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(float(str(value))):
        raise ProtocolError(f"{name} must be a number")
    return float(str(value))


def _shown(line: bytes) -> str:
    """Return the start of a line for a message."""
    text = line[:60].decode("utf-8", "replace").strip()
    return repr(text) + ("..." if len(line) > 60 else "")
