#!/usr/bin/env python3
"""Makes tests/golden/tokenizers: small tokenizers of every kind, and a thousand texts with the ids
that Hugging Face tokenizers give them.

usage: bench/.venv/bin/python bench/golden/tokenizers.py

ORIANE_REFERENCE names the folder that has CLIP's merges (default ../shared/reference); of them only
the ids of some texts go into the golden data. Vocabularies are trained on this repository's own
documents and headers, so they change with them: all files are replaced together.
bench/tokenizers/README.md says how bench/.venv is made.
"""

import glob
import json
import os
import random
import shutil
import sys
import tempfile

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# not bench/golden itself, where this file would hide the package of the same name
sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]
sys.path.insert(0, os.path.join(REPOSITORY, "bench", "tokenizers"))
import folders
import texts as text_makers

GOLDEN = os.path.join(REPOSITORY, "tests", "golden", "tokenizers")
REFERENCE = os.environ.get("ORIANE_REFERENCE",
                           os.path.join(os.path.dirname(REPOSITORY), "shared", "reference"))
TEXTS = 1000
CLIP_TEXTS = 190  # in two kinds
# a charsmap of a few rules in place of the 300 KB of nmt_nfkc: code points to code points, in hex
RULES = ["FF21\t41", "FF41\t61", "FB01\t66 69", "2122\t54 4D", "BD\t31 2044 32", "AD\t", "A0\t20",
         "3000\t20", "0041 030A\tC5", "0065 0301\tE9", "200B\t20", "FDFA\t73 6C 6D",
         "0958\t915 93C", "2139\t69"]


def own_lines():
    names = sorted(glob.glob(os.path.join(REPOSITORY, "*.md"))
                   + glob.glob(os.path.join(REPOSITORY, "docs", "**", "*.md"), recursive=True)
                   + glob.glob(os.path.join(REPOSITORY, "src", "**", "*.h"), recursive=True))
    lines = []
    for name in names:
        if not name.endswith("_tbl.h"):
            with open(name, encoding="utf-8") as file:
                lines += [line.strip(" \n*/|") for line in file]
    return [line for line in dict.fromkeys(lines) if len(line) > 8]


def small_spm(folder, maker, lines, size):
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as rules:
        rules.write("\n".join(RULES) + "\n")
        rules.flush()
        return maker(folder, lines, size, normalization_rule_tsv=rules.name,
                     character_coverage=0.98)


def make_all(root, merges_file):
    dice = random.Random(3)
    lines = own_lines() + folders.invented_lines(60)
    made = {}
    vocab, merges = folders.clip_parts(merges_file)
    makers = {
        "clip": lambda f: folders.make_clip(f, vocab, merges),
        "clip-json": lambda f: folders.make_clip_json(f, vocab, merges),
        "siglip": lambda f: small_spm(f, folders.make_siglip, lines, 400),
        "t5": lambda f: small_spm(f, folders.make_t5, lines, 400),
        "xlmr": lambda f: small_spm(f, folders.make_xlmr, lines, 400),
        "unigram-bytes": lambda f: folders.make_unigram_bytes(f, lines, 600,
                                                              character_coverage=0.98),
        "gemma": lambda f: folders.make_gemma(f, lines, 700),
        "siglip2": lambda f: folders.make_siglip2(f, lines, 700),
        "gpt2": lambda f: folders.make_gpt2(f, lines, 500),
        "words": lambda f: folders.make_words(f, lines, 400),
        "suffix": lambda f: folders.make_suffix(f, lines, 600),
    }
    for name, maker in makers.items():
        folder = os.path.join(root, name)
        os.makedirs(folder)
        made[name] = (folder, maker(folder))
    return made


def choose_texts(dice):
    """Short ones of each sort, without what only repeats."""
    lines = [line for line in own_lines() if len(line) < 60]
    pool = text_makers.natural_texts(dice, lines, 500)
    pool += text_makers.mixed_texts(dice, 500)
    pool += text_makers.mark_texts(dice, 250)
    pool += text_makers.random_texts(dice, 120)
    pool += dice.sample(text_makers.each_code_point(), 60)
    pool += ["", " ", "a photo of a cat", "A Photo  of\na CAT.", "▁", " a", "\u0301", "İ", "ΣΑΣ",
             "e\u0301" * 30, "the " * 60, "1234567890", "\r\n\t x", *text_makers.SPECIALS,
             *text_makers.EMOJI]
    pool = [t.replace("\0", "") for t in pool if len(t) < 90]
    dice.shuffle(pool)
    return pool[:TEXTS]


def rows_of(made, texts, dice):
    """Each text goes to one tokenizer, cut to a length that some of them reach."""
    kinds = [name for name in made if not name.startswith("clip")]
    names = ["clip", "clip-json"] * (CLIP_TEXTS // 2)
    names += [kinds[i % len(kinds)] for i in range(len(texts) - len(names))]
    dice.shuffle(names)
    rows = {name: [] for name in made}
    for name, text in zip(names, texts):
        ids_max = dice.choice([77, 64, 16])
        tokenizer = made[name][1]
        tokenizer.no_padding()
        tokenizer.enable_truncation(ids_max)
        rows[name].append([text, ids_max, tokenizer.encode(text).ids])
    return rows


def write(made, rows):
    shutil.rmtree(GOLDEN, ignore_errors=True)
    os.makedirs(GOLDEN)
    for name, (folder, _) in made.items():
        if not name.startswith("clip"):  # CLIP's merges stay where they are
            os.mkdir(os.path.join(GOLDEN, name))
            with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as file:
                tokenizer = json.load(file)
            model = tokenizer["model"]  # merges as they were written of old, where that can be read
            if "merges" in model:
                model["merges"] = [" ".join(m) if " " not in "".join(m) else m
                                   for m in model["merges"]]
            with open(os.path.join(GOLDEN, name, "tokenizer.json"), "w", encoding="utf-8") as file:
                json.dump(tokenizer, file, separators=(",", ":"))
                file.write("\n")
            config = os.path.join(folder, "tokenizer_config.json")
            if os.path.exists(config):
                shutil.copy(config, os.path.join(GOLDEN, name))
    with open(os.path.join(GOLDEN, "ids.json"), "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(
            f"{json.dumps(name)}: [\n" + ",\n".join(
                json.dumps(row, separators=(",", ":")) for row in rows[name]) + "\n]"
            for name in rows) + "\n}\n")


def main():
    dice = random.Random(2)
    with tempfile.TemporaryDirectory() as root:
        made = make_all(root, os.path.join(REFERENCE, "bpe_simple_vocab_16e6.txt"))
        write(made, rows_of(made, choose_texts(dice), dice))


main()
