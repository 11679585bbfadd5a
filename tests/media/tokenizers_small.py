"""Small tokenizers in the files that Hugging Face folders carry, built by code: CLIP's byte-level
BPE, a SentencePiece unigram model as SigLIP has, a BPE with byte fallback as SigLIP 2 (Gemma) has.

Their pieces come from the few sentences below; what is not in them is spelt by bytes, letters or the
unknown token, as it would be by the real ones.
"""

import collections
import functools

SENTENCES = """a photo of a cat sleeping on a red sofa
a photo of a dog running through the green grass
a red apple on the white table by the window
the old man reads the newspaper at the station
children are playing football in the rain at night
two people walking along the beach under a blue sky
hello world this is a small tokenizer for the tests
an aerial view of the city with the river and the bridges
the singer stands on the stage in front of the crowd""".split("\n")

CLIP_PATTERN = (r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]"
                r"|[^\s\p{L}\p{N}]+")


def byte_letters():
    """A visible letter for each byte, in the order in which CLIP numbers them: the printable ones
    of Latin-1 as they are, the others from U+0100 on."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return {**{b: chr(b) for b in shown}, **{b: chr(256 + i) for i, b in enumerate(hidden)}}


@functools.lru_cache(None)
def learn_merges(words, count):
    """Byte-pair encoding (Sennrich 2016): the most frequent pair first, of equals the smallest."""
    words = collections.Counter(words)
    merges = []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, times in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += times
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        merged = collections.Counter()
        for word, times in words.items():
            parts, i = [], 0
            while i < len(word):
                if word[i:i + 2] == best:
                    parts.append(word[i] + word[i + 1])
                    i += 2
                else:
                    parts.append(word[i])
                    i += 1
            merged[tuple(parts)] += times
        words = merged
    return merges


def added(id, content, is_normalized=False):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": is_normalized, "special": True}


def template(eos, id):
    """The post-processor that ends each text with one token."""
    piece = [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": eos, "type_id": 0}}]
    pair = piece + [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": eos, "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": piece, "pair": pair,
            "special_tokens": {eos: {"id": eos, "ids": [id], "tokens": [eos]}}}


class Clip:
    """size: how many ids; what no merge makes fills the gap, and no text reaches it."""

    def __init__(self, merges, size=0):
        letters = byte_letters()
        words = tuple((*(letters[b] for b in w.encode()[:-1]), letters[w.encode()[-1]] + "</w>")
                      for s in SENTENCES for w in s.split())
        self.merges = learn_merges(words, merges)
        pieces = [*letters.values(), *(c + "</w>" for c in letters.values()),
                  *(a + b for a, b in self.merges)]
        pieces = list(dict.fromkeys(pieces))
        pieces += [f"<filler {i}>" for i in range(size - 2 - len(pieces))]
        self.bos, self.eos = len(pieces), len(pieces) + 1
        self.size = len(pieces) + 2
        self.vocabulary = {p: i for i, p in enumerate(
            [*pieces, "<|startoftext|>", "<|endoftext|>"])}

    def files(self):
        bos, eos = ("<|startoftext|>", self.bos), ("<|endoftext|>", self.eos)
        merges = [f"{a} {b}" for a, b in self.merges]
        split = {"type": "Split", "pattern": {"Regex": CLIP_PATTERN}, "behavior": "Removed",
                 "invert": True}
        model = {"type": "BPE", "dropout": None, "unk_token": eos[0], "continuing_subword_prefix": "",
                 "end_of_word_suffix": "</w>", "fuse_unk": False, "vocab": self.vocabulary,
                 "merges": merges}
        bytes_only = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
        tokenizer = {
            "version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [added(bos[1], bos[0], True), added(eos[1], eos[0])],
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Lowercase"}]},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, bytes_only]},
            "post_processor": {"type": "RobertaProcessing", "sep": list(eos), "cls": list(bos),
                               "trim_offsets": False, "add_prefix_space": False},
            "decoder": bytes_only, "model": model}
        config = {"bos_token": bos[0], "eos_token": eos[0], "pad_token": eos[0], "unk_token": eos[0],
                  "do_lower_case": True, "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
        return {"tokenizer.json": tokenizer, "vocab.json": self.vocabulary,
                "merges.txt": "\n".join(["#version: 0.2", *merges]) + "\n",
                "tokenizer_config.json": config}


class Unigram:
    """Pieces with scores, no bytes: what no piece spells is <unk>. Padded with </s>, which only
    tokenizer_config.json says."""

    def __init__(self):
        words = collections.Counter("▁" + w for s in SENTENCES for w in s.split())
        pieces = collections.Counter()
        for word, times in words.items():
            for i in range(len(word)):
                for j in range(i + 1, min(len(word), i + 6) + 1):
                    pieces[word[i:j]] += times
        kept = [p for p in pieces if len(p) == 1 or pieces[p] >= 3]
        kept += [w for w in words if w not in kept]
        kept += [c for c in ".,!?'-0123456789" if c not in kept]
        # longer and more frequent is likelier; sixteenths, so that sums are exact in any order
        scores = {p: -(12 + 64 * len(p) // (2 + pieces[p])) / 16 - 2 for p in kept}
        self.vocabulary = [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0],
                           *sorted(map(list, scores.items()), key=lambda r: (-r[1], r[0]))]
        self.size = len(self.vocabulary)

    def files(self):
        space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
        tokenizer = {
            "version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [added(0, "<pad>"), added(1, "</s>"), added(2, "<unk>")],
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "NFKC"}, {"type": "Lowercase"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Strip", "strip_left": True, "strip_right": True}]},
            "pre_tokenizer": space, "post_processor": template("</s>", 1), "decoder": space,
            "model": {"type": "Unigram", "unk_id": 2, "vocab": self.vocabulary,
                      "byte_fallback": False}}
        config = {"eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>",
                  "model_max_length": 64, "tokenizer_class": "SiglipTokenizer"}
        return {"tokenizer.json": tokenizer, "tokenizer_config.json": config,
                "special_tokens_map.json": {"eos_token": {"content": "</s>", "lstrip": True,
                                                          "normalized": False, "rstrip": True,
                                                          "single_word": False},
                                            "pad_token": "</s>", "unk_token": "<unk>"}}


class Gemma:
    """BPE over letters with ▁ for the space, bytes for what is no letter of it; tokenizer.json itself
    says to cut and to fill up to 64."""

    def __init__(self):
        words = tuple(tuple(("" if i == 0 else "▁") + w)
                      for s in SENTENCES for i, w in enumerate(s.split()))
        self.merges = learn_merges(words, 300)
        letters = sorted({c for w in words for c in w} | set(".,!?'-0123456789"))
        pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{b:02X}>" for b in range(256)),
                  *letters, *(a + b for a, b in self.merges)]
        self.vocabulary = {p: i for i, p in enumerate(dict.fromkeys(pieces))}
        self.size = len(self.vocabulary)

    def files(self):
        tokenizer = {
            "version": "1.0",
            "truncation": {"direction": "Right", "max_length": 64, "strategy": "LongestFirst",
                           "stride": 0},
            "padding": {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": None,
                        "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"},
            "added_tokens": [added(i, t) for i, t in enumerate(
                ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"])],
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Lowercase"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
            "pre_tokenizer": {"type": "Split", "pattern": {"String": " "},
                              "behavior": "MergedWithPrevious", "invert": False},
            "post_processor": template("<eos>", 1),
            "decoder": {"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"}, {"type": "Fuse"}]},
            "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>",
                      "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": True,
                      "byte_fallback": True, "ignore_merges": False, "vocab": self.vocabulary,
                      "merges": [list(m) for m in self.merges]}}
        config = {"add_bos_token": False, "add_eos_token": True, "bos_token": "<bos>",
                  "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>",
                  "do_lower_case": True, "model_max_length": 64, "tokenizer_class": "GemmaTokenizer"}
        return {"tokenizer.json": tokenizer, "tokenizer_config.json": config}
