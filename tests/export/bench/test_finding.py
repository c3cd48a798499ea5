"""What counts as found and as wrong, the grid without a hole, and the part from end to end."""

import csv
import json
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.assets import asset_path
from engine.errors import ConfigError, SourceError
from engine.types import Frame
from export.bench import finding
from export.bench.cli import main, parser
from export.bench.finding import (
    LARGEST,
    LEAST_PX,
    LONG_SIDES,
    RATIOS,
    SMALLEST,
    FindingScore,
    Judge,
    film_truth,
    grid_cells,
    matched,
    measure_film,
    needs_libraries,
)
from export.bench.finding_tables import found_in_words
from export.bench.strangers import DEGRADED, Scene, Shot, Sitter, Strangers, covered, lit, packed
from export.bench.tables import table
from export.intervals import wilson
from training.data.packs import person_of
from training.detector.packs import Pack, Packs

NONE = np.zeros((0, 4), np.float32)


def boxes(*corners):
    return np.array(corners, np.float32).reshape(-1, 4)


def scene(faces=NONE, unsure=NONE, size=(100, 100)):
    return Scene(np.zeros(size, np.uint8), faces, unsure)


FACE = (10, 10, 30, 30)


@pytest.mark.parametrize(
    ("found", "faces", "unsure", "counted"),
    [
        ([], [FACE], [], (0, 0)),
        ([FACE], [FACE], [], (1, 0)),
        ([FACE], [], [], (0, 1)),
        ([FACE, FACE], [FACE], [], (1, 1)),  # two finds of one face
        ([(10, 10, 30, 19)], [FACE], [], (1, 0)),  # an overlap of 0.45
        ([(10, 10, 30, 17)], [FACE], [], (0, 1)),  # of 0.35
        ([(50, 50, 70, 70)], [FACE], [(45, 45, 90, 90)], (0, 0)),
        ([(50, 50, 70, 70)], [FACE], [(61, 45, 90, 90)], (0, 1)),  # less than half of it lies there
        ([(12, 10, 32, 30), (8, 10, 28, 30)], [FACE, (14, 10, 34, 30)], [], (2, 0)),
    ],
)
def test_finds_and_faces_are_matched_one_to_one(found, faces, unsure, counted):
    assert matched(boxes(*found), scene(boxes(*faces), boxes(*unsure))) == counted


def test_a_find_goes_where_all_of_them_fit_best():
    # The first fits both faces, the second only the first face: greedy matching would lose one.
    found = boxes((10, 10, 30, 30), (4, 10, 24, 30))
    faces = boxes((9, 10, 29, 30), (16, 10, 36, 30))
    assert matched(found, scene(faces)) == (2, 0)


def test_intervals_are_wilsons():
    # Published examples: 81 of 263, and 0 of 20 (Newcombe 1998, table I).
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_grid_has_no_hole():
    cells = grid_cells(1)
    assert {shot.size for _, shot in cells} == {
        (round(side * w / max(w, h)), round(side * h / max(w, h)))
        for side in LONG_SIDES
        for w, h in RATIOS
    }
    assert (min(LONG_SIDES), max(LONG_SIDES)) == (64, 4096)
    assert max(np.diff([side for side in LONG_SIDES if 256 <= side <= 400])) < 50
    for w, h in RATIOS:
        for side in LONG_SIDES:
            size = (round(side * w / max(w, h)), round(side * h / max(w, h)))
            faces = [shot.face_px for _, shot in cells if shot.size == size]
            assert max(faces) == pytest.approx(LARGEST * min(size))
            assert min(faces) < max(LEAST_PX, SMALLEST * side) * 1.7
            assert max(np.array(faces[1:]) / np.array(faces[:-1])) < 1.7
    assert min(shot.face_px for _, shot in cells) >= LEAST_PX
    assert len({name for name, _ in cells}) == len(cells)


def test_the_film_was_boxed_in_every_tenth_frame():
    truths = film_truth()
    all_of_them = truths.pop("")
    assert list(all_of_them) == list(range(0, 275, 10))
    assert sum(len(one.boxes) for one in all_of_them.values()) == 67
    for index, one in all_of_them.items():
        kinds = np.concatenate([truth[index].boxes for truth in truths.values()])
        assert sorted(map(tuple, kinds)) == sorted(map(tuple, one.boxes))
        for truth in truths.values():  # what one kind does not count is unsure there
            there = truth[index]
            assert len(there.boxes) + len(there.unsure) == len(one.boxes) + len(one.unsure)
        every = np.concatenate([one.boxes, one.unsure])
        assert (every[:, :2] < every[:, 2:]).all()
        assert ((every >= 0) & (every <= [640, 360, 640, 360])).all()
        assert (one.boxes[:, 2:] - one.boxes[:, :2]).min() >= 20


def test_the_boxes_are_a_table_without_pictures():
    text = files("export.bench").joinpath("short_hamilton_clip.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["sure"] for row in rows} == {"0", "1"}
    assert {row["kind"] for row in rows if row["sure"] == "0"} == {"unsure"}


class FakeFinder:
    """Finds what it is told, in turn."""

    def __init__(self, *found):
        self.found, self.frames, self.closed = list(found), [], False

    def find(self, frame):
        self.frames.append(frame)
        boxes = self.found.pop(0)
        tracks = [type("Track", (), {"box": np.array(box, np.float32)}) for box in boxes]
        return type("Found", (), {"tracks": tracks})

    def close(self):
        self.closed = True


def test_scores_add_up_over_pictures_each_by_itself(tmp_path):
    finder = FakeFinder([FACE], [], [FACE, (50, 50, 60, 60), (70, 70, 80, 80)])
    judge = Judge(finder, tmp_path / "sheets")
    one = scene(boxes(FACE))
    score = judge.score("grid", "1:1 64 20", [one, one, scene()])
    assert score == FindingScore(
        part="grid", name="1:1 64 20", faces=2, found=1, pictures=3, false=3, spoilt=1
    )
    assert (score.recall, score.false_per_100) == (0.5, 100.0)
    assert {frame.file for frame in finder.frames} == {"1:1 64 20"}
    kept = sorted(path.name for path in (tmp_path / "sheets").iterdir())
    assert kept == ["grid 1-1 64 20 1.jpg", "grid 1-1 64 20 2.jpg"]
    judge.close()
    assert finder.closed


def test_a_film_is_followed_and_judged_in_the_frames_that_were_boxed():
    image = np.zeros((100, 100, 3), np.uint8)
    frames = [Frame(index, index / 30, image) for index in range(3)]
    finder = FakeFinder([FACE], [(50, 50, 60, 60)], [FACE])
    both = {"": {0: scene(boxes(FACE)), 2: scene(boxes(FACE, (60, 60, 90, 90)))}}
    (score,) = Judge(finder).film("as a film", frames, both)
    assert (score.faces, score.found, score.pictures, score.false) == (3, 2, 2, 0)
    assert [frame.index for frame in finder.frames] == [0, 1, 2]


def test_another_film_is_refused():
    judge = Judge(FakeFinder(*[[]] * 1000))
    with pytest.raises(SourceError, match=r"demo\.mp4: \d+ frames; short_hamilton_clip\.mp4 has"):
        measure_film(judge, asset_path("demo.mp4"))


def test_low_cells_are_named_with_their_intervals():
    good = FindingScore(
        part="grid", name="1:1 64 20", faces=60, found=60, pictures=60, false=0, spoilt=0
    )
    bad = FindingScore(
        part="grid", name="16:9 640 40", faces=60, found=30, pictures=60, false=0, spoilt=0
    )
    *_, said = found_in_words([good, bad], table)
    assert said.startswith("1 of 2 cells have a recall of 0.98 or more, with 60 people or more")
    assert said.endswith("Below it: 16:9 640 40 0.500 (0.377 to 0.623).")
    text = "\n".join(found_in_words([good, bad], table))
    assert "20 px: 1.00" in text
    assert "40 px: 0.50" in text


def test_what_counts_is_asked_for_before_anything_is_measured(monkeypatch):
    monkeypatch.setattr(finding, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pycocotools: not installed; pip install 'fer-live\["):
        needs_libraries()


PEOPLE = [f"Person_{letter}" for letter in "ABCDE"]


@pytest.fixture
def data(tmp_path):
    """A folder of packs: tables alone, since the pictures are in the cache."""
    folder = tmp_path / "data"
    for name, table_name, head, rows in (
        ("faces_wild", "legend.csv", "image,emotion", [f"{p}_0001.jpg," for p in PEOPLE]),
        (
            "scenes",
            "scenes.csv",
            "image,split,source,person",
            ["place.jpg,test,background,0", *(f"yt_{p}_10.jpg,test,video,1" for p in PEOPLE)],
        ),
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / table_name).write_text("\n".join([head, *rows]) + "\n")
    return folder


@pytest.fixture
def packs():
    """The bundled portrait, of two packs, as that of five people, two of whom are held; a wall."""
    portrait = cv2.imread(str(asset_path("portrait.jpg")), cv2.IMREAD_GRAYSCALE)
    wall = np.linspace(60, 160, 320, dtype=np.float32)[None].repeat(200, 0).astype(np.uint8)
    pictures = [portrait] * 10 + [wall]
    people = len(PEOPLE)
    kinds = [Pack.PORTRAIT] * people + [Pack.FRAME] * people + [Pack.BACKGROUND]
    held = [k >= 3 for k in range(people)] * 2 + [True]
    face = np.array([113, 58, 208, 174], np.float32)
    return Packs(
        pixels=np.concatenate([p.ravel() for p in pictures]),
        start=np.cumsum([0, *(p.size for p in pictures)]),
        size=np.array([p.shape for p in pictures], np.int32),
        pack=np.array([int(kind) for kind in kinds], np.uint8),
        held=np.array(held),
        face_start=np.array([*range(11), 10]),
        boxes=np.repeat(face[None], 10, axis=0),
        points=np.full((10, 5, 2), np.nan, np.float32),
        landmarks=np.full((10, 68, 2), np.nan, np.float32),
        pose=np.array([[0, -5]] * 8 + [[40, -5], [0, -30]], np.float32),
        ignore=np.zeros(10, bool),
    )


@pytest.fixture
def strangers(packs, data):
    return Strangers(packs, data)


def test_only_people_whom_training_leaves_out_are_shown(strangers, packs):
    assert {sitter.person for sitter in strangers.sitters} == {"Person_D", "Person_E"}
    assert all(packs.held[sitter.picture] for sitter in strangers.sitters)
    assert len(strangers.sitters) == 4
    one_each = strangers.one_each(strangers.sitters, 60, np.random.default_rng(0))
    assert sorted(sitter.person for sitter in one_each) == ["Person_D", "Person_E"]
    assert person_of("yt_Person_D_10.jpg") == "Person_D"
    assert packs.held[strangers.places].all()


def test_a_cache_of_other_packs_is_noticed(packs, data):
    with (data / "faces_wild" / "legend.csv").open("a") as file:
        file.write("Person_F_0001.jpg,\n")
    with pytest.raises(SourceError, match="6 people's pictures, 5 in the cache of decoded data"):
        Strangers(packs, data)


def test_heads_are_chosen_by_their_pose(strangers):
    assert [sitter.row for sitter in strangers.posed("profile")] == [8]
    assert [sitter.row for sitter in strangers.posed("lowered")] == [9]


@pytest.mark.parametrize("size", [(640, 360), (64, 64), (90, 160)])
@pytest.mark.parametrize("part", [0.3, 1.1])
def test_a_face_has_the_size_that_was_asked_for_and_room_where_there_is_any(strangers, size, part):
    for seed in range(5):
        shot = Shot(size=size, face_px=part * min(size))
        shown = strangers.scene(strangers.sitters[0], shot, np.random.default_rng(seed))
        assert shown.image.shape == size[::-1]
        (box,) = shown.boxes
        assert np.sqrt(np.prod(box[2:] - box[:2])) == pytest.approx(shot.face_px, rel=1e-4)
        if part < 1:
            assert (box[:2] >= -1).all()
            assert (box[2:] <= np.array(size)).all()
        else:
            middle = (box[:2] + box[2:]) / 2
            assert (np.abs(middle - np.array(size) / 2) <= np.array(size) / 2).all()


@pytest.mark.parametrize("stretch", [1.0, 9 / 16, 4 / 3])
def test_the_face_is_where_its_box_is(strangers, packs, stretch):
    shot = Shot(size=(640, 360), face_px=105.0, stretch=stretch)
    for seed in range(4):
        shown = strangers.scene(strangers.sitters[0], shot, np.random.default_rng(seed))
        x0, y0, x1, y1 = np.rint(shown.boxes[0]).astype(int)
        assert (x1 - x0) / (y1 - y0) == pytest.approx(95 / 116 * stretch, rel=0.05)
        there = cv2.resize(shown.image[y0:y1, x0:x1], (95, 116)).astype(float)
        alike = [
            np.corrcoef(there.ravel(), one.ravel())[0, 1]
            for face in [packs.picture(0)[58:174, 113:208].astype(float)]
            for one in (face, face[:, ::-1])
        ]
        assert max(alike) > 0.95


@pytest.mark.parametrize("name", list(DEGRADED))
def test_damage_keeps_the_size_and_is_the_same_again(strangers, name):
    image = strangers.scene(
        strangers.sitters[0], Shot(size=(160, 90), face_px=50.0), np.random.default_rng(0)
    ).image
    before = image.copy()
    once, again = (DEGRADED[name](image, np.random.default_rng(1)) for _ in range(2))
    assert (once.shape, once.dtype) == (image.shape, np.uint8)
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(image, before)
    assert (once != image).any()


def test_light_and_quality_mean_what_they_say():
    image = np.full((50, 50), 100, np.uint8)
    rng = np.random.default_rng(0)
    assert lit(0.05)(image, rng).mean() == pytest.approx(5, abs=0.2)
    assert lit(3.0)(image, rng).min() == 255
    noise = rng.integers(0, 256, (64, 64), np.uint8)
    errors = [np.abs(packed(q)(noise, rng).astype(int) - noise).mean() for q in (30, 20, 10, 5)]
    assert errors == sorted(errors)


def test_half_of_a_face_is_covered_and_no_more():
    plain = Scene(np.full((100, 100), 200, np.uint8), boxes((20, 20, 60, 80)), NONE)
    filling = np.zeros((8, 8), np.uint8)
    below = covered(plain, "below", filling).image
    assert (below == 0).sum() == 40 * 30
    assert (below[50:80, 20:60] == 0).all()
    beside = covered(plain, "beside", filling).image
    assert (beside[20:80, 40:60] == 0).all()
    assert (beside == 0).sum() == 20 * 60
    assert plain.image.min() == 200


def test_the_part_runs_from_end_to_end(packs, data, monkeypatch, tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes(asset_path("demo.mp4").read_bytes())
    monkeypatch.setattr("training.detector.packs.load_packs", lambda data, cache: packs)
    monkeypatch.setattr(finding, "LONG_SIDES", (320,))
    monkeypatch.setattr(finding, "RATIOS", ((16, 9),))
    monkeypatch.setattr(finding, "STEPS", 3)
    monkeypatch.setattr(finding, "TURNS", (0, 90))
    monkeypatch.setattr(finding, "DEGRADED", {"light 0.3": DEGRADED["light 0.3"]})
    truth = {"": {0: Scene(np.zeros((1, 1), np.uint8), NONE, NONE)}}
    monkeypatch.setattr(finding, "film_truth", lambda: truth)
    from engine.video.opening import open_source

    with open_source(str(film)) as source:
        monkeypatch.setattr(finding, "FILM_FRAMES", sum(1 for _ in source))
    out = tmp_path / "out"
    arguments = ["--parts", "finding", "--people", "2", "--data", str(data), "--film", str(film)]
    assert main([*arguments, "--out", str(out), "--quiet"]) == 0
    content = json.loads((out / "bench.json").read_text())
    assert content["settings"]["strangers"] == 2
    rows = {(row["part"], row["name"]): row for row in content["finding"]}
    light = rows["condition", "light 0.3"]
    assert (light["faces"], light["found"], light["pictures"], light["false"]) == (
        2,
        2,
        1,
        0,
    )  # one place
    assert rows["condition", "turned by 90"]["found"] == 2
    assert rows["condition", "in profile, over 25 degrees"]["faces"] == 1
    grid = [row for (part, _), row in rows.items() if part == "grid"]
    assert [row["faces"] for row in grid] == [2, 2]
    assert grid[0]["found"] == 2
    page = (out / "bench.md").read_text()
    assert "| light 0.3 | 2 | 1.000 | 0.342 to 1.000 | 1 | 0.0 | 0.0 to 79.3 |" in page
    assert not (out / "bench.png").exists()


def test_a_film_that_is_missing_is_told_before_the_packs_are_read(tmp_path, capsys):
    data = tmp_path / "packs" / "data"
    assert main(["--parts", "finding", "--data", str(data), "--out", "-"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    film = tmp_path / "packs" / "media" / "short_hamilton_clip.mp4"
    assert line == f"fer-bench: {film}: no such film; name short_hamilton_clip.mp4 with --film"


def test_packs_are_asked_for_by_name_only():
    assert "finding" not in parser().parse_args([]).parts
    assert isinstance(parser().parse_args([]).data, Path)


def test_a_sitter_is_who_the_file_is_named_after():
    assert Sitter("Ann_Lee", 0, 0).person == person_of("Ann_Lee_0003.jpg")
