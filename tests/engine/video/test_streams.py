"""What is told of an address: live or not, lost or ended; and what no playlist may lead to."""

import errno
import gc
import math
import threading
import time
import weakref
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from engine.errors import SourceError
from engine.video import container as _container
from engine.video.container import packets_of
from engine.video.decoder import Decoder
from engine.video.opening import SourceConfig, open_source

FRAMES = 95
END = "#EXT-X-ENDLIST\n"


@pytest.fixture
def clip(tmp_path) -> Callable[[str], Path]:
    """Give `clip(name)`: 95 frames of noise, under 4 seconds."""
    noise = np.random.default_rng(0).integers(0, 256, (FRAMES, 48, 64, 3), np.uint8)

    def make(name: str) -> Path:
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.gop_size = 64, 48, 10
            for image in noise:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
            container.mux(stream.encode(None))
        return tmp_path / name

    return make


@pytest.fixture
def web(tmp_path):
    """Serve the test's folder; give the address that a way of sending has.

    ``length`` says how much comes, ``chunked`` and ``bare`` do not; ``stalled`` sends half of it
    and then nothing, but stays connected; ``camera`` sends it again and again, as pictures.
    """
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            way, _, name = self.path[1:].partition("/")
            data = (tmp_path / name).read_bytes()
            self.send_response(200)
            if way == "length":
                self.send_header("Content-Length", str(len(data)))
            if way == "chunked":
                self.send_header("Transfer-Encoding", "chunked")
            if way == "camera":
                self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=x")
            self.close_connection = way not in ("length", "chunked")
            self.end_headers()
            try:
                self._send(way, data)
            except OSError:  # whoever asked has left
                self.close_connection = True

        def _send(self, way: str, data: bytes) -> None:
            if way == "chunked":
                for start in range(0, len(data), 10_000):
                    part = data[start : start + 10_000]
                    self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                self.wfile.write(b"0\r\n\r\n")
            elif way == "camera":
                head = f"--x\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                while not done.is_set():
                    self.wfile.write(head.encode() + data + b"\r\n")
            elif way == "stalled":
                self.wfile.write(data[: len(data) // 2])
                done.wait(10)
            else:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing of whoever has left."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield lambda way, name: f"http://127.0.0.1:{server.server_port}/{way}/{name}"
    done.set()
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.mark.parametrize("way", ["length", "chunked", "bare"])
@pytest.mark.parametrize("name", ["a.ts", "a.mkv"])
def test_a_file_over_http_is_never_live(clip, web, way, name):
    clip(name)
    with open_source(web(way, name)) as source:
        assert not source.info.live
        assert len(list(source)) == FRAMES


def test_the_pictures_of_a_camera_over_http_are_live(tmp_path, web):
    cv2.imwrite(str(tmp_path / "a.jpg"), np.full((48, 64, 3), 90, np.uint8))
    with open_source(web("camera", "a.jpg")) as source:
        assert source.info.live
        assert [source.read().index for _ in range(3)] == [0, 1, 2]


def test_a_user_may_call_it_live(clip, web):
    clip("a.ts")
    with open_source(web("bare", "a.ts"), SourceConfig(live=True)) as source:
        assert source.info.live
    with open_source(str(clip("a.mp4")), SourceConfig(live=True)) as source:
        assert source.info.live


def test_a_file_called_live_comes_at_its_own_pace(clip):
    with open_source(str(clip("a.mp4")), SourceConfig(live=True)) as source:
        times = [(time.monotonic(), frame.time_s) for frame in source]
    (began_s, first_s), (ended_s, last_s) = times[0], times[-1]
    assert last_s > first_s
    assert ended_s - began_s >= last_s - first_s - 0.01


def test_a_paced_file_is_closed_without_waiting(clip):
    source = open_source(str(clip("a.mp4")), SourceConfig(live=True))
    source.read()
    source._began_s += 100.0  # the next frame's time is far away
    threading.Timer(0.2, source.close).start()
    began_s = time.monotonic()
    source.read()
    assert time.monotonic() - began_s < 10


@pytest.mark.parametrize(("end", "live"), [(END, False), ("", True)])
def test_a_playlist_is_live_until_it_has_its_end(clip, tmp_path, web, end, live):
    clip("a.ts")
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n"
    (tmp_path / "a.m3u8").write_text(f"{head}#EXTINF:3.8,\na.ts\n{end}")
    with open_source(web("length", "a.m3u8")) as source:
        assert source.info.live is live
        if not live:
            assert len(list(source)) == FRAMES


@pytest.mark.parametrize("address", ["rtsp", "rtmp", "srt", "udp", "rtp"])
def test_what_comes_by_a_protocol_of_streams_is_live(clip, monkeypatch, address):
    path = clip("a.ts")

    def opened(name: str, url: str, **_: object) -> av.container.InputContainer:
        assert url == f"{address}://h/x"
        return av.open(str(path), format="mpegts")

    monkeypatch.setattr("engine.video.decoder.open_input", opened)
    monkeypatch.setattr(
        "engine.video.decoding.Video._length_s", lambda _: None
    )  # as such streams have none
    with open_source(f"{address.upper()}://h/x") as source:
        assert source.info.live


def test_a_stall_is_named_after_how_long_nothing_came(clip, web, monkeypatch):
    monkeypatch.setattr(_container, "NETWORK_TIMEOUT_S", 0.5)
    clip("a.ts")
    seen = []
    said = r"/a\.ts: connection lost: no data for 0\.5 s$"
    with open_source(web("stalled", "a.ts")) as source, pytest.raises(SourceError, match=said):
        seen.extend(source)
    assert 20 < len(seen) < FRAMES


def test_a_stall_after_damage_is_a_stall(clip, web, monkeypatch):
    monkeypatch.setattr(_container, "NETWORK_TIMEOUT_S", 0.5)
    path = clip("a.mkv")
    content = path.read_bytes()
    with av.open(str(path)) as container:
        damaged = next(p for p in container.demux() if p.pts and p.pts > 400)
        at = content.index(bytes(damaged))
    path.write_bytes(content[:at] + b"\xff" * damaged.size + content[at + damaged.size :])
    with (
        open_source(web("stalled", "a.mkv"), SourceConfig(live=True)) as source,
        pytest.raises(SourceError, match=r"connection lost: no data for 0\.5 s$"),
    ):
        list(source)
    assert source._decoder.damaged > 0


def test_a_stall_of_a_film_of_known_length_keeps_what_came(clip, web, monkeypatch):
    monkeypatch.setattr(_container, "NETWORK_TIMEOUT_S", 0.5)
    clip("a.mkv")
    with open_source(web("stalled", "a.mkv")) as source:
        assert 20 < len(list(source)) < FRAMES
    (line,) = source.warnings
    assert line.endswith("/a.mkv: ends early: no data for 0.5 s; kept what came before")


def test_the_case_of_a_scheme_does_not_matter(clip, web):
    clip("a.mkv")
    with open_source(web("length", "a.mkv").replace("http://", "HTTP://")) as source:
        assert len(list(source)) == FRAMES


@pytest.mark.parametrize("scheme", ["pipe", "fd", "unix", "concatf", "subfile", "cache", "nope"])
def test_addresses_that_are_no_streams_are_refused(scheme):
    with pytest.raises(SourceError, match=rf"^{scheme}://0: cannot be opened: Protocol not found"):
        open_source(f"{scheme}://0")


@pytest.mark.parametrize("address", ["http://{}", "http://127.0.0.1:9/{}", "rtsp://127.0.0.1:9/{}"])
def test_an_address_of_any_length_is_one_short_line(address):
    with pytest.raises(SourceError) as caught:
        open_source(address.format("a" * 5000))
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def playlists(folder: Path, target: str) -> dict[str, str]:
    """Give what leads to `target`, by the ending that belongs to it."""
    return {
        "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:3.8,\n{target}\n{END}",
        "ffconcat": f"ffconcat version 1.0\nfile '{target}'\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    }


@pytest.mark.parametrize("target", ["a.ts", "/{}/a.ts", "file:{}/a.ts", "http://127.0.0.1:9/a.ts"])
@pytest.mark.parametrize("kind", ["m3u8", "ffconcat", "sdp"])
@pytest.mark.parametrize("disguised", [False, True])
def test_a_local_file_leads_to_no_other(clip, tmp_path, target, kind, disguised):
    clip("a.ts")
    text = playlists(tmp_path, target.format(tmp_path))[kind]
    path = tmp_path / f"list.{'mp4' if disguised else kind}"
    path.write_text(text)
    with pytest.raises(
        SourceError, match=rf"^{path.name}: is a list of other files or addresses; open these"
    ):
        open_source(str(path))


@pytest.mark.parametrize("target", ["{}/a.ts", "file:{}/a.ts", "file://{}/a.ts", "crypto:{}/a.ts"])
@pytest.mark.parametrize("kind", ["m3u8", "ffconcat"])
def test_a_playlist_from_elsewhere_opens_no_file_of_this_computer(
    clip, tmp_path, web, target, kind
):
    clip("a.ts")
    name = f"list.{kind}"
    (tmp_path / name).write_text(playlists(tmp_path, target.format(tmp_path))[kind])
    with pytest.raises(SourceError, match=r"/list\.\w+: (not a video|cannot be opened)"):
        open_source(web("length", name))


@pytest.mark.parametrize(("trc", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_video_is_said_to_look_grey_once(tmp_path, trc, name):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.color_trc = trc
        for _ in range(3):
            picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "bgr24")
            picture.color_trc = trc
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with open_source(str(path)) as source:
        assert len(list(source)) == 3
    assert source.warnings == [
        f"a.mp4: HDR video ({name}) is read as if it were ordinary video: expressions are "
        "read less well, and what is shown of it looks grey"
    ]


def whole(path: Path) -> list[Decoder]:
    with open_source(str(path)) as source:
        decoders = [source._decoder]
        for _ in source:
            pass
    return decoders


def dropped(path: Path) -> list[Decoder]:
    source = open_source(str(path))
    source.read()
    return [source._decoder]


def sought(path: Path) -> list[Decoder]:
    source = open_source(str(path), SourceConfig(start_s=2.0))
    source.read()
    return [source._decoder]


@pytest.mark.parametrize("use", [whole, dropped, sought])
@pytest.mark.parametrize("damage", [False, True])
def test_decoders_are_gone_at_once(clip, use, damage):
    """Without Python's collector: nothing refers to itself in a circle."""
    path = clip("a.mkv")
    if damage:
        content = bytearray(path.read_bytes())
        content[len(content) // 2 : len(content) // 2 + 3000] = bytes(3000)
        path.write_bytes(content[:-5000])
    gc.collect()
    gc.disable()
    try:
        (decoder,) = use(path)
        container, gone = decoder.container, weakref.ref(decoder)
        del decoder
        assert gone() is None
        assert len(container.streams) == 0  # closed: its streams, and their decoders, are free
    finally:
        gc.enable()


@pytest.mark.long
@pytest.mark.slow
def test_a_thousand_rounds_of_opening_reading_and_closing_leave_memory_level(make_clip):
    psutil = pytest.importorskip("psutil")
    noise = np.random.default_rng(0).integers(0, 256, (4, 240, 320, 3), np.uint8)
    path = make_clip("a.mp4", list(noise))
    process, taken = psutil.Process(), []
    for _ in range(1000):
        whole(path)
        taken.append(process.memory_info().rss / 2**20)
    assert max(taken[500:]) - max(taken[100:200]) < 5.0


class _Hiccups:
    """A container of three packets, before each of which FFmpeg asks to be asked again."""

    name = "in.ts"

    def __init__(self, times):
        self._left, self._times = [1, 2, 3], times

    def demux(self, *streams):
        while self._left:
            if self._times:
                self._times -= 1
                raise av.error.BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
            yield self._left.pop(0)


def test_reading_goes_on_where_ffmpeg_asks_to_be_asked_again():
    assert list(packets_of(_Hiccups(5))) == [1, 2, 3]


def test_a_file_that_always_asks_ends():
    with pytest.raises(av.error.FFmpegError, match="damaged in very many places"):
        list(packets_of(_Hiccups(math.inf)))
