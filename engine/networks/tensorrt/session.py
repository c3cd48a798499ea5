"""Networks on TensorRT itself: an engine file, pinned buffers, one recorded graph per shape."""

import logging
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelError
from engine.networks.manifest import Manifest
from engine.networks.tensorrt.build import Foreign, MessageLog, load_tensorrt
from engine.networks.tensorrt.cuda import Buffer, Cuda, Handle
from engine.networks.tensorrt.engine_file import SUFFIX, LoadedEngine, load_engine

log = logging.getLogger(__name__)

# Shapes whose buffers and graphs are kept: batches of a few faces, a detector's looks.
KEPT: Final = 16

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Execution:
    """All that one call of given shapes needs, made once.

    Attributes:
        inputs: By name.
        outputs: By name.
        context: TensorRT's, of these shapes and addresses only.
        graph: The call, recorded; None where this engine cannot be.
        stack: Frees it all.
    """

    inputs: Mapping[str, Buffer]
    outputs: Mapping[str, Buffer]
    context: Foreign
    graph: Handle | None
    stack: ExitStack


class EngineSession:
    """One network on TensorRT; belongs to the thread that made it.

    It is used like `engine.networks.runtime.Session`.

    Attributes:
        device: ``tensorrt``.
        manifest: Of the network.
        outputs: Names, in the order that `run` gives them.
    """

    device: Final = "tensorrt"

    def __init__(self, engine: Path) -> None:
        """Load an engine; one that does not fit this machine is built again.

        Args:
            engine: The ``.engine`` file; the ONNX file it was built from lies beside it.

        Raises:
            ModelError: TensorRT, the driver or a GPU is missing, or the engine does not fit and
                cannot be built again.
        """
        self._trt = load_tensorrt()
        self._cuda = Cuda()
        ready = load_engine(engine, self._cuda)
        self.manifest = ready.manifest
        self._prepared: OrderedDict[Shapes, Execution] = OrderedDict()
        with ExitStack() as stack:
            self._load(engine, ready, stack)
            stack.callback(_free, self._prepared)
            self._close = weakref.finalize(self, stack.pop_all().close)
        log.info("%s %s on tensorrt: %s", self.manifest.name, self.manifest.sha256[:12], ready.key)

    def _load(self, engine: Path, ready: LoadedEngine, stack: ExitStack) -> None:
        messages = MessageLog(self._trt)
        # TensorRT's objects need those that made them to live longer.
        self._made_by = (messages, self._trt.Runtime(messages.logger))
        self._engine = self._made_by[1].deserialize_cuda_engine(ready.plan)
        if self._engine is None:
            raise ModelError(f"{engine}: TensorRT cannot read it: {messages.last()}")
        names = [self._engine.get_tensor_name(k) for k in range(self._engine.num_io_tensors)]
        mode = self._trt.TensorIOMode.INPUT
        self._inputs = [name for name in names if self._engine.get_tensor_mode(name) == mode]
        self.outputs = self._ordered([name for name in names if name not in self._inputs])
        self._types = {name: self._type_of(name) for name in names}
        self._stream = self._cuda.stream(stack)
        # All contexts run one after the other on one stream, so one scratch memory serves them.
        self._scratch_size = int(self._engine.device_memory_size_v2)
        self._scratch = self._cuda.memory(self._scratch_size, stack)

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Run one batch; outputs in the graph's order.

        Raises:
            ModelError: The inputs do not fit, or the device failed.
        """
        if not self._close.alive:
            raise ModelError(f"{self.manifest.name}: inference failed: the session is closed")
        arrays = [self._fitting(name, inputs) for name in self._inputs]
        if len(inputs) != len(arrays):
            extra = ", ".join(sorted(set(inputs) - set(self._inputs)))
            raise ModelError(f"{self.manifest.name}: inference failed: no input named {extra}")
        try:
            prepared = self._prepare(tuple(array.shape for array in arrays))
            for name, array in zip(self._inputs, arrays, strict=True):
                np.copyto(prepared.inputs[name].host, array, casting="same_kind")
            if prepared.graph is None:
                self._queue(prepared)
            else:
                self._cuda.call("cudaGraphLaunch", prepared.graph, self._stream)
            self._cuda.call("cudaStreamSynchronize", self._stream)
        except ModelError as error:
            raise ModelError(f"{self.manifest.name}: inference failed: {error}") from error
        # A copy: the next call writes into the same buffers.
        return [np.array(prepared.outputs[name].host, np.float32) for name in self.outputs]

    def close(self) -> None:
        """Free the GPU's memory; harmless when repeated."""
        self._close()

    def _ordered(self, names: list[str]) -> list[str]:
        """Give the outputs in the graph's order, which its manifest states."""
        stated = list(self.manifest.data.get("outputs", names))
        if sorted(stated) != sorted(names):
            raise ModelError(
                f"{self.manifest.name}: the engine gives {', '.join(names)}, "
                f"its manifest says {', '.join(stated)}"
            )
        return stated

    def _type_of(self, name: str) -> np.dtype[Any]:
        kind = self._engine.get_tensor_dtype(name)
        try:
            found: np.dtype[Any] = np.dtype(self._trt.nptype(kind))
        except TypeError as error:
            raise ModelError(
                f"{self.manifest.name}: {name} is {kind}, which numpy lacks; "
                "export it with float32 inputs and outputs"
            ) from error
        return found

    def _fitting(self, name: str, inputs: Mapping[str, NDArray[np.generic]]) -> NDArray[np.generic]:
        where = f"{self.manifest.name}: inference failed: {name}"
        if name not in inputs:
            raise ModelError(f"{where}: missing")
        array, wanted = inputs[name], self._types[name]
        if not np.can_cast(array.dtype, wanted, "same_kind"):
            raise ModelError(f"{where}: expected {wanted}, got {array.dtype}")
        least, _, most = (tuple(s) for s in self._engine.get_tensor_profile_shape(name, 0))
        shape = array.shape
        if len(shape) != len(least) or not all(
            low <= size <= high for low, size, high in zip(least, shape, most, strict=True)
        ):
            raise ModelError(
                f"{where}: the engine takes {least} to {most}, got {shape}; "
                "build it for larger ones: fer-export --to tensorrt"
            )
        return array

    def _prepare(self, shapes: Shapes) -> Execution:
        if shapes in self._prepared:
            self._prepared.move_to_end(shapes)
            return self._prepared[shapes]
        while len(self._prepared) >= KEPT:
            self._prepared.popitem(last=False)[1].stack.close()
        with ExitStack() as stack:
            made = self._made(shapes, stack)
            self._prepared[shapes] = replace(made, stack=stack.pop_all())
        return self._prepared[shapes]

    def _made(self, shapes: Shapes, stack: ExitStack) -> Execution:
        """Set one context up for these shapes: a recorded graph is good for no other."""
        strategy = self._trt.ExecutionContextAllocationStrategy.USER_MANAGED
        context = self._engine.create_execution_context(strategy)
        if context is None:
            raise ModelError("TensorRT makes no execution context; is the GPU's memory full?")
        context.set_device_memory(self._scratch, self._scratch_size)
        for name, shape in zip(self._inputs, shapes, strict=True):
            if not context.set_input_shape(name, shape):
                raise ModelError(f"{name}: TensorRT refuses the shape {shape}")
        buffers = {name: self._buffer(context, name, stack) for name in self._types}
        inputs = {name: buffers[name] for name in self._inputs}
        outputs = {name: buffers[name] for name in self.outputs}
        plain = Execution(inputs, outputs, context, None, stack)
        # The first run settles what TensorRT puts off, which must not be in the recording.
        self._queue(plain)
        self._cuda.call("cudaStreamSynchronize", self._stream)
        return Execution(inputs, outputs, context, self._recorded(plain), stack)

    def _recorded(self, plain: Execution) -> Handle | None:
        try:
            return self._cuda.record(self._stream, lambda: self._queue(plain), plain.stack)
        except ModelError as error:
            log.info("%s: runs without a CUDA graph: %s", self.manifest.name, error)
            return None

    def _buffer(self, context: Foreign, name: str, stack: ExitStack) -> Buffer:
        shape = tuple(context.get_tensor_shape(name))
        if any(size < 0 for size in shape):
            raise ModelError(f"{name}: its shape depends on more than the inputs' shapes")
        buffer = Buffer(self._cuda, shape, self._types[name], stack)
        if not context.set_tensor_address(name, buffer.device):
            raise ModelError(f"{name}: TensorRT refuses its memory")
        return buffer

    def _queue(self, prepared: Execution) -> None:
        """Queue one call: inputs to the GPU, the network, outputs back."""
        for buffer in prepared.inputs.values():
            self._cuda.upload(buffer, self._stream)
        if not prepared.context.execute_async_v3(int(self._stream)):
            raise ModelError("TensorRT could not queue the network")
        for buffer in prepared.outputs.values():
            self._cuda.download(buffer, self._stream)


def engine_of(manifest: Manifest) -> Path:
    """Give the path of the engine that belongs to an ONNX file."""
    return engine_beside(manifest.path)


def engine_beside(path: Path) -> Path:
    """Give the path of the engine that belongs to the ONNX file at `path`."""
    return path.with_suffix(SUFFIX)


def _free(prepared: OrderedDict[Shapes, Execution]) -> None:
    while prepared:
        prepared.popitem()[1].stack.close()
