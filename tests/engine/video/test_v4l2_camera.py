"""OpenCV's true V4L2 back-end, and ours on top, with a device that plays dumps."""

import csv
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.assets import asset_path

ROOT = Path(__file__).resolve().parents[3]
COMPILER = shutil.which("cc")
WIDTH, HEIGHT = 640, 480
GROUND = (200, 60, 30)  # BGR

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="V4L2 is Linux's"),
    pytest.mark.skipif(COMPILER is None, reason="no C compiler for the fake camera"),
]


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """The fake camera as a library."""
    made = tmp_path_factory.mktemp("camera") / "camera.so"
    source = ROOT / "tests" / "fake_camera" / "camera.c"
    how = ["-shared", "-fPIC", "-O1", "-w", "-o", str(made), str(source), "-ldl"]
    done = subprocess.run([COMPILER, *how], capture_output=True, text=True, check=False)
    if "linux/videodev2.h" in done.stderr:
        pytest.skip("no headers of the kernel for the fake camera")
    assert done.returncode == 0, done.stderr
    return made


def portrait():
    """A face on a blue ground."""
    face = cv2.imread(str(asset_path("portrait.jpg")))
    face = cv2.resize(face, (round(face.shape[1] * HEIGHT / face.shape[0]), HEIGHT))
    picture = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
    across = min(face.shape[1], WIDTH - 200)
    picture[:, 150 : 150 + across] = face[:, :across]
    return picture


@pytest.fixture
def device(tmp_path):
    """Dumps of a camera; give the folder."""
    folder = tmp_path / "cameras" / "0"
    folder.mkdir(parents=True)
    picture = portrait()
    yuyv = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_YUY2).tobytes()
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    for name, content in (("yuyv", yuyv), ("mjpeg", jpeg)):
        (folder / f"{name}.raw").write_bytes(struct.pack("<I", len(content)) + content)
    return folder


@pytest.fixture
def run(shim, device, tmp_path):
    """Run Python with the camera; give what came of it."""

    def done(*command, faults="", limit_s=60, **environment):
        (device / "faults").write_text(faults)
        environment |= {"LD_PRELOAD": str(shim), "FAKE_CAMERA": str(device.parent)}
        environment = os.environ | environment
        return subprocess.run(
            [sys.executable, *command],
            capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=limit_s,
        )  # fmt: skip

    return done


@pytest.fixture
def fer_video(run):
    return lambda *options, **how: run("-m", "tests.fake_camera.program", *map(str, options), **how)


READ = """
import sys
from engine.video import camera
from engine.video.source import SourceConfig
camera._cameras_found = lambda: (0,)
size = (640, 480) if sys.argv[1] == "mjpeg" else None
with camera.Camera(0, SourceConfig(size=size)) as source:
    frames = [source.read() for _ in range(4)]
    print(source.info.width, source.info.height, source.info.fps, source.info.live)
    print([source.time_s for source in frames] == sorted(source.time_s for source in frames))
    print(*frames[-1].image[240, 20], *frames[-1].image[20, 620])
    print(*source.warnings)
"""


@pytest.mark.parametrize("form", ["yuyv", "mjpeg"])
def test_size_rate_and_colours_are_the_cameras(run, form):
    done = run("-c", READ, form)
    assert done.returncode == 0, done.stderr
    facts, in_order, colours, warnings = done.stdout.splitlines()
    assert warnings == ""
    assert facts == "640 480 30 True"
    assert in_order == "True"
    assert [int(level) for level in colours.split()] == pytest.approx([*GROUND, *GROUND], abs=4)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_face_before_the_camera_is_read(fer_video, tmp_path):
    rows = tmp_path / "rows.csv"
    done = fer_video(0, "--duration", "1", "--records", rows, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["frames_seen"] >= 5
    assert said["warnings"] == []
    assert {row["face_id"] for row in rows_of(rows)} == {"1"}
    assert {row["expression"] for row in rows_of(rows)} == {"happiness"}


def test_what_came_before_it_was_unplugged_is_kept(fer_video, tmp_path):
    rows = tmp_path / "rows.csv"
    done = fer_video(0, "--duration", "9", "--records", rows, faults="gone 20\n")
    assert done.returncode == 3
    said = "fer-video: camera 0: lost; was it unplugged? (what was done is kept)"
    assert done.stderr.splitlines()[-1] == said
    assert len(rows_of(rows)) > 0


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ("busy 1\n", "cannot be opened, perhaps another program has it; cameras found: 0"),
        ("busy 2\n", "cannot be opened, perhaps another program has it; cameras found: 0"),
        (
            "busy 3\n",
            "gives no picture; perhaps another program has it, or try another port or camera",
        ),
    ],
)
def test_a_camera_that_somebody_else_has_is_one_line(fer_video, tmp_path, faults, said):
    rows = tmp_path / "rows.csv"
    done = fer_video(0, "--duration", "1", "--records", rows, faults=faults)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [f"fer-video: camera 0: {said}"]
    assert not rows.exists()


@pytest.mark.slow
def test_a_camera_that_never_gives_a_picture_is_given_up(fer_video, tmp_path):
    wait = {"OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "1"}  # seconds; OpenCV's own ten else
    done = fer_video(0, "--records", tmp_path / "rows.csv", faults="silent 1\n", **wait)
    assert done.returncode == 3
    assert "fer-video: camera 0: gives no picture" in done.stderr


def test_a_frame_without_bytes_is_no_end(fer_video, tmp_path):
    rows = tmp_path / "rows.csv"
    done = fer_video(0, "--duration", "1", "--records", rows, faults="empty 5\n")
    assert done.returncode == 0, done.stderr
    assert float(rows_of(rows)[-1]["timestamp"]) > 0.5


@pytest.mark.parametrize("form", ["yuyv", "mjpeg"])
@pytest.mark.parametrize("fault", ["empty", "broken"])
def test_an_empty_or_broken_picture_does_not_end_it(run, form, fault):
    done = run("-c", READ, form, faults=f"{fault} 2\n")
    assert done.returncode == 0, done.stderr
    *_, colours, warnings = done.stdout.splitlines()
    colours = [int(level) for level in colours.split()]
    left_out = "camera 0: empty pictures are left out"
    assert warnings == (left_out if (fault, form) == ("empty", "mjpeg") else "")
    assert colours == pytest.approx([*GROUND, *GROUND], abs=4)


def test_a_driver_that_contradicts_itself_is_a_lost_camera(fer_video, tmp_path):
    rows = tmp_path / "rows.csv"
    done = fer_video(0, "--duration", "3", "--records", rows, faults="odd 10\n")
    assert done.returncode == 3
    said = "fer-video: camera 0: lost; was it unplugged? (what was done is kept)"
    assert done.stderr.splitlines()[-1] == said


AGAIN = """
from app.sources.connection import Connection
from engine.video import camera
from engine.video.source import SourceConfig
camera._cameras_found = lambda: (0,)
states = []
connection = Connection(
    lambda: camera.Camera(0, SourceConfig()), lambda status: states.append(status.state.value),
    lasting=True, pause_s=0.1,
)
frames = []
for frame in connection:
    frames.append(frame)
    if len(frames) == 20:
        connection.close()
print(*states)
print([frame.index for frame in frames] == list(range(20)))
"""


def test_a_camera_that_is_plugged_in_again_goes_on(run):
    done = run("-c", AGAIN, faults="gone 8\n")
    assert done.returncode == 0, done.stderr
    states, in_order = done.stdout.splitlines()
    assert states.startswith("opening running lost running lost running")
    assert in_order == "True"


STATED = """
from pathlib import Path
from app.sources.v4l2 import opened, stated
with opened(Path("/dev/video0")) as ask:
    said = stated(ask)
print(said.name, said.captures, *(f"{each.code} {each.sizes[0].words}" for each in said.formats))
"""


def test_the_report_asks_the_device_itself(run):
    done = run("-c", STATED)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "Test camera True YUYV 640x480 MJPG 640x480"
