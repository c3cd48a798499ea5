"""Recordings opened again."""

import json
import os
import shutil
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest

from app.session import contents
from app.session import review as review_module
from app.session.edits import DeleteEdit, LabelEdit
from app.session.exports.export import FORMS, export
from app.session.folder import ABOUT, PartLimits, write_about
from app.session.naming import NamedFace
from app.session.people import FaceEdit, SplitEdit
from app.session.recorder import Recorder
from app.session.recording import RecorderConfig
from app.session.review import open_review
from app.session.spans import Span
from engine.analyze import AnalyzerConfig
from engine.errors import ConfigError, SourceError

FACES = {1: ("happiness", 0.5, 0.2), 2: ("anger", -0.5, 0.6)}


@pytest.fixture
def session(tmp_path, camera, make_analysis):
    """Give `session(**config)`, the folder of a recording of 20 frames."""

    def make(**config):
        recorder = Recorder(
            tmp_path / "recordings", camera(), AnalyzerConfig(), RecorderConfig(**config)
        )
        for index in range(20):
            recorder.add(make_analysis(index, index / 25, FACES))
        recorder.mark("stimulus on", "F5")
        recorder.stop()
        assert recorder.join(5)
        assert not recorder.status().message
        return recorder.status().folder

    return make


@pytest.fixture
def review(write_records, two_faces):
    return open_review(write_records("rows.csv", two_faces))


def test_a_session_opens_with_all_it_holds(session):
    folder = session()
    review = open_review(folder)
    assert review.name == folder.name
    assert review.faces == (1, 2)
    assert review.video == folder / "video.mp4"
    assert review.annotated
    assert [marker.text for marker in review.markers] == ["stimulus on"]
    assert review.warnings == ()
    assert review.about["state"] == "finished"
    assert review.duration_s >= 0.8
    assert open_review(folder / ABOUT).faces == (1, 2)


def test_a_session_of_video_alone_has_no_faces(session):
    review = open_review(session(records=False))
    assert review.faces == ()
    assert review.tracks() == []
    assert review.at(0.1) == []
    assert review.video is not None


def test_a_session_of_records_alone_takes_another_video(session, make_clip):
    folder = session(video=False)
    assert open_review(folder).video is None
    clip = make_clip()
    review = open_review(folder, clip)
    assert review.video == clip
    assert not review.annotated


def test_an_interrupted_session_opens_with_a_warning(session):
    folder = session()
    about = open_review(folder).about | {"state": "recording"}
    write_about(folder, about)
    (folder / "video.mp4").unlink()
    review = open_review(folder)
    assert review.warnings == (
        f"{folder.name}: the recording did not end well; kept what was written",
        f"{folder.name}: video.mp4 is missing",
    )


def test_corrections_come_back_with_the_session(session):
    folder = session()
    open_review(folder).edits.add(DeleteEdit(face=2))
    assert open_review(folder).faces == (1,)
    assert (folder / "edits.json").exists()


def test_a_records_file_keeps_its_corrections_beside_it(review, tmp_path):
    review.edits.add(DeleteEdit(face=2))
    assert (tmp_path / "rows.csv.edits.json").exists()
    assert open_review(tmp_path / "rows.csv").faces == (1, 3)


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_every_format_opens(write_records, two_faces, ending):
    assert open_review(write_records(f"rows{ending}", two_faces)).faces == (1, 2, 3)


def test_what_is_missing_is_said(session, tmp_path):
    with pytest.raises(SourceError, match="no such file or folder"):
        open_review(tmp_path / "nothing")
    with pytest.raises(SourceError, match=r"session\.json is missing"):
        open_review(tmp_path)
    folder = session()
    with pytest.raises(SourceError, match=r"no\.mp4: no such file"):
        open_review(folder, tmp_path / "no.mp4")
    (folder / "records.csv").unlink()
    with pytest.raises(SourceError, match=r"records\.csv: missing; the recording is not whole"):
        open_review(folder)
    shutil.rmtree(folder)


def test_tracks_sum_up_what_is_left(review):
    one, two, three = review.tracks()
    assert one.face.seen_s == pytest.approx(10.0)
    assert one.face.shares["happiness"] == pytest.approx(0.4)
    assert one.face.shares["anger"] == pytest.approx(0.6)
    assert one.face.label == "anger"
    assert one.face.valence == pytest.approx(0.4 * 0.8 - 0.6 * 0.5)
    assert (two.face.first_s, two.face.last_s) == (0.0, pytest.approx(2.9))
    assert three.face.frames == 40
    review.edits.add(LabelEdit(face=1, start_s=4, end_s=10, label="happiness"))
    assert review.tracks()[0].face.shares["happiness"] == 1.0
    assert review.tracks()[0].corrected == 60


def test_spans_meet_and_do_not_overlap(review):
    review.edits.add(LabelEdit(face=1, start_s=7.0, end_s=7.1, label="fear"))
    spans = review.spans(1)
    assert spans == [
        Span(0.0, pytest.approx(4.0), "happiness", False),
        Span(4.0, pytest.approx(7.0), "anger", False),
        Span(7.0, pytest.approx(7.2), "fear", True),
        Span(pytest.approx(7.2), pytest.approx(10.0), "anger", False),
    ]
    assert review.spans(1, least_s=0.5) == [
        Span(0.0, pytest.approx(4.0), "happiness", False),
        Span(4.0, pytest.approx(7.0), "anger", False),
        Span(pytest.approx(7.2), pytest.approx(10.0), "anger", False),
    ]
    assert review.spans(9) == []


def test_corrected_is_what_a_person_labelled_and_no_more(review):
    """Beside it the model says the same: of face 1, happiness until 4 s."""
    review.edits.add(LabelEdit(face=1, start_s=2.0, end_s=2.9, label="happiness"))
    assert review.spans(1)[:3] == [
        Span(0.0, pytest.approx(2.0), "happiness", False),
        Span(pytest.approx(2.0), pytest.approx(3.0), "happiness", True),
        Span(pytest.approx(3.0), pytest.approx(4.0), "happiness", False),
    ]
    review.edits.add(LabelEdit(face=1, start_s=4.0, end_s=4.9, label="happiness"))
    assert [(round(s.start_s, 3), round(s.end_s, 3), s.corrected) for s in review.spans(1)] == [
        (0.0, 2.0, False),
        (2.0, 3.0, True),
        (3.0, 4.0, False),
        (4.0, 5.0, True),
        (5.0, 10.0, False),
    ]
    whole = Span(0.0, pytest.approx(5.0), "happiness", True)
    assert review.shown(1)[0] == review.spans(1, least_s=0.5)[0] == whole


def test_a_cue_shows_what_fills_most_of_its_time(write_records):
    labels = ["surprise"] * 6 + ["fear", "surprise", "fear", "fear", "anger"] * 4 + ["anger"] * 6
    frames = [(t / 10, {1: (label, 0.1, 0.2)}) for t, label in enumerate(labels)]
    review = open_review(write_records("rows.csv", frames))
    exact, cues = review.spans(1), review.spans(1, least_s=0.5)
    assert cues[0] == exact[0]  # those that last are those of the ELAN tier
    assert cues[-1] == exact[-1]
    assert "fear" in {cue.label for cue in cues}
    for cue in cues:
        inside = [
            max(0.0, min(cue.end_s, span.end_s) - max(cue.start_s, span.start_s))
            for span in exact
            if span.label == cue.label
        ]
        assert sum(inside) > 0.5 * (cue.end_s - cue.start_s)
        assert cue.end_s - cue.start_s > 0.499
    assert all(a.end_s <= b.start_s for a, b in pairwise(cues))


def test_a_silence_ends_a_span_and_breaks_a_series(write_records):
    frames = [(t / 10, {1: ("fear", 0.1, 0.2)}) for t in (*range(5), *range(30, 35), 90)]
    review = open_review(write_records("rows.csv", frames))
    assert [(span.start_s, span.end_s) for span in review.spans(1)] == [
        (0.0, pytest.approx(0.5)),
        (3.0, pytest.approx(3.5)),
        (9.0, pytest.approx(9.1)),
    ]
    assert [s.start_s for s in review.spans(1, least_s=5)] == [0.0, 3.0, 9.0]
    times, values = review.series(1, "arousal")
    assert np.flatnonzero(np.isnan(times)).tolist() == [5, 11]
    assert values[0] == pytest.approx(0.2)


def test_faces_at_a_moment(review):
    assert [seen.id for seen in review.at(2.05)] == [1, 2]
    (seen,) = review.at(4.0)
    assert (seen.id, seen.label, seen.corrected, seen.behind) == (1, "anger", False, False)
    assert seen.share == pytest.approx(0.65)
    assert seen.box == (8.0, 20.0, 48.0, 70.0)
    assert review.at(30.0) == []
    assert review.at(-1) == []
    review.edits.add(LabelEdit(face=1, start_s=4, end_s=5, label="fear"))
    (seen,) = review.at(4.5)
    assert (seen.label, seen.corrected, seen.share) == ("fear", True, pytest.approx(0.05))
    assert seen.behind  # as a row whose label was kept while another class was more probable


@pytest.fixture
def folder(session):
    return session(video=False)


def _say(folder, **files):
    about = open_review(folder).about
    write_about(folder, about | {"files": about["files"] | files})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
@pytest.mark.parametrize("what", ["pipe", "zero", "out", "loop", "folder"])
def test_what_is_no_file_of_the_folder_is_not_opened(folder, tmp_path, what):
    (tmp_path / "secret.csv").write_text((folder / "records.csv").read_text())
    odd = folder / "odd.csv"
    if what == "pipe":
        os.mkfifo(odd)
    elif what == "folder":
        odd.mkdir()
    else:
        ends = {"zero": "/dev/zero", "out": str(tmp_path / "secret.csv"), "loop": "odd.csv"}
        odd.symlink_to(ends[what])
    for key in ("video", "markers"):
        _say(folder, **{"markers": None, key: "odd.csv"})
        review = open_review(folder)
        assert (review.video, review.markers) == (None, ())
        assert review.warnings[0].startswith(f"{folder.name}: odd.csv is ")
        _say(folder, video=None, markers=None)
    _say(folder, records="odd.csv")
    with pytest.raises(SourceError, match=r"odd\.csv: .*; the recording is not whole"):
        open_review(folder)


def test_a_damaged_row_and_a_damaged_marker_leave_the_rest(folder):
    open_review(folder).edits.add(DeleteEdit(face=2))
    records = folder / "records.csv"
    records.write_bytes(records.read_bytes().replace(b"\n3,", b"\n\xff3,", 1))
    with (folder / "markers.csv").open("a") as text:
        text.write("nan,F6,off\n")
    review = open_review(folder)
    assert review.faces == (1,)  # the correction of the whole rows still fits
    assert [marker.text for marker in review.markers] == ["stimulus on"]
    assert len(review.warnings) == 2
    assert "a damaged row was left out: row 7, frame" in review.warnings[0]
    assert "row 3: not a marker" in review.warnings[1]


def test_more_faces_than_a_window_can_show_are_refused(write_records, two_faces, monkeypatch):
    monkeypatch.setattr(review_module, "FACES_MAX", 2)
    with pytest.raises(SourceError, match=r"rows\.csv: has 3 faces; a review shows 2 at most"):
        open_review(write_records("rows.csv", two_faces))


def test_what_all_parts_hold_is_bounded(session, monkeypatch):
    folder = session(part=PartLimits(seconds=0.3))
    assert len(open_review(folder).table) == 40
    monkeypatch.setattr(contents, "NUMBERS_MAX", 19 * 20)
    with pytest.raises(SourceError, match="too large: open its parts one by one"):
        open_review(folder)


def test_a_part_that_is_missing_leaves_the_others(session):
    folder = session(part=PartLimits(seconds=0.3))
    (folder / "records-002.csv").unlink()
    (folder / "video-002.mp4").unlink()
    review = open_review(folder)
    assert 0 < len(review.table) < 40
    assert [warning.partition("002")[2] for warning in review.warnings] == [
        ".csv: missing; the recording is not whole",
        ".mp4 is missing",
    ]


def _shorten(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content))])


def test_a_shortened_recording_says_how_much_of_it_is_there(session):
    folder = session()
    assert open_review(folder).about["rows"] == 40
    pictures = open_review(folder).about["video_frames"]  # 20 where encoding keeps up
    assert pictures > 7
    assert open_review(folder).warnings == ()
    _shorten(folder / "records.csv", 0.5)
    _shorten(folder / "video.mp4", 0.5)
    review = open_review(folder)
    there, last_s = len(review.table), review.table.times[-1]
    assert 10 < there < 25
    assert review.warnings == (
        "records.csv: ends in the middle of a row, which is left out",
        f"{folder.name}: only {there} of 40 rows are there, until {last_s:.2f} s of 0.76 s",
        f"{folder.name}: only 0 of {pictures} pictures of the video are there; "
        "video.mp4 cannot be read",
    )


def test_rows_that_end_at_a_whole_row_and_a_shorter_video_are_told(session, make_clip):
    folder = session()
    pictures = open_review(folder).about["video_frames"]
    lines = (folder / "records.csv").read_text().splitlines(keepends=True)
    (folder / "records.csv").write_text("".join(lines[:31]))
    make_clip("clip.mp4", [np.zeros((48, 64, 3), np.uint8)] * 7).replace(folder / "video.mp4")
    assert open_review(folder).warnings == (
        f"{folder.name}: only 30 of 40 rows are there, until 0.56 s of 0.76 s",
        f"{folder.name}: only 7 of {pictures} pictures of the video are there",
    )


def test_of_an_older_recording_the_time_is_told(session):
    folder = session(video=False)
    about = open_review(folder).about
    write_about(folder, {key: value for key, value in about.items() if key != "rows"})
    assert open_review(folder).warnings == ()
    _shorten(folder / "records.csv", 0.5)
    review = open_review(folder)
    there, last_s = len(review.table), review.table.times[-1]
    assert review.warnings[1:] == (
        f"{folder.name}: {there} rows are there, until {last_s:.2f} s of 0.76 s",
    )


def test_all_parts_count_together(session):
    folder = session(part=PartLimits(seconds=0.3))
    assert open_review(folder).warnings == ()
    (folder / "records-002.csv").write_bytes((folder / "records-002.csv").read_bytes()[:-5])
    warnings = open_review(folder).warnings
    assert warnings[0].startswith("records-002.csv: ends in the middle of a row")
    assert warnings[1].startswith(f"{folder.name}: only 39 of 40 rows are there")


def test_parts_that_are_missing_by_the_thousand_are_counted(session):
    folder = session(part=PartLimits(seconds=0.3))
    about = open_review(folder).about
    parts = about["files"]["parts"]
    missing = [
        {"start_s": 9.0, "video": f"video-{n:05}.mp4", "records": None} for n in range(3, 2003)
    ]
    write_about(folder, about | {"files": about["files"] | {"parts": [*parts, *missing]}})
    review = open_review(folder)
    assert len(review.table) == 40
    assert len(review.warnings) == 21
    assert review.warnings[-1] == "and 1980 more warnings like these"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_corrections_are_not_written_to_where_a_link_leads(folder, tmp_path):
    (folder / "edits.json").symlink_to(tmp_path / "planted.json")
    with pytest.raises(SourceError, match=r"edits\.json: is a link that leads nowhere; move it"):
        open_review(folder)
    (tmp_path / "planted.json").write_text("{}")
    with pytest.raises(SourceError, match=r"edits\.json: is a link that leads out of the folder"):
        open_review(folder)
    (folder / "records.csv.edits.json").symlink_to(tmp_path / "other.json")
    with pytest.raises(SourceError, match="is a link that leads nowhere"):
        open_review(folder / "records.csv")


def test_a_split_begins_with_the_frame_that_is_shown(review):
    assert review.split(1, 4.07).time_s == pytest.approx(4.0)
    assert review.split(1, 4.0) == SplitEdit(face=1, other=4, time_s=review.split(1, 4.07).time_s)
    assert review.split(1, 0.05) is None
    assert review.split(1, 0.1) is not None
    assert review.split(1, 30.0) is None
    assert review.split(2, 5.0) is None
    assert review.split(9, 5.0) is None


def test_in_a_silence_a_split_parts_what_was_before_from_what_comes(write_records):
    frames = [(t / 10, {1: ("fear", 0.1, 0.2)}) for t in (*range(5), *range(30, 35))]
    review = open_review(write_records("rows.csv", frames))
    review.edits.add(review.split(1, 2.0))
    assert [(t.face.id, t.face.frames) for t in review.tracks()] == [(1, 5), (2, 5)]


def test_after_a_split_everything_follows(review, tmp_path):
    review.edits.add(FaceEdit(face=1, named=NamedFace(name="Ann", colour="orange")))
    assert review.series(1, "valence")[0].size == 100
    review.edits.add(review.split(1, 4.0))
    assert review.faces == (1, 2, 3, 4)
    assert review.spans(1) == [Span(0.0, pytest.approx(4.0), "happiness", False)]
    assert review.spans(4) == [Span(4.0, pytest.approx(10.0), "anger", False)]
    assert [review.named.of(face).name for face in (1, 4)] == ["Ann", ""]
    assert [t.face.seen_s for t in review.tracks()] == pytest.approx([4.0, 3.0, 4.0, 6.0])
    assert review.series(4, "valence")[1].tolist() == pytest.approx([-0.5] * 60)
    # Who was parted by hand is not suggested to be one person.
    assert (1, 4) not in [(s.into, s.face) for s in review.suggestions]
    for ending in FORMS:
        export(review, tmp_path / f"out{ending}", overwrite=False)
    assert open_review(tmp_path / "out.csv").faces == (1, 2, 3, 4)
    assert "Ann" in (tmp_path / "out.svg").read_text()
    assert "face 4" in (tmp_path / "out.svg").read_text()
    tiers = ET.parse(tmp_path / "out.eaf").getroot().iter("TIER")
    assert [t.get("TIER_ID") for t in tiers] == ["Ann", "face 2", "face 3", "face 4", "markers"]
    faces = json.loads((tmp_path / "out.json").read_text())["faces"]
    assert [face["id"] for face in faces] == [1, 2, 3, 4]


def test_faces_that_a_frame_shows_together_are_known(review):
    assert review.met(1) == {2: 0.0, 3: pytest.approx(6.0)}
    assert review.met(3) == {1: pytest.approx(6.0)}
    review.edits.add(review.split(1, 4.0))
    assert review.met(1) == {2: 0.0}
    assert review.met(9) == {}


def test_a_new_face_inherits_no_name_of_one_that_has_no_rows(session):
    folder = session(video=False)
    write_about(folder, open_review(folder).about | {"faces": {"7": {"name": "Bob"}}})
    review = open_review(folder)
    assert review.split(1, 0.4).other == 8


def test_where_no_number_is_left_nothing_is_split(write_records):
    frames = [(t / 10, {2**31 - 1: ("fear", 0.1, 0.2)}) for t in range(5)]
    review = open_review(write_records("rows.csv", frames))
    with pytest.raises(ConfigError, match="the last number there is; no track can be split"):
        review.split(2**31 - 1, 0.2)
