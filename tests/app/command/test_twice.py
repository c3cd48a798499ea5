"""Covered faces: films are read twice, what cannot be is held back, pictures are done at once."""

import csv
import signal
import sys
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

import app.command.job
from app.command.cli import main
from app.command.doubted import LOOK_S, Doubted
from app.command.twice import Notes, mark_of
from engine.labels import Vocabulary
from engine.types import Analysis, Detection, Face, Found, Prediction, Sighting, Track
from engine.video.opening import open_source

SIZE = (120, 160)
BOX = (60, 40, 90, 80)  # of face 1
OTHER = (110, 30, 140, 70)  # of face 2
PART = np.s_[45:75, 65:85]
OTHER_PART = np.s_[35:65, 115:135]


def _track(number, box):
    x0, y0, x1, y1 = box
    landmarks = np.linspace((x0, y0), (x1, y1), 68, dtype=np.float32)
    return Track(number, np.array(box, np.float32), landmarks, 0.9)


class Finder:
    """Finds the faces that a rule names, by the frame's time."""

    def __init__(self, rule):
        self._rule = rule

    def find(self, frame):
        tracks = tuple(self._rule(frame))
        face = Face(np.zeros((1, 1, 3), np.uint8), np.eye(2, 3, dtype=np.float32))
        sightings = tuple(Sighting(face, track.landmarks, 0.9, ()) for track in tracks)
        return Found(frame, tracks, sightings, {"detect": 1.0})

    def close(self):
        pass


class Reader:
    device, precision = "fake", "fp8"

    def __init__(self, read):
        self._read = read

    def read(self, several):
        self._read.extend(found.frame.index for found in several)
        probabilities = np.array([0.1, 0.9, 0, 0, 0, 0, 0, 0], np.float32)
        return [
            Analysis(
                found.frame,
                found.tracks,
                tuple(Prediction(t.id, probabilities, 0.7, 0.4, 0.8) for t in found.tracks),
                found.times_ms,
            )
            for found in several
        ]

    def close(self):
        pass


class Blind:
    """Sees nothing doubtful."""

    def detect(self, image):
        return ()

    def close(self):
        pass


@pytest.fixture
def find(monkeypatch):
    """Give `find(rule)`, which sets what is found; and the indices of frames that were read."""
    read = []

    def use(rule):
        monkeypatch.setattr(app.command.job, "open_finder", lambda config: Finder(rule))
        monkeypatch.setattr(app.command.job, "open_reader", lambda config: Reader(read))
        monkeypatch.setattr(app.command.job, "open_config_detector", lambda *_: Blind())
        monkeypatch.setattr(app.command.job, "config_vocabulary", lambda config: Vocabulary())
        return read

    return use


def _both(frame):
    return [_track(1, BOX), _track(2, OTHER)]


def _late(frame):
    """Face 1 is found after two thirds of a second, and missed for two seconds and a half."""
    found = 0.66 < frame.time_s < 1.0 or frame.time_s > 3.5
    return [_track(1, BOX)] if found else []


@pytest.fixture
def noise():
    """Give `noise(count)`: pictures of coarse noise, which no encoder makes smooth."""

    def make(count, size=SIZE):
        rng = np.random.default_rng(5)
        coarse = rng.integers(0, 256, (size[0] // 4, size[1] // 4, 3), np.uint8)
        picture = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_NEAREST)
        return [picture] * count

    return make


def _frames(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def _sharp(image, part=PART):
    return float(np.abs(np.diff(image[part].astype(int), axis=1)).mean())


def _bare(path, part=PART):
    """List the frames in which a part is as it was: noise, whose neighbours differ."""
    return [k for k, image in enumerate(_frames(path)) if _sharp(image, part) > 8]


def _run(source, out, *more):
    return main([str(source), "--out", str(out), "--overlay", "none", *map(str, more)])


@pytest.mark.parametrize("kind", ["blur", "mosaic", "box"])
def test_a_face_is_covered_before_it_is_found_and_while_it_is_lost(
    make_clip, noise, find, tmp_path, capsys, kind
):
    find(_late)
    clip = make_clip(images=noise(120))
    assert _bare(clip) == list(range(120))
    out = tmp_path / "out.mp4"
    assert _run(clip, out, "--blur", kind) == 0
    assert len(_frames(out)) == 120
    assert _bare(out) == []
    assert _bare(out, OTHER_PART) == list(range(120))  # what is no face is as it was
    assert "never found are bare" in capsys.readouterr().err


def test_a_box_is_black_and_a_mosaic_has_five_squares(make_clip, noise, find, tmp_path):
    find(_both)
    clip = make_clip(images=noise(5))
    for kind in ("box", "mosaic"):
        assert _run(clip, tmp_path / f"{kind}.mp4", "--blur", kind) == 0
    assert _frames(tmp_path / "box.mp4")[0][PART].max() < 30
    row = _frames(tmp_path / "mosaic.mp4")[0][60, 60:91].astype(int)
    jumps = np.abs(np.diff(row, axis=0)).max(axis=1) > 12
    assert 1 <= jumps.sum() <= 8  # edges of squares, a pixel or two each


def test_a_wider_margin_covers_more(make_clip, noise, find, tmp_path):
    find(_late)
    clip = make_clip(images=noise(25))
    above = np.s_[20:26, 68:82]
    for share in (0, 0.8):
        assert _run(clip, tmp_path / f"{share}.mp4", "--blur", "box", "--pad", share) == 0
    assert _sharp(_frames(tmp_path / "0.mp4")[20], above) > 8
    assert _sharp(_frames(tmp_path / "0.8.mp4")[20], above) < 3


def test_everything_is_analysed_once_and_rows_are_those_of_a_run_without(
    make_clip, noise, find, tmp_path
):
    read = find(_late)
    clip = make_clip(images=noise(40), sound=True)
    rows, plain = tmp_path / "rows.csv", tmp_path / "plain.csv"
    assert _run(clip, tmp_path / "out.mp4", "--blur", "--records", rows) == 0
    assert read == list(range(40))
    assert main([str(clip), "--records", str(plain)]) == 0
    assert rows.read_bytes() == plain.read_bytes()
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert container.streams.audio[0].codec_context.name == "aac"


def test_labels_are_drawn_over_covered_faces(make_clip, noise, find, tmp_path):
    find(_both)
    clip = make_clip(images=noise(5))
    assert _run(clip, tmp_path / "bare.mp4", "--blur") == 0
    assert main([str(clip), "--out", str(tmp_path / "drawn.mp4"), "--blur"]) == 0
    bare, drawn = (_frames(tmp_path / name)[2] for name in ("bare.mp4", "drawn.mp4"))
    assert np.abs(bare.astype(int) - drawn).max() > 100
    assert _sharp(bare, np.s_[50:70, 70:80]) < 4
    assert _sharp(drawn, np.s_[50:70, 70:80]) < 4


def test_who_is_kept_stays_bare_and_who_never_comes_is_named(
    make_clip, noise, find, tmp_path, capsys
):
    find(_both)
    clip, out = make_clip(images=noise(5)), tmp_path / "out.mp4"
    assert _run(clip, out, "--blur", "--keep", "2,7") == 0
    assert _bare(out) == []
    assert _bare(out, OTHER_PART) == [0, 1, 2, 3, 4]
    said = capsys.readouterr().err
    assert "warning: --keep 7: no such face; faces here: 1, 2\n" in said
    assert "faces covered but 2, 7" in said


def _swapped(monkeypatch, second):
    """Let a second source be opened in the place of the first, once that was read."""
    opened = []

    def open_another(name, config):
        opened.append(name)
        return open_source(name if len(opened) == 1 else str(second), config)

    monkeypatch.setattr(app.command.job, "open_source", open_another)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda images: images[:20], "ends earlier than when it was looked at first"),
        (lambda images: images + images[:5], "shows another picture at 1.200 s"),
        (lambda images: [*images[:9], 255 - images[9], *images[10:]], "another picture at 0.360 s"),
    ],
)
def test_a_film_that_is_another_one_when_it_is_covered_is_not_written(
    make_clip, noise, find, tmp_path, monkeypatch, capsys, change, says
):
    find(_both)
    images = noise(30)
    clip, other = make_clip("a.mp4", images), make_clip("b.mp4", change(images))
    _swapped(monkeypatch, other)
    out, rows = tmp_path / "out.mp4", tmp_path / "rows.csv"
    assert _run(clip, out, "--blur", "--records", rows) == 3
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("fer-video: a.mp4: ")
    assert says in said
    assert not out.exists()
    assert (
        len(list(csv.DictReader(rows.read_text().splitlines()))) == 60
    )  # which were complete before
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a.mp4", "b.mp4", "rows.csv", "rows.csv.json"}


def test_a_film_that_is_gone_when_it_is_covered_is_not_written(
    make_clip, noise, find, tmp_path, monkeypatch, capsys
):
    find(_both)
    clip = make_clip(images=noise(5))
    _swapped(monkeypatch, tmp_path / "gone.mp4")
    assert _run(clip, tmp_path / "out.mp4", "--blur") == 3
    assert "no such file" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [clip.name]


def test_a_damaged_film_is_the_same_when_it_is_read_again(make_clip, find, tmp_path):
    rng = np.random.default_rng(1)
    ground = rng.integers(0, 256, (200, 260, 3), np.uint8)
    ground = cv2.GaussianBlur(ground, (0, 0), 2)
    images = [np.ascontiguousarray(ground[k : k + 120, k : k + 160]) for k in range(60)]
    content = bytearray(make_clip(images=images).read_bytes())
    begin = content.index(b"mdat")
    for at in rng.integers(begin + 3000, len(content) * 4 // 5, 40):
        content[at] ^= 0x10
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)
    find(_both)
    for _ in range(3):
        assert _run(damaged, tmp_path / "out.mp4", "--blur", "--overwrite") == 0
    assert _bare(tmp_path / "out.mp4") == []


@pytest.mark.parametrize("size", [(90, 122), (121, 163), (119, 160)])
def test_times_sizes_and_turns_are_as_without(noise, find, tmp_path, size):
    find(lambda frame: [_track(1, (20, 20, 50, 60))] if frame.index > 3 else [])
    times = [0, 0.1, 0.12, 0.4, 0.9, 0.91, 1.6]
    source = tmp_path / "odd.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = size[1], size[0], "bgr0"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for time_s in times:
            picture = noise(1, (size[0] // 4 * 4 + 4, size[1] // 4 * 4 + 4))[0]
            picture = np.ascontiguousarray(picture[: size[0], : size[1]])
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="bgr0")
            frame.pts = round(1000 * time_s)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    out = tmp_path / "out.mp4"
    assert _run(source, out, "--blur") == 0
    with open_source(str(out)) as written, open_source(str(source)) as first:
        pairs = list(zip(written, first, strict=True))
    assert [round(a.time_s, 2) for a, _ in pairs] == [round(b.time_s, 2) for _, b in pairs]
    assert _bare(out, np.s_[25:55, 25:45]) == []


@pytest.mark.parametrize("how", ["live", "piped"])
def test_what_is_read_once_is_covered_before_it_is_found_too(
    make_clip, noise, find, tmp_path, monkeypatch, how
):
    find(lambda frame: [_track(1, BOX)] if frame.time_s > 0.5 else [])
    clip, out = make_clip("film.mkv", noise(25)), tmp_path / "out.mp4"
    if how == "live":
        assert _run(clip, out, "--blur", "--live") == 0
    else:
        with clip.open("rb") as file:
            monkeypatch.setattr(sys, "stdin", file)
            monkeypatch.setattr("engine.video.opening.standard_input", lambda: file)
            assert _run("-", out, "--blur") == 0
        assert len(_frames(out)) == 25
    assert _frames(out)
    assert _bare(out) == []


def test_pictures_are_covered_at_once(noise, find, tmp_path, capsys):
    find(_both)
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        assert cv2.imwrite(str(folder / name), noise(1)[0])
    assert _run(folder, tmp_path / "out", "--blur") == 0
    for name in ("a.png", "b.png"):
        picture = cv2.imread(str(tmp_path / "out" / name))
        assert _sharp(picture) < 5
        assert _sharp(picture, OTHER_PART) < 5
    assert _run(folder / "a.png", tmp_path / "one.png", "--blur", "--keep", "2") == 0
    picture = cv2.imread(str(tmp_path / "one.png"))
    assert _sharp(picture) < 5 < _sharp(picture, OTHER_PART)
    capsys.readouterr()
    assert _run(folder, tmp_path / "no", "--blur", "--keep", "2") == 2
    assert "--keep: faces of separate pictures have no ids that last" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--out", "o.mp4", "--keep", "1"], "--keep: goes with --blur"),
        (["--out", "o.mp4", "--pad", "0.5"], "--pad: goes with --blur"),
        (["--records", "r.csv", "--blur"], "--blur: covers faces in a film; give --out FILE"),
        (["--out", "o.mp4", "--blur", "fog"], "'fog' is unknown; choose of blur, mosaic, box"),
        (["--out", "o.mp4", "--blur", "--pad", "9"], "--pad: "),
        (["--out", "o.mp4", "--blur", "--pad=-1"], "--pad: "),
        (["--out", "o.mp4", "--blur", "--keep", "x"], "--keep"),
        (["--out", "o.mp4", "--blur", "--compare", "dan,poster-rt"], "--compare shows faces"),
        (["--out", "o.mp4", "--overlay", "none", "--compare", "dan,poster-rt"], "draws columns"),
    ],
)
def test_what_does_not_go_together_is_one_line(tmp_path, monkeypatch, capsys, options, says):
    monkeypatch.chdir(tmp_path)
    assert main(["film.mp4", *options]) == 2
    said = capsys.readouterr().err.splitlines()
    assert says in said[-1]
    assert list(tmp_path.iterdir()) == []


def test_covers_of_films_are_left_out_since_they_may_show_faces(make_clip, noise, find, tmp_path):
    find(_both)
    clip = make_clip(images=noise(5))
    source = tmp_path / "with.mkv"
    with av.open(str(clip)) as film, av.open(str(source), "w") as container:
        stream = container.add_stream_from_template(film.streams.video[0])
        _, picture = cv2.imencode(".jpg", noise(1)[0])
        container.add_attachment("cover.jpg", "image/jpeg", picture.tobytes())
        container.add_attachment("letters.ttf", "font/ttf", b"letters")
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    plain, covered = tmp_path / "plain.mkv", tmp_path / "covered.mkv"
    assert _run(source, plain) == 0
    assert _run(source, covered, "--blur") == 0
    with av.open(str(plain)) as one, av.open(str(covered)) as other:
        assert len(one.streams) == 3
        kinds = [stream.type for stream in other.streams]
    assert kinds == ["video", "attachment"]


def test_stopped_while_it_is_looked_at_keeps_the_rows_and_writes_no_film(
    make_clip, noise, find, tmp_path, capsys
):
    find(_both)
    clip, rows, out = make_clip(images=noise(300)), tmp_path / "rows.csv", tmp_path / "out.mp4"
    add = Notes.add

    def add_and_stop(self, analysis):
        add(self, analysis)
        if analysis.frame.index == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Notes, "add", add_and_stop)
        assert _run(clip, out, "--blur", "--records", rows) == 130
        assert not out.exists()
        assert 1 <= len(rows.read_text().splitlines()) < 600
        said = capsys.readouterr().err
        assert f"{out}: not written; faces are covered once the whole film was read" in said
        assert f"written: {rows}" in said
        rows.unlink()
        rows.with_name("rows.csv.json").unlink()
        assert _run(clip, out, "--blur") == 130
        assert "nothing was kept" in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == [clip.name]


def test_stopped_while_it_is_covered_keeps_what_is_covered(
    make_clip, noise, find, tmp_path, monkeypatch
):
    find(_both)
    write = app.command.job.VideoSink.write

    def write_and_stop(self, time_s, image):
        write(self, time_s, image)
        if time_s == 0.4:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(app.command.job.VideoSink, "write", write_and_stop)
    clip, out = make_clip(images=noise(60)), tmp_path / "out.mp4"
    assert _run(clip, out, "--blur") == 130
    assert 11 <= len(_frames(out)) < 60
    assert _bare(out) == []


def test_full_disk_costs_the_film_and_never_the_rows(
    make_clip, noise, find, tmp_path, monkeypatch, capsys
):
    find(_both)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.command.twice.pickle.dump", full)
    clip, rows = make_clip(images=noise(60)), tmp_path / "rows.csv"
    assert _run(clip, tmp_path / "out.mp4", "--blur", "--records", rows) == 5
    assert "temporary file until the film is covered: No space" in capsys.readouterr().err
    assert len(rows.read_text().splitlines()) == 121
    assert not (tmp_path / "out.mp4").exists()


def test_pictures_wait_for_a_second_only_however_long_the_film(make_analysis, noise):
    image = noise(1)[0]
    faces = {1: ("neutral", 0.0, 0.0)}
    notes = Notes(None)
    held = []
    for index in range(200):
        analysis = make_analysis(
            index, index / 20, faces if index % 70 < 30 else {}, image=image.copy()
        )
        notes.add(analysis)
        waiting = notes._where._held
        held.append((len(waiting), sum(each.image is not None for _, each in waiting)))
    assert max(frames for frames, _ in held) <= 61  # three seconds
    assert max(pictures for _, pictures in held) <= 21  # one
    notes.finish()
    recalled = [notes.recall() for _ in range(200)]
    assert [noted.index for noted, _ in recalled] == list(range(200))
    assert notes.done
    assert notes.recall() is None
    notes.close()


def test_a_picture_is_told_from_one_that_differs_in_a_block(noise):
    image = noise(1)[0]
    assert mark_of(image) == mark_of(image.copy())
    for y in range(0, 112, 16):
        other = image.copy()
        other[y : y + 16, 64:80] ^= 1
        assert mark_of(other) != mark_of(image)
    assert mark_of(image) != mark_of(np.ascontiguousarray(image.reshape(SIZE[1], SIZE[0], 3)))


class Doubting:
    """Sees boxes, frame by frame."""

    def __init__(self, *boxes):
        self._boxes = list(boxes)
        self.looks = 0
        self.closed = False

    def detect(self, image):
        self.looks += 1
        found = self._boxes.pop(0) if self._boxes else ()
        points = np.zeros((5, 2), np.float32)
        return tuple(Detection(np.array(box, np.float32), 0.4, points) for box in found)

    def close(self):
        self.closed = True


def test_what_is_doubtful_keeps_its_number_and_no_face_is_doubtful(make_analysis):
    near = (12, 12, 42, 42)
    detector = Doubting([(10, 10, 40, 40), (80, 60, 110, 100)], [near], [(100, 0, 130, 30)])
    doubted = Doubted(detector)
    tracks = {1: ("neutral", 0.0, 0.0)}
    boxes = {1: (80.0, 60.0, 110.0, 100.0)}
    found = []
    for index in range(3):
        analysis = make_analysis(index, index * 1.5 * LOOK_S, tracks, boxes=boxes)
        found.append([number for number, _ in doubted.find(analysis)])
        assert doubted.find(replace(analysis)) == []  # it is too soon
    assert found == [[0], [0], [1]]
    assert detector.looks == 3
    doubted.close()
    assert detector.closed


def test_what_is_doubtful_is_covered_and_not_read(make_clip, noise, find, tmp_path, monkeypatch):
    find(lambda frame: [])
    seen = Doubting(*[[OTHER]] * 100)
    asked = []

    def open_detector(config, score_min):
        asked.append(score_min)
        return seen

    monkeypatch.setattr(app.command.job, "open_config_detector", open_detector)
    clip, out, rows = make_clip(images=noise(25)), tmp_path / "out.mp4", tmp_path / "rows.csv"
    assert _run(clip, out, "--blur", "--records", rows) == 0
    assert _bare(out, OTHER_PART) == []
    assert _bare(out) == list(range(25))
    assert len(rows.read_text().splitlines()) == 1
    assert asked == [0.3]
    assert seen.closed
