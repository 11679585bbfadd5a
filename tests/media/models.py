"""Model folders as Hugging Face ships them, with seeded random weights: the same bytes everywhere.

`get(name)` writes a folder once and keeps it in the build folder, as `clips.get` does with clips;
`write(name, folder)` writes it anywhere. What the vectors of these folders should be stands in
tests/golden, made by bench/golden from Hugging Face transformers and timm.

A weight is a function of (seed, name of the tensor, index): splitmix64 in counter mode, the sum of
four of its 16-bit parts for a bell curve, one rounding to f32. Integers and one product, so neither
numpy's version nor the processor can change a bit. The scales keep activations near 1 and embeddings
small, so that another epsilon, another activation or a lost bias shows in the vectors.

By hand: /usr/bin/python3 tests/media/models.py [--list | NAME FOLDER]
"""

import hashlib
import inspect
import json
import math
import os
import shutil
import sys
from pathlib import Path

import numpy as np

import tokenizers_small as tokenizers

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("ORIANE_BUILD", REPOSITORY / "build"))
CACHE = BUILD / "test-media"

SEED = 20260
CHUNK = 1 << 16  # numbers at a time: the scratch arrays stay in the second-level cache
GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
SUM_MEAN, SUM_STD = 4 * 65535 / 2, math.sqrt(4 * (65536 ** 2 - 1) / 12)

CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
HALF = [0.5, 0.5, 0.5]


# --- numbers ------------------------------------------------------------------------------------

def _mix(x):
    """splitmix64's output function (Steele, Lea, Flood 2014), in place."""
    t = x >> np.uint64(30)
    x ^= t
    x *= np.uint64(0xBF58476D1CE4E5B9)
    np.right_shift(x, np.uint64(27), out=t)
    x ^= t
    x *= np.uint64(0x94D049BB133111EB)
    np.right_shift(x, np.uint64(31), out=t)
    x ^= t
    return x


def bell(name, first, count, seed=SEED):
    """count numbers of the bell curve (mean 0, deviation 1, f32) from index `first` on."""
    key = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "little")
    x = np.arange(first + 1, first + 1 + count, dtype=np.uint64)
    x *= np.uint64(GOLDEN)
    x += np.uint64(key)
    parts = _mix(x).view(np.uint16).reshape(count, 4).sum(axis=1, dtype=np.int32)
    parts -= np.int32(SUM_MEAN)
    return parts.astype(np.float32) * np.float32(1 / SUM_STD)


def as_bf16(x):
    """f32 to the nearest bf16, ties to even, as uint16."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


STORED = {"F32": (4, lambda x: x), "F16": (2, lambda x: x.astype(np.float16)), "BF16": (2, as_bf16)}


# --- safetensors --------------------------------------------------------------------------------

class Tensor:
    """A tensor by its recipe: mean + deviation * bell curve, or given integers."""

    def __init__(self, name, shape, deviation=0.0, mean=0.0, integers=None):
        self.name, self.shape, self.deviation, self.mean = name, list(shape), deviation, mean
        self.integers = integers
        self.count = math.prod(self.shape)

    def bytes_as(self, dtype):
        return self.count * (8 if self.integers is not None else STORED[dtype][0])

    def chunks(self, dtype, seed):
        if self.integers is not None:
            yield np.asarray(self.integers, "<i8").tobytes()
            return
        for first in range(0, self.count, CHUNK):
            x = bell(self.name, first, min(CHUNK, self.count - first), seed)
            x *= np.float32(self.deviation)
            x += np.float32(self.mean)
            yield STORED[dtype][1](x).tobytes()


def write_safetensors(path, tensors, dtype, seed=SEED):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for tensor in tensors:
        size = tensor.bytes_as(dtype)
        header[tensor.name] = {"dtype": "I64" if tensor.integers is not None else dtype,
                               "shape": tensor.shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors:
            for chunk in tensor.chunks(dtype, seed):
                file.write(chunk)


def write_weights(folder, tensors, dtype, shards):
    # as the library orders them: no number lies across its own alignment
    tensors = sorted(tensors, key=lambda t: (t.integers is None, t.name))
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors, dtype)
        return
    total, places, filled = sum(t.bytes_as(dtype) for t in tensors), [[] for _ in range(shards)], 0
    for tensor in tensors:
        places[min(shards - 1, filled * shards // total)].append(tensor)
        filled += tensor.bytes_as(dtype)
    names = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
    for name, part in zip(names, places):
        write_safetensors(folder / name, part, dtype)
    index = {"metadata": {"total_size": total},
             "weight_map": {t.name: n for n, part in zip(names, places) for t in part}}
    write_json(folder / "model.safetensors.index.json", index)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


# --- tensors of each family ---------------------------------------------------------------------

EMBEDDING = 0.02   # deviation of embeddings: their variance shows a LayerNorm's epsilon of 1e-5
RESIDUAL = 0.7     # what a half block adds, times its input's deviation of 1
SHARPNESS = 1.0    # deviation of queries and keys: attention neither flat nor one token's
BIAS = 0.1
POSITIONS = {"clip": 77, "siglip": 64}  # of a text, when the config leaves them out


def _linear(name, rows, columns, gain=1.0, bias=True):
    yield Tensor(f"{name}.weight", [rows, columns], gain / math.sqrt(columns))
    if bias:
        yield Tensor(f"{name}.bias", [rows], BIAS)


def _norm(name, width):
    yield Tensor(f"{name}.weight", [width], 0.1, 1.0)
    yield Tensor(f"{name}.bias", [width], BIAS)


def _patches(name, width, patch, bias):
    yield Tensor(f"{name}.weight", [width, 3, patch, patch], EMBEDDING / math.sqrt(3 * patch * patch))
    if bias:
        yield Tensor(f"{name}.bias", [width], EMBEDDING / 4)


def _block(name, width, mlp, sharpness):
    """A pre-norm block as CLIP and SigLIP name it."""
    for which in "qk":
        yield from _linear(f"{name}.self_attn.{which}_proj", width, width, sharpness)
    yield from _linear(f"{name}.self_attn.v_proj", width, width)
    yield from _linear(f"{name}.self_attn.out_proj", width, width, 2 * RESIDUAL)
    yield from _norm(f"{name}.layer_norm1", width)
    yield from _linear(f"{name}.mlp.fc1", mlp, width)
    yield from _linear(f"{name}.mlp.fc2", width, mlp, 2 * RESIDUAL)
    yield from _norm(f"{name}.layer_norm2", width)


def _layers(prefix, tower, sharpness=SHARPNESS):
    for i in range(tower["num_hidden_layers"]):
        yield from _block(f"{prefix}.encoder.layers.{i}", tower["hidden_size"],
                          tower["intermediate_size"], sharpness)


def clip_tensors(config, has_positions=True, has_text=True):
    """has_positions: the I64 buffers that OpenAI's files carry and nobody reads."""
    vision, text, dim = config["vision_config"], config["text_config"], config["projection_dim"]
    width, patch = vision["hidden_size"], vision["patch_size"]
    tokens = (vision["image_size"] // patch) ** 2 + 1
    yield Tensor("logit_scale", [], 0, 4.6052)
    yield Tensor("vision_model.embeddings.class_embedding", [width], EMBEDDING)
    yield from _patches("vision_model.embeddings.patch_embedding", width, patch, bias=False)
    yield Tensor("vision_model.embeddings.position_embedding.weight", [tokens, width], EMBEDDING / 2)
    if has_positions:
        yield Tensor("vision_model.embeddings.position_ids", [1, tokens], integers=range(tokens))
    yield from _norm("vision_model.pre_layrnorm", width)
    yield from _layers("vision_model", vision)
    yield from _norm("vision_model.post_layernorm", width)
    yield from _linear("visual_projection", dim, width, bias=False)
    if not has_text:
        return
    width = text["hidden_size"]
    positions = text.get("max_position_embeddings", POSITIONS[config["model_type"]])
    yield Tensor("text_model.embeddings.token_embedding.weight", [text["vocab_size"], width], EMBEDDING)
    yield Tensor("text_model.embeddings.position_embedding.weight", [positions, width], EMBEDDING / 2)
    if has_positions:
        yield Tensor("text_model.embeddings.position_ids", [1, positions], integers=range(positions))
    yield from _layers("text_model", text)
    yield from _norm("text_model.final_layer_norm", width)
    yield from _linear("text_projection", dim, width, bias=False)


def siglip_tensors(config):
    vision, text = config["vision_config"], config["text_config"]
    width, patch = vision["hidden_size"], vision["patch_size"]
    tokens = (vision["image_size"] // patch) ** 2
    yield Tensor("logit_scale", [1], 0, 4.7)
    yield Tensor("logit_bias", [1], 0, -16.5)
    yield from _patches("vision_model.embeddings.patch_embedding", width, patch, bias=True)
    yield Tensor("vision_model.embeddings.position_embedding.weight", [tokens, width], EMBEDDING / 2)
    yield from _layers("vision_model", vision)
    yield from _norm("vision_model.post_layernorm", width)
    head = "vision_model.head"
    yield Tensor(f"{head}.probe", [1, 1, width], 1.0)
    yield Tensor(f"{head}.attention.in_proj_weight", [3 * width, width], SHARPNESS / math.sqrt(width))
    yield Tensor(f"{head}.attention.in_proj_bias", [3 * width], BIAS)
    yield from _linear(f"{head}.attention.out_proj", width, width)
    yield from _norm(f"{head}.layernorm", width)
    yield from _linear(f"{head}.mlp.fc1", vision["intermediate_size"], width)
    yield from _linear(f"{head}.mlp.fc2", width, vision["intermediate_size"])
    width = text["hidden_size"]
    positions = text.get("max_position_embeddings", POSITIONS[config["model_type"]])
    yield Tensor("text_model.embeddings.token_embedding.weight", [text["vocab_size"], width], EMBEDDING)
    yield Tensor("text_model.embeddings.position_embedding.weight", [positions, width], EMBEDDING / 2)
    # sharper: else the few tokens of a text are lost among those that fill it up
    yield from _layers("text_model", text, 1.5)
    yield from _norm("text_model.final_layer_norm", width)
    yield from _linear("text_model.head", vision["hidden_size"], width)


def jina_tensors(config):
    """The image tower of jina-clip-v2: EVA02 with separate q, k, v, sub-LayerNorms and SwiGLU; the
    names are those of its own modelling code (eva_model.py of jina-clip-implementation)."""
    vision = config["vision_config"]
    width, patch = vision["width"], vision["patch_size"]
    mlp, tokens = int(width * vision["mlp_ratio"]), (vision["image_size"] // patch) ** 2 + 1
    yield Tensor("logit_scale", [], 0, 4.6052)
    yield Tensor("vision_model.cls_token", [1, 1, width], EMBEDDING)
    yield Tensor("vision_model.pos_embed", [1, tokens, width], EMBEDDING / 2)
    yield from _patches("vision_model.patch_embed.proj", width, patch, bias=True)
    for i in range(vision["layers"]):
        block = f"vision_model.blocks.{i}"
        yield Tensor(f"{block}.attn.q_bias", [width], BIAS)
        yield Tensor(f"{block}.attn.v_bias", [width], BIAS)
        for which, gain in (("q", SHARPNESS), ("k", SHARPNESS), ("v", 1.0)):
            yield from _linear(f"{block}.attn.{which}_proj", width, width, gain, bias=False)
        yield from _norm(f"{block}.attn.inner_attn_ln", width)
        yield from _linear(f"{block}.attn.proj", width, width, RESIDUAL)
        yield from _norm(f"{block}.norm1", width)
        yield from _norm(f"{block}.norm2", width)
        yield from _linear(f"{block}.mlp.w1", mlp, width)
        yield from _linear(f"{block}.mlp.w2", mlp, width)
        yield from _norm(f"{block}.mlp.ffn_ln", mlp)
        yield from _linear(f"{block}.mlp.w3", width, mlp, RESIDUAL)
    yield from _norm("vision_model.norm", width)


# --- configurations -----------------------------------------------------------------------------

def _tower(width, layers, heads, mlp, **more):
    return {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
            "intermediate_size": mlp, **more}


def _clip_config(vision, text, dim, **more):
    return {"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": dim,
            "logit_scale_init_value": 2.6592, "initializer_factor": 1.0,
            "vision_config": {"model_type": "clip_vision_model", "projection_dim": dim, **vision},
            "text_config": {"model_type": "clip_text_model", "projection_dim": dim, **text}, **more}


def _siglip_config(vision, text):
    return {"architectures": ["SiglipModel"], "model_type": "siglip", "initializer_factor": 1.0,
            "vision_config": {"model_type": "siglip_vision_model", **vision},
            "text_config": {"model_type": "siglip_text_model", **text}}


def _clip_preprocess(side, resize=None, mean=CLIP_MEAN, std=CLIP_STD, has_dicts=True):
    """has_dicts: OpenAI's files say {"shortest_edge": n}, older ones a bare n."""
    resize = resize or side
    return {"crop_size": {"height": side, "width": side} if has_dicts else side,
            "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True,
            "do_rescale": True, "do_resize": True, "feature_extractor_type": "CLIPFeatureExtractor",
            "image_mean": mean, "image_std": std, "resample": 3,
            "rescale_factor": 0.00392156862745098,
            "size": {"shortest_edge": resize} if has_dicts else resize}


def _siglip_preprocess(side, resample):
    return {"do_convert_rgb": None, "do_normalize": True, "do_rescale": True, "do_resize": True,
            "image_mean": HALF, "image_processor_type": "SiglipImageProcessor", "image_std": HALF,
            "processor_class": "SiglipProcessor", "resample": resample,
            "rescale_factor": 0.00392156862745098, "size": {"height": side, "width": side}}


class Model:
    """A folder by its recipe. tensors(): from the config; tokenizer: {file name: contents}."""

    def __init__(self, config, preprocess, tensors, tokenizer=None, dtype="F32", shards=1):
        self.config, self.preprocess, self.tensors = config, preprocess, tensors
        self.tokenizer, self.dtype, self.shards = tokenizer or {}, dtype, shards

    def but(self, **changes):
        other = Model(self.config, self.preprocess, self.tensors, self.tokenizer, self.dtype, self.shards)
        other.__dict__.update(changes)
        return other

    @property
    def side(self):
        return self.config["vision_config"]["image_size"]

    @property
    def dim(self):
        return self.config.get("projection_dim") or self.config["vision_config"]["hidden_size"]

    @property
    def has_text(self):
        return bool(self.tokenizer)

    def write(self, folder):
        folder.mkdir(parents=True)
        write_json(folder / "config.json", self.config)
        write_json(folder / "preprocessor_config.json", self.preprocess)
        for name, content in self.tokenizer.items():
            if isinstance(content, str):
                (folder / name).write_text(content)
            else:
                write_json(folder / name, content)
        write_weights(folder, list(self.tensors(self.config)), self.dtype, self.shards)


def with_act(model, act):
    """The same weights under another hidden_act, in both towers."""
    config = json.loads(json.dumps(model.config))
    for tower in ("vision_config", "text_config"):
        config[tower]["hidden_act"] = act
    return model.but(config=config)


def clip_small():
    """As OpenAI ships: activation not said (quick_gelu), end of text by the wrong but kept id 2."""
    words = tokenizers.Clip(merges=200)
    text = _tower(64, 2, 2, 256, vocab_size=words.size, max_position_embeddings=77, bos_token_id=0,
                  eos_token_id=2, pad_token_id=1)
    config = _clip_config(_tower(128, 3, 2, 512, image_size=224, patch_size=32), text, 64)
    return Model(config, _clip_preprocess(224), clip_tensors, words.files())


def clip_laion():
    """As LAION ships: hidden_act gelu, what equals a default left out, vocab.json and merges.txt."""
    words = tokenizers.Clip(merges=120)
    text = _tower(96, 2, 3, 384, vocab_size=words.size, hidden_act="gelu", bos_token_id=words.bos,
                  eos_token_id=words.eos)
    config = _clip_config(_tower(96, 3, 3, 384, image_size=96, patch_size=16, hidden_act="gelu"),
                          text, 96)
    files = {n: f for n, f in words.files().items() if n != "tokenizer.json"}
    return Model(config, _clip_preprocess(96), lambda c: clip_tensors(c, has_positions=False), files)


def clip_odd():
    """Sizes that divide nothing: 62 pixels over patches of 14, heads of 24, 200 in the middle, and a
    resize side that is not the crop's."""
    words = tokenizers.Clip(merges=60)
    text = _tower(40, 2, 5, 100, vocab_size=words.size, max_position_embeddings=20,
                  bos_token_id=words.bos, eos_token_id=words.eos, layer_norm_eps=1e-4)
    vision = _tower(72, 2, 3, 200, image_size=62, patch_size=14, layer_norm_eps=1e-6)
    return Model(_clip_config(vision, text, 50), _clip_preprocess(62, 70, HALF, [0.25, 0.3, 0.2], False),
                 clip_tensors, words.files())


def siglip_small():
    words = tokenizers.Unigram()
    config = _siglip_config(_tower(64, 2, 4, 160, image_size=64, patch_size=16),
                            _tower(64, 2, 2, 160, vocab_size=words.size))
    return Model(config, _siglip_preprocess(64, 3), siglip_tensors, words.files())


def siglip2_small():
    """SigLIP 2 of a fixed resolution: heads of 72, patches of 14, a squash without cubic, Gemma's
    kind of tokenizer, padded with 0."""
    words = tokenizers.Gemma()
    config = _siglip_config(_tower(144, 2, 2, 300, image_size=98, patch_size=14),
                            _tower(144, 2, 2, 300, vocab_size=words.size, projection_size=144,
                                   hidden_act="gelu_pytorch_tanh", layer_norm_eps=1e-6))
    return Model(config, _siglip_preprocess(98, 2), siglip_tensors, words.files())


def jina_small():
    """jina-clip-v2's image tower: heads of 64 as there, 72 pixels over patches of 14."""
    vision = {"embed_dim": 128, "fused_layer_norm": False, "head_width": 64, "image_size": 72,
              "intp_freq": True, "layers": 3, "ls_init_value": None, "mlp_ratio": 2.6667,
              "model_type": "jina_clip_vision", "naive_swiglu": True, "patch_dropout": 0.1,
              "patch_size": 14, "post_norm": False, "proj_type": None, "pt_hw_seq_len": 16,
              "qkv_bias": True, "rope_embeddings": True, "subln": True, "width": 128,
              "x_attention": True}
    text = {"default_instruction_task": None, "default_lora_task": "retrieval.query", "embed_dim": 128,
            "hf_model_name_or_path": "jinaai/jina-embeddings-v3", "model_type": "jina_clip_text",
            "pooler_type": "mean_pooler", "proj_bias": False, "proj_type": None}
    config = {"add_projections": False, "architectures": ["JinaCLIPModel"], "initializer_factor": 1.0,
              "logit_scale_init_value": 2.6592, "matryoshka_dimensions": [32, 64, 96, 128],
              "model_type": "jina_clip", "projection_dim": 128, "text_config": text,
              "truncate_dim": None, "vision_config": vision}
    preprocess = {"fill_color": 0, "image_processor_type": "JinaCLIPImageProcessor",
                  "interpolation": "bicubic", "mean": CLIP_MEAN, "processor_class": "JinaCLIPProcessor",
                  "resize_mode": "shortest", "size": 72, "std": CLIP_STD}
    return Model(config, preprocess, jina_tensors)


def clip_b32(has_text=True):
    """ViT-B/32 at full size: 151 million numbers, 88 of them the image tower's."""
    words = tokenizers.Clip(merges=200, size=49408)
    text = _tower(512, 12, 8, 2048, bos_token_id=0, eos_token_id=2, pad_token_id=1, vocab_size=49408)
    config = _clip_config(_tower(768, 12, 12, 3072, image_size=224, patch_size=32), text, 512)
    return Model(config, _clip_preprocess(224), lambda c: clip_tensors(c, has_text=has_text),
                 words.files() if has_text else None)


MODELS = {
    "clip-small": clip_small,
    "clip-small-f16": lambda: clip_small().but(dtype="F16"),
    "clip-small-bf16": lambda: clip_small().but(dtype="BF16"),
    "clip-small-sharded": lambda: clip_small().but(shards=3),
    "clip-small-wrong-act": lambda: with_act(clip_small(), "gelu"),
    "clip-laion": clip_laion,
    "clip-laion-wrong-act": lambda: with_act(clip_laion(), "quick_gelu"),
    "clip-odd": clip_odd,
    "siglip-small": siglip_small,
    "siglip2-small": siglip2_small,
    "jina-small": jina_small,
    "clip-b32": clip_b32,
    "clip-b32-vision": lambda: clip_b32(has_text=False),
}


# --- folders ------------------------------------------------------------------------------------

def write(name, folder):
    model = MODELS[name]()
    model.write(Path(folder))
    return model


def get(name):
    """The folder, written once; its name holds the hash of what it was written by."""
    CACHE.mkdir(parents=True, exist_ok=True)
    sources = [inspect.getsource(sys.modules[__name__]), inspect.getsource(tokenizers)]
    key = hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]
    folder = CACHE / f"{name}-{key}"
    if not folder.exists():
        for old in CACHE.glob(f"{name}-" + "[0-9a-f]" * 16):  # of an earlier recipe; some are large
            shutil.rmtree(old)
        draft = CACHE / f".{os.getpid()}-{folder.name}"
        write(name, draft)
        try:
            draft.rename(folder)
        except OSError:  # another test run was faster
            shutil.rmtree(draft)
    return folder


def weights_sha(folder):
    """Of all weights in a folder: the golden files name it, so that a changed recipe is no riddle."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).glob("*.safetensors")):
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def main(arguments):
    if arguments == ["--list"]:
        for name in MODELS:
            print(name)
        return 0
    if len(arguments) != 2 or arguments[0] not in MODELS:
        print("usage: models.py --list | NAME FOLDER", file=sys.stderr)
        return 2
    write(*arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
