import numpy as np
import pytest

from export.detector_recall import judge, main
from training.detector.evaluate import DetectionResult
from training.detector.mosaics import Sample


def find(image):
    """Answer with one box that is right and one that is not."""
    assert image.shape == (50, 60, 3)
    boxes = np.array([[10, 10, 30, 31], [40, 0, 60, 20]], np.float32)
    return DetectionResult(boxes, np.array([0.8, 0.8], np.float32))


def test_hits_misses_and_false_positives_are_counted():
    boxes = np.array([[10, 10, 30, 30], [0, 35, 9, 44]], np.float32)
    points, ignore = np.zeros((2, 5, 2), np.float32), np.zeros(2, bool)
    tally = judge(find, [Sample(np.zeros((50, 60), np.uint8), boxes, points, ignore)])
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
