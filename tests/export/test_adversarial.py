import numpy as np

from export.adversarial import KINDS, adversarial_pictures


def test_adversarial_pictures_are_of_all_kinds_and_the_same_every_time():
    pictures = adversarial_pictures(2 * len(KINDS), 8)
    assert all(picture.shape == (8, 8, 3) for picture in pictures)
    assert {"black", "white", "noise", "extreme"} < set(KINDS)
    assert [p.tobytes() for p in pictures] == [
        p.tobytes() for p in adversarial_pictures(2 * len(KINDS), 8)
    ]
    assert (pictures[0] == 0).all()
    assert (pictures[1] == 255).all()
    assert set(np.unique(pictures[3])) == {0, 255}
    assert not np.array_equal(pictures[2], pictures[2 + len(KINDS)])
