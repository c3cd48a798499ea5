"""Engines on a stand-in for TensorRT and CUDA: building, staleness, buffers, graphs, errors."""

import importlib.util
import json
import os
import stat
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine.assets import asset_path
from engine.errors import ConfigError, ModelError, SinkError
from engine.networks.manifest import load_manifest
from engine.networks.tensorrt import session as backend
from engine.networks.tensorrt.build import BuildConfig, build_plan, check_precision, range_of
from engine.networks.tensorrt.cuda import Cuda
from engine.networks.tensorrt.engine_file import described_by, load_engine, write_engine
from engine.networks.tensorrt.session import EngineSession
from engine.networks.tensorrt.signature import is_signed, sign

WEIGHTS = np.arange(14, dtype=np.float32).reshape(7, 2) / 4


def load_fake():
    path = Path(__file__).parents[3] / "fake_tensorrt.py"
    spec = importlib.util.spec_from_file_location("fake_tensorrt", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def state(path, **more):
    """Add keys to a network's manifest."""
    beside = path.with_suffix(".json")
    beside.write_text(json.dumps({**json.loads(beside.read_text()), **more}))
    return path


def write_network(path, write_linear, weights):
    shapes = {"crops": [2, 2], "map": [2]}, {"logits": [1], "affect": [1]}
    write_linear(path, *shapes, weights, kind="expression")
    return state(path, outputs=["logits", "affect"])


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """The module of stand-ins; this user's files lie in a folder of the test."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return load_fake()


@pytest.fixture
def machine(fake, monkeypatch):
    return fake.install(monkeypatch, fake.Machine())


@pytest.fixture
def network(tmp_path, write_linear):
    """A network of two inputs of a batch, as the fusion has more than one."""
    return load_manifest(write_network(tmp_path / "net.onnx", write_linear, WEIGHTS))


@pytest.fixture
def engine(network, machine):
    path = network.path.with_suffix(".engine")
    write_engine(network, path, Cuda(), BuildConfig(max_batch=8))
    return path


def inputs_of(batch, seed=0):
    draw = np.random.default_rng(seed)
    return {
        "crops": draw.standard_normal((batch, 2, 2), np.float32),
        "map": draw.standard_normal((batch, 2), np.float32),
    }


def expected(inputs):
    flat = np.concatenate([inputs["crops"].reshape(-1, 4), inputs["map"]], 1)
    both = flat @ WEIGHTS[:-1] + WEIGHTS[-1]
    return both[:, :1], both[:, 1:]


# Running.


@pytest.mark.parametrize("captures", [True, False])
def test_every_batch_gets_its_own_answers_again_and_again(engine, machine, captures, caplog):
    machine.captures = captures
    caplog.set_level("INFO")
    session = EngineSession(engine)
    for seed, batch in enumerate((1, 3, 8, 3, 1, 3)):
        inputs = inputs_of(batch, seed)
        for got, want in zip(session.run(inputs), expected(inputs), strict=True):
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, want, rtol=1e-5)
    assert machine.calls.count("cudaGraphLaunch") == (6 if captures else 0)
    assert machine.calls.count("cudaStreamBeginCapture") == 3  # one a batch size
    assert ("runs without a CUDA graph" in caplog.text) != captures


def test_first_run_of_a_shape_is_done_before_it_is_recorded(engine, machine):
    EngineSession(engine).run(inputs_of(2))
    calls = [x for x in machine.calls if "Stream" in x or "Graph" in x]
    begin = calls.index("cudaStreamBeginCapture")
    assert calls[begin - 1] == "cudaStreamSynchronize"
    assert calls[begin + 1 : begin + 3] == ["cudaStreamEndCapture", "cudaGraphInstantiate"]


def test_outputs_are_copies_that_the_next_call_leaves_alone(engine, machine):
    session = EngineSession(engine)
    first = session.run(inputs_of(2, 0))
    kept = [output.copy() for output in first]
    session.run(inputs_of(2, 1))
    for output, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(output, before)


def test_session_says_what_it_is(engine, machine, network, caplog):
    caplog.set_level("INFO")
    session = EngineSession(engine)
    assert session.device == "tensorrt"
    assert session.outputs == ["logits", "affect"]
    assert session.manifest.sha256 == network.sha256
    assert f"linear {network.sha256[:12]} on tensorrt: Fake RTX (8.9), TensorRT 10" in caplog.text


def test_outputs_come_in_the_order_that_the_manifest_states(tmp_path, machine, write_linear):
    shapes = {"x": [6]}, {"logits": [1], "affect": [1]}
    path = write_linear(tmp_path / "net.onnx", *shapes, WEIGHTS, kind="expression")
    state(path, outputs=["affect", "logits"])
    write_engine(load_manifest(path), path.with_suffix(".engine"), Cuda(), BuildConfig())
    session = EngineSession(path.with_suffix(".engine"))
    affect, logits = session.run({"x": np.ones((1, 6), np.float32)})
    sums = WEIGHTS.sum(0)
    assert (float(logits[0, 0]), float(affect[0, 0])) == (sums[0], sums[1])


def test_outputs_that_the_manifest_does_not_know_are_refused(tmp_path, machine, write_linear):
    path = write_linear(tmp_path / "net.onnx", {"x": [6]}, {"y": [2]}, WEIGHTS, kind="k")
    state(path, outputs=["z"])
    write_engine(load_manifest(path), path.with_suffix(".engine"), Cuda(), BuildConfig())
    with pytest.raises(ModelError, match="linear: the engine gives y, its manifest says z"):
        EngineSession(path.with_suffix(".engine"))
    assert machine.taken() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"map": None}, "map: missing"),
        ({"more": np.zeros(1, np.float32)}, "no input named more"),
        ({"map": np.zeros((9, 2), np.float32)}, r"map: the engine takes \(1, 2\) to \(8, 2\), got"),
        ({"map": np.zeros(2, np.float32)}, r"map: the engine takes .*, got \(2,\)"),
        ({"map": np.zeros((1, 2), complex)}, "map: expected float32, got complex128"),
    ],
)
def test_input_that_does_not_fit_is_a_model_error(engine, machine, change, message):
    inputs = {**inputs_of(1), **change}
    with pytest.raises(ModelError, match=f"linear: inference failed: {message}"):
        EngineSession(engine).run({k: v for k, v in inputs.items() if v is not None})


def test_all_memory_is_freed_when_closed_and_when_forgotten(engine, machine):
    for forget in (False, True):
        session = EngineSession(engine)
        session.run(inputs_of(1))
        session.run(inputs_of(2))
        assert machine.device
        assert machine.host
        if forget:
            del session
        else:
            session.close()
            session.close()
            with pytest.raises(ModelError, match="the session is closed"):
                session.run(inputs_of(1))
        assert machine.taken() == 0


def test_shapes_of_long_ago_are_forgotten(engine, machine, monkeypatch):
    monkeypatch.setattr(backend, "KEPT", 2)
    session = EngineSession(engine)
    for batch in (1, 2, 1, 3):  # 2 goes, 1 was used after it
        session.run(inputs_of(batch))
    buffers = len(machine.host)
    assert buffers == 2 * 4
    recorded = machine.calls.count("cudaGraphInstantiate")
    session.run(inputs_of(1))
    assert machine.calls.count("cudaGraphInstantiate") == recorded


def test_full_memory_is_a_model_error_and_leaves_none_taken(engine, machine):
    session = EngineSession(engine)
    before = len(machine.device)
    machine.pinnable = 0
    with pytest.raises(ModelError, match="failed: cudaMallocHost: cudaErrorMemoryAllocation"):
        session.run(inputs_of(1))
    assert len(machine.device) == before


def test_shipped_detector_takes_pictures_of_any_size(tmp_path, machine):
    """Its graph is not run here: TensorRT's stand-in knows only simple layers."""
    shape = (1, 1, -1, -1)
    sizes = range_of("image", shape, BuildConfig(), 32)
    assert sizes.least == (1, 1, 32, 32)
    assert sizes.usual == (1, 1, 544, 960)
    assert sizes.most == (1, 1, 960, 960)
    assert load_manifest(asset_path("fer-detector.onnx")).value("input.multiple") == 32


# Sizes.


def test_range_of_a_batch_and_of_fixed_axes():
    sizes = range_of("crops", (-1, 3, 112, 112), BuildConfig(max_batch=16, usual_batch=2))
    assert sizes.least == (1, 3, 112, 112)
    assert sizes.usual == (2, 3, 112, 112)
    assert sizes.most == (16, 3, 112, 112)


def test_sides_are_multiples_and_the_usual_one_lies_within():
    config = BuildConfig(max_side=100, usual_height=50, usual_width=500)
    sizes = range_of("image", (1, 1, -1, -1), config, 32)
    assert sizes.usual[2:] == (64, 128)
    assert sizes.most[2:] == (128, 128)


def test_axis_that_may_not_vary_is_named():
    with pytest.raises(ModelError, match="input x: axis 1 varies; only batch, height, width may"):
        range_of("x", (1, -1), BuildConfig())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_batch": 0}, "tensorrt.max_batch: must be at least 1, got 0"),
        ({"workspace_mib": "1"}, "tensorrt.workspace_mib: must be a whole number, got '1'"),
        (
            {"max_batch": 2, "usual_batch": 3},
            "tensorrt.usual_batch: must be at most max_batch 2, got 3",
        ),
    ],
)
def test_wrong_sizes_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        BuildConfig(**wrong)


# Building.


def test_engine_is_built_for_all_inputs_in_true_float32(engine, machine):
    (build,) = machine.builds
    assert build.shapes == {
        "crops": ((1, 2, 2), (4, 2, 2), (8, 2, 2)),
        "map": ((1, 2), (4, 2), (8, 2)),
    }
    assert not build.tf32
    assert build.workspace == 1 << 30


@pytest.mark.parametrize("version", ["10.3.0", "11.4.0.106", "12.0.0"])
def test_networks_are_strongly_typed_in_every_version(network, machine, fake, monkeypatch, version):
    machine.version = version
    fake.install(monkeypatch, machine)
    path = network.path.with_suffix(".engine")
    write_engine(network, path, Cuda(), BuildConfig())
    (logits, _) = EngineSession(path).run(inputs_of(2))
    assert logits.shape == (2, 1)


def test_errors_of_the_parser_are_listed_with_their_nodes(machine, network):
    import onnx

    model = onnx.load(network.path)
    for index in (0, 2):
        model.graph.node[index].op_type = "Wrong"
        model.graph.node[index].domain = "elsewhere"
    with pytest.raises(ModelError) as raised:
        build_plan(model.SerializeToString(), BuildConfig(), name="n.onnx", precision="fp32")
    assert str(raised.value).startswith("n.onnx: TensorRT cannot take this graph: node 0: No imp")
    assert "; node 2: No importer registered for op: Wrong" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_file_that_is_no_graph_is_one_line(machine):
    with pytest.raises(ModelError, match="node -1: Failed to parse the ONNX model") as raised:
        build_plan(b"no graph", BuildConfig(), name="n.onnx", precision="fp32")
    assert "\n" not in str(raised.value)


def test_build_that_fails_says_why(machine, network):
    machine.builder_fails = True
    path = network.path.with_suffix(".engine")
    with pytest.raises(ModelError) as raised:
        write_engine(network, path, Cuda(), BuildConfig())
    why = "TensorRT built no engine: [optimizer.cpp] Could not find any tactic"
    assert str(raised.value) == f"net.onnx: {why}"
    assert sorted(p.name for p in path.parent.iterdir() if p.is_file()) == ["net.json", "net.onnx"]


@pytest.mark.parametrize("precision", ["fp16", "bf16", "int8", "fp8"])
def test_precision_that_the_graph_does_not_have_is_refused(machine, network, precision):
    graph = network.path.read_bytes()
    with pytest.raises(ModelError, match=f"net: computes nothing in {precision}, and TensorRT"):
        build_plan(graph, BuildConfig(), name="net", precision=precision)


def test_gpu_without_a_precision_says_what_it_has():
    turing = SimpleNamespace(name="Tesla T4", capability=(7, 5))
    check_precision("fp16", turing)
    with pytest.raises(ModelError, match=r"fp8: needs compute capability 8.9, Tesla T4 has 7.5"):
        check_precision("fp8", turing)
    with pytest.raises(ModelError, match="precision int3: unknown; choose one of fp32, fp16, bf16"):
        check_precision("int3", turing)


def test_next_build_starts_from_the_timing_cache(engine, machine, network):
    write_engine(network, engine, Cuda(), BuildConfig())
    first, second = machine.builds
    assert first.timing == machine.stamp()
    assert second.timing == first.timing + b"+timed"


def test_timing_cache_of_another_gpu_or_of_a_stranger_is_not_used(engine, machine, network):
    engine.with_suffix(".timing").write_bytes(machine.stamp() + b"stranger")
    write_engine(network, engine, Cuda(), BuildConfig())
    machine.gpu = ("Other", 9, 0)
    write_engine(network, engine, Cuda(), BuildConfig())
    assert b"stranger" not in machine.builds[1].timing
    assert machine.builds[2].timing == machine.stamp()


def test_description_says_what_the_engine_is_for(engine, machine, network):
    card = json.loads(described_by(engine).read_text())
    assert described_by(engine).name == "net.engine.json"
    assert card["key"] == {
        "gpu": "Fake RTX",
        "capability": "8.9",
        "tensorrt": "10.13.3.9",
        "precision": "fp32",
        "onnx": network.sha256,
    }
    assert card["build"]["max_batch"] == 8
    assert card["outputs"] == ["logits", "affect"]  # the network's own manifest


# Staleness.


def stale(change, engine, machine, fake, monkeypatch, write_linear):
    """Make the engine stale in one way; give what the message says of it."""
    if change == "gpu":
        machine.gpu = ("Other GPU", 9, 0)
        return "was built for Fake RTX (8.9), TensorRT 10.13.3.9, fp32"
    if change == "version":
        machine.version = "11.4.0.106"
        fake.install(monkeypatch, machine)
        return "was built for Fake RTX (8.9), TensorRT 10.13.3.9, fp32"
    if change == "damage":
        engine.write_bytes(engine.read_bytes()[:-1])
        return "is missing or damaged"
    if change == "description":
        described_by(engine).unlink()
        return "does not say what it was built for"
    if change == "stranger":
        # All in it is right but who signed it.
        (Path.home() / ".cache" / "fer-live" / "engine-secret").write_bytes(b"mine" * 8)
        return "was not built by this user on this machine"
    write_network(engine.with_suffix(".onnx"), write_linear, WEIGHTS + 1)
    return "was built for Fake RTX (8.9), TensorRT 10.13.3.9, fp32, ONNX "


CHANGES = ["gpu", "version", "damage", "description", "stranger", "onnx"]


@pytest.mark.parametrize("change", CHANGES)
def test_stale_engine_is_built_again_and_never_read(
    change, engine, machine, fake, monkeypatch, write_linear, caplog
):
    old = engine.read_bytes()
    why = stale(change, engine, machine, fake, monkeypatch, write_linear)
    session = EngineSession(engine)
    assert why in caplog.text
    assert "it is built again" in caplog.text
    assert len(machine.builds) == 2
    assert machine.builds[1].shapes["map"][2][0] == (8 if change != "description" else 64)
    (read,) = machine.read
    assert read != old
    inputs = inputs_of(3)
    shift = 1 if change == "onnx" else 0
    flat = np.concatenate([inputs["crops"].reshape(-1, 4), inputs["map"]], 1)
    want = flat @ (WEIGHTS + shift)[:-1] + (WEIGHTS + shift)[-1]
    np.testing.assert_allclose(np.concatenate(session.run(inputs), 1), want, rtol=1e-5)
    EngineSession(engine)
    assert len(machine.builds) == 2  # it fits now


@pytest.mark.parametrize("change", ["gpu", "version", "damage", "stranger"])
def test_stale_engine_without_its_graph_is_refused_with_both_keys(
    change, engine, machine, fake, monkeypatch, write_linear
):
    engine.with_suffix(".onnx").unlink()
    why = stale(change, engine, machine, fake, monkeypatch, write_linear)
    with pytest.raises(ModelError) as raised:
        EngineSession(engine)
    message = str(raised.value)
    assert why in message
    assert "for Fake RTX (8.9), TensorRT 10.13.3.9, fp32, ONNX" in message
    gpu, version = ("Other GPU (9.0)" if change == "gpu" else "Fake RTX (8.9)"), machine.version
    assert f"here is {gpu}, TensorRT {version}, fp32, ONNX" in message
    assert message.endswith("net.onnx is not beside it to build it again from")
    assert not machine.read


def test_engine_that_fits_runs_without_its_graph(engine, machine):
    engine.with_suffix(".onnx").unlink()
    inputs = inputs_of(2)
    logits, _ = EngineSession(engine).run(inputs)
    np.testing.assert_allclose(logits, expected(inputs)[0], rtol=1e-5)


def test_engine_without_graph_and_description_names_the_description(engine, machine):
    engine.with_suffix(".onnx").unlink()
    described_by(engine).write_text("[]")
    with pytest.raises(ModelError, match=r"net\.engine\.json: name, kind, .*, key: missing"):
        EngineSession(engine)


@pytest.mark.parametrize("where", ["key", "build", "signature", "max_batch"])
def test_description_that_was_changed_is_not_believed(engine, machine, where):
    card = json.loads(described_by(engine).read_text())
    if where == "max_batch":
        card["build"]["max_batch"] = 9
    else:
        card[where] = "something"
    described_by(engine).write_text(json.dumps(card))
    EngineSession(engine)
    assert len(machine.builds) == 2


def test_rebuild_that_fails_names_both_keys_and_the_reason(engine, machine):
    machine.gpu, machine.builder_fails = ("Other GPU", 9, 0), True
    old = engine.read_bytes()
    with pytest.raises(ModelError) as raised:
        load_engine(engine, Cuda())
    for part in (
        "was built for Fake RTX (8.9)",
        "here is Other GPU (9.0)",
        "cannot be built again",
    ):
        assert part in str(raised.value)
    assert "Could not find any tactic" in str(raised.value)
    assert engine.read_bytes() == old


def test_folder_that_cannot_be_written_to_shows_before_the_build(engine, machine, monkeypatch):
    machine.gpu = ("Other GPU", 9, 0)

    real = os.open

    def refuse(path, flags, *rest):
        if flags & os.O_CREAT:
            raise OSError(30, "Read-only file system")
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ModelError, match=r"cannot be built again: .*: Read-only file system"):
        EngineSession(engine)
    assert len(machine.builds) == 1


def test_graph_that_is_damaged_is_not_built_from(engine, machine):
    engine.with_suffix(".onnx").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="sha256 is"):
        EngineSession(engine)
    assert not machine.read


# What is missing.


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tensorrt", "TensorRT not installed: pip install tensorrt cuda-python"),
        ("cuda.bindings.runtime", "cuda-python not installed: pip install tensorrt cuda-python"),
    ],
)
def test_missing_package_names_the_command(engine, machine, fake, monkeypatch, name, message):
    fake.remove(monkeypatch, name)
    with pytest.raises(ModelError) as raised:
        EngineSession(engine)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (RuntimeError, r"no NVIDIA driver that works \(Failed to dlopen libcuda.so.1\); install"),
        (
            "cudaErrorInsufficientDriver",
            r"no NVIDIA driver that works \(cudaErrorInsufficientDriver\); install or update it",
        ),
        ("cudaErrorNoDevice", "no NVIDIA GPU on this machine; choose --device cpu"),
    ],
)
def test_missing_driver_or_gpu_is_named(engine, machine, status, message):
    machine.status = status
    with pytest.raises(ModelError, match=message):
        EngineSession(engine)


def test_old_tensorrt_is_refused(engine, machine, fake, monkeypatch):
    machine.version = "8.6.1"
    fake.install(monkeypatch, machine)
    with pytest.raises(ModelError, match=r"TensorRT 8\.6\.1 is too old, 10 is needed: pip install"):
        EngineSession(engine)


def test_inputs_in_a_type_that_numpy_lacks_are_refused(engine, fake, monkeypatch):
    monkeypatch.delitem(fake.NUMPY, fake.DataType.FLOAT)
    with pytest.raises(
        ModelError, match=r"crops is DataType.FLOAT, which numpy lacks; export it with"
    ):
        EngineSession(engine)


# Whose engine it is.


def test_signature_is_good_for_its_text_and_its_user_alone(fake, monkeypatch, tmp_path):
    assert not is_signed(b"text", "0" * 64)  # there is no secret yet
    signature = sign(b"text")
    assert is_signed(b"text", signature)
    assert not is_signed(b"other", signature)
    assert not is_signed(b"text", None)
    secret = tmp_path / "home" / ".cache" / "fer-live" / "engine-secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    monkeypatch.setenv("HOME", str(tmp_path / "stranger"))
    assert sign(b"text") != signature
    assert not is_signed(b"text", signature)


def test_secret_that_cannot_be_kept_is_a_sink_error(fake, tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises(SinkError, match="engine-secret: cannot be written"):
        sign(b"text")
