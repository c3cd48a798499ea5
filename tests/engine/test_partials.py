"""What killed runs leave behind, and what only looks like it."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import engine.partials
from engine.errors import FerError
from engine.files import folder_beside, staged, write_text, written, written_folder
from engine.partials import AGE_S, LOCK, Partial, is_being_written, sweep
from engine.signals import UNFINISHED

ROOT = Path(__file__).parents[2]
BEGIN = """
import sys, time
from pathlib import Path
import engine.files
with getattr(engine.files, sys.argv[1])(Path(sys.argv[2])) as place:
    if place.is_dir():
        (place / "inside").write_text("half")
    else:
        place.write_text("half")
    print("begun", flush=True)
    time.sleep(60)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def begun(tmp_path):
    """Give `begun(writer, name)`: a process that is in the midst of writing."""
    processes = []

    def begin(writer, name):
        process = subprocess.Popen(
            [sys.executable, "-c", BEGIN, writer, str(tmp_path / name)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        processes.append(process)
        assert process.stdout.readline() == b"begun\n"
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def left(tmp_path):
    """Give `left(host)`: what a killed run of a host left, with a file in it."""

    def make(host="", name=".a.{}-0123456789abcdef.partial", lock=LOCK):
        folder = tmp_path / name.format(host or engine.partials._host())
        folder.mkdir()
        (folder / "a.mp4").write_text("half")
        if lock:
            (folder / lock).touch()
        return folder

    return make


def grow_old(folder, age_s):
    then = time.time() - age_s
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (then, then))


@pytest.mark.parametrize("writer", ["written", "written_folder", "folder_beside", "staged"])
def test_next_write_removes_what_a_kill_left_and_only_that(tmp_path, begun, writer):
    dead, alive = begun(writer, "a.npz"), begun(writer, "b.npz")
    assert len(names(tmp_path)) == 2
    dead.kill()
    dead.wait()
    write_text(tmp_path / "c.md", "text")
    (living, other) = names(tmp_path)
    assert (living[:3], other) == (".b.", "c.md")
    alive.kill()
    alive.wait()
    write_text(tmp_path / "c.md", "text")
    assert names(tmp_path) == ["c.md"]


@pytest.mark.skipif(os.name != "posix", reason="the system has no kill -9")
def test_stopped_run_is_alive(tmp_path, begun):
    begun("written", "a.npz").send_signal(signal.SIGSTOP)
    write_text(tmp_path / "c.md", "text")
    assert len(names(tmp_path)) == 2


def test_own_is_removed_at_once_and_of_others_what_is_seven_days_old(tmp_path, left):
    own, fresh, old = left(), left("0" * 8), left("1" * 8)
    grow_old(fresh, AGE_S - 60)
    grow_old(old, AGE_S + 60)
    write_text(tmp_path / "c.md", "text")
    assert (own.exists(), fresh.exists(), old.exists()) == (False, True, False)


def test_run_of_another_host_that_still_writes_is_no_leftover(tmp_path, left):
    busy = left("0" * 8)
    grow_old(busy, AGE_S + 60)
    (busy / "a.mp4").write_text("half and more")
    write_text(tmp_path / "c.md", "text")
    assert (busy / "a.mp4").exists()


def test_clock_of_this_host_decides_nothing(tmp_path, left, monkeypatch):
    fresh = left("0" * 8)
    now_s = time.time()
    monkeypatch.setattr(time, "time", lambda: now_s + 2 * AGE_S)
    write_text(tmp_path / "c.md", "text")
    assert fresh.exists()


@pytest.mark.parametrize("age_s", [60, AGE_S + 60])
def test_without_locks_own_leftovers_wait_seven_days_too(tmp_path, left, monkeypatch, age_s):
    own = left()
    grow_old(own, age_s)

    def refuse(_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(engine.partials, "_lock", refuse)
    write_text(tmp_path / "c.md", "text")
    assert own.exists() == (age_s < AGE_S)
    assert (tmp_path / "c.md").read_text() == "text"


ALIKE = {
    "no lock": {"lock": ""},
    "another lock": {"lock": "lock"},
    "short secret": {"name": ".a.{}-0123456789abcde.partial"},
    "not hidden": {"name": "a.{}-0123456789abcdef.partial"},
    "with an ending": {"name": ".a.{}-0123456789abcdef.partial.mp4"},
    "old name": {"name": ".a.0123456789abcdef.partial.mp4"},
}


@pytest.mark.parametrize("alike", ALIKE.values(), ids=ALIKE)
def test_what_merely_looks_alike_is_never_removed(tmp_path, left, alike):
    folder = left(**alike)
    grow_old(folder, AGE_S + 60)
    write_text(tmp_path / "c.md", "text")
    assert (folder / "a.mp4").read_text() == "half"


@pytest.mark.parametrize("host", ["", "0" * 8])
def test_file_that_is_named_as_a_partial_is_never_removed(tmp_path, host):
    file = tmp_path / f".a.{host or engine.partials._host()}-0123456789abcdef.partial"
    file.write_text("theirs")
    os.utime(file, (0, 0))
    write_text(tmp_path / "c.md", "text")
    assert file.read_text() == "theirs"


def test_links_are_neither_followed_nor_removed(tmp_path, left):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "film.mp4").write_text("film")
    (theirs / LOCK).touch()
    grow_old(theirs, AGE_S + 60)
    link = tmp_path / f".a.{engine.partials._host()}-0123456789abcdef.partial"
    link.symlink_to(theirs, target_is_directory=True)
    inside = left(name=".b.{}-0123456789abcdef.partial")
    (inside / "more").symlink_to(theirs, target_is_directory=True)
    (inside / "film.mp4").symlink_to(theirs / "film.mp4")
    locked = left(name=".c.{}-0123456789abcdef.partial", lock="")
    (locked / LOCK).symlink_to(theirs / LOCK)
    write_text(tmp_path / "c.md", "text")
    assert link.is_symlink()
    assert names(theirs) == ["fer-live.lock", "film.mp4"]
    assert not inside.exists()  # it is ours, and goes without what it points at
    assert (locked / "a.mp4").exists()


def test_first_moment_of_a_killed_run_is_removed_too(tmp_path):
    (tmp_path / f".a.{engine.partials._host()}-0123456789abcdef.partial").mkdir()
    write_text(tmp_path / "c.md", "text")
    assert names(tmp_path) == ["c.md"]


def test_what_a_sweep_takes_in_its_first_moment_is_made_again(tmp_path, monkeypatch):
    """Between making the folder, its lock and holding it, another run may look at it."""
    makes, locks = [], []
    make, lock = engine.partials._make_lock, engine.partials._lock

    def swept_before(path):
        makes.append(path)
        if len(makes) == 1:
            sweep(tmp_path)
        return make(path)

    def swept_between(file):
        locks.append(file)
        if len(locks) == 1:
            monkeypatch.setattr(engine.partials, "_lock", lock)
            sweep(tmp_path)
            monkeypatch.setattr(engine.partials, "_lock", swept_between)
        lock(file)

    monkeypatch.setattr(engine.partials, "_make_lock", swept_before)
    monkeypatch.setattr(engine.partials, "_lock", swept_between)
    partial = Partial(tmp_path / "a.mp4")
    assert len(makes) == 3
    assert (partial.folder / LOCK).exists()
    partial.discard()
    assert names(tmp_path) == []


def test_what_a_sweep_takes_and_has_not_removed_yet_is_left_to_it(tmp_path, monkeypatch):
    make, removing = engine.partials._make_lock, []

    def taken(path):
        if removing:
            return make(path)
        removing.append(threading.Timer(0.15, shutil.rmtree, (path.parent, True)))
        removing[0].start()
        return None

    monkeypatch.setattr(engine.partials, "_make_lock", taken)
    write_text(tmp_path / "a.md", "a")
    removing[0].join()
    assert (tmp_path / "a.md").read_text() == "a"
    assert names(tmp_path) == ["a.md"]


def test_many_that_write_and_sweep_at_once_lose_nothing(tmp_path):
    wrong = []

    def work(number):
        for turn in range(20):
            try:
                write_text(tmp_path / f"{number}-{turn}.md", str(number))
            except (OSError, FerError) as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(names(tmp_path)) == 160


def test_a_file_is_being_written_only_while_its_run_lives(tmp_path, begun, left):
    path = tmp_path / "a.mp4"
    assert not is_being_written(path)
    left()
    assert not is_being_written(path)
    process = begun("written", "a.mp4")
    assert is_being_written(path)
    assert not is_being_written(tmp_path / "b.mp4")
    process.kill()
    process.wait()
    assert not is_being_written(path)


def test_nothing_is_remembered_once_it_is_done(tmp_path):
    before = dict(UNFINISHED)
    held = Path("/proc/self/fd")
    handles = len(list(held.iterdir())) if held.is_dir() else 0
    for writer in (written, written_folder, folder_beside):
        with writer(tmp_path / writer.__name__):
            assert len(UNFINISHED) == len(before) + 1
    with staged(tmp_path / "staged") as place:
        place.touch()
    with pytest.raises(ValueError, match="broken"), written(tmp_path / "a"):
        raise ValueError("broken")
    assert before == UNFINISHED
    assert not handles or len(list(held.iterdir())) == handles


def test_name_tells_nobody_which_host_it_was(tmp_path):
    import socket

    partial = Partial(tmp_path / "a.mp4")
    name = partial.folder.name
    partial.discard()
    partial.discard()
    assert socket.gethostname() not in name
    assert re.fullmatch(r"\.a\.[0-9a-f]{8}-[0-9a-f]{16}\.partial", name)


@pytest.mark.parametrize(
    "name", [b"\xe9t\xe9.mp4", b"\xe9" * 250 + b".mp4", "é".encode() * 120 + b".mp4"]
)
def test_name_that_is_no_text_or_long_has_a_place_beside_it(tmp_path, name):
    target = tmp_path / os.fsdecode(name)
    partial = Partial(target)
    partial.path.write_text("x")
    assert is_being_written(target)
    assert len(os.fsencode(partial.folder.name)) <= 255
    stem = os.fsencode(target.stem)
    assert os.fsencode(partial.folder.name)[1:].startswith(stem[:200])
    partial.discard()
    assert list(tmp_path.iterdir()) == []
