"""W-MCSA against its definition (ARBEx specification, sections 3.1 and 10)."""

import pytest
import torch
from torch.nn import functional

from training.models.window_attention import WindowCrossAttention, merge, partition, relative_index

LEVELS = [(64, 28), (128, 14), (256, 7)]


@pytest.fixture
def attention():
    made = WindowCrossAttention(64, 7)
    torch.nn.init.normal_(made.table)
    return made.eval()


@pytest.mark.parametrize(
    ("dim", "window", "wanted"), [(64, 28, 18_530), (128, 14, 52_452), (256, 7, 198_728)]
)
def test_attention_has_the_specifications_size(dim, window, wanted):
    attention = WindowCrossAttention(dim, window)
    assert sum(p.numel() for p in attention.parameters()) == wanted
    assert attention.table.shape == ((2 * window - 1) ** 2, dim // 32)
    assert attention.table.std().item() == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(("dim", "window"), LEVELS)
def test_a_window_attends_to_all_its_places(dim, window):
    attention = WindowCrossAttention(dim, window)
    query, key = torch.randn(2, 1, dim // 32, window**2, 32)
    weights = attention.weights(query, key)
    assert weights.shape == (1, dim // 32, window**2, window**2)
    torch.testing.assert_close(weights.sum(3), torch.ones(1, dim // 32, window**2))


@pytest.mark.parametrize("window", [7, 14, 28])
def test_relative_index_names_every_displacement_once(window):
    index = relative_index(window)
    assert index.shape == (window**2, window**2)
    assert torch.equal(index.unique(), torch.arange((2 * window - 1) ** 2))
    off_diagonal = ~torch.eye(window**2, dtype=torch.bool)
    assert (index != index.T)[off_diagonal].all()
    assert (index.diagonal() == (window - 1) * (2 * window - 1) + window - 1).all()


def test_relative_index_counts_rows_then_columns_from_the_query():
    index = relative_index(7)
    below, right = index[7 * 3 + 2, 7 * 1 + 2], index[7 * 3 + 2, 7 * 3 + 1]
    assert below == (2 + 6) * 13 + 6
    assert right == 6 * 13 + 1 + 6


def test_queries_of_zero_attend_by_position_alone(attention):
    key = torch.randn(3, 2, 49, 32)
    wanted = attention.bias().softmax(2).expand(3, 2, 49, 49)
    said = attention.weights(torch.zeros_like(key), key)
    torch.testing.assert_close(said, wanted)
    assert not torch.allclose(attention.weights(key, key), wanted, atol=1e-3)


@pytest.mark.parametrize(("dim", "window"), LEVELS)
def test_landmarks_of_zero_hear_the_image_by_position_alone(dim, window):
    attention = WindowCrossAttention(dim, window).eval()
    torch.nn.init.normal_(attention.table)
    image = torch.randn(2, window, window, dim)
    value = attention.key_value(image.flatten(1, 2))[:, :, dim:]
    value = value.reshape(2, window**2, -1, 32).transpose(1, 2)
    heard = (attention.bias().softmax(2) @ value).transpose(1, 2).reshape(image.shape)
    said = attention(image, torch.zeros_like(image))
    torch.testing.assert_close(said, attention.project(heard), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("window", [7, 14, 28])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 2), (1, 3), (4, 2)])
def test_windows_and_back_is_the_identity(batch, window, rows, columns):
    x = torch.randn(batch, rows * window, columns * window, 5)
    windows = partition(x, window)
    assert windows.shape == (batch * rows * columns, window**2, 5)
    assert torch.equal(merge(windows, window, x), x)


def test_a_window_holds_neighbouring_places_of_one_face():
    places = torch.arange(2 * 14 * 21).reshape(2, 14, 21, 1)
    windows = partition(places, 7)
    assert torch.equal(windows[4].reshape(7, 7), places[0, 7:, 7:14, 0])
    assert torch.equal(windows[6 + 2].reshape(7, 7), places[1, :7, 14:, 0])


def test_a_map_that_windows_do_not_tile_is_refused():
    with pytest.raises(ValueError, match="multiples of 7, got 14 x 12"):
        partition(torch.zeros(1, 14, 12, 4), 7)


def test_a_width_without_whole_heads_is_refused():
    with pytest.raises(ValueError, match="multiple of 32, got 48"):
        WindowCrossAttention(48, 7)


def test_landmarks_ask_and_the_image_answers_as_in_torchs_attention(attention):
    image, landmarks = torch.randn(2, 2, 7, 7, 64)
    key, value = attention.key_value(image.reshape(2, 49, 64)).chunk(2, 2)
    split = [x.reshape(2, 49, 2, 32).transpose(1, 2) for x in (landmarks, key, value)]
    answer = functional.scaled_dot_product_attention(*split, attn_mask=attention.bias())
    wanted = attention.project(answer.transpose(1, 2).reshape(2, 7, 7, 64))
    torch.testing.assert_close(attention(image, landmarks), wanted, atol=1e-5, rtol=1e-5)


def test_every_window_of_a_face_is_asked_by_its_own_landmarks(attention):
    image, landmarks = torch.randn(2, 14, 21, 64), torch.randn(2, 7, 7, 64)
    said = attention(image, landmarks)
    assert said.shape == image.shape
    for top in (0, 7):
        for left in (0, 7, 14):
            window = slice(None), slice(top, top + 7), slice(left, left + 7)
            alone = attention(image[window], landmarks)
            torch.testing.assert_close(said[window], alone, atol=1e-5, rtol=1e-5)


def test_narrow_heads_let_other_widths_in():
    attention = WindowCrossAttention(80, 7, head_size=16).eval()
    assert attention.heads == 5
    image, marks = torch.randn(2, 2, 14, 14, 80), torch.randn(2, 7, 7, 80)
    assert attention(image[0], marks).shape == (2, 14, 14, 80)
    with pytest.raises(ValueError, match="multiple of 32, got 80"):
        WindowCrossAttention(80, 7)
