"""What is heard in a recording: the tones of the file, where they belong."""

import time
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from app.session.folder import PartLimits, part_name, read_about
from app.session.recorder import Recorder
from app.session.recording import RecorderConfig
from app.session.sound import LiveSound
from engine.analyze import AnalyzerConfig
from engine.types import Analysis
from engine.video.opening import open_source
from engine.video.sound import RATE, SoundBlock, SoundReader

STEP_S, STEPS = 0.5, 8  # a tone of its own for each half second
TONES = [300 + 150 * step for step in range(STEPS)]


@pytest.fixture
def spoken(tmp_path):
    """A clip of four seconds whose sound tells the time; 44.1 kHz, one channel."""
    path = tmp_path / "spoken.mp4"
    rate = 44_100
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        voice = container.add_stream("aac", rate=rate, layout="mono")
        for index in range(100):
            image = np.full((48, 64, 3), 2 * index, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(video.encode(None))
        times = np.arange(STEPS * round(STEP_S * rate)) / rate
        tone = np.array(TONES)[(times / STEP_S).astype(int)]
        wave = (0.5 * np.sin(2 * np.pi * tone * times)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux(voice.encode(frame))
        container.mux(voice.encode(None))
    return path


def heard(path):
    """Give (time, tone) of every tenth of a second of a file, tone 0 for silence."""
    reader = SoundReader(path)
    blocks = list(iter(reader.read, None))
    reader.close()
    end_s = max(block.end_s for block in blocks)
    wave = np.zeros(round(end_s * RATE) + RATE, np.float32)
    for block in blocks:
        start = max(0, round(block.time_s * RATE))
        wave[start : start + block.samples.shape[1]] = block.samples[0][: len(wave) - start]
    return wave


def tone_at(wave, time_s, length_s=0.1):
    part = wave[round(time_s * RATE) : round((time_s + length_s) * RATE)]
    if np.abs(part).max(initial=0) < 0.05:
        return 0
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 8 * len(part)))
    return spectrum.argmax() * RATE / (8 * len(part))


def record(root, path, pieces, **options):
    """Record pieces (start, stop) of a file, in seconds, one after the other."""
    config = RecorderConfig(sound=True, records=True, **options)
    with open_source(str(path)) as source:
        frames = list(source)
        recorder = Recorder(root, source.info, AnalyzerConfig(), config)
        number = 0
        for start_s, stop_s in pieces:
            for frame in frames:
                if start_s <= frame.time_s < stop_s:
                    recorder.add(Analysis(replace(frame, index=number), (), (), {}))
                    number += 1
        recorder.stop()
        assert recorder.join(20)
    return recorder.status()


def test_the_sound_of_a_file_is_in_its_recording_at_its_place(tmp_path, spoken):
    status = record(tmp_path / "r", spoken, [(1.0, 3.0)])
    assert read_about(status.folder)["settings"]["sound"] == "file"
    wave = heard(status.folder / "video.mp4")
    for step in range(4):  # the recording begins at the file's first second
        said = tone_at(wave, step * STEP_S + 0.2)
        assert said == pytest.approx(TONES[step + 2], abs=12)
    jumps = np.abs(np.diff(wave[round(0.6 * RATE) : round(0.9 * RATE)])).max()
    assert jumps < 0.1  # no click between blocks


def test_pictures_keep_their_times_beside_sound(tmp_path, spoken):
    status = record(tmp_path / "r", spoken, [(0.0, 2.0)])
    with av.open(str(status.folder / "video.mp4")) as container:
        times = [float(frame.time) for frame in container.decode(video=0)]
    assert times == pytest.approx([n / 25 for n in range(50)], abs=1e-4)


def test_pictures_are_in_the_file_before_a_microphone_says_anything(tmp_path, spoken):
    with open_source(str(spoken)) as source:
        info, frames = replace(source.info, live=True), list(source)
    recorder = Recorder(tmp_path / "r", info, AnalyzerConfig(), RecorderConfig(sound=True))
    for frame in frames:
        recorder.add(Analysis(frame, (), (), {}))
        time.sleep(0.04)
    kept = tmp_path / "as a kill leaves it.mp4"
    kept.write_bytes((recorder.status().folder / "video.mp4").read_bytes())
    recorder.stop()
    assert recorder.join(20)
    with av.open(str(kept)) as container:
        last_s = max(float(frame.time) for frame in container.decode(video=0))
    assert last_s > 2.0


def test_where_the_file_is_moved_its_sound_moves_too(tmp_path, spoken):
    status = record(tmp_path / "r", spoken, [(3.0, 4.0), (0.0, 1.0)])
    wave = heard(status.folder / "video.mp4")
    assert tone_at(wave, 0.2) == pytest.approx(TONES[6], abs=12)
    assert tone_at(wave, 0.7) == pytest.approx(TONES[7], abs=12)
    tones = [round(tone_at(wave, at / 20) / 150) for at in range(20, 38)]
    assert {2, 3} <= set(tones) <= {2, 3, 9}  # of the first second, after the jump


def test_every_part_has_its_own_stretch(tmp_path, spoken):
    limits = PartLimits(seconds=1.0, size=10**9)
    status = record(tmp_path / "r", spoken, [(0.0, 3.0)], part=limits)
    second = heard(status.folder / part_name("video.mp4", 2))
    assert tone_at(second, 0.2) == pytest.approx(TONES[2], abs=12)
    assert tone_at(second, 0.7) == pytest.approx(TONES[3], abs=12)


def test_without_the_choice_a_recording_is_silent(tmp_path, spoken):
    with open_source(str(spoken)) as source:
        recorder = Recorder(tmp_path, source.info, AnalyzerConfig(), RecorderConfig())
        for frame in source:
            recorder.add(Analysis(frame, (), (), {}))
        recorder.stop()
        assert recorder.join(20)
    with av.open(str(recorder.status().folder / "video.mp4")) as container:
        assert not container.streams.audio


def test_a_microphone_is_heard_by_the_recordings_time():
    sound = LiveSound()
    for step in range(10):  # blocks come a little late and early
        samples = np.full((2, RATE // 10), step / 10, np.float32)
        sound.add(samples, 2.0 + 0.1 * (step + 1) + (0.03 if step % 2 else 0.0))
    first = list(sound.blocks(2.55))
    assert first[0].time_s == pytest.approx(2.0, abs=0.01)
    assert sum(block.samples.shape[1] for block in first) == round(0.55 * RATE)
    rest = list(sound.blocks(9.0))
    assert rest[0].time_s == pytest.approx(2.55, abs=1e-4)
    assert rest[-1].end_s == pytest.approx(3.0, abs=1e-3)
    sound.add(np.zeros((2, 4800), np.float32), 7.0)  # after a gap
    (late,) = sound.blocks(9.0)
    assert late.time_s == pytest.approx(6.9, abs=0.01)


def test_blocks_are_cut_at_samples():
    block = SoundBlock(1.0, np.arange(2 * RATE, dtype=np.float32).reshape(2, RATE))
    left, right = block.between(0.0, 1.25), block.between(1.25, 9.0)
    assert left.samples.shape[1] + right.samples.shape[1] == RATE
    assert right.time_s == 1.25
    assert block.between(3.0, 4.0).samples.shape[1] == 0
