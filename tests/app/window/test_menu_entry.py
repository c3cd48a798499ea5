import configparser
import sys
from pathlib import Path

import pytest

from app.window import desktop, menu_entry
from engine.assets import asset_path
from engine.errors import ConfigError


def _entry(path: Path):
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(path)
    return parser["Desktop Entry"]


def test_entry_and_icon_are_written_and_name_each_other(tmp_path):
    path = menu_entry.add_to_menu(tmp_path, ["/opt/fer live/bin/fer-app"])
    assert path == tmp_path / "applications" / "fer-app.desktop"
    entry = _entry(path)
    assert entry["Exec"] == '"/opt/fer live/bin/fer-app"'
    icons = list(tmp_path.glob("icons/hicolor/scalable/apps/*.svg"))
    assert [icon.stem for icon in icons] == [entry["Icon"]]
    assert icons[0].read_bytes() == asset_path("fer-live.svg").read_bytes()
    menu_entry.add_to_menu(tmp_path, ["elsewhere"])  # again, after a move
    assert _entry(path)["Exec"] == '"elsewhere"'
    assert not list(tmp_path.rglob("*partial*"))


def test_what_a_shell_or_the_menu_would_read_is_escaped(tmp_path):
    path = menu_entry.add_to_menu(tmp_path, ["/a$b/100%", 'say "x"'])
    assert _entry(path)["Exec"] == r'"/a\\$b/100%%" "say \\"x\\""'


def test_the_command_is_that_of_this_python():
    starts = menu_entry.command()
    assert Path(starts[0]).parent == Path(sys.executable).parent
    assert len(starts) == 1 or starts[1:] == ("-m", "app.window.desktop")


@pytest.mark.skipif(sys.platform != "linux", reason="menus are not made of files here")
def test_the_place_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert menu_entry.data_home() == Path("/data")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert menu_entry.data_home() == tmp_path / ".local" / "share"


def test_a_system_whose_menus_are_no_files_is_named():
    with pytest.raises(ConfigError, match="works on Linux"):
        menu_entry.data_home("win32")


@pytest.mark.skipif(sys.platform != "linux", reason="menus are not made of files here")
def test_the_option_prints_where_the_entry_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert desktop.main(["--add-to-menu"]) == 0
    entry = Path(capsys.readouterr().out.strip())
    assert entry.is_relative_to(tmp_path)
    assert entry.is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="menus are not made of files here")
def test_a_place_that_refuses_is_one_line_and_exit_code_5(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    assert desktop.main(["--add-to-menu"]) == 5
    said = capsys.readouterr().err
    assert "cannot be written" in said
    assert said.count("\n") == 1
