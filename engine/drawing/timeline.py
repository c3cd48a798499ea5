"""The valence-arousal strip along the bottom: the last seconds of every face."""

from collections.abc import Mapping, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.drawing.shapes import (
    GREY,
    INK,
    WHITE,
    Colour,
    Rect,
    Sketch,
    Surface,
    Writer,
    corners,
    curve,
    dot,
    fill,
    lines,
    mixed,
    opaque,
)
from engine.types import Floats, Image, Prediction

# Seconds since the start of a film: float32 would be off by a frame after an hour.
Times = NDArray[np.float64]

SAMPLES: Final = 400  # kept per face; more than a 1080p strip can show apart
FACES: Final = 16  # traces kept; the one silent for longest goes first
_OPACITY: Final = 0.78
_AROUSAL: Final = 0.75  # strength of the arousal curve's colour beside valence's
_GRID: Final[Colour] = (84, 80, 76)
_KEYS: Final = ("valence", "arousal")
_SPAN: Final = 5  # equal parts into which faint upright lines divide the time axis


class Trace:
    """Valence and arousal of one face over the last seconds, in constant memory."""

    def __init__(self, spacing_s: float) -> None:
        """Start empty.

        Args:
            spacing_s: Samples closer than this replace one another.
        """
        self._spacing_s = spacing_s
        self._rows: Times = np.empty((2 * SAMPLES, 4))
        self._start = self._stop = 0
        self._updates = -1
        self.last_s = -np.inf

    def __len__(self) -> int:
        return self._stop - self._start

    def add(
        self, update: int, time_s: float, valence: float, arousal: float, *, doubted: bool = False
    ) -> None:
        """Append one sample, after a break if the face missed the update before.

        Args:
            update: Running number of the strip's update.
            time_s: Presentation time.
            valence: -1 to 1.
            arousal: -1 to 1.
            doubted: They follow from classes of which the network is not sure.
        """
        if len(self) and update != self._updates + 1:
            self._append(np.nan, np.nan, np.nan, np.nan)
        elif len(self) > 1 and time_s - self._rows[self._stop - 2, 0] < self._spacing_s:
            self._stop -= 1
        self._append(time_s, valence, arousal, doubted)
        self._updates = update
        self.last_s = time_s

    def _append(self, *row: float) -> None:
        if self._stop == len(self._rows):
            kept = self._rows[-SAMPLES + 1 :].copy()
            self._rows[: len(kept)] = kept
            self._start, self._stop = 0, len(kept)
        self._rows[self._stop] = row
        self._stop += 1
        self._start = max(self._start, self._stop - SAMPLES)

    @property
    def newest(self) -> tuple[float, float, float]:
        """Time, valence and arousal of the last sample."""
        time_s, valence, arousal = self._rows[self._stop - 1, :3]
        return float(time_s), float(valence), float(arousal)

    @property
    def doubted(self) -> bool:
        """Whether the last sample is."""
        return bool(self._rows[self._stop - 1, 3])

    def runs(self, since_s: float) -> list[Times]:
        """Give the stretches without a break.

        Args:
            since_s: Start of the window; the sample before it is kept, so that a curve runs
                up to the edge.

        Returns:
            Arrays (N, 4) of time, valence, arousal, and 1 where they are doubted, oldest first,
            N at least 1.
        """
        rows = self._rows[self._start : self._stop]
        recent = np.flatnonzero(rows[:, 0] >= since_s)
        rows = rows[max(0, int(recent[0]) - 1) :] if len(recent) else rows[:0]
        breaks = np.flatnonzero(np.isnan(rows[:, 0]))
        pieces = np.split(rows, breaks)
        return [run for piece in pieces if len(run := piece[np.isfinite(piece[:, 0])])]


class Curves:
    """Valence as a solid curve and arousal as a thinner dashed one, inside a region."""

    def __init__(self, rect: Rect, seconds: float, *, line: float, dash_px: int) -> None:
        """Lay the curves out.

        Args:
            rect: Where they lie in what they are drawn into, pixels.
            seconds: Length of the time axis.
            line: Width of the valence curve, pixels.
            dash_px: Length of a dash.
        """
        self._plot, self._seconds = rect, seconds
        self._line, self._dash_px = line, dash_px

    @property
    def speed(self) -> float:
        """How fast they go, pixels a second; below 0 to the left."""
        return (1 - self._plot.width) / self._seconds

    def draw(
        self,
        image: Surface,
        trace: Trace,
        now_s: float,
        colour: Colour,
        *,
        dashed: bool = True,
        since_s: float = -np.inf,
    ) -> None:
        """Draw one face's curves into `image` in place.

        Args:
            image: (H, W, 3) uint8, BGR.
            trace: What it showed.
            now_s: At the right edge.
            colour: Of the face; what is doubted is grey.
            dashed: Draw arousal as well.
            since_s: Draw only what is newer, joined to what was before.
        """
        plot = image[:, self._plot.x0 : self._plot.x1]
        for run in trace.runs(max(since_s, now_s - self._seconds)):
            for part in _parted(run):
                self._draw_run(plot, part, now_s, GREY if part[-1, 3] else colour, dashed)

    def _draw_run(
        self, plot: Surface, run: Times, now_s: float, colour: Colour, dashed: bool
    ) -> None:
        if len(run) == 1:  # one sample has no length: a dot shows that it is there
            for column, radius in ((1, self._line), (2, self._line / 2))[: 1 + dashed]:
                x, y = self._path(run, column, now_s)[0].tolist()
                dot(plot, x, y, radius, colour)
            return
        if dashed:
            at, cuts = self._dashes(run[:, 0])
            path = np.stack([at, np.interp(at, run[:, 0], run[:, 2])], axis=1)
            thin = max(1.0, 0.6 * self._line)
            curve(plot, self._path(path, 1, now_s), mixed(colour, INK, _AROUSAL), thin, cuts)
        curve(plot, self._path(run, 1, now_s), colour, self._line)

    def _dashes(self, times: Times) -> tuple[Times, list[slice]]:
        """Cut a run into dashes that are tied to the clock, so that they travel with the curve.

        Returns:
            The times with the dashes' ends among them, and where each dash lies in these.
        """
        period = 2 * self._dash_px * self._seconds / self._plot.width
        starts = np.arange(np.floor(times[0] / period), times[-1] / period) * period
        stops = np.clip(starts + period / 2, times[0], times[-1])
        starts = np.clip(starts, times[0], times[-1])
        at = np.unique(np.concatenate([times, starts, stops]))
        low, high = np.searchsorted(at, starts), np.searchsorted(at, stops) + 1
        return at, [slice(a, b) for a, b in zip(low, high, strict=True) if b - a > 1]

    def _path(self, run: Times, column: int, now_s: float) -> Floats:
        """Place one column of a run in the plot, (N, 2) float32 pixels."""
        x = (self._plot.width - 1) * (1 - (now_s - run[:, 0]) / self._seconds)
        return np.stack([x, self.level(run[:, column])], axis=1).astype(np.float32)

    def level(self, value: Times | float) -> Times:
        """Turn -1..1 into the row of the region, pixels."""
        middle, reach = (self._plot.y0 + self._plot.y1 - 1) / 2, (self._plot.height - 1) / 2
        level: Times = middle - np.clip(value, -1, 1) * reach
        return level


class Timeline:
    """Keeps what every face showed lately and draws it as a translucent strip.

    Valence is a solid curve, arousal a thinner dashed one, both in the face's colour; the
    newest value is at the right, with the face's id.
    """

    def __init__(self, rect: Rect, seconds: float, *, text: int, line: float) -> None:
        """Lay the strip out.

        Args:
            rect: Where it lies in the frame, pixels.
            seconds: Length of the time axis.
            text: Pixels to the em.
            line: Width of the valence curve, pixels.
        """
        self.rect = rect
        self._seconds = seconds
        self._text = text
        self._line = line
        self._writer = Writer()
        self._traces: dict[int, Trace] = {}
        self._updates = 0
        self._now_s = -np.inf
        self._sketched_s = -np.inf
        self._derived = False
        self._dash_px = max(4, round(0.45 * text))
        self._plot = self._lay_out()
        self._curves = Curves(self._plot, seconds, line=line, dash_px=self._dash_px)
        self._panels: dict[tuple[bool, int], Image] = {}

    @property
    def face_ids(self) -> tuple[int, ...]:
        """Ids whose curves are in the window."""
        return tuple(self._traces)

    @property
    def samples(self) -> int:
        """Samples kept, all faces together."""
        return sum(len(trace) for trace in self._traces.values())

    def update(
        self, time_s: float, predictions: Sequence[Prediction], uncertain_below: float = 0.0
    ) -> None:
        """Take in one frame; a time before the last one starts the strip anew.

        Args:
            time_s: The frame's presentation time.
            predictions: Of the faces present.
            uncertain_below: Reliability, 0 to 1, below which what is derived is doubted.
        """
        if time_s < self._now_s:
            self._traces.clear()
        self._now_s = time_s
        self._updates += 1
        for face in predictions:
            if face.valence is None or face.arousal is None:
                continue
            if face.track_id not in self._traces:
                self._traces[face.track_id] = Trace(self._seconds / (SAMPLES - 1))
            trace = self._traces[face.track_id]
            doubted = face.derived and (face.reliability or 0.0) < uncertain_below
            trace.add(self._updates, time_s, face.valence, face.arousal, doubted=doubted)
            self._derived = face.derived
        self._forget()

    def _forget(self) -> None:
        oldest_first = sorted(self._traces, key=lambda face: self._traces[face].last_s)
        for rank, face in enumerate(oldest_first):
            late = self._traces[face].last_s < self._now_s - self._seconds
            if late or rank < len(oldest_first) - FACES:
                del self._traces[face]

    def draw(
        self, image: Surface, colours: Mapping[int, Colour], names: Mapping[int, str] | None = None
    ) -> None:
        """Lay the strip over the bottom of `image` in place.

        Args:
            image: (H, W, 3) uint8, BGR, or a sheet (H, W, 4), of the size it was laid out for.
            colours: BGR of every id in `face_ids`.
            names: By id, what stands in place of the number, where there is room.
        """
        x0, y0, x1, y1 = self.rect
        strip: Surface = image[y0:y1, x0:x1]
        if not isinstance(strip, np.ndarray):
            self._sketch(strip, colours, names or {})
            return
        key = self._derived, strip.shape[2]
        if key not in self._panels:
            self._panels[key] = opaque(self._render_panel(), strip)
        cv2.addWeighted(strip, 1 - _OPACITY, self._panels[key], _OPACITY, 0, dst=strip)
        for face, trace in self._traces.items():
            self._curves.draw(strip, trace, self._now_s, colours[face])
        self._draw_tips(strip, colours, names or {})

    def _sketch(
        self, strip: Sketch, colours: Mapping[int, Colour], names: Mapping[int, str]
    ) -> None:
        """Draw the ground where it is due, curves as far as they are new, and the newest values."""
        ground = strip.sheet("ground", self._now_s)
        if ground is not None:
            x0, y0, x1, y1 = self.rect
            fill(ground.veiled(_OPACITY), corners((0, 0, x1 - x0 - 1, y1 - y0 - 1)), INK)
            self._draw_panel(ground.veiled(_OPACITY))
            self._sketched_s = -np.inf
        curves = strip.sheet("curves", self._now_s)
        tips = strip.sheet("tips", self._now_s)
        if curves is None or tips is None:
            return
        moving, since_s = curves.moving(self._curves.speed), self._sketched_s
        for face, trace in self._traces.items():
            if trace.last_s > since_s:
                later_s = np.nextafter(since_s, np.inf)
                self._curves.draw(moving, trace, self._now_s, colours[face], since_s=later_s)
        self._draw_tips(tips, colours, names)
        self._sketched_s = self._now_s

    def _draw_tips(
        self, strip: Surface, colours: Mapping[int, Colour], names: Mapping[int, str]
    ) -> None:
        """Mark the newest values, with the ids beside them, moved apart where they collide."""
        tips = []
        for face, trace in self._traces.items():
            if trace.last_s == self._now_s:
                _, valence, arousal = trace.newest
                colour = GREY if trace.doubted else colours[face]
                dot(
                    strip, self._plot.x1 - 1, float(self._curves.level(arousal)), self._line, colour
                )
                row = float(self._curves.level(valence))
                dot(strip, self._plot.x1 - 1, row, 1.6 * self._line, colour)
                tips.append((row, face))
        gap = 0.85 * self._text
        if len(tips) * gap > self.rect.height:
            return  # illegible; the colours still tell the faces apart
        rows = spread([row for row, _ in tips], gap, self.rect.height)
        x = self._plot.x1 + 0.5 * self._text
        for row, (_, face) in zip(rows, tips, strict=True):
            called, size = names.get(face) or str(face), self._text
            room = x + self._writer.width(called, size, weight=600) <= self.rect.width
            if face not in names or room:  # the colour tells too
                put = self._writer.put
                put(strip, called, x, row, size=size, weight=600, colour=colours[face])

    def _lay_out(self) -> Rect:
        """Find the plot's place in the strip: keys and axis at its left, ids at its right."""
        width, height = self.rect.width, self.rect.height
        pad = round(0.6 * self._text)
        keys = self._dash_px * 6 + max(self._writer.width(name, self._text) for name in _KEYS)
        axis = self._writer.width("+1", self._text)
        return Rect(
            round(3.2 * pad + keys + axis), pad, width - round(2.6 * self._text), height - pad
        )

    def _render_panel(self) -> Image:
        """Draw what never changes: ground, grid, axis and keys."""
        panel = np.full((self.rect.height, self.rect.width, 3), INK, np.uint8)
        self._draw_panel(panel)
        return panel

    def _draw_panel(self, panel: Surface) -> None:
        plot, text, put = self._plot, self._text, self._writer.put
        hair = max(1, round(self._line / 2))
        for x in np.linspace(plot.x0, plot.x1 - 1, _SPAN + 1):
            upright = np.array([[x, plot.y0], [x, plot.y1 - 1]], np.float32)
            lines(panel, [upright], _GRID, hair)
        for value, sign in ((1, "+1"), (0, "0"), (-1, "\N{MINUS SIGN}1")):
            row = float(self._curves.level(value))
            level = np.array([[plot.x0, row], [plot.x1 - 1, row]], np.float32)
            lines(panel, [level], GREY if value == 0 else _GRID, hair)
            x = plot.x0 - 0.5 * text - self._writer.width(sign, text)
            put(panel, sign, x, row, size=text, colour=GREY)
        self._draw_keys(panel)

    def _draw_keys(self, panel: Surface) -> None:
        text, dash, put = self._text, self._dash_px, self._writer.put
        x, middle = 0.6 * text, (self.rect.height - 1) / 2
        caption = f"{'derived' if self._derived else 'last'} {self._seconds:g} s"
        put(panel, caption, x, middle + 1.3 * text, size=text, colour=GREY)
        for name, row in zip(_KEYS, (middle - 1.3 * text, middle), strict=True):
            solid = name == "valence"
            ends = x + dash * np.array([[0, 5]] if solid else [[0, 1], [2, 3], [4, 5]])
            paths = [np.array([[a, row], [b, row]], np.float32) for a, b in ends]
            lines(panel, paths, WHITE, max(1, round((1.0 if solid else 0.6) * self._line)))
            put(panel, name, x + 6 * dash, row, size=text, colour=WHITE)


def _parted(run: Times) -> list[Times]:
    """Part a run where doubt begins or ends; parts share the sample at which they meet."""
    turns = np.flatnonzero(np.diff(run[:, 3])) + 1
    starts, stops = [0, *(turns - 1)], [*turns, len(run)]
    parts = [run[start:stop] for start, stop in zip(starts, stops, strict=True)]
    return [part for part in parts if len(part) > 1 or len(run) == 1]


def spread(rows: Sequence[float], gap: float, height: float) -> list[float]:
    """Move marks apart until neighbours are `gap` pixels from one another.

    Args:
        rows: Wanted places, pixels, in any order.
        gap: Least distance, pixels; `height` must hold as many.
        height: Of the strip, pixels; marks stay half a gap inside it.

    Returns:
        The places, in the order of `rows`.
    """
    if not rows:
        return []
    order = np.argsort(rows, kind="stable")
    ranks = np.arange(len(rows)) * gap
    # Rank by rank, the place minus rank * gap must not fall: a running maximum, kept in bounds.
    placed = np.maximum.accumulate(np.asarray(rows)[order] - ranks)
    placed = np.clip(placed, gap / 2, height - gap / 2 - ranks[-1]) + ranks
    result = np.empty(len(rows))
    result[order] = placed
    return [float(place) for place in result]
