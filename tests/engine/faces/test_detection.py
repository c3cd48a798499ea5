import sys
from types import SimpleNamespace

import cv2
import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import engine.faces.detection
import engine.faces.detectors
from engine.analyze import AnalyzerConfig
from engine.assets import asset_path
from engine.errors import ConfigError, ModelError
from engine.faces import detectors
from engine.faces.detection import (
    DETECTORS,
    FerDetector,
    cells_of,
    decode,
    looks_at,
    open_detector,
    suppress,
)
from engine.faces.detectors import five_of_four, large_enough, shrink
from engine.networks.manifest import DetectorFacts, PictureInput
from engine.types import Detection


@pytest.fixture(scope="module")
def detector():
    found = open_detector("fer", device="cpu")
    yield found
    found.close()


@pytest.fixture(scope="module")
def portrait():
    """The bundled portrait, 320 pixels square; the face's box is about 113 60 208 177."""
    return cv2.imread(str(asset_path("portrait.jpg")))


def iou(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inside = np.prod(np.clip(high - low, 0, None))
    return inside / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inside)


FACE = np.array([113, 60, 208, 177], np.float32)
EYES = np.array([[140, 102], [184, 104]], np.float32)


@pytest.mark.parametrize("scale", [0.25, 0.5, 1.0, 2.0, 4.0])
def test_the_portrait_is_found_at_any_size(detector, portrait, scale):
    image = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    faces = detector.detect(image)
    assert len(faces) == 1
    assert iou(faces[0].box / scale, FACE) > 0.6
    assert np.abs(faces[0].points[:2] / scale - EYES).max() < 10


@pytest.mark.parametrize(
    "side", [64, 128, 224, 256, 280, 300, 320, 350, 384, 399, 400, 480, 640, 1080]
)
def test_a_face_that_fills_the_picture_is_found_at_any_size(detector, portrait, side):
    scale = side / 104
    filled = cv2.resize(portrait[66:170, 108:212], (side, side), interpolation=cv2.INTER_CUBIC)
    faces = detector.detect(filled)
    assert len(faces) == 1
    assert iou(faces[0].box / scale + np.float32([108, 66, 108, 66]), FACE) > 0.6


@pytest.mark.parametrize("light", [0.3, 0.15, 0.08, 0.05])
def test_a_face_in_the_dark_is_found(detector, portrait, light):
    noise = np.random.default_rng(0).normal(0, 1, portrait.shape)
    dark = np.clip(np.rint(portrait * light + noise), 0, 255).astype(np.uint8)
    faces = detector.detect(dark)
    assert len(faces) == 1
    assert iou(faces[0].box, FACE) > 0.6


@pytest.mark.parametrize("angle", [-25, 25])
def test_a_turned_portrait_is_found(detector, portrait, angle):
    turn = cv2.getRotationMatrix2D((160, 120), angle, 1.0)
    faces = detector.detect(cv2.warpAffine(portrait, turn, (320, 320)))
    eyes = EYES @ turn[:, :2].T + turn[:, 2]
    assert len(faces) == 1
    assert np.abs(faces[0].points[:2] - eyes).max() < 12


def test_several_faces_in_a_large_odd_sized_frame(detector, portrait):
    frame = np.full((1081, 1919, 3), 90, np.uint8)
    corners = [(40, 30), (1500, 200), (700, 700)]
    for x, y in corners:
        frame[y : y + 320, x : x + 320] = portrait
    faces = detector.detect(frame)
    assert len(faces) == 3
    for x, y in corners:
        assert max(iou(face.box, FACE + np.float32([x, y, x, y])) for face in faces) > 0.6


def test_nothing_is_found_where_nothing_is(detector):
    rng = np.random.default_rng(0)
    assert detector.detect(np.zeros((360, 640, 3), np.uint8)) == ()
    assert detector.detect(rng.integers(0, 256, (360, 640, 3), np.uint8)) == ()
    assert detector.detect(np.full((1, 1, 3), 200, np.uint8)) == ()


def test_faces_below_the_smallest_size_are_not_reported(portrait):
    with_all = open_detector("fer", min_face_px=20, device="cpu")
    choosy = open_detector("fer", min_face_px=150, device="cpu")
    assert with_all.detect(portrait)
    assert choosy.detect(portrait) == ()
    with_all.close()
    choosy.close()


def test_detections_are_the_same_twice(detector, portrait):
    first, again = detector.detect(portrait), detector.detect(portrait)
    np.testing.assert_array_equal(first[0].box, again[0].box)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 400))
def test_the_network_sees_neither_huge_frames_nor_needlessly_small_ones(height, width, smallest):
    fine, *coarse = looks_at(height, width, smallest)
    long_side = max(height, width)
    assert 0 < fine.scale <= 2
    assert long_side * fine.scale <= 960.001
    assert fine.scale >= 1 or long_side * fine.scale >= 639.999
    for look in coarse:
        assert long_side * look.scale == pytest.approx(320)
        assert look.smallest / look.scale <= fine.largest / fine.scale  # no size is left out
    assert long_side * (fine, *coarse)[-1].scale <= 320.001  # one that fills it is not seen larger


@pytest.mark.parametrize(
    ("height", "width", "smallest", "fine"),
    [
        (360, 640, 20, 768),
        (360, 640, 40, 640),
        (120, 160, 10, 320),
        (1080, 1920, 20, 960),
        (1080, 1920, 60, 768),
        (1080, 1920, 200, 640),
    ],
)
def test_the_fine_look_is_as_large_as_the_smallest_face_asks(height, width, smallest, fine):
    assert looks_at(height, width, smallest)[0].scale == pytest.approx(fine / width)


class Answering:
    """A network whose output is set; keeps the pictures it is shown."""

    def __init__(self, cells=(), scores=(), side=64):
        self.cells, self.scores, self.side, self.shown = cells, scores, side, []

    def run(self, inputs):
        picture = inputs["image"][0, 0]
        self.shown.append(picture)
        count = sum((picture.shape[0] // s) * (picture.shape[1] // s) for s in (8, 16, 32))
        scores, raw = np.zeros(count, np.float32), np.zeros((count, 14), np.float32)
        raw[:, 2:4] = np.log(self.side / 8)
        for cell, score in zip(self.cells, self.scores, strict=True):
            scores[cell] = score
        return [scores, raw]

    def close(self):
        pass


@pytest.fixture
def answering(monkeypatch):
    """Give `answering(network)`: our detector around a network of the test's."""

    def make(network, min_face_px=1, pad=127, nms_iou=0.4):
        facts = DetectorFacts(
            input=PictureInput(pad=pad), strides=(8, 16, 32), score_threshold=0.5, nms_iou=nms_iou
        )
        manifest = SimpleNamespace(name="tiny", expect=lambda kind: None, read=lambda kind: facts)
        monkeypatch.setattr(engine.faces.detection, "open_session", lambda *_: network)
        return FerDetector(manifest, min_face_px)

    return make


@pytest.mark.parametrize(
    ("height", "width", "ratio"), [(360, 640, 640 / 768), (64, 64, 0.5), (1440, 2880, 3)]
)
def test_boxes_come_back_half_a_pixel_right(answering, height, width, ratio):
    """A pixel is its centre: the first one covers -0.5 to 0.5 in either picture."""
    network = Answering([0], [0.9])
    image = np.zeros((height, width, 3), np.uint8)
    found = answering(network, 20 if height == 360 else 10).detect(image)[0]
    # The cell's centre is at 3.5, its box from -28.5 to 35.5, in pixels of the network.
    low, high = -28 * ratio - 0.5, 36 * ratio - 0.5
    np.testing.assert_allclose(found.box, [low, low, high, high], atol=1e-4)
    np.testing.assert_allclose(found.points, np.full((5, 2), 4 * ratio - 0.5), atol=1e-4)


@pytest.mark.parametrize(
    ("side", "found"), [(40, [40]), (50, [50, 100]), (250, [250, 500]), (260, [520]), (300, [600])]
)
def test_a_look_leaves_faces_of_other_sizes_to_the_other(answering, side, found):
    """The fine look is at the frame's own size, the coarse one at half of it."""
    network = Answering([820], [0.9], side=side)
    faces = answering(network, 24, nms_iou=1.0).detect(np.zeros((640, 640, 3), np.uint8))
    assert len(network.shown) == 2
    sides = sorted(float(face.box[2] - face.box[0]) for face in faces)
    assert sides == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize(("score", "count"), [(0.49, 0), (0.5, 1), (0.51, 1)])
def test_scores_from_the_manifests_threshold_on_are_faces(answering, score, count):
    network = Answering([0], [score])
    assert len(answering(network, 10).detect(np.zeros((64, 64, 3), np.uint8))) == count


@pytest.mark.parametrize(("smallest", "count"), [(31, 1), (33, 0)])
def test_a_box_counts_from_the_smallest_face_on(answering, smallest, count):
    # The look at a frame of 640 pixels is 768 long, so a face of 32 is one of 38.4.
    scale = looks_at(360, 640, smallest)[0].scale
    network = Answering([0], [0.9], side=32 * scale)
    assert len(answering(network, smallest).detect(np.zeros((360, 640, 3), np.uint8))) == count


def test_frames_are_shrunk_by_averaging_areas(answering):
    network = Answering()
    image = np.zeros((1440, 2880, 3), np.uint8)
    image[:, ::3] = 255
    assert answering(network).detect(image) == ()
    fine = network.shown[0]
    assert fine.shape == (480, 960)
    assert (fine == 85).all()  # a third of 255, wherever the stripe lies


def test_frames_are_filled_up_with_the_manifests_value(answering):
    network = Answering()
    answering(network, 24, pad=99).detect(np.full((650, 641, 3), 150, np.uint8))
    fine, coarse = network.shown
    assert (fine.shape, coarse.shape) == ((672, 672), (320, 320))
    for shown, height, width in ((fine, 650, 641), (coarse, 320, 316)):
        assert (shown[:height, :width] == 150).all()
        assert (shown[height:] == 99).all()
        assert (shown[:, width:] == 99).all()


def test_a_frame_of_one_line_stays_one(answering):
    network = Answering()
    answering(network).detect(np.full((1, 3000, 3), 150, np.uint8))
    fine, _ = network.shown
    assert (fine.shape, set(fine[0]), set(fine[1:].ravel())) == ((32, 960), {150}, {127})
    answering(network).detect(np.full((3000, 1, 3), 150, np.uint8))
    _, _, fine, _ = network.shown
    assert (fine.shape, set(fine[:, 0]), set(fine[:, 1:].ravel())) == ((960, 32), {150}, {127})


@pytest.mark.parametrize(("smallest", "looks"), [(17, 2), (18, 1)])
def test_small_frames_are_looked_at_once(smallest, looks):
    """No longer than the coarse look: here the fine one of 339 or 320 pixels."""
    assert len(looks_at(120, 240, smallest)) == looks


def test_cells_follow_the_networks_order():
    picked = np.array([0, 1, 4, 8, 9])  # of 16 x 32: 8 cells of stride 8, then 2 of stride 16
    cells = cells_of(picked, 16, 32, (8, 16))
    wanted = [[3.5, 3.5, 8], [11.5, 3.5, 8], [3.5, 11.5, 8], [7.5, 7.5, 16], [23.5, 7.5, 16]]
    np.testing.assert_allclose(cells, wanted)


def test_geometry_is_decoded_in_strides():
    raw = np.zeros((1, 14), np.float32)
    raw[0, :4] = 0.5, -0.5, np.log(2), np.log(4)
    raw[0, 4:6] = 1, 2
    boxes, points = decode(raw, np.array([[10, 20, 8]], np.float32))
    np.testing.assert_allclose(boxes, [[6, 0, 22, 32]], atol=1e-5)
    np.testing.assert_allclose(points[0, :2], [[18, 36], [10, 20]])


def test_geometry_beyond_reason_is_cut_off():
    raw = np.zeros((2, 14), np.float32)
    raw[:, 2:4] = [[-9, 9], [9, -9]]
    boxes, _ = decode(raw, np.array([[0, 0, 8], [0, 0, 8]], np.float32))
    small, large = 4 * np.exp(-4), 4 * np.exp(5)
    wanted = [[-small, -large, small, large], [-large, -small, large, small]]
    np.testing.assert_allclose(boxes, wanted, rtol=1e-5)


def test_boxes_that_do_not_touch_are_kept_however_small():
    boxes = np.float32([[0, 0, 1, 1], [5, 5, 6, 6], [5, 0, 6, 1]])
    assert suppress(boxes, np.float32([0.7, 0.9, 0.8]), 0.4).tolist() == [1, 2, 0]


@pytest.mark.parametrize(("shift", "kept"), [(42, [0]), (44, [0, 1])])
def test_boxes_repeat_above_the_overlap_allowed(shift, kept):
    boxes = np.float32([[0, 0, 100, 100], [shift, 0, 100 + shift, 100]])  # IoU 0.408 and 0.389
    assert suppress(boxes, np.float32([0.9, 0.8]), 0.4).tolist() == kept


@pytest.mark.parametrize(("inside", "kept"), [(69, [0, 1]), (71, [0])])
def test_a_box_of_which_seven_tenths_lie_in_a_better_one_is_a_part(inside, kept):
    boxes = np.float32([[0, 0, 1000, 1000], [1000 - inside, 0, 1100 - inside, 100]])
    assert suppress(boxes, np.float32([0.9, 0.8]), 0.4).tolist() == kept


def test_suppression_drops_repeats_and_parts_of_a_face():
    boxes = [[0, 0, 100, 100], [5, 0, 105, 100], [30, 30, 60, 70], [90, 0, 190, 100]]
    kept = suppress(np.float32(boxes), np.float32([0.9, 0.95, 0.8, 0.7]), 0.4)
    assert kept.tolist() == [1, 3]


def test_suppression_of_nothing_is_nothing():
    kept = suppress(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.4)
    assert kept.shape == (0,)


def test_an_unknown_detector_lists_the_choices():
    with pytest.raises(ConfigError, match=r"abacus.*fer, yunet, mtcnn, mediapipe"):
        open_detector("abacus")


def test_a_detector_left_alone_finds_what_the_analyzer_asks_for(monkeypatch):
    monkeypatch.setitem(DETECTORS, "fer", lambda *given: given)
    config = AnalyzerConfig()
    wanted = (None, config.min_face_px, config.device, config.threads)
    assert open_detector("fer") == wanted
    assert config.min_face_px == 20


def test_a_smallest_face_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="min_face_px"):
        open_detector("fer", min_face_px=0)


@pytest.mark.parametrize("name", ["yunet", "mediapipe"])
def test_a_detector_without_its_model_file_says_so(name, tmp_path):
    with pytest.raises(ModelError, match="--detector-model FILE"):
        open_detector(name)
    with pytest.raises(ModelError, match=r"gone\.bin: no such model file"):
        open_detector(name, model_path=tmp_path / "gone.bin")
    with pytest.raises(ModelError, match="CPU only"):
        open_detector(name, model_path=tmp_path / "gone.bin", device="cuda")


def test_another_network_than_yunet_is_a_model_error_and_says_nothing_else(capfd):
    path = asset_path("landmark-net.onnx")
    with pytest.raises(ModelError, match=r"landmark-net\.onnx: .*YuNet model: ") as caught:
        open_detector("yunet", model_path=path).detect(np.zeros((64, 64, 3), np.uint8))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_every_detector_has_an_opener():
    assert list(DETECTORS) == ["fer", "yunet", "mtcnn", "mediapipe"]


@pytest.fixture
def yunet_file(tmp_path):
    """A graph with YuNet's outputs that answers one cell of stride 8, whatever it sees."""
    nodes, outputs, constants = [], [], []
    for stride in (8, 16, 32):
        count = (64 // stride) ** 2
        nodes.append(
            helper.make_node(
                "AveragePool",
                ["input"],
                [f"pool{stride}"],
                kernel_shape=[stride, stride],
                strides=[stride, stride],
            )
        )
        for kind, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            name = f"{kind}_{stride}"
            answer = np.zeros((1, count, width), np.float32)
            if stride == 8 and kind in ("cls", "obj"):
                answer[0, 27] = 0.9  # row 3, column 3
            if stride == 8 and kind == "bbox":
                answer[0, 27] = 0.5, 0.5, np.log(2), np.log(3)
            if stride == 8 and kind == "kps":
                answer[0, 27, :4] = -1, 0, 1, 0
            # The input must reach each output, or OpenCV drops it: nothing, in its shape.
            flat, still = f"flat{name}", f"still{name}"
            constants += [
                numpy_helper.from_array(answer, f"answer{name}"),
                numpy_helper.from_array(
                    np.zeros((3 * count, count * width), np.float32), f"no{name}"
                ),
                numpy_helper.from_array(np.array([1, count, width]), f"shape{name}"),
            ]
            nodes += [
                helper.make_node("Flatten", [f"pool{stride}"], [flat]),
                helper.make_node("MatMul", [flat, f"no{name}"], [still]),
                helper.make_node("Reshape", [still, f"shape{name}"], [f"r{name}"]),
                helper.make_node("Add", [f"r{name}", f"answer{name}"], [name]),
            ]
            outputs.append(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, count, width])
            )
    shown = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 64, 64])
    graph = helper.make_graph(nodes, "yunet", [shown], outputs, constants)
    path = tmp_path / "yunet.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save_model(model, str(path))
    return path


def test_yunet_rows_become_detections(yunet_file):
    yunet = open_detector("yunet", model_path=yunet_file, min_face_px=10)
    (face,) = yunet.detect(np.zeros((64, 64, 3), np.uint8))
    yunet.close()
    assert isinstance(face, Detection)
    assert face.score == pytest.approx(0.9, abs=1e-3)
    np.testing.assert_allclose(face.box, [20, 16, 36, 40], atol=1e-3)
    np.testing.assert_allclose(face.points[:2], [[16, 24], [32, 24]], atol=1e-3)


def test_yunet_gives_the_best_face_first(yunet_file, monkeypatch):
    rows = np.zeros((3, 15), np.float32)
    rows[:, 2:4] = [[30, 20], [40, 40], [30, 19]]
    rows[:, 14] = 0.7, 0.9, 0.8
    network = SimpleNamespace(setInputSize=lambda size: None, detect=lambda image: (1, rows))
    maker = SimpleNamespace(create=lambda *given: network)
    monkeypatch.setattr(engine.faces.detectors.cv2, "FaceDetectorYN", maker)
    yunet = open_detector("yunet", model_path=yunet_file, min_face_px=20)
    faces = yunet.detect(np.zeros((64, 64, 3), np.uint8))
    assert [face.score for face in faces] == pytest.approx([0.9, 0.7])


def test_a_file_that_is_no_yunet_is_refused(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        open_detector("yunet", model_path=tmp_path / "bad.onnx")


@pytest.fixture
def mtcnn_folder(tmp_path):
    """Weights of zeros whose biases say: a face, where you looked, points in its middle."""
    shapes = {
        "pnet": [(10, 3, 3, 3), (16, 10, 3, 3), (32, 16, 3, 3)],
        "rnet": [(28, 3, 3, 3), (48, 28, 3, 3), (64, 48, 2, 2)],
        "onet": [(32, 3, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3), (128, 64, 2, 2)],
    }
    dense = {
        "pnet": {"conv4_1": (2, 32, 1, 1), "conv4_2": (4, 32, 1, 1)},
        "rnet": {"dense4": (128, 576), "dense5_1": (2, 128), "dense5_2": (4, 128)},
        "onet": {"dense5": (256, 1152), "dense6_1": (2, 256), "dense6_2": (4, 256)},
    }
    dense["onet"]["dense6_3"] = (10, 256)
    slopes = {"rnet": {4: 128}, "onet": {5: 256}, "pnet": {}}
    for name, kernels in shapes.items():
        state = {}
        for number, shape in enumerate(kernels, 1):
            state[f"conv{number}.weight"] = torch.zeros(shape)
            state[f"conv{number}.bias"] = torch.zeros(shape[0])
            state[f"prelu{number}.weight"] = torch.zeros(shape[0])
        for layer, shape in dense[name].items():
            state[f"{layer}.weight"] = torch.zeros(shape)
            state[f"{layer}.bias"] = torch.zeros(shape[0])
            if shape[0] == 2:
                state[f"{layer}.bias"][1] = 4.0
            if shape[0] == 10:
                state[f"{layer}.bias"] += 0.5
        for number, width in slopes[name].items():
            state[f"prelu{number}.weight"] = torch.zeros(width)
        torch.save(state, tmp_path / f"{name}.pt")
    return tmp_path


def test_the_mtcnn_cascade_passes_a_face_through(mtcnn_folder):
    mtcnn = open_detector("mtcnn", model_path=mtcnn_folder, min_face_px=20, device="cpu")
    faces = mtcnn.detect(np.zeros((60, 60, 3), np.uint8))
    mtcnn.close()
    assert len(faces) >= 1
    best = faces[0]
    assert best.score == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-4)
    middle = (best.box[:2] + best.box[2:]) / 2
    np.testing.assert_allclose(best.points, np.tile(middle, (5, 1)), atol=1.5)


@pytest.mark.parametrize(("side", "found"), [(20, True), (19, False)])
def test_the_mtcnn_cascade_looks_for_faces_from_the_smallest_on(mtcnn_folder, side, found):
    mtcnn = open_detector("mtcnn", model_path=mtcnn_folder, min_face_px=20, device="cpu")
    assert bool(mtcnn.detect(np.zeros((side, side, 3), np.uint8))) is found


def test_missing_mtcnn_weights_are_named(mtcnn_folder, monkeypatch):
    (mtcnn_folder / "rnet.pt").unlink()
    with pytest.raises(ModelError, match=r"rnet\.pt not there"):
        open_detector("mtcnn", model_path=mtcnn_folder)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install --no-deps facenet-pytorch"):
        open_detector("mtcnn")


def test_mtcnn_without_torch_says_what_to_install(mtcnn_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r"fer-live\[mtcnn\]"):
        open_detector("mtcnn", model_path=mtcnn_folder)


def test_mediapipe_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    (tmp_path / "face.tflite").write_bytes(b"x")
    with pytest.raises(ModelError, match="package mediapipe"):
        open_detector("mediapipe", model_path=tmp_path / "face.tflite")


@pytest.mark.parametrize("release", ["0.10.35", "1.0.0", "1.2.3"])
def test_mediapipe_that_tells_its_maker_of_its_use_is_not_imported(tmp_path, monkeypatch, release):
    monkeypatch.setitem(sys.modules, "mediapipe", SimpleNamespace())
    monkeypatch.setattr(detectors.metadata, "version", lambda name: release)
    (tmp_path / "face.tflite").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"cannot be told not to; pip .*'mediapipe<=0\.10\.33'"):
        open_detector("mediapipe", model_path=tmp_path / "face.tflite")


def test_mediapipe_results_become_detections(tmp_path, monkeypatch):
    marks = [(0.4, 0.4), (0.6, 0.4), (0.5, 0.5), (0.5, 0.6), (0.3, 0.4), (0.7, 0.4)]
    face = SimpleNamespace(
        bounding_box=SimpleNamespace(origin_x=60, origin_y=30, width=80, height=50),
        keypoints=[SimpleNamespace(x=x, y=y) for x, y in marks],
        categories=[SimpleNamespace(score=0.75)],
    )
    worse = SimpleNamespace(
        bounding_box=SimpleNamespace(origin_x=10, origin_y=5, width=30, height=20),
        keypoints=face.keypoints,
        categories=[SimpleNamespace(score=0.5)],
    )
    small = SimpleNamespace(
        bounding_box=SimpleNamespace(origin_x=10, origin_y=5, width=30, height=19),
        keypoints=face.keypoints,
        categories=[SimpleNamespace(score=0.9)],
    )
    closed = []
    network = SimpleNamespace(
        detect=lambda image: SimpleNamespace(detections=[small, worse, face]),
        close=lambda: closed.append(1),
    )
    maker = SimpleNamespace(create_from_options=lambda options: network)
    vision = SimpleNamespace(FaceDetector=maker, FaceDetectorOptions=SimpleNamespace)
    package = SimpleNamespace(
        Image=SimpleNamespace,
        ImageFormat=SimpleNamespace(SRGB=1),
        tasks=SimpleNamespace(vision=vision, BaseOptions=SimpleNamespace),
    )
    monkeypatch.setitem(sys.modules, "mediapipe", package)
    monkeypatch.setattr(detectors.metadata, "version", lambda name: detectors.MEDIAPIPE_QUIET)
    (tmp_path / "face.tflite").write_bytes(b"x")
    mediapipe = open_detector("mediapipe", model_path=tmp_path / "face.tflite")
    found, other = mediapipe.detect(np.zeros((100, 200, 3), np.uint8))
    mediapipe.close()
    np.testing.assert_allclose(other.box, [10, 5, 40, 25])
    np.testing.assert_allclose(found.box, [60, 30, 140, 80])
    np.testing.assert_allclose(found.points[3:], [[84, 60], [116, 60]], atol=1e-4)
    assert found.score == 0.75
    assert closed == [1]


@pytest.mark.parametrize(
    ("size", "smallest", "network_px", "ratio"),
    [
        ((640, 480), 10, 10, 1),
        ((640, 480), 15, 10, 1.5),
        ((640, 480), 40, 10, 2),  # never below 320 pixels
        ((200, 300), 40, 10, 1),
        ((2560, 1440), 10, 10, 2),
        ((1440, 2560), 30, 10, 3),
        ((1281, 100), 10, 10, 1281 / 1280),
    ],
)
def test_frames_are_shrunk_to_what_a_detector_has_to_see(size, smallest, network_px, ratio):
    small, found = shrink(np.zeros((size[1], size[0], 3), np.uint8), smallest, network_px)
    assert found == pytest.approx(ratio)
    assert small.shape == (round(size[1] / ratio), round(size[0] / ratio), 3)


def test_a_shrunk_frame_averages_areas():
    image = np.zeros((480, 960, 3), np.uint8)
    image[:, ::3] = 255
    small, _ = shrink(image, 30, 10)
    assert (small == 85).all()


@pytest.mark.parametrize(("box", "large"), [((0, 0, 30, 20), True), ((0, 0, 19, 30), False)])
def test_the_shorter_side_makes_a_box_large_enough(box, large):
    found = Detection(np.array(box, np.float32), 0.9, np.zeros((5, 2), np.float32))
    assert large_enough(found, 20) is large


@pytest.mark.parametrize(("name", "px", "network_px"), [("yunet", 20, 10), ("mtcnn", 40, 20)])
def test_boxes_of_a_shrunk_frame_are_in_its_pixels(
    yunet_file, mtcnn_folder, monkeypatch, name, px, network_px
):
    """Shrunk to the half: twice the size comes back."""
    path = {"yunet": yunet_file, "mtcnn": mtcnn_folder}[name]
    detector = open_detector(name, model_path=path, min_face_px=px, device="cpu")
    seen = []

    def halved(image, *given):
        seen.append(given)
        return image, 2.0

    monkeypatch.setattr(engine.faces.detectors, "shrink", halved)
    whole = detector.detect(np.zeros((64, 64, 3), np.uint8))
    monkeypatch.setattr(engine.faces.detectors, "shrink", lambda image, *_: (image, 1.0))
    detector._min_face_px = px // 2
    half = detector.detect(np.zeros((64, 64, 3), np.uint8))
    assert seen == [(px, network_px)]
    assert len(whole) == len(half) >= 1
    for large, small in zip(whole, half, strict=True):
        np.testing.assert_allclose(large.box, 2 * small.box)
        np.testing.assert_allclose(large.points, 2 * small.points)
        assert large.score == small.score


def test_mouth_corners_follow_a_tilted_face():
    five = five_of_four(np.array([[0, 0], [10, 10], [5, 15], [0, 20]], np.float32))
    np.testing.assert_allclose(five[3:], [[-4, 16], [4, 24]])
