"""Sessions on a tiny graph: what they run on, and what they say when they cannot."""

import hashlib
import importlib.util
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import engine.networks.runtime
from engine.assets import asset_path
from engine.errors import ModelError
from engine.faces.detection import FerDetector
from engine.faces.landmarker import Landmarker
from engine.networks.manifest import Manifest, load_manifest
from engine.networks.ort import onnxruntime
from engine.networks.runtime import DEVICES, PROVIDERS, Session, check_device, open_session
from engine.networks.tensorrt.build import BuildConfig
from engine.networks.tensorrt.cuda import Cuda
from engine.networks.tensorrt.engine_file import write_engine
from engine.networks.tensorrt.session import EngineSession
from engine.reading.fusion import Fusion


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
        engine.networks.runtime.onnxruntime,
        "get_available_providers",
        lambda: ["CPUExecutionProvider"],
    )


def install(monkeypatch, *names):
    """Pretend that these distributions are the ones installed."""

    def distribution(name):
        if name not in names:
            raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(engine.networks.runtime.metadata, "distribution", distribution)


def test_network_runs_on_the_cpu(manifest):
    session = Session(manifest, "cpu")
    assert session.device == "cpu"
    (doubled,) = session.run({"x": np.array([[1, 2, 3]], np.float32)})
    np.testing.assert_array_equal(doubled, [[2, 4, 6]])


def test_closed_session_says_so_however_often_it_is_closed(manifest):
    session = Session(manifest, "cpu")
    session.close()
    session.close()
    with pytest.raises(ModelError, match="inference failed: the session is closed"):
        session.run({"x": np.array([[1, 2, 3]], np.float32)})


@pytest.fixture
def loaded(monkeypatch):
    """Options of every session of ONNX Runtime, in the order they were loaded."""
    real, given = onnxruntime.InferenceSession, []

    def load(path, options, **more):
        given.append(options)
        return real(path, options, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", load)
    return given


@pytest.mark.parametrize("threads", [1, 3])
def test_network_has_the_threads_it_was_given_and_they_rest_between_calls(
    manifest, loaded, threads
):
    Session(manifest, "cpu", threads)
    (options,) = loaded
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
    if "CUDAExecutionProvider" in engine.networks.runtime.onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    monkeypatch.setattr(
        engine.networks.runtime.onnxruntime,
        "get_available_providers",
        lambda: list(PROVIDERS.values()),
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


# Choosing a device.


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with TensorRT and a GPU, as far as they can be stood in for."""
    path = Path(__file__).parents[2] / "fake_tensorrt.py"
    spec = importlib.util.spec_from_file_location("fake_tensorrt", path)
    fake = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fake)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return fake.install(monkeypatch, fake.Machine())


@pytest.fixture
def linear(tmp_path, write_linear):
    weights = np.arange(8, dtype=np.float32).reshape(4, 2)
    path = write_linear(tmp_path / "linear.onnx", {"x": [3]}, {"y": [2]}, weights, kind="k")
    return load_manifest(path)


@pytest.fixture
def built(linear, machine):
    engine = linear.path.with_suffix(".engine")
    write_engine(linear, engine, Cuda(), BuildConfig())
    return engine


@pytest.fixture
def gpu_build(monkeypatch):
    """Pretend that this ONNX Runtime has all providers; give what sessions are asked for.

    Attribute `works` of the result says which of them load: the others fall back, as they do.
    """
    real = engine.networks.runtime.onnxruntime.InferenceSession
    state = SimpleNamespace(asked=[], works={"tensorrt", "cuda", "cpu"})

    class InferenceSession(real):
        def __init__(self, path, options, providers, provider_options=None, **_):
            super().__init__(path, options, providers=["CPUExecutionProvider"])
            self.named = [name for name in PROVIDERS if PROVIDERS[name] in providers]
            if provider_options is not None:
                state.asked.append(dict(zip(self.named, provider_options, strict=True)))

        def get_providers(self):
            return [PROVIDERS[name] for name in self.named if name in state.works]

    monkeypatch.setattr(engine.networks.runtime.onnxruntime, "InferenceSession", InferenceSession)
    monkeypatch.setattr(
        engine.networks.runtime.onnxruntime,
        "get_available_providers",
        lambda: list(PROVIDERS.values()),
    )
    return state


ONES = {"x": np.ones((2, 3), np.float32)}


def test_auto_prefers_the_engine_beside_the_model(linear, built, machine, caplog):
    caplog.set_level("INFO")
    session = open_session(linear)
    assert isinstance(session, EngineSession)
    assert session.device == "tensorrt"
    np.testing.assert_array_equal(session.run(ONES)[0], [[12, 16]] * 2)
    assert "passed over" not in caplog.text


def test_auto_without_a_gpu_build_runs_on_the_cpu_and_says_why(linear, cpu_build, caplog):
    caplog.set_level("INFO")
    session = open_session(linear)
    assert session.device == "cpu"
    np.testing.assert_array_equal(session.run(ONES)[0], [[12, 16]] * 2)
    assert (
        "linear: chose cpu; passed over "
        "tensorrt (no linear.engine beside the model, fer-export --to tensorrt builds it); "
        "tensorrt (this build of ONNX Runtime lacks it); "
        "cuda (this build of ONNX Runtime lacks it)"
    ) in caplog.text


def test_auto_says_why_an_engine_was_passed_over(linear, built, machine, cpu_build, caplog):
    caplog.set_level("INFO")
    machine.status = "cudaErrorInsufficientDriver"
    assert open_session(linear).device == "cpu"
    assert "tensorrt (no NVIDIA driver that works (cudaErrorInsufficientDriver)" in caplog.text


@pytest.mark.parametrize(
    ("works", "device", "passed"),
    [
        ({"tensorrt", "cuda", "cpu"}, "tensorrt", 1),
        ({"cuda", "cpu"}, "cuda", 2),
        ({"cpu"}, "cpu", 3),
    ],
)
def test_auto_takes_the_best_provider_that_loads(
    linear, machine, gpu_build, caplog, works, device, passed
):
    caplog.set_level("INFO")
    gpu_build.works = works
    assert open_session(linear).device == device
    (line,) = [text for text in caplog.messages if "passed over" in text]
    assert line.startswith(f"linear: chose {device}; passed over tensorrt (no linear.engine")
    assert line.count("; tensorrt (") + line.count("; cuda (") == passed - 1
    assert ("fell back to cpu" in line) == (device == "cpu")


def test_named_device_never_falls_back(linear, machine, gpu_build):
    gpu_build.works = {"cpu"}
    for device in ("cuda", "tensorrt"):
        with pytest.raises(ModelError, match=f"device {device}: .*linear fell back to cpu"):
            open_session(linear, device)


def test_tensorrt_that_is_not_there_tells_both_ways_to_it(linear, cpu_build, monkeypatch):
    install(monkeypatch, "onnxruntime")
    with pytest.raises(ModelError) as raised:
        open_session(linear, "tensorrt")
    assert str(raised.value).startswith(
        "device tensorrt: no linear.engine beside the model, fer-export --to tensorrt builds it; "
        "this build of ONNX Runtime lacks it; run: pip install onnxruntime-gpu"
    )


@pytest.mark.parametrize("device", DEVICES)
def test_what_is_missing_is_said_alike_before_anything_is_loaded(linear, cpu_build, device):
    said = []
    for look in (check_device, open_session):
        try:
            look(linear, device)
        except ModelError as error:
            said.append(str(error))
    assert said == [] if device in ("auto", "cpu") else len(said) == 2
    assert len(set(said)) <= 1


def test_an_engine_beside_the_model_is_taken_as_there(linear, built, cpu_build):
    check_device(linear, "tensorrt")


def test_stale_engine_asked_for_by_name_is_refused_with_both_keys(
    linear, built, machine, cpu_build
):
    machine.gpu, machine.builder_fails = ("Other GPU", 9, 0), True
    with pytest.raises(ModelError) as raised:
        open_session(linear, "tensorrt")
    assert "was built for Fake RTX (8.9)" in str(raised.value)
    assert "here is Other GPU (9.0)" in str(raised.value)
    assert not machine.read


def test_cpu_asked_for_by_name_leaves_an_engine_alone(linear, built, machine):
    assert open_session(linear, "cpu").device == "cpu"
    assert not machine.read


def test_threads_reach_the_cpu(linear, loaded):
    open_session(linear, "cpu", 3)
    assert [options.intra_op_num_threads for options in loaded] == [3]


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_file_that_is_no_network_is_one_error(manifest, cpu_build, device):
    manifest.path.write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"^\S+double\.onnx: cannot be loaded: "):
        open_session(manifest, device)


def test_provider_of_tensorrt_keeps_its_engines_where_only_this_user_writes(
    linear, machine, gpu_build, tmp_path
):
    open_session(linear, "tensorrt")
    (asked,) = gpu_build.asked
    assert list(asked) == ["tensorrt", "cuda", "cpu"]  # what one lacks runs on the next
    folder = asked["tensorrt"].pop("trt_engine_cache_path")
    assert asked["tensorrt"].pop("trt_timing_cache_path") == folder
    assert Path(folder).is_dir()
    assert Path(folder).is_relative_to(tmp_path / "home")
    assert Path(folder).name == linear.sha256
    assert asked == {
        "tensorrt": {
            "trt_engine_cache_enable": True,
            "trt_timing_cache_enable": True,
            "trt_profile_min_shapes": "x:1x3",
            "trt_profile_opt_shapes": "x:4x3",
            "trt_profile_max_shapes": "x:64x3",
        },
        "cuda": {},
        "cpu": {},
    }


def test_provider_is_told_the_shapes_of_all_inputs_of_the_shipped_networks(machine, gpu_build):
    for name in ("poster-rt", "fer-detector"):
        open_session(load_manifest(asset_path(f"{name}.onnx")), "tensorrt")
    fusion, detector = (asked["tensorrt"] for asked in gpu_build.asked)
    assert fusion["trt_profile_max_shapes"] == (
        "crops:64x1x112x112,map4:64x32x28x28,map8:64x80x14x14,map16:64x160x7x7"
    )
    assert detector["trt_profile_min_shapes"] == "image:1x1x32x32"
    assert detector["trt_profile_max_shapes"] == "image:1x1x960x960"


def test_provider_runs_without_a_cache_where_none_can_be_kept(
    linear, machine, gpu_build, tmp_path, caplog
):
    (tmp_path / "home").write_text("a file")
    open_session(linear, "tensorrt")
    options = gpu_build.asked[0]["tensorrt"]
    assert "trt_engine_cache_enable" not in options
    assert options["trt_profile_min_shapes"] == "x:1x3"
    assert "engines are built at every start" in caplog.text


@pytest.mark.parametrize(
    ("file", "opener"),
    [
        ("fer-detector.onnx", lambda manifest: FerDetector(manifest, device="tensorrt")),
        ("landmark-net.onnx", lambda manifest: Landmarker(manifest, "tensorrt")),
        ("poster-rt.onnx", lambda manifest: Fusion(manifest, "tensorrt")),
    ],
)
def test_every_stage_looks_for_an_engine(file, opener, cpu_build):
    stem = file.removesuffix(".onnx")
    with pytest.raises(ModelError, match=rf"device tensorrt: no {stem}\.engine beside the model"):
        opener(load_manifest(asset_path(file)))
