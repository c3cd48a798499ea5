"""`python -m export.reading.head [--data DIR] [--cache DIR]`: the head that poses are read by.

Fits the points of `engine.faces.pose` to a teacher's landmarks and turns of nine people in ten, and
says how poses from the shipped landmark network compare with the teacher's on the others.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.analyze import AnalyzerConfig, open_config_landmarker
from engine.command import Parser, add_data_options, run_command
from engine.faces.alignment import align
from engine.faces.landmarker import Landmarker
from engine.faces.landmarks import EYE_CORNERS, MIRROR, NOSE_TIP, five_points
from engine.faces.pose import POINTS, pose_of
from training.data.packs import (
    TeacherLabels,
    is_held_out,
    pack_folder,
    person_of,
    read_image,
)

PACKS: Final = ("scenes", "faces_wild")
FITTED: Final = 1500  # faces of a pack
COMPARED: Final = 500
YAW_MAX: Final = 45.0  # degrees; beyond, the teacher is unsure
PITCH_MAX: Final = 25.0
ROUNDS: Final = 30
EYES_MM: Final = 90.0
FLATTER: Final = 0.92  # times the depths: the pitch is then 0.93 of the teacher's and not 0.86

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """Faces of a pack as a teacher sees them.

    Attributes:
        paths: Of the pictures.
        landmarks: (N, 68, 2), pixels.
        turns: (N, 3) degrees: yaw, pitch, roll, signs as in `engine.faces.pose.Pose`.
        left_out: (N,) bool, of the people that nothing is fitted on.
    """

    paths: Sequence[Path]
    landmarks: Numbers
    turns: Numbers
    left_out: NDArray[np.bool_]


def taught(pack: str, data: Path, cache: Path) -> Taught:
    """Read a pack.

    Raises:
        SourceError: It is missing or damaged.
    """
    place = pack_folder(data, "teacher_labels", cache) / f"landmarks_{pack}.npz"
    teacher, folder = TeacherLabels(str(place), place), pack_folder(data, pack, cache)
    turns = teacher["yaw_pitch_roll"].astype(np.float64) * [1, -1, 1]
    fine = np.flatnonzero(
        teacher.trusted() & (np.abs(turns[:, 0]) <= YAW_MAX) & (np.abs(turns[:, 1]) <= PITCH_MAX)
    )
    every = teacher.names
    names = [every[row] for row in fine]
    return Taught(
        [folder / name for name in names],
        np.asarray(teacher.points[fine] * teacher["size"][fine, None] - 0.5, np.float64),
        turns[fine],
        np.array([is_held_out(person_of(name)) for name in names]),
    )


def head_of(landmarks: Numbers, turns: Numbers) -> Numbers:
    """Find the head (68, 3), millimetres, that best explains landmarks seen at known turns.

    Source: scaled orthographic projection; head, sizes and places in turn by least squares.
    """
    rows = np.stack([_rotation(turn)[:2] for turn in turns])
    middle = landmarks.mean(axis=1, keepdims=True)
    head = np.concatenate([(landmarks - middle).mean(axis=0), np.zeros((68, 1))], axis=1)
    normal = np.linalg.inv(np.einsum("nij,nik->jk", rows, rows))
    for _ in range(ROUNDS):
        seen = np.einsum("nij,kj->nki", rows, head)
        centred = seen - seen.mean(axis=1, keepdims=True)
        sizes = (centred * (landmarks - middle)).sum((1, 2)) / (centred**2).sum((1, 2))
        sizes = sizes[:, None, None]
        rest = (landmarks - middle) / sizes + seen.mean(axis=1, keepdims=True)
        head = np.einsum("nij,nki->kj", rows, rest) @ normal
        head -= head[NOSE_TIP]
        head *= EYES_MM / np.linalg.norm(head[EYE_CORNERS[1]] - head[EYE_CORNERS[0]])
    return np.asarray((head + head[MIRROR] * [-1, 1, 1]) / 2 * [1, 1, FLATTER], np.float64)


def _rotation(turn: Numbers) -> Numbers:
    yaw, pitch, roll = np.radians(turn * [-1, 1, 1])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    )
    about_z = np.array(
        [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    )
    return np.asarray(about_z @ about_y @ about_x, np.float64)


def compared(
    faces: Taught, rows: NDArray[np.intp], landmarker: Landmarker
) -> tuple[Numbers, Numbers]:
    """Give the teacher's yaw and pitch (N, 2) and ours, from the landmark network's points."""
    theirs, ours = [], []
    for row in rows:
        image = read_image(faces.paths[row])
        points = faces.landmarks[row].astype(np.float32)
        for _ in range(2):
            (seen,) = landmarker.locate([align(image, five_points(points))])
            points = seen.landmarks
        pose = pose_of(points)
        if pose is not None:
            theirs.append(faces.turns[row, :2])
            ours.append((pose.yaw_deg, pose.pitch_deg))
    return np.array(theirs), np.array(ours)


def _line(name: str, theirs: Numbers, ours: Numbers) -> str:
    slope = float(np.polyfit(theirs, ours, 1)[0])
    alike = float(np.corrcoef(theirs, ours)[0, 1])
    return f"{name}: {len(ours)} faces, slope {slope:.2f}, r {alike:.3f}"


def _chosen(mask: NDArray[np.bool_], turns: Numbers, count: int) -> NDArray[np.intp]:
    """Take faces, turned ones first for a half of them."""
    rows = np.flatnonzero(mask)
    order = rows[np.argsort(-np.abs(turns[rows] / [YAW_MAX, PITCH_MAX, np.inf]).max(axis=1))]
    rest = order[count // 2 :]
    return np.concatenate([order[: count // 2], rest[:: max(1, 2 * len(rest) // count)]])


def main(argv: Sequence[str] | None = None) -> int:
    """Print the head and the comparison; return the exit code."""
    return run_command("head", _run, argv, extra="train")


def _run(argv: Sequence[str]) -> None:
    parse = Parser(prog="python -m export.reading.head", description=__doc__)
    add_data_options(parse)
    options: argparse.Namespace = parse.parse_args(argv)
    packs = [taught(name, options.data, options.cache) for name in PACKS]
    chosen = [_chosen(~faces.left_out, faces.turns, FITTED) for faces in packs]
    head = head_of(
        np.concatenate([faces.landmarks[rows] for faces, rows in zip(packs, chosen, strict=True)]),
        np.concatenate([faces.turns[rows] for faces, rows in zip(packs, chosen, strict=True)]),
    )
    for point in POINTS:
        print(point, [round(float(value), 1) for value in head[point]])
    landmarker = open_config_landmarker(AnalyzerConfig(threads=1))
    for what, left_out in (("people fitted on", False), ("people left out", True)):
        said: list[tuple[Numbers, Numbers]] = []
        for faces in packs:
            rows = _chosen(faces.left_out == left_out, faces.turns, COMPARED)
            said.append(compared(faces, rows, landmarker))
        theirs, ours = (np.concatenate(each) for each in zip(*said, strict=True))
        print(_line(f"yaw, {what}", theirs[:, 0], ours[:, 0]))
        print(_line(f"pitch, {what}", theirs[:, 1], ours[:, 1]))
    landmarker.close()


if __name__ == "__main__":
    raise SystemExit(main())
