"""The CUDA runtime through cuda-python: the GPU, its memory, one stream and recorded graphs."""

import ctypes
import importlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from engine.errors import ModelError

Handle = Any  # of a stream, a graph or memory: cuda-python has no types

INSTALL: Final = "pip install tensorrt cuda-python"


@dataclass(frozen=True, slots=True)
class Gpu:
    """The GPU that CUDA calls the first.

    Attributes:
        name: As its driver says it.
        capability: Compute capability, such as ``(8, 9)``.
    """

    name: str
    capability: tuple[int, int]


class Cuda:
    """CUDA's functions, each result checked; belongs to the thread that uses it.

    Attributes:
        gpu: What they run on.
    """

    def __init__(self) -> None:
        """Find the GPU.

        Raises:
            ModelError: cuda-python, the driver or a GPU is missing.
        """
        try:
            self._api: Any = importlib.import_module("cuda.bindings.runtime")
        except ImportError as error:
            raise ModelError(f"cuda-python not installed: {INSTALL}") from error
        self.gpu = self._first_gpu()

    def call(self, function: str, *arguments: object) -> Handle:
        """Call a function of the CUDA runtime; give what it gives besides its status.

        Raises:
            ModelError: It failed.
        """
        status, *results = getattr(self._api, function)(*arguments)
        if status != self._api.cudaError_t.cudaSuccess:
            raise ModelError(f"{function}: {self._name_of(status)}")
        return results[0] if results else None

    def upload(self, buffer: "Buffer", stream: Handle) -> None:
        """Queue a copy of a buffer's host side to the GPU."""
        kind = self._api.cudaMemcpyKind.cudaMemcpyHostToDevice
        self.call(
            "cudaMemcpyAsync", buffer.device, buffer.host.ctypes.data, buffer.size, kind, stream
        )

    def download(self, buffer: "Buffer", stream: Handle) -> None:
        """Queue a copy of a buffer's GPU side to the host."""
        kind = self._api.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self.call(
            "cudaMemcpyAsync", buffer.host.ctypes.data, buffer.device, buffer.size, kind, stream
        )

    def record(self, stream: Handle, work: Callable[[], None], stack: ExitStack) -> Handle:
        """Record what `work` queues on a stream as a graph, for ``cudaGraphLaunch``.

        Args:
            stream: Idle.
            work: Queues the same as it did before; nothing of it runs now.
            stack: Frees the graph.

        Raises:
            ModelError: Something in it cannot be recorded; the stream is as before.
        """
        # Another thread with a network of its own may allocate meanwhile: it must not disturb.
        mode = self._api.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.call("cudaStreamBeginCapture", stream, mode)
        try:
            work()
        except ModelError:
            self._api.cudaStreamEndCapture(stream)
            self._api.cudaGetLastError()
            raise
        graph = self.call("cudaStreamEndCapture", stream)
        try:
            ready = self.call("cudaGraphInstantiate", graph, 0)
        finally:
            self.call("cudaGraphDestroy", graph)
        stack.callback(self._api.cudaGraphExecDestroy, ready)
        return ready

    def stream(self, stack: ExitStack) -> Handle:
        """Make a stream that `stack` frees."""
        stream = self.call("cudaStreamCreateWithFlags", self._api.cudaStreamNonBlocking)
        stack.callback(self._api.cudaStreamDestroy, stream)
        return stream

    def memory(self, size: int, stack: ExitStack) -> int:
        """Allocate bytes of the GPU that `stack` frees; give their address."""
        address = int(self.call("cudaMalloc", max(size, 1)))
        stack.callback(self._api.cudaFree, address)
        return address

    def pinned(self, size: int, stack: ExitStack) -> int:
        """Allocate bytes of the host that the GPU copies itself; `stack` frees them."""
        address = int(self.call("cudaMallocHost", max(size, 1)))
        stack.callback(self._api.cudaFreeHost, address)
        return address

    def _first_gpu(self) -> Gpu:
        try:
            status, count = self._api.cudaGetDeviceCount()
        except RuntimeError as error:  # its library is not on this machine
            raise ModelError(_no_driver(str(error))) from error
        errors = self._api.cudaError_t
        if status == errors.cudaErrorNoDevice or (status == errors.cudaSuccess and not count):
            raise ModelError("no NVIDIA GPU on this machine; choose --device cpu")
        if status != errors.cudaSuccess:
            raise ModelError(_no_driver(self._name_of(status)))
        facts = self.call("cudaGetDeviceProperties", 0)
        name = facts.name.decode() if isinstance(facts.name, bytes) else str(facts.name)
        return Gpu(name.rstrip("\0 "), (int(facts.major), int(facts.minor)))

    def _name_of(self, status: object) -> str:
        name = self._api.cudaGetErrorName(status)[1]
        return name.decode() if isinstance(name, bytes) else str(name)


class Buffer:
    """One tensor's memory, pinned on the host and on the GPU.

    Attributes:
        host: The tensor on the host.
        device: Address on the GPU.
        size: Bytes.
    """

    def __init__(
        self, cuda: Cuda, shape: Sequence[int], dtype: DTypeLike, stack: ExitStack
    ) -> None:
        """Allocate it; `stack` frees it, and nobody reads `host` after that.

        Raises:
            ModelError: There is not so much memory.
        """
        count = int(np.prod(shape, dtype=np.int64))
        self.size = count * np.dtype(dtype).itemsize
        self.device = cuda.memory(self.size, stack)
        address = cuda.pinned(self.size, stack)
        memory = (ctypes.c_uint8 * self.size).from_address(address)
        self.host: NDArray[Any] = np.frombuffer(memoryview(memory), dtype, count).reshape(shape)


def _no_driver(why: str) -> str:
    return f"no NVIDIA driver that works ({why}); install or update it, or choose --device cpu"
