"""A dataset's files, in a folder or inside a zip that stays packed."""

import io
import os
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Set
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import SourceError
from engine.types import Image
from training.data.unpacking import DAMAGED, check_texts, check_unpacked, picture_in


class Files(ABC):
    """Files by their path from the dataset's top, with ``/`` on every system.

    Attributes:
        where: The folder or the zip.
    """

    def __init__(self, where: Path) -> None:
        self.where = where

    @abstractmethod
    def listed(self, folder: str) -> Set[str]:
        """Name the files directly in a folder; empty where there is no such folder."""

    @abstractmethod
    def folders(self, folder: str) -> list[str]:
        """Name the folders directly in a folder, sorted."""

    @abstractmethod
    def _bytes(self, name: str) -> bytes:
        """Give a file's content; KeyError or OSError where there is none."""

    def place(self, name: str) -> str:
        """Say where a file lies, for messages."""
        return f"{self.where.as_posix()}/{name}".rstrip("/")

    def has(self, name: str) -> bool:
        """Tell whether a file is there."""
        folder, _, file = name.rpartition("/")
        return file in self.listed(folder)

    def below(self, folder: str) -> list[str]:
        """Give the paths of all files in a folder and its folders, sorted."""
        lead = f"{folder}/" if folder else ""
        found = [lead + name for name in self.listed(folder)]
        for inner in self.folders(folder):
            found += self.below(lead + inner)
        return sorted(found)

    def read(self, name: str) -> bytes:
        """Give a file's content.

        Raises:
            SourceError: Missing, unreadable, or elsewhere.
        """
        if ".." in name.split("/"):
            raise SourceError(f"{self.place(name)}: leads out of the dataset")
        try:
            return self._bytes(name)
        except (KeyError, FileNotFoundError):
            raise SourceError(f"{self.place(name)}: missing; is the dataset complete?") from None
        except DAMAGED as error:
            raise SourceError(f"{self.place(name)}: cannot be read: {error}") from error

    def lines(self, name: str) -> list[str]:
        """Give a text file's lines without their ends.

        Raises:
            SourceError: Missing or not UTF-8.
        """
        try:
            return self.read(name).decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise SourceError(f"{self.place(name)}: expected UTF-8 text: {error}") from error

    def image(self, name: str) -> Image:
        """Give a picture as (H, W, 3) uint8, BGR.

        Raises:
            SourceError: Missing or not a picture.
        """
        return self._decoded(name, cv2.IMREAD_COLOR)

    def gray(self, name: str) -> NDArray[np.uint8]:
        """Give a picture as (H, W) uint8.

        Raises:
            SourceError: Missing or not a picture.
        """
        return self._decoded(name, cv2.IMREAD_GRAYSCALE)

    def _decoded(self, name: str, way: int) -> NDArray[np.uint8]:
        return picture_in(self.read(name), self.place(name), way)


class FolderFiles(Files):
    """Files of a folder; each folder is listed once."""

    def __init__(self, where: Path) -> None:
        super().__init__(where)
        self._known: dict[str, tuple[frozenset[str], list[str]]] = {}

    def _list(self, folder: str) -> tuple[frozenset[str], list[str]]:
        if folder not in self._known:
            path = self.where / folder
            entries = list(os.scandir(path)) if path.is_dir() else []
            files = frozenset(entry.name for entry in entries if entry.is_file())
            inner = sorted(entry.name for entry in entries if entry.is_dir())
            self._known[folder] = files, inner
        return self._known[folder]

    def listed(self, folder: str) -> Set[str]:
        """See `Files.listed`."""
        return self._list(folder)[0]

    def folders(self, folder: str) -> list[str]:
        """See `Files.folders`."""
        return self._list(folder)[1]

    def _bytes(self, name: str) -> bytes:
        return (self.where / name).read_bytes()


class ZipFiles(Files):
    """Files inside a zip."""

    def __init__(self, where: Path) -> None:
        super().__init__(where)
        self._open: dict[int, zipfile.ZipFile] = {}
        self._files: dict[str, set[str]] = {}
        self._folders: dict[str, set[str]] = {}
        for entry in self._zip().infolist():
            if entry.filename and not entry.is_dir():
                self._add(entry.filename)

    def _zip(self) -> zipfile.ZipFile:
        """Open the zip once per process: forked readers must not share a file position."""
        if os.getpid() not in self._open:
            try:
                self._open[os.getpid()] = zipfile.ZipFile(self.where)
            except DAMAGED as error:
                raise SourceError(f"{self.where}: not a readable zip: {error}") from error
        return self._open[os.getpid()]

    def _add(self, name: str) -> None:
        folder, _, file = name.rpartition("/")
        if folder and folder not in self._files:
            self._add_folder(folder)
        self._files.setdefault(folder, set()).add(file)

    def _add_folder(self, folder: str) -> None:
        outer, _, inner = folder.rpartition("/")
        self._folders.setdefault(outer, set()).add(inner)
        if outer:
            self._add_folder(outer)

    def listed(self, folder: str) -> Set[str]:
        """See `Files.listed`."""
        return self._files.get(folder, frozenset())

    def folders(self, folder: str) -> list[str]:
        """See `Files.folders`."""
        return sorted(self._folders.get(folder, ()))

    def _bytes(self, name: str) -> bytes:
        entry = self._zip().getinfo(name)
        check_unpacked(self.place(name), entry.compress_size, entry.file_size)
        return self._zip().read(entry)


def open_files(root: Path, name: str = "") -> Files:
    """Open a dataset.

    Args:
        root: Its folder or its zip; or a folder that holds ``name/`` or ``name.zip``.
        name: What to look for in `root`.

    Raises:
        SourceError: There is neither, or the zip is broken.
    """
    for path in (root / name, root / f"{name}.zip", root) if name else (root,):
        if path.is_dir():
            return FolderFiles(path)
        if path.is_file():
            return ZipFiles(path)
    raise SourceError(f"{root}: expected the dataset's folder or its zip, found neither")


def array_of(files: Files, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """Read a ``.npy`` file, never unpickling.

    Raises:
        SourceError: Missing, not an array, or an array of pickled objects.
    """
    try:
        array = np.asarray(np.load(io.BytesIO(files.read(name)), allow_pickle=False))
    except DAMAGED as error:
        raise SourceError(
            f"{files.place(name)}: expected a plain .npy array, not pickled objects: {error}"
        ) from error
    check_texts(array, files.place(name))
    return array
