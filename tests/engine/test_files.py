"""Files and folders that are whole or not there."""

import errno
import os
import stat
from pathlib import Path

import pytest

import engine.partials
from engine.errors import SinkError
from engine.files import (
    PartialFile,
    folder_beside,
    open_target,
    staged,
    write_text,
    written,
    written_folder,
)


def test_text_replaces_the_old_one_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "a.md"
    write_text(path, "old")
    write_text(path, "new ±\n")
    assert path.read_text(encoding="utf-8") == "new ±\n"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_is_made_for_what_goes_into_it(tmp_path):
    write_text(tmp_path / "one" / "two" / "a.md", "text")
    assert (tmp_path / "one" / "two" / "a.md").read_text() == "text"


@pytest.mark.parametrize("name", ["file/a.npy", "file/one/a.npy", "folder.npy"])
def test_what_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "folder.npy" / "b").write_text("kept")
    with pytest.raises(SinkError, match=rf"{name}: cannot be written: \w+[\w ]*$"):
        write_text(tmp_path / name, "text")
    assert (tmp_path / "file").read_text() == "in the way"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["b", "file", "folder.npy"]


def break_off(place, begin, error):
    with place as partial:
        begin(partial)
        raise error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), SinkError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_failed_writing_leaves_the_old_file_and_nothing_beside(tmp_path, error, told):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(told):
        break_off(written(path), lambda partial: partial.write_bytes(b"ha"), error)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_failed_folder_leaves_nothing(tmp_path):
    folder = written_folder(tmp_path / "a")
    with pytest.raises(ValueError, match="broken"):
        break_off(folder, lambda partial: (partial / "b").touch(), ValueError("broken"))
    assert list(tmp_path.iterdir()) == []


def test_two_that_write_at_once_have_a_place_each_and_the_last_file_stays(tmp_path):
    path = tmp_path / "a.json"
    with written(path) as first:
        first.write_text("first")
        with written(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
        assert first.read_text() == "first"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_that_write_a_folder_at_once_the_first_stays(tmp_path):
    path = tmp_path / "a"
    with written_folder(path) as slow:
        (slow / "b").write_text("slow")
        with written_folder(path) as fast:
            (fast / "b").write_text("fast")
    assert (path / "b").read_text() == "fast"
    assert list(tmp_path.iterdir()) == [path]


WRITERS = {
    "written": written,
    "written_folder": written_folder,
    "folder_beside": folder_beside,
    "staged": staged,
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize(
    "name", ["a" * 251 + ".npz", "é" * 125 + ".npz", "😀" * 62 + ".npz", "a." + "b" * 253]
)
def test_names_may_be_as_long_as_the_system_allows(tmp_path, writer, name):
    with writer(tmp_path / name) as place:
        beside = place if place.parent == tmp_path else place.parent
        assert len(os.fsencode(beside.name)) <= 255
        assert beside.parent == tmp_path
        assert beside.name.startswith(".")
        if writer is staged:
            place.touch()
    left = [path.name for path in tmp_path.iterdir()]
    assert left == ([] if writer is folder_beside else [name])


@pytest.mark.parametrize("name", ["a" * 252 + ".md", "é" * 126 + ".md"])
def test_partial_files_may_have_long_names_too(tmp_path, name):
    PartialFile(tmp_path / name, endings=[".md"], overwrite=False).write("text")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_temporary_names_keep_the_ending_and_cannot_be_guessed(tmp_path):
    with written(tmp_path / "a.npy") as one, written(tmp_path / "a.npy") as other:
        assert one.suffix == other.suffix == ".npy"
        assert one.parent != other.parent
        hidden = one.parent.name
        assert hidden.startswith(".a.")
        secret = hidden.removesuffix(".partial").rpartition("-")[2]
    assert len(secret) == 16
    assert int(secret, 16) >= 0


@pytest.fixture
def guessed(monkeypatch):
    """Let whoever may write to the folder know the name that comes next."""
    monkeypatch.setattr(engine.partials.secrets, "token_hex", lambda _: "guess")
    return engine.partials._name("a")


@pytest.mark.parametrize("plant", ["link", "loose link", "file"])
@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_text(path, "mine"),
        lambda path: PartialFile(path, endings=[".txt"], overwrite=True).write("mine"),
        lambda path: written_folder(path).__enter__(),
        lambda path: folder_beside(path).__enter__(),
    ],
    ids=["written", "PartialFile", "written_folder", "folder_beside"],
)
def test_what_lies_at_a_guessed_name_is_not_written_through(tmp_path, guessed, plant, write):
    victim = tmp_path / "victim"
    if plant != "loose link":
        victim.write_text("theirs")
    if plant == "file":
        victim.rename(tmp_path / guessed)
        victim = tmp_path / guessed
    else:
        (tmp_path / guessed).symlink_to(victim)
    with pytest.raises(SinkError, match=r"a\.txt: cannot be written: File exists"):
        write(tmp_path / "a.txt")
    assert not (tmp_path / "a.txt").exists()
    if plant == "loose link":
        assert not victim.exists()
    else:
        assert victim.read_text() == "theirs"


def test_growing_file_is_not_written_through_a_link(tmp_path):
    (tmp_path / "a.csv").symlink_to(tmp_path / "victim")
    with pytest.raises(SinkError, match=r"a\.csv: cannot be written: File exists"):
        open_target(tmp_path / "a.csv", endings=[".csv"], overwrite=False, growing=True)
    file = open_target(tmp_path / "a.csv", endings=[".csv"], overwrite=True, growing=True)
    file.path.write_text("rows")
    file.commit()
    assert [(path.name, path.is_symlink()) for path in tmp_path.iterdir()] == [("a.csv", False)]


def put(path, text, **how):
    file = open_target(path, endings=[".txt"], growing=False, **how)
    file.path.write_text(text)
    file.commit()


WHOLE = {
    "written": lambda path: write_text(path, "new"),
    "open_target": lambda path: put(path, "new", overwrite=True),
    "staged": lambda path: stage_text(path, "new"),
}


def stage_text(path, text):
    with staged(path) as place:
        place.write_text(text)


@pytest.mark.parametrize("write", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("kind", ["absolute", "relative", "chain", "dangling"])
def test_link_stays_and_what_it_points_at_is_written(tmp_path, write, kind):
    (tmp_path / "store").mkdir()
    store, name = tmp_path / "store" / "real.txt", tmp_path / "a.txt"
    if kind != "dangling":
        store.write_text("old")
    to = Path("store/real.txt") if kind == "relative" else store
    if kind == "chain":
        (tmp_path / "store" / "b.txt").symlink_to("real.txt")
        to = Path("store/b.txt")
    name.symlink_to(to)
    write(name)
    assert name.readlink() == to
    assert name.read_text() == store.read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 2
    assert len(list(store.parent.iterdir())) == (2 if kind == "chain" else 1)


def test_link_counts_as_what_it_points_at(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "a.txt").symlink_to("real")
    with pytest.raises(SinkError, match=r"a\.txt: exists already; use --overwrite"):
        put(tmp_path / "a.txt", "new", overwrite=False)
    put(tmp_path / "a.txt", "new", overwrite=True)  # the link's ending counts
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("write", WHOLE.values(), ids=WHOLE)
def test_links_that_lead_nowhere_are_one_line(tmp_path, write):
    (tmp_path / "a.txt").symlink_to("b.txt")
    (tmp_path / "b.txt").symlink_to("a.txt")
    with pytest.raises(SinkError, match=r"a\.txt: cannot be written: Too many levels"):
        write(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").is_symlink()
    assert len(list(tmp_path.iterdir())) == 2


def test_link_into_a_missing_folder_is_one_line(tmp_path):
    (tmp_path / "a.txt").symlink_to("gone/real.txt")
    with pytest.raises(SinkError, match=r"a\.txt: folder .*gone does not exist; create it first"):
        put(tmp_path / "a.txt", "new", overwrite=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no such pipes")
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_file_is_not_replaced(tmp_path, linked):
    pipe = tmp_path / ("pipe" if linked else "a.txt")
    os.mkfifo(pipe)
    if linked:
        (tmp_path / "a.txt").symlink_to(pipe)
    with pytest.raises(SinkError, match=r"a\.txt: is a device or a pipe; name a file"):
        put(tmp_path / "a.txt", "new", overwrite=True)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_other_names_of_a_file_keep_what_was_there(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "b.txt").hardlink_to(tmp_path / "a.txt")
    put(tmp_path / "a.txt", "new", overwrite=True)
    assert ((tmp_path / "a.txt").read_text(), (tmp_path / "b.txt").read_text()) == ("new", "old")


def test_second_run_onto_one_output_is_refused_while_the_first_lives(tmp_path):
    path = tmp_path / "a.txt"
    first = open_target(path, endings=[".txt"], overwrite=False, growing=False)
    for overwrite in (False, True):
        with pytest.raises(SinkError, match=r"a\.txt: another run is writing it; wait or choose"):
            put(path, "second", overwrite=overwrite)
    put(tmp_path / "b.txt", "other", overwrite=False)
    first.path.write_text("first")
    first.commit()
    assert path.read_text() == "first"
    put(path, "second", overwrite=True)
    assert path.read_text() == "second"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("links", [True, False], ids=["", "without hard links"])
def test_what_came_meanwhile_stays_and_so_does_what_was_made(tmp_path, monkeypatch, links):
    if not links:

        def refuse(*_):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "a.txt"
    file = open_target(path, endings=[".txt"], overwrite=False, growing=False)
    file.path.write_text("mine")
    path.write_text("theirs")
    (tmp_path / "a-2.txt").write_text("theirs too")
    with pytest.raises(SinkError, match=r"came there meanwhile; this one is .*a-3\.txt"):
        file.commit()
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {"a.txt": "theirs", "a-2.txt": "theirs too", "a-3.txt": "mine"}


def test_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    sync, replace, link = os.fsync, os.replace, os.link
    monkeypatch.setattr(os, "fsync", lambda file: (done.append("sync"), sync(file)))
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("move"), replace(*names)))
    monkeypatch.setattr(os, "link", lambda *names: (done.append("move"), link(*names)))
    write_text(tmp_path / "a.txt", "text")
    put(tmp_path / "b.txt", "text", overwrite=True)
    put(tmp_path / "c.txt", "text", overwrite=False)
    stage_text(tmp_path / "d.txt", "text")
    assert done == ["sync", "move"] * 4


@pytest.mark.parametrize(("number", "kept"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_file_system_without_sync_is_taken_and_a_broken_disk_is_not(
    tmp_path, monkeypatch, number, kept
):
    def fail(_):
        raise OSError(number, os.strerror(number))

    (tmp_path / "a.txt").write_text("old")
    monkeypatch.setattr(os, "fsync", fail)
    if kept:
        put(tmp_path / "a.txt", "new", overwrite=True)
    else:
        with pytest.raises(SinkError, match=r"a\.txt: cannot be written: Input/output error"):
            put(tmp_path / "a.txt", "new", overwrite=True)
    assert (tmp_path / "a.txt").read_text() == ("new" if kept else "old")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name != "posix", reason="other systems have other permissions")
def test_files_have_the_usual_permissions_unless_asked(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "usual", "")
        with written(tmp_path / "secret", mode=0o600), written_folder(tmp_path / "folder"):
            pass
        with folder_beside(tmp_path / "x") as beside:
            assert stat.S_IMODE(beside.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"usual": 0o640, "secret": 0o600, "folder": 0o750}


def stage(path, *, overwrite):
    with staged(path, overwrite=overwrite) as inside:
        inside.write_text("graph")
        inside.with_suffix(".json").write_text("manifest")


def test_staged_files_come_together_and_the_manifest_last(tmp_path, monkeypatch):
    moved, replace = [], Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda path, to: (moved.append(to.name), replace(path, to))
    )
    stage(tmp_path / "a.onnx", overwrite=False)
    assert moved == ["a.onnx", "a.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.onnx"]


def test_staging_replaces_nothing_but_its_like_unless_asked(tmp_path):
    (tmp_path / "a.json").write_text("theirs")
    with pytest.raises(SinkError, match=r"a\.json: exists already; use --overwrite"):
        stage(tmp_path / "a.onnx", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    stage(tmp_path / "a.onnx", overwrite=True)
    stage(tmp_path / "a.onnx", overwrite=False)  # the same bytes
    assert (tmp_path / "a.json").read_text() == "manifest"


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_what_replaces_a_file_is_no_more_open_than_it_was(tmp_path, mode):
    path = tmp_path / "rows.csv"
    path.write_text("old")
    path.chmod(mode)
    write_text(path, "new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)
    PartialFile(path, endings=[".csv"], overwrite=True).write("newer")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("newer", mode)


@pytest.mark.parametrize(
    "write",
    [
        write_text,
        lambda path, text: PartialFile(path, endings=[".txt"], overwrite=True).write(text),
    ],
)
def test_name_that_is_no_text_is_one_line_and_costs_nothing(tmp_path, write):
    """As the name of a file may be on Linux, in settings for one."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(SinkError, match=r"a\.txt: cannot be written: .*\\udce9.* is no text"):
        write(path, os.fsdecode(b"folder = '/films/\xe9t\xe9'"))
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"
