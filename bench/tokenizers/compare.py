#!/usr/bin/env python3
"""Ids of oriane's tokenizers against Hugging Face tokenizers, text by text.

usage: bench/.venv/bin/python bench/tokenizers/compare.py [FOLDER_NAME...]

ORIANE_BUILD names the build folder (default build), ORIANE_REFERENCE the folder that has CLIP's
merges (default ../shared/reference). README.md beside this says how bench/.venv is made. Prints for
each tokenizer how many texts were compared and how many differ, and the first of those; ends with 1
when any does.
"""

import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import folders
import texts as text_makers

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ORIANE_BUILD", os.path.join(REPOSITORY, "build"))
REFERENCE = os.environ.get("ORIANE_REFERENCE",
                           os.path.join(os.path.dirname(REPOSITORY), "shared", "reference"))
IDS_MAX = [77, 1 << 19]  # cut as an encoder does, and whole


def ours(folder, path, ids_max):
    run = subprocess.run([os.path.join(BUILD, "bench", "bench_tokenizer"), folder, path,
                          str(ids_max)], capture_output=True, text=True, check=True)
    return run.stdout.split("\n"), run.stderr.strip()


def theirs(tokenizer, texts, ids_max):
    tokenizer.no_padding()
    tokenizer.enable_truncation(ids_max)
    result = []
    for text in texts:  # one by one: a panic in one text is that text's
        try:
            result.append(" ".join(map(str, tokenizer.encode(text).ids)))
        except BaseException as error:  # pyo3's panics are no Exceptions
            if isinstance(error, KeyboardInterrupt):
                raise
            result.append(f"reference: {error}")
    return result


def compare(name, folder, tokenizer, texts, path):
    differing = 0
    panics = 0
    for ids_max in IDS_MAX:
        mine, times = ours(folder, path, ids_max)
        start = time.monotonic()
        reference = theirs(tokenizer, texts, ids_max)
        seconds = time.monotonic() - start
        for text, a, b in zip(texts, mine, reference):
            if b.startswith("reference:"):
                panics += 1
            elif a != b:
                differing += 1
                if differing <= 5:
                    print(f"  {name} {ids_max}: {text[:60]!r}\n    ours   {a[:300]}\n    theirs {b[:300]}")
    print(f"{name}: {len(IDS_MAX) * len(texts)} encodings, {differing} differ"
          + (f", {panics} not counted: the reference fails on them" if panics else ""))
    print(f"  ours: {times}; theirs: {seconds / len(texts) * 1e6:.1f} us each")
    return differing


def main():
    root = os.path.join(BUILD, "tokenizers")
    os.makedirs(root, exist_ok=True)
    made = folders.make_all(root, os.path.join(REFERENCE, "bpe_simple_vocab_16e6.txt"))
    texts = text_makers.all_texts(folders.corpus())
    path = os.path.join(root, "texts.bin")
    with open(path, "wb") as file:
        for text in texts:
            data = text.encode()
            file.write(struct.pack("<I", len(data)) + data)
    print(f"{len(texts)} texts")
    differing = 0
    for name, (folder, tokenizer) in made.items():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            differing += compare(name, folder, tokenizer, texts, path)
    print(f"{differing} differences in all")
    return 1 if differing else 0


sys.exit(main())
