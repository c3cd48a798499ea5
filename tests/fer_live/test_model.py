"""Pictures in, faces out: a function, and a model that stays loaded."""

import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

import fer_live
from engine.labels import EXPRESSIONS
from fer_live.types import Faces


@pytest.fixture(scope="module")
def model():
    with fer_live.Model() as loaded:
        yield loaded


@pytest.fixture(scope="session")
def two_portraits(portrait):
    """A small one at the left, a large one at the right: 160 and 320 pixels."""
    image = np.full((320, 480, 3), 90, np.uint8)
    image[80:240, :160] = cv2.resize(portrait, (160, 160), interpolation=cv2.INTER_AREA)
    image[:, 160:] = portrait
    return image


def numbers(face):
    values = [face.valence, face.arousal, face.reliability, face.score]
    return np.array([*values, *face.probabilities.values(), *face.box])


def same(one, other, *, within=0.0):
    return len(one) == len(other) and all(
        np.abs(numbers(a) - numbers(b)).max() <= within for a, b in zip(one, other, strict=True)
    )


def test_picture_file_gives_its_face(portrait_file):
    (face,) = fer_live.analyze(portrait_file)
    assert face.expression == "happiness"
    assert face.probabilities["happiness"] > 0.9
    assert face.valence > 0.5
    assert face.score > 0.9
    assert 0 <= face.reliability <= 1
    assert face.id == 1
    assert face.landmarks.shape == (68, 2)
    x0, y0, x1, y1 = face.box
    assert 80 < x0 < x1 < 240
    assert 40 < y0 < y1 < 200
    assert list(face.probabilities) == list(EXPRESSIONS)


def test_path_may_be_text(model, portrait_file):
    assert same(model.analyze(str(portrait_file)), model.analyze(portrait_file))


def test_array_is_blue_first_unless_said_otherwise(model, portrait):
    blue_first = model.analyze(portrait)
    red_first = model.analyze(portrait[:, :, ::-1], rgb=True)
    assert same(blue_first, red_first)
    assert not same(blue_first, model.analyze(portrait[:, :, ::-1]))
    assert np.array_equal(blue_first[0].crop, red_first[0].crop[:, :, ::-1])
    assert (blue_first[0].rgb, red_first[0].rgb) == (False, True)


def test_crop_is_what_the_box_holds(model, portrait):
    (face,) = model.analyze(portrait)
    x0, y0 = np.floor(face.box[:2]).astype(int)
    height, width = face.crop.shape[:2]
    assert np.array_equal(face.crop, portrait[y0 : y0 + height, x0 : x0 + width])
    assert abs(x0 + width - face.box[2]) <= 2
    assert abs(y0 + height - face.box[3]) <= 2


def test_crop_of_a_face_at_the_edge_stays_inside(model, portrait):
    cut = portrait[80:, 130:]
    (face,) = model.analyze(cut)
    assert face.box[:2].min() < 0
    x1, y1 = np.ceil(face.box[2:]).astype(int) + 1
    assert np.array_equal(face.crop, cut[:y1, :x1])


def test_gray_picture_is_read(model, portrait):
    (face,) = model.analyze(cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY))
    assert face.expression == "happiness"
    assert face.crop.ndim == 3


@pytest.mark.parametrize("shape", [(240, 320, 3), (1, 1, 3), (2000, 3), (1, 500, 3)])
def test_no_face_is_an_empty_result(model, shape):
    faces = model.analyze(np.zeros(shape, np.uint8))
    assert isinstance(faces, Faces)
    assert len(faces) == 0


def test_most_prominent_face_comes_first(model, two_portraits):
    large, small = model.analyze(two_portraits)
    assert (large.id, small.id) == (1, 2)
    assert large.box[0] > 160 > small.box[0]


def test_options_reach_the_engine(portrait, two_portraits):
    assert len(fer_live.analyze(two_portraits, max_faces=1)) == 1
    assert len(fer_live.analyze(two_portraits, min_face_px=70)) == 1
    whole = fer_live.analyze(portrait, precision="fp32")
    assert not same(whole, fer_live.analyze(portrait, precision="int8"))


def test_list_gives_a_list_in_order(model, portrait, portrait_file, two_portraits):
    black = np.zeros((100, 100, 3), np.uint8)
    results = model.analyze([portrait, black, two_portraits, portrait_file])
    assert [len(faces) for faces in results] == [1, 0, 2, 1]
    assert model.analyze([]) == []
    assert len(model.analyze((portrait,))) == 1


def test_batches_say_what_single_pictures_say(model, portrait, two_portraits):
    pictures = [
        portrait,
        two_portraits,
        np.ascontiguousarray(portrait[:, ::-1]),
    ] * 11  # two full, and one
    singles = [model.analyze(picture) for picture in pictures[:3]]
    for place, faces in enumerate(model.analyze(pictures)):
        assert same(faces, singles[place % 3], within=1e-4)
        assert [face.id for face in faces] == list(range(1, len(faces) + 1))


def test_picture_knows_nothing_of_the_one_before(model, portrait):
    moved = np.roll(portrait, 12, axis=1)  # where a tracker would follow, and smoothing blend
    first = model.analyze(moved)
    model.analyze(portrait)
    assert same(first, model.analyze(moved))


def test_what_was_given_is_left_as_it_was(model, portrait):
    own = portrait.copy()
    model.analyze(own)
    assert own.flags.writeable
    assert np.array_equal(own, portrait)


def test_arrays_of_a_face_cannot_be_written(model, portrait):
    (face,) = model.analyze(portrait)
    for array in (face.box, face.landmarks, face.crop):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_threads_may_share_a_model(model, portrait, two_portraits):
    pictures = [portrait, two_portraits] * 6
    alone = [model.analyze(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(model.analyze, pictures))
    assert all(same(one, other) for one, other in zip(alone, together, strict=True))


def test_networks_belong_to_one_thread_and_go_with_it(portrait):
    before = set(threading.enumerate())
    model = fer_live.Model()
    (own,) = set(threading.enumerate()) - before
    assert own.name.startswith("fer-model")
    model.analyze(portrait)
    other = threading.Thread(target=model.close)
    other.start()
    other.join()
    assert not own.is_alive()


def test_closed_model_says_so(portrait):
    with fer_live.Model() as model:
        pass
    model.close()
    assert repr(model) == "Model('poster-rt', closed)"
    with pytest.raises(ValueError, match=r"^model poster-rt: is closed; make a new one$"):
        model.analyze(portrait)


def test_calls_that_wait_are_done_before_the_model_closes(portrait):
    model = fer_live.Model()
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(model.analyze, [portrait] * 3) for _ in range(3)]
        model.close()
        for call in waiting:
            error = call.exception()
            assert error is None or "is closed; make a new one" in str(error)


def test_unknown_model_leaves_nothing_running():
    before = threading.active_count()
    with pytest.raises(fer_live.ModelError, match="model posterrt: unknown; choose poster-rt"):
        fer_live.Model("posterrt")
    assert threading.active_count() == before


FLOATS = np.zeros((48, 64, 3))


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (None, "picture: is None, what cv2.imread gives for a file it cannot read; give the path"),
        (3, "picture: expected an array or a path, got builtins.int"),
        (FLOATS, r"got \(48, 64, 3\) float64; scale it to 0 to 255 and use astype"),
        (np.zeros((2, 48, 64, 3), np.uint8), r"got \(2, 48, 64, 3\) uint8; give .* as a list"),
        (np.zeros((48, 64, 4), np.uint8), r"leave the opacity out: image\[:, :, :3\]"),
        (np.zeros((3, 48, 64), np.uint8), "put the colours last: image.transpose"),
        (np.zeros((48, 64), np.uint16), r"expected .* got \(48, 64\) uint16; bring it"),
        (np.zeros((0, 64, 3), np.uint8), r"got \(0, 64, 3\) uint8"),
        (np.zeros(64, np.uint8), r"got \(64,\) uint8"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(model, picture, said):
    with pytest.raises(fer_live.SourceError, match=said) as refused:
        model.analyze(picture)
    assert "\n" not in str(refused.value)


def test_list_says_which_picture_is_wrong(model, portrait):
    with pytest.raises(fer_live.SourceError, match=r"^picture 1: expected"):
        model.analyze([portrait, FLOATS])


def test_files_that_are_no_pictures_are_refused_in_one_line(model, clip, tmp_path):
    text = tmp_path / "text.png"
    text.write_text("no picture")
    cases = {
        "missing.jpg": "missing.jpg: cannot be opened: No such file",
        tmp_path / "missing.mp4": "missing.mp4: cannot be opened: No such file",
        text: "text.png: no picture can be decoded: Invalid data",
        clip: "old_demo.mp4: not a picture by its ending; .* fer_live.stream",
        tmp_path: f"{re.escape(str(tmp_path))}: is a folder; .* fer_live.stream",
    }
    for path, said in cases.items():
        with pytest.raises(fer_live.SourceError, match=said) as refused:
            model.analyze(path)
        assert "\n" not in str(refused.value)


def test_what_is_missing_of_a_picture_is_logged(model, portrait_file, tmp_path, caplog):
    content = portrait_file.read_bytes()
    half = tmp_path / "half.jpg"
    half.write_bytes(content[: int(0.8 * len(content))])
    with caplog.at_level(logging.WARNING):
        assert len(model.analyze(half)) == 1
    assert f"{half}: is cut short or damaged; what is there was read" in caplog.text


def test_faces_beyond_the_most_are_logged(two_portraits, caplog):
    with caplog.at_level(logging.WARNING):
        assert len(fer_live.analyze(two_portraits, max_faces=1)) == 1
    assert "detected at once and 1 of them read; max_faces=2 reads all" in caplog.text


def test_larger_pictures_are_read_where_wished(model, tmp_path, portrait):
    path = tmp_path / "large.png"
    cv2.imwrite(str(path), portrait)
    most = portrait.shape[0] * portrait.shape[1] / 1e6
    with pytest.raises(fer_live.SourceError, match=r"; max_megapixels=N allows larger ones$"):
        model.analyze(path, max_megapixels=most * 0.99)
    with pytest.raises(fer_live.SourceError, match=r"; max_megapixels=N allows larger ones$"):
        fer_live.analyze(path, max_megapixels=most * 0.99)
    assert len(model.analyze([path], max_megapixels=most)[0]) == 1
    assert len(fer_live.analyze(path, max_megapixels=most)) == 1


def test_several_networks_read_one_picture_and_say_only_what_they_know(tiny_network, portrait):
    made = [
        tiny_network("own", ["blink", "yawn"]),
        tiny_network("va", affect=True, own=["quality"]),
    ]
    with fer_live.Model(",".join(map(str, made)), device="cpu") as model:
        (face,) = model.analyze(portrait)
    assert (face.expression, list(face.probabilities)) == ("blink", ["blink", "yawn"])
    assert (face.valence, face.arousal, face.derived) == (0.5, -0.25, False)
    assert face.measures == {"quality": 0.75}
    with fer_live.Model(str(made[1]), device="cpu") as model:
        (face,) = model.analyze(portrait)
    assert (face.expression, face.reliability, len(face.probabilities)) == ("", None, 0)
    assert repr(face).startswith("Face(id=1, valence +0.50, arousal -0.25, box=(")
    assert "face 1" in face._repr_html_()
