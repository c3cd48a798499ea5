"""Give the bundled portrait other expressions: its landmarks move, and the picture follows.

A thin-plate spline carries the skin from where the landmarks are to where an expression wants
them. The mouth tears it, so there are two of them: one follows the upper lip, one the lower.
Between the lips lie the portrait's own teeth, which hang on the upper jaw, over a dark ground.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from demo_looks import Look
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


# Landmarks, pixels of the portrait. They began as those that the product's own landmark network
# finds and were moved by hand to where the picture has them; left is the picture's left.
_BROWS: Final = np.array(
    [
        [(126.2, 91.5), (130, 89.8), (134.8, 88.8), (139.5, 89.4), (144.5, 91), (149.7, 92.8)],
        [(199.3, 95.8), (196.4, 94), (190.5, 92.6), (185.5, 92.5), (180.5, 92.8), (174.5, 93.5)],
    ]
)
_INNERNESS: Final = np.array([0, 0.2, 0.4, 0.6, 0.8, 1.0])  # of a brow's points
# Outer corner, upper lid, inner corner, lower lid.
_EYES: Final = np.array(
    [
        [
            *((129.4, 99), (134.5, 96.8), (139.4, 96.6), (144.3, 98.8)),
            *((149.4, 102.5), (144.3, 103.7), (139.4, 104.3), (134.5, 102.8)),
        ],
        [
            *((192.9, 103.5), (187.8, 100.4), (182.6, 99.7), (177, 101.1)),
            *((171.6, 104.5), (177, 105.8), (182.6, 106.3), (187.8, 105.4)),
        ],
    ]
)
_CREASES: Final = np.array(  # of the upper lids: they follow the lids half way
    [[(133, 94.4), (139, 93.7), (145.5, 95.6)], [(189.5, 97.6), (183, 96.7), (176, 98)]]
)
_NOSE: Final = np.array(
    [(160.7, 103), (160.2, 113), (160, 126.5), (159.5, 134), (152.2, 131), (168.4, 131.3)]
)
_WINGS: Final = np.array([(147.2, 127.6), (172.9, 128)])
_CHEEKS: Final = np.array([(133.0, 118), (188, 121), (126, 131), (197, 134)])
_JAW: Final = np.array(
    [
        *((115.8, 119), (117.8, 134), (120.7, 147.7), (124.6, 156.5), (130.5, 164.4)),
        *((137.4, 170.3), (146.3, 175.7), (155.1, 177.6), (163.9, 177.6), (173.8, 175.2)),
        *((181.6, 169.8), (188.5, 163.9), (195.4, 157.5), (200.3, 148.7), (206.2, 134)),
    ]
)
_CHIN: Final = np.array([(148.0, 164), (160, 162.5), (172, 164)])
_STILL: Final = np.array(  # hair, ears, collar
    [
        *((118, 78), (130, 72), (146, 74), (160, 76), (176, 79), (190, 81), (203, 84)),
        *((134, 81.5), (149, 83), (168, 84), (186, 86)),
        *((112, 92), (108, 106), (105, 122), (209, 98), (213, 112), (213, 128)),
        *((122, 172), (124, 188), (142, 192), (160, 194), (178, 192), (192, 186), (203, 166)),
    ]
)
_CORNERS: Final = np.array([(138.9, 139.5), (182, 140.7)])
_UPPER_OUTER: Final = np.array(
    [
        *((144.3, 138.3), (151.2, 138), (156, 137.8), (160, 138.8), (164, 138.3)),
        *((169.8, 139.1), (176.7, 139.8)),
    ]
)
_UPPER_INNER: Final = np.array(
    [
        *((144.3, 141), (150.2, 142.6), (155, 143.5), (160, 144), (164.9, 143.8)),
        *((169.8, 143.2), (175.7, 141.9)),
    ]
)
_LOWER_INNER: Final = np.array(
    [
        *((143.3, 144.4), (147.5, 147.3), (152.7, 148.9), (160, 149.7), (166.3, 148.9)),
        *((171.5, 147.1), (176.3, 144.7)),
    ]
)
_LOWER_OUTER: Final = np.array(
    [
        *((142.3, 146.7), (147.2, 150.6), (152.2, 153.6), (159.7, 154.9), (166.4, 154)),
        *((171.8, 152), (177.2, 148.6)),
    ]
)
_FOLDS: Final = (
    np.array([(143.5, 122.5), (141, 127), (137, 131.5), (133.2, 135), (132, 138), (132.5, 142)]),
    np.array([(172.8, 122), (176, 127), (180.5, 131.5), (185, 136), (186.3, 140), (185.5, 145)]),
)
_LINES: Final = (np.array([(156.5, 88), (157.3, 96)]), np.array([(166, 89), (165, 97)]))

# The mouth at rest. Along the lip line: -1 and 1 are its corners.
_ALONG: Final = np.array([-0.72, -0.42, -0.18, 0, 0.18, 0.42, 0.72])
_REST_CENTRE: Final = np.array([160.4, 144.4])
_REST_HALF: Final = 16.2
_TILT: Final = 0.034  # of the head: pixels down for each to the right
_BOW: Final = np.array([2.3, 3.9, 4.6, 4.0, 4.6, 3.9, 2.3])  # height of the upper lip
_FULL: Final = np.array([3.5, 5.6, 6.3, 6.5, 6.3, 5.6, 3.5])  # of the lower lip

_FINE: Final = 2  # the warp works on pixels this many times smaller
_X0, _Y0, _X1, _Y1 = 92, 56, 228, 204  # what may move, pixels of the portrait
_DARK: Final = np.array([26, 20, 44], np.float32)  # inside the mouth
_TONGUE: Final = np.array([62, 52, 118], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """Where everything lies, (N, 2) each, pixels of the portrait."""

    shared: Doubles
    corners: Doubles
    upper_outer: Doubles
    upper_inner: Doubles
    lower_inner: Doubles
    lower_outer: Doubles

    def opening(self) -> Doubles:
        """Give the outline between the lips, smooth."""
        upper = _smooth([self.corners[:1], self.upper_inner, self.corners[1:]])
        lower = _smooth([self.corners[:1], self.lower_inner, self.corners[1:]])
        return np.concatenate([upper, lower[::-1]])


def _smooth(parts: list[Doubles]) -> Doubles:
    """Draw a Catmull-Rom curve through points."""
    knots = np.concatenate(parts)
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = np.linspace(0, 1, 8, endpoint=False)[:, None]
    curve = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2)
        + 0.5 * (3 * b - a - 3 * c + d) * t**3
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
    ]
    return np.concatenate([*curve, knots[-1:]])


def _source_points() -> _Points:
    shared = [*_BROWS, *_EYES, *_CREASES, _NOSE, _WINGS, _CHEEKS, _JAW, _CHIN, _STILL]
    return _Points(
        np.concatenate(shared), _CORNERS, _UPPER_OUTER, _UPPER_INNER, _LOWER_INNER, _LOWER_OUTER
    )


def _upper_face(look: Look) -> list[Doubles]:
    """Move brows, eyes and the creases of the lids."""
    brows, eyes, creases = _BROWS.copy(), _EYES.copy(), _CREASES.copy()
    rise = np.interp(_INNERNESS, [0, 0.5, 1], [look.brow_outer, look.brow_middle, look.brow_inner])
    for side, inwards in ((0, 1.0), (1, -1.0)):
        brows[side, :, 1] -= rise
        brows[side, :, 0] += inwards * look.brow_close * (0.3 + 0.7 * _INNERNESS)
        eyes[side, 1:4, 1] -= look.lid_upper * np.array([0.85, 1, 0.85])
        eyes[side, 5:8, 1] -= look.lid_lower * np.array([0.8, 1, 0.8])
        # A shut eye keeps a slit: where lids cross, the spline would turn over.
        eyes[side, 1:4, 1] = np.minimum(eyes[side, 1:4, 1], eyes[side, 7:4:-1, 1] - 1.6)
        creases[side, :, 1] -= 0.5 * look.lid_upper + 0.25 * rise[[1, 3, 5]]
    return [*brows, *eyes, *creases]


def _lower_face(look: Look) -> list[Doubles]:
    """Move nose, cheeks and jaw."""
    nose, wings, cheeks, jaw, chin = (
        points.copy() for points in (_NOSE, _WINGS, _CHEEKS, _JAW, _CHIN)
    )
    wings[:, 1] -= look.nose
    wings[:, 0] += 0.35 * look.nose * np.array([-1, 1]) + 0.8 * look.rest * np.array([1, -1])
    nose[4:, 1] -= 0.7 * look.nose
    nose[2:4, 1] -= 0.3 * look.nose
    cheeks[:2, 1] += 1.2 * look.rest - 0.6 * look.nose
    cheeks[2:, 0] += 0.8 * look.rest * np.array([1, -1])
    cheeks[2:, 1] += 0.15 * look.jaw
    low = np.clip((_JAW[:, 1] - 125) / 52, 0, 1) ** 1.3
    drop = look.jaw - 1.6 * look.rest
    jaw[:, 1] += 0.8 * low * drop
    jaw[:, 0] -= 0.004 * look.jaw * (_JAW[:, 0] - 160) * np.sin(np.pi * low)
    chin[:, 1] += 0.85 * drop - 0.7 * look.pout
    return [nose, wings, cheeks, jaw, chin]


def _target_points(look: Look) -> _Points:
    """Say where an expression wants the landmarks."""
    rest = _rest_mouth()
    smile = [_CORNERS, _UPPER_OUTER, _UPPER_INNER, _LOWER_INNER, _LOWER_OUTER]
    mouth = [(1 - look.rest) * a + look.rest * b for a, b in zip(smile, rest, strict=True)]
    corners, upper_outer, upper_inner, lower_inner, lower_outer = mouth
    middle = 1 - np.abs(_ALONG) ** 2.2  # 1 in the middle of the mouth, 0 at its corners
    outwards = np.concatenate([[-1.0], _ALONG, [1.0]]) * look.wide
    for points in (upper_outer, upper_inner, lower_inner, lower_outer):
        points[:, 0] += outwards[1:-1]
        points[:, 1] -= look.corners * (0.9 * np.abs(_ALONG) ** 2.5)
    corners[:, 0] += outwards[[0, -1]]
    corners[:, 1] += 0.42 * look.jaw - look.corners
    raised = look.upper + 0.5 * look.nose
    upper_inner[:, 1] -= middle * (raised - 0.6 * look.press) - 0.08 * look.jaw * (1 - middle)
    upper_outer[:, 1] -= middle * (raised - 0.8 * look.press) * 0.9
    sunk = look.jaw + look.lower - look.pout
    sides = 0.42 * look.jaw * (1 - middle)
    lower_inner[:, 1] += middle * sunk + sides
    lower_outer[:, 1] += middle * (0.9 * sunk - 1.6 * look.press) + sides
    upper_inner[:, 1] += sides * 0.9
    upper_outer[:, 1] += sides * 0.6
    lower_inner[:, 1] = np.maximum(lower_inner[:, 1], upper_inner[:, 1])
    shared = np.concatenate([*_upper_face(look), *_lower_face(look), _STILL])
    return _Points(shared, corners, upper_outer, upper_inner, lower_inner, lower_outer)


def _rest_mouth() -> list[Doubles]:
    """Lay out the closed mouth."""
    x = _REST_CENTRE[0] + _REST_HALF * _ALONG
    line = _REST_CENTRE[1] + _TILT * (x - _REST_CENTRE[0]) + 0.5 * (1 - _ALONG**2)
    ends = _REST_CENTRE[0] + _REST_HALF * np.array([-1, 1])
    corners = np.stack([ends, _REST_CENTRE[1] + _TILT * (ends - _REST_CENTRE[0])], 1)
    heights = (-_BOW, 0 * _BOW, 0 * _BOW, _FULL)
    return [corners, *(np.stack([x, line + height], 1) for height in heights)]


def _spline(source: Doubles, target: Doubles, at: Doubles) -> Doubles:
    """Carry points `at` of the new picture to where they were, by a thin-plate spline."""

    def kernel(a: Doubles, b: Doubles) -> Doubles:
        square = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        return 0.5 * square * np.log(np.maximum(square, 1e-12))

    count = len(target)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = kernel(target, target) + 0.02 * np.eye(count)
    system[:count, count:] = np.hstack([np.ones((count, 1)), target])
    system[count:, :count] = system[:count, count:].T
    wanted = np.vstack([source - target, np.zeros((3, 2))])
    weights = np.linalg.solve(system, wanted)
    return at + kernel(at, target) @ weights[:count] + weights[count] + at @ weights[count + 1 :]


def _maps(look: Look) -> tuple[_Points, Floats, Floats]:
    """Say for each fine pixel of the moving part where it was, above and below the mouth."""
    before, after = _source_points(), _target_points(look)
    step = 2
    x, y = np.arange(_X0, _X1, step), np.arange(_Y0, _Y1, step)
    at = np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 2).astype(np.float64)
    rim = np.minimum.reduce([at[:, 0] - _X0, _X1 - at[:, 0], at[:, 1] - _Y0, _Y1 - at[:, 1]])
    share = np.clip(rim / 14, 0, 1)[:, None]
    maps = []
    for lips in (("upper_outer", "upper_inner"), ("lower_inner", "lower_outer")):
        source, target = (
            np.concatenate([points.shared, points.corners, *(getattr(points, n) for n in lips)])
            for points in (before, after)
        )
        was = at + share * (_spline(source, target, at) - at)
        coarse = was.reshape(len(y), len(x), 2).astype(np.float32)
        # Pixel centres: a fine pixel i lies at _X0 + (i + 0.5) / _FINE - 0.5.
        width, height = (_X1 - _X0) * _FINE, (_Y1 - _Y0) * _FINE
        fine_x = ((np.arange(width) + 0.5) / _FINE - 0.5) / step
        fine_y = ((np.arange(height) + 0.5) / _FINE - 0.5) / step
        grid = np.meshgrid(fine_x.astype(np.float32), fine_y.astype(np.float32))
        maps.append(cv2.remap(coarse, *grid, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    return after, maps[0], maps[1]


def _stroke(lines: tuple[Doubles, ...], width: float, soft: float, size: int) -> Floats:
    """Draw soft lines, (size, size) float32, 0 to 1."""
    mask = np.zeros((size, size), np.float32)
    for line in lines:
        points = np.rint(_smooth([line]) * 16).astype(np.int32)
        cv2.polylines(mask, [points], False, 1.0, max(1, round(width)), cv2.LINE_AA, 4)
    return np.clip(cv2.GaussianBlur(mask, (0, 0), soft), 0, 1)


@cache
def _strokes() -> tuple[Floats, ...]:
    """Give the places of folds, frown lines and brows on the portrait."""
    folds = _stroke(_FOLDS, 5, 1.6, 320)
    y, x = np.mgrid[0:320, 0:320].astype(np.float32)
    cheeks = sum(
        np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / 2 / 7**2)
        for at_x, at_y in ((136, 121), (188, 126))
    )
    lips = np.zeros((320, 320), np.float32)
    points = _source_points()
    for outer, inner in (
        (points.upper_outer, points.upper_inner),
        (points.lower_outer, points.lower_inner),
    ):
        ends = points.corners[:1], points.corners[1:]
        around = [_smooth([ends[0], lip, ends[1]]) for lip in (outer, inner)]
        outline = np.concatenate([around[0], around[1][::-1]])
        cv2.fillPoly(lips, [np.rint(outline * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    lips = cv2.GaussianBlur(lips, (0, 0), 0.9)
    lines = _stroke(_LINES, 1, 1.3, 320)
    brows = _stroke(tuple(_BROWS), 2, 0.8, 320)
    return folds, lines / lines.max(), brows / brows.max(), cheeks, lips


def _skin(portrait: Image, look: Look) -> Floats:
    """Paint what a spline cannot move: folds go, lines come."""
    folds, lines, brows, cheeks, lips = (mask[..., None] for mask in _strokes())
    hole = (folds[..., 0] > 0.3).astype(np.uint8)
    filled = cv2.GaussianBlur(cv2.inpaint(portrait, hole, 4, cv2.INPAINT_TELEA), (0, 0), 1.0)
    skin = portrait.astype(np.float32)
    gone = np.clip(look.rest - look.fold, -1, 1)
    skin += (filled - skin) * np.clip(1.3 * folds, 0, 1) * 0.85 * gone
    skin *= 1 - np.array([0.25, 0.23, 0.17], np.float32) * look.frown * lines
    skin *= 1 - np.array([0.16, 0.13, 0.08], np.float32) * look.rest * cheeks
    skin *= 1 - np.array([0.2, 0.24, 0.1], np.float32) * look.rest * lips
    skin *= 1 - np.array([0.42, 0.38, 0.28], np.float32) * look.bright * brows
    return np.clip(skin, 0, 255)


def change(portrait: Image, look: Look) -> Image:
    """Give the portrait an expression.

    Args:
        portrait: (320, 320, 3) uint8, BGR: the bundled one, whose landmarks are known here.
        look: What to show.

    Returns:
        (320, 320, 3) uint8, BGR.
    """
    points, upper, lower = _maps(look)
    skin = _skin(portrait, look)
    fine = (points.opening() - [_X0, _Y0] + 0.5) * _FINE - 0.5
    height, width = upper.shape[:2]
    hole = np.zeros((height, width), np.float32)
    cv2.fillPoly(hole, [np.rint(fine * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    below = _below(points, width, height)[..., None]
    was = upper + (lower - upper) * below
    face = cv2.remap(skin, was[..., 0], was[..., 1], cv2.INTER_CUBIC)
    inside = _mouth(portrait, points, look)
    line = cv2.GaussianBlur(_lip_line(points, width, height), (0, 0), 1.1)
    shade = np.array([0.55, 0.55, 0.42], np.float32) * look.rest
    face *= 1 - shade * np.clip(line, 0, 1)[..., None]
    gap = np.max(points.lower_inner[:, 1] - points.upper_inner[:, 1])
    hole = cv2.GaussianBlur(hole, (0, 0), 0.7)[..., None] * np.clip(gap / 1.5, 0, 1)
    face += (inside - face) * hole
    small = cv2.resize(face, (_X1 - _X0, _Y1 - _Y0), interpolation=cv2.INTER_AREA)
    picture = portrait.copy()
    picture[_Y0:_Y1, _X0:_X1] = np.clip(np.rint(small), 0, 255)
    return picture


def _below(points: _Points, width: int, height: int) -> Floats:
    """Say which fine pixels follow the lower lip, 0 to 1."""
    upper = _smooth([points.corners[:1], points.upper_inner, points.corners[1:]])
    lower = _smooth([points.corners[:1], points.lower_inner, points.corners[1:]])
    x = (np.arange(width) + 0.5) / _FINE - 0.5 + _X0
    y = (np.arange(height) + 0.5) / _FINE - 0.5 + _Y0
    line = 0.5 * (np.interp(x, *upper.T) + np.interp(x, *lower.T))
    outside = np.maximum(points.corners[0, 0] - x, x - points.corners[1, 0])
    soft = np.clip(outside, 0.25, 6)
    return np.clip((y[:, None] - line) / (2 * soft) + 0.5, 0, 1).astype(np.float32)


def _lip_line(points: _Points, width: int, height: int) -> Floats:
    """Draw the shadow along the lower edge of the upper lip."""
    mask = np.zeros((height, width), np.float32)
    edge = _smooth([points.corners[:1], points.upper_inner, points.corners[1:]])
    fine = (edge - [_X0, _Y0] + 0.5) * _FINE - 0.5
    cv2.polylines(mask, [np.rint(fine * 16).astype(np.int32)], False, 1.0, 2, cv2.LINE_AA, 4)
    return mask


def _mouth(portrait: Image, points: _Points, look: Look) -> Floats:
    """Paint what is seen between the lips: teeth that hang on the upper jaw, and the dark."""
    teeth = np.zeros(portrait.shape[:2], np.float32)
    outline = np.rint(_source_points().opening() * 16).astype(np.int32)
    cv2.fillPoly(teeth, [outline], 1.0, cv2.LINE_AA, 4)
    teeth = cv2.GaussianBlur(cv2.dilate(teeth, np.ones((3, 3), np.uint8)), (0, 0), 0.6)
    lip = points.upper_inner[3, 1] - _UPPER_INNER[3, 1]  # teeth are still, but never part from it
    height, width = ((_Y1 - _Y0) * _FINE, (_X1 - _X0) * _FINE)
    x = ((np.arange(width) + 0.5) / _FINE - 0.5 + _X0).astype(np.float32)
    y = ((np.arange(height) + 0.5) / _FINE - 0.5 + _Y0).astype(np.float32)
    at = np.meshgrid(x, y - np.float32(min(0.0, lip) - look.teeth))
    shown = cv2.remap(teeth, *at, cv2.INTER_LINEAR)[..., None]
    colour = cv2.remap(portrait.astype(np.float32), *at, cv2.INTER_CUBIC)
    low = _smooth([points.corners[:1], points.lower_inner, points.corners[1:]])
    above = np.interp(x, *low.T)[None] - y[:, None]
    tongue = np.clip(0.75 - 0.13 * above, 0, 0.6).astype(np.float32)[..., None]
    ground = _DARK + (_TONGUE - _DARK) * tongue
    return ground + (colour - ground) * shown
