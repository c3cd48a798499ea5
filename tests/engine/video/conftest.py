"""Pictures as phones write them, and a server for them."""

import io
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pillow_heif
import pytest

from engine.types import Image


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _full(kind: bytes, version: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24), *parts)


def _inside(content: bytes) -> dict[bytes, bytes]:
    """Boxes by kind, whole; of several the first."""
    found: dict[bytes, bytes] = {}
    while len(content) >= 8:
        size, kind = struct.unpack(">I4s", content[:8])
        found.setdefault(kind, content[:size])
        content = content[size:]
    return found


@pytest.fixture
def tiled() -> Callable[..., Path]:
    """Give `tiled(path, image, rows, columns, *turns)`.

    It writes BGR pixels as a grid of tiles, .heic or .avif, as phones do; `turns` are the boxes
    that say how it is turned, such as ``b"irot", 1`` (a quarter to the left).
    """

    def write(
        path: Path, image: Image, rows: int = 2, columns: int = 2, *turns: tuple[bytes, int]
    ) -> Path:
        avif = path.suffix == ".avif"
        codec, setting = (b"av01", b"av1C") if avif else (b"hvc1", b"hvcC")
        height, width = image.shape[:2]
        tiles = []
        for strip in np.split(image, rows):
            for tile in np.split(strip, columns, axis=1):
                picture = PIL.Image.fromarray(cv2.cvtColor(tile, cv2.COLOR_BGR2RGB))
                encoded = io.BytesIO()
                if avif:
                    picture.save(encoded, "AVIF", quality=90)
                else:
                    pillow_heif.from_pillow(picture).save(encoded, quality=90)
                parts = _inside(encoded.getvalue())
                tiles.append(parts[b"mdat"][8:])
        known = _inside(_inside(_inside(parts[b"meta"][12:])[b"iprp"][8:])[b"ipco"][8:])
        size = _full(b"ispe", 0, struct.pack(">II", width, height))
        properties = [known[setting], known[b"ispe"], size]
        properties += [_box(kind, bytes([turn])) for kind, turn in turns]
        grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
        numbers = range(2, 2 + len(tiles))
        entries = [_full(b"infe", 2, struct.pack(">HH4sB", 1, 0, b"grid", 0))]
        entries += [_full(b"infe", 2, struct.pack(">HH4sB", n, 0, codec, 0)) for n in numbers]
        own = bytes([3, *(0x80 | at for at in range(4, 4 + len(turns)))])  # turns are essential
        uses = struct.pack(">HB", 1, len(own)) + own
        uses += b"".join(struct.pack(">HBBB", n, 2, 0x81, 2) for n in numbers)

        def meta(start: int) -> bytes:
            places = struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(grid))
            for number, tile in zip(numbers, tiles, strict=True):
                places += struct.pack(">HHHHII", number, 0, 0, 1, start, len(tile))
                start += len(tile)
            return _full(
                b"meta",
                0,
                _full(b"hdlr", 0, struct.pack(">I4s12xB", 0, b"pict", 0)),
                _full(b"pitm", 0, struct.pack(">H", 1)),
                _full(b"iloc", 1, struct.pack(">BBH", 0x44, 0, 1 + len(tiles)), places),
                _full(b"iinf", 0, struct.pack(">H", len(entries)), *entries),
                _box(
                    b"iprp",
                    _box(b"ipco", *properties),
                    _full(b"ipma", 0, struct.pack(">I", 1 + len(tiles)), uses),
                ),
                _full(
                    b"iref",
                    0,
                    _box(b"dimg", struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *numbers)),
                ),
                _box(b"idat", grid),
            )

        brand = b"avif" if avif else b"heic"
        head = _box(b"ftyp", brand, struct.pack(">I", 0), b"mif1", brand, b"miaf")
        start = len(head) + len(meta(0)) + 8
        path.write_bytes(head + meta(start) + _box(b"mdat", *tiles))
        return path

    return write


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """Serves the files of the test's folder; /silent never answers, and waits for the end."""
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/silent":
                done.wait(5)
                return
            data = (tmp_path / self.path[1:]).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    done.set()
    server.shutdown()
    thread.join(5)
    server.server_close()
