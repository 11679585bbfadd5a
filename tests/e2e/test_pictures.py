"""Pictures from outside: what is decoded and what a model gets is what Pillow makes of the file; they
stand upright; and what is no picture is refused by name while the others go on."""

import io
import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps, features

import harness
import picture_files
import pictures

sys.path.insert(0, str(harness.REPOSITORY / "tests" / "golden"))
import resize as golden  # noqa: E402

PROGRAM = harness.BUILD / "tests" / "component" / "model_input"
RULES = [(kind, side, resize, resample, rounding)
         for kind, side, resize in [("SHORTER_CROP", 224, 224), ("SQUASH", 224, 224),
                                    ("SHORTER_CROP", 224, 256), ("SHORTER_CROP", 64, 63),
                                    ("SQUASH", 50, 40), ("SHORTER_CROP", 33, 33)]
         for resample in ("bicubic", "bilinear") for rounding in ("floor", "rounded")]


class ModelInput:
    """tests/component/model_input: one process, many questions."""

    def __init__(self):
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=harness.environment())

    def ask(self, question):
        """(width, height, bytes), or the code of the failure."""
        self.process.stdin.write(question.encode() + b"\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().decode().split()
        assert words, f"{question}: the program has ended"
        if words[0] != "ok":
            return words[0]
        width, height, count = map(int, words[1:])
        return width, height, self.process.stdout.read(count)

    def pixels(self, path):
        answer = self.ask(f"pixels {path}")
        assert isinstance(answer, tuple), (path, answer)
        width, height, data = answer
        return np.frombuffer(data, np.uint8).reshape(height, width, 3)

    def square(self, *rule):
        """Model input of the picture that was asked for last."""
        return self._planes(f"square {self._words(*rule)}", rule[1])

    def input(self, path, *rule):
        """Model input by way of a decode child."""
        return self._planes(f"input {self._words(*rule)} {path}", rule[1])

    @staticmethod
    def _words(kind, side, resize, resample, rounding):
        fit = "squash" if kind == "SQUASH" else "crop"
        return f"{side} {resize} {fit} {rounding} {resample}"

    def _planes(self, question, side):
        answer = self.ask(question)
        assert isinstance(answer, tuple), (question, answer)
        return np.frombuffer(answer[2], np.uint8).reshape(3, side, side).transpose(1, 2, 0)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0
        self.process.stdout.close()


@pytest.fixture(scope="module")
def program():
    running = ModelInput()
    yield running
    running.close()


def reference(image, kind, side, resize, resample, rounding):
    return np.asarray(golden.square(image, kind, side, resize, golden.FILTERS[resample],
                                    rounding == "rounded"))


def difference(a, b):
    assert a.shape == b.shape, (a.shape, b.shape)
    return int(np.abs(a.astype(int) - b.astype(int)).max())


# ---- preprocessing ----

SIZES = [(1920, 1080), (1080, 1920), (640, 360), (854, 480), (500, 375), (225, 224), (224, 225),
         (223, 223), (224, 224), (100, 80), (80, 100), (37, 41), (7, 3), (1, 1), (2, 1), (1, 2),
         (1, 300), (300, 1), (3000, 5), (5, 3000), (1279, 719), (1001, 333), (33, 999)]


def check_rules(program, path, rules):
    """Level by level. The promise is one level, the fact is none."""
    with Image.open(path) as image:
        image = image.convert("RGB")
    assert difference(program.pixels(path), np.asarray(image)) == 0
    for rule in rules:
        assert difference(program.square(*rule), reference(image, *rule)) == 0, (path, rule)
    rule = random.Random(f"{path.name} {image.size}").choice(rules)
    assert difference(program.input(path, *rule), reference(image, *rule)) == 0, (path, rule)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_input_is_pillows(program, tmp_path, size):
    width, height = (max(side, 2) for side in size)
    picture = pictures.photo(width + 3 * height, width, height)[:size[1], :size[0]]
    Image.fromarray(picture).save(tmp_path / "a.png")
    check_rules(program, tmp_path / "a.png", RULES)


def test_input_of_noise_and_random_sizes(program, tmp_path):
    rng = random.Random(20240229)
    path = tmp_path / "a.png"
    for i in range(60):
        width, height = (int(2 ** rng.uniform(0, 10.5)) for _ in range(2))
        noise = np.random.default_rng(i).integers(0, 256, (height, width, 3), dtype=np.uint8)
        noise[noise > 200] = 255
        noise[noise < 50] = 0
        Image.fromarray(noise).save(path)
        rules = []
        for _ in range(5):
            side = rng.choice([1, 2, 3, 16, 17, 32, 224, 384])
            rule = (rng.choice(["SQUASH", "SHORTER_CROP"]), side,
                    max(1, side + rng.choice([0, 0, 0, 1, 7, 32, -1, -5, -side // 2])),
                    rng.choice(["bicubic", "bilinear"]), rng.choice(["floor", "rounded"]))
            if rule[0] == "SQUASH" or max(width, height) * rule[2] < 3000 * min(width, height):
                rules.append(rule)  # of longer strips Pillow computes all
        if rules:
            check_rules(program, path, rules)


def test_input_of_real_frames(program, shared_media, tmp_path):
    for i, video in enumerate(sorted(shared_media.glob("*.mp4"))):
        subprocess.run(["ffmpeg", "-v", "error", "-ss", str(5 + i), "-i", video, "-frames:v", "2",
                        tmp_path / f"{i}-%d.png"], check=True)
    frames = sorted(tmp_path.glob("*.png"))
    assert len(frames) == 8
    for path in frames:
        check_rules(program, path, RULES)


def test_a_long_strip(program, tmp_path):
    """Resized it would have 3 million columns; the middle of it alone is made."""
    strip = np.tile(pictures.photo(1, 100, 4), (1, 600, 1))
    Image.fromarray(strip).save(tmp_path / "a.png")
    middle = Image.fromarray(strip[:, 30000 - 50:30000 + 50])  # begins where the pattern does
    rule = ("SHORTER_CROP", 224, 224, "bicubic", "floor")
    program.pixels(tmp_path / "a.png")
    assert difference(program.square(*rule), reference(middle, *rule)) <= 1


# ---- decoding ----

def samples(colour, depth, width=19, height=13, seed=0):
    rng = random.Random(seed + 31 * colour + depth)
    top = 2 ** depth - 1
    return [[tuple(rng.choice([0, top, rng.randint(0, top)])
                   for _ in range(picture_files.CHANNELS[colour])) for _ in range(width)]
            for _ in range(height)]


PALETTE = bytes(random.Random(5).randrange(256) for _ in range(768))
PNGS = [(colour, depth, interlaced) for colour, depths in
        [(0, (1, 2, 4, 8)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))]
        for depth in depths for interlaced in (False, True)]


@pytest.mark.parametrize("colour,depth,interlaced", PNGS)
@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
def test_png(program, tmp_path, colour, depth, interlaced, transparent):
    extra = [(b"PLTE", PALETTE[:3 * 2 ** min(depth, 8)])] if colour == 3 else []
    if transparent and colour not in (4, 6):
        extra += [(b"tRNS", {0: b"\0\1", 2: b"\0\1\0\2\0\3", 3: b"\0\x80"}[colour])]
    path = tmp_path / "a.png"
    path.write_bytes(picture_files.png(samples(colour, depth), colour, depth, interlaced, extra))
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    assert difference(program.pixels(path), expected) == 0


def test_deep_grey_png(program, tmp_path):
    """The upper eight bits, as of 16-bit colours. (Pillow 9.4 cuts every value at 255 here.)"""
    pixels = samples(0, 16)
    path = tmp_path / "a.png"
    path.write_bytes(picture_files.png(pixels, 0, 16))
    expected = np.array([[[p[0] >> 8] * 3 for p in row] for row in pixels], np.uint8)
    assert difference(program.pixels(path), expected) == 0


def test_gamma_and_profiles_are_not_applied(program, tmp_path):
    """Pillow does not either."""
    path = tmp_path / "a.png"
    path.write_bytes(picture_files.png(samples(2, 8), 2, 8, extra=[
        (b"gAMA", (100000).to_bytes(4, "big")), (b"sRGB", b"\0")]))
    with Image.open(path) as image:
        assert difference(program.pixels(path), np.asarray(image.convert("RGB"))) == 0


def photo(mode="RGB", width=161, height=121):
    return Image.fromarray(pictures.photo(7, width, height)).convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", [
    {"quality": 85}, {"quality": 95, "subsampling": 0}, {"quality": 30, "subsampling": 1},
    {"quality": 85, "progressive": True}, {"quality": 85, "optimize": True},
    {"quality": 100, "subsampling": 2}], ids=str)
def test_jpeg(program, tmp_path, mode, options):
    photo(mode).save(tmp_path / "a.jpg", **options)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.mode == mode
        expected = np.asarray(image.convert("RGB"))
    assert difference(program.pixels(tmp_path / "a.jpg"), expected) == 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("options", [{"quality": 80}, {"lossless": True}, {"quality": 20},
                                     {"lossless": True, "exact": True},
                                     {"quality": 80, "exact": True}], ids=str)
def test_webp(program, tmp_path, mode, options):
    image = photo()
    if mode == "RGBA":
        alpha = Image.linear_gradient("L").resize(image.size).point(lambda v: max(0, v - 60))
        image.putalpha(alpha)
    image.save(tmp_path / "a.webp", **options)
    with Image.open(tmp_path / "a.webp") as image:
        expected = np.asarray(image.convert("RGB"))
    assert difference(program.pixels(tmp_path / "a.webp"), expected) == 0


def moving(path, first):
    others = [photo().rotate(a) for a in (90, 180)]
    first.save(path, save_all=True, append_images=others, duration=100, lossless=True)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_first_picture_of_a_moving_webp(program, tmp_path, mode):
    first = photo(mode)
    if mode == "RGBA":  # the file then holds the middle alone
        first.paste((0, 0, 0, 0), (0, 0, first.width, 40))
        first.paste((0, 0, 0, 0), (0, 0, 61, first.height))
    moving(tmp_path / "a.webp", first)
    with Image.open(tmp_path / "a.webp") as image:
        assert image.n_frames == 3
        expected = np.asarray(image.convert("RGB"))
    assert difference(program.pixels(tmp_path / "a.webp"), expected) == 0


def test_first_picture_of_a_moving_png(program, tmp_path):
    moving_png = tmp_path / "a.png"
    photo().save(moving_png, save_all=True, append_images=[photo().rotate(90)], duration=100)
    assert b"fdAT" in moving_png.read_bytes()
    assert difference(program.pixels(moving_png), np.asarray(photo())) == 0


# ---- upright ----

def save_turned(path, orientation, block):
    """The picture as a camera that was held that way stores it."""
    undo = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270}
    image = photo()
    if orientation in undo:
        image = image.transpose(undo[orientation])
    options = {"lossless": True} if path.suffix == ".webp" else {"quality": 90}
    image.save(path, exif=block, **options)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("big", [False, True])
def test_orientation(program, tmp_path, kind, orientation, big):
    path = tmp_path / f"a.{kind}"
    mark = b"Exif\0\0" if kind == "jpg" else b""
    save_turned(path, orientation, mark + picture_files.exif(orientation, big))
    with Image.open(path) as image:
        assert image.getexif().get(0x112) == orientation
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    shown = program.pixels(path)
    assert difference(shown, expected) == 0
    assert difference(shown, np.asarray(photo())) == 0 or kind == "jpg"
    thumb = program.ask(f"thumb 80 {path}")
    with Image.open(io.BytesIO(thumb[2])) as small:
        assert small.size == (80, 60)
        wanted = photo().resize((80, 60), Image.Resampling.BICUBIC)
        assert np.abs(np.asarray(small).astype(int) - np.asarray(wanted)).mean() < 6


def test_orientation_behind_the_picture(program, tmp_path):
    path = tmp_path / "a.png"
    pixels = samples(2, 8)
    path.write_bytes(picture_files.png(pixels, 2, 8, late=[(b"eXIf", picture_files.exif(3))]))
    expected = np.array(pixels, np.uint8)[::-1, ::-1]
    assert difference(program.pixels(path), expected) == 0


@pytest.mark.parametrize("block", [
    b"", b"II*\0", picture_files.exif(0), picture_files.exif(9), picture_files.exif(6, kind=1),
    picture_files.exif(6)[:-8], b"II*\0\xff\xff\xff\xff" + b"\0" * 30, os.urandom(200),
    picture_files.exif(6).replace(b"\1\0\x12", b"\2\0\x12")[:20]], ids=range(9))
def test_nonsense_of_exif_is_no_matter(program, tmp_path, block):
    path = tmp_path / "a.png"
    pixels = samples(2, 8)
    path.write_bytes(picture_files.png(pixels, 2, 8, extra=[(b"eXIf", block)]))
    assert difference(program.pixels(path), np.array(pixels, np.uint8)) == 0


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_changed_bytes(program, tmp_path, kind):
    """A picture, or a refusal with a known code, whatever the bytes; by the decode child."""
    path = tmp_path / f"a.{kind}"
    bad = tmp_path / f"b.{kind}"
    mark = b"Exif\0\0" if kind == "jpg" else b""
    photo(width=40, height=30).save(path, exif=mark + picture_files.exif(6))
    data = path.read_bytes()
    rng = random.Random(99)
    codes = set()
    for i in range(60):
        changed = bytearray(data[:rng.randrange(1, len(data))] if i % 6 == 0 else data)
        for _ in range(rng.randint(1, 5)):
            changed[rng.randrange(min(len(changed), 200 if i % 2 else len(changed)))] = \
                rng.choice([0, 255, rng.randrange(256)])
        bad.write_bytes(changed)
        answer = program.ask(f"input 32 32 crop floor bicubic {bad}")
        codes.add(answer if isinstance(answer, str) else "ok")
    assert codes <= {"ok", "bad_picture", "limit_exceeded"}
    assert {"ok", "bad_picture"} <= codes


# ---- what is refused, and what goes on ----

def embed(oriane, *arguments, code=0, **options):
    result = oriane("embed", "--json", *arguments, **options)
    assert result.code == code, result
    return result.json


def wrong_pictures(folder):
    """{name: code}"""
    photo().save(folder / "whole.png")
    photo().save(folder / "whole.jpg")
    photo().save(folder / "progressive.jpg", progressive=True)
    photo().save(folder / "whole.webp")
    moving(folder / "moving.webp", photo())
    for name in ("whole.png", "whole.jpg", "progressive.jpg", "whole.webp", "moving.webp"):
        data = (folder / name).read_bytes()
        (folder / f"half-{name}").write_bytes(data[:len(data) // (4 if "moving" in name else 2)])
        (folder / f"head-{name}").write_bytes(data[:20])
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("a picture, honestly\n")
    (folder / "signature.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    photo().save(folder / "a.gif")
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "fifo.png")
    (folder / "dangling.png").symlink_to("nowhere")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "wide.png").write_bytes(picture_files.png_header(100000, 100000))
    (folder / "giant.png").write_bytes(picture_files.png_header(2 ** 31 - 1, 2 ** 31 - 1))
    (folder / "bomb.png").write_bytes(picture_files.png_bomb(20000))
    (folder / "bomb.jpg").write_bytes(
        (folder / "whole.jpg").read_bytes().replace(b"\0\x79\0\xa1", b"\xff\xdc\xff\xdc"))
    with open(folder / "heavy.png", "wb") as file:
        file.write((folder / "whole.png").read_bytes())
        file.truncate(64 * 1024 * 1024 + 1)
    found = {f"half-{n}": "bad_picture" for n in (
        "whole.png", "whole.jpg", "progressive.jpg", "whole.webp", "moving.webp")}
    found.update({n.replace("half", "head"): "bad_picture" for n in list(found)})
    found.update({
        "empty.png": "empty_file", "text.png": "bad_picture", "signature.png": "bad_picture",
        "a.gif": "bad_picture", "folder.png": "not_a_file", "fifo.png": "not_a_file",
        "dangling.png": "not_found", "missing.png": "not_found", "wide.png": "limit_exceeded",
        "giant.png": "limit_exceeded", "bomb.png": "limit_exceeded", "bomb.jpg": "limit_exceeded",
        "heavy.png": "limit_exceeded", "loop.png": "directory_loop"})
    return found


def test_wrong_pictures(oriane, tmp_path):
    wrong = wrong_pictures(tmp_path)
    names = ["whole.png", *sorted(wrong), "whole.webp"]
    data = embed(oriane, "--image", *names, code=1)
    assert {e["input"]: e["code"] for e in data["errors"]} == wrong
    assert [e["index"] for e in data["errors"]] == list(range(1, len(names) - 1))
    assert all(e["message"] for e in data["errors"])
    assert [v is None for v in data["vectors"]] == [n in wrong for n in names]


def test_wrong_pictures_in_plain_words(oriane, tmp_path):
    """One line each on standard error; the good ones are printed."""
    wrong = wrong_pictures(tmp_path)
    result = oriane("embed", "--image", *sorted(wrong), "whole.jpg")
    assert result.code == 1
    for name, code in wrong.items():
        lines = [line for line in result.err.splitlines() if line.startswith(f"oriane: {name}: ")]
        assert len(lines) == 1 and lines[0].endswith(f"[{code}]"), (name, lines)
    assert result.out.startswith("whole.jpg: ") and len(result.out.splitlines()) == 1


def test_unreadable(oriane, tmp_path):
    photo().save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    if os.access(tmp_path / "a.png", os.R_OK):
        pytest.skip("this user may read everything")
    assert embed(oriane, "--image", "a.png", code=1)["errors"][0]["code"] == "not_readable"


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_pixel_limit(oriane, tmp_path, kind, orientation):
    mark = b"Exif\0\0" if kind == "jpg" else b""
    photo(width=60, height=50).save(tmp_path / f"a.{kind}",
                                    exif=mark + picture_files.exif(orientation))
    embed(oriane, "--image", f"a.{kind}", settings={"VP_MAX_PIXELS": 3000})
    data = embed(oriane, "--image", f"a.{kind}", code=1, settings={"VP_MAX_PIXELS": 2999})
    assert data["errors"][0]["code"] == "limit_exceeded"


def test_same_picture_same_vector(oriane, tmp_path):
    """Lossless files of one picture, however they are stored."""
    photo().save(tmp_path / "a.png")
    photo().save(tmp_path / "b.webp", lossless=True)
    save_turned(tmp_path / "c.png", 7, picture_files.exif(7))
    save_turned(tmp_path / "d.webp", 8, picture_files.exif(8))
    moving(tmp_path / "e.webp", photo())
    photo().convert("RGBA").save(tmp_path / "f.png")
    vectors = embed(oriane, "--image", *sorted(p.name for p in tmp_path.iterdir()))["vectors"]
    assert len(vectors) == 6
    assert all(v == vectors[0] for v in vectors)


# ---- the frame in the video and its still ----

@pytest.mark.parametrize("name", ["cuts", "letterbox", "rotated_90", "anamorphic", "odd", "pq"])
def test_a_still_has_its_frames_vector(oriane, extracted, name):
    """Bit for bit: the model saw what was written."""
    video = extracted(name)
    rows = {row["frame_number"]: row for row in harness.points(video.out)}
    stills = [video.picture(f) for f in video.frames]
    vectors = embed(oriane, "--image", *stills)["vectors"]
    for frame, vector in zip(video.frames, vectors):
        stored = next(v for v in rows[frame["n"]].values()
                      if isinstance(v, bytes) and len(v) == 2048)
        assert np.array_equal(np.frombuffer(stored, "<f4"), np.array(vector, np.float32)), frame
        hits = oriane("search", "--json", "--out", video.out, "--image", video.picture(frame)).json
        assert hits[0]["id"] == frame["id"] and hits[0]["score"] > 0.999999, hits[0]


def test_search_by_a_turned_picture(oriane, extracted, tmp_path):
    video = extracted("cuts")
    frame = video.frames[1]
    with Image.open(video.picture(frame)) as still:
        still.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png",
                                                         exif=picture_files.exif(6))
    hits = oriane("search", "--json", "--out", video.out, "--image", tmp_path / "a.png").json
    assert hits[0]["id"] == frame["id"] and hits[0]["score"] > 0.999999


def test_pillow_can_do_all_this():
    """Else the comparisons above would prove less than they seem to."""
    assert features.check("webp") and features.check("webp_anim") and features.check("jpg")
    assert json.dumps(golden.flags())
