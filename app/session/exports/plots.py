"""Plot of a session: valence and arousal over time, labels as bands, markers; PNG or SVG."""

import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from app.session.folder import Marker
from app.session.history import FaceHistory
from app.session.palette import face_colour, ink_on, label_colour
from app.session.review import Review
from engine.errors import ConfigError
from engine.origin import text_of
from engine.record import ORIGIN
from engine.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

WIDTH_IN: Final = 11.0
CURVE_IN: Final = 2.0  # height of a plot of curves
BAND_IN: Final = 0.34  # height of a face's band
DPI: Final = 150
FACES: Final = 12  # drawn; those seen longest
MARKERS: Final = 40  # named; more could not be read
PLACES: Final = 2000  # of lines for markers, over the whole length
LETTERS: Final = 200  # of a marker; of those, as many as the height holds
MARKER_PT: Final = 7
ASIDE_IN: Final = 0.5  # from a marker's line to its text, at most
POINTS: Final = 1500  # of a curve
WORD_IN: Final = 0.075  # width of a letter in a band
TITLE: Final = 120  # letters of the name
NAME: Final = 24  # letters of a face's
SERIES: Final = ("valence", "arousal")


def write_plot(review: Review, path: Path, target: Path) -> None:
    """Draw the session.

    Args:
        review: With its corrections.
        path: Where to write; its ending chooses PNG or SVG.
        target: Where it will lie.

    Raises:
        ConfigError: matplotlib is missing.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            f"{target}: plots need matplotlib; pip install 'fer-live[app]'"
        ) from error
    tracks = sorted(review.tracks(), key=lambda track: -track.face.seen_s)[:FACES]
    faces = sorted(track.face.id for track in tracks)
    rules = rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "fer-live",
            "font.size": 9,
            "text.parse_math": False,  # a marker may hold dollars
        }
    )
    with rules, warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from font")  # shown as a box
        figure = Figure(layout="constrained", dpi=DPI)
        _draw(figure, review, faces)
        form = path.suffix.lower().removeprefix(".")
        said = text_of(review.origin) if review.origin else None
        own: dict[str, Any] = {ORIGIN: said} if said else {}
        if form == "svg":  # whose keys are those of the Dublin Core
            own = {"Date": None, "Description": said}
        figure.savefig(path, format=form, dpi=DPI, metadata=own)


def _draw(figure: "Figure", review: Review, faces: list[int]) -> None:
    bands_in = BAND_IN * max(1, len(faces)) + 0.5
    figure.set_size_inches(WIDTH_IN, 2 * CURVE_IN + bands_in + 0.6)
    top, middle, bottom = figure.subplots(
        3, 1, sharex=True, height_ratios=(CURVE_IN, CURVE_IN, bands_in)
    )
    for axes, series in zip((top, middle), SERIES, strict=True):
        _draw_curves(axes, review, faces, series)
    if faces:
        top.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=12, frameon=False)
    _draw_bands(bottom, review, faces)
    length_s = max(review.duration_s, 0.1)
    bottom.set_xlim(0, length_s)
    bottom.set_xlabel("time, s")
    # Each place once: thousands of lines take minutes and show no more.
    lasting = [(m.time_s, m.end_s - m.time_s) for m in review.markers if m.end_s is not None]
    edges = [marker.time_s for marker in review.markers] + [sum(span) for span in lasting]
    spots = np.array(edges) / length_s * PLACES
    times = np.unique(np.round(spots)) * length_s / PLACES
    for axes in (top, middle, bottom):
        axes.vlines(times, 0, 1, transform=axes.get_xaxis_transform(), color="#303030",
                    linewidth=0.8, linestyle=":")  # fmt: skip
        axes.broken_barh(lasting, (0, 1), transform=axes.get_xaxis_transform(), linewidth=0,
                         color="#303030", alpha=0.1, zorder=0)  # fmt: skip
    left_out = len(review.faces) - len(faces)
    more = f", {counted(left_out, 'face')} seen more briefly left out" if left_out else ""
    title = figure.suptitle(f"{review.name[:TITLE]}{more}", fontsize=10, x=0.01, ha="left")
    named = _name_markers(figure, top, review.markers[:MARKERS], length_s)
    if bare := len(review.markers) - named:
        title.set_text(f"{title.get_text()}, {counted(bare, 'marker')} without text")


def _name_markers(
    figure: "Figure", axes: "Axes", markers: Sequence[Marker], length_s: float
) -> int:
    """Write markers' texts beside their lines, none over another; give how many had room."""
    ground = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.5}
    texts = [
        axes.text(marker.time_s / length_s, 0.98, marker.text[:LETTERS], rotation=90, va="top",
                  ha="left", fontsize=MARKER_PT, transform=axes.transAxes, bbox=ground,
                  in_layout=False)
        for marker in markers
    ]  # fmt: skip
    figure.draw_without_rendering()  # the layout says where the axes are
    frame, point = axes.get_window_extent(), figure.dpi / 72
    for text in texts:
        _shorten(text, 0.96 * frame.height)
    wide = [text.get_window_extent().width + 2 * point for text in texts]
    lines = [frame.width * marker.time_s / length_s for marker in markers]
    places = _beside(lines, wide, frame.width, ASIDE_IN * figure.dpi)
    for number, text in enumerate(texts):
        if number in places:
            text.set_x((places[number] + point) / frame.width)
        else:
            text.remove()
    return len(places)


def _shorten(text: "Text", most: float) -> None:
    """Cut a text that stands upright to a height, in place."""
    words = text.get_text()
    while words and (height := text.get_window_extent().height) > most:
        words = words[: min(len(words) - 1, int(len(words) * most / height))]
        text.set_text(f"{words}…")


def _beside(
    lines: Sequence[float], wide: Sequence[float], room: float, most: float
) -> dict[int, float]:
    """Say where texts begin that stand side by side, each close to its line.

    Args:
        lines: Where the lines are, in order.
        wide: The texts' widths.
        room: Where the last one ends, at most.
        most: From a line to its text, at most.

    Returns:
        By number; those that have no room are left out.
    """
    left = list(range(len(lines)))
    while True:
        places: dict[int, float] = {}
        free = 0.0
        for number in left:
            places[number] = max(lines[number], free)
            free = places[number] + wide[number]
        free = room
        for number in reversed(left):
            places[number] = min(places[number], free - wide[number])
            free = places[number]
        # One that ends at its line is as close as one that begins there.
        away = {
            number: max(place - lines[number], lines[number] - place - wide[number])
            for number, place in places.items()
        }
        if not away or max(away.values()) <= most:
            return places
        left.remove(max(away, key=lambda number: away[number]))


def _titles(review: Review, faces: list[int]) -> dict[int, str]:
    """Name the faces, briefly; a legend leaves out what begins with an underscore."""
    titles = review.named.titles(faces)
    return {
        face: title[:NAME].replace("_", " _", title[0] == "_") for face, title in titles.items()
    }


def _draw_curves(axes: "Axes", review: Review, faces: list[int], series: str) -> None:
    titles = _titles(review, faces)
    for face in faces:
        times, values = review.series(face, series)
        if not np.isfinite(values).any():
            continue
        history = FaceHistory(1, points=POINTS)
        for time_s, value in zip(times, values, strict=True):
            # An empty value is no sample; of two frames of one time the first counts, and a time
            # that is nan is not later.
            if np.isfinite(value) and time_s > history.last_s:
                history.add(float(time_s), np.array([value], np.float32))
        curve = history.curve(0)
        colour = face_colour(review.named.hue(face), light=True)
        axes.fill_between(curve.times, curve.low, curve.high, color=colour, alpha=0.3, linewidth=0)
        axes.plot(curve.times, curve.mean, color=colour, linewidth=1.4, label=titles[face])
    axes.axhline(0, color="#808080", linewidth=0.6)
    axes.set_ylim(-1.05, 1.05)
    axes.set_yticks((-1, 0, 1), ("\N{MINUS SIGN}1", "0", "+1"))
    axes.set_ylabel(series)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_bands(axes: "Axes", review: Review, faces: list[int]) -> None:
    """Draw a row for each face: its labels as coloured bands, named where there is room."""
    per_s = WIDTH_IN / max(review.duration_s, 0.1)
    spans = [
        (row, span) for row, face in enumerate(faces) for span in review.spans(face) if span.label
    ]
    kinds: dict[tuple[int, str, bool], list[tuple[float, float]]] = defaultdict(list)
    for row, span in spans:
        kinds[row, span.label, span.corrected].append((span.start_s, span.end_s - span.start_s))
    for (row, label, corrected), bands in kinds.items():
        # One drawing for all spans of a kind: a long session has tens of thousands.
        axes.broken_barh(
            bands,
            (row - 0.4, 0.8),
            facecolors=label_colour(label),
            hatch="//" if corrected else None,
            edgecolor="#404040" if corrected else "none",
            linewidth=0,
        )
    for row, span in spans:
        width_s = span.end_s - span.start_s
        if width_s * per_s * 0.9 > WORD_IN * len(span.label):
            colour = label_colour(span.label)
            middle_s = span.start_s + width_s / 2
            ground = {"facecolor": colour, "linewidth": 0, "pad": 1.0}  # over the hatching
            axes.text(middle_s, row, span.label, color=ink_on(colour), fontsize=7,
                      ha="center", va="center", bbox=ground)  # fmt: skip
    seen = {label for _, label, _ in kinds}
    axes.set_ylim(max(1, len(faces)) - 0.5, -0.5)
    axes.set_yticks(range(len(faces)), list(_titles(review, faces).values()))
    axes.spines[["top", "right"]].set_visible(False)
    named = [label for label in review.labels if label in seen]
    _add_legend(axes, named, any(corrected for _, _, corrected in kinds), len(faces))


def _add_legend(axes: "Axes", labels: Sequence[str], corrected: bool, faces: int) -> None:
    handles = [
        axes.scatter([], [], marker="s", s=40, color=label_colour(label), label=label)
        for label in labels
    ]
    if corrected:
        handles.append(axes.scatter([], [], marker="s", s=40, facecolor="white", hatch="//////",
                                    edgecolor="#404040", label="corrected"))  # fmt: skip
    if handles:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, -0.55 / faces - 0.2),
                    ncols=8, frameon=False, fontsize=8)  # fmt: skip
