"""Damaged networks, manifests and bundles, through a whole analysis of one frame."""

import hashlib
import io
import json
import math
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engine.analyze import AnalyzerConfig, open_analyzer
from engine.faces.alignment import template
from engine.labels import EXPRESSIONS
from engine.record import COLUMNS, records_of
from engine.types import Frame

CASES = 20
MARGIN = 0.1
SIDE, CELLS = 8, 100  # pixels of a crop; places of a detector that looks at 80 x 80 pixels
NAMES = {"detector": "finds", "landmarks": "marks", "expression": "reads"}
MAPS = {"fine": (2, 4, 4), "coarse": (4, 2, 2)}
IMAGE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


def info(name, *shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def network(nodes, inputs, outputs, **constants):
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)])


def detector():
    """Give a network that sees one face in the middle of every picture."""
    scores, raw = np.zeros(CELLS, np.float32), np.zeros((CELLS, 14), np.float32)
    scores[44] = 0.9
    raw[:, 2:4] = 1.6
    raw[:, 4:] = 4 * (template(1, 0.0) - 0.5).ravel()
    nodes = [
        helper.make_node("Cast", ["image"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["real"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "none"], ["zero"]),
        helper.make_node("Add", ["zero", "s"], ["scores"]),
        helper.make_node("Add", ["zero", "r"], ["raw"]),
    ]
    image = info("image", 1, 1, "H", "W", kind=TensorProto.UINT8)
    ends = [info("scores", CELLS), info("raw", CELLS, 14)]
    return network(nodes, [image], ends, none=np.zeros((), np.float32), s=scores, r=raw)


def linear(inputs, outputs, bias):
    """Give a network whose outputs are a product of its inputs, side by side."""
    rng = np.random.default_rng(0)
    counts = [int(np.prod(shape)) for shape in outputs.values()]
    width = sum(int(np.prod(shape)) for shape in inputs.values())
    nodes = [helper.make_node("Flatten", [name], [f"{name}_flat"]) for name in inputs]
    nodes.append(helper.make_node("Concat", [f"{name}_flat" for name in inputs], ["x"], axis=1))
    constants = {}
    for (name, shape), count, part in zip(
        outputs.items(), counts, np.split(bias, np.cumsum(counts)[:-1]), strict=True
    ):
        constants[f"{name}_w"] = rng.normal(0, 0.001, (width, count)).astype(np.float32)
        constants[f"{name}_b"] = part.astype(np.float32)
        constants[f"{name}_s"] = np.array([-1, *shape], np.int64)
        nodes.append(helper.make_node("Gemm", ["x", f"{name}_w", f"{name}_b"], [f"{name}_y"]))
        nodes.append(helper.make_node("Reshape", [f"{name}_y", f"{name}_s"], [name]))
    ends = [[info(n, "N", *shape) for n, shape in named.items()] for named in (inputs, outputs)]
    return network(nodes, *ends, **constants)


def upright():
    """Give 68 points of a crop that is framed as it should be, its edges at 0 and 1."""
    five = (template(SIDE, MARGIN) + 0.5) / SIDE
    points = np.tile(five.mean(axis=0), (68, 1))
    points[:17] = np.linspace((0.1, 0.3), (0.9, 0.3), 17)
    for place, rows in enumerate((range(36, 42), range(42, 48), (30,), (48,), (54,))):
        points[list(rows)] = five[place]
    return points


@pytest.fixture(scope="module")
def networks():
    """Give the graphs of the three networks by kind."""
    rng = np.random.default_rng(1)
    crops = {"crops": (3, SIDE, SIDE)}
    marks = np.concatenate([upright().ravel(), [4.0], rng.normal(0, 1, 48)])
    shown = {"landmarks": (68, 2), "presence": (), **MAPS}
    return {
        "detector": detector(),
        "landmarks": linear(crops, shown, marks),
        "expression": linear(
            crops | MAPS, {"logits": (8,), "valence_arousal": (2,)}, rng.normal(0, 1, 10)
        ),
    }


def manifests():
    """Give what the manifests state, but for hashes."""
    common = {"architecture": "linear", "opset": 18, "commit": "c", "licence": "CC0-1.0"}
    crops = {"size": SIDE, "margin": MARGIN, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
    own = {
        "detector": {
            "input": {"pad": 114, "multiple": 8},
            "strides": [8],
            "score_threshold": 0.5,
            "nms_iou": 0.4,
        },
        "landmarks": {"input": crops},
        "expression": {
            "input": crops,
            "labels": list(EXPRESSIONS),
            "temperature": 1.5,
            "landmarks": {"file": "marks.onnx", "maps": list(MAPS)},
        },
    }
    return {
        kind: {"name": NAMES[kind], "kind": kind, **common, "metrics": {}, **more}
        for kind, more in own.items()
    }


def files_of(contents, stated):
    """Give the six files by name; manifests have the hashes of what lies beside them."""
    digests = {kind: hashlib.sha256(content).hexdigest() for kind, content in contents.items()}
    files = {}
    for kind, content in contents.items():
        data = {**stated[kind], "sha256": digests[kind]}
        if kind == "expression":
            data["landmarks"] = {**data["landmarks"], "sha256": digests["landmarks"]}
        files[f"{NAMES[kind]}.onnx"] = content
        files[f"{NAMES[kind]}.json"] = json.dumps(data).encode()
    return files


def analyzed(case, model, detector=None):
    config = AnalyzerConfig(
        model=str(model), detector_model=detector and str(detector), device="cpu", threads=1
    )
    with open_analyzer(config) as analyzer:
        return [analyzer.analyze(Frame(index, index / 25, IMAGE)) for index in range(2)]


def judge(case, model, detector=None):
    """Have the networks used; what they say is numbers."""
    analyses = case.judge(lambda: analyzed(case, model, detector))
    for analysis in analyses or ():
        for record, _ in records_of(analysis, landmarks=True):
            said = [record.value(name) for name in COLUMNS]
            said += [*record.others.values(), *record.measures.values()]
            numbers = [x for x in said if not (x is None or isinstance(x, str))]
            assert all(map(math.isfinite, numbers)), record
            assert record.expression or record.affect_source, record  # something was said
    return analyses


def used(case, files):
    for name, content in files.items():
        case.put(name, content)
    return judge(case, case.folder / "reads.onnx", case.folder / "finds.onnx")


def test_whole_networks_find_one_face(networks, request, tmp_path):
    """What the cases begin with is whole: it reads a face."""
    files = files_of({k: v.SerializeToString() for k, v in networks.items()}, manifests())
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for analysis in analyzed(None, tmp_path / "reads.onnx", tmp_path / "finds.onnx"):
        assert len(analysis.predictions) == 1


def test_manifests(case, networks):
    files = files_of({k: v.SerializeToString() for k, v in networks.items()}, manifests())
    name = f"{case.pick(list(NAMES.values()))}.json"
    files[name] = case.change.damaged_json(case.rng, json.loads(files[name]))
    used(case, files)


def test_networks(case, networks):
    contents = {kind: graph.SerializeToString() for kind, graph in networks.items()}
    kind = case.pick(list(contents))
    contents[kind] = case.change.damaged(case.rng, contents[kind], list(contents.values()))
    used(case, files_of(contents, manifests()))


SHAPES = ([0], [-1], [2**40], [1, 2**20, 2**20], [10, 14], [1], [100, 15], [])
OPERATORS = ("Neg", "Relu", "Shape", "NonZero", "Log", "Nothing", "Loop", "Expand", "Einsum")


def rewired(case, graph):
    """Change one thing of a graph that keeps its form."""
    changed = onnx.ModelProto()
    changed.CopyFrom(graph)
    node = case.pick(changed.graph.node)
    constant = case.pick(changed.graph.initializer)
    end = case.pick([*changed.graph.input, *changed.graph.output])
    value = numpy_helper.to_array(constant)
    if value.dtype == np.float32:
        fill = case.pick((np.nan, np.inf, -np.inf, 1e38, -1e38, 0, 1e6))
        shorter = value[..., :1] if value.ndim else value[None]
        wrong = case.pick((np.full_like(value, fill), shorter, value.astype(np.float64)))
    else:
        wrong = np.array(case.pick(SHAPES), np.int64)
    ways = (
        lambda: constant.CopyFrom(numpy_helper.from_array(np.array(wrong), constant.name)),
        lambda: constant.CopyFrom(numpy_helper.from_array(np.array(wrong), constant.name)),
        lambda: constant.CopyFrom(numpy_helper.from_array(np.array(wrong), constant.name)),
        lambda: setattr(node, "op_type", case.pick(OPERATORS)),
        lambda: setattr(node, "domain", "elsewhere"),
        lambda: node.input.append(case.pick(("", "x", "nowhere"))),
        lambda: changed.graph.node.remove(node),
        lambda: setattr(end, "name", case.pick(("", "x", "a\nb", "x" * 3000))),
        lambda: setattr(end.type.tensor_type, "elem_type", int(case.rng.integers(0, 30))),
        lambda: end.type.tensor_type.shape.dim.add(dim_value=int(case.pick((0, 1, -1, 2**40)))),
        lambda: changed.opset_import[0].__setattr__("version", case.pick((0, 7, 999))),
        lambda: changed.__setattr__("ir_version", case.pick((0, 3, 10_000))),
        lambda: constant.external_data.add(key="location", value="/etc/passwd"),
    )
    case.pick(ways)()
    return changed


def test_graphs(case, networks):
    contents = {kind: graph.SerializeToString() for kind, graph in networks.items()}
    kind = case.pick(list(contents))
    contents[kind] = rewired(case, networks[kind]).SerializeToString()
    used(case, files_of(contents, manifests()))


def test_bundles(case, networks, monkeypatch):
    monkeypatch.setattr("engine.networks.bundle.cache_folder", lambda: case.folder / "cache")
    files = files_of({k: v.SerializeToString() for k, v in networks.items()}, manifests())
    index = {"format": 1, "networks": {kind: f"{name}.onnx" for kind, name in NAMES.items()}}
    files["bundle.json"] = json.dumps(index).encode()
    if case.rng.random() < 0.5:
        name = case.pick(("bundle.json", "bundle.json", *files))
        damage = case.change.damaged_json if name.endswith(".json") else case.change.damaged
        value = json.loads(files[name]) if name.endswith(".json") else files[name]
        files[name] = damage(case.rng, value)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", case.pick((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as z:
        for name, content in files.items():
            z.writestr(name, content)
    content = packed.getvalue()
    if case.rng.random() < 0.5:
        content = case.change.damaged(case.rng, content)
    judge(case, case.put("a.fer", content))
    left = [path.name for path in case.folder.rglob("*") if ".partial" in path.name]
    assert not left, left
