"""JSON files of run folders, damaged in every way."""

import json

import pytest

from engine.config import Natural, checked
from engine.errors import ModelError
from training.documents import read_as
from training.systems.saved import Card, read_card


@checked()
class _Kept:
    name: str
    count: Natural = 3


def test_known_keys_are_read_and_others_do_not_matter(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"name": "x", "later": [1]}')
    assert read_as(path, _Kept) == _Kept(name="x")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cannot be read: "),
        (b"{", "cannot be read: "),
        (b"\xff\xff", "cannot be read: "),
        (b"[" * 100_000, "cannot be read: "),
        (b"7", "expected a JSON object, got int"),
        (b"null", "expected a JSON object, got NoneType"),
        (b"[]", "expected a JSON object, got list"),
        (b"{}", "name: missing"),
        (b'{"name": 1}', "name: must be a text, got 1"),
        (b'{"name": "x", "count": -1}', "count: must be at least 0, got -1"),
        (b'{"name": "x", "count": NaN}', "count: must be a whole number, got nan"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_key_and_remedy(content, says, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_as(path, _Kept, "remove it")
    line = str(caught.value)
    assert line.startswith(f"{path}: {says}")
    assert line.endswith("; remove it")
    assert "\n" not in line


CARD = {
    "dataset": "ferplus",
    "classes": ["a", "b"],
    "input_size": 48,
    "parameters": 10,
    "gmac": 0.5,
}
WRONG = [None, [], {}, 0, -1, "", True, 10**30, float("nan"), "a\n\x1b[31m", [1], [["a"]]]


def test_a_whole_card_is_read(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps({**CARD, "new": 1}))
    assert read_card(tmp_path / "model.json") == Card("ferplus", ("a", "b"), 48, 10, 0.5)


@pytest.mark.parametrize("value", WRONG, ids=ascii)
@pytest.mark.parametrize("key", CARD)
def test_a_wrong_card_is_one_line(key, value, tmp_path):
    if (key, value) in [("classes", []), ("gmac", 0), ("gmac", 10**30), ("parameters", 10**30)]:
        return  # those are numbers, or said by another rule
    path = tmp_path / "model.json"
    path.write_text(json.dumps({**CARD, key: value}))
    with pytest.raises(ModelError, match=rf"model\.json: {key}") as caught:
        read_card(path)
    assert str(caught.value).isprintable()
