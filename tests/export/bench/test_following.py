"""Ids in staged films: what is counted, and two tiny films through the pipeline."""

import subprocess
import sys

import numpy as np
import pytest

from engine.analyze import AnalyzerConfig, open_finder
from engine.assets import asset_path
from engine.errors import ConfigError
from engine.types import Frame, Track
from engine.video.stills import read_still
from export.bench import following
from export.bench.cli import main
from export.bench.following import Followed, ids_of, measure_following, overlaps, score_of
from export.bench.plays import KINDS, Stage, films, plain, stage_of, turning
from export.bench.staged import Actor, Clip, Part, Shot, Shown, cut_out, draw


def box(x, side=40.0):
    return np.array([x, 10, x + side, 10 + side], np.float32)


def track(number, x):
    return Track(number, box(x), np.zeros((68, 2), np.float32), 0.9)


def film(*frames):
    """Frames as (faces by person, ids by place); a face named with `?` need not be found."""
    return [
        Followed(
            [Shown(name.rstrip("?"), box(x), not name.endswith("?")) for name, x in shown.items()],
            [track(number, x) for number, x in tracks.items()],
        )
        for shown, tracks in frames
    ]


def test_one_id_a_person_is_the_best_there_is():
    ids = ids_of(film(*[({"a": 0, "b": 100}, {1: 0, 2: 100})] * 4))
    assert (ids.people, ids.faces, ids.missed, ids.ids, ids.wrong) == (
        2, 8, 0, {"a": [1], "b": [2]}, []
    )  # fmt: skip
    score = score_of("quiet", [ids])
    assert (score.films, score.people, score.ids, score.split, score.wrong) == (1, 2, 2, 0, 0)
    assert (score.idf1, score.hota) == (pytest.approx(1.0), pytest.approx(1.0))


def test_rows_under_another_persons_id_are_counted_and_named():
    ids = ids_of(film(({"a": 0, "b": 100}, {1: 0, 2: 100}), *[({"b": 0}, {1: 0})] * 3))
    assert ids.wrong == [(1, "b", 1), (2, "b", 1), (3, "b", 1)]
    assert ids.ids == {"a": [1], "b": [2, 1]}
    score = score_of("swapped", [ids])
    assert (score.split, score.wrong) == (1, 3)
    # Of 5 rows each, b is id 1 in three of them and nobody is id 2: 3 true, 2 false, 2 missing.
    assert score.idf1 == pytest.approx(0.6)


def test_a_new_id_is_no_wrong_row_but_one_more_of_a_person():
    ids = ids_of(film(({"a": 0}, {1: 0}), ({"a": 0}, {}), ({"a": 0}, {5: 0})))
    assert (ids.missed, ids.ids, ids.wrong) == (1, {"a": [1, 5]}, [])
    assert score_of("lost", [ids]).idf1 == pytest.approx(2 * 1 / (3 + 2))


@pytest.mark.parametrize(("at", "idf1"), [(0, 1.0), (300, 0.8)])
def test_who_need_not_be_found_may_be_followed(at, idf1):
    """A track elsewhere is a false one all the same."""
    ids = ids_of(film(({"a": 0}, {1: 0}), ({"a?": 0}, {1: at}), ({"a": 0}, {1: 0})))
    assert (ids.faces, ids.missed, ids.ids) == (2, 0, {"a": [1]})
    assert score_of("glimpsed", [ids]).idf1 == pytest.approx(idf1)


def test_films_without_faces_or_without_tracks_have_a_score():
    empty, unseen = ids_of(film(({}, {}))), ids_of(film(({"a": 0}, {})))
    assert score_of("both", [empty, unseen]).idf1 == 0
    assert (unseen.faces, unseen.missed) == (1, 1)


def test_overlap_is_of_the_union():
    found = overlaps([Shown("a", box(0), True)], [track(1, 0), track(2, 20), track(3, 80)])
    np.testing.assert_allclose(found, [[1, 1 / 3, 0]])
    assert overlaps([], [track(1, 0)]).shape == (0, 1)


@pytest.fixture(scope="module")
def actors():
    """The bundled portrait, and somebody else: upside down colours."""
    image = read_still(asset_path("portrait.jpg")).image
    landmarks = landmarks_of_portrait(image)
    blue = np.ascontiguousarray(image[..., ::-1])
    return [
        Actor(name, (cut_out(picture, landmarks),)) for name, picture in (("a", image), ("b", blue))
    ]


def landmarks_of_portrait(image):
    finder = open_finder(AnalyzerConfig(device="cpu", threads=1))
    try:
        (one,) = finder.find(Frame(0, 0.0, image, file="portrait.jpg")).tracks
    finally:
        finder.close()
    return one.landmarks


@pytest.fixture
def stage(actors):
    room = plain(120)
    return Stage(*actors, (room, room, room), 90.0, np.random.default_rng(0))


def test_truth_lies_where_the_face_is_drawn(actors):
    still = Shot((Part(actors[0], 200, 150, 80), Part(actors[1], 460, 170, 60)))
    covered = Shot(still.parts, hand=(140, 90, 120, 120))
    clip = Clip("two", 30, (still, covered), (plain(120),))
    (image, faces), (_, after) = draw(clip)
    assert image.shape == (360, 640, 3)
    assert [face.person for face in faces if face.visible] == ["a", "b"]
    assert [face.person for face in after] == ["b"]
    for face, (x, y, side) in zip(faces, ((200, 150, 80), (460, 170, 60)), strict=True):
        np.testing.assert_allclose((face.box[:2] + face.box[2:]) / 2, (x, y), atol=0.1)
        assert np.sqrt(np.prod(face.box[2:] - face.box[:2])) == pytest.approx(side, rel=1e-3)
    assert following.ids_of(following.follow(clip, "cpu")).ids == {"a": [1], "b": [2]}


def test_a_face_need_not_be_found_half_covered_faded_blurred_or_in_a_flash(actors):
    part = Part(actors[0], 320, 180, 80)
    seen = Shot((part,))
    back = Shot((Part(actors[0], 320, 180, 80, back=True),))
    faint = Shot((Part(actors[0], 320, 180, 80, opacity=0.5),))
    half = Shot((part,), hand=(280, 130, 36, 100))
    shots = (seen, Shot((part,), flash=0.9), Shot((part,), blur=16.0), faint, half, back)
    found = [faces for _, faces in draw(Clip("kinds", 30, shots, (plain(120),)))]
    assert [[face.visible for face in faces] for faces in found] == [
        [True], [False], [False], [False], [False], []
    ]  # fmt: skip


def test_every_kind_of_film_can_be_drawn(stage):
    clips = {clip.name: clip for clip in films(stage)}
    assert list(clips) == list(KINDS)
    assert len(clips) == 19
    for clip in clips.values():
        first, *_ = draw(Clip(clip.name, clip.fps, (clip.shots[0], clip.shots[-1]), clip.grounds))
        assert first[1]
    assert [clips[f"{rate} a second"].fps for rate in ("1 frame", "10 frames")] == [1, 10]


def test_the_same_lot_draws_the_same_stage(actors):
    one, again, other = (
        stage_of([*actors] * 20, [plain(k) for k in range(40)], n) for n in (1, 1, 2)
    )
    assert (one.side, one.one.name) == (again.side, again.one.name)
    assert one.side != other.side


def test_a_head_turns_and_holds_still():
    assert [turning(k) for k in range(9)] == [0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1]


def test_two_tiny_films_through_the_pipeline(stage):
    """One who is hidden for three frames, and one who takes another's place."""
    there, gone = stage.alone(5), Shot((Part(stage.one, 320, 180, 90),), hand=(220, 80, 200, 200))
    else_ = Shot((Part(stage.other, 320, 180, 90),))
    clips = [
        Clip("hidden", 30, (*there, *[gone] * 3, *there), stage.grounds),
        Clip("replaced", 30, (*there, *[else_] * 5), stage.grounds),
    ]
    hidden, replaced, every = measure_following(clips, "cpu")
    assert (hidden.people, hidden.ids, hidden.wrong, hidden.missed) == (1, 1, 0, 0)
    assert (replaced.people, replaced.ids, replaced.wrong, replaced.missed) == (2, 2, 0, 0)
    assert (every.name, every.films, every.people, every.faces) == ("all", 2, 3, 20)
    assert every.idf1 == pytest.approx(1.0)
    assert every.hota > 0.8


def test_the_page_has_a_row_for_each_kind_and_one_for_all(stage, actors, capsys, monkeypatch):
    there = Clip("somebody stays", 30, tuple(stage.alone(3)), stage.grounds)
    monkeypatch.setattr("export.bench.staged.cast", lambda data: (actors, list(stage.grounds)))
    monkeypatch.setattr("export.bench.plays.films", lambda stage: iter([there]))
    monkeypatch.setattr("export.bench.plays.KINDS", {there.name: None})
    arguments = ["--parts", "following", "--sets", "2", "--device", "cpu", "--quiet", "--out", "-"]
    assert main(arguments) == 0
    page = capsys.readouterr().out
    assert "2 sets of films, two of 2 people in each." in page
    assert "| somebody stays | 2 | 2 | 2 | 0 | 0 | 6 | 0 | 1.000 | " in page
    assert "| **all** | 2 | 2 | 2 | 0 | 0 | 6 | 0 | 1.000 | " in page


def test_what_scores_prints_nothing():
    program = "from export.bench.following import _metrics; _metrics()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


def test_without_trackeval_nothing_is_measured(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(following, "find_spec", lambda _: None)
    with pytest.raises(ConfigError):
        measure_following(iter(()))
    monkeypatch.chdir(tmp_path)
    assert main(["--parts", "following", "--out", "-"]) == 2
    said = capsys.readouterr()
    assert said.err == (
        "fer-bench: trackeval: not installed; pip install --no-deps 'trackeval>=1.3'\n"
    )


def test_without_the_packs_it_says_which(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["--parts", "following", "--out", "-"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-bench: data: expected the dataset's folder or its zip")
