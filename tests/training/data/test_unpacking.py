"""Archives and arrays that claim more than they are, or are damaged."""

import io
import zipfile

import numpy as np
import pytest

from engine.errors import SourceError
from training.data import unpacking
from training.data.files import open_files
from training.data.unpacking import (
    HARMLESS,
    TIMES_MAX,
    UNPACKED_MAX,
    array_in,
    arrays_in,
    check_unpacked,
)

MIB = 2**20


@pytest.mark.parametrize(
    ("packed", "unpacked"),
    [(1, HARMLESS), (MIB, TIMES_MAX * MIB), (UNPACKED_MAX, UNPACKED_MAX), (0, 0)],
)
def test_what_is_allowed_passes(packed, unpacked):
    check_unpacked("a.zip", packed, unpacked)


@pytest.mark.parametrize(
    ("packed", "unpacked"),
    [(0, HARMLESS + 1), (MIB, TIMES_MAX * MIB + 1), (UNPACKED_MAX, UNPACKED_MAX + 1)],
)
def test_more_is_refused_with_what_allows_it(packed, unpacked):
    says = r"^a\.zip: would unpack to \d+ MiB, over 4 GiB or 100 times its size; .* the folder$"
    with pytest.raises(SourceError, match=says):
        check_unpacked("a.zip", packed, unpacked)


def packed(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    file.seek(0)
    return file


def test_arrays_are_read_from_file_and_path(tmp_path):
    (tmp_path / "a.npz").write_bytes(packed(a=np.arange(3), b=np.ones(2)).getvalue())
    for file in (tmp_path / "a.npz", packed(a=np.arange(3), b=np.ones(2))):
        arrays = arrays_in(file, "a.npz")
        assert {name: array.tolist() for name, array in arrays.items()} == {
            "a": [0, 1, 2],
            "b": [1.0, 1.0],
        }


def test_arrays_that_unpack_to_far_more_are_refused(monkeypatch):
    monkeypatch.setattr(unpacking, "HARMLESS", 1000)
    with pytest.raises(SourceError, match=r"a\.npz: would unpack"):
        arrays_in(packed(a=np.zeros(10**7, np.uint8)), "a.npz")


def test_a_member_of_a_zip_that_unpacks_to_far_more_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "d.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("big.csv", bytes(HARMLESS + 1))
        zipped.writestr("small.csv", b"a")
    files = open_files(tmp_path / "d.zip")
    assert files.read("small.csv") == b"a"
    with pytest.raises(SourceError, match=r"d\.zip/big\.csv: would unpack to 64 MiB"):
        files.read("big.csv")


def array_bytes(shape="(3,)", kind="<f4", body=b"0" * 12):
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (63 - (10 + len(head)) % 64 + 1 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + body


DAMAGED = {
    "empty": b"",
    "text": b"no array",
    "cut": array_bytes()[:-1],
    "cut head": array_bytes()[:30],
    "huge": array_bytes("(10**15,)".replace("10**15", str(10**15))),
    "overflow": array_bytes(f"({2**62}, {2**62})"),
    "negative": array_bytes("(-5,)"),
    "objects": array_bytes(kind="|O"),
    "kind": array_bytes(kind="<q77"),
    "shape": array_bytes("'x'"),
    "open": array_bytes("(3,"),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
@pytest.mark.parametrize("mapped", [False, True])
def test_a_damaged_array_is_one_line(content, mapped, tmp_path):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(SourceError, match=r"^a\.npy: cannot be read: .+$"):
        array_in(tmp_path / "a.npy", "a.npy", mapped=mapped)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as zipped:
        zipped.writestr("a.npy", content)
    with pytest.raises(SourceError, match=r"^a\.npz: cannot be read: .+$"):
        arrays_in(tmp_path / "a.npz", "a.npz")


def test_a_damaged_archive_is_one_line():
    whole = packed(a=np.arange(1000)).getvalue()
    for end in (0, 1, 50, len(whole) // 2, len(whole) - 1):
        with pytest.raises(SourceError, match=r"^a\.npz: cannot be read: .+$"):
            arrays_in(io.BytesIO(whole[:end]), "a.npz")
    rng, refused = np.random.default_rng(0), []
    for _ in range(300):
        broken = bytearray(whole)
        broken[rng.integers(len(broken))] ^= 1 << rng.integers(8)
        try:
            arrays_in(io.BytesIO(bytes(broken)), "a.npz")
        except SourceError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all("\n" not in line for line in refused)
