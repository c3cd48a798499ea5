"""`python -m scripts.benches.day`: a working day of camera, faster than it passes.

People come and go before a camera that is made up. The live pipeline follows them with the real
tracker and smoothing around networks that know where the faces are, and the session is recorded in
parts, as the window does it. Prints a Markdown table, a row for each hour of the camera, and ends
with code 1 where an id was used twice, or memory, descriptors, threads or latency rise.
"""

import gc
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import psutil

from app.live.presentation import CaptureTimes
from app.live.state import LiveState
from app.session.folder import PartLimits
from app.session.recorder import Recorder
from app.session.recording import RecorderConfig, State
from app.session.review import open_review
from engine.analyze import AnalyzerConfig
from engine.command import Parser, count, libraries, run_command
from engine.errors import ConfigError, FerError
from engine.faces.alignment import invert, template, transform
from engine.faces.finder import Finder
from engine.faces.landmarks import box_of, five_points
from engine.faces.tracker_config import TrackerConfig
from engine.labels import EXPRESSIONS
from engine.pipeline import Pipeline
from engine.reading.fusion import Reading
from engine.reading.reader import Reader
from engine.types import Analysis, Detection, Face, Floats, Found, Frame, Image, Sighting
from engine.video.opening import Frames, SourceInfo

PROGRAM: Final = "scripts.benches.day"
SIZE: Final = (320, 240)
LANES: Final = 4  # places where people stand, one at a time
CROP: Final = 112
REACH_PX: Final = 25.0  # a crop further from a face shows none
LEAP_S: Final = 0.3  # between two frames that were analysed; over more, faces may be lost
STEADY_S: Final = 600.0  # hours that are shorter say nothing of what rises
GONE_S: Final = 4.0  # longer than the tracker keeps a hidden face's id
GROWTH_MIB: Final = 24.0  # of the last hour over the second; the allocator's own noise is 10
SLOWER: Final = 2.0  # latency of the last hour over the first


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who stands before the camera from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    colours: list[list[int]]  # BGR, of hair, skin, mouth and clothes: nobody looks like another


def visits(seconds: float) -> list[list[Visit]]:
    """Give who comes to each place, 20 to 40 s each with 4 to 15 between; always the same."""
    random = np.random.default_rng(8)
    lanes = []
    for _ in range(LANES):
        lane: list[Visit] = []
        now_s = float(random.uniform(0, 10))
        while now_s < seconds:
            end_s = now_s + float(random.uniform(20, 40))
            lane.append(Visit(now_s, end_s, random.integers(0, 256, (4, 3)).tolist()))
            now_s = end_s + float(random.uniform(4, 15))
        lanes.append(lane)
    return lanes


class Crowd:
    """Knows who is before the camera at a time that only rises."""

    def __init__(self, lanes: list[list[Visit]]) -> None:
        """Take who comes, by place."""
        self._lanes = lanes
        self._at = [0] * len(lanes)
        right, left, nose, *corners = template(CROP) - (CROP - 1) / 2
        points = np.zeros((68, 2), np.float32)
        points[:17] = np.linspace((-40, 0), (40, 40), 17)
        points[36:42], points[42:48], points[30] = right, left, nose
        points[48], points[54] = corners
        self._points = 0.5 * points

    def faces(self, time_s: float) -> list[Floats]:
        """Give the landmarks of everybody, (68, 2) float32, pixels of the frame."""
        return [points for _, points in self.present(time_s)]

    def present(self, time_s: float) -> list[tuple[Visit, Floats]]:
        """Give everybody with the landmarks."""
        found = []
        for lane, stays in enumerate(self._lanes):
            while self._at[lane] < len(stays) and stays[self._at[lane]].end_s <= time_s:
                self._at[lane] += 1
            if self._at[lane] < len(stays) and stays[self._at[lane]].start_s <= time_s:
                x = (lane + 0.5) * SIZE[0] / LANES + 8 * np.sin(time_s + lane)
                y = SIZE[1] / 2 + 20 * np.sin(0.7 * time_s + lane)
                found.append((stays[self._at[lane]], self.at(x, y)))
        return found

    def at(self, x: float, y: float) -> Floats:
        """Give the landmarks of a face there."""
        return np.asarray(self._points + np.array([x, y]), np.float32)


class Camera(Frames):
    """Gives small frames at a rate, `speed` times as fast as their times say."""

    def __init__(self, crowd: Crowd, *, seconds: float, fps: int, speed: float) -> None:
        """Prepare the ground; nothing runs yet."""
        self._crowd, self._count = crowd, round(seconds * fps)
        self._fps, self._speed = fps, speed
        self._closing = threading.Event()
        self.captured = CaptureTimes()
        self.warnings: list[str] = []
        self.info = SourceInfo(
            name="synthetic camera",
            path=None,
            width=SIZE[0],
            height=SIZE[1],
            fps=Fraction(fps),
            time_base=Fraction(1, 90_000),
            frame_count=None,
            duration_s=None,
            live=True,
            has_audio=False,
        )
        grain = np.random.default_rng(1).integers(40, 120, (6, 8, 3), dtype=np.uint8)
        self._ground = np.asarray(cv2.resize(grain, SIZE, interpolation=cv2.INTER_CUBIC), np.uint8)
        # As a camera's: without it, a colour is one bin of a histogram or the next.
        noise = np.random.default_rng(2).normal(30, 15, (SIZE[1], SIZE[0], 3))
        self._noise = np.clip(noise, 0, 255).astype(np.uint8)
        self._index = 0
        self._start_s = 0.0

    def read(self) -> Frame | None:
        """Wait for the next frame's time; None at the end and after `close`."""
        if self._index == 0:
            self._start_s = time.monotonic()
        time_s = self._index / self._fps
        due_s = self._start_s + time_s / self._speed
        late = self._closing.wait(max(0.0, due_s - time.monotonic()))
        if late or self._index == self._count:
            return None
        frame = Frame(self._index, time_s, self._draw(time_s))
        self.captured.note(frame.index)
        self._index += 1
        return frame

    def _draw(self, time_s: float) -> Image:
        image = self._ground.copy()
        for visit, points in self._crowd.present(time_s):
            x, y = (int(value) for value in points[30])
            hair, skin, mouth, clothes = visit.colours
            cv2.ellipse(image, (x, y + 44), (34, 20), 0, 0, 360, clothes, -1)
            cv2.ellipse(image, (x, y - 4), (24, 30), 0, 0, 360, hair, -1)
            cv2.ellipse(image, (x, y + 4), (18, 24), 0, 0, 360, skin, -1)
            cv2.ellipse(image, (x, y + 14), (8, 4), 0, 0, 360, mouth, -1)
        return np.asarray(cv2.add(image, self._noise), np.uint8)

    def close(self) -> None:
        """End."""
        self._closing.set()


class Networks:
    """Stands in for all three networks: it knows the crowd, and what time it is."""

    name, device, precision = "crowd", "cpu", "fp32"
    size, margin, temperature = CROP, 0.1, 1.0
    labels, derived, measures = EXPRESSIONS, False, ()

    def __init__(self, crowd: Crowd) -> None:
        """Take who is there."""
        self._crowd = crowd
        self.faces: list[Floats] = []
        self._logits = np.random.default_rng(3)

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """Find everybody."""
        return tuple(Detection(box_of(face), 0.9, five_points(face)) for face in self.faces)

    glance = detect

    def locate(self, faces: Sequence[Face]) -> list[Sighting]:
        """See in each crop the face that is near its centre, if one is."""
        return [self._see(face) for face in faces]

    def _see(self, face: Face) -> Sighting:
        middle = np.full((1, 2), (CROP - 1) / 2, np.float32)
        (centre,) = transform(middle, invert(face.matrix))
        near = min(self.faces, key=lambda p: float(np.linalg.norm(p[30] - centre)), default=None)
        if near is None or float(np.linalg.norm(near[30] - centre)) > REACH_PX:
            return Sighting(face, self._crowd.at(*centre.tolist()), 0.02, ())
        return Sighting(face, near, 0.95, ())

    def read(self, sightings: Sequence[Sighting], images: Sequence[Image]) -> list[Reading]:
        """Say something of each."""
        logits = self._logits.normal(0, 1, (len(sightings), 8)).astype(np.float32)
        affect = np.tanh(logits[:, :2])
        return [Reading(row, two) for row, two in zip(logits, affect, strict=True)]

    def close(self) -> None:
        """Do nothing."""


class CrowdFinder:
    """The real finder; its networks are told the time first."""

    def __init__(self, crowd: Crowd) -> None:
        """Make it."""
        self._crowd, self._networks = crowd, Networks(crowd)
        self._finder = Finder(self._networks, self._networks, TrackerConfig())  # type: ignore[arg-type]  # does what they do

    def find(self, frame: Frame) -> Found:
        """Find or follow the faces of the next frame."""
        self._networks.faces = self._crowd.faces(frame.time_s)
        return self._finder.find(frame)

    def close(self) -> None:
        """Free the networks."""
        self._finder.close()


class Ids:
    """Notes every id.

    Attributes:
        total: How many there were.
        twice: Those that came back after they were gone, or came in no order.
        leaps: How often so many frames were left out that faces may be lost.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._last_s: dict[int, float] = {}
        self._newest, self._now_s = 0, 0.0
        self.total = self.twice = self.leaps = 0

    def add(self, analysis: Analysis) -> None:
        """Take a frame's ids."""
        now_s = analysis.frame.time_s
        before_s, self._now_s = self._now_s, now_s
        self.leaps += now_s - before_s > LEAP_S
        for track in analysis.tracks:
            known = self._last_s.get(track.id)
            if known is None:
                self.total += 1
                self.twice += track.id <= self._newest
                self._newest = max(self._newest, track.id)
            else:
                self.twice += (
                    before_s - known > GONE_S
                )  # a face that frames were left out of is not
            self._last_s[track.id] = now_s


@dataclass(slots=True)
class Hour:
    """What was measured within an hour of the camera.

    Attributes:
        frames: Analysed.
        dropped: Frames of the camera that were not, since the start.
        ids: Given, since the start.
        part: Of the recording.
        memory_mib: Resident, at its end.
        descriptors: Open, at its end.
        threads: Running, at its end.
        latencies_ms: From a frame's capture to its analysis.
    """

    frames: int = 0
    dropped: int = 0
    ids: int = 0
    part: int = 1
    memory_mib: float = 0.0
    descriptors: int = 0
    threads: int = 0
    latencies_ms: "array[float]" = field(default_factory=lambda: array("f"))

    def latency_ms(self, percent: float) -> float:
        """Give a percentile of the latencies."""
        return float(np.percentile(self.latencies_ms, percent)) if self.latencies_ms else 0.0


class Day:
    """One run: camera, pipeline, state of the window, recording.

    Attributes:
        hour_s: How long what counts as an hour is.
        hours: What was measured in each.
        ids: The ids.
    """

    def __init__(
        self, root: Path, *, seconds: float, hour_s: float, fps: int, speed: float, live: bool
    ) -> None:
        """Prepare.

        Args:
            root: Where the recording goes.
            seconds: How long, by the camera.
            hour_s: How long what counts as an hour is: a row, and a part of the recording.
            fps: Of the camera.
            speed: How much faster than its times it runs.
            live: Leave frames out rather than delay them, as a camera does.
        """
        self._root, self.hour_s, self._live = root, hour_s, live
        self._lanes = visits(seconds)
        self._camera = Camera(Crowd(self._lanes), seconds=seconds, fps=fps, speed=speed)
        self._speed = speed
        self._state = LiveState()
        self._process = psutil.Process()
        self.hours = [Hour()]
        self.ids = Ids()

    @property
    def came(self) -> int:
        """How many people came."""
        return sum(map(len, self._lanes))

    def run(self, tell: Callable[[Hour], object]) -> Path:
        """Run to the end; give the recording's folder.

        Args:
            tell: Told of every hour that ends.

        Raises:
            FerError: The recording failed.
        """
        limits = PartLimits(seconds=self.hour_s)
        config = RecorderConfig(part=limits, start_free=0, stop_free=0)
        # Its clock runs as fast as the camera's, so that frames left out are no jump in time.
        recorder = Recorder(
            self._root,
            self._camera.info,
            AnalyzerConfig(),
            config,
            clock=lambda: self._speed * time.monotonic(),
        )
        try:
            with self._pipeline() as pipeline:
                for analysis, _ in pipeline:
                    self._take(analysis, pipeline.dropped, recorder, tell)
        finally:
            recorder.stop()
            recorder.join(60)
        status = recorder.status()
        if status.state is not State.FINISHED or status.folder is None:
            raise FerError(f"the recording did not end well: {status.message or status.state}")
        self._close_hour(pipeline.dropped, status.part, tell)
        return status.folder

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            self._camera,
            lambda: CrowdFinder(Crowd(self._lanes)),
            lambda: Reader(Networks(Crowd(self._lanes)), 0.25),  # type: ignore[arg-type]  # does what it does
            live=self._live,
        )

    def _take(
        self, analysis: Analysis, dropped: int, recorder: Recorder, tell: Callable[[Hour], object]
    ) -> None:
        latency_ms = self._camera.captured.age_ms(analysis.frame.index) or 0.0
        self._state.add(analysis, latency_ms, dropped)
        self.ids.add(analysis)
        recorder.add(analysis)
        if analysis.frame.time_s >= self.hour_s * len(self.hours):
            self._close_hour(dropped, recorder.status().part, tell)
            self.hours.append(Hour())
        hour = self.hours[-1]
        hour.frames += 1
        hour.latencies_ms.append(latency_ms)

    def _close_hour(self, dropped: int, part: int, tell: Callable[[Hour], object]) -> None:
        gc.collect()
        hour = self.hours[-1]
        hour.dropped, hour.ids, hour.part = dropped, self.ids.total, part
        hour.memory_mib = self._process.memory_info().rss / 2**20
        hour.descriptors = self._process.num_fds() if hasattr(self._process, "num_fds") else 0
        hour.threads = self._process.num_threads()
        tell(hour)


def faults(day: Day) -> Iterator[str]:
    """Say what a day has shown that no day may."""
    if day.ids.twice:
        yield f"{day.ids.twice} ids were used twice"
    if not 0.9 * day.came <= day.ids.total <= 1.1 * day.came + LANES * day.ids.leaps:
        yield f"{day.ids.total} ids for {day.came} people"
    during = day.hours[:-1]  # at the end of the last one the recording is closed
    if len(during) < 3 or day.hour_s < STEADY_S:
        return
    first, last = during[1], during[-1]
    if last.memory_mib - first.memory_mib > GROWTH_MIB:
        yield f"memory rose from {first.memory_mib:.0f} to {last.memory_mib:.0f} MiB"
    for name in ("descriptors", "threads"):
        if getattr(last, name) > getattr(first, name) + 1:
            yield f"{name} rose from {getattr(first, name)} to {getattr(last, name)}"
    if last.latency_ms(50) > SLOWER * during[0].latency_ms(50) + 1:
        yield f"latency rose from {during[0].latency_ms(50):.1f} to {last.latency_ms(50):.1f} ms"


def row_of(number: int, hour: Hour) -> str:
    """Write an hour as a row of the table."""
    latency = f"{hour.latency_ms(50):.1f} / {hour.latency_ms(95):.1f}"
    cells = (number, hour.frames, hour.dropped, hour.ids, hour.part, latency,
             f"{hour.memory_mib:.0f}", hour.descriptors, hour.threads)  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def run(seconds: float, hour_s: float, fps: int, speed: float, *, live: bool = True) -> list[str]:
    """Run a day, print its hours as they end, and give what was wrong.

    Raises:
        FerError: The recording failed.
    """

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    say("| hour | frames | left out | ids | part | latency p50 / p95, ms | MiB | files | threads |")
    say("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as root:
        day = Day(Path(root), seconds=seconds, hour_s=hour_s, fps=fps, speed=speed, live=live)
        folder = day.run(lambda hour: say(row_of(len(day.hours), hour)))
        wrong = list(faults(day))
        review = open_review(folder)
        wrong += review.warnings
        frames = sum(hour.frames for hour in day.hours)
        say(f"\n{day.came} people, {day.ids.total} ids, {frames} frames analysed")
        say(f"read back: {len(review.table)} rows, {len(review.footage)} parts of video")
    return wrong


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; return the exit code."""
    return run_command(PROGRAM, _main, argv, extra="app")


def _main(argv: Sequence[str]) -> int:
    parse = Parser(prog=f"python -m {PROGRAM}", version=libraries("av"), description=__doc__)
    add = parse.add_argument
    add("--hours", type=float, default=8.0, help="of the camera (8)")
    add("--fps", type=count, default=15, metavar="N", help="of the camera (15)")
    add("--speed", type=float, default=10.0, help="times as fast as time passes (10)")
    add("--part", type=count, default=60, metavar="MIN", help="minutes of a row and a part (60)")
    add("--every-frame", action="store_true", help="leave none out, however long that takes")
    options = parse.parse_args(argv)
    if not (0 < options.hours <= 48 and 0 < options.speed <= 1000):
        raise ConfigError("--hours: above 0, at most 48; --speed: above 0, at most 1000")
    seconds, part_s = 3600 * options.hours, 60.0 * options.part
    wrong = run(seconds, part_s, options.fps, options.speed, live=not options.every_frame)
    for line in wrong:
        sys.stderr.write(f"{PROGRAM}: {line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
