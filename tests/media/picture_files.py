"""Picture files of kinds that Pillow reads but does not write, for tests of the decoders."""

import struct
import zlib

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _row(samples, depth):
    """Samples of one row, packed; the filter byte 0 before them."""
    if depth == 16:
        return b"\0" + b"".join(struct.pack(">H", s) for s in samples)
    if depth == 8:
        return b"\0" + bytes(samples)
    row, bits, used = bytearray(b"\0"), 0, 0
    for sample in samples:
        bits, used = bits << depth | sample, used + depth
        if used == 8:
            row.append(bits)
            bits, used = 0, 0
    if used:
        row.append(bits << (8 - used))
    return bytes(row)


def png(pixels, colour, depth, interlaced=False, extra=(), late=()):
    """pixels: rows of pixels, a pixel a tuple of samples. extra: chunks before the picture's data;
    late: chunks behind it."""
    height, width = len(pixels), len(pixels[0])
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    rows = []
    for x0, y0, dx, dy in passes:
        for y in range(y0, height, dy):
            samples = [s for x in range(x0, width, dx) for s in pixels[y][x]]
            if samples:
                rows.append(_row(samples, depth))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunk(*c) for c in extra) + \
        chunk(b"IDAT", zlib.compress(b"".join(rows))) + b"".join(chunk(*c) for c in late) + \
        chunk(b"IEND", b"")


def png_header(width, height, depth=8, colour=2):
    """A PNG that promises a picture and has no data for it."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + \
        chunk(b"IEND", b"")


def png_bomb(side):
    """A whole picture of one bit a pixel: zeros, that deflate makes a thousandth of."""
    return png_header(side, side, 1, 0)[:33] + \
        chunk(b"IDAT", zlib.compress(b"\0" * ((side + 7) // 8 + 1) * side, 9)) + chunk(b"IEND", b"")


def exif(orientation, big=False, kind=3):
    """An EXIF block of one tag."""
    order = ">" if big else "<"
    value = struct.pack(order + "HH", orientation, 0) if kind == 3 else \
        struct.pack(order + "I", orientation)
    return (b"MM\0*" if big else b"II*\0") + \
        struct.pack(order + "IHHHI", 8, 1, 0x112, kind, 1) + value + b"\0\0\0\0"
