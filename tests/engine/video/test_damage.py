"""Films with flipped bits: whoever reads them learns that pictures are not what was filmed."""

import random
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from engine.video.opening import SourceConfig, open_source

FRAMES = 50
# Codec, container, options, and what of the file's decoders notices a flipped bit.
FILMS = {
    "h264": ("libx264", ".mp4", {}),
    "h264 in ts": ("libx264", ".ts", {}),
    "mpeg4": ("mpeg4", ".avi", {}),
    "mpeg2": ("mpeg2video", ".ts", {}),
    "mpeg2 interlaced": ("mpeg2video", ".ts", {"flags": "+ilme+ildct"}),
}


def film(path, codec, options, *, gop=12):
    """Fifty frames of a pattern that moves."""
    pattern = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(25), options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.gop_size = gop
        for number in range(FRAMES):
            image = cv2.resize(np.roll(pattern, number, axis=1), (320, 240))
            frame = av.VideoFrame.from_ndarray(image, "bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def flipped(path, seed=0, bits=8):
    """Flip bits in the middle of a file."""
    chance, content = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(bits):
        content[chance.randrange(len(content) // 4, len(content) * 3 // 4)] ^= (
            1 << chance.randrange(8)
        )
    path.write_bytes(content)
    return path


def read(path, **config):
    with open_source(str(path), SourceConfig(**config)) as source:
        return len(list(source)), source.warnings


@pytest.mark.parametrize("name", FILMS)
def test_frames_that_were_decoded_with_errors_are_counted(tmp_path, name):
    codec, ending, options = FILMS[name]
    path = film(tmp_path / f"a{ending}", codec, options)
    assert read(path) == (FRAMES, [])
    frames, warnings = read(flipped(path))
    assert frames == FRAMES
    (said,) = warnings
    start, count, rest = f"a{ending}: damaged, ", said.split()[2], " frames came with errors, "
    assert said.startswith(f"{start}{count} of {FRAMES}{rest}")
    assert 0 < int(count) < FRAMES


def test_errors_outside_the_part_that_is_read_do_not_count(tmp_path):
    path = film(tmp_path / "a.mp4", "libx264", {})
    content = bytearray(path.read_bytes())
    (first,) = [packet for packet in packets(path) if packet[0] == 20]
    content[first[1] + 40 : first[1] + 60] = bytes(20)
    path.write_bytes(content)
    assert len(read(path)[1]) == 1
    assert read(path, duration_s=0.4) == (10, [])
    assert read(path, start_s=1.0) == (25, [])


def packets(path):
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        return [(number, packet.pos) for number, packet in enumerate(container.demux(video))]


@pytest.fixture(scope="module")
def hevc(tmp_path_factory):
    """A film whose pictures lead to key pictures in the middle, as encoders make them."""
    options = {"x265-params": "log-level=none:open-gop=1:bframes=4"}
    return film(tmp_path_factory.mktemp("hevc") / "a.mp4", "libx265", options)


@pytest.mark.parametrize("damaged", [1, 10, 24, 25])
def test_pictures_that_vanish_without_an_error_are_counted(tmp_path, hevc, damaged):
    """FFmpeg's HEVC decoder leaves out, without a word, what builds on a picture it lacks."""
    path, content = tmp_path / "a.mp4", bytearray(hevc.read_bytes())
    content[packets(hevc)[damaged][1] + 6] ^= 0xFF  # the head of its first slice
    path.write_bytes(content)
    frames, warnings = read(path)
    assert frames < FRAMES
    lost = FRAMES - frames
    assert warnings == [
        f"a.mp4: damaged, {lost} of {FRAMES} packets cannot be decoded; kept the rest"
    ]


@pytest.mark.parametrize("start_s", [0.0, 0.2, 0.48, 0.56, 1.0, 1.9])
def test_pictures_that_lead_to_where_reading_begins_are_no_damage(hevc, start_s):
    frames, warnings = read(hevc, start_s=start_s)
    assert (frames, warnings) == (FRAMES - round(start_s * 25), [])


def test_hevc_that_begins_in_the_middle_is_no_damage(tmp_path, hevc):
    """As a recording of television does: what leads to the first key picture cannot be shown."""
    path = tmp_path / "a.ts"
    with av.open(str(hevc)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size and number >= 12:
                packet.stream = stream
                target.mux(packet)
    frames, warnings = read(path)
    assert frames > 30
    assert warnings == []
