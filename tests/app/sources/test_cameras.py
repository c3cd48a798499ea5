from app.sources.cameras import cameras


def device(folder, number, *, name=None, index="0"):
    made = folder / f"video{number}"
    made.mkdir()
    (made / "index").write_text(index + "\n")
    if name is not None:
        (made / "name").write_text(name + "\n")


def test_cameras_have_their_makers_names_in_order_of_number(tmp_path):
    device(tmp_path, 10, name="USB Camera")
    device(tmp_path, 2, name="Integrated Camera: Integrated C")
    found = cameras(tmp_path, "linux")
    assert [(camera.number, camera.name) for camera in found] == [
        (2, "Integrated Camera"),
        (10, "USB Camera"),
    ]


def test_device_files_that_give_no_pictures_are_left_out(tmp_path):
    device(tmp_path, 0, name="Camera")
    device(tmp_path, 1, name="Camera", index="1")
    assert [camera.number for camera in cameras(tmp_path, "linux")] == [0]


def test_a_camera_without_a_name_is_called_by_its_number(tmp_path):
    device(tmp_path, 3)
    assert cameras(tmp_path, "linux")[0].name == "Camera 3"


def test_without_cameras_the_list_is_empty(tmp_path):
    assert cameras(tmp_path / "none", "linux") == ()


def test_elsewhere_numbers_are_offered():
    assert [camera.number for camera in cameras(platform="darwin")] == [0, 1, 2, 3]
