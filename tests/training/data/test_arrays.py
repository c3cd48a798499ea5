"""Arrays in files."""

import numpy as np
import pytest

from engine.errors import SinkError
from training.data.arrays import kept


def ones():
    return np.ones(2, np.float32)


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


@pytest.mark.parametrize("name", ["file/a.npy", "file/one/a.npy", "folder.npy"])
def test_array_that_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(SinkError, match=rf"{name}: cannot be written: \w+[\w ]*$"):
        kept(tmp_path / name, ones)
    assert (tmp_path / "file").read_text() == "in the way"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder.npy"]
