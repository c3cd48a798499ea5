"""Fixtures that every test may use."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden instead of comparing"
    )


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> Iterator[None]:
    """Fail the test whose thread is still running; pools of libraries are not threading's."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(2.0)
    late = [thread.name for thread in left if thread.is_alive()]
    assert not late, f"threads left running: {', '.join(late)}"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, bytes], bytes]:
    """Give `golden(name, actual)`: the bytes that `actual` has to match."""
    folder = Path(__file__).parent / "golden"

    def wanted(name: str, actual: bytes) -> bytes:
        path = folder / name
        if request.config.getoption("--update-golden"):
            folder.mkdir(exist_ok=True)
            path.write_bytes(actual)
        assert path.exists(), f"{path.name}: not there; make it with --update-golden"
        return path.read_bytes()

    return wanted
