# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes over the wire: requests out, checked events in. Pure Python: no Qt, no QGIS.

``cvgl_core/protocol.py`` of the engine describes the messages.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

VERSION = "1.0"
MAX_LINE_BYTES = 4 << 20
"""An event that is longer would hold up QGIS while it is read."""

LAST = ("result", "error", "cancelled")
"""Events that end a request."""

_TEXT, _NUMBER, _MAYBE_TEXT = (str,), (int, float), (str, type(None))
_FIELDS = {
    "hello": {"protocol": _TEXT, "engine": _TEXT},
    "ready": {"protocol": _TEXT, "engine": _TEXT, "device": _TEXT, "threads": _NUMBER},
    "progress": {"id": _TEXT, "stage": _TEXT, "fraction": _NUMBER, "text": _TEXT},
    "result": {"id": _TEXT, "result": (dict,)},
    "error": {"id": _MAYBE_TEXT, "error": _TEXT, "message": _TEXT},
    "cancelled": {"id": _TEXT},
}


class BadMessage(ValueError):
    """A line of the engine is no event."""


@dataclass(frozen=True)
class Event:
    """An event; ``kind`` may be one that this version does not know."""

    kind: str
    fields: dict

    @property
    def id(self) -> str | None:
        """The request it belongs to."""
        return self.fields.get("id")


def parse_event(line: bytes) -> Event:
    """Return the event of a line.

    Raises:
        BadMessage: it is none.
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"not JSON: {line[:80]!r}") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("event"), str):
        raise BadMessage(f"not an event: {line[:80]!r}")
    kind = fields["event"]
    for name, kinds in _FIELDS.get(kind, {}).items():
        value = fields.get(name)
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise BadMessage(f"{kind}: {name} is {value!r:.80}")
    return Event(kind, fields)


def encode_request(id: str, method: str, params: dict) -> bytes:
    """Return a request as one line; raises ``ValueError`` for NaN."""
    message = {"id": id, "method": method, "params": params}
    return json.dumps(message, allow_nan=False).encode("ascii") + b"\n"


def same_major(version: str) -> bool:
    """Tell whether a version of the protocol is one this plugin speaks."""
    return version.split(".")[0] == VERSION.split(".")[0]


class LineBuffer:
    """Cuts what a pipe delivers into lines."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are whole now.

        Raises:
            BadMessage: a line is longer than the limit.
        """
        # The rest holds no line end: only what is new is looked through.
        head, mark, tail = data.partition(b"\n")
        self._rest += head
        if len(self._rest) > self._limit:
            raise BadMessage(f"a message of more than {self._limit >> 20} MiB")
        if not mark:
            return []
        lines = [bytes(self._rest)]
        *more, rest = tail.split(b"\n")
        self._rest = bytearray(rest)
        if max(map(len, [*more, rest])) > self._limit:
            raise BadMessage(f"a message of more than {self._limit >> 20} MiB")
        return [line for line in lines + more if line.strip()]
