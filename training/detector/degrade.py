"""Light, blur, noise and compression: what cameras and files do to a gray picture."""

import cv2
import numpy as np

from training.detector.packs import Gray

Rng = np.random.Generator


def relight(image: Gray, rng: Rng) -> Gray:
    """Change gain, offset and gamma at random; sometimes light it from one side.

    The gain of a gray picture stands for tint and white balance: the network sees no colour.
    """
    table = np.arange(256, dtype=np.float32) / 255
    table = table ** float(np.exp(rng.normal(0, 0.25)))
    table = (table - 0.5) * float(np.exp(rng.normal(0, 0.2))) + 0.5 + float(rng.normal(0, 0.06))
    lit = cv2.LUT(image, np.clip(table * 255, 0, 255).astype(np.uint8))
    if rng.random() < 0.15:
        lit = _side_light(np.asarray(lit, np.uint8), rng)
    return np.asarray(lit, np.uint8)


def _side_light(image: Gray, rng: Rng) -> Gray:
    height, width = image.shape
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.7)
    across = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(np.cos(angle))
    down = np.linspace(-1, 1, height, dtype=np.float32) * np.float32(np.sin(angle))
    gain = 1 + np.float32(depth) * np.clip(across + down[:, None], -1, 1)
    return np.asarray(np.clip(image * gain, 0, 255), np.uint8)


def degrade(image: Gray, rng: Rng) -> Gray:
    """Blur, shrink and enlarge, darken, add noise, compress: each now and then."""
    if rng.random() < 0.2:
        image = _blur(image, rng)
    if rng.random() < 0.12:
        image = _coarse(image, rng)
    if rng.random() < 0.35:
        image = relight(image, rng)
    if rng.random() < 0.3:
        sigma = float(np.exp(rng.uniform(np.log(1), np.log(14))))
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(sigma)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.45:
        quality = int(rng.integers(25, 96))
        _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return image


def _blur(image: Gray, rng: Rng) -> Gray:
    if rng.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.8)), np.uint8)
    length = int(rng.integers(3, 8))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0 / length
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1.0)
    turned = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
    turned /= max(float(turned.sum()), 1e-6)
    return np.asarray(cv2.filter2D(image, -1, turned), np.uint8)


def _coarse(image: Gray, rng: Rng) -> Gray:
    height, width = image.shape
    factor = rng.uniform(1.2, 2.2)
    small = cv2.resize(
        image, (int(width / factor), int(height / factor)), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
