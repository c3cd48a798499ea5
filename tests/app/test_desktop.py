"""`fer-app`: options, and what is said where Qt cannot be loaded."""

import builtins

import pytest

from app import desktop


def test_version(capsys):
    assert desktop.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("fer-app ")


@pytest.mark.parametrize("wrong", [["--sauce", "0"], ["--theme", "pink"], ["--source"]])
def test_a_wrong_option_is_one_line(capsys, wrong):
    assert desktop.main(wrong) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-app: ")
    assert line.endswith("see fer-app --help")


def test_settings_that_are_wrong_are_one_line(capsys, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("[analysis]\ndetect_evry = 3\n")
    assert desktop.main(["--settings", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "analysis.detect_evry: unknown key" in line


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            ImportError("libEGL.so.1: cannot open shared object file: No such file or directory"),
            "apt install libegl1",
        ),
        (
            ImportError("libxkbcommon.so.0: cannot open shared object file"),
            "apt install libxkbcommon0",
        ),
        (
            ModuleNotFoundError("No module named 'PyQt6'", name="PyQt6"),
            "pip install 'fer-live[app]'",
        ),
    ],
)
def test_a_missing_library_is_named_with_its_remedy(monkeypatch, capsys, error, remedy):
    real = builtins.__import__

    def refusing(name, *args, **kwargs):
        if name == "PyQt6":
            raise error
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refusing)
    assert desktop.main([]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert remedy in line
