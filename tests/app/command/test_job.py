"""What a job does with its outputs when one of them, or the input, is in the way."""

import csv
import json
import threading

import pytest

import app.command.job
from app.command.cli import main
from app.command.interrupt import Interrupt
from app.command.job import Job, Outcome, run_job
from app.command.summary import Summary
from engine.errors import SinkError
from engine.types import Found
from engine.video.opening import open_source
from engine.video.sink import VideoSink


class FullDisk(VideoSink):
    """Takes three frames."""

    taken = 0

    def write(self, time_s, image):
        self.taken += 1
        if self.taken > 3:
            raise SinkError("out.mp4: cannot be written: No space left on device")
        super().write(time_s, image)


class FullAtTheEnd(VideoSink):
    """Takes every frame, and cannot be finished."""

    def close(self):
        raise SinkError("out.mp4: cannot be written: No space left on device")


@pytest.mark.parametrize("sink", [FullDisk, FullAtTheEnd])
def test_fault_of_the_video_never_costs_the_rows(make_clip, tmp_path, monkeypatch, sink):
    monkeypatch.setattr(app.command.job, "VideoSink", sink)
    rows = tmp_path / "rows.csv"
    job = Job(input=str(make_clip()), out=tmp_path / "out.mp4", records=rows)
    with pytest.raises(SinkError, match=r"No space left on device \(kept: .*rows\.csv\)"):
        run_job(job, Interrupt())
    with rows.open() as file:
        assert next(csv.reader(file))[:2] == ["frame", "timestamp"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "clip.mp4",
        "rows.csv",
        "rows.csv.json",
    ]


@pytest.mark.parametrize("live", [False, True])
def test_frames_left_out_are_counted(make_clip, tmp_path, monkeypatch, capsys, live):
    """The finder takes its time: as long as the source takes to be read to its end."""
    read = threading.Event()

    def open_watched(name, config):
        source = open_source(name, config)
        give = source.read

        def watched():
            frame = give()
            if frame is None:
                read.set()
            return frame

        source.read = watched
        return source

    class Slow:
        def find(self, frame):
            assert not live or read.wait(5)
            return Found(frame, (), (), {})

        def close(self):
            pass

    monkeypatch.setattr(app.command.job, "open_source", open_watched)
    monkeypatch.setattr(app.command.job, "open_finder", lambda _: Slow())
    options = ["--records", str(tmp_path / "rows.csv"), *(["--live"] if live else [])]
    assert main([str(make_clip()), *options, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["frames"] + told["dropped"] == 12
    assert (told["dropped"] > 0) is live
    read.clear()
    assert main([str(make_clip()), *options, "--overwrite"]) == 0
    left_out = " more frames were left out: there was no time for them\n"
    assert (left_out in capsys.readouterr().err) is live


@pytest.mark.parametrize("address", ["{}", "file://{}", "FILE://{}"])
@pytest.mark.parametrize("output", ["out", "records"])
def test_the_input_is_never_an_output(make_clip, tmp_path, address, output):
    clip = make_clip("clip.mp4")
    name = clip if output == "out" else clip.rename(tmp_path / "clip.csv")
    content = name.read_bytes()
    job = Job(input=address.format(name), overwrite=True, **{output: name})
    with pytest.raises(SinkError, match="is the input itself; choose another name"):
        run_job(job, Interrupt())
    assert name.read_bytes() == content
    assert list(tmp_path.iterdir()) == [name]


@pytest.mark.parametrize("kind", ["link", "chain", "hard link"])
@pytest.mark.parametrize("output", ["out", "records"])
def test_the_input_is_never_an_output_through_links(make_clip, tmp_path, kind, output):
    clip = make_clip("clip.mp4")
    content = clip.read_bytes()
    name = tmp_path / ("out.mp4" if output == "out" else "rows.csv")
    if kind == "hard link":
        name.hardlink_to(clip)
    elif kind == "link":
        name.symlink_to("clip.mp4")
    else:
        (tmp_path / "between").symlink_to(clip)
        name.symlink_to("between")
    job = Job(input=str(clip), overwrite=True, **{output: name})
    with pytest.raises(SinkError, match="is the input itself; choose another name"):
        run_job(job, Interrupt())
    assert clip.read_bytes() == content
    assert name.samefile(clip)


@pytest.mark.parametrize("there", [True, False])
def test_two_outputs_are_never_one_file(make_clip, tmp_path, there):
    out, rows, both = (tmp_path / name for name in ("out.mp4", "rows.csv", "both"))
    out.symlink_to(both)
    rows.symlink_to("both")
    if there:
        both.write_text("mine")
    job = Job(input=str(make_clip("clip.mp4")), overwrite=True, out=out, records=rows)
    with pytest.raises(SinkError, match=r"rows.csv: is the same file as .*out.mp4; choose another"):
        run_job(job, Interrupt())
    assert not there or both.read_text() == "mine"


def test_the_input_may_be_the_link(make_clip, tmp_path):
    clip = make_clip("out.mp4")
    content = clip.read_bytes()
    (tmp_path / "link.mp4").symlink_to(clip)
    job = Job(input=str(tmp_path / "link.mp4"), overwrite=True, out=clip)
    with pytest.raises(SinkError, match="is the input itself; choose another name"):
        run_job(job, Interrupt())
    assert clip.read_bytes() == content


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("http://me:secret@host/a.mp4?key=abc", "http://host/a.mp4?…"),
        ("rtmp://host/live", "rtmp://host/live"),
        ("a.mp4", "a.mp4"),
        ("0", "0"),
    ],
)
def test_results_show_no_secret_of_an_address(given, shown):
    outcome = Outcome(Summary(), 1.0, "cpu", "fp32", ())
    assert outcome.to_json(Job(input=given), interrupted=False)["input"] == shown
