"""What makes a face of a find: chosen on finds whose scores and presences are known."""

import numpy as np
import pytest

from engine.faces.detection import presence_for
from engine.networks.manifest import Evidence
from engine.types import Detection, Face, Sighting
from export.evidence import choose_evidence, sure_of
from training.detector.mosaics import Sample

FACE = np.array([10, 10, 40, 40], np.float32)
THING = np.array([50, 10, 80, 40], np.float32)


class Proposing:
    """A finder that proposes what a picture's first pixels number."""

    def __init__(self, finds):
        self.finds = finds

    def propose(self, image):
        face = Face(np.zeros((8, 8, 3), np.uint8), np.eye(2, 3, dtype=np.float32))
        return [
            (
                Detection(box, score, np.zeros((5, 2), np.float32)),
                Sighting(face, np.zeros((68, 2), np.float32), presence, ()),
            )
            for box, score, presence in self.finds[int(image[0, 0, 0])]
        ]


def sample(number, *, face):
    boxes = FACE[None] if face else np.zeros((0, 4), np.float32)
    points = np.zeros((len(boxes), 5, 2), np.float32)
    image = np.full((60, 90), number, np.uint8)
    return Sample(image, boxes, points, np.zeros(len(boxes), bool))


def chosen(things):
    """Choose with a face in each of 200 pictures and some things without a face elsewhere."""
    finder = Proposing([[(FACE, 0.6, 0.9)], [], *([thing] for thing in things)])
    grounds = [sample(2 + k, face=False) for k in range(len(things))]
    grounds += [sample(1, face=False)] * (200 - len(things))
    frames = [sample(0, face=True)] * 200
    return Evidence(**choose_evidence(finder, {"frames": frames, "backgrounds": grounds}))


def test_the_least_evidence_leaves_two_false_finds_in_four_hundred_pictures():
    things = [(THING, 0.5, 0.95), (THING, 0.7, 0.9), (THING, 0.9, 0.6), (THING, 0.35, 0.6)]
    evidence = chosen(things)
    presences = [presence_for(score, evidence) for _, score, _ in things]
    taken = [p >= least for (_, _, p), least in zip(things, presences, strict=True)]
    assert taken == [False, True, True, False]  # 2.9, 3.9, 4.8 and -0.8 of evidence
    assert evidence.weight == 2
    assert evidence.least == pytest.approx(np.log(0.95 / 0.05), abs=0.02)


def test_what_has_no_presence_is_no_face_whatever_the_detector_says():
    finder = Proposing([[(FACE, 0.999, 0.49), (THING, 0.4, 0.5)]])
    found = sure_of(finder)(np.zeros((60, 90, 3), np.uint8))
    assert found.scores.tolist() == pytest.approx([(0.4 / 0.6) ** 2 / (1 + (0.4 / 0.6) ** 2), 0])
    assert found.boxes.tolist() == [THING.tolist(), FACE.tolist()]
