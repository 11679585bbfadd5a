"""Tokenizer folders of every kind that the encoders come with, made on this machine: CLIP's from its
real merges, the others trained small. Each folder is read both by the reference and by oriane."""

import glob
import json
import os
import random
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as spm_proto
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

MERGES = 49152 - 256 - 2  # of CLIP's list; the rest of the file is not used
# blocks of letters and ideographs that the texts for training are spiced with
SCRIPTS = [(0x61, 0x7A), (0xDF, 0xFF), (0x3B1, 0x3C9), (0x430, 0x44F), (0x561, 0x586),
           (0x5D0, 0x5EA), (0x627, 0x64A), (0x905, 0x939), (0xE01, 0xE2E), (0x10D0, 0x10F0),
           (0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x4FFF), (0xAC00, 0xAD00),
           (0x1F600, 0x1F64F)]


def natural_lines(limit):
    """Lines of the texts that a Debian system has: licences and documents of its packages."""
    names = sorted(glob.glob("/usr/share/common-licenses/*"))
    names += sorted(glob.glob("/usr/share/doc/*/README*"))[:300]
    lines = []
    for name in names:
        if name.endswith(".gz") or not os.path.isfile(name):
            continue
        with open(name, "rb") as file:
            text = file.read(200000).decode("utf-8", "replace").replace("\0", " ")
        lines += [line.strip() for line in text.splitlines() if line.strip()]
    return lines[:limit]


def invented_lines(count, seed=4):
    """Words of letters from many scripts, with marks, digits and signs."""
    dice = random.Random(seed)
    words = []
    for first, last in SCRIPTS:
        letters = [chr(c) for c in range(first, last + 1)]
        words.append(["".join(dice.choices(letters[:24], k=dice.randint(1, 9)))
                      for _ in range(200)])
    lines = []
    for _ in range(count):
        script = dice.choice(words)
        line = [dice.choice(script) for _ in range(dice.randint(2, 12))]
        if dice.random() < 0.3:
            line.append(str(dice.randint(0, 99999)))
        lines.append(" ".join(line) + dice.choice([".", "!", "?", "\u0301", ""]))
    return lines


def corpus():
    return natural_lines(30000) + invented_lines(8000)


# ---- CLIP ----

def byte_chars():
    """The printable character of each byte, as in CLIP's simple_tokenizer.py."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    table = {b: chr(b) for b in plain}
    table.update({b: chr(256 + i) for i, b in enumerate(others)})
    return [table[b] for b in plain + others]


def clip_parts(merges_file):
    with open(merges_file, encoding="utf-8") as file:
        merges = file.read().split("\n")[1:MERGES + 1]  # the first line is a heading
    chars = byte_chars()
    tokens = chars + [c + "</w>" for c in chars] + [m.replace(" ", "") for m in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: i for i, token in enumerate(tokens)}, merges


def special(content, **flags):
    return AddedToken(content, **{"normalized": False, "special": True, **flags})


def make_clip(folder, vocab, merges):
    """vocab.json and merges.txt alone; the reference is CLIPTokenizer of transformers."""
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump(vocab, file)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "\n".join(merges) + "\n")
    from transformers import CLIPTokenizer
    return CLIPTokenizer.from_pretrained(folder).backend_tokenizer


def make_clip_json(folder, vocab, merges):
    """As the hub has it: the converter's pattern, and a start token that is normalized."""
    pairs = [tuple(m.split(" ")) for m in merges]
    tokenizer = Tokenizer(models.BPE(vocab, pairs, continuing_subword_prefix="",
                                     end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"),
                             "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    ids = {t: vocab[t] for t in ("<|startoftext|>", "<|endoftext|>")}
    tokenizer.add_tokens([special("<|startoftext|>", normalized=True), special("<|endoftext|>")])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("<|endoftext|>", ids["<|endoftext|>"]), ("<|startoftext|>", ids["<|startoftext|>"]),
        trim_offsets=False, add_prefix_space=False)
    return save(folder, tokenizer, {"pad_token": "<|endoftext|>", "model_max_length": 10 ** 30})


def save(folder, tokenizer, config=None):
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    if config:
        with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file)
    return Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))


# ---- SentencePiece ----

def train(lines, kind, size, **options):
    with tempfile.TemporaryDirectory() as folder:
        text = os.path.join(folder, "text")
        with open(text, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        sentencepiece.SentencePieceTrainer.train(
            input=text, model_prefix=os.path.join(folder, "m"), vocab_size=size, model_type=kind,
            hard_vocab_limit=False, num_threads=1, minloglevel=2, shuffle_input_sentence=False,
            **options)
        proto = spm_proto.ModelProto()
        with open(os.path.join(folder, "m.model"), "rb") as file:
            proto.ParseFromString(file.read())
    return proto


def pieces_of(proto):
    return [(piece.piece, piece.score) for piece in proto.pieces]


def template(before, behind, ids):
    tokens = [*before, *behind]
    return processors.TemplateProcessing(
        single=" ".join([*before, "$A", *behind]),
        pair=" ".join([*before, "$A", *behind, "$B", *behind]),
        special_tokens=[(t, ids[t]) for t in dict.fromkeys(tokens)])


def make_siglip(folder, lines, size, **options):
    """T5's kind, with what SigLIP does to a text before it: no capitals, no signs, single blanks."""
    proto = train(lines, "unigram", size, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, **options)
    tokenizer = Tokenizer(models.Unigram(pieces_of(proto), unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Lowercase(),
        normalizers.Replace(Regex(r"[!\"#$%&'()*+,\-./:;=?@\[\\\]^_`{|}~]"), ""),
        normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip(),
        normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", "always")
    tokenizer.add_tokens([special(t, lstrip=True, rstrip=True) for t in ("</s>", "<unk>")])
    tokenizer.post_processor = template([], ["</s>"], {"</s>": 1})
    tokenizer.enable_padding(pad_id=1, pad_token="</s>", length=1)
    return save(folder, tokenizer)


def make_t5(folder, lines, size, **options):
    """Metaspace before the first word alone, behind a Strip: where the text begins matters."""
    proto = train(lines, "unigram", size, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, **options)
    tokenizer = Tokenizer(models.Unigram(pieces_of(proto), unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
        normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", "first")
    tokenizer.add_special_tokens([special(t) for t in ("<pad>", "</s>", "<unk>")])
    tokenizer.add_tokens([AddedToken(f"<extra_{i}>", normalized=True) for i in range(3)])
    tokenizer.post_processor = template([], ["</s>"], {"</s>": 1})
    return save(folder, tokenizer, {"pad_token": {"content": "<pad>"}})


def make_xlmr(folder, lines, size, **options):
    proto = train(lines, "unigram", size, unk_id=0, bos_id=1, eos_id=2, **options)
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += pieces_of(proto)[3:] + [("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace("▁", "always")])
    tokenizer.add_tokens([special(t) for t in ("<s>", "<pad>", "</s>", "<unk>")]
                         + [special("<mask>", lstrip=True)])
    tokenizer.post_processor = template(["<s>"], ["</s>"], {"<s>": 0, "</s>": 2})
    return save(folder, tokenizer, {"pad_token": "<pad>"})


def make_unigram_bytes(folder, lines, size, **options):
    proto = train(lines, "unigram", size, byte_fallback=True, **options)
    tokenizer = Tokenizer(models.Unigram(pieces_of(proto), unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", "always", split=False)
    tokenizer.add_tokens([special(t) for t in ("<s>", "</s>")])
    return save(folder, tokenizer)


def gemma_bpe(lines, size):
    """Gemma's kind: blanks are part of words, bytes stand for what is no token."""
    proto = train(lines, "bpe", size, byte_fallback=True, pad_id=0, eos_id=1, bos_id=2, unk_id=3,
                  normalization_rule_name="identity", remove_extra_whitespaces=False,
                  add_dummy_prefix=False, split_digits=True, allow_whitespace_only_pieces=True,
                  user_defined_symbols=["<mask>", "[multimodal]", "\n", "\n\n", "▁▁", "▁▁▁▁"])
    vocab = {piece.piece: i for i, piece in enumerate(proto.pieces)}
    normal = {p.piece: (-p.score, i) for i, p in enumerate(proto.pieces) if p.type in (1, 4)}
    ranked = []
    for token, rank in normal.items():
        for cut in range(1, len(token)):
            if token[:cut] in normal and token[cut:] in normal:
                ranked.append((rank, token[:cut], token[cut:]))
    merges = [(left, right) for _, left, right in sorted(ranked)]
    return models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True), proto


def gemma_rest(tokenizer, proto, lowercase):
    replace = normalizers.Replace(" ", "▁")
    tokenizer.normalizer = (normalizers.Sequence([normalizers.Lowercase(), replace]) if lowercase
                            else replace)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.add_tokens([AddedToken(p.piece, normalized=False, special=p.type == 3)
                          for p in proto.pieces if p.type in (3, 4)])
    tokenizer.post_processor = template([], ["<eos>"] if "<eos>" in tokenizer.get_vocab()
                                        else ["</s>"], {"</s>": 1, "<eos>": 1})


def make_gemma(folder, lines, size):
    model, proto = gemma_bpe(lines, size)
    tokenizer = Tokenizer(model)
    gemma_rest(tokenizer, proto, False)
    return save(folder, tokenizer, {"pad_token": "<pad>", "tokenizer_class": "GemmaTokenizer"})


def make_siglip2(folder, lines, size):
    """The same file; that it is SigLIP 2's, and so in lower case, only tokenizer_config.json says."""
    model, proto = gemma_bpe(lines, size)
    tokenizer = Tokenizer(model)
    gemma_rest(tokenizer, proto, False)
    save(folder, tokenizer, {"pad_token": "<pad>", "tokenizer_class": "Siglip2Tokenizer"})
    gemma_rest(tokenizer, proto, True)
    return Tokenizer.from_str(tokenizer.to_str())


# ---- others: every step that is left ----

def make_gpt2(folder, lines, size):
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  special_tokens=["<s>", "</s>"])
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True), template(["<s>"], ["</s>"], {"<s>": 0, "</s>": 1})])
    return save(folder, tokenizer)


def make_words(folder, lines, size):
    """Prefixes inside words, unknown characters one by one, digits and signs apart, no accents."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(),
         normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True),
         pre_tokenizers.Punctuation("isolated")])
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, limit_alphabet=120,
                                  special_tokens=["[UNK]", "[CLS]", "[SEP]"],
                                  continuing_subword_prefix="##")
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.add_tokens([AddedToken("cat", single_word=True), AddedToken("Dog", lstrip=True),
                          AddedToken("dog house", rstrip=True, normalized=False)])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return save(folder, tokenizer)


def make_suffix(folder, lines, size):
    """A suffix and bytes at once, fused unknowns, runs of digits, normal form D as bytes."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True,
                                     byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Prepend("_")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\w+|\s"), "merged_with_previous"),
         pre_tokenizers.Digits(individual_digits=False),
         pre_tokenizers.Punctuation("merged_with_next")])
    bytes_known = [f"<0x{b:02X}>" for b in range(256) if b % 7 or b < 64]
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, limit_alphabet=200,
                                  special_tokens=["<unk>", *bytes_known],
                                  end_of_word_suffix="</w>")
    tokenizer.train_from_iterator(lines, trainer)
    return save(folder, tokenizer)


def make_all(root, merges_file=None):
    """Every folder under root: a dict of name to (folder, tokenizer of the reference)."""
    lines = corpus()
    made = {}

    def make(name, function, *arguments, **options):
        folder = os.path.join(root, name)
        os.makedirs(folder, exist_ok=True)
        made[name] = (folder, function(folder, *arguments, **options))

    if merges_file and os.path.exists(merges_file):
        vocab, merges = clip_parts(merges_file)
        make("clip", make_clip, vocab, merges)
        make("clip-json", make_clip_json, vocab, merges)
    make("siglip", make_siglip, lines, 3000)
    make("t5", make_t5, lines, 2000, normalization_rule_name="nmt_nfkc_cf")
    make("xlmr", make_xlmr, lines, 4000)
    make("unigram-bytes", make_unigram_bytes, lines, 1500)
    make("gemma", make_gemma, lines, 3000)
    make("siglip2", make_siglip2, lines, 3000)
    make("gpt2", make_gpt2, lines, 3000)
    make("words", make_words, lines, 2000)
    make("suffix", make_suffix, lines, 2000)
    return made
