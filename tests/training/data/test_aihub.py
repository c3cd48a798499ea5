"""AI-Hub on generated trees of the real form."""

import json
import unicodedata

import cv2
import numpy as np
import pytest

from engine.errors import SourceError
from training.data.aihub import read_aihub
from training.data.files import open_files


def entry(name, word, annotators="", box=(10, 20, 60, 80)):
    sides = dict(zip(("minX", "minY", "maxX", "maxY"), box, strict=True))
    said = list(annotators or [word] * 3)
    found = {
        "filename": name,
        "gender": "남",
        "age": 30,
        "isProf": "전문인",
        "faceExp_uploader": word,
    }
    for annotator, other in zip("ABC", said, strict=True):
        found[f"annot_{annotator}"] = {"boxes": sides, "faceExp": other}
    return found


def tree(root, *entries, part="Training", encoding="utf-8", form="NFC"):
    labels = root / part / "[라벨]EMOIMG_분노_TRAIN"
    pictures = root / part / unicodedata.normalize(form, "[원천]EMOIMG_분노_TRAIN_01")
    labels.mkdir(parents=True)
    pictures.mkdir(parents=True)
    text = json.dumps(entries, ensure_ascii=False)
    (labels / "img_emotion_training_data(분노).json").write_bytes(text.encode(encoding))
    for found in entries:
        image = np.zeros((100, 100, 3), np.uint8)
        image[20:80, 10:60] = 200
        name = unicodedata.normalize(form, found["filename"])
        cv2.imencode(".png", image)[1].tofile(pictures / name)
    return open_files(root)


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_labels_are_joined_with_pictures_however_korean_is_stored(tmp_path, encoding, form):
    files = tree(tmp_path, entry("분노_1.jpg", "분노"), encoding=encoding, form=form)
    reading = read_aihub(files, "Training")
    assert [reading.table.classes[label] for label in reading.table.labels] == ["anger"]
    assert reading.missing == ()
    assert reading.table.read(0).shape == (60, 50, 3)
    assert reading.table.read(0).min() == 200


def test_decomposed_words_are_understood(tmp_path):
    word = unicodedata.normalize("NFD", "당황")
    table = read_aihub(tree(tmp_path, entry("a.jpg", word)), "Training").table
    assert [table.classes[label] for label in table.labels] == ["surprise"]


def test_two_of_three_annotators_must_agree_with_the_uploader(tmp_path):
    files = tree(
        tmp_path,
        entry("three.jpg", "분노"),
        entry("two.jpg", "불안", ("불안", "당황", "불안")),
        entry("one.jpg", "분노", ("불안", "불안", "분노")),
        entry("neutral.jpg", "중립"),
        entry("joy.jpg", "기쁨"),
    )
    reading = read_aihub(files, "Training")
    assert [reading.table.classes[label] for label in reading.table.labels] == ["anger", "fear"]
    assert reading.left_out == {
        "annotators disagree": 1,
        "unused class 중립": 1,
        "unused class 기쁨": 1,
    }
    assert len(read_aihub(files, "Training", agreeing=3).table) == 1
    with_neutral = read_aihub(files, "Training", neutral=True).table
    assert with_neutral.classes[with_neutral.labels[-1]] == "neutral"


@pytest.mark.parametrize(
    "change",
    [
        {"faceExp_uploader": "놀람"},
        {"faceExp_uploader": None},
        {"annot_B": {}},
        {"annot_B": {"faceExp": "분노", "boxes": {"minX": 1}}},
        {"annot_B": {"faceExp": "분노", "boxes": dict.fromkeys(("minX", "minY"), "x")}},
        {"filename": 3},
    ],
)
def test_malformed_entry_is_named(tmp_path, change):
    files = tree(tmp_path, entry("a.jpg", "분노"))
    path = next(tmp_path.rglob("*.json"))
    path.write_text(json.dumps([entry("a.jpg", "분노"), {**entry("b.jpg", "분노"), **change}]))
    with pytest.raises(SourceError, match=r"\.json, entry 2: expected"):
        read_aihub(files, "Training")


@pytest.mark.parametrize(
    ("text", "what"), [("[{]", "line 1: no JSON"), ("{}", "expected a JSON list")]
)
def test_broken_list_is_named(tmp_path, text, what):
    files = tree(tmp_path, entry("a.jpg", "분노"))
    next(tmp_path.rglob("*.json")).write_text(text)
    with pytest.raises(SourceError, match=what):
        read_aihub(files, "Training")


def test_missing_picture_is_named(tmp_path):
    tree(tmp_path, entry("a.jpg", "분노"), entry("b.jpg", "분노"))
    next(tmp_path.rglob("b.jpg")).unlink()
    assert read_aihub(open_files(tmp_path), "Training").missing == ("Training/b.jpg",)
