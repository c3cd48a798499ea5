"""What is installed, and what must not be said."""

import getpass
import hashlib
import json
import socket
from pathlib import Path

import fer_live
from engine.assets import asset_path
from engine.networks.models import shipped

ROOT = Path(__file__).parents[2]


def test_every_shipped_network_is_named_with_its_hash():
    models = fer_live.about()["models"]
    assert {file for files in shipped().values() for file in files.values()} < set(models)
    assert {facts["kind"] for facts in models.values()} == {"detector", "landmarks", "expression"}
    assert set(models) == {path.name for path in asset_path("poster-rt.onnx").parent.glob("*.onnx")}
    for file, facts in models.items():
        assert facts["sha256"] == hashlib.sha256(asset_path(file).read_bytes()).hexdigest()


def test_versions_and_devices_are_named():
    found = fer_live.about()
    assert found["versions"]["fer-live"] == fer_live.__version__
    assert {"python", "numpy", "av"} <= set(found["versions"])
    assert "cpu" in found["devices"]
    assert found["chosen"]["poster-rt"].startswith(("int8, ", "fp32, "))


def test_no_name_of_a_user_a_computer_or_a_folder_is_told():
    text = json.dumps(fer_live.about())
    for name in (str(ROOT), str(Path.home()), socket.gethostname(), getpass.getuser(), "/", "\\"):
        assert name not in text
