"""Files and folders that are whole or not there."""

import errno

import numpy as np
import pytest

from engine.errors import SinkError
from training.atomic import kept, write_text, written


def test_text_replaces_the_old_one_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "a.md"
    write_text(path, "old")
    write_text(path, "new ±\n")
    assert path.read_text(encoding="utf-8") == "new ±\n"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_is_made_for_what_goes_into_it(tmp_path):
    write_text(tmp_path / "one" / "two" / "a.md", "text")
    assert (tmp_path / "one" / "two" / "a.md").read_text() == "text"


@pytest.mark.parametrize(
    "put", [lambda path: write_text(path, "text"), lambda path: kept(path, ones)]
)
@pytest.mark.parametrize("name", ["file/a.npy", "file/one/a.npy", "folder.npy"])
def test_what_cannot_be_written_is_named(tmp_path, put, name):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "folder.npy" / "b").write_text("kept")
    with pytest.raises(SinkError, match=rf"{name}: cannot be written: \w+[\w ]*$"):
        put(tmp_path / name)
    assert (tmp_path / "file").read_text() == "in the way"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["b", "file", "folder.npy"]


def ones():
    return np.ones(2, np.float32)


def break_off(path, begin, error):
    with written(path) as partial:
        begin(partial)
        raise error


def make_folder(path):
    path.mkdir()
    (path / "b").touch()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), SinkError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_failed_writing_leaves_the_old_file_and_nothing_beside(tmp_path, error, told):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(told):
        break_off(path, lambda partial: partial.write_bytes(b"ha"), error)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_failed_folder_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="broken"):
        break_off(tmp_path / "a", make_folder, ValueError("broken"))
    assert list(tmp_path.iterdir()) == []


def test_two_that_write_at_once_have_a_place_each_and_the_last_file_stays(tmp_path):
    path = tmp_path / "a.json"
    with written(path) as first:
        first.write_text("first")
        with written(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
        assert first.read_text() == "first"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_that_write_a_folder_at_once_the_first_stays(tmp_path):
    path = tmp_path / "a"
    with written(path) as slow:
        slow.mkdir()
        (slow / "b").write_text("slow")
        with written(path) as fast:
            fast.mkdir()
            (fast / "b").write_text("fast")
    assert (path / "b").read_text() == "fast"
    assert list(tmp_path.iterdir()) == [path]


def test_array_is_made_once(tmp_path):
    made = []

    def make():
        made.append(1)
        return np.arange(6, dtype=np.float32).reshape(2, 3)

    first = kept(tmp_path / "cache" / "a.npy", make)
    again = kept(tmp_path / "cache" / "a.npy", make)
    assert len(made) == 1
    assert np.array_equal(first, again)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["a.npy"]
