"""Sessions on a tiny graph: what they run on, and what they say when they cannot."""

import hashlib
from importlib import metadata

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import engine.runtime
from engine.errors import ModelError
from engine.manifest import Manifest
from engine.runtime import DEVICES, PROVIDERS, Session


@pytest.fixture
def manifest(tmp_path):
    """A network that doubles a row of three numbers."""
    path = tmp_path / "double.onnx"
    rows = ["N", 3]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, rows)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, rows)],
    )
    onnx.save(
        helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)]), path
    )
    return Manifest(path, "double", "expression", hashlib.sha256().hexdigest(), {})


@pytest.fixture
def cpu_build(monkeypatch):
    """Pretend that this ONNX Runtime can do nothing but CPU."""
    monkeypatch.setattr(
        engine.runtime.onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"]
    )


def install(monkeypatch, *names):
    """Pretend that these distributions are the ones installed."""

    def distribution(name):
        if name not in names:
            raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(engine.runtime.metadata, "distribution", distribution)


def test_network_runs_on_the_cpu(manifest):
    session = Session(manifest, "cpu")
    assert session.device == "cpu"
    (doubled,) = session.run({"x": np.array([[1, 2, 3]], np.float32)})
    np.testing.assert_array_equal(doubled, [[2, 4, 6]])


@pytest.mark.parametrize("threads", [1, 3])
def test_network_has_the_threads_it_was_given_and_they_rest_between_calls(manifest, threads):
    options = Session(manifest, "cpu", threads)._session.get_session_options()
    assert options.intra_op_num_threads == threads
    assert options.get_session_config_entry("session.force_spinning_stop") == "1"


def test_auto_takes_what_there_is_and_says_so(manifest, cpu_build, caplog):
    caplog.set_level("INFO")
    assert Session(manifest).device == "cpu"
    assert "double e3b0c44298fc on cpu" in caplog.text


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_cpu_build_asked_for_a_gpu_names_the_commands(manifest, cpu_build, monkeypatch, device):
    install(monkeypatch, "onnxruntime")
    with pytest.raises(ModelError) as raised:
        Session(manifest, device)
    assert str(raised.value) == (
        f"device {device}: this build of ONNX Runtime lacks it; run: pip install onnxruntime-gpu"
        " && pip uninstall --yes onnxruntime"
        " && pip install --force-reinstall --no-deps onnxruntime-gpu"
    )


def test_two_builds_that_overwrite_each_other_are_named(manifest, cpu_build, monkeypatch):
    install(monkeypatch, "onnxruntime", "onnxruntime-gpu")
    with pytest.raises(ModelError) as raised:
        Session(manifest, "cuda")
    assert str(raised.value) == (
        "device cuda: onnxruntime and onnxruntime-gpu are both installed and overwrite each other;"
        " run: pip uninstall --yes onnxruntime"
        " && pip install --force-reinstall --no-deps onnxruntime-gpu"
    )


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_provider_that_falls_back_to_the_cpu_is_an_error(manifest, monkeypatch):
    if "CUDAExecutionProvider" in engine.runtime.onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    monkeypatch.setattr(
        engine.runtime.onnxruntime, "get_available_providers", lambda: list(PROVIDERS.values())
    )
    with pytest.raises(ModelError, match=r"device cuda: double fell back to cpu; are the driver"):
        Session(manifest, "cuda")


def test_file_that_is_no_network_is_refused(manifest):
    manifest.path.write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"double\.onnx: cannot be loaded: "):
        Session(manifest, "cpu")


@pytest.mark.parametrize("shape", [(1, 4), (3,)])
def test_input_that_does_not_fit_is_a_model_error(manifest, shape):
    with pytest.raises(ModelError, match="double: inference failed: "):
        Session(manifest, "cpu").run({"x": np.zeros(shape, np.float32)})


def test_every_device_has_a_provider():
    assert set(DEVICES) == {"auto", *PROVIDERS}
