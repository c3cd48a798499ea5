"""Rows, review, exports and statistics of networks that know other classes, or none."""

import csv
import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from app.session.edits import LabelEdit
from app.session.exports.elan import write_elan
from app.session.exports.plots import write_plot
from app.session.exports.subtitles import write_subtitles
from app.session.exports.tables import write_csv, write_json, write_parquet
from app.session.files import SessionFiles
from app.session.folder import PartLimits
from app.session.records import joined, read_records
from app.session.review import open_review
from app.session.statistics import SessionStatistics
from app.session.statistics_table import as_text, extra_of, row_of
from engine.errors import ConfigError, SourceError
from engine.labels import EXPRESSIONS, Vocabulary
from engine.record import columns, open_records
from engine.types import Analysis, Frame, Prediction, Track

ABAW = (*EXPRESSIONS[:7], "other")
FORMATS = [".csv", ".jsonl", ".parquet"]
BOX = np.array([8, 20, 48, 70], np.float32)
POINTS = np.zeros((68, 2), np.float32)


def said(label="", labels=ABAW, affect=(0.5, -0.25), **more):
    """What a network says that knows these classes; of none where the label is empty."""
    labels = labels if label else ()
    shares = np.array([0.65 if x == label else 0.05 for x in labels], np.float32)
    return Prediction(1, shares, *affect, 0.6 if label else None, labels, **more)


def film(*predictions):
    track = Track(1, BOX, POINTS, 0.9)
    image = np.zeros((120, 160, 3), np.uint8)
    return [
        Analysis(Frame(index, index / 10, image), (track,), (each,), {})
        for index, each in enumerate(predictions)
    ]


@pytest.fixture
def write(tmp_path):
    """Give `write(name, predictions)`: a file of their rows."""

    def write(name, predictions, *, landmarks=False):
        vocabulary = predictions[0].vocabulary
        for each in predictions[1:]:
            vocabulary = vocabulary.joined(each.vocabulary)
        path = tmp_path / name
        writer = open_records(path, landmarks=landmarks, overwrite=False, vocabulary=vocabulary)
        for analysis in film(*predictions):
            writer.write(analysis)
        writer.close()
        return path

    return write


OTHER = [*[said("other")] * 6, *[said("fear", derived=True, measures={"quality": -0.5})] * 4]


@pytest.mark.parametrize("landmarks", [False, True])
@pytest.mark.parametrize("ending", FORMATS)
def test_rows_are_read_as_they_were_written(write, ending, landmarks):
    table, warnings = read_records(write(f"rows{ending}", OTHER, landmarks=landmarks))
    assert warnings == ()
    assert table.classes == (*EXPRESSIONS, "other")
    assert table.words == ["other"] * 6 + ["fear"] * 4
    assert table.vocabulary == Vocabulary(ABAW, ("quality",))
    assert np.isnan(table.numbers["contempt"]).all()
    assert table.numbers["other"].tolist() == pytest.approx([0.65] * 6 + [0.05] * 4)
    np.testing.assert_array_equal(table.numbers["quality"], [*[np.nan] * 6, *[-0.5] * 4])
    assert table.sources == ("network",) * 6 + ("derived",) * 4


@pytest.mark.parametrize("ending", FORMATS)
def test_rows_without_labels_and_without_affect_are_read(write, ending):
    table, _ = read_records(write(f"va{ending}", [said(), said()]))
    assert table.labels.tolist() == [-1, -1]
    assert (table.words, table.vocabulary.labels) == (["", ""], ())
    own = said("yawn", ("blink", "yawn"), (None, None))
    table, _ = read_records(write(f"own{ending}", [own]))
    assert np.isnan(table.numbers["valence"]).all()
    assert (table.words, table.sources) == (["yawn"], ("",))
    assert table.vocabulary.labels == ("blink", "yawn")


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("expression", "", "row 2, expression: empty, though classes have numbers"),
        ("expression", "blink", "row 2, expression: unknown: 'blink'; known here: .*, other"),
        ("other", "1.5", "row 2, other: not a usable number: '1.5'"),
        ("other", "x", "row 2, other: not a number: 'x'"),
        ("quality", "-2", "row 2, quality: not a usable number: '-2'"),
        ("frame", "", "row 2, frame: not a number: ''"),
        ("affect_source", "guessed", "row 2, affect_source: unknown: 'guessed'; known here"),
    ],
)
def test_damaged_cell_is_named(write, column, value, says):
    path = write("rows.csv", OTHER)
    rows = [line.split(",") for line in path.read_text("utf-8").splitlines()]
    rows[2][rows[0].index(column)] = value
    path.write_text("".join(",".join(row) + "\n" for row in rows), "utf-8")
    with pytest.raises(SourceError, match=says):
        read_records(path)


def test_rows_of_the_first_version_may_not_be_empty(write):
    path = write("rows.csv", [said("fear", EXPRESSIONS)])
    lines = [line.rsplit(",", 2)[0] for line in path.read_text("utf-8").splitlines()]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    table, _ = read_records(path)
    assert (table.words, table.sources, table.vocabulary) == (["fear"], (), Vocabulary())
    path.write_text("\n".join([lines[0], lines[1].replace("0.05", "", 1)]) + "\n", "utf-8")
    with pytest.raises(SourceError, match="row 1, neutral: not a number: ''"):
        read_records(path)


def test_class_that_no_text_can_show_is_refused(write):
    path = write("rows.csv", OTHER)
    path.write_text(path.read_text("utf-8").replace(",other,", ",o\x01ther,", 1), "utf-8")
    with pytest.raises(SourceError, match=r"not a file of records: 'o\\x01ther': no class"):
        read_records(path)


def test_parts_of_two_networks_are_joined(write):
    tables = [
        read_records(path)[0]
        for path in (write("a.csv", [said("fear", EXPRESSIONS)]), write("b.csv", OTHER[5:7]))
    ]
    tables[1].numbers["frame"][:] += 1
    tables[1].numbers["timestamp"][:] += 1
    table = joined(tables)
    assert table.words == ["fear", "other", "fear"]
    assert table.classes == (*EXPRESSIONS, "other")
    np.testing.assert_allclose(table.numbers["other"], [np.nan, 0.65, 0.05])
    np.testing.assert_allclose(table.numbers["contempt"], [0.05, np.nan, np.nan])
    assert table.sources == ("network", "network", "derived")


def test_review_follows_the_networks_classes(write, tmp_path):
    review = open_review(write("rows.csv", OTHER))
    assert [(span.label, span.start_s) for span in review.spans(1)] == [("other", 0), ("fear", 0.6)]
    (track,) = review.tracks()
    assert tuple(track.face.shares) == ABAW
    assert track.face.label == "other"
    review.edits.add(LabelEdit(face=1, start_s=0.6, end_s=0.7, label="contempt"))
    assert review.labels == (*EXPRESSIONS, "other")
    with pytest.raises(ConfigError, match=r"label: 'joy' is unknown; choose neutral, .*, other"):
        review.edits.add(LabelEdit(face=1, start_s=0, end_s=1, label="joy"))

    write_csv(review, tmp_path / "out.csv", tmp_path / "out.csv")
    again, warnings = read_records(tmp_path / "out.csv")
    assert warnings == ()
    assert again.words == ["other"] * 6 + ["contempt"] * 2 + ["fear"] * 2
    with (tmp_path / "out.csv").open(encoding="utf-8") as text:
        head = next(csv.reader(text))
    vocabulary = Vocabulary(ABAW, ("quality",))
    assert tuple(head) == (*columns(landmarks=False, vocabulary=vocabulary), "corrected")

    write_subtitles(review, tmp_path / "out.vtt", tmp_path / "out.vtt")
    assert "face 1: other</v>" in (tmp_path / "out.vtt").read_text("utf-8")
    for ending in ("svg", "png"):
        write_plot(review, tmp_path / f"out.{ending}", tmp_path / f"out.{ending}")
    assert ">other<" in (tmp_path / "out.svg").read_text("utf-8")


def test_vocabulary_of_elan_is_the_networks(write, tmp_path):
    labels = ("fear", "très & ouvert")
    review = open_review(write("rows.csv", [said(labels[1], labels)] * 10))
    write_elan(review, tmp_path / "out.eaf", tmp_path / "out.eaf")
    root = ET.parse(tmp_path / "out.eaf").getroot()
    entries = {entry.get("CVE_ID"): entry[0].text for entry in root.iterfind(".//CV_ENTRY_ML")}
    assert entries == {"cve_fear": "fear", "cve_class_1": labels[1]}
    (aligned,) = root.iterfind(".//ALIGNABLE_ANNOTATION")
    assert (aligned.get("CVE_REF"), aligned[0].text) == ("cve_class_1", labels[1])


def test_recording_without_labels_is_reviewed_and_exported(write, tmp_path):
    review = open_review(write("rows.csv", [said()] * 10))
    (track,) = review.prepare().tracks()
    assert (track.face.label, track.face.shares) == ("", {})
    assert track.face.seen_s == pytest.approx(1.0)
    assert (track.face.valence, track.face.arousal) == (0.5, -0.25)
    (face,) = review.at(0.5)
    assert (face.label, face.share, face.reliability) == ("", 0.0, None)
    for name, export in {
        "vtt": write_subtitles,
        "eaf": write_elan,
        "csv": write_csv,
        "json": write_json,
        "parquet": write_parquet,
        "png": write_plot,
    }.items():
        export(review, tmp_path / f"out.{name}", tmp_path / f"out.{name}")
    assert (tmp_path / "out.vtt").read_text("utf-8") == "WEBVTT\n"
    entries = ET.parse(tmp_path / "out.eaf").getroot().iterfind(".//CVE_VALUE")
    assert tuple(entry.text for entry in entries) == EXPRESSIONS  # for whom names them by hand
    (row, *_) = json.loads((tmp_path / "out.json").read_text("utf-8"))["rows"]
    assert (row["expression"], row["happiness"], row["valence"]) == ("", None, 0.5)
    review.edits.add(LabelEdit(face=1, start_s=0, end_s=0.4, label="surprise"))
    write_csv(review, tmp_path / "named.csv", tmp_path / "named.csv")
    assert read_records(tmp_path / "named.csv")[0].words == ["surprise"] * 5 + [""] * 5


def test_statistics_leave_unknown_classes_empty():
    statistics = SessionStatistics()
    for analysis in film(*OTHER):
        statistics.add(analysis)
    faces = statistics.faces()
    assert extra_of(faces) == ("other",)
    head, row = as_text([row_of(faces[0], ("other",))], extra=("other",)).splitlines()
    assert head.endswith(",fear,contempt,other")
    assert row.endswith(",0.3333,,0.6667")
    assert faces[0].label == "other"


def test_statistics_of_valence_and_arousal_alone():
    statistics = SessionStatistics()
    for analysis in film(said(), said(), said(affect=(None, None), label="fear")):
        statistics.add(analysis)
    (face,) = statistics.faces()
    assert face.seen_s == pytest.approx(0.2)
    assert (face.valence, face.arousal) == (0.5, -0.25)
    (alone,) = film(said("fear", affect=(None, None)))
    statistics = SessionStatistics()
    statistics.add(alone)
    assert statistics.faces()[0].valence is None


def test_another_models_classes_go_on_in_another_part(tmp_path, camera_info):
    files = SessionFiles(
        tmp_path,
        camera_info,
        {"files": {"records": "records.csv"}},
        look=None,
        records=True,
        landmarks=False,
        limits=PartLimits(),
    )
    eight = film(*[said("fear", EXPRESSIONS)] * 3)
    other = [
        replace(analysis, frame=Frame(3 + index, 0.3 + index / 10, analysis.frame.image))
        for index, analysis in enumerate(film(*[said("other")] * 3))
    ]
    with files:
        files.write_rows([*eight, *other])
        files.finish({})
    first, second = (tmp_path / name for name in ("records.csv", "records-002.csv"))
    assert read_records(first)[0].words == ["fear"] * 3
    assert read_records(second)[0].words == ["other"] * 3


def test_rows_that_have_no_columns_are_no_rows(tmp_path):
    writer = open_records(tmp_path / "rows.csv", landmarks=False, overwrite=False)
    with pytest.raises(ValueError, match="no columns for all of"):
        writer.write(film(said("other"))[0])
    writer.discard()
