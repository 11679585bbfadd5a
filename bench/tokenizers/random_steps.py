#!/usr/bin/env python3
"""Tokenizers of random steps and models against the reference, where real folders never meet.

usage: bench/.venv/bin/python bench/tokenizers/random_steps.py [SEED [TOKENIZERS]]

Prints what differs, and the tokenizer of the first difference as JSON; ends with 1 when any does.
ORIANE_BUILD names the build folder (default build). README.md beside this says how bench/.venv is made.
"""

import base64
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import texts as text_makers
from tokenizers import Tokenizer

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(os.environ.get("ORIANE_BUILD", os.path.join(REPOSITORY, "build")), "bench",
                     "bench_tokenizer")
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
LINES = ["The quick brown fox, 12 dogs", "a photo of a cat", "über naïve café", "  two  blanks  "]
ALWAYS = ["e\u0301 ½ ﬁ İ", "Aexi e\u0301ix  i", " Ae", "ee", "½ a", "x½", "izb"]
ADDED = ["<s>", "Dog", "cat", "X Y", "<|endoftext|>", "é", "▁▁", "a photo", "[CLS]", "dog house"]


def charsmap():
    """A letter to another, to two, to none; a blank to a sign."""
    units = [0] * 512
    units[0] = 256 << 10
    for letter, replacement in (("A", 0), ("e", 2), ("i", 5), (" ", 6), ("x", 8)):
        units[256 + ord(letter)] = ord(letter) | 1 << 8 | 256 << 10
        units[ord(letter)] = 1 << 31 | replacement
    data = struct.pack("<I512I", 2048, *units) + b"b\0xy\0\0_\0z\0"
    return base64.b64encode(data).decode()


def normalizer(dice):
    string = {"String": dice.choice([" ", "a", "aa", "▁", "é", "the", "  ", "_"])}
    regex = {"Regex": dice.choice([r"\s+", " {2,}", "[aeiou]", r"\p{L}", r"\W", r"[^\w\s]", r"^\s",
                                   r"\s+$", "(?<=a).", r"\p{N}+", "a|ab"])}
    content = dice.choice(["", " ", "▁", "xy", "é"])
    return dice.choice([
        {"type": "NFC"}, {"type": "NFD"}, {"type": "NFKC"}, {"type": "NFKD"}, {"type": "Lowercase"},
        {"type": "StripAccents"}, {"type": "Nmt"}, {"type": "ByteLevel"},
        {"type": "Prepend", "prepend": dice.choice(["▁", "_", "ab"])},
        {"type": "Strip", "strip_left": dice.random() < 0.7, "strip_right": dice.random() < 0.7},
        {"type": "Replace", "pattern": string, "content": content},
        {"type": "Replace", "pattern": regex, "content": content},
        {"type": "Precompiled", "precompiled_charsmap": charsmap()}])


def pre_tokenizer(dice):
    string = {"String": dice.choice([" ", "a", "▁", "é", "the"])}
    regex = {"Regex": dice.choice([r"\w+|[^\w\s]+", r"\s", r"\p{L}+|\p{N}", r"[^\s\p{L}\p{N}]+",
                                   r"\d", "(?=[A-Z])", "x*"])}
    return dice.choice([
        {"type": "ByteLevel", "add_prefix_space": dice.random() < 0.5, "trim_offsets": True,
         "use_regex": dice.random() < 0.6},
        {"type": "Metaspace", "replacement": dice.choice("▁_"), "split": dice.random() < 0.7,
         "prepend_scheme": dice.choice(["first", "first", "always", "never"])},
        {"type": "Split", "pattern": string, "behavior": dice.choice(BEHAVIORS),
         "invert": dice.random() < 0.3},
        {"type": "Split", "pattern": regex, "behavior": dice.choice(BEHAVIORS),
         "invert": dice.random() < 0.4},
        {"type": "Whitespace"}, {"type": "WhitespaceSplit"},
        {"type": "Punctuation", "behavior": dice.choice(BEHAVIORS)},
        {"type": "Digits", "individual_digits": dice.random() < 0.5}])


def bpe(dice, chars):
    suffix = dice.choice(["|", None])
    prefix = dice.choice(["##", None, None])
    vocab = {}
    for char in chars:
        for token in {(p or "") + char + (s or "") for p in ("", prefix) for s in ("", suffix)}:
            if dice.random() < 0.93:
                vocab.setdefault(token, len(vocab))
    for byte in range(256):
        if dice.random() < 0.9:
            vocab.setdefault(f"<0x{byte:02X}>", len(vocab))
    vocab["<unk>"] = len(vocab)
    merges = []
    tokens = [token for token in vocab if not token.startswith("<")]
    for _ in range(300):
        left, right = dice.choice(tokens), dice.choice(tokens)
        if (suffix and left.endswith(suffix)) or (prefix and not right.startswith(prefix)):
            continue
        joined = left + right[len(prefix or ""):]
        vocab.setdefault(joined, len(vocab))
        merges.append([left, right])
        tokens.append(joined)
    return {"type": "BPE", "vocab": vocab, "merges": merges,
            "unk_token": dice.choice(["<unk>", None]), "continuing_subword_prefix": prefix,
            "end_of_word_suffix": suffix, "fuse_unk": dice.random() < 0.5,
            "byte_fallback": dice.random() < 0.5, "ignore_merges": dice.random() < 0.2}


def unigram(dice, chars):
    """Few different scores: ties, and sums that round."""
    vocab = [["<unk>", 0]]
    vocab += [[c, -dice.randint(1, 5) * dice.choice([1, 0.1, 1.5, 3.4635426998138428])]
              for c in chars if dice.random() < 0.95]
    vocab += [[f"<0x{byte:02X}>", -9.0] for byte in range(256)] if dice.random() < 0.5 else []
    known = {token for token, _ in vocab}
    tokens = [token for token, _ in vocab[1:200]]
    for _ in range(400):
        joined = dice.choice(tokens) + dice.choice(tokens)
        if joined not in known:
            known.add(joined)
            tokens.append(joined)
            vocab.append([joined, -dice.choice([1, 2, 3, 2.5, 1.1, 3.3, 7.7000000001])])
    return {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": dice.random() < 0.5}


def sequence(kind, key, steps):
    if len(steps) < 2:
        return steps[0] if steps else None
    return {"type": kind, key: steps}


def make(dice, texts):
    chars = sorted(set("".join(texts) + "abcdefghijklmnopqrstuvwxyz▁_0123456789 "
                       + "".join(map(chr, range(0xA1, 0x180)))))
    model = dice.choice([bpe, unigram])(dice, chars)
    names = model["vocab"] if model["type"] == "BPE" else {t for t, _ in model["vocab"]}
    added = []
    for content in dice.sample(ADDED, 5):
        if content not in names:
            flags = {f: dice.random() < 0.4 for f in ("single_word", "lstrip", "rstrip",
                                                      "normalized", "special")}
            added.append({"id": len(model["vocab"]) + len(added), "content": content, **flags})
    count = lambda: dice.choice([0, 1, 1, 2, 3])
    return {"version": "1.0", "added_tokens": added, "truncation": None, "padding": None,
            "normalizer": sequence("Sequence", "normalizers",
                                   [normalizer(dice) for _ in range(count())]),
            "pre_tokenizer": sequence("Sequence", "pretokenizers",
                                      [pre_tokenizer(dice) for _ in range(count())]),
            "post_processor": None, "decoder": None, "model": model}


def is_left_to_chance(made, tokenizer):
    """Added tokens that the normalizers make alike, or make nothing of (which we refuse)."""
    normal = [tokenizer.normalizer.normalize_str(t["content"]) if tokenizer.normalizer
              else t["content"] for t in made["added_tokens"] if t["normalized"]]
    return len(set(normal)) < len(normal) or "" in normal


def compare(made, tokenizer, texts, folder):
    """How many texts were compared, and those that differ."""
    with open(os.path.join(folder, "texts"), "wb") as file:
        for text in texts:
            file.write(struct.pack("<I", len(text.encode())) + text.encode())
    run = subprocess.run([BENCH, folder, file.name, "100000"], capture_output=True, text=True,
                         check=False)
    if run.returncode:
        return 1, [("", run.stderr, "")]
    count, differing = 0, []
    for text, ours in zip(texts, run.stdout.split("\n")):
        try:
            theirs = " ".join(map(str, tokenizer.encode(text).ids))
        except BaseException as error:  # the reference's panics are no Exceptions
            if isinstance(error, KeyboardInterrupt):
                raise
            continue
        count += 1
        if ours != theirs:
            differing.append((text, ours, theirs))
    return count, differing


def main():
    seed, tokenizers = ([int(a) for a in sys.argv[1:]] + [1, 200][len(sys.argv) - 1:])[:2]
    dice = random.Random(seed)
    total = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(tokenizers):
            texts = text_makers.mixed_texts(dice, 80) + text_makers.random_texts(dice, 20)
            texts += text_makers.natural_texts(dice, LINES, 40) + ALWAYS
            made = make(dice, texts)
            path = os.path.join(folder, "tokenizer.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(made, file)
            tokenizer = Tokenizer.from_file(path)
            if is_left_to_chance(made, tokenizer):
                continue
            count, differing = compare(made, tokenizer, texts, folder)
            total += count
            for text, ours, theirs in differing[:2]:
                print(f"{text!r}\n  ours   {ours[:300]}\n  theirs {theirs[:300]}")
            if differing and not wrong:
                print(json.dumps(made))
            wrong += len(differing)
    print(f"seed {seed}: {total} encodings, {wrong} differ")
    return 1 if wrong or not total else 0


sys.exit(main())
