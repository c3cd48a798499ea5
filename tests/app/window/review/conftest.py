"""A recording to review."""

import numpy as np
import pytest

from app.session.folder import FORMAT, MARKERS, Marker, MarkerWriter, write_about


@pytest.fixture
def folder(tmp_path, write_records, two_faces, make_clip):
    """A session of ten seconds: three faces, two markers, a video whose grey tells the frame."""
    folder = tmp_path / "session"
    folder.mkdir()
    write_records("rows.csv", two_faces).rename(folder / "records.csv")
    images = [np.full((120, 160, 3), 2 * number, np.uint8) for number in range(100)]
    make_clip("clip.mp4", images, [n / 10 for n in range(100)]).rename(folder / "video.mp4")
    markers = MarkerWriter(folder / MARKERS)
    markers.write(Marker(2.0, "stimulus on", "F5"))
    markers.write(Marker(7.0, "stimulus off", "F6"))
    markers.close()
    files = {"records": "records.csv", "video": "video.mp4", "markers": MARKERS}
    about = {"format": FORMAT, "state": "finished", "files": files}
    write_about(folder, about | {"settings": {"video": {"annotate": False}}})
    return folder
