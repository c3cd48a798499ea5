"""`fer-export` from a checkpoint to every target: what is made, and what is refused."""

import errno
import hashlib
import json
import os
import pickle
import shutil
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

import engine.networks.manifest
import export.calibration
import export.comparison
import export.half_precision
import export.networks
import export.parity
import export.system
import export.targets
from engine.assets import asset_path
from engine.errors import SourceError
from engine.networks.bundle import open_bundle
from engine.networks.manifest import Metrics, load_manifest
from export.cli import main
from export.graph import write_manifest
from export.verify import verify
from training.systems.build import SystemConfig, Truths, build
from training.systems.dan import DanConfig
from training.weights import save_weights


@pytest.fixture
def small(make_small, tmp_path, monkeypatch):
    """An exported network in a folder of its own, which is the one the command runs in."""
    path = make_small(tmp_path / "in" / "small.onnx")
    monkeypatch.chdir(path.parent)
    return Path(path.name)


@pytest.fixture
def quantiser(monkeypatch):
    """Put a stand-in in the place of `export.int8`; it says int8 of a copy."""
    module = ModuleType("export.int8")
    module.calls, module.error, module.precision = [], None, "int8"

    def export_int8(source, out, data, cache):
        module.calls.append((source, out, data, cache))
        shutil.copyfile(source, out)
        if module.error is not None:
            raise module.error
        facts = {k: v for k, v in load_manifest(source).data.items() if k != "sha256"}
        write_manifest(out, {**facts, "precision": module.precision})

    module.export_int8 = export_int8
    monkeypatch.setitem(sys.modules, "export.int8", module)
    return module


def names_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def error_of(capsys):
    """Give the last line on stderr, which has to be the command's own."""
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("fer-export: ")
    return line


BESIDE = ["landmark-net.json", "landmark-net.onnx", "small.json", "small.onnx"]


def test_half_goes_beside_its_source_and_states_what_it_is(small, few_faces):
    source = load_manifest(small)
    assert main([str(small), "--precision", "fp16"]) == 0
    assert names_in(".") == sorted([*BESIDE, "small-fp16.json", "small-fp16.onnx"])
    made = load_manifest(Path("small-fp16.onnx"))
    assert (made.data["precision"], made.data["made_from"]) == ("fp16", source.sha256)
    parity = made.data["parity"]
    assert parity["bounds"]["largest"]["probabilities"] == 0.02
    assert 0 < parity["errors"]["real"]["logits"]["largest"] < 0.01
    assert parity["faces"] == 40
    assert parity["accuracy"] == [1.0, 1.0]
    kinds = {each.data_type for each in onnx.load(made.path).graph.initializer}
    assert kinds == {TensorProto.FLOAT16}


def judged_on(path, data):
    facts = load_manifest(path).data
    write_manifest(path, {**facts, "metrics": {"data": data}})


def test_half_has_figures_of_its_own_where_its_source_has(small, few_faces, monkeypatch):
    judged_on(small, export.networks.FERPLUS)
    own = {"data": export.networks.FERPLUS, "test": {"accuracy": 0.5}}
    monkeypatch.setattr(export.half_precision, "served_figures", lambda *_: own)
    assert main([str(small), "--precision", "fp16"]) == 0
    assert load_manifest(Path("small-fp16.onnx")).data["metrics"] == own


def test_half_of_a_network_judged_elsewhere_has_no_figures(small, few_faces, monkeypatch):
    judged_on(small, "rafdb")
    monkeypatch.setattr(export.half_precision, "served_figures", lambda *_: {"data": "wrong"})
    assert main([str(small), "--precision", "fp16"]) == 0
    assert load_manifest(Path("small-fp16.onnx")).data["metrics"] == {}


def test_half_without_the_pictures_says_that_it_has_no_figures(small, caplog):
    judged_on(small, export.networks.FERPLUS)
    assert main([str(small), "--precision", "fp16", "--data", "none", "--cache", "c"]) == 0
    assert load_manifest(Path("small-fp16.onnx")).data["metrics"] == {}
    assert "small-fp16.onnx: has no figures of its own" in caplog.text


def test_half_elsewhere_has_its_landmark_network_beside_it(small, few_faces, tmp_path):
    out = tmp_path / "out" / "new" / "mine.onnx"
    assert main([str(small), "--precision", "fp16", "--out", str(out)]) == 0
    assert names_in(out.parent) == ["landmark-net.json", "landmark-net.onnx", "mine.json", out.name]
    assert verify(small, out).failures == []


def test_half_that_answers_otherwise_leaves_nothing(small, few_faces, monkeypatch, capsys):
    tight = export.parity.Bounds(largest={"logits": 1e-9}, tail={}, agreement=0, points=100)
    monkeypatch.setitem(export.parity.BOUNDS, "fp16", tight)
    assert main([str(small), "--precision", "fp16"]) == 4
    assert "logits on adversarial pictures: off by" in error_of(capsys)
    assert names_in(".") == BESIDE


def test_export_without_faces_says_that_it_was_compared_on_adversarial_pictures(small, caplog):
    assert main([str(small), "--precision", "fp16", "--data", "none", "--cache", "c"]) == 0
    assert "compared on adversarial pictures only, not on faces of FER+" in caplog.text


def test_existing_output_is_replaced_on_request_only(small, few_faces, capsys):
    Path("small-fp16.onnx").write_bytes(b"mine")
    assert main([str(small), "--precision", "fp16"]) == 5
    assert "small-fp16.onnx: exists already; use --overwrite" in error_of(capsys)
    assert Path("small-fp16.onnx").read_bytes() == b"mine"
    assert main([str(small), "--precision", "fp16", "--overwrite"]) == 0
    assert load_manifest(Path("small-fp16.onnx")).data["precision"] == "fp16"


def test_another_landmark_network_beside_the_output_is_not_replaced(small, few_faces, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "landmark-net.onnx").write_bytes(b"of another network")
    assert main([str(small), "--precision", "fp16", "--out", str(tmp_path / "out/a.onnx")]) == 5
    assert names_in(tmp_path / "out") == ["landmark-net.onnx"]
    assert (tmp_path / "out" / "landmark-net.onnx").read_bytes() == b"of another network"


def test_int8_is_made_by_the_quantiser_and_compared(small, few_faces, quantiser):
    assert main([str(small), "--precision", "int8", "--data", "packs", "--cache", "c"]) == 0
    ((source, out, data, cache),) = quantiser.calls
    assert (source, out.name) == (small, "small-int8.onnx")
    assert (data, cache) == (Path("packs"), Path("c"))
    assert load_manifest(Path("small-int8.onnx")).data["precision"] == "int8"


def test_missing_calibration_faces_are_one_line(small, quantiser, capsys):
    quantiser.error = SourceError("int8 is calibrated on the training faces of FER+: missing")
    assert main([str(small), "--precision", "int8"]) == 3
    assert error_of(capsys) == f"fer-export: {quantiser.error}"
    assert names_in(".") == BESIDE


def test_quantiser_that_makes_something_else_is_not_believed(small, quantiser, capsys):
    quantiser.precision = "fp32"
    assert main([str(small), "--precision", "int8"]) == 4
    assert "was made as fp32, not int8" in error_of(capsys)
    assert names_in(".") == BESIDE


def test_bundle_holds_the_network_and_the_detector(small, tmp_path):
    assert main([str(small), "--to", "bundle"]) == 0
    bundle = open_bundle(Path("small.fer"), tmp_path / "cache")
    assert load_manifest(bundle.expression).sha256 == load_manifest(small).sha256
    assert bundle.detector.read_bytes() == asset_path("fer-detector.onnx").read_bytes()
    assert names_in(".") == sorted([*BESIDE, "small.fer"])


def test_bundle_of_half_in_one_command(small, few_faces, tmp_path):
    assert main([str(small), "--to", "bundle", "--precision", "fp16"]) == 0
    assert names_in(".") == sorted([*BESIDE, "small-fp16.fer"])
    bundle = open_bundle(Path("small-fp16.fer"), tmp_path / "cache")
    assert load_manifest(bundle.expression).data["precision"] == "fp16"


def test_bundle_takes_a_detector_of_ones_own(small, tmp_path, capsys):
    for suffix in (".onnx", ".json"):
        path = asset_path("fer-detector.onnx").with_suffix(suffix)
        shutil.copyfile(path, tmp_path / f"mine{suffix}")
    words = [str(small), "--to", "bundle", "--detector-model"]
    assert main([*words, str(tmp_path / "mine.onnx")]) == 0
    assert "mine.onnx" in zipfile.ZipFile("small.fer").namelist()
    assert main([*words, str(small), "--overwrite"]) == 4
    assert "is a network of kind expression, not detector" in error_of(capsys)


def test_triton_repository_has_its_options(small, capsys):
    options = ["--kind", "cpu", "--instances", "2", "--max-batch", "16", "--preferred", "4,8"]
    assert main([str(small), "--to", "triton", *options, "--delay-us", "500"]) == 0
    text = Path("small-triton/small/config.pbtxt").read_text()
    for said in ("KIND_CPU", "count: 2", "max_batch_size: 16", "[4, 8]", "microseconds: 500"):
        assert said in text
    assert main([str(small), "--to", "triton"]) == 5
    assert "small-triton: exists already; use --overwrite" in error_of(capsys)
    (Path("small-triton") / "left over").touch()
    assert main([str(small), "--to", "triton", "--overwrite"]) == 0
    assert "left over" not in names_in("small-triton")
    assert "count: 1" in Path("small-triton/small/config.pbtxt").read_text()
    assert names_in(".") == sorted([*BESIDE, "small-triton"])


def test_folder_that_is_no_repository_is_never_replaced(small, tmp_path, capsys):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    words = [str(small), "--to", "triton", "--overwrite", "--out", str(tmp_path / "home")]
    assert main(words) == 5
    assert "home: exists already and is no model repository" in error_of(capsys)
    assert names_in(tmp_path / "home") == ["letter.txt"]


@pytest.fixture
def marks(make_small, tmp_path, monkeypatch):
    """A network that the stand-in for TensorRT can build, as if it were a landmark network."""
    monkeypatch.setattr(export.targets, "check_opens", lambda path: None)
    path = make_small(tmp_path / "in" / "small.onnx", kind="landmarks")
    monkeypatch.chdir(path.parent)
    return Path(path.name)


def test_engine_has_its_options_and_is_compared(marks, machine, few_faces, caplog):
    caplog.set_level("INFO", "export")
    options = ["--max-batch", "9", "--usual-batch", "2", "--max-side", "640", "--workspace", "64"]
    assert main([str(marks), "--to", "tensorrt", *options]) == 0
    card = json.loads(Path("small.engine.json").read_text())
    assert card["key"]["precision"] == "fp32"
    built = {name: card["build"][name] for name in ("max_batch", "usual_batch", "max_side")}
    assert built == {"max_batch": 9, "usual_batch": 2, "max_side": 640}
    assert card["build"]["workspace_mib"] == 64
    assert "small.engine against small.onnx: fp32, batches of 1, 2, 7, 9" in caplog.text
    assert machine.read  # the engine was opened, not only built


def test_engine_in_half_leaves_its_source_as_it_is(marks, machine, few_faces, capsys):
    before = marks.read_bytes()
    words = [str(marks), "--to", "tensorrt", "--precision", "fp16"]
    assert main([*words, "--out", "small.engine"]) == 2
    assert "its graph would replace small.onnx" in error_of(capsys)
    assert main(words) == 0
    assert json.loads(Path("small-fp16.engine.json").read_text())["key"]["precision"] == "fp16"
    assert load_manifest(Path("small-fp16.onnx")).data["precision"] == "fp16"
    assert marks.read_bytes() == before


def test_gpu_that_lacks_a_precision_is_named_before_anything_is_made(marks, machine, capsys):
    machine.gpu = ("Old card", 6, 1)
    assert main([str(marks), "--to", "tensorrt", "--precision", "fp16"]) == 4
    assert "precision fp16: needs compute capability 7.0, Old card has 6.1" in error_of(capsys)
    assert names_in(".") == BESIDE
    assert machine.builds == []


def test_int8_of_a_cpu_is_not_built_for_a_gpu(marks, machine, quantiser, capsys):
    assert main([str(marks), "--to", "tensorrt", "--precision", "int8"]) == 4
    assert "TensorRT takes another form of it; choose --precision fp16" in error_of(capsys)
    assert quantiser.calls == []
    assert names_in(".") == BESIDE


def test_machine_without_tensorrt_says_how_to_get_it(marks, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert main([str(marks), "--to", "tensorrt"]) == 4
    assert error_of(capsys) == (
        "fer-export: TensorRT not installed: pip install tensorrt cuda-python"
    )
    assert names_in(".") == BESIDE


def test_machine_without_a_driver_says_so(marks, machine, capsys):
    machine.status = "cudaErrorInsufficientDriver"
    assert main([str(marks), "--to", "tensorrt"]) == 4
    assert "no NVIDIA driver" in error_of(capsys)


# What is no good, from the command line.


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["none"], 4, "none: no such checkpoint; expected a run folder of fer-train"),
        (["landmark-net.json"], 4, "not a checkpoint"),
        (["."], 4, "model.safetensors: missing; is this a finished run of fer-train?"),
        ([], 2, "CHECKPOINT is missing; see fer-export --help"),
        (["small.onnx"], 2, "is an fp32 ONNX file already; choose --precision fp16 or int8"),
        (["small.onnx", "--to", "coreml"], 2, "--to: invalid choice: 'coreml'"),
        (["small.onnx", "--precision", "fp8"], 2, "--precision: invalid choice: 'fp8'"),
        (["small.onnx", "--precision", "fp16", "--batch", "2"], 2, "--batch: the graphs of an"),
        (["small.onnx", "--to", "bundle", "--kind", "gpu"], 2, "--kind: is for --to triton, not"),
        (["small.onnx", "--to", "triton", "--workspace", "9"], 2, "--workspace: is for --to tens"),
        (["small.onnx", "--to", "triton", "--instances", "0"], 2, "'0' is no number from 1 on"),
        (["small.onnx", "--to", "triton", "--max-batch", "99"], 2, "max_batch: must be at most 64"),
        (["small.onnx", "--to", "triton", "--engine", "no.engine"], 2, "no.engine"),
        (["small.onnx", "--to", "bundle", "--out", "a.zip"], 2, "must end in .fer for --to bun"),
        (["landmark-net.onnx", "--to", "bundle"], 2, "starts from an expression network, not lan"),
        (["small.onnx", "--precision", "fp16", "--out", "small.onnx"], 2, "would replace small.on"),
        (["verify", "small.onnx"], 2, "the following arguments are required: B"),
        (["verify", "small.onnx", "small.onnx", "--faces", "-1"], 2, "no number from 0 on"),
    ],
)
def test_wrong_words_are_one_line(small, capsys, words, code, says):
    assert main(words) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-export: ")
    assert says in line
    assert names_in(".") == BESIDE


def test_half_of_half_starts_from_the_fp32_file(small, few_faces, capsys):
    assert main([str(small), "--precision", "fp16"]) == 0
    assert main(["small-fp16.onnx", "--precision", "int8"]) == 4
    assert "is fp16 already; start from the fp32 file to get int8" in error_of(capsys)
    assert main(["small-fp16.onnx", "--to", "bundle"]) == 0


def test_network_that_is_not_its_manifests_is_refused(small, capsys):
    small.write_bytes(small.read_bytes() + b" ")
    assert main([str(small), "--to", "bundle"]) == 4
    assert "the file is damaged or was changed" in error_of(capsys)


def describe(path, **facts):
    """Write a manifest that vouches for whatever a file holds."""
    stated = {
        **dict.fromkeys(engine.networks.manifest.REQUIRED, ""),
        "name": path.stem,
        "kind": "expression",
        "opset": 18,
        "metrics": {},
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        **facts,
    }
    path.with_suffix(".json").write_text(json.dumps(stated))


def test_malformed_graph_is_refused_whatever_its_manifest_says(small, capsys):
    for number, content in enumerate((b"no graph", small.read_bytes()[:-9], b"")):
        path = Path(f"bad{number}.onnx")
        path.write_bytes(content)
        describe(path)
        assert main([str(path), "--to", "bundle"]) == 4
        assert f"{path}: " in error_of(capsys)
        assert not path.with_suffix(".fer").exists()


def test_operators_that_onnx_does_not_define_are_refused(tmp_path, capsys):
    node = helper.make_node("Run", ["crops"], ["logits"], domain="com.stranger")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3])
        for name in ("crops", "logits")
    ]
    sets = [helper.make_opsetid("", 18), helper.make_opsetid("com.stranger", 1)]
    graph = helper.make_graph([node], "a", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=sets), tmp_path / "a.onnx")
    describe(tmp_path / "a.onnx")
    assert main([str(tmp_path / "a.onnx"), "--to", "bundle"]) == 4
    assert "needs operators that ONNX does not define: com.stranger" in error_of(capsys)


def test_weights_outside_the_file_are_refused(small, tmp_path, capsys):
    (tmp_path / "secret").write_bytes(np.zeros(144, np.float32).tobytes())
    model = onnx.load(small)
    (held,) = model.graph.initializer
    held.ClearField("raw_data")
    held.data_location = TensorProto.EXTERNAL
    held.external_data.add(key="location", value="../secret")
    Path("out.onnx").write_bytes(model.SerializeToString())
    describe(Path("out.onnx"))
    assert main(["out.onnx", "--to", "bundle"]) == 4
    assert "keeps weights in other files" in error_of(capsys)
    assert not Path("out.fer").exists()


def test_oversized_graph_is_refused_before_it_is_read(small, monkeypatch, capsys):
    monkeypatch.setattr(engine.networks.manifest, "NETWORK_MAX", 100)
    assert main([str(small), "--to", "bundle"]) == 4
    assert "expected at most 100" in error_of(capsys)


TARGETS = (["--precision", "fp16"], ["--to", "bundle"], ["--to", "triton"])
ENDING = {"fp16": ".onnx", "bundle": ".fer", "triton": ""}


@pytest.mark.parametrize("target", TARGETS, ids=lambda words: words[1])
def test_folder_that_cannot_be_written_to_is_one_line(small, few_faces, capsys, target):
    Path("file").touch()
    out = f"file/a{ENDING[target[1]]}"
    assert main([str(small), *target, "--out", out]) == 5
    assert f"{out}: cannot be written: " in error_of(capsys)
    assert names_in(".") == sorted([*BESIDE, "file"])


@pytest.mark.parametrize(
    ("target", "place"),
    [
        (TARGETS[0], (onnx, "save")),
        (TARGETS[1], (zipfile.ZipFile, "writestr")),
        (TARGETS[2], (shutil, "copyfile")),
    ],
    ids=lambda words: words[1] if isinstance(words, list) else "",
)
def test_full_disk_leaves_nothing(small, few_faces, monkeypatch, capsys, target, place):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*place, full)
    assert main([str(small), *target]) == 5
    assert "cannot be written: No space left on device" in error_of(capsys)
    assert names_in(".") == BESIDE


@pytest.mark.parametrize("target", TARGETS, ids=lambda words: words[1])
def test_interruption_leaves_nothing(small, monkeypatch, capsys, target):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(export.comparison, "compare", interrupted)
    monkeypatch.setattr(export.bundle, "open_bundle", interrupted)
    monkeypatch.setattr(export.triton, "frames_config", interrupted)
    monkeypatch.setattr(export.comparison, "real_faces", lambda *_: None)
    assert main([str(small), *target]) == 130
    assert error_of(capsys) == "fer-export: interrupted; nothing was kept"
    assert names_in(".") == BESIDE


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return (Path.touch, (self.place,))


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.safetensors", "model.onnx"])
def test_checkpoint_that_runs_code_is_not_opened(tmp_path, capsys, name):
    path, sprung = tmp_path / name, tmp_path / "sprung"
    path.write_bytes(pickle.dumps(Trap(sprung)))
    (tmp_path / "recipe.json").write_text(json.dumps({"task": "landmarks"}))
    if name.endswith("onnx"):
        describe(path)
    assert main([str(path), "--to", "onnx", "--out", str(tmp_path / "a.onnx")]) == 4
    assert name in error_of(capsys)
    assert not sprung.exists()
    assert not (tmp_path / "a.onnx").exists()


# From a run of fer-train.


@pytest.fixture
def run(tmp_path):
    """A finished run of the smallest DAN, untrained."""
    folder = tmp_path / "runs" / "tiny dan"
    folder.mkdir(parents=True)
    config = DanConfig(classes=8, trunk="rt", width=32, input_size=112, heads=2)
    names = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
    torch.manual_seed(0)
    system = build(
        config, SystemConfig(name="dan"), Truths((1,) * 8, np.eye(8, dtype=np.float32), names)
    )
    save_weights(system, folder / "model.safetensors")
    tables = {
        "task": "system",
        "system": {"name": "dan"},
        "dan": {"classes": 8, "trunk": "rt", "width": 32, "input_size": 112, "heads": 2},
        "data": {"dataset": "ferplus"},
        "loop": {"epochs": 1, "batch": 2},
    }
    (folder / "recipe.json").write_text(json.dumps(tables))
    card = {"dataset": "ferplus", "classes": names, "input_size": 112, "parameters": 1, "gmac": 1.0}
    (folder / "model.json").write_text(json.dumps(card))
    return folder


@pytest.fixture
def judged(monkeypatch):
    """Spare a run the judging of its validation split."""

    class Evaluation:
        temperature = 1.5

        def figures(self):
            return {"accuracy": 0.5}

    monkeypatch.setattr(export.system, "evaluate_saved", lambda *_, **__: Evaluation())


@pytest.mark.slow
def test_run_becomes_a_bundle_in_one_command(run, judged, few_faces, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO", "export")
    assert main([str(run), "--to", "bundle"]) == 0
    made = run / "tiny-dan.fer"
    assert names_in(run) == ["model.json", "model.safetensors", "recipe.json", made.name]
    bundle = open_bundle(made, tmp_path / "cache")
    manifest = load_manifest(bundle.expression)
    assert (manifest.name, manifest.data["temperature"]) == ("tiny-dan", 1.5)
    figures = manifest.read(Metrics, "metrics")  # what lists of networks show
    assert figures.data.startswith("FER+")
    assert (figures.valid.accuracy, figures.test.accuracy) == (0.5, 0.5)
    assert caplog.text.count("logits | real") == 1  # compared, and once
    assert verify(run, made).failures == []
    assert verify(run / "model.safetensors", made).failures == []


@pytest.mark.slow
def test_export_that_disagrees_with_torch_leaves_nothing(
    run, judged, few_faces, monkeypatch, capsys
):
    tight = export.parity.Bounds(largest={"logits": -1.0}, tail={}, agreement=0, points=100)
    monkeypatch.setitem(export.parity.BOUNDS, "fp32", tight)
    before = names_in(run)
    assert main([str(run), "--batch", "2"]) == 4
    assert "differs from" in error_of(capsys)
    assert names_in(run) == before


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"system": {"name": "resnext"}}, 4, "system.name: 'resnext' is unknown; choose"),
        ({"dan": {"classes": 8, "trunk": "vgg"}}, 4, "vgg"),
        ({"dan": {"classes": 7}}, 4, "dan.classes: 7, but model.json has 8 classes"),
        ({"dan": {"classes": 8, "trunk": "rt", "width": 64}}, 4, "not the weights of a DanSystem"),
        ({"task": "chess"}, 2, "nothing to export for task chess"),
        ({"task": "landmarks"}, 4, "not the weights of a LandmarkNet"),
        ({"task": "detector"}, 2, "metrics.json: threshold: missing"),
    ],
)
def test_run_that_does_not_fit_together_is_one_line(run, capsys, change, code, says):
    tables = json.loads((run / "recipe.json").read_text())
    (run / "recipe.json").write_text(json.dumps({**tables, **change}))
    before = names_in(run)
    assert main([str(run), "--out", str(run / "a.onnx")]) == code
    assert says in error_of(capsys)
    assert names_in(run) == before


def test_weights_with_nothing_that_says_what_they_are_are_refused(run, tmp_path, capsys):
    shutil.copyfile(run / "model.safetensors", tmp_path / "stray.safetensors")
    assert main([str(tmp_path / "stray.safetensors")]) == 2
    assert "neither recipe.json nor stray.onnx" in error_of(capsys)


def test_version_names_the_libraries(capsys):
    assert main(["--version"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("fer-export ")
    assert f"onnx {onnx.__version__}" in said
