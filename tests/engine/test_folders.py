"""The user's folders on each system, and those that earlier versions wrote to."""

import os
from pathlib import Path

import pytest
from platformdirs import windows
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from engine import folders
from engine.errors import SinkError

XDG = {"XDG_CACHE_HOME": "/c", "XDG_CONFIG_HOME": "/x", "XDG_DATA_HOME": "/d"}


@pytest.fixture
def on(monkeypatch):
    """Give `on(system, **environment)`, which makes this a system with a home /home/ann."""
    for name in XDG:
        monkeypatch.delenv(name, raising=False)

    def be(system, **environment):
        monkeypatch.setattr(folders, "PlatformDirs", system)
        for name, value in {"HOME": "/home/ann", **environment}.items():
            monkeypatch.setenv(name, value)
        return folders.cache_folder(), folders.config_folder(), folders.recordings_folder()

    return be


def test_on_linux_they_are_where_they_were(on):
    home = Path("/home/ann")
    wanted = (home / ".cache/fer-live", home / ".config/fer-live", home / "fer-live")
    assert on(Unix) == wanted
    assert folders.data_folder() == home / ".local/share"
    assert on(Unix, **dict.fromkeys(XDG, "")) == wanted


def test_linux_users_may_have_them_elsewhere(on):
    assert on(Unix, **XDG)[:2] == (Path("/c/fer-live"), Path("/x/fer-live"))
    assert folders.data_folder() == Path("/d")


def test_other_systems_have_their_own(on, monkeypatch):
    library = Path("/home/ann/Library")
    wanted = (library / "Caches/fer-live", library / "Application Support/fer-live")
    assert on(MacOS)[:2] == wanted
    monkeypatch.setattr(windows, "get_win_folder", windows.get_win_folder_from_env_vars)
    assert on(windows.Windows, APPDATA="/roam", LOCALAPPDATA="/local")[1] == Path("/roam/fer-live")
    assert folders.cache_folder() == Path("/local/fer-live/Cache")


def test_user_without_a_home_is_told(on, monkeypatch):
    def expanduser(path):
        return path  # as os.path does where there is neither HOME nor an entry for the user

    monkeypatch.setattr(os.path, "expanduser", expanduser)
    with pytest.raises(SinkError, match="home folder is unknown; set HOME"):
        on(Unix)
