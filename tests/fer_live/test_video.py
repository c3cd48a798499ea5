"""Moments of files and cameras, and annotated copies."""

import gc
import json
import logging
import signal
import threading
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import fer_live
from app.command.cli import main
from engine.origin import differences
from engine.video.opening import open_source


def test_every_frame_of_a_file_is_a_moment_in_order(clip):
    moments = list(fer_live.stream(clip, duration=0.4))
    assert [moment.index for moment in moments] == list(range(10))
    assert [moment.time_s for moment in moments] == pytest.approx([n / 25 for n in range(10)])
    for moment in moments:
        assert [face.id for face in moment.faces] == [1]
    with open_source(str(clip)) as source:
        for moment in moments:
            assert np.array_equal(moment.image, source.read().image)


def test_start_leaves_out_the_beginning(clip):
    first = next(fer_live.stream(clip, start=2))
    assert (first.index, first.time_s) == (0, 2.0)


def test_colours_are_red_first_where_wished(clip):
    (blue_first,) = islice(fer_live.stream(clip), 1)
    (red_first,) = islice(fer_live.stream(clip, rgb=True), 1)
    assert np.array_equal(blue_first.image, red_first.image[:, :, ::-1])
    assert np.array_equal(blue_first.faces[0].crop, red_first.faces[0].crop[:, :, ::-1])


def test_images_cannot_be_written(clip):
    for rgb in (False, True):
        moment = next(fer_live.stream(clip, rgb=rgb))
        with pytest.raises(ValueError, match="read-only"):
            moment.image[0] = 0


def test_options_reach_the_engine(clip):
    assert len(next(fer_live.stream(clip, min_face_px=300)).faces) == 0
    jumpy = [moment.faces[0].valence for moment in fer_live.stream(clip, duration=0.4, smooth=0)]
    calm = [moment.faces[0].valence for moment in fer_live.stream(clip, duration=0.4, smooth=10)]
    assert np.ptp(calm) < np.ptp(jumpy)


@pytest.mark.parametrize("live", [False, True])
def test_memory_does_not_grow_with_the_frames(fake_camera, live):
    camera = fake_camera(count=400, live=live)
    for moment in fer_live.stream(0):
        assert len(moment.faces) == 0
    assert camera.last.given == 400
    assert camera.last.alive_most <= 30


def test_faces_that_are_kept_do_not_keep_their_frames(fake_camera, portrait):
    camera = fake_camera(count=60, live=False, image=lambda self, index: portrait.copy())
    kept = [moment.faces for moment in fer_live.stream(0)]
    assert len(kept) == 60
    assert all(len(faces) == 1 for faces in kept)
    assert camera.last.alive_most <= 30


def test_slow_reader_of_a_camera_sees_the_newest(fake_camera):
    camera = fake_camera(count=100, rate=0.01)
    moments = fer_live.stream(0)
    first = next(moments)
    assert first.index < 100
    assert camera.last.done.wait(30)
    late = [moment.index for moment in moments]
    assert late[-1] == 99
    assert late == sorted(set(late))
    assert len(late) <= 6  # not the dozen that wait between the stages


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("how", ["close", "drop"])
def test_generator_that_ends_early_leaves_no_thread_and_no_camera(fake_camera, live, how):
    camera = fake_camera(count=10**9, live=live)
    before = threading.active_count()
    moments = fer_live.stream(0)
    next(moments)
    assert threading.active_count() > before
    if how == "close":
        moments.close()
    else:
        del moments
        gc.collect()
    assert threading.active_count() == before
    assert camera.last.closed


def test_generator_that_never_began_opens_nothing(fake_camera):
    camera = fake_camera()
    fer_live.stream(0).close()
    assert not hasattr(camera, "last")


@pytest.mark.parametrize("live", [False, True])
def test_camera_that_is_lost_is_an_error_after_what_it_gave(fake_camera, live):
    fake_camera(fails_at=3, live=live)
    moments, seen = fer_live.stream(0), []
    with pytest.raises(fer_live.SourceError, match=r"^camera 0: lost; was it unplugged\?$"):
        seen += (moment.index for moment in moments)
    assert seen == [0, 1, 2] if not live else seen[-1:] in ([], [0], [1], [2])


def test_source_without_a_frame_is_an_error(fake_camera):
    fake_camera(count=0)
    with pytest.raises(fer_live.SourceError, match="camera 0: no frames in the part asked for"):
        next(fer_live.stream(0))


@pytest.mark.parametrize(
    ("sequence", "files", "times_s"),
    [(False, ["1.jpg", "2.jpg"], [0, 0]), (True, ["", ""], [0, 0.04])],
)
def test_folder_of_pictures_is_a_film_if_asked_for(
    portrait_file, tmp_path, caplog, sequence, files, times_s
):
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(portrait_file.read_bytes())
    (tmp_path / "3.jpg").write_text("no picture")
    with caplog.at_level(logging.WARNING):
        moments = list(fer_live.stream(tmp_path, sequence=sequence))
    assert [len(moment.faces) for moment in moments] == [1, 1]
    assert [moment.file for moment in moments] == files
    assert [moment.time_s for moment in moments] == times_s
    assert "1 picture cannot be read and is left out: 3.jpg (no picture can" in caplog.text


def test_file_called_like_a_camera_is_a_file_where_it_is_a_path(tmp_path, monkeypatch, clip):
    monkeypatch.chdir(tmp_path)
    Path("0").write_bytes(clip.read_bytes())
    assert len(next(fer_live.stream(Path("0"))).faces) == 1


@pytest.mark.parametrize("source", [None, -1, True, 1.5, b"x.mp4", ["x.mp4"]])
def test_what_is_no_source_is_refused_at_once(source):
    said = "expected a path, an address or a camera's number from 0"
    for call in (
        lambda: fer_live.stream(source),
        lambda: fer_live.table(source),
        lambda: fer_live.annotate(source, "out.mp4"),
    ):
        with pytest.raises(fer_live.SourceError, match=f"^source .*: {said}$"):
            call()


def test_missing_file_is_one_line():
    with pytest.raises(fer_live.SourceError, match=r"^missing.mp4: no such file; check the path$"):
        next(fer_live.stream("missing.mp4"))


def test_annotate_does_what_the_command_does(clip, tmp_path, capsys):
    by_command = [str(tmp_path / name) for name in ("a.mp4", "a.csv")]
    words = [str(clip), "--out", by_command[0], "--records", by_command[1], "--duration", "1"]
    assert main([*words, "--json", "--landmarks"]) == 0
    wanted = json.loads(capsys.readouterr().out)
    out, records = tmp_path / "b.mp4", tmp_path / "b.csv"
    summary = fer_live.annotate(clip, out, records=records, duration=1, landmarks=True)
    assert records.read_bytes() == Path(by_command[1]).read_bytes()
    assert list(summary) == list(wanted)
    speed = {"elapsed_s", "fps", "times_ms"}
    assert differences(summary["provenance"], wanted["provenance"]) == []
    speed.add("provenance")  # which holds the time
    differ = {name for name in wanted if summary[name] != wanted[name]} - speed
    assert differ == {"out", "records"}
    assert (summary["frames"], summary["faces"][0]["frames"]) == (25, 25)
    images = [[frame.image for frame in open_source(str(path))] for path in (by_command[0], out)]
    assert np.array_equal(*images)


def test_annotate_obeys_its_options(clip, tmp_path):
    with_all, with_less = tmp_path / "all.mp4", tmp_path / "less.mp4"
    fer_live.annotate(clip, with_all, duration=0.2)
    fer_live.annotate(str(clip), str(with_less), duration=0.2, audio="none", timeline=False)
    with open_source(str(with_all)) as one, open_source(str(with_less)) as other:
        assert (one.info.has_audio, other.info.has_audio) == (True, False)
        assert not np.array_equal(one.read().image[-40:], other.read().image[-40:])
    with pytest.raises(fer_live.SinkError, match=r"all.mp4: exists already"):
        fer_live.annotate(clip, with_all)
    fer_live.annotate(clip, with_all, duration=0.2, overwrite=True)


def test_annotate_covers_faces_as_the_command_does(clip, tmp_path):
    ours, theirs = tmp_path / "ours.mkv", tmp_path / "theirs.mkv"
    told = fer_live.annotate(clip, ours, blur="mosaic", pad=0.2, overlay="none", crf=30)
    assert told["blur"] == "mosaic"
    how = ["--blur", "mosaic", "--pad", "0.2", "--overlay", "none", "--crf", "30"]
    assert main([str(clip), "--out", str(theirs), "--quiet", *how]) == 0
    for mine, other in zip(fer_live.stream(ours), fer_live.stream(theirs), strict=True):
        assert np.array_equal(mine.image, other.image)


def test_annotate_writes_the_overlay_beside_the_film(clip, tmp_path):
    fer_live.annotate(clip, tmp_path / "clip.ass")
    assert "PlayResX: " in (tmp_path / "clip.ass").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep": [1]}, "^keep: goes with blur$"),
        ({"blur": "boxes"}, "^blur: "),
        ({"blur": "box", "pad": 9}, "^pad: must be at most 2"),
        ({"overlay": "none", "compare": "poster-rt,dan"}, '^overlay="none": compare draws columns'),
        ({"overlay": "soft"}, 'overlay="soft" writes .mkv, or .ass beside the film'),
        ({"codec": "av1", "crf": 64}, "^crf: av1 takes 0 to 63, got 64"),
    ],
)
def test_what_does_not_go_together_is_said_in_python(clip, tmp_path, options, said):
    with pytest.raises(fer_live.ConfigError, match=said):
        fer_live.annotate(clip, tmp_path / "out.mp4", **options)
    assert list(tmp_path.iterdir()) == []


def test_interrupted_annotation_keeps_what_was_done(fake_camera, tmp_path):
    fake_camera(count=10**9, signals_at=20, live=False)
    before = signal.getsignal(signal.SIGINT)
    out, records = tmp_path / "out.mp4", tmp_path / "rows.csv"
    with pytest.raises(KeyboardInterrupt):
        fer_live.annotate(0, out, records=records)
    assert signal.getsignal(signal.SIGINT) is before
    with open_source(str(out)) as video:
        assert video.read() is not None
    assert records.read_text().startswith("frame,timestamp")
