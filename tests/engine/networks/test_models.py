"""Which files a name, a path or a bundle stands for, on which processor."""

import logging

import numpy as np
import pytest

import engine.networks.models
from engine.analyze import AnalyzerConfig, open_finder, open_reader
from engine.errors import ConfigError, ModelError
from engine.networks.manifest import load_manifest
from engine.networks.models import choose, choose_detector
from engine.networks.runtime import PROVIDERS

CPU = [PROVIDERS["cpu"]]
GPU = [PROVIDERS["cuda"], PROVIDERS["cpu"]]
VNNI, OLD = "avx2 avx512_vnni", "avx2"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Give `machine(flags, providers)`: a Linux PC; returns its /proc/cpuinfo."""

    def make(flags, providers=CPU):
        monkeypatch.setattr("platform.system", lambda: "Linux")
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        monkeypatch.setattr("onnxruntime.get_available_providers", lambda: providers)
        path = tmp_path / "cpuinfo"
        path.write_text(f"processor : 0\nflags : fpu {flags}\n")
        return path

    return make


@pytest.mark.parametrize(
    ("flags", "providers", "precision", "device", "wanted"),
    [
        (VNNI, CPU, "auto", "auto", ("int8", "cpu", "int8, AVX512-VNNI")),
        (VNNI, CPU, "auto", "cpu", ("int8", "cpu", "int8, AVX512-VNNI")),
        (OLD, CPU, "auto", "auto", ("fp32", "auto", "fp32, no VNNI")),
        (VNNI, GPU, "auto", "auto", ("fp32", "auto", "fp32, a GPU may be there")),
        (VNNI, GPU, "auto", "cuda", ("fp32", "cuda", "fp32, a GPU may be there")),
        (VNNI, GPU, "auto", "cpu", ("int8", "cpu", "int8, AVX512-VNNI")),
        (VNNI, CPU, "fp32", "auto", ("fp32", "auto", "fp32, as asked for")),
        (OLD, CPU, "int8", "auto", ("int8", "cpu", "int8, as asked for")),
        (OLD, GPU, "int8", "auto", ("int8", "cpu", "int8, as asked for")),
    ],
)
def test_shipped_model_is_int8_where_that_is_faster(
    machine, flags, providers, precision, device, wanted
):
    chosen = choose("poster-rt", precision, device, machine(flags, providers))
    assert (chosen.expression.precision, chosen.device, chosen.why) == wanted
    assert chosen.detector is None


def test_an_engine_beside_the_shipped_model_keeps_auto_from_the_cpu(machine, monkeypatch, tmp_path):
    for name in ("poster-rt.onnx", "poster-rt.json"):
        (tmp_path / name).write_bytes(engine.networks.models.asset_path(name).read_bytes())
    (tmp_path / "poster-rt.engine").touch()
    monkeypatch.setattr(engine.networks.models, "asset_path", lambda name: tmp_path / name)
    assert choose("poster-rt", cpuinfo=machine(VNNI)).why == "fp32, a GPU may be there"


@pytest.mark.parametrize(
    ("flags", "providers", "precision", "device", "wanted"),
    [
        (VNNI, CPU, "auto", "auto", ("fer-detector-int8", "cpu")),
        (OLD, CPU, "auto", "auto", ("fer-detector", "auto")),
        (VNNI, GPU, "auto", "auto", ("fer-detector", "auto")),
        (VNNI, CPU, "fp32", "cpu", ("fer-detector", "cpu")),
        (OLD, CPU, "int8", "auto", ("fer-detector-int8", "cpu")),
        (VNNI, GPU, "int8", "cuda", ("fer-detector", "cuda")),  # of a user's own int8 network
    ],
)
def test_shipped_detector_is_int8_where_that_is_faster(
    machine, flags, providers, precision, device, wanted
):
    path, where = choose_detector(precision, device, machine(flags, providers))
    assert (path.stem, where) == wanted
    assert load_manifest(path).precision == ("int8" if "int8" in path.stem else "fp32")


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_shipped_int8_is_not_for_a_gpu(machine, device):
    with pytest.raises(ModelError, match=f"precision int8: is made for the CPU, not for {device}"):
        choose("poster-rt", "int8", device, machine(VNNI, GPU))


@pytest.fixture
def file(write_linear, tmp_path):
    """Give `file(precision)`: an ONNX file whose manifest states it; None states nothing."""

    def make(precision):
        stated = {} if precision is None else {"precision": precision}
        path = tmp_path / "mine.onnx"
        weights = np.zeros((4, 3), np.float32)
        write_linear(path, {"x": [3]}, {"y": [3]}, weights, kind="expression", **stated)
        return str(path)

    return make


@pytest.mark.parametrize("stated", [None, "fp32", "fp16", "int8"])
def test_a_file_is_taken_as_it_is(file, machine, stated):
    chosen = choose(file(stated), "auto", "auto", machine(OLD))
    found = stated or "fp32"
    assert (chosen.expression.precision, chosen.device) == (found, "auto")
    assert chosen.why == f"{found}, as the file is"
    if found != "fp16":
        assert choose(file(stated), found, "auto", machine(OLD)).expression.precision == found


@pytest.mark.parametrize(("stated", "named"), [(None, "int8"), ("int8", "fp32"), ("fp16", "fp32")])
def test_a_named_precision_never_becomes_another(file, machine, stated, named):
    path = file(stated)
    says = f"precision {named}: {path} is in {stated or 'fp32'}; name another file"
    with pytest.raises(ModelError) as caught:
        choose(path, named, "auto", machine(VNNI))
    assert str(caught.value).startswith(says)


def test_unknown_precision_lists_the_choices():
    with pytest.raises(ConfigError, match="precision: 'fp8' is unknown; choose auto, fp32, int8"):
        AnalyzerConfig(precision="fp8")


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_precision_is_said_in_one_line(caplog, precision):
    config = AnalyzerConfig(precision=precision, device="cpu", threads=1)
    with caplog.at_level(logging.INFO, logger="engine.analyze"):
        open_finder(config).close()
        reader = open_reader(config)
    said = [r.getMessage() for r in caplog.records if r.name == "engine.analyze"]
    assert said == [f"poster-rt: {precision}, as asked for"]
    assert reader.precision == precision


def test_shipped_int8_says_what_it_was_made_of():
    whole, small = (
        load_manifest(engine.networks.models.asset_path(f"poster-rt{suffix}.onnx"))
        for suffix in ("", "-int8")
    )
    assert small.value("made_from.sha256") == whole.sha256
    assert small.value("labels") == whole.value("labels")
    assert small.value("temperature") == whole.value("temperature")
    beside = load_manifest(small.path.with_name(small.value("landmarks.file")))
    assert beside.sha256 == small.value("landmarks.sha256")
    assert beside.value("made_from.sha256") == whole.value("landmarks.sha256")
    for manifest in (small, beside):
        assert manifest.precision == "int8"
    accuracy = small.value("judged.accuracy")
    assert accuracy["fp32"] == pytest.approx(whole.value("metrics.valid.accuracy"), abs=5e-4)
    assert 100 * (accuracy["fp32"] - accuracy["int8"]) <= 0.5
    for error in beside.value("judged.nme").values():
        assert error["int8"] - error["fp32"] <= 0.1
