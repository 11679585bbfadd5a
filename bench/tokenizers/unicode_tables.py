#!/usr/bin/env python3
"""Writes src/embed/tokenizer_unicode_tbl.h: what the reference takes characters for.

usage: bench/.venv/bin/python bench/tokenizers/unicode_tables.py > src/embed/tokenizer_unicode_tbl.h

Every Rust crate inside Hugging Face tokenizers brings the tables of another Unicode version, and so
do the libraries of this system. Where equal ids hang on it, the reference is asked about each code
point. README.md beside this says how bench/.venv is made.
"""

import struct
import unicodedata
import sys

import tokenizers
import unicodedata2
from tokenizers import Regex, normalizers, pre_tokenizers

SYSTEM = "14.0.0"  # of Debian 12's Oniguruma, the oldest that is built against; and of Python 3.11
POINTS = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]


def ranges(points):
    found = []
    for point in sorted(points):
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return found


def table(name, what, points):
    print(f"/* {what} */\nstatic const struct ori_tok_range {name}[] = {{")
    line = "   "
    for first, last in ranges(points):
        item = f" {{0x{first:X}, 0x{last:X}}},"
        if len(line + item) > 100:
            print(line)
            line = "   "
        line += item
    print(line + "\n};\n")


def is_cut(splitter, point):
    return len(splitter.pre_tokenize_str("a" + chr(point))) == 2


def combining_starters():
    """Characters with a combining class or a part in a composition that the reference has not."""
    nfc, nfd, nfkd = normalizers.NFC(), normalizers.NFD(), normalizers.NFKD()
    for point in POINTS:
        char = chr(point)
        order = unicodedata2.combining(char)
        if nfkd.normalize_str(char) != unicodedata2.normalize("NFKD", char):
            yield point
        elif order and nfd.normalize_str(char) == char:
            other = "\u0301" if order == 1 else "\u0334"
            told = char + other if order == 1 else other + char
            given = "a" + (other + char if order == 1 else char + other)
            if nfd.normalize_str(given) != "a" + told:
                yield point
        parts = unicodedata2.decomposition(char).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            pair = "".join(chr(int(part, 16)) for part in parts)
            if nfc.normalize_str(pair) != unicodedata2.normalize("NFC", pair):
                # new parts only: an old one is left to its other partners
                yield from (ord(c) for c in pair if not is_old(c))


def is_old(char):
    """Known to Unicode 11, as the reference's normalization is: the one later pair before 14 is
    that of Dives Akuru."""
    return unicodedata.category(char) != "Cn" and not 0x11930 <= ord(char) <= 0x11938


def joins():
    """Characters that the reference never parts from one before them: its graphemes. A charsmap
    that knows the letter a alone swallows whatever hangs on it."""
    units = [0] * 512
    units[0] = 256 << 10
    units[0x161] = 0x61 | 1 << 8 | 0x100 << 10
    units[0x61] = 1 << 31
    probe = normalizers.Precompiled(struct.pack("<I512I", 2048, *units) + b"b\0")
    return [c for c in POINTS if probe.normalize_str("a" + chr(c)) == "b"]


def main():
    assert unicodedata.unidata_version == SYSTEM, "run with Python 3.11"
    newer = [c for c in POINTS if unicodedata.category(chr(c)) == "Cn"]
    out = sys.stdout
    out.write("/* embed/tokenizer_unicode_tbl.h: what the reference takes characters for.\n"
              f" * Made by bench/tokenizers/unicode_tables.py with tokenizers {tokenizers.__version__}:"
              " do not edit. */\n/* clang-format off */\n")
    accents = normalizers.StripAccents()
    table("marks", "StripAccents takes them away",
          [c for c in POINTS if accents.normalize_str(chr(c)) == ""])
    digits = pre_tokenizers.Digits(individual_digits=True)
    table("numerics", "Digits cuts around them", [c for c in POINTS if is_cut(digits, c)])
    punctuation = pre_tokenizers.Punctuation("isolated")
    table("punctuation", "Punctuation cuts around them",
          [c for c in POINTS if is_cut(punctuation, c)])
    words = pre_tokenizers.Whitespace()
    table("words", "belong to words: Whitespace, single_word",
          [c for c in POINTS if words.pre_tokenize_str(chr(c))
           and len(words.pre_tokenize_str("a" + chr(c))) == 1])
    for name, pattern in (("letters_newer", r"\p{L}"), ("numbers_newer", r"\p{N}"),
                          ("words_newer", r"\w")):
        split = pre_tokenizers.Split(Regex(pattern), "removed")
        table(name, f"{pattern} of the reference, not of Unicode {SYSTEM}",
              [c for c in newer if not split.pre_tokenize_str(chr(c))])
    table("inert", "the reference's NFC, NFD, NFKC and NFKD know nothing of them",
          set(combining_starters()))
    table("joins", "belong to the grapheme of the character before them", joins())


main()
