"""Files of text: what is wrong with one is a line with its name."""

from pathlib import Path

import pytest

from engine import documents
from engine.documents import is_file, read_json, read_object, read_text, read_toml
from engine.errors import ConfigError, ModelError

DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (read_text, b"a\xff"),
        (read_json, b"{"),
        (read_json, b"\xff"),
        (read_json, DEEP.encode()),
        (read_json, b"9" * 5000),
        (read_object, b"[1]"),
        (read_toml, b"a = "),
        (read_toml, f"a = {DEEP}".encode()),
        (read_toml, b"a = " + b"9" * 5000),
        (read_toml, "a = 1".encode("utf-16")),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, read, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read(path, ModelError, "remove it")
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert line.endswith("; remove it")
    assert "\n" not in line


@pytest.mark.parametrize("name", ["none", "x" * 300, "a\0b", "."])
def test_what_is_no_file_is_one_line(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be read: "):
        read_json(tmp_path / name, ConfigError)


def test_the_mark_of_utf_8_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n')
    assert read_object(path, ModelError) == {"a": 1}
    assert read_text(path, ModelError) == '{"a": 1}\r\n'


def test_a_folder_or_nothing_or_too_much_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match=r"none\.json: cannot be read: No such file"):
        read_object(tmp_path / "none.json", ModelError)
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        read_object(tmp_path, ModelError)
    monkeypatch.setattr(documents, "LARGEST", 10)
    (tmp_path / "a.json").write_text('{"name": "xxx"}')
    with pytest.raises(ModelError, match=r"a\.json: cannot be read: has over 10 bytes"):
        read_object(tmp_path / "a.json", ModelError)


@pytest.mark.parametrize("name", ["none", ".", "x" * 300, "a\0b"])
def test_what_is_no_file_is_none(tmp_path, name):
    assert not is_file(tmp_path / name)
    assert is_file(Path(__file__))
