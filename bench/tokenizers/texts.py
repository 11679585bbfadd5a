"""Texts to tell tokenizers apart: natural ones, every code point, and what is made to be difficult."""

import random
import sys
import unicodedata

BLANKS = ["\t", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x1f", " ", "  ", "\x85", "\xa0", "\u1680",
          "\u2000", "\u2003", "\u200a", "\u200b", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000",
          "\ufeff", "\u180e", "▁", "▁▁"]
EMOJI = ["😀", "👩\u200d👩\u200d👧", "🏳️\u200d🌈", "🇩🇪🇫", "👍🏽", "❤️", "☎️\ufe0e", "1️⃣", "🧑🏻\u200d🚀", "™\ufe0f",
         "©\u200d", "\U000e0067\U000e0062"]
WORDS = ("a photo of the cat, don't we'll it's I've you're he'd I'm CAN'T dog Dog house 12 3.14 "
         "1,000,000 x² ½ ﬁne ﬀ Ⅷ Ångström ẞtraße İstanbul ΣΊΣΥΦΟΣ Ǆ ﷺ ㍿ 가각 각 한국어 日本語 "
         "日本 ｆｕｌｌ カﾞ ｶﾞ зима Ёлка שלום مرحبا हिन्दी क्षि ไทย ქართული").split(" ")
SPECIALS = ["<|startoftext|>", "<|endoftext|>", "<|STARTOFTEXT|>", "<|EndOfText|>", "<s>", "</s>",
            "<unk>", "<pad>", "<mask>", "<eos>", "[UNK]", "[CLS]", "[multimodal]", "<extra_1>",
            "<EXTRA_2>", "cat", "Cat", "Dog", "dog house", "<0x0A>", "<0xE2>", "</w>", "##"]
SIGNS = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + ["…", "—", "«", "“", "¿", "、", "。", "·", "§"]


def assigned():
    return [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]


def each_code_point():
    """Every code point alone, between letters, and behind a letter with a mark behind it."""
    points = assigned()
    known = [c for c in points if unicodedata.category(chr(c)) not in ("Cn", "Co")]
    texts = []
    for i in range(0, len(points), 40):  # all of them, unassigned ones too, in short rows
        texts.append(" ".join(chr(c) for c in points[i:i + 40]))
    for i in range(0, len(known), 8):
        texts.append("".join("a" + chr(c) + "b" for c in known[i:i + 8]))
        texts.append(" ".join("e" + chr(c) + "\u0301" for c in known[i:i + 8]))
        texts.append(" ".join(chr(c) + "\u0323\u0301 " + chr(c) + chr(c) for c in known[i:i + 8]))
    return texts


def marks():
    return [chr(c) for c in assigned() if unicodedata.category(chr(c))[0] == "M"]


def mark_texts(dice, count):
    """Letters of all kinds with heaps of marks: order, composition, graphemes."""
    all_marks = marks()
    common = [chr(c) for c in range(0x300, 0x370)]
    letters = [chr(c) for c in assigned() if unicodedata.category(chr(c))[0] == "L"
               and c < 0x3400 or 0xAC00 <= c < 0xAC40 or 0xF900 <= c < 0xFB50]
    jamo = [chr(c) for c in range(0x1100, 0x1200)]
    texts = []
    for _ in range(count):
        text = ""
        for _ in range(dice.randint(1, 10)):
            text += dice.choice(dice.choice([letters, jamo, WORDS, [" "]]))
            for _ in range(dice.choice([0, 1, 1, 2, 3, 5])):
                text += dice.choice(dice.choice([common, common, all_marks, ["\u200d", "\u200c"]]))
        texts.append(text)
    return texts


def mixed_texts(dice, count):
    points = [chr(c) for c in assigned()]
    texts = []
    for _ in range(count):
        parts = []
        for _ in range(dice.randint(1, 14)):
            parts.append(dice.choice(dice.choice(
                [WORDS, WORDS, BLANKS, EMOJI, SPECIALS, SIGNS, points, [" "], [" "]])))
        texts.append("".join(parts))
    return texts


def random_texts(dice, count):
    """Code points at random, near each other and far apart."""
    texts = []
    for _ in range(count):
        size = dice.choice([0x80, 0x180, 0x600, 0x3000, 0x10000, 0x20000, 0x110000])
        text = [chr(c) for c in (dice.randrange(1, size) for _ in range(dice.randint(0, 24)))
                if not 0xD800 <= c < 0xE000]
        texts.append("".join(text))
    return texts


def long_texts(dice, count):
    texts = ["a" * 20000, "ab" * 8000, "A photo " * 2000, "\u0301" * 5000, "é" * 9000, " " * 9000,
             "日本語" * 3000, "😀" * 3000, "<|endoftext|>" * 1000, "1234567890" * 1000, "!" * 9000,
             "\n" * 4000, "the" * 5000, "e\u0301\u0323" * 3000]
    for _ in range(count - len(texts)):
        word = dice.choice(WORDS + SIGNS + EMOJI)
        texts.append((word * 400)[:dice.randint(100, 1200)])
    return texts


def natural_texts(dice, lines, count):
    texts = []
    for _ in range(count):
        text = dice.choice(lines)
        kind = dice.randrange(8)
        if kind == 0:
            text = text.upper()
        elif kind == 1:
            text = text.title()
        elif kind == 2:
            text = text.replace(" ", dice.choice(BLANKS))
        elif kind == 3:
            text = dice.choice(BLANKS) + text + dice.choice(BLANKS)
        elif kind == 4:
            at = dice.randint(0, len(text))
            text = text[:at] + dice.choice(SPECIALS + EMOJI) + text[at:]
        elif kind == 5:
            text = unicodedata.normalize(dice.choice(["NFD", "NFKD", "NFC"]), text)
        texts.append(text)
    return texts


def all_texts(lines, seed=11):
    dice = random.Random(seed)
    texts = ["", " ", "  ", "a", "▁", " a", "a ", "\u0301", "\u200d", *SPECIALS, *BLANKS, *EMOJI]
    texts += each_code_point()
    texts += mark_texts(dice, 12000)
    texts += mixed_texts(dice, 20000)
    texts += random_texts(dice, 8000)
    texts += long_texts(dice, 120)
    texts += natural_texts(dice, lines, 20000)
    # a C string ends at NUL, and no text may be longer than what a search takes
    return [t.replace("\0", "") for t in texts if len(t.encode()) <= 65536]


if __name__ == "__main__":
    print(len(all_texts(["a line"])), file=sys.stderr)
