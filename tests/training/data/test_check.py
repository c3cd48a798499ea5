"""`fer-data check`: what it prints and how it ends."""

import cv2
import numpy as np
import pytest
import torch

from training.data.cli import main
from training.models.super_resolution import SRLite
from training.tasks.super_resolution import start_as_interpolation
from training.weights import save_weights


@pytest.fixture
def rafdb(tmp_path):
    root = tmp_path / "rafdb"
    (root / "EmoLabel").mkdir(parents=True)
    (root / "Image" / "aligned").mkdir(parents=True)
    # Gray values: 1 and 2 are there twice in train, 1 also in test.
    pictures = {"train_1": 1, "train_2": 1, "train_3": 2, "train_4": 2, "train_5": 3, "test_1": 1}
    for name, value in pictures.items():
        image = np.full((100, 100, 3), 20 * value, np.uint8)
        cv2.imwrite(str(root / "Image" / "aligned" / f"{name}_aligned.jpg"), image)
    labels = "".join(f"{name}.jpg {label}\n" for label, name in enumerate(pictures, 1))
    (root / "EmoLabel" / "list_patition_label.txt").write_text(labels)
    return root


def cells(output):
    """Rows of the printed table by their first cell."""
    rows = [line.strip("│┃").replace("┃", "│").split("│") for line in output.splitlines()]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows if len(row) > 1}


def test_counts_are_printed_by_part_and_class(rafdb, capsys):
    assert main(["check", "raf-db", str(rafdb)]) == 0
    said = capsys.readouterr()
    rows = cells(said.out)
    assert rows[""] == ["train", "test"]
    assert rows["surprise"] == ["1 (published 1290)", "0 (published 329)"]
    assert rows["anger"] == ["0 (published 705)", "1 (published 162)"]
    assert rows["total"] == ["5 (published 12271)", "1 (published 3068)"]
    assert rows["missing pictures"] == ["0", "0"]
    assert "list_patition_label.txt" in said.out
    assert said.err == ""


def test_duplicates_are_counted_inside_and_across_parts(rafdb, capsys):
    main(["check", "raf-db", str(rafdb)])
    said = capsys.readouterr().out
    assert "train: 4 pictures in 2 groups of identical ones" in said
    assert "test: 0 pictures in 0 groups" in said
    assert "2 pictures of train are also in test, 1 of test also in train" in said
    assert "the first Image/aligned/test_1_aligned.jpg" in said
    assert "all parts: 5 pictures in 2 groups" in said


def test_missing_pictures_are_named_and_too_many_end_with_three(rafdb, capsys):
    (rafdb / "Image" / "aligned" / "train_5_aligned.jpg").unlink()
    (rafdb / "Image" / "aligned" / "train_3_aligned.jpg").write_bytes(b"no picture")
    assert main(["check", "raf-db", str(rafdb)]) == 3
    said = capsys.readouterr()
    rows = cells(said.out)
    assert rows["missing pictures"] == ["1", "0"]
    assert rows["unreadable pictures"] == ["1", "0"]
    assert "train: missing: Image/aligned/train_5_aligned.jpg" in said.out
    assert "train: unreadable: Image/aligned/train_3_aligned.jpg" in said.out
    assert said.err.startswith("fer-data: ")
    assert "40.00% of the faces" in said.err
    assert len(said.err.splitlines()) == 1
    assert main(["check", "raf-db", str(rafdb), "--missing-max", "0.5"]) == 0


def test_malformed_dataset_ends_with_three_and_one_line(rafdb, capsys):
    (rafdb / "EmoLabel" / "list_patition_label.txt").write_text("train_1.jpg 9\n")
    assert main(["check", "raf-db", str(rafdb)]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "list_patition_label.txt, line 1: expected" in said.err
    assert len(said.err.splitlines()) == 1


def test_missing_dataset_ends_with_three(tmp_path, capsys):
    assert main(["check", "jaffe", str(tmp_path / "none")]) == 3
    assert "expected the dataset's folder or its zip" in capsys.readouterr().err


def test_unknown_dataset_and_bad_share_end_with_two(rafdb, capsys):
    assert main(["check", "fer2012", str(rafdb)]) == 2
    assert "raf-db" in capsys.readouterr().err
    assert main(["check", "raf-db", str(rafdb), "--missing-max", "2"]) == 2


def test_valence_and_arousal_are_counted(tmp_path, capsys):
    notes, images = tmp_path / "VA_Estimation_Challenge", tmp_path / "cropped_aligned" / "v"
    images.mkdir(parents=True)
    cv2.imwrite(str(images / "00001.jpg"), np.zeros((112, 112, 3), np.uint8))
    for part in ("Train_Set", "Validation_Set"):
        (notes / part).mkdir(parents=True)
        (notes / part / "v.txt").write_text("valence,arousal\n0.5,0.5\n-5,-5\n0.1,0.1\n")
    assert main(["check", "aff-wild2-va", str(tmp_path)]) == 0
    rows = cells(capsys.readouterr().out)
    assert rows["valence, arousal"] == ["1", "1"]
    assert rows["no class"] == ["1", "1"]
    assert rows["left out: not annotated"] == ["1", "1"]
    assert rows["left out: annotated, no picture"] == ["1", "1"]


@pytest.mark.slow
def test_real_pack_has_the_published_duplicates(packs, capsys):
    path = packs("ferplus.zip") / "ferplus.zip"
    assert main(["check", "ferplus-votes", str(path)]) == 0
    said = capsys.readouterr().out
    assert "all parts: 3353 pictures in 1513 groups of identical ones" in said
    assert "288 of FER2013Test also in FER2013Train" in said
    assert "279 of FER2013Valid also in FER2013Train" in said


def test_pictures_are_enlarged_and_the_rest_stays(rafdb, tmp_path, capsys):
    weights = tmp_path / "lite.safetensors"
    lite = SRLite(12, 1, 2)
    start_as_interpolation(lite)
    save_weights(lite, weights)
    out = tmp_path / "out" / "large"
    given = ["enlarge", "raf-db", str(rafdb), "--side", "24", "--weights", str(weights)]
    assert main([*given, "--out", str(out)]) == 0
    names = sorted(path.relative_to(rafdb) for path in rafdb.rglob("*") if path.is_file())
    assert sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file()) == names
    for name in names:
        if name.suffix != ".jpg":
            assert (out / name).read_bytes() == (rafdb / name).read_bytes()
            continue
        small, large = cv2.imread(str(rafdb / name)), cv2.imread(str(out / name))
        assert large.shape == (96, 96, 3)
        assert np.abs(large[20:-20, 20:-20].astype(int) - small[0, 0]).max() <= 2
    assert main([*given, "--out", str(out)]) == 5
    assert "large: exists already; name a new folder" in capsys.readouterr().err
    save_weights(torch.nn.Linear(2, 2), weights)
    assert main([*given, "--out", str(tmp_path / "other")]) == 4
    assert "not the weights of an SRLite" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
