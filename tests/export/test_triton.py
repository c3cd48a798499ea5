"""A repository as Triton would take it, under a stand-in for the server that is as strict."""

import hashlib
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import onnx
import pytest

from engine.analyze import AnalyzerConfig, open_analyzer
from engine.assets import asset_path
from engine.errors import ConfigError, ModelError, SinkError
from engine.labels import EXPRESSIONS
from engine.networks.manifest import load_manifest
from engine.types import Frame
from export.graph import MOST
from export.triton import CROPS, FRAMES, MAX_FACES, TritonConfig, write_triton


@pytest.fixture
def crops():
    return np.random.default_rng(0).integers(0, 256, (3, 1, 112, 112), np.uint8)


def test_repository_holds_every_model_and_its_files(triton):
    folder = triton.folder
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    networks = {"fer-detector", "landmark-net", "poster-rt"}
    assert files == {
        *(f"{name}/{file}" for name in networks for file in ("config.pbtxt", "1/model.onnx")),
        *(f"{name}/config.pbtxt" for name in (CROPS, FRAMES)),
        *(f"{FRAMES}/1/{name}.{suffix}" for name in networks for suffix in ("onnx", "json")),
        "poster-rt/labels.txt",
        f"{FRAMES}/1/model.py",
    }
    assert (folder / CROPS / "1").is_dir()
    assert (folder / "poster-rt/labels.txt").read_text().split() == list(EXPRESSIONS)


@pytest.mark.parametrize("name", ["fer-detector", "landmark-net", "poster-rt"])
def test_tensors_are_those_of_the_graph(triton, name):
    """Names, order, types and sizes, as ONNX Runtime sees them."""
    config, session = triton.configs[name], triton.sessions[name]
    for stated, real in (
        (config.input, session.get_inputs()),
        (config.output, session.get_outputs()),
    ):
        assert [tensor.name for tensor in stated] == [tensor.name for tensor in real]
        for mine, theirs in zip(stated, real, strict=True):
            shape = [size if isinstance(size, int) else -1 for size in theirs.shape]
            inner = list(mine.reshape.shape) if mine.HasField("reshape") else list(mine.dims)
            assert ([-1] if config.max_batch_size else []) + inner == shape
            assert {11: "tensor(float)", 2: "tensor(uint8)"}[mine.data_type] == theirs.type


def test_only_networks_of_faces_are_batched(triton):
    for name in ("landmark-net", "poster-rt"):
        config = triton.configs[name]
        assert config.max_batch_size == MOST
        sizes = list(config.dynamic_batching.preferred_batch_size)
        assert sizes == [4, 8, 16, 32]
        assert config.dynamic_batching.max_queue_delay_microseconds == 2000
    for name in ("fer-detector", FRAMES):
        assert triton.configs[name].max_batch_size == 0
        assert not triton.configs[name].HasField("dynamic_batching")
    assert not triton.configs[CROPS].instance_group  # Triton refuses one of an ensemble


def test_ensemble_says_what_the_networks_say_one_after_the_other(triton, crops):
    landmarks, fusion = triton.sessions["landmark-net"], triton.sessions["poster-rt"]
    names = ["map4", "map8", "map16"]
    maps = dict(zip(names, landmarks.run(names, {"crops": crops}), strict=True))
    logits, affect = fusion.run(["logits", "valence_arousal"], {"crops": crops, **maps})
    said = triton.run(CROPS, {"crops": crops})
    np.testing.assert_array_equal(said["logits"], logits)
    np.testing.assert_array_equal(said["valence_arousal"], affect)


def test_ensemble_carries_what_a_client_needs(triton):
    said = json.loads(triton.configs[CROPS].parameters["manifest"].string_value)
    manifest = load_manifest(asset_path("poster-rt.onnx"))
    assert said["temperature"] == manifest.value("temperature")
    assert said["labels"] == list(EXPRESSIONS)
    assert said["input"] == manifest.value("input")


# Whole pictures: the python backend's model.


class FakeTensor:
    def __init__(self, name, array):
        self.name, self.array = name, array

    def as_numpy(self):
        return self.array


class FakeResponse:
    def __init__(self, output_tensors=(), error=None):
        self.tensors = {tensor.name: tensor.array for tensor in output_tensors}
        self._error = error

    def has_error(self):
        return self._error is not None

    def error(self):
        return self._error


class FakeError:
    def __init__(self, text):
        self.message = lambda: text


@pytest.fixture
def python_model(triton, monkeypatch):
    """The python backend's model as Triton loads it, its calls answered by `triton`."""

    class Request:
        def __init__(self, model_name, requested_output_names, inputs, preferred_memory):
            assert preferred_memory == ("cpu", 0)
            self.name, self.wanted = model_name, requested_output_names
            self.feed = {tensor.name: tensor.array for tensor in inputs}

        def exec(self):
            if self.name == failing.get("model"):
                return FakeResponse(error=FakeError("out of memory"))
            outputs = triton.run(self.name, self.feed)
            return FakeResponse([FakeTensor(name, outputs[name]) for name in self.wanted])

    failing = {}
    module = ModuleType("triton_python_backend_utils")
    module.Tensor, module.InferenceRequest, module.InferenceResponse = (
        FakeTensor,
        Request,
        FakeResponse,
    )
    module.TritonError, module.TRITONSERVER_MEMORY_CPU = FakeError, "cpu"
    module.PreferredMemory = lambda kind, device: (kind, device)
    module.get_input_tensor_by_name = lambda request, name: FakeTensor(name, request[name])
    module.get_output_tensor_by_name = lambda response, name: FakeTensor(
        name, response.tensors[name]
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    path = triton.folder / FRAMES / "1" / "model.py"
    spec = importlib.util.spec_from_file_location("fer_frames_model", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    model = loaded.TritonPythonModel()
    said = triton.configs[FRAMES].parameters
    parameters = {key: {"string_value": value.string_value} for key, value in said.items()}
    model.initialize({"model_config": json.dumps({"parameters": parameters})})
    triton.calls.clear()
    return SimpleNamespace(execute=model.execute, failing=failing)


@pytest.fixture(scope="module")
def portrait():
    return np.asarray(cv2.imread(str(asset_path("portrait.jpg"))), np.uint8)


def test_picture_is_read_as_the_engine_reads_it(triton, python_model, portrait):
    settings = {"device": "cpu", "precision": "fp32", "threads": 1}
    config = AnalyzerConfig(smooth=0, max_faces=MAX_FACES, **settings)
    with open_analyzer(config) as analyzer:
        wanted = analyzer.analyze(Frame(0, 0.0, portrait))
    two = [{"image": portrait}, {"image": portrait}]  # the second knows nothing of the first
    for response in python_model.execute(two):
        said = response.tensors
        triton.check(triton.configs[FRAMES], triton.configs[FRAMES].output, said)
        np.testing.assert_allclose(said["boxes"], [t.box for t in wanted.tracks], atol=1e-3)
        marks = [track.landmarks for track in wanted.tracks]
        np.testing.assert_allclose(said["landmarks"], marks, atol=1e-3)
        np.testing.assert_allclose(said["presence"], [t.score for t in wanted.tracks], atol=1e-5)
        shares = [prediction.probabilities for prediction in wanted.predictions]
        np.testing.assert_allclose(said["probabilities"], shares, atol=1e-5)
        affect = [(prediction.valence, prediction.arousal) for prediction in wanted.predictions]
        np.testing.assert_allclose(said["valence_arousal"], affect, atol=1e-5)
    assert {name for name, _ in triton.calls} == {"fer-detector", "landmark-net", "poster-rt"}


def test_picture_without_a_face_gives_no_rows(triton, python_model):
    (response,) = python_model.execute([{"image": np.zeros((90, 120, 3), np.uint8)}])
    triton.check(triton.configs[FRAMES], triton.configs[FRAMES].output, response.tensors)
    assert response.tensors["landmarks"].shape == (0, 68, 2)


def test_who_lies_is_found_in_a_picture(python_model, portrait):
    upright, lying = python_model.execute(
        [{"image": portrait}, {"image": cv2.rotate(portrait, cv2.ROTATE_90_CLOCKWISE)}]
    )
    (x0, y0, x1, y1), (turned,) = upright.tensors["boxes"][0], lying.tensors["boxes"]
    np.testing.assert_allclose(turned, [319 - y1, x0, 319 - y0, x1], atol=3)


def test_failure_is_told_and_the_next_picture_is_read(python_model, portrait):
    empty, good = python_model.execute(
        [{"image": np.zeros((0, 5, 3), np.uint8)}, {"image": portrait}]
    )
    assert empty.error().message() == "image: expected at least one pixel, got (0, 5, 3)"
    assert not good.has_error()
    python_model.failing["model"] = "landmark-net"
    (failed,) = python_model.execute([{"image": portrait}])
    assert failed.error().message() == "landmark-net: out of memory"


# Other networks, engines and settings.


@pytest.fixture
def small(tmp_path):
    """Give `small(**changes)`: an expression network without maps, its landmarks' beside it."""

    def make(name="mine", labels=("anger", "fear"), batch="N", kind=onnx.TensorProto.FLOAT):
        folder = tmp_path / "small"
        folder.mkdir(exist_ok=True)
        for suffix in (".onnx", ".json"):
            shutil.copyfile(asset_path(f"landmark-net{suffix}"), folder / f"landmark-net{suffix}")
        marks = load_manifest(folder / "landmark-net.onnx")
        info = onnx.helper.make_tensor_value_info
        crops, logits = (
            info("crops", kind, [batch, 3, 2, 2]),
            info("logits", kind, [batch, 12]),
        )
        node = onnx.helper.make_node("Flatten", ["crops"], ["logits"])
        graph = onnx.helper.make_graph([node], "g", [crops], [logits])
        opset = [onnx.helper.make_opsetid("", 18)]
        path = folder / "mine.onnx"
        onnx.save(onnx.helper.make_model(graph, ir_version=9, opset_imports=opset), path)
        data = {
            "name": name,
            "kind": "expression",
            "architecture": "flat",
            "opset": 18,
            "commit": "",
            "licence": "CC0-1.0",
            "metrics": {},
            "temperature": 1.0,
            "input": {"name": "crops", "size": 2, "margin": 0, "mean": [0] * 3, "std": [1] * 3},
            "labels": list(labels),
            "landmarks": {"file": marks.path.name, "sha256": marks.sha256, "maps": []},
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        path.with_suffix(".json").write_text(json.dumps(data))
        return path

    return make


def test_network_of_crops_alone_is_an_ensemble_of_one(small, serve, tmp_path):
    out = tmp_path / "out"
    write_triton(small(), out, TritonConfig(kind="cpu", max_batch=8, instances=2, delay_us=0))
    triton = serve(out)
    (step,) = triton.configs[CROPS].ensemble_scheduling.step
    assert step.model_name == "mine"
    config = triton.configs["mine"]
    assert config.max_batch_size == 8
    assert list(config.dynamic_batching.preferred_batch_size) == [4, 8]
    assert [(group.kind, group.count) for group in config.instance_group] == [(2, 2)]
    said = triton.run(CROPS, {"crops": np.ones((5, 3, 2, 2), np.float32)})
    assert {name: array.shape for name, array in said.items()} == {"logits": (5, 12)}
    assert (out / "mine" / "labels.txt").read_text() == "anger\nfear\n"
    frames = triton.configs[FRAMES]
    shapes = {tensor.name: list(tensor.dims) for tensor in frames.output}
    assert shapes["probabilities"] == [-1, 2]
    assert json.loads(frames.parameters["labels"].string_value) == ["anger", "fear"]


def test_half_precision_is_stated(small, serve, tmp_path):
    write_triton(small(kind=onnx.TensorProto.FLOAT16), tmp_path / "out")
    config = serve(tmp_path / "out").configs["mine"]
    assert [tensor.data_type for tensor in (*config.input, *config.output)] == [10, 10]


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"batch": 4}, ModelError, r"mine\.onnx: takes a fixed batch; export it with --batch dyn"),
        ({"name": "../mine"}, ConfigError, r"'\.\./mine': cannot be the name of a model"),
        ({"name": "Landmark-Net"}, ConfigError, "two models have the same name"),
        ({"name": CROPS}, ConfigError, "two models have the same name"),
        ({"kind": onnx.TensorProto.BFLOAT16}, ModelError, r"crops: type BFLOAT16 or its shape"),
    ],
)
def test_network_that_does_not_fit_leaves_nothing(small, tmp_path, changes, error, says):
    path = small(**changes)
    with pytest.raises(error, match=says):
        write_triton(path, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_folder_in_use_is_refused(small, tmp_path):
    (tmp_path / "kept").touch()
    with pytest.raises(ConfigError, match="exists already; name a new folder"):
        write_triton(small(), tmp_path)
    with pytest.raises(ConfigError, match="exists already; name a new folder"):
        write_triton(small(), tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes() == b""


def test_empty_folder_is_filled(small, tmp_path):
    (tmp_path / "out").mkdir()
    write_triton(small(), tmp_path / "out")
    assert (tmp_path / "out" / CROPS / "config.pbtxt").is_file()


def test_place_that_cannot_be_written_is_one_line(small, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="cannot be written"):
        write_triton(small(), tmp_path / "file" / "out")


@pytest.fixture
def engine_file(small, tmp_path):
    """Give `engine_file(**changes)`: a network, and an engine as `--to tensorrt` leaves it."""

    def make(stem="mine", onnx_sha256=None, most=64, content=b"native code", said=None):
        network = small()
        path = tmp_path / f"{stem}.engine"
        path.write_bytes(content)
        digest = hashlib.sha256(said or content).hexdigest()
        key = {"onnx": onnx_sha256 or load_manifest(network).sha256}
        card = {"key": key, "build": {"max_batch": most}, "engine_sha256": digest}
        path.with_name(f"{path.name}.json").write_text(json.dumps(card))
        return network, path

    return make


def test_engine_runs_in_place_of_its_network(engine_file, serve, tmp_path):
    network, path = engine_file()
    write_triton(network, tmp_path / "out", TritonConfig(engines=(path,)))
    config = serve(tmp_path / "out").configs["mine"]
    assert (config.platform, config.instance_group[0].kind) == ("tensorrt_plan", 1)
    assert (tmp_path / "out/mine/1/model.plan").read_bytes() == b"native code"
    assert not (tmp_path / "out/mine/1/model.onnx").exists()
    assert serve(tmp_path / "out").configs["landmark-net"].platform == "onnxruntime_onnx"


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"stem": "other"}, ConfigError, r"belongs to no network here; expected .*mine\.engine"),
        ({"onnx_sha256": "ab"}, ModelError, r"was not made of .*mine\.onnx or is damaged"),
        ({"said": b"other"}, ModelError, r"was not made of .*mine\.onnx or is damaged"),
        ({"most": 8}, ConfigError, "takes 8 faces at most; max_batch is 64"),
    ],
)
def test_engine_that_does_not_fit_is_refused(engine_file, tmp_path, changes, error, says):
    network, path = engine_file(**changes)
    with pytest.raises(error, match=says):
        write_triton(network, tmp_path / "out", TritonConfig(engines=(path,)))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("gone", ["mine.engine", "mine.engine.json"])
def test_engine_needs_its_description(engine_file, tmp_path, gone):
    network, path = engine_file()
    (tmp_path / gone).unlink()
    with pytest.raises(ModelError, match=r"mine\.engine: it or mine\.engine\.json cannot be read"):
        write_triton(network, tmp_path / "out", TritonConfig(engines=(path,)))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"kind": "tpu"}, "kind: 'tpu' is unknown; choose auto, gpu, cpu"),
        ({"instances": 0}, "instances: must be at least 1"),
        ({"max_batch": MOST + 1}, f"max_batch: must be at most {MOST}"),
        ({"preferred": (0,)}, r"preferred\.0: must be at least 1, got 0"),
        ({"delay_us": -1}, "delay_us: must be at least 0"),
        ({"kind": "cpu", "engines": (Path("a.engine"),)}, "engines: must be none on a CPU"),
    ],
)
def test_setting_out_of_range_is_named(setting, says):
    with pytest.raises(ConfigError, match=says):
        TritonConfig(**setting)
