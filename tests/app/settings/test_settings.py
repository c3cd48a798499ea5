import dataclasses
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.session.folder import PartLimits
from app.settings import settings as module
from app.settings.settings import (
    KEYS,
    Settings,
    as_toml,
    load_settings,
    problems,
    save_settings,
    settings_path,
)
from engine.analyze import AnalyzerConfig
from engine.errors import ConfigError, SinkError


def test_every_field_has_a_place_in_the_file():
    assert set(KEYS) == {field.name for field in dataclasses.fields(Settings)}
    assert len(set(KEYS.values())) == len(KEYS)


def test_nothing_is_sent_or_changed_by_default():
    settings = Settings()
    assert [settings.osc, settings.udp, settings.lsl] == [False] * 3
    assert settings.osc_host == settings.udp_host == "127.0.0.1"
    assert not settings.seen_privacy
    assert settings.analyzer() == AnalyzerConfig()


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "new" / "settings.toml"
    changed = Settings(
        model='C:\\models\\"my" \N{GRINNING FACE}.onnx',
        device="cpu",
        smooth=1.5,
        max_faces=3,
        theme="dark",
        mirror=False,
        recording_folder=tmp_path / "récordings",
        udp=True,
        udp_port=5005,
        seen_privacy=True,
    )
    save_settings(path, changed)
    assert load_settings(path) == changed
    assert [file.name for file in path.parent.iterdir()] == ["settings.toml"]


@given(st.text(min_size=1), st.floats(0, 10), st.integers(1, 65535))
def test_any_settings_survive_the_file(tmp_path_factory, name, smooth, port):
    try:
        changed = Settings(lsl_name=name, smooth=smooth, osc_port=port)
    except ConfigError:
        assert not name.strip() or not name.isprintable()
        return
    path = tmp_path_factory.mktemp("s") / "settings.toml"
    path.write_text(as_toml(changed), "utf-8")
    assert load_settings(path) == changed


def test_without_a_file_the_defaults_hold(tmp_path):
    assert load_settings(tmp_path / "settings.toml") == Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[analysis]\ndetect_evry = 3", "analysis.detect_evry: unknown key; known here: model"),
        (
            "[analysis]\nsmoth = 1\n[outputs.osc]\nx = 1\n[analysis.model]\ny = 1",
            "analysis.smoth: unknown key; known here: model",
        ),
        (
            "[analysis]\nsmoth = 1\ntreads = 2",
            "analysis.smoth, analysis.treads: unknown keys; known here: model, device",
        ),
        ("[analysis]\nmodel = 2026-01-01", "analysis.model: must be a text, got {'date': '2026"),
        ("[outputs.osc]\nhost = ''", "outputs.osc.host: must not be empty"),
        ("[outputs.osc]\nhost = 'a\tb'", "outputs.osc.host: must be one line without control"),
        ("[outputs.udp]\nport = 65536", "outputs.udp.port: must be at most 65535, got 65536"),
        ("[analysys]\nmodel = 'x'", "analysys: unknown key; known here: analysis, view"),
        ("[outputs.osc]\nprot = 3", "outputs.osc.prot: unknown key; known here: on, host, port"),
        ("[analysis]\nmax_faces = 'a'", "analysis.max_faces: must be a whole number, got 'a'"),
        ("[analysis]\nmax_faces = true", "analysis.max_faces: must be a whole number, got True"),
        ("[analysis]\nmax_faces = 0", "analysis.max_faces: must be at least 1, got 0"),
        ("[analysis]\nsmooth = nan", "analysis.smooth: must be finite, got nan"),
        ("[analysis]\ndevice = 'gpu'", "analysis.device: 'gpu' is unknown; choose auto, cpu, cuda"),
        ("[view]\nlanguage = 'fr'", "view.language: 'fr' is unknown; choose system, en, de"),
        ("[view]\ntheme = 'pink'", "view.theme: 'pink' is unknown; choose system, light, dark"),
        ("[view]\nmirror = 1", "view.mirror: must be true or false, got 1"),
        ("[outputs.udp]\nhost = ' '", "outputs.udp.host: must not be empty"),
        ("[recording]\nfolder = 'here'", "recording.folder: must be a full path, got 'here'"),
        ("[recording]\nfolder = 3", "recording.folder: must be a text, got 3"),
        ("view = 3", "view: unknown key"),
        ("[view", "cannot be read: Expected ']'"),
    ],
)
def test_a_wrong_file_is_named_with_the_key(tmp_path, text, message):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_form_gets_all_problems_at_once():
    found = problems({"max_faces": 0, "osc_port": 70000, "smooth": 1.0, "model": ""})
    assert found == {
        "max_faces": "must be at least 1, got 0",
        "osc_port": "must be at most 65535, got 70000",
        "model": "must not be empty",
    }


def test_a_failed_save_leaves_the_last_settings(tmp_path, monkeypatch):
    path = tmp_path / "settings.toml"
    save_settings(path, Settings(theme="dark"))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.Path, "write_text", full)
    with pytest.raises(SinkError, match="No space left"):
        save_settings(path, Settings(theme="light"))
    assert load_settings(path).theme == "dark"
    assert [file.name for file in tmp_path.iterdir()] == ["settings.toml"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="cannot be written"):
        save_settings(tmp_path / "file" / "settings.toml", Settings())
    assert stat.S_ISREG((tmp_path / "file").stat().st_mode)


def test_settings_lie_where_the_system_keeps_them(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "config_folder", lambda: tmp_path)
    assert settings_path() == tmp_path / "settings.toml"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other places")
def test_settings_of_earlier_versions_are_found(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings_path() == tmp_path / ".config/fer-live/settings.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/x")
    assert settings_path() == Path("/x/fer-live/settings.toml")


def test_parts_of_recordings_are_an_hour_or_what_a_stick_takes():
    assert Settings().part_limits() == PartLimits(seconds=3600.0, size=4_000_000_000)
    assert Settings().part_limits().size < 2**32  # the most that FAT32 takes
    chosen = Settings(part_minutes=5, part_gb=0.5).part_limits()
    assert chosen == PartLimits(seconds=300.0, size=500_000_000)
    with pytest.raises(ConfigError, match=r"recording\.part_minutes: must be at least 1, got 0"):
        Settings(part_minutes=0)
