"""Datasets made up of noise, in the forms that their authors distribute: `TREES` by name."""

import json
from functools import partial

import cv2
import numpy as np

from training.data.affwild2 import FOLDERS as AFF_WILD2_FOLDERS
from training.data.affwild2 import HEADERS
from training.data.classes import JAFFE
from training.data.ferg import CHARACTERS
from training.data.ferplus import FOLDERS


def picture(path, side):
    """Write noise, so that no picture is a copy of another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(str(path).encode()))
    assert cv2.imwrite(str(path), rng.integers(0, 256, (side, side, 3), np.uint8))


def ferplus(root, train=8):
    for number, folder in enumerate(FOLDERS.values()):
        rows = []
        for face in range(train if number == 0 else 8):
            name = f"fer{number}{face}.png"
            picture(root / folder / name, 48)
            votes = ["10" if column == face % 8 else "0" for column in range(10)]
            rows.append(f'{name},"(0, 0, 48, 48)",{",".join(votes)}')
        (root / folder / "label.csv").write_text("\n".join(rows) + "\n")


def rafdb(root):
    lines = [f"train_{label}{k}.jpg {label}" for label in range(1, 8) for k in range(6)]
    lines += [f"test_{label}.jpg {label}" for label in range(1, 8)]
    for line in lines:
        stem = line.partition(".")[0]
        picture(root / "Image" / "aligned" / f"{stem}_aligned.jpg", 100)
    (root / "EmoLabel").mkdir()
    (root / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines) + "\n")


def affectnet(root):
    for part, count in (("train_set", 6), ("val_set", 1)):
        (root / part / "annotations").mkdir(parents=True)
        for face in range(8 * count):
            notes = {"exp": str(face % 8), "val": "0.5", "aro": "-0.5", "lnd": np.zeros(136)}
            for kind, value in notes.items():
                np.save(root / part / "annotations" / f"{face}_{kind}.npy", np.array(value))
            picture(root / part / "images" / f"{face}.jpg", 224)


def aff_wild2(task, line):
    """Give what makes a tree of three training videos and one for validation, 20 frames each."""

    def tree(root):
        videos = {"Train_Set": ("v1", "v2", "v3"), "Validation_Set": ("v4",)}
        for part, names in videos.items():
            folder = root / AFF_WILD2_FOLDERS[task][0] / part
            folder.mkdir(parents=True)
            for video in names:
                lines = [HEADERS[task], *(line(frame) for frame in range(20))]
                (folder / f"{video}.txt").write_text("\n".join(lines) + "\n")
                for frame in range(1, 21):
                    picture(root / "cropped_aligned" / video / f"{frame:05d}.jpg", 112)

    return tree


def ferg(root):
    expressions = ("anger", "disgust", "fear", "joy", "neutral", "sadness")
    for character, expression in zip(CHARACTERS, expressions, strict=True):
        folder = f"{character}_{expression}"
        for k in range(8):
            picture(root / "FERG_DB_256" / character / folder / f"{folder}_{k}.png", 64)


def jaffe(root):
    for subject in ("KA", "KL", "KM"):
        for number, code in enumerate(JAFFE):
            picture(root / f"{subject}.{code}1.{number}.tiff", 64)


def expw(root):
    lines = [f"{label}.jpg 0 10 5 60 70 90.5 {label}" for label in range(7)]
    for line in lines:
        picture(root / "image" / "origin" / line.partition(" ")[0], 80)
    (root / "label.lst").write_text("\n".join(lines) + "\n")


def ai_hub(root):
    """Write anger, anxiety and embarrassment, and joy, which is not used."""
    entries = []
    for word in ("분노", "불안", "당황", "기쁨"):
        picture(root / "Training" / f"{word}.jpg", 80)
        box = {"minX": 10, "minY": 10, "maxX": 60, "maxY": 70}
        said = {f"annot_{one}": {"boxes": box, "faceExp": word} for one in "ABC"}
        entries.append({"filename": f"{word}.jpg", "faceExp_uploader": word, **said})
    (root / "Training" / "labels.json").write_text(json.dumps(entries), encoding="utf-8")


TREES = {
    "ferplus": partial(ferplus, train=32),
    "ferplus-soft": partial(ferplus, train=32),
    "raf-db": rafdb,
    "affectnet-7": affectnet,
    "affectnet-8": affectnet,
    "aff-wild2-expr": aff_wild2("expression", lambda frame: str(frame % 8)),
    "aff-wild2-va": aff_wild2("affect", lambda frame: f"{frame / 20},{-frame / 20}"),
    "ferg": ferg,
    "jaffe": jaffe,
    "expw": expw,
    "ai-hub": ai_hub,
}
