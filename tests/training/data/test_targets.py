"""What losses are asked to reproduce: labels, votes, teachers, derived valence and arousal."""

import numpy as np
import pytest
import torch

from engine.labels import VALENCE_AROUSAL
from training.data.targets import target_of, valence_arousal

VOTES = np.array(
    [
        [8, 2, 0, 0, 0, 0, 0, 0, 0, 0],
        [4, 3, 3, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 10, 0, 0, 0, 0, 0, 0],
    ],
    np.float32,
)


@pytest.fixture
def faces(gray_faces):
    return gray_faces(np.zeros((3, 48, 48), np.uint8), VOTES)


def test_one_hot_class_lies_at_its_published_place():
    places = valence_arousal(np.eye(8, dtype=np.float32))
    assert places.dtype == np.float32
    np.testing.assert_allclose(places, list(VALENCE_AROUSAL.values()), atol=1e-7)
    assert tuple(places[1]) == pytest.approx((0.81, 0.51))
    mixed = valence_arousal(np.array([[0.5, 0.5, 0, 0, 0, 0, 0, 0]], np.float32))
    np.testing.assert_allclose(mixed, [[0.405, 0.255]], atol=1e-6)


def test_class_without_a_place_or_face_without_shares_has_no_valence():
    shares = np.array([[1, 0], [0.5, 0.5], [0, 0]], np.float32)
    affect = valence_arousal(shares, ("happiness", "other"))
    assert affect[0].tolist() == pytest.approx([0.81, 0.51])
    assert np.isnan(affect[1:]).all()


def test_labels_are_the_target_unless_votes_are_asked_for(faces):
    hard, soft = target_of(faces), target_of(faces, votes=True)
    assert hard.shares.tolist() == [[1] + [0] * 7, [0] * 8, [0] * 3 + [1] + [0] * 4]
    np.testing.assert_allclose(soft.shares[0], [0.8, 0.2, 0, 0, 0, 0, 0, 0])
    assert hard.labels.tolist() == soft.labels.tolist() == [0, -1, 3]
    assert hard.affect.isnan().all()


def test_teachers_have_their_share_of_the_target_and_of_what_is_derived(faces):
    taught = np.full((3, 8), 1 / 8, np.float32)
    target = target_of(faces, votes=True, derived_affect=True, taught=taught, distilled=0.25)
    wanted = 0.75 * target_of(faces, votes=True).shares + 0.25 / 8
    torch.testing.assert_close(target.shares, wanted)
    np.testing.assert_allclose(target.affect, valence_arousal(wanted.numpy()), atol=1e-6)


def test_annotated_valence_is_not_derived(faces):
    faces.affect[0] = [0.3, -0.3]
    affect = target_of(faces, votes=True, derived_affect=True).affect
    assert affect[0].tolist() == pytest.approx([0.3, -0.3])
    assert affect[2].tolist() == pytest.approx([-0.63, -0.27], abs=1e-6)
