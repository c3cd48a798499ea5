import numpy as np
import pytest

from engine.types import Detection
from export.detector_recall import judge, main
from training.detector.mosaics import Sample


class FakeDetector:
    """Answers with one box that is right and one that is not."""

    name = "fake"

    def detect(self, image):
        assert image.shape == (50, 60, 3)
        points = np.zeros((5, 2), np.float32)
        boxes = np.array([[10, 10, 30, 31], [40, 0, 60, 20]], np.float32)
        return tuple(Detection(box, 0.8, points) for box in boxes)

    def close(self):
        pass


def test_hits_misses_and_false_positives_are_counted():
    boxes = np.array([[10, 10, 30, 30], [0, 35, 9, 44]], np.float32)
    points, ignore = np.zeros((2, 5, 2), np.float32), np.zeros(2, bool)
    tally = judge(FakeDetector(), [Sample(np.zeros((50, 60), np.uint8), boxes, points, ignore)])
    np.testing.assert_allclose(tally.sides, [20, 9])
    np.testing.assert_allclose(tally.best, [0.8, 0.0])
    assert tally.recall(0.5) == 0.5
    assert tally.false_per_100(0.5) == 100


@pytest.mark.parametrize(
    ("options", "code"), [(["--detector", "abacus"], 2), (["--detector", "yunet"], 4)]
)
def test_a_detector_that_cannot_be_opened_ends_the_command(options, code, capsys):
    assert main(options) == code
    assert options[1] in capsys.readouterr().err
