"""Parts of the network exported to OpenVINO: half as fast again on a CPU as torch is.

The only file that imports openvino, which is optional. It is exported when it is first used, in a
second or two, from the weights at hand; nothing is kept in files.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import warnings
from queue import Empty, SimpleQueue
from typing import Any, cast

import torch
from torch import Tensor, nn

from cvgl_core.errors import MissingDependencyError
from cvgl_core.models.compiling import TensorFunction
from cvgl_core.types import Precision

_HINTS: dict[Precision, str] = {"float32": "f32", "bfloat16": "bf16"}
_MAP_AXES = 4


def can_export() -> bool:
    """Tell whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


class Exported:
    """A function of one picture-like tensor, run by OpenVINO on the CPU; safe to share by threads.

    Each call is computed by one thread, as many calls at a time as torch had threads when this was
    made. What goes in and comes out is float32, whatever it is computed in.

    Args:
        owner: of the parameters that the function uses; in float32, nothing fused.
        function: from ``[B, C, H, W]`` to some tensors.
        precision: of the arithmetic.
        any_size: whether ``H`` and ``W`` change from call to call.

    Raises:
        MissingDependencyError: OpenVINO is not installed.
    """

    def __init__(
        self,
        owner: nn.Module,
        function: TensorFunction,
        precision: Precision,
        any_size: bool = False,
    ) -> None:
        if not can_export():
            raise MissingDependencyError(
                "OpenVINO is not installed; install it with: pip install 'cvgl[openvino]', or use "
                "--runtime torch"
            )
        self._traceable = _Traceable(owner, function)
        self._hint = _HINTS[precision]
        self._any_size = any_size
        self._threads = torch.get_num_threads()
        self._lock = threading.Lock()
        self._compiled: Any = None
        self._idle: SimpleQueue[Any] = SimpleQueue()

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute it for ``[B, C, H, W]``, best in ``channels_last``."""
        with self._lock:
            if self._compiled is None:
                self._compiled = self._export(x)
        try:
            request = self._idle.get_nowait()
        except Empty:
            request = self._compiled.create_infer_request()
        pixels = x.float().permute(0, 2, 3, 1).contiguous().numpy()
        results = request.infer([pixels], share_inputs=True, share_outputs=True)
        found = tuple(_to_torch(results[out]) for out in self._compiled.outputs)
        self._idle.put(request)
        return found

    def _export(self, x: Tensor) -> Any:
        openvino = _openvino()
        batch, channels, height, width = x.shape
        with warnings.catch_warnings(action="ignore"):  # "trace is deprecated"
            traced = cast(Any, torch.jit).trace(self._traceable, x.float(), check_trace=False)
        model = openvino.convert_model(traced)
        sides = (-1, -1) if self._any_size else (height, width)
        model.reshape([batch, channels, *sides])
        return openvino.Core().compile_model(
            _channels_innermost(model),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": self._hint,
                "NUM_STREAMS": self._threads,
                "INFERENCE_NUM_THREADS": self._threads,
                "ENABLE_CPU_PINNING": False,
            },
        )


class _Traceable(nn.Module):
    """A function as a module that has the parameters which it uses."""

    def __init__(self, owner: nn.Module, function: TensorFunction) -> None:
        super().__init__()
        self.owner = owner
        self._function = function

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            return self._function(x)


def _openvino() -> Any:
    """Return the module, without what it would report over the network on being imported."""
    cast(Any, sys.modules).setdefault("openvino_telemetry", None)
    return importlib.import_module("openvino")


def _channels_innermost(model: Any) -> Any:
    """Return a model whose maps have their channels innermost in memory, as torch's here."""
    openvino = _openvino()
    steps = openvino.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    for place, output in enumerate(model.outputs):
        if len(output.partial_shape) == _MAP_AXES:
            steps.output(place).model().set_layout(openvino.Layout("NCHW"))
            steps.output(place).tensor().set_layout(openvino.Layout("NHWC"))
    return steps.build()


def _to_torch(result: Any) -> Tensor:
    """Return a copy of a result; maps ``[B, H, W, C]`` as ``[B, C, H, W]``."""
    y = torch.from_numpy(result.copy())
    return y.permute(0, 3, 1, 2) if y.dim() == _MAP_AXES else y
