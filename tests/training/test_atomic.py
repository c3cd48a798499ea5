"""Files that are whole or not there."""

import numpy as np
import pytest

from engine.errors import SinkError
from training.atomic import kept, write_text


def test_text_replaces_the_old_one_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "a.md"
    write_text(path, "old")
    write_text(path, "new ±\n")
    assert path.read_text(encoding="utf-8") == "new ±\n"
    assert list(tmp_path.iterdir()) == [path]


def test_text_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(SinkError, match=r"a\.md: cannot be written"):
        write_text(tmp_path / "missing" / "a.md", "text")


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
