"""Sources, read from tiny clips that the tests make."""

import errno
import gc
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms

from engine.errors import ConfigError, SourceError
from engine.video import camera as _camera
from engine.video import container as _libav
from engine.video import decoder
from engine.video.decoding import Clock
from engine.video.opening import SourceConfig, open_source

WIDTH, HEIGHT = 64, 48


def _quarters(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Top left red, top right green, bottom left blue, bottom right white; BGR."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = 0, 0, 255
    image[: height // 2, width // 2 :] = 0, 255, 0
    image[height // 2 :, : width // 2] = 255, 0, 0
    image[height // 2 :, width // 2 :] = 255, 255, 255
    return image


def _corners(image: np.ndarray) -> str:
    """Which colour is where, clockwise from the top left, as letters."""
    height, width = image.shape[:2]
    names = {(0, 0, 255): "r", (0, 255, 0): "g", (255, 0, 0): "b", (255, 255, 255): "w"}
    found = ""
    for y, x in ((0.25, 0.25), (0.25, 0.75), (0.75, 0.75), (0.75, 0.25)):
        pixel = image[int(y * height), int(x * width)].astype(int)
        found += min(names.items(), key=lambda kind: np.abs(pixel - kind[0]).sum())[1]
    return found


def _clip(
    path: Path,
    *,
    times: Sequence[int] = range(10),
    time_base: Fraction = Fraction(1, 25),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    image: Callable[[int], np.ndarray] = lambda _: _quarters(),
    input_format: str = "bgr24",
    rate: Fraction = Fraction(25),
    gop: int = 5,
    prepare: Callable[[av.VideoStream], None] = lambda _: None,
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
) -> Path:
    with av.open(str(path), "w", container_options=muxer or {}) as container:
        first = image(0)
        stream = container.add_stream(codec, rate=rate, options=options or {}, time_base=time_base)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = pix_fmt
        stream.gop_size = gop
        prepare(stream)
        for number, pts in enumerate(times):
            frame = av.VideoFrame.from_ndarray(image(number), format=input_format)
            frame.pts, frame.time_base = pts, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _numbered(number: int) -> np.ndarray:
    """A noisy picture whose mean brightness tells its number."""
    noise = np.random.default_rng(number).integers(0, 20, (HEIGHT, WIDTH, 3), np.uint8)
    return noise + np.uint8(10 * number)


def _number(image: np.ndarray) -> int:
    return round((float(image.mean()) - 10) / 10)


def _read(path: Path | str, **config: float) -> list:
    with open_source(str(path), SourceConfig(**config)) as source:
        return list(source)


def test_file_gives_every_frame_upright_in_order(tmp_path):
    path = _clip(tmp_path / "a.mp4", image=_numbered)
    with open_source(str(path)) as source:
        frames = list(source)
        info = source.info
    assert [frame.index for frame in frames] == list(range(10))
    assert [frame.time_s for frame in frames] == pytest.approx([n / 25 for n in range(10)])
    assert [_number(frame.image) for frame in frames] == list(range(10))
    assert (info.width, info.height, info.fps) == (WIDTH, HEIGHT, Fraction(25))
    assert (info.frame_count, info.live, info.has_audio) == (10, False, False)
    assert info.duration_s == pytest.approx(0.4)
    assert (info.name, info.path) == ("a.mp4", path)
    assert source.warnings == []


def test_images_are_bgr_contiguous_and_read_only(tmp_path):
    frame = _read(_clip(tmp_path / "a.mp4"))[0]
    assert frame.image.dtype == np.uint8
    assert frame.image.flags.c_contiguous
    assert not frame.image.flags.writeable
    assert _corners(frame.image) == "rgwb"


def test_variable_frame_rate_keeps_its_times(tmp_path):
    ticks = [0, 90, 100, 700, 701, 2000]
    path = _clip(tmp_path / "a.mp4", times=ticks, time_base=Fraction(1, 1000))
    assert [f.time_s for f in _read(path)] == pytest.approx([t / 1000 for t in ticks])


def test_fractional_rate_stays_fractional(tmp_path):
    path = _clip(tmp_path / "a.mp4", time_base=Fraction(1001, 30000), rate=Fraction(30000, 1001))
    with open_source(str(path)) as source:
        assert source.info.fps == Fraction(30000, 1001)
        assert [f.time_s for f in source][9] == pytest.approx(9 * 1001 / 30000)


def test_time_counts_from_the_first_frame(tmp_path):
    path = _clip(tmp_path / "a.mp4", times=range(50, 60))
    with open_source(str(path)) as source:
        assert source.read().time_s == 0
        assert source.info.origin_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("degrees", "flip", "corners"),
    [(90, False, "gwbr"), (-90, False, "brgw"), (180, False, "wbrg"), (0, True, "grbw")],
)
def test_display_matrix_is_applied(tmp_path, degrees, flip, corners):
    path = _clip(tmp_path / "a.mp4", prepare=lambda s: s.set_display_rotation(degrees, hflip=flip))
    with open_source(str(path)) as source:
        size = (HEIGHT, WIDTH) if abs(degrees) == 90 else (WIDTH, HEIGHT)
        assert (source.info.width, source.info.height) == size
        image = source.read().image
    assert image.shape == (size[1], size[0], 3)
    assert _corners(image) == corners


@pytest.mark.parametrize(
    "pix_fmt", ["gray", "gray16le", "yuv420p10le", "yuv444p", "yuva420p", "rgba64le", "yuv411p"]
)
def test_pixel_formats_come_out_as_bgr(tmp_path, pix_fmt):
    path = _clip(tmp_path / "a.mkv", codec="ffv1", pix_fmt=pix_fmt)
    image = _read(path)[0].image
    expected = _quarters()
    if pix_fmt.startswith("gray"):
        gray = cv2.cvtColor(expected, cv2.COLOR_BGR2GRAY)
        expected = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    middles = np.s_[12:40:24, 16:50:32]
    assert np.abs(image[middles].astype(int) - expected[middles]).max() <= 5


def test_odd_size_stays_odd(tmp_path):
    path = _clip(
        tmp_path / "a.mkv", codec="ffv1", pix_fmt="yuv420p", image=lambda _: _quarters(65, 49)
    )
    image = _read(path)[0].image
    assert image.shape == (49, 65, 3)
    assert image.flags.c_contiguous
    assert _corners(image) == "rgwb"


def test_untagged_hd_is_read_as_bt709(tmp_path):
    def flat(_: int) -> np.ndarray:
        return np.full((720, 1280, 3), (200, 60, 30), np.uint8)

    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height = 1280, 720
        frame = av.VideoFrame.from_ndarray(flat(0), format="bgr24")
        container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
        container.mux(stream.encode(None))
    pixel = _read(tmp_path / "a.mkv")[0].image[360, 640].astype(int)
    assert np.abs(pixel - (200, 60, 30)).max() <= 4


def test_transparent_pixels_come_out_black(tmp_path):
    image = np.full((HEIGHT, WIDTH, 4), 200, np.uint8)
    image[:, : WIDTH // 2, 3] = 0
    cv2.imwrite(str(tmp_path / "a.png"), image)
    (frame,) = _read(tmp_path / "a.png")
    assert frame.image[:, : WIDTH // 2].max() == 0
    assert frame.image[:, WIDTH // 2 :].mean() == pytest.approx(200 * 200 / 255, abs=1)


def test_wide_pixels_are_made_square(tmp_path):
    def widen(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(2)

    path = _clip(tmp_path / "a.mp4", prepare=widen)
    image = _read(path)[0].image
    assert image.shape == (HEIGHT, 2 * WIDTH, 3)
    assert _corners(image) == "rgwb"


@pytest.mark.parametrize("interlaced", [True, False])
def test_only_interlaced_video_is_deinterlaced(tmp_path, interlaced):
    def comb(number: int) -> np.ndarray:
        """Even rows show the bar in one place, odd rows half a frame later."""
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        image[0::2, 4 * number : 4 * number + 12] = 255
        image[1::2, 4 * number + 2 : 4 * number + 14] = 255
        return image

    options = {"x264-params": "tff=1"} if interlaced else {}
    path = _clip(tmp_path / "a.mp4", image=comb, options={"crf": "1", **options})
    frames = _read(path)
    assert len(frames) == 10
    assert [f.time_s for f in frames] == pytest.approx([n / 25 for n in range(10)])
    rows = frames[5].image[10:38, :, 0].astype(int)
    jagged = np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean()
    assert jagged < 4 if interlaced else jagged > 10


def test_start_and_duration_cut_exactly(tmp_path):
    path = _clip(tmp_path / "a.mp4", image=_numbered, times=range(20), gop=7)
    with open_source(str(path), SourceConfig(start_s=0.36, duration_s=0.2)) as source:
        frames = list(source)
    assert [_number(f.image) for f in frames] == [9, 10, 11, 12, 13]
    assert [f.time_s for f in frames] == pytest.approx([n / 25 for n in range(9, 14)])
    assert [f.index for f in frames] == list(range(5))
    assert source.info.frame_count == 5
    assert source.info.duration_s == pytest.approx(0.2)
    assert source.warnings == []


def test_start_deep_inside_seeks_to_the_right_frame(tmp_path):
    path = _clip(tmp_path / "a.mp4", image=lambda n: _numbered(n // 10), times=range(200), gop=40)
    with open_source(str(path), SourceConfig(start_s=6.0)) as source:
        frames = list(source)
    assert frames[0].time_s == pytest.approx(6.0)
    assert _number(frames[0].image) == 15
    assert len(frames) == 50


def test_start_in_a_file_without_index_reads_up_to_it(tmp_path):
    path = _clip(tmp_path / "a.h264", image=_numbered)
    frames = _read(path, start_s=0.2)
    assert [_number(f.image) for f in frames] == [5, 6, 7, 8, 9]


def test_start_after_the_end_is_an_error(tmp_path):
    path = _clip(tmp_path / "a.mp4")
    with pytest.raises(SourceError, match=r"a\.mp4: ends before the wanted start at 3 s"):
        open_source(str(path), SourceConfig(start_s=3))


@pytest.mark.parametrize("config", [{"start_s": -1}, {"duration_s": 0}, {"start_s": float("nan")}])
def test_bad_range_is_refused(config):
    with pytest.raises(ConfigError, match=r"^(start|duration): must be"):
        SourceConfig(**config)


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_cut_off_file_gives_what_is_there_and_one_warning(tmp_path, ending):
    path = _clip(
        tmp_path / f"a{ending}",
        image=_numbered,
        times=range(24),
        options={"tune": "zerolatency"},
        muxer={"movflags": "faststart"} if ending == ".mp4" else {},
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_source(str(path)) as source:
        frames = list(source)
        assert source.read() is None
    assert 5 < len(frames) < 20
    assert [_number(f.image) for f in frames] == list(range(len(frames)))
    count = len(frames)
    assert source.warnings == [
        f"a{ending}: ends early, frame {count} cannot be decoded; kept what came before"
    ]


def test_damage_inside_costs_only_the_damaged_frames(tmp_path):
    path = _clip(tmp_path / "a.mov", codec="png", pix_fmt="rgb24", image=_numbered)
    data = bytearray(path.read_bytes())
    starts = [i for i in range(len(data)) if data[i : i + 4] == b"\x89PNG"]
    data[starts[4] : starts[4] + 40] = bytes(40)
    path.write_bytes(data)
    with open_source(str(path)) as source:
        numbers = [_number(frame.image) for frame in source]
    assert numbers == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert source.warnings == ["a.mov: damaged, 1 of 10 packets cannot be decoded; kept the rest"]


def test_file_without_any_decodable_frame_is_an_error(tmp_path):
    path = _clip(tmp_path / "a.mov", codec="png", pix_fmt="rgb24", times=range(3))
    path.write_bytes(path.read_bytes().replace(b"\x89PNG", b"\0\0\0\0"))
    with pytest.raises(SourceError, match=r"a\.mov: no frame can be decoded"):
        open_source(str(path))


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(SourceError, match=r"gone\.mp4: no such file"):
        open_source(str(tmp_path / "gone.mp4"))


@pytest.mark.parametrize("content", [b"", b"just text\n" * 50])
def test_file_that_is_no_video_is_an_error(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(SourceError, match=r"^a\.mp4: not a video or picture that FFmpeg reads$"):
        open_source(str(tmp_path / "a.mp4"))


def test_sound_alone_is_an_error(tmp_path):
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(SourceError, match="sound but no video"):
        open_source(str(tmp_path / "a.wav"))


def test_odd_file_names_are_names(tmp_path):
    path = _clip(tmp_path / "take 2: 50%d [x].mp4")
    assert len(_read(path)) == 10


def test_picture_file_is_one_frame(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), _quarters())
    with open_source(str(tmp_path / "a.png")) as source:
        (frame,) = source
        assert source.info.frame_count == 1
    assert np.array_equal(frame.image, _quarters())
    assert frame.time_s == 0


def test_picture_turned_by_exif_stands_upright(tmp_path):
    good, jpeg = cv2.imencode(".jpg", _quarters(), [cv2.IMWRITE_JPEG_QUALITY, 100])
    assert good
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tiff
    data = jpeg.tobytes()
    marked = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    (tmp_path / "a.jpg").write_bytes(marked)
    (frame,) = _read(tmp_path / "a.jpg")
    assert frame.image.shape == (WIDTH, HEIGHT, 3)
    assert _corners(frame.image) == "brgw"


def _exif(path: Path, orientation: int, image: np.ndarray) -> Path:
    """Write a JPEG whose EXIF says how to turn it."""
    entry = struct.pack("<HHIHHI", 0x112, 3, 1, orientation, 0, 0)[:12]
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    marker = b"Exif\0\0" + tiff
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    head = data[:2] + b"\xff\xe1" + struct.pack(">H", len(marker) + 2)
    path.write_bytes(head + marker + data[2:])
    return path


def test_picture_with_a_colour_profile_does_not_crash(tmp_path):
    """PyAV 18 does, some time after it was asked what lies beside a PNG's picture."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "a.png"
    PIL.Image.new("RGB", (64, 48), (200, 30, 30)).save(path, icc_profile=profile)
    code = (
        "import gc, sys; from engine.video.opening import open_source, SourceConfig\n"
        "for _ in range(3):\n"
        "    with open_source(sys.argv[1], SourceConfig()) as source: print(len(list(source)))\n"
        "    gc.collect()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["1", "1", "1"])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_of_exif_stands_upright(tmp_path, orientation):
    upright = _quarters()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, 3),
    }[orientation]
    path = _exif(tmp_path / "a.jpg", orientation, np.ascontiguousarray(stored))
    (frame,) = _read(path)
    assert frame.image.shape == upright.shape
    assert _corners(frame.image) == _corners(upright)


def test_a_name_with_a_percent_sign_is_a_name(tmp_path):
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / f"seq{number}.png"), np.zeros((48, 64, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "seq%d.png"), _quarters())
    (frame,) = _read(tmp_path / "seq%d.png")
    assert _corners(frame.image) == _corners(_quarters())


def test_file_address_is_a_file(tmp_path):
    path = _clip(tmp_path / "a b.mp4", image=_numbered)
    with open_source(f"FILE://{tmp_path}/a%20b.mp4") as source:
        assert source.info.path == path
        assert not source.info.live
        assert len(list(source)) == 10


def test_a_name_that_is_too_long_for_the_system_is_one_line():
    with pytest.raises(SourceError, match=r"a…: cannot be opened: File name too long"):
        open_source("a" * 300 + ".mp4")


def test_no_name_is_not_the_current_folder():
    with pytest.raises(ConfigError, match="INPUT is empty; is a variable unset"):
        open_source("")


def test_matroska_that_starts_late_does_not_end_early(tmp_path):
    path = _clip(tmp_path / "a.mkv", times=range(75, 125))
    with open_source(str(path)) as source:
        assert len(list(source)) == 50
        assert source.warnings == []
        assert source.info.frame_count == 50


def _ts(path: Path, first_pid: int = 256) -> Path:
    muxer = {"mpegts_start_pid": str(first_pid), "mpegts_pmt_start_pid": str(first_pid + 4000)}
    return _clip(path, image=_numbered, muxer=muxer)


@pytest.mark.parametrize("pid", [256, 512])
def test_joined_recordings_are_read_to_the_end(tmp_path, pid):
    """The clock begins again, and the second may lie in streams that were not there before."""
    first, second = _ts(tmp_path / "a.ts"), _ts(tmp_path / "b.ts", pid)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    frames = _read(joined)
    assert [_number(frame.image) for frame in frames] == [*range(10), *range(10)]
    assert np.diff([frame.time_s for frame in frames]).min() > 0


def test_sound_that_begins_late_does_not_end_the_reading(tmp_path):
    """As cameras write FLV: the header promises sound, which comes after what is looked at."""
    silent = _clip(
        tmp_path / "v.flv",
        times=range(0, 14000, 40),
        time_base=Fraction(1, 1000),
        image=lambda n: np.random.default_rng(n).integers(0, 256, (240, 320, 3), np.uint8),
    )
    with av.open(str(tmp_path / "s.flv"), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        for start in range(0, 44100, 1024):
            chunk = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            chunk.sample_rate, chunk.pts = 44100, start
            container.mux(stream.encode(chunk))
        container.mux(stream.encode(None))
    head = bytearray(silent.read_bytes())
    head[4] = 1  # video only, as far as the header knows
    joined = tmp_path / "late.flv"
    joined.write_bytes(bytes(head) + (tmp_path / "s.flv").read_bytes()[13:])
    with open_source(str(joined)) as source:
        assert len(list(source)) == 350


def test_reading_a_file_again_and_again_leaves_no_decoder_behind(tmp_path):
    path = _clip(tmp_path / "a.mp4", image=lambda _: _quarters(640, 480))
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            _read(path)
        kept = [thing for thing in gc.get_objects() if type(thing) is av.VideoFrame]
    finally:
        gc.enable()
    assert all(frame.width < 64 for frame in kept)


def test_close_ends_reading_and_may_be_repeated(tmp_path):
    source = open_source(str(_clip(tmp_path / "a.mp4")))
    assert source.read() is not None
    source.close()
    source.close()
    assert source.read() is None


def test_close_while_another_thread_reads_is_safe(tmp_path):
    path = _clip(tmp_path / "a.mp4", times=range(300), gop=300)
    for _ in range(5):
        source = open_source(str(path))
        reading = threading.Event()

        def drain(source=source, reading=reading) -> None:
            for _ in source:
                reading.set()

        thread = threading.Thread(target=drain)
        thread.start()
        assert reading.wait(5)
        source.close()
        thread.join(5)
        assert not thread.is_alive()
        assert source.read() is None


@given(st.lists(st.none() | st.floats(-50, 50), min_size=2, max_size=50))
def test_clock_always_advances(times):
    clock = Clock(0.04)
    stamps = [clock.stamp(time_s) for time_s in times]
    assert all(b > a for a, b in pairwise(stamps))


def test_clock_fills_gaps_and_follows_a_reset():
    clock = Clock(0.1)
    stamps = [clock.stamp(t) for t in (0.0, None, 0.2, 0.2, 0.3, 100.0, 0.0, 0.1)]
    assert stamps == pytest.approx([0.0, 0.1, 0.2, 0.25, 0.3, 100.0, 100.1, 100.2])


class _FakeCapture:
    """A camera of three pictures that is then unplugged."""

    def __init__(self, number: int) -> None:
        self.left = 4 if number == 0 else 0
        self.released = False

    def isOpened(self) -> bool:
        return self.left > 0

    def set(self, *_: int) -> bool:
        return True

    def get(self, _: int) -> float:
        return 30.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.left -= 1
        return (True, _quarters().copy()) if self.left >= 0 else (False, None)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def fake_camera(monkeypatch):
    monkeypatch.setattr(_camera.cv2, "VideoCapture", _FakeCapture)
    monkeypatch.setattr(_camera, "_cameras_found", lambda: (0, 2))


@pytest.mark.usefixtures("fake_camera")
def test_camera_gives_frames_until_it_is_lost():
    ticks = iter([10.0, 10.04, 10.08])
    source = _camera.Camera(0, SourceConfig(), clock=lambda: next(ticks))
    assert source.info.live
    assert source.info.fps == 30
    assert [source.read().time_s for _ in range(3)] == pytest.approx([0, 0.04, 0.08])
    with pytest.raises(SourceError, match="camera 0: lost"):
        source.read()
    source.close()
    assert source._capture.released


@pytest.mark.usefixtures("fake_camera")
def test_camera_stops_after_the_duration():
    ticks = iter([10.0, 10.04, 10.08])
    source = _camera.Camera(0, SourceConfig(duration_s=0.06), clock=lambda: next(ticks))
    assert len(list(source)) == 2


@pytest.mark.usefixtures("fake_camera")
def test_camera_that_does_not_open_lists_those_found():
    with pytest.raises(SourceError, match=r"camera 2: cannot be opened.*cameras found: 0, 2"):
        open_source("2")


@pytest.mark.usefixtures("fake_camera")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists its cameras by file")
def test_missing_camera_is_named_without_opening_it():
    with pytest.raises(SourceError, match=r"camera 7: not there; cameras found: 0, 2"):
        open_source("/dev/video7")


def test_web_address_is_read_and_its_password_kept_quiet(tmp_path, web):
    _clip(tmp_path / "a.mkv", image=_numbered)
    with open_source(f"http://me:secret@{web}/a.mkv") as source:
        assert [_number(f.image) for f in source] == list(range(10))
        assert source.info.name == f"http://{web}/a.mkv"
        assert source.info.path is None


def test_index_at_the_end_is_out_of_reach_of_a_server_without_ranges(tmp_path, web):
    """As of ``python -m http.server``; what is small FFmpeg has read when it finds the index."""
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, width=640, height=480, pix_fmt="yuv420p")
        stream.bit_rate = 20_000_000
        for number in range(12):
            noise = np.random.default_rng(number).integers(0, 256, (480, 640, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, "bgr24")))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError) as caught:
        open_source(f"http://{web}/a.mp4")
    assert str(caught.value) == (
        f"http://{web}/a.mp4: its index is at its end, which cannot be read from a server that "
        "sends whole files only (no ranges); download it first"
    )
    _faststart(tmp_path / "a.mp4", tmp_path / "b.mp4")
    with open_source(f"http://{web}/b.mp4") as source:
        assert len(list(source)) == 12


def _faststart(path, target):
    with av.open(str(path)) as source:
        options = {"movflags": "faststart"}
        with av.open(str(target), "w", container_options=options) as container:
            stream = container.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    container.mux(packet)


@pytest.mark.parametrize("address", ["rtsp://u:pw@h/live?key=s3", "http://h/a.mp4?token=s3#s3"])
def test_secrets_of_an_address_are_in_no_message(address):
    with pytest.raises(SourceError) as caught:
        open_source(address)
    assert "pw" not in str(caught.value)
    assert "s3" not in str(caught.value)


def test_malformed_address_is_one_line():
    with pytest.raises(SourceError, match=r"http://…: not an address: Invalid IPv6 URL"):
        open_source("http://[x")


def test_silent_peer_is_given_up(monkeypatch, web):
    monkeypatch.setattr(_libav, "NETWORK_TIMEOUT_S", 0.2)
    with pytest.raises(SourceError, match=r"/silent: no answer within 0\.2 s"):
        open_source(f"http://{web}/silent")


def test_unreachable_peer_is_an_error(web):
    host = web.partition(":")[0]
    with pytest.raises(SourceError, match=r"rtsp://.*: cannot be opened: Connection refused"):
        open_source(f"rtsp://{host}:9/live")


def test_unknown_scheme_is_an_error():
    with pytest.raises(SourceError, match=r"nope://x: cannot be opened: Protocol not found"):
        open_source("nope://x")


def test_nothing_is_written_to_stderr_for_damaged_files(tmp_path, capfd):
    path = _clip(tmp_path / "a.mp4", muxer={"movflags": "faststart"}, times=range(40))
    path.write_bytes(path.read_bytes()[:-300])
    _read(path)
    assert capfd.readouterr().err == ""


def test_damage_in_a_joined_recording_is_a_warning(tmp_path, monkeypatch):
    joined = tmp_path / "joined.ts"
    second = _ts(tmp_path / "b.ts", 512)
    joined.write_bytes(_ts(tmp_path / "a.ts").read_bytes() + second.read_bytes())
    packets_of = decoder.packets_of

    def break_off(container, *streams):
        yield from packets_of(container, *streams)
        if streams:  # those that begin later
            raise av.error.InvalidDataError(errno.EINVAL, "Invalid data")

    monkeypatch.setattr(decoder, "packets_of", break_off)
    with open_source(str(joined)) as source:
        assert len(list(source)) == 20
        assert source.warnings == [
            "joined.ts: ends early, frame 20 cannot be decoded; kept what came before"
        ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_neither_file_nor_folder_says_what_it_is_and_what_to_do(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    path = tmp_path / "pipe.mp4"
    with pytest.raises(SourceError) as caught:
        open_source(str(path))
    said = f"{path}: is a named pipe, not a file; read it as standard input: - < {path}"
    assert str(caught.value) == said
    with pytest.raises(SourceError, match=r"^/dev/null: is a device; a file, a folder or a"):
        open_source("/dev/null")
