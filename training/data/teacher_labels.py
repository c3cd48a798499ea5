"""Teacher labels for other pictures: 68 points and head pose of one face a picture.

The teacher is MediaPipe FaceMesh as mediapipe 0.10.21 carries it in its wheel; later releases
carry no models. That release needs numpy below 2 and Python 3.12 or older, hence an environment
of its own, from which this module runs in the checkout's root:

    python3.12 -m venv .venv-teacher
    .venv-teacher/bin/pip install mediapipe==0.10.21
    .venv-teacher/bin/python -m training.data.teacher_labels FOLDER --out labels.npz

The file has the arrays of the data packs' ``landmarks_*.npz``, as their README describes them,
without those that compare the teacher with something else. `training.data.faces` reads it.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.command import Parser, libraries, run_command
from engine.errors import ModelError, SinkError, SourceError
from engine.faces.landmarks import MIRROR
from engine.files import written
from engine.types import Floats, Image
from training.data.packs import read_image

log = logging.getLogger(__name__)

# Gives the mesh of every face: (V, 3), x y z in pixels, the picture's left and top edge at 0.
Teacher = Callable[[Image], list[Floats]]
Arrays = dict[str, NDArray[Any]]

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
TEACHER_SIDE: Final = 192  # pixels; input of the mesh network, smaller pictures are enlarged
ENLARGE_MAX: Final = 4
AVERAGE_MAX: Final = 0.12  # flip error above it: one of the two runs is wrong, no mean of them
FACES_MAX: Final = 4

# Mesh vertices whose mean is each of the 68 points. The usual table, but for points 2, 13 and
# 14, which were changed so that both sides mirror each other.
# fmt: off
MESH_TO_68: Final[tuple[tuple[int, ...], ...]] = (
    (127,), (234,), (93, 132), (132, 58), (58, 172), (136,), (150,), (176,), (152,),
    (400,), (379,), (365,), (397, 288), (361, 288), (323, 361), (454,), (356,),
    (70,), (63,), (105,), (66,), (107,), (336,), (296,), (334,), (293,), (300,),
    (168, 6), (197, 195), (5,), (4,), (75,), (97,), (2,), (326,), (305,),
    (33,), (160,), (158,), (133,), (153,), (144,), (362,), (385,), (387,), (263,), (373,), (380,),
    (61,), (39,), (37,), (0,), (267,), (269,), (291,), (321,), (314,), (17,), (84,), (91,),
    (78,), (82,), (13,), (312,), (308,), (317,), (14,), (87,),
)
# fmt: on

# The 68 points of a face that looks straight ahead, x right, y down, z away from the camera,
# in thousandths of the face size: median over 1,498 pictures of faces_wild, each turned back
# by the pack's head pose, made left-right symmetric. Poses fitted to it differ from the pack's
# by 0.2 degrees yaw, 0.5 pitch and 0.2 roll (medians), which were fitted to the whole mesh.
STRAIGHT: Final[Floats] = np.fromstring(
    (
        "-512 -223 394 -509 -118 421 -497 43 407 -474 157 371 -435 260 310 -359 370 191 "
        "-291 427 125 -169 501 20 0 533 -29 169 501 20 291 427 125 359 370 191 435 260 310 "
        "474 157 371 497 43 407 509 -118 421 512 -223 394 "
        "-414 -377 51 -366 -419 -6 -296 -443 -54 -205 -440 -96 -103 -428 -118 "
        "103 -428 -118 205 -440 -96 296 -443 -54 366 -419 -6 414 -377 51 "
        "0 -280 -135 0 -181 -213 0 -108 -277 0 -47 -298 "
        "-100 25 -147 -61 48 -163 0 50 -176 61 48 -163 100 25 -147 "
        "-325 -273 40 -278 -301 -6 -205 -307 -19 -130 -265 1 -193 -255 -13 -264 -252 -1 "
        "130 -265 1 205 -307 -19 278 -301 -6 325 -273 40 264 -252 -1 193 -255 -13 "
        "-191 227 -33 -112 172 -141 -58 157 -168 0 165 -174 58 157 -168 112 172 -141 191 227 -33 "
        "147 270 -89 59 310 -133 0 315 -137 -59 310 -133 -147 270 -89 "
        "-172 226 -46 -48 204 -127 0 205 -133 48 204 -127 172 226 -46 "
        "49 252 -121 0 254 -127 -49 252 -121"
    ),
    dtype=np.float32,
    sep=" ",
).reshape(68, 3)


class Padding(NamedTuple):
    """A border around the picture: FaceMesh misses faces that fill it."""

    share: float  # of each side's length
    border: int  # OpenCV border mode


# Tried in turn until one gives a face; its index is the label's `attempt`.
# The order is that of the FER+ labels.
PADDINGS: Final = (
    Padding(0.25, cv2.BORDER_REPLICATE),
    Padding(0.25, cv2.BORDER_CONSTANT),
    Padding(0.5, cv2.BORDER_REPLICATE),
    Padding(0.12, cv2.BORDER_REPLICATE),
    Padding(0.5, cv2.BORDER_CONSTANT),
    Padding(0.12, cv2.BORDER_CONSTANT),
    Padding(0.0, cv2.BORDER_CONSTANT),
)


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """What the teacher says about one picture.

    Attributes:
        points: (68, 2) float32, pixels with the picture's left and top edge at 0; NaN where
            there is no face.
        pose: (3,) float32, yaw, pitch and roll in degrees: positive is the nose to the
            picture's right, the nose up, the head tilted clockwise. NaN where there is no face.
        flip_err: Mean distance between the points of the picture and of its mirror image, over
            the face size; NaN where the mirror image gave no face.
        averaged: The points are the mean of both runs.
        attempt: Index into `PADDINGS`; -1 where there is no face.
        faces_seen: Faces the teacher reported.
    """

    points: Floats
    pose: Floats
    flip_err: float
    averaged: bool
    attempt: int
    faces_seen: int


NO_FACE: Final = Label(
    points=np.full((68, 2), np.nan, np.float32),
    pose=np.full(3, np.nan, np.float32),
    flip_err=float("nan"),
    averaged=False,
    attempt=-1,
    faces_seen=0,
)


def to_68(mesh: Floats) -> Floats:
    """Reduce a face mesh (V, 3) to the 68 points (68, 3)."""
    return np.stack([mesh[list(vertices)].mean(axis=0) for vertices in MESH_TO_68])


def face_size(points: Floats) -> float:
    """Give sqrt(width * height) of the extent of (68, 2 or 3) points."""
    return float(np.sqrt(np.prod(np.ptp(points[:, :2], axis=0))))


def mirrored(points: Floats, width: int) -> Floats:
    """Mirror (68, 3) points in a picture of `width` pixels, so that each keeps its meaning."""
    swapped: Floats = points[MIRROR]
    swapped[:, 0] = width - swapped[:, 0]
    return swapped


def flip_error(points: Floats, other: Floats) -> float:
    """Give the mean distance of two (68, 3) sets of points in the picture, over face size."""
    distances = np.linalg.norm(points[:, :2] - other[:, :2], axis=1)
    return float(distances.mean()) / face_size(points)


def unshifted(points: Floats, scale: int) -> Floats:
    """Undo the teacher's shift: it places points up and left of where they belong.

    Args:
        points: (68, 3), pixels.
        scale: How many times the picture was enlarged for the teacher.

    Source: measured on the mirrored run and on pictures enlarged 4x (the packs' README).
    """
    shift = 0.54 / scale - 0.0031 * face_size(points)
    return np.asarray(points + np.array([shift, shift, 0], np.float32), np.float32)


def head_pose(points: Floats) -> Floats:
    """Give yaw, pitch and roll in degrees, (3,), by the rigid fit of `STRAIGHT` to (68, 3)."""
    turned, straight = points - points.mean(axis=0), STRAIGHT - STRAIGHT.mean(axis=0)
    left, _, right = np.linalg.svd(turned.T @ straight)
    left[:, 2] *= np.sign(np.linalg.det(left @ right))  # a rotation, never a mirror image
    rotation = left @ right
    nose = -rotation[:, 2]
    yaw, pitch = np.arctan2(nose[0], -nose[2]), np.arcsin(np.clip(-nose[1], -1, 1))
    roll = np.arctan2(rotation[1, 0], rotation[1, 1])
    return np.asarray(np.degrees([yaw, pitch, roll]), np.float32)


def label(image: Image, teacher: Teacher) -> Label:
    """Label the largest face of a picture, or say that there is none.

    Args:
        image: (H, W, 3) uint8, BGR.
        teacher: Sees the picture and its mirror image, enlarged and padded.
    """
    for attempt, padding in enumerate(PADDINGS):
        faces = _look(image, teacher, padding)
        if faces:
            points = max(faces, key=face_size)
            mirror_image = np.ascontiguousarray(image[:, ::-1])
            seen = _look(mirror_image, teacher, padding)
            points, flip_err, averaged = merged(points, [mirrored(p, image.shape[1]) for p in seen])
            return Label(
                points=points[:, :2],
                pose=head_pose(points),
                flip_err=flip_err,
                averaged=averaged,
                attempt=attempt,
                faces_seen=len(faces),
            )
    return NO_FACE


def merged(points: Floats, others: Sequence[Floats]) -> tuple[Floats, float, bool]:
    """Average a face with the nearest of those in the mirror image, if they agree.

    Args:
        points: (68, 3).
        others: Each (68, 3), mirrored back.

    Returns:
        The points (68, 3), the flip error and whether the points are a mean.
    """
    if not others:
        return points, float("nan"), False
    other = min(others, key=lambda other: flip_error(points, other))
    error = flip_error(points, other)
    if error > AVERAGE_MAX:
        return points, error, False
    return np.asarray((points + other) / 2, np.float32), error, True


def _look(image: Image, teacher: Teacher, padding: Padding) -> list[Floats]:
    """Give the 68 points (68, 3) of each face the teacher sees, in pixels of `image`."""
    scale = int(np.clip(TEACHER_SIDE // max(image.shape[:2]), 1, ENLARGE_MAX))
    if scale > 1:
        large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        image = np.asarray(large, np.uint8)
    y, x = (round(length * padding.share) for length in image.shape[:2])
    padded = cv2.copyMakeBorder(image, y, y, x, x, padding.border)
    corner = np.array([x, y, 0], np.float32)
    faces = (to_68(mesh) - corner for mesh in teacher(np.asarray(padded, np.uint8)))
    return [unshifted(np.asarray(face / scale, np.float32), scale) for face in faces]


@contextmanager
def face_mesh() -> Iterator[Teacher]:
    """Open MediaPipe FaceMesh.

    Raises:
        ModelError: mediapipe is not installed, or a release without models.
    """
    try:
        from mediapipe.python.solutions.face_mesh import FaceMesh
    except ImportError as error:
        raise ModelError(
            "mediapipe 0.10.21: not in this environment; it needs one of its own: "
            "pip install mediapipe==0.10.21"
        ) from error
    options = {"refine_landmarks": True, "min_detection_confidence": 0.5}
    with FaceMesh(static_image_mode=True, max_num_faces=FACES_MAX, **options) as network:

        def teacher(image: Image) -> list[Floats]:
            height, width = image.shape[:2]
            unit = np.array([width, height, width], np.float32)
            faces = network.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).multi_face_landmarks
            return [
                np.array([(p.x, p.y, p.z) for p in face.landmark], np.float32) * unit
                for face in faces or ()
            ]

        yield teacher


def label_folder(folder: Path, teacher: Teacher, split: str) -> Arrays:
    """Label every picture below a folder; files that are no pictures are logged and left out.

    Returns:
        The arrays of the data packs' ``landmarks_*.npz``.

    Raises:
        SourceError: The folder holds no readable picture.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    names, sizes, labels = [], [], []
    for number, path in enumerate(paths, start=1):
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{number}/{len(paths)}" + "\n" * (number == len(paths)))
        try:
            image = read_image(path)
        except SourceError as error:
            log.warning("%s; left out", error)
            continue
        names.append(path.relative_to(folder).as_posix())
        sizes.append(image.shape[1::-1])
        labels.append(label(image, teacher))
    if not labels:
        known = " ".join(sorted(SUFFIXES))
        raise SourceError(f"{folder}: no readable picture below it; known endings: {known}")
    return _arrays(names, np.array(sizes), labels, split)


def _arrays(
    names: Sequence[str], sizes: NDArray[np.int_], labels: Sequence[Label], split: str
) -> Arrays:
    points = np.stack([found.points for found in labels]) / sizes[:, None]
    attempt = np.array([found.attempt for found in labels], np.int8)
    return {
        "names": np.array(names),
        "found": attempt >= 0,
        "points": points.astype(np.float16),
        "yaw_pitch_roll": np.stack([found.pose for found in labels]).astype(np.float16),
        "flip_err": np.array([found.flip_err for found in labels], np.float16),
        "averaged": np.array([found.averaged for found in labels]),
        "attempt": attempt,
        "faces_seen": np.array([found.faces_seen for found in labels], np.uint8),
        "size": sizes.astype(np.uint16),
        "split": np.array([split] * len(labels)),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Label a folder from the command line; return the exit code."""
    return run_command("teacher_labels", _label, argv, info="%(message)s")


def _label(argv: Sequence[str]) -> None:
    parse = Parser(
        prog="python -m training.data.teacher_labels",
        version=libraries(),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parse.add_argument
    add("folder", type=Path, help="pictures, also in folders below it")
    add("--out", type=Path, required=True, metavar="FILE", help="file to write, .npz")
    add("--split", choices=("train", "valid", "test"), default="train", help="(train)")
    add("--overwrite", action="store_true", help="replace --out if it is there")
    args = parse.parse_args(argv)
    _run(args.folder, args.out, args.split, overwrite=args.overwrite)


def _run(folder: Path, out: Path, split: str, *, overwrite: bool) -> None:
    if out.exists() and not overwrite:
        raise SinkError(f"{out}: already there; --overwrite replaces it")
    if not out.parent.is_dir():
        raise SinkError(f"{out}: cannot be written: make the folder {out.parent} first")
    if not folder.is_dir():
        raise SourceError(f"{folder}: not a folder; give one with pictures")
    with face_mesh() as teacher:
        arrays = label_folder(folder, teacher, split)
    with written(out) as partial, partial.open("wb") as file:
        # numpy below 2 has no `allow_pickle` here, the argument mypy fears for.
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    found = int(arrays["found"].sum())
    log.info("%s: %d pictures, %d with a face", out, len(arrays["names"]), found)


if __name__ == "__main__":
    raise SystemExit(main())
