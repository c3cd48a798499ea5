"""How many faces of strangers the finder finds, and what else it takes for faces."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.analyze import AnalyzerConfig, open_finder
from engine.errors import ConfigError, SourceError
from engine.faces.finder import Finder
from engine.types import Floats, Frame, Image
from engine.video.opening import open_source
from export.bench.strangers import DEGRADED, Degrade, Scene, Shot, Sitter, Strangers, covered
from export.intervals import wilson

IOU_MIN: Final = 0.4  # of a find and the face that it found
UNSURE_MIN: Final = 0.5  # of a find that lies where nobody can say whether there is a face
LONG_SIDES: Final = (64, 128, 192, 256, 288, 320, 352, 400, 480, 640, 960, 1280, 1920, 4096)
RATIOS: Final = ((9, 16), (1, 1), (16, 9))
STEPS: Final = 8  # of a face's size in a picture of one size
SMALLEST: Final = 0.04  # face, of the long side
LARGEST: Final = 1.1  # face, of the short side
LEAST_PX: Final = 20.0  # smaller faces are not looked for
SCENE: Final = (640, 360)  # of the conditions
TURNS: Final = (0, 30, 45, 60, 90, 180)
STRETCHED: Final = {"squeezed, 16:9 shown as 1:1": 9 / 16, "stretched, 4:3 shown as 16:9": 4 / 3}
FILM: Final = "short_hamilton_clip.mp4"
FILM_FRAMES: Final = 275

Bar = Callable[[int, str], Iterable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingScore:
    """What was found in one kind of picture.

    Attributes:
        part: ``grid``, ``condition`` or ``film``.
        name: Of the kind.
        faces: To be found.
        found: Of these.
        pictures: Looked at for false finds; of ``condition``, places without people.
        false: Finds in them that are no face.
        spoilt: Pictures with one or more of these.
    """

    part: str
    name: str
    faces: int
    found: int
    pictures: int
    false: int
    spoilt: int

    @property
    def recall(self) -> float:
        """Share of the faces that was found; NaN where there are none."""
        return self.found / self.faces if self.faces else float("nan")

    @property
    def recall_interval(self) -> tuple[float, float]:
        """Within which the recall lies with 95 %."""
        return wilson(self.found, self.faces)

    @property
    def spoilt_interval(self) -> tuple[float, float]:
        """Within which the share of pictures with false finds lies with 95 %."""
        return wilson(self.spoilt, self.pictures)

    @property
    def false_per_100(self) -> float:
        """False finds in a hundred pictures; NaN where there are none."""
        return 100 * self.false / self.pictures if self.pictures else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """Give everything by name, ready for JSON."""
        return {
            **asdict(self),
            "recall_interval": self.recall_interval,
            "spoilt_interval": self.spoilt_interval,
        }


def nothing(part: str, name: str) -> FindingScore:
    """Begin to count."""
    return FindingScore(part=part, name=name, faces=0, found=0, pictures=0, false=0, spoilt=0)


def needs_libraries() -> None:
    """Make sure of what counts, before minutes are spent.

    Raises:
        ConfigError: pycocotools or SciPy is not installed.
    """
    for name in ("pycocotools", "scipy"):
        if find_spec(name) is None:
            raise ConfigError(f"{name}: not installed; pip install 'fer-live[train]'")


def matched(found: Floats, scene: Scene) -> tuple[int, int]:
    """Count the faces that were found, and the finds that are none.

    Args:
        found: (k, 4) float32.
        scene: Says where faces are.
    """
    from pycocotools.mask import iou  # type: ignore[import-untyped]  # the reference of detection
    from scipy.optimize import linear_sum_assignment

    right: list[int] = []
    if len(found) and len(scene.boxes):
        shared = iou(_cornered(found), _cornered(scene.boxes), [0] * len(scene.boxes))
        pairs = linear_sum_assignment(np.where(shared >= IOU_MIN, shared, 0.0), maximize=True)
        right = [k for k, face in zip(*pairs, strict=True) if shared[k, face] >= IOU_MIN]
    rest = np.delete(found, right, axis=0)
    wrong = len(rest)
    if wrong and len(scene.unsure):
        # As for crowds in COCO: the share of a find that lies there.
        inside = iou(_cornered(rest), _cornered(scene.unsure), [1] * len(scene.unsure))
        wrong = int((inside.max(axis=1) < UNSURE_MIN).sum())
    return len(right), wrong


def _cornered(boxes: Floats) -> NDArray[np.float64]:
    """Give corner, width and height, as COCO has them."""
    return np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).astype(np.float64)


class Judge:
    """Shows scenes to the finder that users run.

    Args:
        finder: Owned; close it.
        sheets: Folder for pictures of what was missed and what was wrong.
    """

    def __init__(self, finder: Finder, sheets: Path | None = None) -> None:
        self._finder, self._sheets = finder, sheets

    def close(self) -> None:
        """Free the networks."""
        self._finder.close()

    def score(self, part: str, name: str, scenes: Iterable[Scene]) -> FindingScore:
        """Count over pictures of one kind, each by itself."""
        score = FindingScore(part=part, name=name, faces=0, found=0, pictures=0, false=0, spoilt=0)
        for index, scene in enumerate(scenes):
            image = np.asarray(cv2.cvtColor(scene.image, cv2.COLOR_GRAY2BGR), np.uint8)
            boxes = self.boxes(Frame(0, 0.0, image, file=name))
            score = self._counted(score, image, boxes, scene, index)
        return score

    def boxes(self, frame: Frame) -> Floats:
        """Give the boxes of a frame, (n, 4); what follows is the next of its film."""
        found = [track.box for track in self._finder.find(frame).tracks]
        return np.array(found, np.float32).reshape(-1, 4)

    def film(
        self, name: str, frames: Iterable[Frame], truths: Mapping[str, Mapping[int, Scene]]
    ) -> list[FindingScore]:
        """Count in some frames of a film, once for each truth."""
        wanted = {index for truth in truths.values() for index in truth}
        found = [(frame, self.boxes(frame)) for frame in frames]
        scores = []
        for kind, truth in truths.items():
            score = nothing("film", f"{name}{kind}")
            for frame, boxes in found:
                if frame.index in wanted:
                    score = self._counted(
                        score, frame.image, boxes, truth[frame.index], frame.index
                    )
            scores.append(score)
        return scores

    def _counted(
        self, score: FindingScore, image: Image, boxes: Floats, scene: Scene, index: int
    ) -> FindingScore:
        right, wrong = matched(boxes, scene)
        if self._sheets is not None and (wrong or right < len(scene.boxes)):
            _keep(self._sheets, f"{score.part} {score.name} {index}", image, boxes, scene)
        return replace(
            score,
            faces=score.faces + len(scene.boxes),
            found=score.found + right,
            pictures=score.pictures + 1,
            false=score.false + wrong,
            spoilt=score.spoilt + bool(wrong),
        )


def _keep(folder: Path, name: str, image: Image, found: Floats, scene: Scene) -> None:
    """Draw what was found and what is there, for looking at; such a picture is never published."""
    shown = image.copy()
    width = max(1, max(image.shape[:2]) // 300)
    for boxes, colour in (
        (scene.unsure, (0, 200, 255)),
        (scene.boxes, (0, 255, 0)),
        (found, (0, 0, 255)),
    ):
        for x0, y0, x1, y1 in np.rint(boxes).astype(int).tolist():
            cv2.rectangle(shown, (x0, y0), (x1, y1), colour, width)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name.replace(':', '-').replace('/', '-')}.jpg"
    if not cv2.imwrite(str(path), shown):
        raise SourceError(f"{path}: cannot be written")


def grid_cells(people: int) -> list[tuple[str, Shot]]:
    """List the grid: every size of picture, shape, and size of face that is looked for."""
    cells = []
    for across, down in RATIOS:
        for long_side in LONG_SIDES:
            size = (
                round(long_side * across / max(across, down)),
                round(long_side * down / max(across, down)),
            )
            for face_px in np.geomspace(SMALLEST * long_side, LARGEST * min(size), STEPS).tolist():
                if face_px >= LEAST_PX:
                    name = f"{across}:{down} {long_side} {face_px:.0f}"
                    cells.append((name, Shot(size=size, face_px=face_px)))
    return cells if people else []


def measure_grid(
    judge: Judge, strangers: Strangers, people: int, seed: int, bar: Bar
) -> list[FindingScore]:
    """Find one face in pictures of every size; other people in each cell."""
    cells = grid_cells(people)
    scores = []
    for (name, shot), index in zip(cells, bar(len(cells), "grid"), strict=True):
        rng = np.random.default_rng([seed, index])
        sitters = strangers.one_each(strangers.sitters, people, rng)
        scenes = (strangers.scene(sitter, shot, rng) for sitter in sitters)
        scores.append(judge.score("grid", name, scenes))
    return scores


def measure_conditions(
    judge: Judge, strangers: Strangers, people: int, seed: int, bar: Bar
) -> list[FindingScore]:
    """Find faces in bad pictures, and look for faces where there are none."""
    kinds = list(_conditions(strangers, people, seed))
    scores = []
    for (name, scenes, degrade), _ in zip(kinds, bar(len(kinds), "conditions"), strict=True):
        with_face = judge.score("condition", name, scenes())
        score = replace(with_face, pictures=0, false=0, spoilt=0)
        if degrade is not None:
            rng = np.random.default_rng([seed, 1])
            places = (
                strangers.empty(k, SCENE) for k in range(min(2 * people, len(strangers.places)))
            )
            empty = judge.score(
                "condition",
                f"{name}, nobody",
                (replace(scene, image=degrade(scene.image, rng)) for scene in places),
            )
            score = replace(score, pictures=empty.pictures, false=empty.false, spoilt=empty.spoilt)
        scores.append(score)
    return scores


def _conditions(
    strangers: Strangers, people: int, seed: int
) -> Iterator[tuple[str, Callable[[], Iterator[Scene]], Degrade | None]]:
    """List name, pictures of faces, and what is done to places without any."""
    usual = strangers.one_each(strangers.sitters, 2 * people, np.random.default_rng([seed, 2]))

    def shown(
        sitters: Sequence[Sitter] = tuple(usual),
        degrade: Degrade | None = None,
        low_px: float = 36.0,
        high_px: float = 250.0,
        **how: float,
    ) -> Iterator[Scene]:
        rng = np.random.default_rng([seed, 3])  # the same scenes whatever is done to them
        damage = np.random.default_rng([seed, 4])
        for sitter in sitters:
            face_px = float(np.exp(rng.uniform(np.log(low_px), np.log(high_px))))
            scene = strangers.scene(sitter, Shot(size=SCENE, face_px=face_px, **how), rng)
            yield replace(scene, image=degrade(scene.image, damage)) if degrade else scene

    def half(side: Any) -> Iterator[Scene]:  # noqa: ANN401 - a literal
        for index, scene in enumerate(shown()):
            yield covered(scene, side, strangers.place(index, (64, 64)))

    for name, degrade in DEGRADED.items():
        yield name, lambda degrade=degrade: shown(degrade=degrade), degrade  # type: ignore[misc]  # bound now
    for turn_deg in TURNS:
        turned = {"turn_deg": float(turn_deg), "high_px": 180.0}
        yield f"turned by {turn_deg}", lambda turned=turned: shown(**turned), None  # type: ignore[misc]  # bound now
    for name, stretch in STRETCHED.items():
        yield name, lambda stretch=stretch: shown(high_px=180.0, stretch=stretch), None  # type: ignore[misc]  # bound now
    profile, lowered = strangers.posed("profile"), strangers.posed("lowered")
    yield "in profile, over 25 degrees", lambda: shown(profile), None
    yield "head lowered", lambda: shown(lowered), None
    yield "mouth and chin covered", lambda: half("below"), None
    yield "one side covered", lambda: half("beside"), None
    yield "tiny, 20 to 28 px", lambda: shown(low_px=20.0, high_px=28.0), None
    yield "filling the picture", lambda: shown(low_px=340.0, high_px=400.0), None


def film_truth() -> dict[str, dict[int, Scene]]:
    """Read the boxes that were drawn by hand in every tenth frame of the sample film.

    Returns:
        By what is counted, each frame's faces; the first counts all of which one can be sure.
    """
    text = files("export.bench").joinpath("short_hamilton_clip.csv").read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    kinds = sorted({row["kind"] for row in rows if row["sure"] == "1"})
    frames = sorted({int(row["frame"]) for row in rows})

    def boxes(index: int, *, counted: Callable[[dict[str, str]], bool]) -> Floats:
        corners = [
            [float(row[key]) for key in ("x0", "y0", "x1", "y1")]
            for row in rows
            if int(row["frame"]) == index and counted(row)
        ]
        return np.array(corners, np.float32).reshape(-1, 4)

    truths = {}
    for name, among in (("", kinds), *((f", {kind}", [kind]) for kind in kinds)):

        def counts(row: dict[str, str], among: Sequence[str] = among) -> bool:
            return row["sure"] == "1" and row["kind"] in among

        truths[name] = {
            index: Scene(
                np.zeros((1, 1), np.uint8),
                boxes(index, counted=counts),
                boxes(index, counted=lambda row, counts=counts: not counts(row)),  # type: ignore[misc]  # bound now
            )
            for index in frames
        }
    return truths


def measure_film(judge: Judge, film: Path) -> list[FindingScore]:
    """Find the faces of the sample film, as a film and as pictures.

    Raises:
        SourceError: It is missing or another one.
    """
    truths = film_truth()
    with open_source(str(film)) as source:
        frames = list(source)
    if len(frames) != FILM_FRAMES:
        raise SourceError(f"{film}: {len(frames)} frames; {FILM} has {FILM_FRAMES}")
    pictures = [replace(frames[index], file=str(index)) for index in truths[""]]
    return [
        *judge.film("as pictures", pictures, {"": truths[""]}),
        *judge.film("as a film", frames, truths),
    ]


def measure_finding(
    strangers: Strangers,
    film: Path,
    config: AnalyzerConfig,
    *,
    people: int,
    seed: int,
    bar: Bar,
    sheets: Path | None = None,
) -> list[FindingScore]:
    """Measure everything.

    Args:
        strangers: Who is shown.
        film: The sample film.
        config: Of the finder.
        people: In a cell of the grid; twice as many in each condition.
        seed: Of who is shown where.
        bar: Shows progress.
        sheets: Folder for pictures of what was missed and what was wrong.
    """
    with closing(Judge(open_finder(config), sheets)) as judge:
        return [
            *measure_film(judge, film),
            *measure_conditions(judge, strangers, people, seed, bar),
            *measure_grid(judge, strangers, people, seed, bar),
        ]
