"""Golden vectors of the model folders, from Hugging Face transformers and timm: see README.md here."""

import argparse
import contextlib
import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import library as torch_operators
from PIL import Image

# torchvision may be built for another torch than ours: then its two operators are missing at import,
# and nothing here uses them
_library = torch_operators.Library("torchvision", "FRAGMENT")
for _name in "nms", "qnms":
    with contextlib.suppress(RuntimeError):
        _library.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import PIL  # noqa: E402
import timm  # noqa: E402
import tokenizers  # noqa: E402
import torchvision.transforms as tv  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil  # noqa: E402

REPOSITORY = Path(__file__).resolve().parent.parent.parent
GOLDEN = REPOSITORY / "tests" / "golden"
sys.path.insert(0, str(REPOSITORY / "tests" / "media"))

import models  # noqa: E402
import stills  # noqa: E402

VERSIONS = {m.__name__: m.__version__ for m in (torch, transformers, timm, tokenizers, PIL, np)}

TEXTS = ["a red apple", "hello world", "a photo of a cat sleeping on the sofa",
         "Zürich: ÉCOLE naïve, 漢字 🙂 и мир", "  Don't   STOP\tthe 2 dogs!?  ", "e\u0301te\u0301",
         "a", "the old man reads the newspaper at the station while it rains, " * 8]
# what each model looks at, beside the pictures of its own size; the sizes are chosen so that every
# branch of the crop shows: 100x96 leaves an odd rest in which rounding and cutting differ
OTHERS = ["photo4-640x480", "photo9-300x500", "photo6-100x96", "photo7-57x41", "checkers-301x200",
          "photo10-700x90", "frame-bunny", "frame-bottles", "frame-cars"]


def own(side):
    return [f"{kind}-{side}x{side}" for kind in ("photo1", "photo2", "photo3", "ramp", "checkers", "white")]


PLAN = {  # model: (pictures, texts)
    "clip-small": (own(224) + OTHERS, TEXTS),
    "clip-small-f16": (own(224)[:3], TEXTS[:3]),
    "clip-small-bf16": (own(224)[:3], TEXTS[:3]),
    "clip-laion": (own(96) + OTHERS, TEXTS),
    "clip-odd": (own(62) + OTHERS, TEXTS),
    "siglip-small": (own(64) + OTHERS, TEXTS),
    "siglip2-small": (own(98) + OTHERS, TEXTS),
    "jina-small": (own(72) + OTHERS, []),
    "clip-b32": (own(224)[:2] + OTHERS[:1], TEXTS[:3]),
}
VISION_TOLERANCE = 1e-4


# --- references ---------------------------------------------------------------------------------

class Transformers:
    """CLIPModel or SiglipModel of a folder."""

    def __init__(self, folder, **config_changes):
        self.folder = folder
        config = json.loads((folder / "config.json").read_text())
        self.is_clip = config["model_type"] == "clip"
        kind = transformers.CLIPModel if self.is_clip else transformers.SiglipModel
        loaded = transformers.AutoConfig.from_pretrained(folder)
        for key, value in config_changes.items():
            setattr(loaded.vision_config, key, value)
            setattr(loaded.text_config, key, value)
        self.model = kind.from_pretrained(folder, config=loaded, dtype=torch.float32,
                                          attn_implementation="eager").double().eval()
        self.positions = self.model.config.text_config.max_position_embeddings
        processor = transformers.CLIPImageProcessorPil if self.is_clip else SiglipImageProcessorPil
        self.processor = processor.from_pretrained(folder)

    def pixels(self, picture, **changes):
        return self.processor([Image.fromarray(picture)], return_tensors="pt", **changes)["pixel_values"]

    def image(self, pixels):
        return self.model.get_image_features(pixels.double()).pooler_output[0]

    def ids(self, text):
        if self.is_clip and not (self.folder / "tokenizer.json").exists():
            return transformers.CLIPTokenizer.from_pretrained(self.folder)(
                text, truncation=True, max_length=self.positions)["input_ids"]
        tokenizer = tokenizers.Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.positions)
        return tokenizer.encode(text).ids

    def pad(self):
        """SigLIP's texts are filled up, and the filling is looked at; CLIP's are not."""
        settings = json.loads((self.folder / "tokenizer_config.json").read_text())
        tokenizer = tokenizers.Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        return tokenizer.token_to_id(settings["pad_token"])

    def text(self, ids, pad=None):
        if not self.is_clip:
            ids = ids + [self.pad() if pad is None else pad] * (self.positions - len(ids))
        return self.model.get_text_features(torch.tensor([ids])).pooler_output[0]


class Eva:
    """timm's EVA02 under the names of jina-clip-v2's image tower, and its preprocessing, which is
    torchvision's over Pillow."""

    def __init__(self, folder, **changes):
        config = json.loads((folder / "config.json").read_text())["vision_config"]
        prepare = json.loads((folder / "preprocessor_config.json").read_text())
        reference = config["pt_hw_seq_len"]
        settings = dict(
            img_size=config["image_size"], patch_size=config["patch_size"], embed_dim=config["width"],
            depth=config["layers"], num_heads=config["width"] // config["head_width"],
            mlp_ratio=config["mlp_ratio"], qkv_fused=False, swiglu_mlp=True, scale_mlp=True,
            scale_attn_inner=True, use_rot_pos_emb=True, ref_feat_shape=(reference, reference),
            num_classes=0, global_pool="token")
        settings.update(changes)
        # as timm.create_model makes eva02_large_patch14_clip_336: final LayerNorm, no other head
        self.model = timm.models.eva.Eva(use_fc_norm=False, **settings)
        names = {"mlp.ffn_ln": "mlp.norm", "attn.inner_attn_ln": "attn.norm", "mlp.w1": "mlp.fc1_g",
                 "mlp.w2": "mlp.fc1_x", "mlp.w3": "mlp.fc2", "attn.q_bias": "attn.q_proj.bias",
                 "attn.v_bias": "attn.v_proj.bias"}
        weights = {}
        for name, tensor in load_file(folder / "model.safetensors").items():
            if name.startswith("vision_model."):
                name = name.removeprefix("vision_model.")
                for ours, theirs in names.items():
                    name = name.replace(ours, theirs)
                weights[name] = tensor
        self.model.load_state_dict(weights, strict=True)
        self.model = self.model.double().eval()
        side = prepare["size"]
        self.side, self.normal = side, tv.Compose(
            [tv.ToTensor(), tv.Normalize(prepare["mean"], prepare["std"])])

    def pixels(self, picture, resample=3, **_):
        filter = {3: tv.InterpolationMode.BICUBIC, 2: tv.InterpolationMode.BILINEAR}[resample]
        image = tv.Resize(self.side, interpolation=filter)(Image.fromarray(picture))
        return self.normal(tv.CenterCrop(self.side)(image))[None]

    def image(self, pixels):
        return self.model(pixels.double())[0]


def reference(name, folder, **changes):
    return (Eva if name.startswith("jina") else Transformers)(folder, **changes)


def unit(vector):
    return (vector / vector.norm()).detach().numpy()


# --- the files ----------------------------------------------------------------------------------

def digits(vector):
    return [float(f"{x:.8g}") for x in vector]


def pictures_of(name):
    """(name, array) of those that are there: frames of real videos may be missing."""
    made = [(p, stills.make(p)) for p in PLAN[name][0]]
    for left_out in (p for p, array in made if array is None):
        print(f"{name}: no {left_out}: ../shared/media is not there", file=sys.stderr)
    return [(p, array) for p, array in made if array is not None]


def write_golden(name, folder):
    model, wanted = reference(name, folder), models.MODELS[name]()
    pictures = [{"name": p, "sha": stills.sha(a), "vector": digits(unit(model.image(model.pixels(a))))}
                for p, a in pictures_of(name)]
    texts = []
    for text in PLAN[name][1]:
        ids = model.ids(text)
        texts.append({"text": text, "ids": ids, "vector": digits(unit(model.text(ids)))})
    golden = {"made_by": "bench/golden/clip_vectors.py", "versions": VERSIONS, "model": name,
              "weights_sha": models.weights_sha(folder), "dim": wanted.dim,
              "pictures": pictures, "texts": texts}
    path = GOLDEN / f"vectors_{name}.json"
    lines = json.dumps(golden, indent=1, ensure_ascii=True)
    path.write_text(_join_numbers(lines) + "\n")
    spread(name, pictures, texts)


def _join_numbers(text):
    """One line a list of numbers."""
    out, row = [], None
    for line in text.split("\n"):
        bare = line.strip()
        if bare.endswith("[") and ("vector" in bare or "ids" in bare):
            row = [line]
        elif row is not None:
            row.append(bare)
            if bare.startswith("]"):
                out.append("".join(row))
                row = None
        else:
            out.append(line)
    return "\n".join(out)


def spread(name, pictures, texts):
    """Different inputs must have different vectors, else a wrong encoder could pass."""
    for what, rows in (("pictures", pictures), ("texts", texts)):
        pairs = [(float(np.dot(a["vector"], b["vector"])), a.get("name"), b.get("name"))
                 for i, a in enumerate(rows) for b in rows[:i]]
        if pairs:
            print(f"{name} {what}: {len(rows)}, cosines {min(pairs)[0]:.3f} to {max(pairs)[0]:.3f}")
        for likeness, *two in pairs if what == "pictures" else []:
            # frames of real videos are as they are
            assert likeness < 0.98 or "frame" in str(two), f"{name}: {two} are too much alike"


# --- what a wrong implementation would show -----------------------------------------------------

@contextlib.contextmanager
def zeroed(model, ending):
    """Parameters of that name set to 0, for a while."""
    kept = {n: p.data.clone() for n, p in model.model.named_parameters() if n.endswith(ending)}
    for name, parameter in model.model.named_parameters():
        if name in kept:
            parameter.data.zero_()
    yield bool(kept)
    for name, parameter in model.model.named_parameters():
        if name in kept:
            parameter.data.copy_(kept[name])


def vectors(model, name, **pixel_changes):
    images = [unit(model.image(model.pixels(a, **pixel_changes))) for _, a in pictures_of(name)]
    texts = [unit(model.text(model.ids(t))) for t in PLAN[name][1]]
    return np.array(images), np.array(texts)


def eva_changes():
    def crooked(model):  # rows and columns exchanged
        model.model.rope = timm.models.eva.create_rope_embed(
            rope_type="cat", dim=model.model.embed_dim, num_heads=model.model.blocks[0].attn.num_heads,
            in_pixels=False, feat_shape=model.model.patch_embed.grid_size, ref_feat_shape=(16, 16),
            grid_indexing="xy").double()
    def half(model):  # the first half of a head rotated against the second
        for block in model.model.blocks:
            block.attn.rotate_half = True
    def unscaled(model):
        model.model.rope = timm.models.eva.create_rope_embed(
            rope_type="cat", dim=model.model.embed_dim, num_heads=model.model.blocks[0].attn.num_heads,
            in_pixels=False, feat_shape=model.model.patch_embed.grid_size, ref_feat_shape=None).double()
    return {"rope: rows and columns": crooked, "rope: halves": half, "rope: unscaled": unscaled}


class Prepared:
    """A reference whose preprocessing is ours: resized(picture) gives the array before the crop."""

    def __init__(self, inner, rounding, antialias=True):
        self.inner, self.rounding, self.antialias = inner, rounding, antialias
        self.is_squash = not isinstance(inner, Eva) and not inner.is_clip
        self.text, self.ids = getattr(inner, "text", None), getattr(inner, "ids", None)
        if isinstance(inner, Eva):
            self.resize = self.crop = inner.side
        else:
            size, crop = inner.processor.size, inner.processor.crop_size
            self.resize = size.get("shortest_edge") or size["height"]
            self.crop = crop["height"] if crop else self.resize

    def pixels(self, picture, **_):
        h, w = picture.shape[:2]
        new = (self.resize, self.resize) if self.is_squash else (
            int(self.resize * max(1, w / h)), int(self.resize * max(1, h / w)))
        if self.antialias:
            array = np.asarray(Image.fromarray(picture).resize(new, Image.Resampling.BICUBIC))
        else:
            source = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].double()
            small = torch.nn.functional.interpolate(source, new[::-1], mode="bicubic", align_corners=False)
            array = small[0].clamp(0, 255).permute(1, 2, 0).round().byte().numpy()
        x, y = (self.rounding((n - self.crop) / 2) for n in new)
        return self.inner.pixels(array[y:y + self.crop, x:x + self.crop])

    def image(self, pixels):
        return self.inner.image(pixels)


def check_wrong(name, folder):
    right = reference(name, folder)
    images, texts = vectors(right, name)
    found = {}

    def compare(what, model, tolerance=10 * VISION_TOLERANCE, **pixel_changes):
        i, t = vectors(model, name, **pixel_changes)
        moved = max(np.abs(i - images).max(), np.abs(t - texts).max() if len(t) else 0)
        found[what] = moved
        assert moved >= tolerance, f"{name}: {what} moves no vector: {moved:.2e}"

    compare("filter", right, resample=2 if name != "siglip2-small" else 3)
    if isinstance(right, Eva):
        for what, change in eva_changes().items():
            other = Eva(folder)
            change(other)
            compare(what, other)
        endings = ["attn.q_proj.bias", "attn.v_proj.bias", "attn.proj.bias", "mlp.fc2.bias", "norm.bias"]
        compare("epsilon", Eva(folder, norm_layer=lambda n, **k: torch.nn.LayerNorm(n, eps=1e-5)),
                VISION_TOLERANCE)
    else:
        act = right.model.config.vision_config.hidden_act
        for other in {"quick_gelu", "gelu", "gelu_pytorch_tanh"} - {act}:
            # erf and tanh differ by 3e-4 at most: seen, but barely
            near = {act, other} == {"gelu", "gelu_pytorch_tanh"}
            compare(f"activation {other}", Transformers(folder, hidden_act=other),
                    VISION_TOLERANCE / 10 if near else 10 * VISION_TOLERANCE)
        eps = right.model.config.vision_config.layer_norm_eps
        compare("epsilon", Transformers(folder, layer_norm_eps=1e-5 if eps < 1e-5 else 1e-6),
                VISION_TOLERANCE)
        endings = ["q_proj.bias", "k_proj.bias", "v_proj.bias", "out_proj.bias", "fc1.bias", "fc2.bias",
                   "layer_norm1.bias", "layer_norm2.bias"]
        if not right.is_clip:
            pad = right.pad()
            moved = max(np.abs(unit(right.text(right.ids(t), pad=1 - pad)) - v).max()
                        for t, v in zip(PLAN[name][1], texts))
            found["padding"] = moved
            assert moved >= 10 * VISION_TOLERANCE, f"{name}: padding: {moved:.2e}"
    for ending in endings:
        with zeroed(right, ending) as is_there:
            # a key's bias adds the same to a whole row before the softmax: nothing is seen of it
            if is_there and "k_proj" not in ending:
                compare(f"without {ending}", right)
    rough = Prepared(right, int, antialias=False)
    if rough.resize == rough.crop:  # else the reference would resize again
        compare("no antialias", rough)
        if not rough.is_squash:
            # CLIP cuts what is left of a half, jina-clip-v2 rounds it
            compare("crop", Prepared(right, int if isinstance(right, Eva) else round))
    for what, moved in found.items():
        print(f"  {name} wrong by {what}: {moved:.1e}")


def bf16(x):
    return x.float().bfloat16().double()


def int8(x):
    """Per row: of a weight an output channel, of what enters a token."""
    scale = x.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12) / 127
    return (x / scale).round().clamp(-127, 127) * scale


@contextlib.contextmanager
def rounded(model, precision):
    """Products of layers' matrices in bf16 or int8; patches, projections and attention's own as they
    are."""
    kept = []
    for name, layer in model.model.named_modules():
        is_layer = "layers." in name or "blocks." in name
        if isinstance(layer, torch.nn.Linear) and is_layer:
            kept.append((layer, layer.weight.data, layer.forward))
            rough = bf16 if precision == "bf16" else int8
            layer.weight.data = rough(layer.weight.data)
            def forward(x, inner=layer.forward, out=name.rsplit(".", 1)[-1]):
                y = inner(rough(x))
                return bf16(y) if precision == "bf16" and out in ("q_proj", "k_proj", "v_proj") else y
            layer.forward = forward
    yield
    for layer, weight, forward in kept:
        layer.weight.data, layer.forward = weight, forward


def check_precisions(name, folder):
    model = reference(name, folder)
    exact = vectors(model, name)
    for precision, least in (("bf16", 0.9999), ("int8", 0.995)):
        with rounded(model, precision):
            rough = vectors(model, name)
        likeness = [(a * b).sum(axis=1).min() if len(a) else 1.0 for a, b in zip(exact, rough)]
        print(f"  {name} {precision}: least cosine of pictures {likeness[0]:.6f}, of texts {likeness[1]:.6f}")
        spare = 1 - (1 - least) / 2
        assert min(likeness) >= spare, f"{name}: {precision} leaves no room"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*", metavar="MODEL")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_grad_enabled(False)
    GOLDEN.mkdir(exist_ok=True)
    for name in arguments.names or PLAN:
        with tempfile.TemporaryDirectory() as top:
            folder = Path(top) / name
            models.write(name, folder)
            if arguments.check:
                check_precisions(name, folder)
                if "b32" not in name and "16" not in name:
                    check_wrong(name, folder)
            else:
                write_golden(name, folder)


if __name__ == "__main__":
    main()
