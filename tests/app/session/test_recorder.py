"""Recording into a folder."""

import csv
import shutil
import threading
from itertools import pairwise

import av
import numpy as np
import pytest

import app.session.recorder as module
from app.session.annotated import AnnotatedVideo, VideoConfig
from app.session.disk import free_bytes
from app.session.files import SessionFiles
from app.session.folder import Marker, PartLimits, read_about, read_markers
from app.session.intake import FRAMES_WAITING
from app.session.recorder import Recorder
from app.session.recording import RecorderConfig, State
from app.session.review import open_review
from engine.analyze import AnalyzerConfig
from engine.errors import ConfigError, SinkError
from engine.networks.models import choose
from engine.video.opening import open_source

FACES = {1: ("happiness", 0.5, 0.2), 2: ("anger", -0.5, 0.6)}


@pytest.fixture
def record(tmp_path, camera):
    """Give `record(config, **arguments)`, a recorder that is stopped in the end."""
    made = []

    def start(config=None, root=None, live=True, **arguments):
        recorder = Recorder(
            root or tmp_path / "recordings",
            camera(live=live),
            AnalyzerConfig(),
            config or RecorderConfig(),
            **arguments,
        )
        made.append(recorder)
        return recorder

    yield start
    for recorder in made:
        recorder.stop()
        assert recorder.join(5)


def _rows(folder):
    with (folder / "records.csv").open(newline="") as text:
        return list(csv.DictReader(text))


def _video_times(folder):
    with open_source(str(folder / "video.mp4")) as source:
        return [frame.time_s for frame in source]


def _feed(recorder, make_analysis, count, start=0):
    for index in range(start, start + count):
        assert recorder.add(make_analysis(index, 3.0 + index / 25, FACES))


def test_a_session_is_recorded_with_all_that_belongs_to_it(record, make_analysis):
    recorder = record()
    _feed(recorder, make_analysis, 10, start=7)
    marker = recorder.mark("question\n 3", key="F5")
    _feed(recorder, make_analysis, 5, start=17)
    recorder.stop()
    assert recorder.join(5)
    status = recorder.status()
    assert (status.state, status.message, status.frames, status.markers) == (
        State.FINISHED,
        "",
        15,
        1,
    )
    folder = status.folder
    rows = _rows(folder)
    assert [int(row["frame"]) for row in rows] == [index for index in range(15) for _ in FACES]
    assert [float(row["timestamp"]) for row in rows[::2]] == pytest.approx(np.arange(15) / 25)
    assert {row["face_id"]: row["expression"] for row in rows} == {"1": "happiness", "2": "anger"}
    assert status.video_frames + status.dropped == 15
    assert len(_video_times(folder)) == status.video_frames
    assert read_markers(folder / "markers.csv")[0] == [
        Marker(pytest.approx(marker.time_s, abs=1e-3), "question 3", "F5")
    ]
    about = read_about(folder)
    assert about["state"] == "finished"
    assert about["stopped_because"] == "stopped by the user"
    assert about["model"]["sha256"] == choose("poster-rt").expression.sha256
    assert about["source"] == {
        "name": "camera 0",
        "width": 160,
        "height": 120,
        "fps": 25.0,
        "live": True,
    }
    assert about["frames"] == 15
    assert about["settings"]["analyzer"]["detect_every"] == 10
    assert about["started"] <= about["ended"]
    assert about["versions"]["numpy"] == np.__version__


@pytest.mark.parametrize(
    ("choice", "files"),
    [
        ({"video": False}, {"records.csv", "markers.csv", "session.json"}),
        ({"records": False}, {"video.mp4", "markers.csv", "session.json"}),
    ],
)
def test_either_alone(record, make_analysis, choice, files):
    recorder = record(RecorderConfig(**choice))
    _feed(recorder, make_analysis, 3)
    recorder.stop()
    assert recorder.join(5)
    folder = recorder.status().folder
    assert {path.name for path in folder.iterdir()} == files
    assert set(read_about(folder)["files"].values()) == files - {"session.json"}


def test_a_slow_encoder_costs_video_frames_and_never_rows(record, make_analysis, monkeypatch):
    gate = threading.Event()
    write = AnnotatedVideo.write

    def slow(video, analysis):
        gate.wait(5)
        write(video, analysis)

    monkeypatch.setattr(AnnotatedVideo, "write", slow)
    recorder = record()
    _feed(recorder, make_analysis, 100)
    status = recorder.status()
    assert status.behind
    assert status.dropped in (100 - FRAMES_WAITING, 99 - FRAMES_WAITING)  # one may be in hand
    gate.set()
    recorder.stop()
    assert recorder.join(5)
    status = recorder.status()
    assert len(_rows(status.folder)) == 200
    assert status.video_frames == len(_video_times(status.folder)) == 100 - status.dropped
    assert read_about(status.folder)["video_frames_dropped"] == status.dropped


def test_no_picture_waits_for_rows_alone(record, make_analysis, monkeypatch):
    written, frames = [], []
    write_rows = SessionFiles.write_rows

    def noted(files, rows):
        rows = list(rows)
        written.extend(rows)
        write_rows(files, rows)

    monkeypatch.setattr(SessionFiles, "write_rows", noted)
    monkeypatch.setattr(SessionFiles, "write_frame", lambda _, analysis: frames.append(analysis))
    recorder = record(RecorderConfig(video=False))
    recorder.add(make_analysis(0, 0.0, FACES))
    recorder.stop()
    assert recorder.join(5)
    assert [row.frame.image.size for row in written] == [3]
    assert frames == []


def test_the_timer_ends_it(record, make_analysis):
    recorder = record(RecorderConfig(limit_s=0.4))
    taken = [recorder.add(make_analysis(index, index / 25, FACES)) for index in range(20)]
    assert taken == [True] * 11 + [False] * 9
    assert recorder.join(5)
    status = recorder.status()
    assert status.state is State.FINISHED
    assert status.message == "stopped after 0.4 s, as asked"
    assert read_about(status.folder)["duration_s"] == pytest.approx(0.4)
    assert recorder.mark("late") is None


def test_it_does_not_start_on_a_full_disk(record, tmp_path, make_analysis):
    recorder = record(free=lambda path: 900_000_000)
    assert recorder.join(5)
    status = recorder.status()
    assert status.state is State.FAILED
    assert "recording not started: 900 MB free, at least 1,000 MB needed" in status.message
    assert status.free == 900_000_000
    assert not (tmp_path / "recordings").exists()
    assert not recorder.add(make_analysis(0, 0.0, FACES))


def test_it_ends_before_the_disk_is_full(record, make_analysis):
    left, full = iter([2_000_000_000]), threading.Event()

    def free(path):
        try:
            return next(left)
        except StopIteration:
            full.set()
            return 100_000_000

    recorder = record(free=free)
    for index in range(10_000):  # fewer than rows may wait
        if not recorder.add(make_analysis(index, index / 25, FACES)):
            break
        full.wait(0.002)  # a camera's pace, and more
    assert recorder.join(5)
    status = recorder.status()
    assert status.state is State.FINISHED
    assert "stopped before the disk is full: 100 MB free, at least 250 MB needed" in status.message
    assert read_about(status.folder)["state"] == "finished"
    assert len(_rows(status.folder)) == 2 * status.frames
    assert len(_video_times(status.folder)) == status.video_frames


def test_a_write_that_fails_is_told_and_keeps_what_was_written(record, make_analysis, monkeypatch):
    recorder = record()
    _feed(recorder, make_analysis, 2)
    fail = threading.Event()
    write = AnnotatedVideo.write

    def full(video, analysis):
        if video.frames == 2:
            fail.set()
            raise SinkError("video.mp4: cannot be written: No space left on device")
        write(video, analysis)

    monkeypatch.setattr(AnnotatedVideo, "write", full)
    for index in range(2, 1000):
        if fail.wait(0.01) or not recorder.add(make_analysis(index, 3 + index / 25, FACES)):
            break
    assert recorder.join(5)
    status = recorder.status()
    assert status.state is State.FAILED
    assert status.message == "video.mp4: cannot be written: No space left on device"
    assert len(_video_times(status.folder)) == 2
    about = read_about(status.folder)
    assert (about["state"], about["stopped_because"]) == ("failed", status.message)


def test_a_root_that_cannot_be_made_is_told(record, tmp_path):
    (tmp_path / "file").write_text("")
    recorder = record(root=tmp_path / "file")
    assert recorder.join(5)
    assert recorder.status().state is State.FAILED
    assert "file: cannot be written" in recorder.status().message


def test_a_bug_is_told_and_logged(record, monkeypatch, caplog):
    monkeypatch.setattr(module, "new_folder", lambda *_: 1 / 0)
    recorder = record()
    assert recorder.join(5)
    assert recorder.status().message == "recording failed: division by zero"
    assert "ZeroDivisionError" in caplog.text


def test_numbers_and_times_rise_when_a_camera_comes_back(record, make_analysis):
    recorder = record(RecorderConfig(video=False))
    for index, time_s in [(50, 2.0), (52, 2.08), (0, 0.0), (1, 0.04), (4, 0.16)]:
        recorder.add(make_analysis(index, time_s, {1: FACES[1]}))
    recorder.stop()
    assert recorder.join(5)
    rows = _rows(recorder.status().folder)
    assert [int(row["frame"]) for row in rows] == [0, 2, 3, 4, 7]
    times = [float(row["timestamp"]) for row in rows]
    assert all(before < after for before, after in pairwise(times))
    (marker,), _ = read_markers(recorder.status().folder / "markers.csv")
    assert marker.text == "source went to 0.00 s"


def test_adding_never_waits_for_the_disk(record, make_analysis, monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(AnnotatedVideo, "write", lambda *_: gate.wait(5))
    recorder = record()
    for index in range(2000):
        recorder.add(make_analysis(index, index / 25, FACES))
    assert recorder.status().frames == 2000
    gate.set()


def test_stop_may_be_called_often_and_from_other_threads(record, make_analysis):
    recorder = record()
    _feed(recorder, make_analysis, 3)
    threads = [threading.Thread(target=recorder.stop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.join(5)
    assert recorder.join(5)


def test_config_errors_name_the_setting():
    with pytest.raises(ConfigError, match="nothing to record"):
        RecorderConfig(video=False, records=False)
    with pytest.raises(ConfigError, match=r"recording\.limit_s"):
        RecorderConfig(limit_s=0)
    with pytest.raises(ConfigError, match=r"recording\.stop_free"):
        RecorderConfig(start_free=1, stop_free=2)
    assert VideoConfig().annotate


def _finish(recorder):
    recorder.stop()
    assert recorder.join(10)
    status = recorder.status()
    assert (status.state, status.message) == (State.FINISHED, "")
    return status


def _wait_for(recorder, frames):
    """Wait until frames are encoded, so that none is left out."""
    for _ in range(1000):
        if recorder.status().video_frames >= frames:
            return
        threading.Event().wait(0.005)
    pytest.fail("the encoder stands still")


@pytest.mark.parametrize("blur", [False, True])
def test_a_long_recording_goes_on_in_other_files(record, make_analysis, blur):
    look = VideoConfig(blur=blur)
    recorder = record(RecorderConfig(part=PartLimits(seconds=0.39), look=look))
    for index in range(30):
        recorder.add(make_analysis(index, 3.0 + index / 25, FACES))
        _wait_for(recorder, index)
    status = _finish(recorder)
    assert (status.part, status.dropped, status.video_frames) == (3, 0, 30)
    folder = status.folder
    assert {path.name for path in folder.iterdir()} == {
        *("session.json", "markers.csv", "video.mp4", "video-002.mp4", "video-003.mp4"),
        *("records.csv", "records-002.csv", "records-003.csv"),
    }
    about = read_about(folder)
    assert about["format"] == 2  # older versions would show the first part for the whole
    assert [part["start_s"] for part in about["files"]["parts"]] == pytest.approx([0.4, 0.8])
    lengths = []
    for name in ("video.mp4", "video-002.mp4", "video-003.mp4"):
        with open_source(str(folder / name)) as source:
            times = [frame.time_s for frame in source]
        assert times == pytest.approx(np.arange(len(times)) / 25, abs=1e-3)
        lengths.append(len(times))
    assert lengths == [10, 10, 10]
    review = open_review(folder)
    assert review.warnings == ()
    assert [part.start_s for part in review.footage] == pytest.approx([0, 0.4, 0.8])
    assert review.table.numbers["frame"].tolist() == [index for index in range(30) for _ in FACES]
    assert review.duration_s == pytest.approx(1.2)


def test_video_alone_goes_on_in_other_files_too(record, make_analysis):
    recorder = record(RecorderConfig(records=False, part=PartLimits(seconds=0.39)))
    for index in range(20):
        recorder.add(make_analysis(index, index / 25, FACES))
        _wait_for(recorder, index)
    folder = _finish(recorder).folder
    files = read_about(folder)["files"]
    assert files == {
        "markers": "markers.csv",
        "video": "video.mp4",
        "parts": [{"start_s": pytest.approx(0.4), "video": "video-002.mp4"}],
    }
    assert [part.path.name for part in open_review(folder).footage] == [
        "video.mp4",
        "video-002.mp4",
    ]


def test_no_file_grows_over_its_limit(record, make_analysis):
    recorder = record(RecorderConfig(video=False, part=PartLimits(size=5000)))
    _feed(recorder, make_analysis, 100)
    folder = _finish(recorder).folder
    sizes = [path.stat().st_size for path in folder.glob("records*.csv")]
    assert len(sizes) > 3
    assert max(sizes) < 5000 + 500  # a frame more
    assert len(open_review(folder).table) == 200


def test_a_part_without_pictures_names_none(record, make_analysis, monkeypatch):
    gate = threading.Event()
    write = AnnotatedVideo.write
    monkeypatch.setattr(AnnotatedVideo, "write", lambda *a: (gate.wait(5), write(*a)))
    recorder = record(RecorderConfig(part=PartLimits(seconds=1)))
    _feed(recorder, make_analysis, 30)  # the last ones find no room for their pictures
    gate.set()
    folder = _finish(recorder).folder
    (part,) = read_about(folder)["files"]["parts"]
    assert set(part) == {"start_s", "records"}
    assert open_review(folder).warnings == ()


def test_the_first_picture_of_a_part_says_where_its_video_begins(record, make_analysis):
    recorder = record(RecorderConfig(part=PartLimits(seconds=1)))
    recorder.add(make_analysis(0, 0.0, FACES))
    _wait_for(recorder, 1)
    with recorder._changed:  # as if the encoder had no room just then
        recorder._frames.extend([make_analysis(30, 1.2, FACES)])
        recorder._rows.extend([make_analysis(25, 1.0, FACES)])
    _wait_for(recorder, 2)
    folder = _finish(recorder).folder
    assert [part.start_s for part in open_review(folder).footage] == [0.0, 1.2]


def _chapters(path):
    with av.open(str(path)) as container:
        return [
            (float(c["start"] * c["time_base"]), c["metadata"]["title"])
            for c in container.chapters()
        ]


def test_every_part_of_the_video_has_its_markers_as_chapters(record, make_analysis):
    recorder = record(RecorderConfig(part=PartLimits(seconds=1)), live=False)
    _feed(recorder, make_analysis, 11)
    recorder.mark("film", "F5", "begin")
    recorder.mark("question")
    _feed(recorder, make_analysis, 30, start=11)
    recorder.mark("film", "F5", "end")
    recorder.mark("over")
    folder = _finish(recorder).folder
    assert _chapters(folder / "video.mp4") == [(pytest.approx(0.4), "film; question")]
    (last,) = _chapters(folder / "video-002.mp4")
    assert last == (pytest.approx(0.6, abs=0.01), "film (end); over")


def test_every_part_has_its_clean_copy(record, make_analysis):
    look = VideoConfig(clean=True)
    recorder = record(RecorderConfig(look=look, part=PartLimits(seconds=1)), live=False)
    _feed(recorder, make_analysis, 41)
    folder = _finish(recorder).folder
    about = read_about(folder)
    assert about["files"]["clean"] == "clean.mp4"
    assert [part["clean"] for part in about["files"]["parts"]] == ["clean-002.mp4"]
    for name in ("", "-002"):
        times = []
        for kind in ("video", "clean"):
            with open_source(str(folder / f"{kind}{name}.mp4")) as source:
                times.append([frame.time_s for frame in source])
        assert times[0] == times[1] != []
    assert open_review(folder).warnings == ()


def test_without_boxes_the_video_is_the_clean_one(record, make_analysis):
    recorder = record(RecorderConfig(look=VideoConfig(annotate=False, clean=True)))
    _feed(recorder, make_analysis, 5)
    folder = _finish(recorder).folder
    assert sorted(path.name for path in folder.glob("*.mp4")) == ["video.mp4"]
    assert "clean" not in read_about(folder)["files"]


def test_a_marker_after_the_last_picture_belongs_to_it(record, make_analysis):
    passed = [0.0]
    recorder = record(clock=lambda: passed[0])
    _feed(recorder, make_analysis, 11)
    passed[0] = 3.0
    recorder.mark("too late")
    assert _chapters(_finish(recorder).folder / "video.mp4") == [(pytest.approx(0.4), "too late")]


def test_free_space_of_a_folder_that_is_not_there_yet(tmp_path):
    free = free_bytes(tmp_path / "a" / "b")
    assert abs(free - shutil.disk_usage(tmp_path).free) < 1e9
