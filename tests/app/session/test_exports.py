"""Exports, read back by libraries that did not write them where there are any."""

import csv
import json
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from time import process_time

import cv2
import pytest

from app.session.edits import DeleteEdit, LabelEdit
from app.session.exports.export import FORMS, export
from app.session.folder import Marker
from app.session.naming import NamedFace
from app.session.people import FaceEdit
from app.session.review import Review, open_review
from engine.errors import ConfigError, SinkError
from engine.labels import EXPRESSIONS
from engine.record import COLUMNS, TAIL


@pytest.fixture
def review(write_records, two_faces, tmp_path):
    """Face 2 deleted, 0.4 s of face 1 corrected, three markers, a video."""
    opened = open_review(write_records("rows.csv", two_faces))
    review = Review(
        "session <1>",
        opened.edits,
        markers=(
            Marker(1.0, "stimulus <on> & off", "F5"),
            Marker(1.05, "soon after"),
            Marker(9.0, "end"),
        ),
        video=tmp_path / "a video.mp4",
    )
    review.edits.add(DeleteEdit(face=2))
    review.edits.add(LabelEdit(face=1, start_s=1.0, end_s=1.3, label="surprise"))
    return review


@pytest.fixture
def exported(review, tmp_path):
    def write(ending: str) -> Path:
        path = tmp_path / f"out{ending}"
        export(review, path, overwrite=False)
        return path

    return write


ORIGIN_SAID = {
    "format": 1,
    "input": {"name": "fi--> lm é.mp4"},
    "purpose": "Research <only> & play",
}


def said_in(path):
    """Read where an export says that it comes from, as other programs would."""
    if path.suffix == ".csv":
        return json.loads(path.with_name(f"{path.name}.json").read_text("utf-8"))
    if path.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        return json.loads(parquet.read_metadata(path).metadata[b"fer_live"])
    if path.suffix == ".json":
        return json.loads(path.read_text("utf-8"))["provenance"]
    if path.suffix == ".png":
        from PIL import Image

        return json.loads(Image.open(path).text["fer_live"])
    if path.suffix == ".svg":
        (found,) = ET.parse(path).iter("{http://purl.org/dc/elements/1.1/}description")
        return json.loads(found.text)
    if path.suffix == ".eaf":
        return json.loads(ET.parse(path).find("HEADER/PROPERTY[@NAME='fer_live']").text)
    _, note, *_ = path.read_text("utf-8").split("\n\n")
    assert "-->" not in note
    return json.loads(note.removeprefix("NOTE fer_live "))


@pytest.mark.parametrize("ending", FORMS)
def test_every_export_says_where_it_comes_from(review, exported, tmp_path, ending):
    review.origin = ORIGIN_SAID
    assert said_in(exported(ending)) == ORIGIN_SAID
    assert {path.name for path in tmp_path.glob("out*")} == {
        f"out{ending}",
        *([f"out{ending}.json"] if ending == ".csv" else []),
    }


def test_csv_has_the_corrected_rows_and_opens_again(exported, tmp_path):
    path = exported(".csv")
    with path.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert list(rows[0]) == [*COLUMNS, "file", *TAIL, "corrected"]
    assert {row["face_id"] for row in rows} == {"1", "3"}
    corrected = [row for row in rows if row["corrected"] == "1"]
    assert [row["timestamp"] for row in corrected] == ["1", "1.1", "1.2", "1.3"]
    assert {row["expression"] for row in corrected} == {"surprise"}
    original = (tmp_path / "rows.csv").read_text().splitlines()
    assert f"{','.join(rows[0].values())}" == original[1] + ",0"
    again = open_review(path)
    assert again.faces == (1, 3)
    assert again.spans(1)[1].label == "surprise"


def test_parquet_has_types(exported):
    from pyarrow import parquet

    table = parquet.read_table(exported(".parquet"))
    assert table.column_names == [*COLUMNS, "file", *TAIL, "corrected"]
    assert [str(table.schema.field(name).type) for name in ("frame", "valence", "expression")] == [
        "int64",
        "double",
        "string",
    ]
    assert sum(table["corrected"].to_pylist()) == 4
    assert len(table) == 140


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_landmarks_are_kept(write_records, two_faces, tmp_path, ending):
    review = open_review(write_records("rows.jsonl", two_faces, landmarks=True))
    export(review, tmp_path / f"out{ending}", overwrite=False)
    again = open_review(tmp_path / f"out{ending}")
    assert again.table.numbers["landmark_67_x"][0] == pytest.approx(48.0)


def test_json_holds_everything(exported):
    content = json.loads(exported(".json").read_text("utf-8"))
    assert content["name"] == "session <1>"
    assert content["markers"][0] == {"time_s": 1.0, "key": "F5", "text": "stimulus <on> & off"}
    assert content["edits"][0] == "delete face 2"
    one = content["faces"][0]
    assert one["spans"][1] == {
        "start_s": 1.0,
        "end_s": 1.4,
        "label": "surprise",
        "corrected": True,
    }
    assert sum(one["shares"].values()) == pytest.approx(1, abs=1e-3)
    assert len(content["rows"]) == 140
    assert content["rows"][0]["expression"] == "happiness"


def test_what_is_corrected_to_what_it_was_beside_is_marked_alone(review, tmp_path):
    review.edits.add(LabelEdit(face=1, start_s=4.0, end_s=4.9, label="happiness"))
    path = tmp_path / "out.json"
    export(review, path, overwrite=False)
    spans = json.loads(path.read_text())["faces"][0]["spans"]
    assert [(s["start_s"], s["end_s"], s["label"], s["corrected"]) for s in spans] == [
        (0.0, 1.0, "happiness", False),
        (1.0, 1.4, "surprise", True),
        (1.4, 4.0, "happiness", False),
        (4.0, 5.0, "happiness", True),
        (5.0, 10.0, "anger", False),
    ]
    export(review, tmp_path / "out.eaf", overwrite=False)
    _, tiers = _elan(tmp_path / "out.eaf")  # a tier says what is shown, not by whom
    assert tiers["face 1"][2] == (1400, 5000, "happiness")


def test_subtitles_follow_the_format(exported):
    blocks = exported(".vtt").read_text("utf-8").strip().split("\n\n")
    assert blocks[0] == "WEBVTT"
    cue = re.compile(r"(\d\d):(\d\d):(\d\d\.\d{3}) --> (\d\d):(\d\d):(\d\d\.\d{3})( line:0)?\n.+")
    starts = []
    for block in blocks[1:]:
        match = cue.fullmatch(block)
        assert match, block
        start, end = (
            3600 * int(match[at]) + 60 * int(match[at + 1]) + float(match[at + 2]) for at in (1, 4)
        )
        assert start < end
        starts.append(start)
    assert starts == sorted(starts)
    assert "[stimulus &lt;on&gt; &amp; off]" in blocks[2]
    # The corrected span lasts 0.4 s, too short to be read: a gap.
    assert blocks[1] == "00:00:00.000 --> 00:00:01.000\n<v Face 1>face 1: happiness</v>"


def test_subtitles_are_read_by_another_reader(exported):
    vtt = pytest.importorskip("webvtt", reason="webvtt-py is not installed")
    captions = vtt.WebVTT.read(exported(".vtt"), strict=True).captions
    first, second = captions[:2]
    assert (first.start_in_seconds, first.end_in_seconds, first.voice) == (0, 1, "Face 1")
    assert first.text == "face 1: happiness"
    assert (str(second.settings), second.text) == (
        "line:0",
        "[stimulus &lt;on&gt; &amp; off]",
    )


def _elan(path):
    """Check what EAFv3.0.xsd asks for; give the tiers as lists of (start, end, value)."""
    root = ET.parse(path).getroot()
    assert root.tag == "ANNOTATION_DOCUMENT"
    assert {"AUTHOR", "DATE", "FORMAT", "VERSION"} <= set(root.attrib)
    assert root.get("VERSION") == root.get("FORMAT") == "3.0"
    order = [child.tag for child in root]
    wanted = [
        "HEADER",
        "TIME_ORDER",
        "TIER",
        "LINGUISTIC_TYPE",
        "LANGUAGE",
        "CONTROLLED_VOCABULARY",
    ]
    assert sorted(order, key=wanted.index) == order
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root[1]}
    kinds = {kind.get("LINGUISTIC_TYPE_ID") for kind in root.iter("LINGUISTIC_TYPE")}
    entries = {
        entry.get("CVE_ID"): entry.find("CVE_VALUE").text for entry in root.iter("CV_ENTRY_ML")
    }
    ids = [a.get("ANNOTATION_ID") for a in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(set(ids)) == len(ids)
    tiers = {}
    for tier in root.iter("TIER"):
        assert tier.get("LINGUISTIC_TYPE_REF") in kinds
        rows = tiers[tier.get("TIER_ID")] = []
        for annotation in tier:
            assert annotation.tag == "ANNOTATION"
            (aligned,) = annotation
            start, end = (slots[aligned.get(f"TIME_SLOT_REF{n}")] for n in (1, 2))
            value = aligned.find("ANNOTATION_VALUE").text
            assert start < end
            if (entry := aligned.get("CVE_REF")) is not None:
                assert entries[entry] == value
            rows.append((start, end, value))
        assert all(before[1] <= after[0] for before, after in pairwise(rows))
    return root, tiers


def test_elan_has_a_tier_for_each_face_and_one_for_the_markers(exported):
    root, tiers = _elan(exported(".eaf"))
    assert tiers == {
        "face 1": [
            (0, 1000, "happiness"),
            (1000, 1400, "surprise"),
            (1400, 4000, "happiness"),
            (4000, 10000, "anger"),
        ],
        "face 3": [(6000, 10000, "sadness")],
        "markers": [
            (1000, 1050, "stimulus <on> & off (F5)"),
            (1050, 1150, "soon after"),
            (9000, 9100, "end"),
        ],
    }
    media = root.find("HEADER/MEDIA_DESCRIPTOR")
    assert media.get("RELATIVE_MEDIA_URL") == "./a video.mp4"
    assert media.get("MEDIA_URL").startswith("file:///")
    assert media.get("MIME_TYPE") == "video/mp4"


def test_elan_is_read_by_another_reader(exported):
    elan = pytest.importorskip("pympi", reason="pympi-ling is not installed")
    file = elan.Elan.Eaf(str(exported(".eaf")))
    assert set(file.get_tier_names()) == {"face 1", "face 3", "markers"}
    assert [row[:3] for row in file.get_annotation_data_for_tier("face 1")][:2] == [
        (0, 1000, "happiness"),
        (1000, 1400, "surprise"),
    ]
    assert set(file.get_controlled_vocabulary_names()) == {"expressions"}
    assert len(EXPRESSIONS) == 8


def test_markers_of_one_moment_share_an_annotation(write_records, tmp_path):
    opened = open_review(write_records("rows.csv", []))
    markers = (Marker(1.0, "one"), Marker(1.0, "two", "F6"))
    export(Review("x", opened.edits, markers=markers), tmp_path / "out.eaf", overwrite=False)
    _, tiers = _elan(tmp_path / "out.eaf")
    assert tiers == {"markers": [(1000, 1100, "one; two (F6)")]}


@pytest.fixture
def lasting(write_records, two_faces):
    """A review with markers that last, two at once, and a moment within."""
    markers = (
        Marker(1.0, "film", "F5", 4.0),
        Marker(2.0, "moment"),
        Marker(3.0, "task", "", 5.5),
        Marker(5.0, "film", "F5", 6.0),
    )
    return Review("x", open_review(write_records("rows.csv", two_faces)).edits, markers=markers)


def test_markers_that_last_have_tiers_without_overlaps(lasting, tmp_path):
    export(lasting, tmp_path / "out.eaf", overwrite=False)
    _, tiers = _elan(tmp_path / "out.eaf")
    assert tiers["markers"] == [(2000, 2100, "moment")]
    assert tiers["lasting markers 1"] == [(1000, 4000, "film (F5)"), (5000, 6000, "film (F5)")]
    assert tiers["lasting markers 2"] == [(3000, 5500, "task")]


def test_subtitles_and_json_say_how_long_markers_last(lasting, tmp_path):
    export(lasting, tmp_path / "out.vtt", overwrite=False)
    text = (tmp_path / "out.vtt").read_text()
    assert "00:00:01.000 --> 00:00:04.000 line:0\n[film]" in text
    assert "00:00:02.000 --> 00:00:04.000 line:0\n[moment]" in text
    export(lasting, tmp_path / "out.json", overwrite=False)
    markers = json.loads((tmp_path / "out.json").read_text())["markers"]
    assert [(m["time_s"], m.get("end_s")) for m in markers] == [
        (1.0, 4.0),
        (2.0, None),
        (3.0, 5.5),
        (5.0, 6.0),
    ]


def test_a_plot_is_darker_where_a_marker_lasts(lasting, tmp_path):
    export(lasting, tmp_path / "with.png", overwrite=False)
    bare = Review(
        "x", lasting.edits, markers=tuple(replace(m, end_s=None) for m in lasting.markers)
    )
    export(bare, tmp_path / "without.png", overwrite=False)
    one, other = (cv2.imread(str(tmp_path / f"{n}.png")).astype(int) for n in ("with", "without"))
    assert (one < other).mean() > 0.1


def test_png_is_a_picture_of_its_size(exported):
    image = cv2.imread(str(exported(".png")))
    assert image.shape[1] == 1650
    assert 700 < image.shape[0] < 1100
    assert (image != 255).any(axis=2).mean() > 0.02


def test_svg_holds_its_words_as_text(exported):
    text = exported(".svg").read_text("utf-8")
    root = ET.fromstring(text)
    assert root.tag.endswith("svg")
    words = " ".join(node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text"))
    for word in ("valence", "arousal", "face 1", "happiness", "soon after", "session <1>"):
        assert word in words


@pytest.mark.parametrize("ending", list(FORMS))
def test_a_recording_without_faces_can_be_exported(write_records, tmp_path, ending):
    review = open_review(write_records("rows.csv", []))
    export(review, tmp_path / f"out{ending}", overwrite=False)
    assert (tmp_path / f"out{ending}").stat().st_size > 0


@pytest.mark.parametrize("ending", list(FORMS))
def test_an_existing_file_is_kept_unless_it_may_be_replaced(review, tmp_path, ending):
    path = tmp_path / f"out{ending}"
    path.write_text("mine")
    with pytest.raises(SinkError, match="exists already"):
        export(review, path, overwrite=False)
    assert path.read_text() == "mine"
    export(review, path, overwrite=True)
    assert path.read_bytes() != b"mine"
    assert not list(tmp_path.glob(".*"))


def test_a_failed_export_leaves_the_last_good_one(review, tmp_path, monkeypatch):
    path = tmp_path / "out.json"
    path.write_text("mine")

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json, "dumps", full)
    with pytest.raises(SinkError, match=r"out\.json: cannot be written: No space left"):
        export(review, path, overwrite=True)
    assert path.read_text() == "mine"
    assert not list(tmp_path.glob(".*"))


def test_missing_libraries_and_unknown_endings_say_what_to_do(review, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"unknown ending; known here: \.csv, \.parquet"):
        export(review, tmp_path / "out.docx", overwrite=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match="Parquet needs pyarrow"):
        export(review, tmp_path / "out.parquet", overwrite=False)
    with pytest.raises(ConfigError, match="plots need matplotlib"):
        export(review, tmp_path / "out.png", overwrite=False)
    assert not list(tmp_path.glob(".*"))


HOSTILE = "\x00\x1b[31m\x85\ud800\ufffe -->\r\n\r\n<b>&amp; $x^{ =1+1 \u2028 表情 😀"


@pytest.fixture
def hostile(write_records, two_faces, tmp_path):
    """A recording whose every text is what forms of files cannot hold."""
    opened = open_review(write_records("rows.csv", two_faces))
    video = tmp_path / "a\x01b\udcff.mp4"
    markers = (Marker(1.0, HOSTILE, "\x07"), Marker(1.05, "-->\x00"), Marker(2.0, ""))
    return Review(HOSTILE, opened.edits, markers=markers, video=video)


@pytest.mark.parametrize("ending", list(FORMS))
def test_no_text_breaks_an_export(hostile, tmp_path, ending):
    path = tmp_path / f"out{ending}"
    export(hostile, path, overwrite=False)
    if ending in (".eaf", ".svg"):
        words = "".join(ET.parse(path).getroot().itertext())
        assert "\N{REPLACEMENT CHARACTER}[31m" in words
        assert "<b>&amp; $x^{ =1+1" in words
    elif ending == ".json":
        said = json.loads(path.read_text("utf-8"))
        assert said["markers"][1]["text"] == "-->\N{REPLACEMENT CHARACTER}"
    elif ending == ".csv":
        with path.open(newline="") as text:
            assert {len(row) for row in csv.reader(text)} == {
                len(COLUMNS) + 4
            }  # and file, contract, affect_source, corrected
    elif ending == ".vtt":
        vtt = pytest.importorskip("webvtt", reason="webvtt-py is not installed")
        captions = vtt.WebVTT.read(path, strict=True).captions
        marked = [caption for caption in captions if caption.text.startswith("[")]
        assert len(marked) == 3
        assert "--&gt; &lt;b&gt;&amp;amp; $x^{ =1+1" in marked[0].text
        assert len(marked[0].text.splitlines()) == 1


def test_tens_of_thousands_of_spans_and_markers_are_drawn(write_records, tmp_path):
    frames = [(n / 10, {1: (("fear", "anger")[n % 2], 0.0, 0.0)}) for n in range(2000)]
    opened = open_review(write_records("rows.csv", frames))
    markers = tuple(Marker(n / 10, "x" * 5000) for n in range(2000))
    review = Review("n" * 5000, opened.edits, markers=markers)
    before_s = process_time()
    export(review, tmp_path / "out.png", overwrite=False)
    assert process_time() - before_s < 10  # with a drawing for each: 40 s


@pytest.fixture
def named(review):
    """The same review, whose faces have names that no format may choke on."""
    review.edits.add(FaceEdit(face=1, named=NamedFace(name="_<Ann> & \x01Co", colour="orange")))
    review.edits.add(FaceEdit(face=3, named=NamedFace(name="markers")))
    return review


def test_tiers_and_cues_have_the_names_of_faces(named, exported):
    root = ET.parse(exported(".eaf")).getroot()
    tiers = {tier.get("TIER_ID"): tier.get("PARTICIPANT") for tier in root.iter("TIER")}
    anna = "_<Ann> & \ufffdCo (1)"
    assert tiers == {anna: anna, "markers (3)": "markers (3)", "markers": None}
    cues = exported(".vtt").read_text()
    assert "<v _&lt;Ann&gt; &amp; \ufffdCo>_&lt;Ann&gt; &amp; \ufffdCo: " in cues
    assert "<v Markers>markers: " in cues
    assert "face 1" not in cues


def test_json_has_the_names_and_colours_of_faces(named, exported):
    first, second = json.loads(exported(".json").read_text())["faces"]
    assert (first["id"], first["name"], first["colour"]) == (1, "_<Ann> & \ufffdCo", "orange")
    assert second["name"] == "markers"
    assert "colour" not in second


def test_the_plot_has_the_names_and_colours_of_faces(named, exported):
    path = exported(".svg")
    texts = [text.text for text in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert sum("_<Ann> &" in (text or "") for text in texts) == 2  # the legend, the band
    assert "#b87400" in path.read_text()


def _upright(path):
    """Give the texts that stand upright: where they begin from the left, points, by words."""
    found = {}
    for text in ET.parse(path).iter("{http://www.w3.org/2000/svg}text"):
        turn = re.search(r"translate\(([\d.]+) ([\d.]+)\) rotate\(-90\)", text.get("transform", ""))
        if turn and "7px" in text.get("style", ""):
            found[text.text] = float(turn[1])
    return found


def test_no_text_of_a_marker_covers_another_in_the_plot(write_records, two_faces, tmp_path):
    opened = open_review(write_records("rows.csv", two_faces))
    markers = (
        Marker(5.0, "paused"),
        Marker(5.0, "went on after 3.2 s"),
        Marker(5.02, "laughs"),
        Marker(7.0, "a rather long note " * 10),
        Marker(9.96, "the end"),
        Marker(9.99, "the very end"),
    )
    path = tmp_path / "out.svg"
    export(Review("x", opened.edits, markers=markers), path, overwrite=False)
    places = _upright(path)
    assert [words[:8] for words in places] == [m.text[:8] for m in markers]
    assert all(b - a > 8 for a, b in pairwise(places.values()))  # 7 points, and between them
    assert all(x < 72 * 11 for x in places.values())
    assert next(words for words in places if "note" in words).endswith("…")
    assert "without text" not in path.read_text()


def test_markers_that_have_no_room_in_the_plot_are_counted(write_records, two_faces, tmp_path):
    opened = open_review(write_records("rows.csv", two_faces))
    markers = tuple(Marker(5 + n / 100, f"burst {n}") for n in range(50))
    path = tmp_path / "out.svg"
    export(Review("x", opened.edits, markers=markers), path, overwrite=False)
    places = _upright(path)
    assert 4 < len(places) < 12
    assert all(b - a > 8 for a, b in pairwise(places.values()))
    assert f"x, {50 - len(places)} markers without text" in path.read_text()
