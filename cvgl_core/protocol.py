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

``locate {photo, index, output, name=null, heading_deg=null, fov_deg=null, near=null, area=null,
top_k=10, depth=50, estimate="fused", report=false, model=null}``. ``heading_deg`` is a number, null
(what the file says, else searched) or "unknown" (searched whatever the file says); ``near``
``[lon, lat, radius_m]``; ``area`` a GeoJSON Polygon or MultiPolygon in WGS 84 degrees; both
restrict which tiles are searched. Files go to the folder ``output``: ``NAME.geojson``,
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

VERSION = "1.0"
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
