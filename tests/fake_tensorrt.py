"""Stand-ins for `tensorrt` and `cuda.bindings.runtime`, after their documented Python API.

Networks run through ONNX Runtime, on memory that plays the GPU's: what the code under test copies,
queues, records and frees is checked, what a GPU would compute is not. Tests load this file by its
path and call `install`.
"""

import ctypes
import enum
import json
import sys
from dataclasses import dataclass
from functools import wraps
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np
import onnx
from onnx import TensorProto

from engine.networks.ort import onnxruntime

OPS = {"Add", "Cast", "Concat", "Constant", "Flatten", "Gemm", "Reshape", "QuantizeLinear"}


class Severity(enum.IntEnum):
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


class DataType(enum.Enum):
    FLOAT, HALF, INT8, INT32, BOOL, UINT8, FP8, BF16, INT64 = range(9)


KINDS = {
    TensorProto.FLOAT: DataType.FLOAT,
    TensorProto.FLOAT16: DataType.HALF,
    TensorProto.BFLOAT16: DataType.BF16,
    TensorProto.INT8: DataType.INT8,
    TensorProto.UINT8: DataType.UINT8,
    TensorProto.INT64: DataType.INT64,
}
NUMPY = {DataType.FLOAT: np.float32, DataType.HALF: np.float16, DataType.UINT8: np.uint8}


class ILogger:
    Severity = Severity

    def log(self, severity, msg):
        raise NotImplementedError(msg)  # pure virtual in the real one as well


class IHostMemory(bytes):
    """Bytes that one can read."""


@dataclass
class ITensor:
    name: str = ""
    shape: tuple = ()
    dtype: DataType | None = None


class ParserError:
    def __init__(self, node, text):
        self._node, self._text = node, text

    def node(self):
        return self._node

    def desc(self):
        return self._text


class Machine:
    """What is installed, and everything the code under test did with it.

    Attributes:
        version: Of TensorRT.
        gpu: Name and compute capability.
        status: What counting the GPUs says; `RuntimeError` where the driver's library is missing.
        captures: Whether a network can be recorded.
        device: Memory of the GPU by address.
        host: Pinned memory by address.
        pinnable: Largest part of the host's memory that can be pinned, bytes.
        handles: Streams and graphs alive.
        calls: Names of CUDA's functions, in the order they were called.
        read: Engines that were deserialized.
        builds: Of every engine built: precision flags, profile, timing cache used.
    """

    def __init__(self):
        self.version, self.gpu = "10.13.3.9", ("Fake RTX", 8, 9)
        self.status, self.captures, self.builder_fails = "cudaSuccess", True, False
        self.device, self.host, self.handles = {}, {}, set()
        self.pinnable = 1 << 30
        self.calls, self.read, self.builds = [], [], []

    def taken(self):
        """Count what was not freed yet."""
        return len(self.device) + len(self.host) + len(self.handles)

    def stamp(self):
        return json.dumps([self.version, *self.gpu]).encode()


class Stream:
    def __init__(self):
        self.recording = None

    def __int__(self):
        return id(self)

    def do(self, work):
        if self.recording is None:
            work()
        else:
            self.recording.append(work)


class Recording:
    def __init__(self, work):
        self.work = work


def tensorrt(machine):
    streams = {}
    trt = ModuleType("tensorrt")
    trt.__version__, trt.ILogger, trt.DataType = machine.version, ILogger, DataType
    trt._streams = streams
    major = int(machine.version.split(".")[0])
    flags = {"EXPLICIT_BATCH": 0, "STRONGLY_TYPED": 1} if major < 11 else {"STRONGLY_TYPED": 0}
    trt.NetworkDefinitionCreationFlag = enum.IntEnum(
        "NetworkDefinitionCreationFlag",
        flags if major < 12 else {},
    )

    class TensorIOMode(enum.Enum):
        NONE, INPUT, OUTPUT = range(3)

    class BuilderFlag(enum.Enum):
        TF32 = 6

    class MemoryPoolType(enum.Enum):
        WORKSPACE = 0

    class ExecutionContextAllocationStrategy(enum.Enum):
        STATIC, ON_PROFILE_CHANGE, USER_MANAGED = range(3)

    def nptype(trt_type):
        if trt_type not in NUMPY:
            raise TypeError(f"Could not resolve TensorRT datatype {trt_type} to numpy")
        return NUMPY[trt_type]

    class INetworkDefinition:
        def __init__(self, strong):
            self.strong, self.inputs, self.layers, self.graph = strong, [], [], b""

        num_inputs = property(lambda self: len(self.inputs))
        num_layers = property(lambda self: len(self.layers))

        def get_input(self, index):
            return self.inputs[index]

        def get_layer(self, index):
            return self.layers[index]

    class ILayer:
        num_outputs = 1

        def __init__(self, kind):
            self._kind = kind

        def get_output(self, index):
            return ITensor(dtype=self._kind)

    class OnnxParser:
        def __init__(self, network, logger):
            self._network, self._errors = network, []

        num_errors = property(lambda self: len(self._errors))

        def get_error(self, index):
            return self._errors[index]

        def _fail(self, node, text):
            self._errors.append(ParserError(node, text))

        def parse(self, model, path=None):
            graph = bytes(model)
            try:
                model = onnx.load_from_string(graph)
            except Exception as error:  # noqa: BLE001 - the real one catches all
                self._fail(-1, f"Failed to parse the ONNX model.\n{error}")
                return False
            for index, node in enumerate(model.graph.node):
                if node.op_type not in OPS:
                    self._fail(index, f"No importer registered for op: {node.op_type}")
            self._network.graph = graph
            self._network.inputs = [ITensor(x.name, _dims(x)) for x in model.graph.input]
            if self._errors:
                return False
            kinds = _kinds(model)
            self._network.layers = [ILayer(kinds[n.output[0]]) for n in model.graph.node]
            return True

    class IOptimizationProfile:
        def __init__(self):
            self.shapes = {}

        def set_shape(self, input, min, opt, max):
            if any(not a <= b <= c for a, b, c in zip(min, opt, max, strict=True)):
                raise RuntimeError("Shape provided for opt is inconsistent with other shapes.")
            self.shapes[input] = (min, opt, max)

    class ITimingCache:
        def __init__(self, data):
            self.data = data

        def serialize(self):
            return IHostMemory(self.data)

    class IBuilderConfig:
        def __init__(self):
            self.flags, self.pools, self.profiles, self.cache = {BuilderFlag.TF32}, {}, [], None

        def clear_flag(self, flag):
            self.flags.discard(flag)

        def set_memory_pool_limit(self, pool, pool_size):
            self.pools[pool] = pool_size

        def add_optimization_profile(self, profile):
            self.profiles.append(profile)
            return len(self.profiles) - 1

        def create_timing_cache(self, serialized_timing_cache):
            return ITimingCache(bytes(serialized_timing_cache) or machine.stamp())

        def set_timing_cache(self, cache, ignore_mismatch):
            assert ignore_mismatch is False
            if not cache.data.startswith(machine.stamp()):
                return False
            self.cache = cache
            return True

        def get_timing_cache(self):
            return self.cache

    class Builder:
        def __init__(self, logger):
            if machine.status != "cudaSuccess":
                raise TypeError("pybind11::init(): factory function returned nullptr")
            self._logger = logger

        def create_network(self, flags=0):
            return INetworkDefinition(major > 10 or bool(flags & (1 << 1)))

        def create_builder_config(self):
            return IBuilderConfig()

        def create_optimization_profile(self):
            return IOptimizationProfile()

        def build_serialized_network(self, network, config):
            assert network.strong, "a weakly typed network takes its precision from flags"
            shapes = config.profiles[0].shapes if config.profiles else {}
            for tensor in network.inputs:
                if -1 in tensor.shape and tensor.name not in shapes:
                    self._logger.log(Severity.ERROR, "IBuilder: an input has no range")
                    return None
            if machine.builder_fails:
                self._logger.log(Severity.ERROR, "[optimizer.cpp] Could not find any\n  tactic")
                return None
            machine.builds.append(
                SimpleNamespace(
                    tf32=BuilderFlag.TF32 in config.flags,
                    workspace=config.pools[MemoryPoolType.WORKSPACE],
                    shapes=shapes,
                    timing=config.cache.data,
                )
            )
            config.cache.data += b"+timed"
            facts = json.dumps([len(machine.builds), shapes]).encode()  # no two are alike
            return IHostMemory(b"\0".join([machine.stamp(), facts, network.graph]))

    class Runtime:
        def __init__(self, logger):
            self._logger = logger

        def deserialize_cuda_engine(self, serialized_engine):
            machine.read.append(bytes(serialized_engine))
            stamp, facts, graph = bytes(serialized_engine).split(b"\0", 2)
            if stamp != machine.stamp():
                self._logger.log(Severity.ERROR, "Engine plan file is not compatible")
                return None
            return ICudaEngine(json.loads(facts)[1], graph)

    class ICudaEngine:
        device_memory_size_v2 = 64

        def __init__(self, shapes, graph):
            self._shapes, self._model = shapes, onnx.load_from_string(graph)
            self.session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
            ends = (self._model.graph.input, self._model.graph.output)
            self.inputs, self.results = ({x.name: x for x in side} for side in ends)

        num_io_tensors = property(lambda self: len(self.inputs) + len(self.results))

        def get_tensor_name(self, index):
            return [*self.inputs, *self.results][index]

        def get_tensor_mode(self, name):
            return TensorIOMode.INPUT if name in self.inputs else TensorIOMode.OUTPUT

        def get_tensor_dtype(self, name):
            tensor = {**self.inputs, **self.results}[name]
            return KINDS[tensor.type.tensor_type.elem_type]

        def get_tensor_profile_shape(self, name, profile_index):
            assert profile_index == 0
            return self._shapes.get(name) or [_dims(self.inputs[name])] * 3

        def create_execution_context(self, strategy=ExecutionContextAllocationStrategy.STATIC):
            return IExecutionContext(self, strategy)

    class IExecutionContext:
        def __init__(self, engine, strategy):
            self._engine, self._shapes, self._addresses = engine, {}, {}
            self._scratch = strategy != ExecutionContextAllocationStrategy.USER_MANAGED

        def set_device_memory(self, memory, size):
            self._scratch = memory in machine.device and size >= ICudaEngine.device_memory_size_v2

        def set_input_shape(self, name, shape):
            self._shapes[name] = tuple(shape)
            return True

        def get_tensor_shape(self, name):
            if name in self._shapes:
                return self._shapes[name]
            if len(self._shapes) < len(self._engine.inputs):
                return tuple(_dims(self._engine.results[name]))
            zeros = {
                x: np.zeros(shape, nptype(self._engine.get_tensor_dtype(x)))
                for x, shape in self._shapes.items()
            }
            return self._engine.session.run([name], zeros)[0].shape

        def set_tensor_address(self, name, memory):
            self._addresses[name] = memory
            return memory in machine.device

        def execute_async_v3(self, stream_handle):
            stream = streams[stream_handle]
            if stream.recording is not None and not machine.captures:
                return False
            names = {*self._engine.inputs, *self._engine.results}
            if not self._scratch or set(self._addresses) != names:
                return False
            shapes, addresses = dict(self._shapes), dict(self._addresses)

            def work():
                # A recording stands for these shapes and addresses for ever.
                assert (self._shapes, self._addresses) == (shapes, addresses)
                self._compute()

            stream.do(work)
            return True

        def _compute(self):
            feeds = {
                x: _view(self._addresses[x], shape, nptype(self._engine.get_tensor_dtype(x)))
                for x, shape in self._shapes.items()
            }
            results = self._engine.session.run(list(self._engine.results), feeds)
            for name, result in zip(self._engine.results, results, strict=True):
                _view(self._addresses[name], result.shape, result.dtype)[...] = result

    for offered in (
        *(TensorIOMode, BuilderFlag, MemoryPoolType, ExecutionContextAllocationStrategy),
        *(Builder, IBuilderConfig, IOptimizationProfile, ITimingCache, IHostMemory, nptype),
        *(OnnxParser, ParserError, INetworkDefinition, ILayer, ITensor),
        *(Runtime, ICudaEngine, IExecutionContext),
    ):
        setattr(trt, offered.__name__, offered)
    return trt


def _dims(tensor):
    dims = tensor.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") else -1 for d in dims)


def _kinds(model):
    """Give every tensor's type: inferred, as the real parser infers it."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    known = [*graph.input, *graph.output, *graph.value_info]
    kinds = {x.name: KINDS[x.type.tensor_type.elem_type] for x in known}
    kinds.update({x.name: KINDS[x.data_type] for x in graph.initializer})
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            kinds[node.output[0]] = DataType.INT8
        kinds.setdefault(node.output[0], DataType.FLOAT)
    return kinds


def _view(address, shape, dtype):
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = (ctypes.c_uint8 * size).from_address(address)
    return np.frombuffer(memory, dtype).reshape(shape)


def cudart(machine, streams):
    api = ModuleType("cuda.bindings.runtime")

    class cudaError_t(enum.IntEnum):
        cudaSuccess = 0
        cudaErrorMemoryAllocation = 2
        cudaErrorInsufficientDriver = 35
        cudaErrorNoDevice = 100
        cudaErrorStreamCaptureInvalidated = 901

    @dataclass
    class cudaDeviceProp:
        name: bytes = b""
        major: int = 0
        minor: int = 0

    ok = cudaError_t.cudaSuccess
    api.cudaDeviceProp = cudaDeviceProp
    api.cudaError_t, api.cudaStreamNonBlocking = cudaError_t, 1
    api.cudaMemcpyKind = enum.IntEnum(
        "cudaMemcpyKind", {"cudaMemcpyHostToDevice": 1, "cudaMemcpyDeviceToHost": 2}
    )
    api.cudaStreamCaptureMode = enum.IntEnum(
        "cudaStreamCaptureMode", {"cudaStreamCaptureModeThreadLocal": 1}
    )

    def function(body):
        @wraps(body)
        def called(*arguments):
            machine.calls.append(body.__name__)
            return body(*arguments)

        setattr(api, body.__name__, called)
        return body

    @function
    def cudaGetErrorName(error):
        return ok, error.name.encode()

    @function
    def cudaGetDeviceCount():
        if machine.status is RuntimeError:
            raise RuntimeError("Failed to dlopen libcuda.so.1")
        return cudaError_t[machine.status], int(machine.status == "cudaSuccess")

    @function
    def cudaGetDeviceProperties(device):
        name, major, minor = machine.gpu
        padded = name.encode() + b"\0" * (256 - len(name))
        return ok, cudaDeviceProp(padded, major, minor)

    def allocate(store, size, most=1 << 30):
        if size > most:
            return cudaError_t.cudaErrorMemoryAllocation, 0
        memory = (ctypes.c_uint8 * size)(*([0xCC] * min(size, 64)))
        store[ctypes.addressof(memory)] = memory
        return ok, ctypes.addressof(memory)

    @function
    def cudaMalloc(size):
        return allocate(machine.device, size)

    @function
    def cudaMallocHost(size):
        return allocate(machine.host, size, machine.pinnable)

    @function
    def cudaFree(devPtr):
        del machine.device[devPtr]
        return (ok,)

    @function
    def cudaFreeHost(ptr):
        del machine.host[ptr]
        return (ok,)

    @function
    def cudaMemcpyAsync(dst, src, count, kind, stream):
        pair = (machine.device, machine.host) if kind == 1 else (machine.host, machine.device)
        assert dst in pair[0], "copied to the wrong side"
        assert src in pair[1], "not copied from pinned memory"
        stream.do(lambda: ctypes.memmove(dst, src, count))
        return (ok,)

    @function
    def cudaStreamCreateWithFlags(flags):
        stream = Stream()
        machine.handles.add(stream)
        streams[int(stream)] = stream
        return ok, stream

    @function
    def cudaStreamDestroy(stream):
        machine.handles.remove(stream)
        return (ok,)

    @function
    def cudaStreamSynchronize(stream):
        assert stream.recording is None, "illegal while recording"
        return (ok,)

    @function
    def cudaStreamBeginCapture(stream, mode):
        stream.recording = []
        return (ok,)

    @function
    def cudaStreamEndCapture(stream):
        graph, stream.recording = Recording(stream.recording), None
        if not machine.captures:
            return cudaError_t.cudaErrorStreamCaptureInvalidated, None
        machine.handles.add(graph)
        return ok, graph

    @function
    def cudaGetLastError():
        return (ok,)

    @function
    def cudaGraphInstantiate(graph, flags):
        ready = Recording(graph.work)
        machine.handles.add(ready)
        return ok, ready

    @function
    def cudaGraphDestroy(graph):
        machine.handles.remove(graph)
        return (ok,)

    @function
    def cudaGraphExecDestroy(graphExec):
        machine.handles.remove(graphExec)
        return (ok,)

    @function
    def cudaGraphLaunch(graphExec, stream):
        for work in graphExec.work:
            work()
        return (ok,)

    return api


def install(monkeypatch, machine):
    """Put both modules where an import finds them."""
    trt = tensorrt(machine)
    api = cudart(machine, trt._streams)
    for name, module in {
        "tensorrt": trt,
        "cuda": ModuleType("cuda"),
        "cuda.bindings": ModuleType("cuda.bindings"),
        "cuda.bindings.runtime": api,
    }.items():
        module.__spec__ = ModuleSpec(name, None)  # torch looks what is installed
        monkeypatch.setitem(sys.modules, name, module)
    return machine


def remove(monkeypatch, *names):
    """Make imports of these fail, whatever is installed."""
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)
