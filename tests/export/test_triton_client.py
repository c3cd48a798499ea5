"""`examples/triton_client.py` against the stand-in for the server."""

import importlib.util
import json
import re
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig

from engine.assets import asset_path
from export.triton import CROPS, FRAMES


@pytest.fixture
def client(triton, monkeypatch):
    """The example, its library answered by `triton`."""

    class Refused(Exception):
        def message(self):
            return str(self)

    class Connection:
        def __init__(self, address):
            self.address = address

        def is_server_live(self, client_timeout):
            if not self.address.endswith(":8001"):
                raise Refused("failed to connect to all addresses")
            return client_timeout > 0

        def get_model_config(self, model, client_timeout):
            if model not in triton.configs:
                raise Refused(f"Request for unknown model: '{model}' is not found")
            return SimpleNamespace(config=triton.configs[model])

        def infer(self, model, inputs, client_timeout):
            if model == FRAMES:
                outputs = {"boxes": np.zeros((0, 4), np.float32)}
            else:
                outputs = triton.run(model, {x.name: x.array for x in inputs})
            names = [SimpleNamespace(name=name) for name in outputs]
            response = SimpleNamespace(outputs=names)
            return SimpleNamespace(get_response=lambda: response, as_numpy=outputs.get)

        def close(self):
            closed.append(self.address)

    class Input:
        def __init__(self, name, shape, datatype):
            self.name, self.shape, self.datatype = name, shape, datatype

        def set_data_from_numpy(self, array):
            assert tuple(self.shape) == array.shape
            assert self.datatype == {"float32": "FP32", "uint8": "UINT8"}[array.dtype.name]
            self.array = array

    closed = []
    library = ModuleType("tritonclient")
    library.grpc = SimpleNamespace(InferenceServerClient=Connection, InferInput=Input)
    library.utils = SimpleNamespace(InferenceServerException=Refused)
    monkeypatch.setitem(sys.modules, "tritonclient", library)
    path = Path(__file__).parents[2] / "examples" / "triton_client.py"
    spec = importlib.util.spec_from_file_location("triton_client_example", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return SimpleNamespace(main=module.main, closed=closed)


def test_client_prints_calibrated_labels(client, capsys):
    assert client.main([str(asset_path("portrait.jpg"))]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("face at ")
    assert re.search(r": happiness (9\d\.\d|100\.0)%", line)
    assert "valence +0." in line
    shares = [float(word[:-1]) for word in line.split() if word.endswith("%")]
    assert all(more >= less for more, less in pairwise(shares))
    assert client.closed == ["localhost:8001"]


def test_client_uses_the_served_temperature(client, triton, capsys, monkeypatch):
    said = json.loads(triton.configs[CROPS].parameters["manifest"].string_value)
    other = ModelConfig()
    other.CopyFrom(triton.configs[CROPS])
    other.parameters["manifest"].string_value = json.dumps({**said, "temperature": 1e6})
    monkeypatch.setitem(triton.configs, CROPS, other)
    assert client.main([str(asset_path("portrait.jpg"))]) == 0
    assert capsys.readouterr().out.count("12.5%") == 3  # all eight are alike


def test_client_reads_more_faces_than_fit_one_call(client, triton, capsys, monkeypatch, tmp_path):
    portrait = cv2.imread(str(asset_path("portrait.jpg")))
    cv2.imwrite(str(tmp_path / "two.png"), np.hstack([portrait, portrait]))
    other = ModelConfig()
    other.CopyFrom(triton.configs[CROPS])
    other.max_batch_size = 1
    monkeypatch.setitem(triton.configs, CROPS, other)
    assert client.main([str(tmp_path / "two.png")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_client_says_that_there_is_no_face(client, capsys):
    assert client.main([str(asset_path("portrait.jpg")), "--frames"]) == 0
    assert capsys.readouterr().out == "no face found\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--server", "away:1"], 1, "server away:1: does not answer (failed to connect to all"),
        (["gone.jpg"], 3, "gone.jpg: no picture that can be read"),
    ],
)
def test_client_failure_is_one_line(client, capsys, arguments, code, says):
    picture = [] if arguments[0] == "gone.jpg" else [str(asset_path("portrait.jpg"))]
    assert client.main([*picture, *arguments]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"triton_client: {says}")


def test_client_without_the_model_is_one_line(client, triton, capsys, monkeypatch):
    monkeypatch.delitem(triton.configs, CROPS)
    assert client.main([str(asset_path("portrait.jpg"))]) == 4
    assert f"{CROPS}: Request for unknown model" in capsys.readouterr().err


def test_client_without_its_library_names_the_command(client, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tritonclient", None)
    assert client.main([str(asset_path("portrait.jpg"))]) == 1
    assert "run: pip install 'tritonclient[grpc]'" in capsys.readouterr().err
