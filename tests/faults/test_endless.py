"""Files whose reading never ends are refused at once by whatever reads strangers' files."""

import hashlib
import json
import os
import signal
from pathlib import Path

import pytest

from app.session.folder import read_about
from app.session.records import read_records
from app.session.review import open_review
from engine.documents import open_ordinary, read_json, read_toml
from engine.errors import ConfigError, FerError
from engine.networks.manifest import load_manifest
from engine.video.opening import open_source
from engine.video.stills import read_still
from training.data.packs import read_image
from training.weights import file_digest, is_checkpoint

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs such files")

LIMIT_S = 5


@pytest.fixture(autouse=True)
def no_hang():
    """End what waits; it shows where."""

    def late(number, frame):
        raise TimeoutError("waits for a file that never ends")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def kmsg(path):
    """What calls itself ordinary and empty, and is neither."""
    path.symlink_to("/proc/kmsg")


def zero(path):
    path.symlink_to("/dev/zero")


def terminal(path):
    path.symlink_to("/dev/tty")


MADE = {"kmsg": kmsg, "zero": zero, "terminal": terminal, "pipe": os.mkfifo}


def about(path):
    (path.parent / "session.json").symlink_to(path.name)
    return read_about(path.parent)


def review(path):
    session = {"format": 1, "state": "finished", "files": {"records": path.name}}
    (path.parent / "session.json").write_text(json.dumps(session))
    return open_review(path.parent)


def network(path):
    facts = {"name": "x", "kind": "landmarks", "sha256": "0" * 64}
    path.with_suffix(".json").write_text(json.dumps(facts))
    return load_manifest(path)


READERS = {
    "video": ("a.mp4", lambda path: open_source(str(path))),
    "picture": ("a.jpg", lambda path: open_source(str(path))),
    "pictures": ("a.jpg", lambda path: open_source(str(path.parent))),
    "still": ("a.heic", read_still),
    "JSON": ("a.json", lambda path: read_json(path, ConfigError)),
    "session": ("other.json", about),
    "review": ("records.csv", review),
    "table": ("rows.csv", read_records),
    "parquet": ("rows.parquet", read_records),
    "network": ("a.onnx", network),
    "manifest": ("a.json", lambda path: load_manifest(path.with_suffix(".onnx"))),
    "training picture": ("a.png", read_image),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
@pytest.mark.parametrize(("name", "read"), READERS.values(), ids=READERS)
def test_reader_refuses_what_never_ends(tmp_path, name, read, make):
    folder = tmp_path / "stranger"
    folder.mkdir()
    make(folder / name)
    if read is READERS["manifest"][1]:
        (folder / "a.onnx").write_bytes(b"x")
    with pytest.raises(FerError) as refused:
        read(folder / name)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("make", [kmsg, os.mkfifo])
def test_settings_that_never_end_are_empty(tmp_path, make):
    make(tmp_path / "a.toml")
    assert read_toml(tmp_path / "a.toml", ConfigError) == {}


def test_rows_that_never_end_are_none(tmp_path):
    kmsg(tmp_path / "a.jsonl")
    assert len(read_records(tmp_path / "a.jsonl")[0]) == 0


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_weights_that_never_end_are_none(tmp_path, make):
    make(tmp_path / "weights")
    assert not is_checkpoint(tmp_path / "weights")
    if make in (zero, terminal):
        with pytest.raises(FerError, match="cannot be read: "):
            file_digest(tmp_path / "weights")
    else:
        assert file_digest(tmp_path / "weights") == hashlib.sha256().hexdigest()


def test_linked_description_of_a_recording_is_a_link_out_of_its_folder(tmp_path):
    (tmp_path / "session.json").symlink_to("/proc/kmsg")
    with pytest.raises(FerError, match=r"session\.json: is a link that leads out of the folder"):
        read_about(tmp_path)


def test_pipe_of_a_shell_is_read(tmp_path):
    """As ``fer-train <(...)`` gives it: somebody writes, though not yet."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    ours = os.open(path, os.O_RDWR)
    try:
        with open_ordinary(path) as file:
            os.write(ours, b"a = 1")
            assert file.read(5) == b"a = 1"
    finally:
        os.close(ours)


def test_ordinary_file_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"some")
    with open_ordinary(tmp_path / "a") as file:
        assert file.read() == b"some"
    with open_ordinary(Path(__file__)) as file:
        assert file.seekable()
