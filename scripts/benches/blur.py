"""`python -m scripts.benches.blur --data DATA`: how many faces stay bare, by ours and by deface.

Faces are those of a film boxed by hand (every tenth frame of short_hamilton_clip.mp4) and of staged
films, whose truth is known. A face is bare where less than 80 % of its box, as far as that is in
the frame, was changed; "found again" counts faces that the shipped detector still finds after they
were covered. Frames are compared as they are covered, before they are encoded. For deface (PyPI),
name the Python of an environment that has it and onnxruntime: it asks for an OpenCV that this
project must not have.

Prints a Markdown table.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.command.doubted import SCORE_MIN, Doubted
from app.command.twice import Notes, Recalled
from app.command.wanted import COVERED
from engine.analyze import AnalyzerConfig, open_config_detector, open_finder, open_reader
from engine.command import Parser, count, libraries, run_command
from engine.errors import SourceError
from engine.faces.blur import CoverConfig
from engine.faces.detection import Detector
from engine.pipeline import Pipeline
from engine.types import Floats, Frame, Image
from engine.video.opening import open_source
from export.bench.finding import FILM, FILM_FRAMES, IOU_MIN, film_truth
from export.bench.plays import films, stage_of
from export.bench.staged import cast, draw

PROGRAM: Final = "scripts.benches.blur"
BARE: Final = 0.8  # share of a face's box that has to be changed
FILMED: Final = "short_hamilton_clip"
EVERY: Final = "staged, all"
SHEET: Final = 12  # pictures of bare faces, each kind
# Runs in the other environment: raw frames in, covered ones out, in the colours deface takes.
DEFACE: Final = """
import sys
import numpy as np
from deface.centerface import CenterFace
from deface.deface import anonymize_frame
out, sys.stdout = sys.stdout.buffer, sys.stderr  # it prints what it runs on
height, width = int(sys.argv[1]), int(sys.argv[2])
network = CenterFace(in_shape=None, backend="onnxrt")
while len(raw := sys.stdin.buffer.read(height * width * 3)) == height * width * 3:
    frame = np.frombuffer(raw, np.uint8).reshape(height, width, 3)[..., ::-1].copy()
    found, _ = network(frame, threshold=0.2)
    anonymize_frame(found, frame, mask_scale=1.3, replacewith="blur", ellipse=True,
                    draw_scores=False, replaceimg=None, mosaicsize=20)
    out.write(np.ascontiguousarray(frame[..., ::-1]).tobytes())
    out.flush()
"""

Cover = Callable[[Sequence[Frame]], Iterable[Image]]
Boxes = Floats


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A film with truth.

    Attributes:
        name: Of its kind.
        frames: All of it.
        faces: By frame, (n, 4) float32, boxes that have to be covered; only of frames judged.
    """

    name: str
    frames: Sequence[Frame]
    faces: dict[int, Boxes]


@dataclass(slots=True)
class Tally:
    """What was counted in films of one kind.

    Attributes:
        frames: Judged.
        faces: In them.
        bare: Of these faces.
        bare_frames: Frames with a bare face.
        again: Faces that a detector finds after they were covered.
        area: Shares of pictures that were changed, added up.
    """

    frames: int = 0
    faces: int = 0
    bare: int = 0
    bare_frames: int = 0
    again: int = 0
    area: float = 0.0

    def add(self, other: "Tally") -> "Tally":
        """Give both together."""
        names = self.__dataclass_fields__
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(slots=True)
class Judge:
    """Counts what is bare, and keeps pictures of it.

    Attributes:
        detector: Looks at covered faces again.
        sheets: Folder for pictures of bare faces; None for none.
    """

    detector: Detector
    sheets: Path | None
    kept: dict[str, int] = field(default_factory=dict)

    def judge(self, who: str, film: Film, images: Iterable[Image]) -> Tally:
        """Compare a film's frames before and after."""
        tally = Tally()
        for frame, image in zip(film.frames, images, strict=True):
            boxes = film.faces.get(frame.index)
            if boxes is None:
                continue
            changed = (frame.image != image).any(axis=2)
            bare = [box for box in boxes if changed_share(changed, box) < BARE]
            found = [found.box for found in self.detector.detect(image)]
            again = sum(any(overlap(box, each) >= IOU_MIN for each in found) for box in boxes)
            area = float(changed.mean())
            tally = tally.add(Tally(1, len(boxes), len(bare), bool(bare), again, area))
            if bare:
                self._keep(f"{who} {film.name}", frame.index, image, bare)
        return tally

    def _keep(self, name: str, index: int, image: Image, bare: Sequence[Boxes]) -> None:
        number = self.kept[name] = self.kept.get(name, 0) + 1
        if self.sheets is None or number > SHEET:
            return
        shown = image.copy()
        for x0, y0, x1, y1 in np.rint(bare).astype(int).tolist():
            cv2.rectangle(shown, (x0, y0), (x1, y1), (0, 0, 255), 1)
        self.sheets.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(self.sheets / f"{name} {index}.jpg".replace(",", "")), shown)


def changed_share(changed: NDArray[np.bool_], box: Boxes) -> float:
    """Give the share of a box, as far as it is in the frame, that was changed."""
    height, width = changed.shape
    x0, y0, x1, y1 = np.clip(np.rint(box), 0, [width, height, width, height]).astype(int)
    part = changed[y0:y1, x0:x1]
    return float(part.mean()) if part.size else 1.0


def overlap(one: Boxes, other: Boxes) -> float:
    """Give the overlap (IoU) of two boxes."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    return shared / max(float(sum(np.prod(b[2:] - b[:2]) for b in (one, other))) - shared, 1e-6)


def cover_by_ours(frames: Sequence[Frame]) -> Iterator[Image]:
    """Cover a film as `fer-video --blur` does at its defaults, without encoding it."""
    config = AnalyzerConfig(max_faces=COVERED)
    with (
        closing(Doubted(open_config_detector(config, SCORE_MIN))) as doubted,
        closing(Notes(None, doubted=doubted)) as notes,
    ):
        looked = Pipeline(iter(frames), partial(open_finder, config), partial(open_reader, config))
        with looked:
            for analysis, _ in looked:
                notes.add(analysis)
        notes.finish()
        again = Recalled("film", notes, CoverConfig())
        with Pipeline(iter(frames), lambda: again, lambda: again) as written:
            yield from (image for _, image in written)


def cover_by_frame(frames: Sequence[Frame]) -> Iterator[Image]:
    """Leave the following out: each frame's faces are covered where they are found."""
    from engine.faces.blur import covered

    config = AnalyzerConfig(max_faces=COVERED)
    looked = Pipeline(iter(frames), partial(open_finder, config), partial(open_reader, config))
    with looked:
        for analysis, _ in looked:
            yield covered(analysis, [track.box for track in analysis.tracks]).frame.image


def cover_by_deface(python: str, frames: Sequence[Frame]) -> Iterator[Image]:
    """Cover frames by deface at its defaults.

    Raises:
        SourceError: It ends early.
    """
    height, width = frames[0].image.shape[:2]
    command = [python, "-c", DEFACE, str(height), str(width)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdin is None or process.stdout is None:
            raise TypeError("deface: expected pipes")
        for frame in frames:
            with suppress(BrokenPipeError):  # it is told below
                process.stdin.write(np.ascontiguousarray(frame.image).tobytes())
                process.stdin.flush()
            raw = process.stdout.read(height * width * 3)
            if len(raw) < height * width * 3:
                raise SourceError(f"{python}: deface ended early; what it says is above")
            yield np.frombuffer(raw, np.uint8).reshape(height, width, 3)
        process.stdin.close()


def filmed(path: Path) -> Film:
    """Read the sample film with its boxes.

    Raises:
        SourceError: It is missing or another one.
    """
    with open_source(str(path)) as source:
        frames = list(source)
    if len(frames) != FILM_FRAMES:
        raise SourceError(f"{path}: {len(frames)} frames; {FILM} has {FILM_FRAMES}")
    truth = film_truth()[""]
    return Film(FILMED, frames, {index: scene.boxes for index, scene in truth.items()})


def staged(data: Path, seeds: Iterable[int]) -> Iterator[Film]:
    """Draw the films that following is judged on, as `fer-bench --parts following` does."""
    actors, grounds = cast(data)
    for seed in seeds:
        for clip in films(stage_of(actors, grounds, seed)):
            drawn = list(draw(clip))
            frames = [Frame(k, k / clip.fps, image) for k, (image, _) in enumerate(drawn)]
            faces = {
                k: np.array([one.box for one in shown if one.visible], np.float32).reshape(-1, 4)
                for k, (_, shown) in enumerate(drawn)
            }
            yield Film(f"staged, {clip.name}", frames, faces)


def measure(sources: Iterable[Film], covers: dict[str, Cover], judge: Judge) -> list[list[str]]:
    """Cover every film by everybody, and count; a row for each kind and each who covers."""
    tallies: dict[str, dict[str, Tally]] = {}
    for film in sources:
        for who, cover in covers.items():
            tally = judge.judge(who, film, cover(film.frames))
            for name in [film.name] + [EVERY] * (film.name != FILMED):
                kinds = tallies.setdefault(name, {})
                kinds[who] = kinds.get(who, Tally()).add(tally)
        print(f"{film.name}: done", file=sys.stderr)
    return [
        [
            name,
            who,
            f"{tally.bare_frames} of {tally.frames}",
            f"{tally.bare} of {tally.faces}",
            str(tally.again),
            f"{100 * tally.area / max(tally.frames, 1):.0f} %",
        ]
        for name, kinds in tallies.items()
        for who, tally in kinds.items()
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and return the exit code."""
    return run_command(PROGRAM, _run, argv)


def _run(argv: Sequence[str]) -> None:
    options = _parser().parse_args(argv)
    film = options.film or options.data.parent / "media" / FILM
    if not film.is_file():
        raise SourceError(f"{film}: no such film; name {FILM} with --film")
    covers: dict[str, Cover] = {"ours": cover_by_ours, "ours, by frame": cover_by_frame}
    if options.deface:
        covers["deface"] = partial(cover_by_deface, options.deface)
    with closing(open_config_detector(AnalyzerConfig())) as detector:
        judge = Judge(detector, options.sheets)
        rows = measure(_films(options, film), covers, judge)
    heads = [
        "film",
        "covered by",
        "frames with a bare face",
        "bare faces",
        "found again",
        "changed",
    ]
    for cells in (heads, ["---"] * len(heads), *rows):
        print(f"| {' | '.join(cells)} |")


def _films(options: argparse.Namespace, film: Path) -> Iterator[Film]:
    yield filmed(film)
    yield from staged(options.data, range(options.seed, options.seed + options.sets))


def _parser() -> Parser:
    parse = Parser(prog=PROGRAM, version=libraries("onnxruntime"), description=__doc__)
    add = parse.add_argument
    add("--data", type=Path, required=True, metavar="DATA", help="folder of the data packs")
    add("--film", type=Path, metavar="CLIP", help=f"{FILM} (DATA/../media)")
    add("--sets", type=count, default=8, help="of staged films, people by lot (8)")
    add("--seed", type=int, default=0, help="of the first set (0)")
    add("--deface", metavar="PYTHON", help="of an environment with deface and onnxruntime")
    add(
        "--sheets", type=Path, metavar="DIR", help="keep pictures of bare faces; never publish them"
    )
    return parse


if __name__ == "__main__":
    raise SystemExit(main())
