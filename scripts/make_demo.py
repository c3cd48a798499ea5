"""Make the bundled demo clip, `assets/demo.mp4`, from the portrait `assets/portrait.jpg`.

    python scripts/make_demo.py              # the clip
    python scripts/make_demo.py --portrait   # the portrait first; needs `pip install scikit-image`
    python scripts/make_demo.py --moving     # and docs/demo.webp, from the annotated clip

On few cores, `OPENBLAS_NUM_THREADS=1` in front makes it many times faster and changes no bit.

Everything but the portrait is generated: ground, motion, expressions and sound. The functions
`compose`, `backdrop` and `demo_frames` are also what tests make clips from: they know where every
face is. Where the portrait comes from is said in `assets/README.md`.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

ROOT: Final = Path(__file__).resolve().parent.parent
ASSETS: Final = ROOT / "assets"
WIDTH, HEIGHT, FPS = 640, 360, 25
SECONDS: Final = 10.0
SOUND_RATE: Final = 44100
# Of docs/demo.webp: small enough for a page, large enough to read the labels.
MOVING_SIZE: Final = (576, 324)
MOVING_START_S, MOVING_STEP = 3.2, 3

# In pixels of the portrait, placed by hand: the box from forehead to chin, as the detector's
# training labels frame faces, and the five points in the order of `engine.types.Detection`.
PORTRAIT_SIDE: Final = 320
FACE_BOX: Final[Floats] = np.array([116, 62, 205, 178], np.float32)
FACE_POINTS: Final[Floats] = np.array(
    [[138, 101], [182, 103.5], [159, 126.7], [139, 139.8], [183.5, 140]], np.float32
)
MIRRORED_POINTS: Final = (1, 0, 2, 4, 3)  # the point that each point becomes in a mirror


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and how one copy of the portrait is shown.

    Attributes:
        x: Of its centre, pixels of the frame.
        y: Of its centre, pixels of the frame.
        side: Of the square, pixels of the frame.
        angle: Clockwise, degrees.
        gain: Brightness; 1 leaves it as it is.
        mirrored: Left and right are swapped.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0
    gain: float = 1.0
    mirrored: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PlacedFace:
    """The truth about one face of a composed frame.

    Attributes:
        matrix: (2, 3) float32, portrait pixels to frame pixels.
        box: (4,) float32, x0 y0 x1 y1, upright, pixels of the frame; may leave it.
        points: (5, 2) float32, pixels of the frame, order of `engine.types.Detection`.
        inside: Share of the box that lies inside the frame, 0 to 1.
    """

    matrix: Floats
    box: Floats
    points: Floats
    inside: float


def load_portrait() -> Image:
    """Read the bundled portrait, (320, 320, 3) uint8, BGR."""
    image: Image | None = cv2.imread(str(ASSETS / "portrait.jpg"))
    if image is None:
        raise FileNotFoundError(f"{ASSETS / 'portrait.jpg'}: not there; run with --portrait")
    return image


def backdrop(time_s: float, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Paint the ground: soft lights that drift over a dark blue slope; no face in it."""
    small_width, small_height = 64, max(1, round(64 * height / width))
    y, x = np.mgrid[0:small_height, 0:small_width].astype(np.float32) / small_width
    slope = (0.6 * x + y)[..., None]
    ground = np.array([92, 60, 34], np.float32) * (1.15 - 0.6 * slope)
    for light, colour in enumerate(([70, 58, 24], [58, 34, 66], [30, 60, 74])):
        phase = 2.1 * light + 0.35 * time_s
        away = (x - 0.5 - 0.38 * np.cos(phase)) ** 2 + (y - 0.28 - 0.2 * np.sin(1.3 * phase)) ** 2
        ground += np.array(colour, np.float32) * np.exp(-away / 0.05)[..., None]
    large = cv2.resize(ground, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(7).uniform(0, 1, (height, width, 1))  # against banding
    return np.clip(large + grain, 0, 255).astype(np.uint8)


def locate(place: Place, width: int = WIDTH, height: int = HEIGHT) -> PlacedFace:
    """Say where the face of a placed portrait is."""
    scale = place.side / PORTRAIT_SIDE
    angle = np.deg2rad(place.angle)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * turn @ np.diag([-1.0 if place.mirrored else 1.0, 1.0])
    middle = np.full(2, (PORTRAIT_SIDE - 1) / 2)
    shift = np.array([place.x, place.y]) - linear @ middle
    centre = linear @ (FACE_BOX[:2] + FACE_BOX[2:]) / 2 + shift
    half = scale * (FACE_BOX[2:] - FACE_BOX[:2]) / 2
    box = np.concatenate([centre - half, centre + half])
    points = FACE_POINTS @ linear.T + shift
    if place.mirrored:
        points = points[list(MIRRORED_POINTS)]
    cut = np.clip(box, 0, [width, height, width, height])
    inside = (cut[2] - cut[0]) * (cut[3] - cut[1]) / (4 * half[0] * half[1])
    matrix = np.hstack([linear, shift[:, None]])
    return PlacedFace(
        matrix.astype(np.float32), box.astype(np.float32), points.astype(np.float32), float(inside)
    )


def compose(
    ground: Image, portrait: Image | Sequence[Image], places: Sequence[Place]
) -> tuple[Image, tuple[PlacedFace, ...]]:
    """Lay portraits, as prints with rounded corners and a shadow, over a ground.

    Args:
        ground: (H, W, 3) uint8, BGR; not written to.
        portrait: (320, 320, 3) uint8, BGR: one for all places, or one for each.
        places: The last one lies on top.

    Returns:
        The picture, and the truth about each face in the order of `places`.
    """
    height, width = ground.shape[:2]
    picture = ground.astype(np.float32)
    portraits = [portrait] * len(places) if isinstance(portrait, np.ndarray) else portrait
    faces = []
    for sheet, place in zip(portraits, places, strict=True):
        face = locate(place, width, height)
        faces.append(face)
        card, cover = _warp(sheet, face.matrix, place, (width, height))
        drop = max(1.0, 0.02 * place.side)
        lower = np.array([[1, 0, 0], [0, 1, 1.5 * drop]], np.float32)
        shadow = cv2.warpAffine(cover, lower, (width, height))
        picture *= 1 - 0.5 * cv2.GaussianBlur(shadow, (0, 0), 2 * drop)[..., None]
        picture += (np.minimum(card * place.gain, 255) - picture) * cover[..., None]
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8), tuple(faces)


def _warp(
    portrait: Image, matrix: Floats, place: Place, size: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Warp the portrait and its cover, averaging first where it shrinks."""
    factor = min(1.0, place.side / PORTRAIT_SIDE)
    small = round(PORTRAIT_SIDE * factor)
    sheet = cv2.resize(portrait, (small, small), interpolation=cv2.INTER_AREA)
    corner = round(0.07 * small)
    cover = np.zeros((small, small), np.float32)
    cover[1:-1, 1:-1] = 1  # the rim is clear, so that the warp smooths the edge
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        ys = slice(-corner, None) if y else slice(0, corner)
        xs = slice(-corner, None) if x else slice(0, corner)
        at = np.mgrid[0:corner, 0:corner] + 0.5
        away = np.hypot(at[0] - (0 if y else corner), at[1] - (0 if x else corner))
        cover[ys, xs] *= np.clip(corner - away, 0, 1)
    # Pixel centres: x_portrait = (x_small + 0.5) * ratio - 0.5.
    ratio = PORTRAIT_SIDE / small
    linear = matrix[:, :2] * ratio
    shift = matrix[:, :2] @ np.full(2, (ratio - 1) / 2, np.float32) + matrix[:, 2]
    ready = np.hstack([linear, shift[:, None]])
    card = cv2.warpAffine(
        sheet, ready, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return card.astype(np.float32), cv2.warpAffine(cover, ready, size).astype(np.float32)


# Key poses: second, x, y, side, angle, gain. Between two the motion eases in and out.
_FIRST: Final = np.array(
    [
        (0.0, 250, 190, 300, 0, 1.0),
        (1.0, 330, 205, 350, 0, 1.0),  # a pan and a zoom
        (2.0, 300, 200, 350, 6, 1.0),
        (2.9, 165, 185, 300, -4, 1.0),  # aside, for the second one
        (3.7, 165, 180, 310, 3, 0.6),  # the light goes
        (4.6, 165, 180, 315, 0, 1.1),
        (5.6, 165, 185, 315, 2, 1.0),
        (6.6, 160, 180, 300, -3, 1.0),
        (7.5, 120, 165, 240, 0, 1.0),
        (10.0, 125, 170, 240, 3, 1.0),
    ]
)
_SECOND: Final = np.array(
    [
        (2.1, 800, 200, 300, 8, 1.0),
        (3.0, 470, 185, 310, 0, 1.0),
        (4.6, 475, 180, 310, -4, 1.0),
        (6.2, 480, 180, 310, 4, 1.0),
        (7.4, 515, 165, 240, 0, 1.0),
        (10.0, 515, 170, 240, -3, 1.0),
    ]
)
_THIRD: Final = np.array(
    [
        (6.7, 320, 500, 230, -6, 1.0),
        (7.6, 315, 180, 240, 0, 1.0),
        (10.0, 320, 175, 250, 0, 1.0),
    ]
)
_CAST: Final = ((_FIRST, False), (_SECOND, False), (_THIRD, True))  # poses, mirrored


def _pose(keys: NDArray[np.float64], time_s: float, *, mirrored: bool) -> Place:
    after = int(np.clip(np.searchsorted(keys[:, 0], time_s), 1, len(keys) - 1))
    start, stop = keys[after - 1], keys[after]
    part = float(np.clip((time_s - start[0]) / (stop[0] - start[0]), 0, 1))
    x, y, side, angle, gain = start[1:] + (stop - start)[1:] * (part * part * (3 - 2 * part))
    return Place(x=x, y=y, side=side, angle=angle, gain=gain, mirrored=mirrored)


def places_at(time_s: float) -> list[Place]:
    """Give the portraits of the demo clip at one time, the lowest first."""
    return [
        _pose(keys, time_s, mirrored=mirrored) for keys, mirrored in _CAST if time_s >= keys[0, 0]
    ]


def demo_frames(
    seconds: float = SECONDS, fps: int = FPS
) -> Iterator[tuple[Image, tuple[PlacedFace, ...]]]:
    """Render the demo clip frame by frame.

    Yields:
        The picture, (360, 640, 3) uint8, BGR, and the truth about its faces, of which some
        may be outside (`PlacedFace.inside` is 0). The points are those of the portrait as it
        is: expressions move the corners of the mouth a little.
    """
    # Here and not above: tests load this file alone, by its path, for `compose`.
    from demo_face import change
    from demo_looks import look_at

    portrait = load_portrait()
    changed = lru_cache(maxsize=8)(partial(change, portrait))  # expressions are held for a while
    for index in range(round(seconds * fps)):
        time_s = index / fps
        places = places_at(time_s)
        portraits = [changed(look_at(who, time_s)) for who in range(len(places))]
        yield compose(backdrop(time_s), portraits, places)


def demo_sound(seconds: float = SECONDS, rate: int = SOUND_RATE) -> Floats:
    """Generate a quiet chord that swells and fades, (1, N) float32, -1 to 1."""
    time_s = np.arange(round(seconds * rate)) / rate
    chord = sum(np.sin(2 * np.pi * pitch * time_s) for pitch in (220.0, 277.18, 329.63))
    swell = 0.5 - 0.5 * np.cos(2 * np.pi * time_s / seconds)
    return (0.03 * chord * swell).astype(np.float32)[None]


def write_clip(path: Path) -> None:
    """Encode the demo clip: H.264 and AAC in MP4."""
    with av.open(path, "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FPS, options={"crf": "21", "preset": "slow"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.time_base = Fraction(1, FPS)
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        audio.bit_rate = 48_000
        sound = av.AudioFrame.from_ndarray(demo_sound(), format="fltp", layout="mono")
        sound.sample_rate = SOUND_RATE
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))
        for picture, _ in demo_frames():
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))


def write_moving(clip: Path, path: Path) -> None:
    """Annotate a clip and encode the part of it with several faces: WebP, looping."""
    from app.cli import main as fer_video

    with TemporaryDirectory() as folder:
        annotated = Path(folder) / "annotated.mp4"
        if fer_video([str(clip), "--out", str(annotated), "--quiet"]):
            raise RuntimeError(f"{clip}: cannot be annotated")
        with (
            av.open(str(annotated)) as source,
            av.open(str(path), "w", format="webp", options={"loop": "0"}) as target,
        ):
            # Not libwebp_anim: at this size it lets faces of earlier pictures shine through.
            quality = {"quality": "30", "compression_level": "5", "preset": "picture"}
            stream = target.add_stream("libwebp", Fraction(FPS, MOVING_STEP), quality)
            stream.width, stream.height, stream.pix_fmt = *MOVING_SIZE, "yuv420p"
            for index, frame in enumerate(source.decode(video=0)):
                shown = index - round(MOVING_START_S * FPS)
                if shown < 0 or shown % MOVING_STEP:
                    continue
                small = frame.reformat(*MOVING_SIZE, "yuv420p", interpolation="AREA")
                small.pts, small.time_base = shown // MOVING_STEP, Fraction(MOVING_STEP, FPS)
                target.mux(stream.encode(small))
            target.mux(stream.encode(None))


def write_portrait(path: Path) -> None:
    """Cut the portrait out of the photograph that scikit-image ships."""
    from skimage import data

    photograph = np.ascontiguousarray(data.astronaut()[:PORTRAIT_SIDE, 64 : 64 + PORTRAIT_SIDE])
    image = cv2.cvtColor(photograph, cv2.COLOR_RGB2BGR)
    if not cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 92]):
        raise OSError(f"{path}: cannot be written")


def main() -> None:
    """Write the assets."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--portrait", action="store_true", help="make the portrait as well")
    parser.add_argument("--moving", action="store_true", help="make docs/demo.webp as well")
    arguments = parser.parse_args()
    if arguments.portrait:
        write_portrait(ASSETS / "portrait.jpg")
    write_clip(ASSETS / "demo.mp4")
    if arguments.moving:
        write_moving(ASSETS / "demo.mp4", ROOT / "docs" / "demo.webp")


if __name__ == "__main__":
    main()
