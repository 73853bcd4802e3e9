"""Compile a function of the network where that pays: on a GPU."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

_LOG = logging.getLogger(__name__)
TensorFunction = Callable[[Tensor], tuple[Tensor, ...]]


def compiled(function: TensorFunction, device: torch.device) -> TensorFunction:
    """Return a function that does the same, compiled at its first call if ``device`` is a GPU.

    Where compiling fails, for want of a compiler for instance, the plain function is used, and the
    log says so. On a CPU, fused convolutions need no compiler. Not tried on a GPU.
    """
    if device.type != "cuda":
        return function
    return _Compiled(function)


class _Compiled:
    """A compiled function that falls back to the plain one."""

    def __init__(self, function: TensorFunction) -> None:
        self._plain = function
        self._chosen: TensorFunction = torch.compile(function, dynamic=False)
        self._proven = False

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        if self._proven:
            return self._chosen(x)
        try:
            result = self._chosen(x)
        except Exception as error:  # the compiler's errors have no common class
            _LOG.warning("the network runs uncompiled, more slowly: %s", _first_line(error))
            self._chosen = self._plain
            result = self._plain(x)
        self._proven = True
        return result


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
