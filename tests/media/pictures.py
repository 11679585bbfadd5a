"""Pictures with known content, drawn by arithmetic: the same seed gives the same picture anywhere.

All are uint8 arrays of shape (height, width, 3), R G B.
"""

import functools

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def _clouds(rng, width, height, slope):
    """Noise whose spectrum falls like that of photographs; mean 0, deviation 1."""
    fy = np.fft.fftfreq(height)[:, None]
    fx = np.fft.rfftfreq(width)[None, :]
    distance = np.hypot(fx, fy)
    distance[0, 0] = 1.0
    spectrum = rng.standard_normal(distance.shape) + 1j * rng.standard_normal(distance.shape)
    spectrum *= distance ** -slope
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, s=(height, width))
    return (noise - noise.mean()) / noise.std()


@functools.lru_cache(maxsize=64)
def photo(seed, width, height):
    """Something like a photograph: sky, ground, textures, a few objects; 20..235 bright."""
    rng = np.random.default_rng(seed)
    shade = _clouds(rng, width, height, 1.2)
    tint = np.stack([_clouds(rng, width, height, 1.7) for _ in range(3)], axis=2)
    low, high = rng.uniform(40, 110, 3), rng.uniform(120, 220, 3)
    ramp = np.linspace(0, 1, height)[:, None, None]
    picture = low + (high - low) * (ramp if rng.random() < 0.5 else 1 - ramp)
    picture = picture + 22 * shade[:, :, None] + 14 * tint
    image = Image.fromarray(np.clip(picture, 20, 235).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(7):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        w, h = rng.uniform(0.06, 0.22, 2) * min(width, height)
        colour = tuple(int(c) for c in rng.uniform(25, 230, 3))
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape([x, y, x + w, y + h], fill=colour)
    return np.asarray(image)


@functools.lru_cache(maxsize=64)
def person(seed, height):
    """A standing figure as (picture, mask): head, coat, legs, each in the seed's own colours."""
    rng = np.random.default_rng(1000 + seed)
    width = height // 3
    image = Image.new("RGB", (width, height))
    mask = Image.new("L", (width, height))
    coat, legs, hair = (tuple(int(c) for c in rng.uniform(20, 235, 3)) for _ in range(3))
    parts = [
        ("ellipse", [width * .3, 0, width * .7, height * .16], (214, 170, 140)),
        ("ellipse", [width * .3, 0, width * .7, height * .07], hair),
        ("rectangle", [width * .15, height * .17, width * .85, height * .55], coat),
        ("rectangle", [width * .22, height * .55, width * .46, height - 1], legs),
        ("rectangle", [width * .54, height * .55, width * .78, height - 1], legs),
    ]
    for shape, box, colour in parts:
        getattr(ImageDraw.Draw(image), shape)(box, fill=colour)
        getattr(ImageDraw.Draw(mask), shape)(box, fill=255)
    return np.asarray(image), np.asarray(mask) > 0


def paste(picture, sprite, mask, x, y):
    """A copy of picture with the sprite's top left corner at (x, y); parts outside are cut."""
    out = picture.copy()
    height, width = out.shape[:2]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + sprite.shape[1], width), min(y + sprite.shape[0], height)
    if left >= right or top >= bottom:
        return out
    inside = (slice(top - y, bottom - y), slice(left - x, right - x))
    window = out[top:bottom, left:right]
    window[mask[inside]] = sprite[inside][mask[inside]]
    return out


@functools.lru_cache(maxsize=64)
def text(words, width, height, size):
    """White words in the middle of nothing, as coverage 0..1 of shape (height, width)."""
    image = Image.new("L", (width, height))
    try:
        font = ImageFont.truetype("DejaVuSans-Bold.ttf", size)
    except OSError:  # without fonts: PIL's own, enlarged
        small = Image.new("L", (8 * len(words), 12))
        ImageDraw.Draw(small).text((0, 0), words, fill=255, font=ImageFont.load_default())
        grown = small.resize((small.width * size // 12, size))
        image.paste(grown, ((width - grown.width) // 2, (height - size) // 2))
        return np.asarray(image) / 255.0
    ImageDraw.Draw(image).text((width // 2, height // 2), words, fill=255, font=font, anchor="mm")
    return np.asarray(image) / 255.0
