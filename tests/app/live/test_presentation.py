import threading

import cv2
import numpy as np
import pytest

from app.live.presentation import Canvases, CaptureTimes, Presenter, Viewport, fitted, render
from engine.types import Frame


def frame_of(index=0, width=64, height=36):
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = (10, 20, 30)
    return Frame(index, index / 30, image)


@pytest.mark.parametrize(
    ("room", "size"),
    [((640, 640), (640, 360)), ((320, 90), (160, 90)), ((1, 1), (1, 1)), ((64, 36), (64, 36))],
)
def test_a_picture_fits_its_room_and_keeps_its_shape(room, size):
    assert fitted(64, 36, *room) == size


def test_a_picture_has_the_frames_colours_and_the_wanted_size():
    picture = render(frame_of(), Viewport(128, 128))
    assert picture.pixels.shape == (72, 128, 4)
    assert picture.pixels[10, 10, :3].tolist() == [10, 20, 30]
    assert not picture.pixels.flags.writeable


def test_a_mirrored_picture_has_its_left_at_the_right():
    picture = render(frame_of(), Viewport(64, 36, mirrored=True))
    assert picture.pixels[10, 60, :3].tolist() == [10, 20, 30]
    assert picture.pixels[10, 5, :3].tolist() == [0, 0, 0]


@pytest.mark.parametrize("size", [(64, 36), (128, 72), (32, 18), (48, 27)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_picture_is_the_frame_scaled_whatever_the_order_of_the_steps(size, mirrored):
    random = np.random.default_rng(2)
    image = cv2.GaussianBlur(random.integers(0, 256, (36, 64, 3), np.uint8), (0, 0), 4)
    picture = render(Frame(0, 0.0, image), Viewport(*size, mirrored))
    wanted = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    wanted = wanted[:, ::-1] if mirrored else wanted
    assert np.abs(picture.pixels[..., :3].astype(int) - wanted).max() <= 4


def test_room_is_used_again_once_its_picture_is_gone_and_not_before():
    canvases = Canvases()
    target = Viewport(64, 36)
    held = render(frame_of(), target, None, canvases)
    before = held.pixels.copy()
    place = held.pixels.ctypes.data
    other = render(Frame(1, 0.1, np.full((36, 64, 3), 200, np.uint8)), target, None, canvases)
    assert other.pixels.ctypes.data != place
    assert (held.pixels == before).all()
    del held
    again = render(frame_of(2), target, None, canvases)
    assert again.pixels.ctypes.data == place
    assert render(frame_of(3), Viewport(32, 18), None, canvases).pixels.shape == (18, 32, 4)


class Notices:
    def __init__(self):
        self.count = 0
        self.came = threading.Event()

    def __call__(self):
        self.count += 1
        self.came.set()


@pytest.fixture
def presenter():
    notices = Notices()
    made = Presenter(notices)
    made.start()
    yield made, notices
    made.close()
    assert made.join(2)


def test_pictures_nobody_took_are_replaced_without_a_second_notice(presenter):
    made, notices = presenter
    for index in range(20):
        made.show(frame_of(index))
    assert notices.came.wait(5)
    made.close()
    assert made.join(5)
    assert notices.count == 1
    assert made.pictures.take().frame.index <= 19


def test_another_size_renders_the_shown_frame_once_more(presenter):
    made, notices = presenter
    made.aim(Viewport(64, 36))
    made.show(frame_of(7))
    assert notices.came.wait(5)
    made.pictures.take()
    notices.came.clear()
    made.aim(Viewport(32, 18))
    assert notices.came.wait(5)
    picture = made.pictures.take()
    assert picture.frame.index == 7
    assert picture.pixels.shape[:2] == (18, 32)


def test_the_same_size_again_renders_nothing(presenter):
    made, notices = presenter
    made.show(frame_of(1))
    assert notices.came.wait(5)
    made.pictures.take()
    notices.came.clear()
    made.aim(Viewport())
    assert not notices.came.wait(0.1)


def test_the_age_of_a_frame_counts_from_its_arrival_and_is_forgotten_in_time():
    now = [10.0]
    captured = CaptureTimes(clock=lambda: now[0], keep=2)
    captured.note(0)
    now[0] = 10.05
    assert captured.age_ms(0) == pytest.approx(50)
    captured.note(1)
    captured.note(2)
    assert captured.age_ms(0) is None
