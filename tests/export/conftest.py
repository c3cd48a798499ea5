"""Small networks and faces; a stand-in for Triton that is as strict, and its repository."""

import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from google.protobuf import text_format
from onnx import TensorProto, helper, numpy_helper
from tritonclient.grpc.model_config_pb2 import ModelConfig

import export.calibration
from engine.assets import asset_path
from engine.networks.manifest import REQUIRED
from engine.networks.ort import onnxruntime
from export.triton import write_triton


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Keep torch to one core, where small networks are fastest."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def read_config(folder):
    return text_format.Parse((folder / "config.pbtxt").read_text(), ModelConfig())


class Triton:
    """Stands in for the server: checks what it checks, runs ONNX files, ensembles and python.

    Attributes:
        calls: Model and batch of each call of a network.
    """

    def __init__(self, folder):
        self.folder, self.calls = folder, []
        self.configs = {path.name: read_config(path) for path in folder.iterdir()}
        for name, config in self.configs.items():
            assert config.name == name, "the folder is named after the model"
            assert (folder / name / "1").is_dir()
        self.sessions = {
            name: onnxruntime.InferenceSession(
                str(folder / name / "1" / "model.onnx"), providers=["CPUExecutionProvider"]
            )
            for name, config in self.configs.items()
            if config.platform == "onnxruntime_onnx"
        }

    def run(self, name, feed):
        config = self.configs[name]
        self.check(config, config.input, feed)
        if name in self.sessions:
            outputs = self._network(name, feed)
        else:
            outputs = self._ensemble(config, feed)
        self.check(config, config.output, outputs)
        return outputs

    def check(self, config, stated, arrays):
        """Check names, types and shapes as the server does."""
        assert sorted(arrays) == sorted(tensor.name for tensor in stated)
        for tensor in stated:
            array, dims = arrays[tensor.name], list(tensor.dims)
            shape = list(array.shape)
            if config.max_batch_size:
                assert 1 <= shape.pop(0) <= config.max_batch_size
            kind = {np.float32: 11, np.uint8: 2}[array.dtype.type]
            assert tensor.data_type == kind
            assert len(shape) == len(dims) > 0
            assert all(want in (-1, have) for want, have in zip(dims, shape, strict=True))

    def _network(self, name, feed):
        session, config = self.sessions[name], self.configs[name]
        self.calls.append((name, next(iter(feed.values())).shape[0]))
        names = [output.name for output in session.get_outputs()]
        outputs = dict(zip(names, session.run(names, feed), strict=True))
        for tensor in config.output:
            if tensor.HasField("reshape"):
                batch = outputs[tensor.name].shape[:1] if config.max_batch_size else ()
                assert outputs[tensor.name].shape == (*batch, *tensor.reshape.shape)
                outputs[tensor.name] = outputs[tensor.name].reshape(*batch, *tensor.dims)
        return outputs

    def _ensemble(self, config, feed):
        known = dict(feed)
        for step in config.ensemble_scheduling.step:
            assert step.model_version == -1
            outputs = self.run(step.model_name, {k: known[v] for k, v in step.input_map.items()})
            known |= {v: outputs[k] for k, v in step.output_map.items()}
        return {tensor.name: known[tensor.name] for tensor in config.output}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The repository of the shipped networks."""
    path = tmp_path_factory.mktemp("triton") / "repository"
    write_triton(asset_path("poster-rt.onnx"), path)
    return path


@pytest.fixture(scope="module")
def triton(folder):
    return Triton(folder)


@pytest.fixture
def serve():
    """Give `serve(folder)`: the stand-in with that repository."""
    return Triton


SIDE = 4  # pixels of a crop of `make_small`


@pytest.fixture
def make_small():
    """Give `make_small(path, change, **facts)`: a network that says what is brightest.

    Its crops have 4 pixels, its labels are of red, green and blue; the shipped landmark network
    lies beside it. `change` is added to a weight, `order` that of the logits; facts go into the
    manifest.
    """

    def make(path, change=0.0, batch="N", order=(0, 1, 2), **facts):
        path.parent.mkdir(parents=True, exist_ok=True)
        weights = np.repeat(np.eye(3, dtype=np.float32), SIDE**2, axis=0) / SIDE**2
        weights[0, 0] += change
        weights = np.ascontiguousarray(weights[:, order])
        nodes = [
            helper.make_node("Flatten", ["crops"], ["flat"], "flatten"),
            helper.make_node("Gemm", ["flat", "w"], ["logits"], "sum"),
        ]
        graph = helper.make_graph(
            nodes,
            "small",
            [helper.make_tensor_value_info("crops", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 3])],
            [numpy_helper.from_array(weights, "w")],
        )
        model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)])
        onnx.save(model, path)
        for suffix in (".onnx", ".json"):
            beside = asset_path("landmark-net.onnx").with_suffix(suffix)
            path.with_name(beside.name).write_bytes(beside.read_bytes())
        marks = json.loads(path.with_name("landmark-net.json").read_text())["sha256"]
        stated = {
            **dict.fromkeys(REQUIRED, ""),
            "name": path.stem,
            "kind": "expression",
            "opset": 18,
            "metrics": {},
            "temperature": 1.0,
            "outputs": ["logits"],
            "labels": ["anger", "happiness", "neutral"],
            "landmarks": {"file": "landmark-net.onnx", "sha256": marks, "maps": []},
            "input": {
                "name": "crops",
                "size": SIDE,
                "margin": 0.05,
                "mean": [0, -1, 0],  # gray pictures are green
                "std": [1, 1, 1],
                "batch": "dynamic" if batch == "N" else batch,
            },
            **facts,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        path.with_suffix(".json").write_text(json.dumps(stated))
        return path

    return make


@pytest.fixture
def few_faces(monkeypatch, gray_faces):
    """Put a FER+ of 40 pictures of noise, happy by seven of ten votes, in the place of the real."""
    rng = np.random.default_rng(0)
    votes = np.zeros((40, 10), np.float32)
    votes[:, 1], votes[:, 0] = 7, 3
    faces = gray_faces(rng.integers(0, 256, (40, 48, 48), np.uint8), votes)
    monkeypatch.setattr(export.calibration, "read_dataset", lambda *_: faces)
    return faces


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A stand-in for TensorRT and its GPU; engines are of this test's user."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = Path(__file__).parents[1] / "fake_tensorrt.py"
    spec = importlib.util.spec_from_file_location("fake_tensorrt", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.install(monkeypatch, module.Machine())
