"""FER+ as two tables that go together row by row."""

import numpy as np
import pytest

from engine.errors import SourceError
from training.data import ferplus_csv
from training.data.ferplus_csv import read_ferplus_csv
from training.data.files import open_files
from training.data.published import TOTALS

HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)
VOTES = [
    "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0",
    "Training,,0,0,0,0,0,0,0,0,0,10",
    "Training,fer0000002.png,0,0,0,9,1,0,0,0,0,0",
    "PublicTest,fer0028638.png,8,1,0,0,1,0,0,0,0,0",
    "PrivateTest,fer0032220.png,0,0,1,0,0,0,9,0,0,0",
    "Training,fer0000005.png,0,8,0,2,0,0,0,0,0,0",
]


def tree(root, votes=VOTES, header=HEADER):
    pictures = ["emotion,pixels,Usage"]
    for value, row in enumerate(VOTES):
        pictures.append(f"0,{' '.join([str(value)] * 2304)},{row.split(',')[0]}")
    (root / "fer2013.csv").write_text("\n".join(pictures) + "\n")
    (root / "fer2013new.csv").write_text("\n".join([header, *votes]) + "\n")
    return open_files(root)


def test_votes_and_pictures_are_joined_by_row(tmp_path):
    reading = read_ferplus_csv(tree(tmp_path), "Training")
    table = reading.table
    assert table.names.tolist() == ["fer0000002.png", "fer0000005.png"]
    assert [table.classes[label] for label in table.labels] == ["sadness", "happiness"]
    assert [int(table.read(row)[0, 0, 0]) for row in range(2)] == [2, 5]
    np.testing.assert_allclose(table.shares[1, [1, 3]], [0.8, 0.2])
    assert reading.left_out == {"no image name": 1, "no majority class": 1}


def test_result_names_the_label_file_it_used(tmp_path):
    assert read_ferplus_csv(tree(tmp_path), "Training").table.labels_from.endswith("fer2013new.csv")


def test_public_and_private_tests_are_parts_of_their_own(tmp_path):
    files = tree(tmp_path)
    for part, name, value in (("PublicTest", "neutral", 3), ("PrivateTest", "fear", 4)):
        table = read_ferplus_csv(files, part).table
        assert [table.classes[label] for label in table.labels] == [name]
        assert int(table.read(0)[0, 0, 0]) == value


def test_votes_protocol_keeps_split_votes(tmp_path):
    table = read_ferplus_csv(tree(tmp_path), "Training", "votes").table
    assert table.labels.tolist() == [-1, 3, 1]


@pytest.mark.parametrize(
    ("part", "rows", "unnamed", "counts"),
    [
        ("Training", 28_709, 148, [8740, 7287, 3149, 3014, 2100, 119, 532, 119]),
        ("PublicTest", 3_589, 10, [3199, 0, 0, 0, 0, 0, 0, 0]),  # only their sum is published
        ("PrivateTest", 3_589, 15, [1090, 893, 396, 384, 273, 18, 83, 16]),
    ],
)
def test_full_tables_give_the_published_counts(tmp_path, monkeypatch, part, rows, unnamed, counts):
    clear = [
        ",".join("9" if column == label else "0" for column in range(10)) for label in range(8)
    ]
    votes = [f"{part},,{clear[0]}"] * unnamed
    for label, count in enumerate(counts):
        votes += [f"{part},{label}-{face}.png,{clear[label]}" for face in range(count)]
    torn = rows - len(votes)
    votes += [f"{part},torn-{face}.png,5,5,0,0,0,0,0,0,0,0" for face in range(torn)]
    (tmp_path / "fer2013new.csv").write_text("\n".join([HEADER, *votes]) + "\n")
    pictures = "\n".join(["emotion,pixels,Usage", *[f"0,0,{part}"] * rows])
    (tmp_path / "fer2013.csv").write_text(pictures + "\n")
    black = np.zeros((48, 48), np.uint8)
    monkeypatch.setattr(ferplus_csv, "pixels_of", lambda *_: black)
    reading = read_ferplus_csv(open_files(tmp_path), part)
    assert np.bincount(reading.table.labels, minlength=8).tolist() == counts
    assert len(reading.table) == TOTALS["ferplus-csv"][part]
    assert reading.left_out == {"no image name": unnamed, "no majority class": torn}


@pytest.mark.parametrize("bad", ["Training,a.png,1,2", "Training,a.png,x,0,0,0,0,0,0,0,0,0"])
def test_malformed_votes_are_named(tmp_path, bad):
    files = tree(tmp_path, [*VOTES[:5], bad])
    with pytest.raises(SourceError, match=r"fer2013new\.csv, line 7: expected usage, image name"):
        read_ferplus_csv(files, "Training")


def test_tables_of_different_length_are_refused(tmp_path):
    with pytest.raises(SourceError, match=r"fer2013new\.csv: expected 6 rows .* got 5"):
        read_ferplus_csv(tree(tmp_path, VOTES[:5]), "Training")


def test_tables_in_different_order_are_refused(tmp_path):
    votes = [*VOTES[:3], VOTES[4], VOTES[3], VOTES[5]]
    with pytest.raises(SourceError, match=r"line 5: expected PublicTest .* got PrivateTest"):
        read_ferplus_csv(tree(tmp_path, votes), "Training")


def test_other_columns_are_refused(tmp_path):
    files = tree(tmp_path, header=HEADER.replace("anger,disgust", "disgust,anger"))
    with pytest.raises(SourceError, match=r"fer2013new\.csv, line 1: expected the columns"):
        read_ferplus_csv(files, "Training")
