import threading

import pytest
from PyQt6.QtCore import QCoreApplication, QThread

from app.live.presentation import Viewport
from app.sources.choice import Choice
from app.window.runner import Runner
from app.window.worker import Worker
from engine.analyze import AnalyzerConfig
from engine.errors import ModelError, SourceError

CAMERA = Choice(kind="camera", name="0")


@pytest.fixture
def kept():
    return []


@pytest.fixture
def runner(qtbot, fake_engine, kept):
    """A runner whose sources are those that a test puts into `opened`, in turn."""
    opened = []

    def open_next():
        made = opened.pop(0)
        if isinstance(made, Exception):
            raise made
        return made

    def make(choice, config, keep):
        options = {"lasting": choice.returns, "keep": keep, "pause_s": 0.01}
        return Worker(open_next, config, **options, **fake_engine)

    made = Runner(kept.append, make)
    made.opened_next = opened
    yield made
    assert made.close()


def test_pictures_and_analyses_arrive_in_the_windows_thread(qtbot, runner, fake_camera):
    runner.opened_next.append(fake_camera())
    threads = []
    runner.analysed.connect(lambda: threads.append(QThread.currentThread()))
    with qtbot.waitSignals([runner.frame_shown, runner.analysed, runner.ready, runner.opened]):
        runner.start(CAMERA, AnalyzerConfig())
    assert threads[0] is QCoreApplication.instance().thread()
    assert runner.worker.take_picture().frame.image.shape == (120, 160, 3)
    assert len(runner.worker.take_analysis().tracks) == 2
    assert runner.worker.device == "cpu"


def test_every_analysis_is_kept_on_the_workers_thread(qtbot, runner, fake_camera, kept):
    runner.opened_next.append(fake_camera())
    with qtbot.waitSignal(runner.analysed):
        runner.start(CAMERA, AnalyzerConfig())
    qtbot.waitUntil(lambda: len(kept) > 5)
    indices = [analysis.frame.index for analysis in kept]
    assert indices == sorted(set(indices))


def test_a_notice_comes_once_until_its_picture_is_taken(qtbot, runner, fake_camera, kept):
    runner.opened_next.append(fake_camera())
    notices = []
    runner.analysed.connect(lambda: notices.append(1))
    runner.start(CAMERA, AnalyzerConfig())
    qtbot.waitUntil(lambda: len(kept) > 20)
    assert len(notices) == 1
    runner.worker.take_analysis()
    qtbot.waitUntil(lambda: len(notices) == 2)


def test_an_unplugged_camera_is_told_of_and_taken_up_again(qtbot, runner, fake_camera, kept):
    first = fake_camera()
    runner.opened_next += [first, SourceError("camera 0: not there"), fake_camera()]
    with qtbot.waitSignal(runner.analysed):
        runner.start(CAMERA, AnalyzerConfig())
    worker = runner.worker
    with qtbot.waitSignal(runner.failed) as failed:
        first.unplug()
    assert failed.args == ["camera 0: lost; was it unplugged?", True]
    with qtbot.waitSignal(runner.opened):
        pass
    before = kept[-1].frame.index
    qtbot.waitUntil(lambda: kept[-1].frame.index > before + 3)
    assert runner.worker is worker  # the same networks and identities


def test_a_file_that_cannot_be_read_is_an_error(qtbot, runner):
    runner.opened_next.append(SourceError("clip.mp4: no frame can be decoded"))
    with qtbot.waitSignal(runner.failed) as failed:
        runner.start(Choice(kind="file", name="clip.mp4"), AnalyzerConfig())
    assert failed.args == ["clip.mp4: no frame can be decoded", False]


def test_a_model_that_does_not_load_is_an_error(qtbot, fake_camera, fake_engine):
    def broken(_):
        raise ModelError("device cuda: this build of ONNX Runtime lacks it")

    makers = {**fake_engine, "make_reader": broken}
    made = Runner(lambda _: None, lambda c, config, k: Worker(fake_camera, config, **makers))
    with qtbot.waitSignal(made.failed) as failed:
        made.start(CAMERA, AnalyzerConfig())
    assert failed.args[0].startswith("device cuda")
    assert made.close()


def test_another_source_silences_the_one_before(qtbot, runner, fake_camera):
    runner.opened_next += [fake_camera(), fake_camera(name="camera 1")]
    with qtbot.waitSignal(runner.analysed):
        runner.start(CAMERA, AnalyzerConfig())
    first = runner.worker
    with qtbot.waitSignal(runner.opened):
        runner.start(Choice(kind="camera", name="1"), AnalyzerConfig())
    assert runner.worker is not first
    assert runner.worker.info.name == "camera 1"


def test_the_windows_size_reaches_sources_to_come(qtbot, runner, fake_camera):
    runner.aim(Viewport(80, 60))
    runner.opened_next.append(fake_camera())
    with qtbot.waitSignal(runner.frame_shown):
        runner.start(CAMERA, AnalyzerConfig())
    assert runner.worker.take_picture().pixels.shape[:2] == (60, 80)


def test_a_camera_that_hangs_while_opening_does_not_hold_up_closing(qtbot, fake_engine):
    hangs, opening = threading.Event(), threading.Event()

    def hang():
        opening.set()
        hangs.wait(20)
        raise SourceError("camera 0: gone")

    made = Runner(
        lambda _: None, lambda c, config, k: Worker(hang, config, lasting=True, **fake_engine)
    )
    made.start(CAMERA, AnalyzerConfig())
    assert opening.wait(5)
    assert made.close()  # within its limit, though the camera still hangs
    hangs.set()


def test_stopping_twice_does_no_harm(qtbot, runner, fake_camera):
    runner.opened_next.append(fake_camera())
    with qtbot.waitSignal(runner.analysed):
        runner.start(CAMERA, AnalyzerConfig())
    runner.stop()
    runner.stop()
    assert runner.worker is None
