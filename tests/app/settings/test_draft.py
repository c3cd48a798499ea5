import os
import shutil
from types import SimpleNamespace

import pytest

from app.settings.draft import Draft, model_problem
from app.settings.settings import Settings
from engine.errors import ConfigError


@pytest.fixture
def draft():
    return Draft(Settings(seen_privacy=True), ("auto", "cpu"))


def test_untouched_it_is_right_and_unchanged(draft):
    assert draft.problems() == {}
    assert not draft.changed
    assert draft.settings() == Settings(seen_privacy=True)


def test_applying_is_the_new_start(draft):
    draft.values["max_faces"] = 2
    assert draft.changed
    assert draft.apply().max_faces == 2
    assert not draft.changed


def test_all_that_is_wrong_is_named(draft):
    draft.values |= {"model": "nope", "device": "cuda", "osc_host": " "}
    found = draft.problems()
    assert set(found) == {"model", "device", "osc_host"}
    assert found["device"] == "not available here; choose auto, cpu"
    with pytest.raises(ConfigError, match=r"outputs.osc.host: must not be empty"):
        draft.apply()


def test_a_folder_that_nothing_can_be_written_to_is_named(draft, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    draft.values["recording_folder"] = tmp_path / "file" / "deeper"
    assert "is no folder" in draft.problems()["recording_folder"]
    draft.values["recording_folder"] = tmp_path / "new"
    assert draft.problems() == {}
    flags = os.ST_RDONLY
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=flags))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=9, free=9))
    why = "cannot be written: the disk is read-only; choose another folder"
    assert draft.problems() == {"recording_folder": why}


def test_two_outputs_cannot_share_a_port(draft):
    draft.values |= {"osc": True, "udp": True, "udp_port": draft.values["osc_port"]}
    assert set(draft.problems()) == {"udp_port"}
    draft.values["udp_host"] = "192.0.2.1"
    assert draft.problems() == {}


def test_defaults_do_not_bring_the_first_run_back(draft):
    draft.values["theme"] = "dark"
    draft.restore_defaults()
    assert draft.settings() == Settings(seen_privacy=True)


def test_models_are_names_or_files(tmp_path):
    file = tmp_path / "own.onnx"
    assert model_problem("poster-rt") == ""
    assert model_problem(str(file)) == "no such file"
    file.touch()
    assert model_problem(str(file)) == ""
    assert model_problem("own").startswith("unknown; choose poster-rt")
