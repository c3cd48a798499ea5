"""A clear sheet for drawings, and how it is laid on a decoded picture's planes.

What is drawn on it is blended into luma and into both, mostly smaller, planes of colour, where it
was drawn and nowhere else. Outside, and where the sheet stayed clear, samples stay as they are.
"""

import math
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from engine.drawing.shapes import Rect
from engine.types import Image
from engine.video.planes import Form, Plane

_REGION: Final = 16_000  # pixels whose blending takes as long as what each region takes besides
# White, of the highest sample: in PQ and HLG that would be the brightest light there is, and is
# what a sheet of paper has here. Source: ITU-R BT.2408, graphics white of 203 cd/m2.
_WHITE: Final = {16: 0.58, 18: 0.75}  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67


class Sheet:
    """Is drawn on as upright pictures are, and laid on planes as these are stored.

    Attributes:
        pixels: (H, W, 4) uint8: BGR times opacity, and opacity; clear but while it is used.
    """

    def __init__(self, width: int, height: int, form: Form) -> None:
        """Prepare.

        Args:
            width: Of the upright pictures with square pixels.
            height: Of the upright pictures with square pixels.
            form: Of the planes.
        """
        self.pixels: Image = np.zeros((height, width, 4), np.uint8)
        self._form, self._layout = form, form.layout
        matrix = form.colour.from_bgr(form.width, form.height)
        matrix *= _WHITE.get(form.colour.transfer, 1.0)
        self._matrix = np.hstack([matrix, [[0], [128], [128]]]).astype(np.float32)
        shares = np.arange(256) / 255
        self._black = np.rint(shares * form.colour.black).astype(np.uint8)
        self._gray = np.rint(shares * 128).astype(np.uint8)

    def lay(self, samples: Sequence[Plane], touched: Sequence[Rect]) -> None:
        """Blend the sheet into planes, in place, and clear it.

        Args:
            samples: The planes, as stored.
            touched: Where something was drawn; may overlap, and leave the picture.
        """
        height, width = self.pixels.shape[:2]
        rects = [
            Rect(max(0, x0), max(0, y0), min(width, x1), min(height, y1))
            for x0, y0, x1, y1 in touched
        ]
        rects = [rect for rect in rects if rect.width > 0 and rect.height > 0]
        turned = self._form.orientation
        size = (height, width) if turned.transpose else (width, height)
        if size != (self._form.width, self._form.height):
            self._lay_stretched(samples, rects)
            return
        for rect in _joined(rects):
            stored = self._whole_blocks(Rect(*turned.stored(rect, width, height)))
            back = _upright(stored, self._form, width, height)
            region = self.pixels[back.y0 : back.y1, back.x0 : back.x1]
            self._blend(samples, np.asarray(turned.undo(region), np.uint8), stored)
            region[:] = 0

    def _lay_stretched(self, samples: Sequence[Plane], rects: Sequence[Rect]) -> None:
        """Blend where stored pixels are not square: all at once, as regions would share pixels."""
        if not rects:
            return
        turned, form = self._form.orientation, self._form
        height, width = self.pixels.shape[:2]
        size = (height, width) if turned.transpose else (width, height)
        all_of = Rect(*np.min(rects, axis=0)[:2].tolist(), *np.max(rects, axis=0)[2:].tolist())
        x0, y0, x1, y1 = turned.stored(all_of, width, height)
        wide, high = form.width / size[0], form.height / size[1]
        stored = self._whole_blocks(
            Rect(
                max(0, math.floor(x0 * wide) - 1),
                max(0, math.floor(y0 * high) - 1),
                min(form.width, math.ceil(x1 * wide) + 1),
                min(form.height, math.ceil(y1 * high) + 1),
            )
        )
        # A pixel is its centre: x + 0.5 = (x_stored + 0.5) / wide.
        at = [(stored.x0 + 0.5) / wide - 0.5, (stored.y0 + 0.5) / high - 0.5]
        back = np.array([[1 / wide, 0, at[0]], [0, 1 / high, at[1]]])
        region = cv2.warpAffine(
            turned.undo(self.pixels),
            back,
            (stored.width, stored.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        self._blend(samples, np.asarray(region, np.uint8), stored)
        self.pixels[all_of.y0 : all_of.y1, all_of.x0 : all_of.x1] = 0

    def _whole_blocks(self, rect: Rect) -> Rect:
        """Grow a stored region to whole samples of colour, inside the picture."""
        across, down, _ = self._layout
        return Rect(
            rect.x0 // across * across,
            rect.y0 // down * down,
            min(-(-rect.x1 // across) * across, self._form.width),
            min(-(-rect.y1 // down) * down, self._form.height),
        )

    def _blend(self, samples: Sequence[Plane], region: Image, rect: Rect) -> None:
        across, down, bits = self._layout
        colours = cv2.cvtColor(region, cv2.COLOR_BGRA2BGR)
        opacity = np.asarray(cv2.extractChannel(region, 3), np.uint8)
        light = cv2.extractChannel(cv2.transform(colours, self._matrix), 0)
        clear = np.asarray(cv2.bitwise_not(opacity), np.uint8)
        target = samples[0][rect.y0 : rect.y1, rect.x0 : rect.x1]
        light = cv2.add(light, cv2.LUT(opacity, self._black))
        _mix(target, clear, np.asarray(light, np.uint8), bits)
        clear = _averaged(clear, across, down)
        tints = cv2.transform(_averaged(np.asarray(colours, np.uint8), across, down), self._matrix)
        parts = [np.asarray(cv2.extractChannel(tints, index), np.uint8) for index in (1, 2)]
        rest = cv2.LUT(clear, self._gray)
        x0, y0 = rect.x0 // across, rect.y0 // down
        for plane, part in zip(samples[1:], parts, strict=True):
            target = plane[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]]
            _mix(target, clear, np.asarray(cv2.subtract(part, rest), np.uint8), bits)


def _joined(rects: Sequence[Rect]) -> list[Rect]:
    """Join neighbours in a list where the clear pixels between cost less than one more region."""
    several: list[Rect] = []
    for rect in rects:
        last = several[-1] if several else rect
        both = Rect(
            min(last.x0, rect.x0),
            min(last.y0, rect.y0),
            max(last.x1, rect.x1),
            max(last.y1, rect.y1),
        )
        apart = last.width * last.height + rect.width * rect.height
        if several and both.width * both.height <= apart + _REGION:
            several[-1] = both
        else:
            several.append(rect)
    return several


def _upright(rect: Rect, form: Form, width: int, height: int) -> Rect:
    """Say where a stored region lies in the upright picture."""
    turned = form.orientation
    x0, y0, x1, y1 = rect
    if turned.transpose:
        x0, y0, x1, y1 = y0, x0, y1, x1
    if turned.mirror_x:
        x0, x1 = width - x1, width - x0
    if turned.mirror_y:
        y0, y1 = height - y1, height - y0
    return Rect(x0, y0, x1, y1)


def _averaged(part: Image, across: int, down: int) -> Image:
    """Average blocks; where the picture ends within one, its last pixels count again."""
    if (across, down) == (1, 1):
        return part
    height, width = part.shape[:2]
    below, right = -height % down, -width % across
    if below or right:
        padded = cv2.copyMakeBorder(part, 0, below, 0, right, cv2.BORDER_REPLICATE)
        part = np.asarray(padded, np.uint8)
    size = (part.shape[1] // across, part.shape[0] // down)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


def _mix(target: Plane, clear: Image, added: Image, bits: int) -> None:
    """Keep the `clear` share of samples, of 255, and add to them, in place."""
    if bits == 8:
        target[:] = cv2.add(cv2.multiply(target, clear, scale=1 / 255), added)
        return
    kept = cv2.multiply(target, clear.astype(np.uint16), scale=1 / 255)
    target[:] = cv2.add(kept, added.astype(np.uint16) << (bits - 8))
