import threading

import pytest

from app.settings.speed import Speed
from app.window.settings.speed import Measurement
from engine.analyze import AnalyzerConfig
from engine.errors import ModelError

CONFIG = AnalyzerConfig()


def wait_until_stopped(_, stopped):
    wait = threading.Event()
    while not stopped():
        wait.wait(0.01)


def test_the_result_arrives_in_the_guis_thread(qtbot):
    where = []
    measurement = Measurement(CONFIG, lambda *_: Speed("cpu", 1, 2, 3))
    measurement.measured.connect(lambda _: where.append(threading.current_thread()))
    with qtbot.waitSignal(measurement.measured) as measured:
        measurement.start()
    assert measured.args == [Speed("cpu", 1, 2, 3)]
    assert where == [threading.main_thread()]
    assert measurement.join(2)


def test_stop_ends_it(qtbot):
    measurement = Measurement(CONFIG, wait_until_stopped)
    with qtbot.waitSignal(measurement.stopped):
        measurement.start()
        measurement.stop()
        measurement.stop()
    assert measurement.join(2)


@pytest.mark.parametrize(
    ("error", "message"),
    [(ModelError("model x: unknown"), "model x: unknown"), (KeyError("a"), "KeyError: 'a'")],
)
def test_an_error_becomes_a_message(qtbot, error, message):
    def fail(*_):
        raise error

    measurement = Measurement(CONFIG, fail)
    with qtbot.waitSignal(measurement.failed) as failed:
        measurement.start()
    assert failed.args == [message]
    assert measurement.join(2)
