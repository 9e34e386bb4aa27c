"""A BERT of another system, written by hand: its folder, and what it computes, head by head."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

VOCABULARY = (
    "[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "dog", "run", "##s", "##ning", "cafe", ".", "!", "東",
    "[", "]", "se", "##p",
)  # fmt: skip
LAYERS, HEADS, WIDTH, HIDDEN, LONGEST = 2, 3, 6, 11, 13

CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "vocab_size": len(VOCABULARY),
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "hidden_size": WIDTH,
    "intermediate_size": HIDDEN,
    "max_position_embeddings": LONGEST,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
}
DISTIL: dict[str, Any] = {
    "model_type": "distilbert",
    "vocab_size": len(VOCABULARY),
    "n_layers": LAYERS,
    "n_heads": HEADS,
    "dim": WIDTH,
    "hidden_dim": HIDDEN,
    "max_position_embeddings": LONGEST,
    "activation": "gelu",
}
DISTIL_NAMES = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
    "encoder.layer": "transformer.layer",
}


def tensors(seed: int = 0) -> dict[str, Tensor]:
    """Random weights by the names that they have there."""
    random = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random) * 0.5

    found = {
        "embeddings.word_embeddings.weight": drawn(len(VOCABULARY), WIDTH),
        "embeddings.position_embeddings.weight": drawn(LONGEST, WIDTH),
        "embeddings.token_type_embeddings.weight": drawn(2, WIDTH),
        "embeddings.LayerNorm.weight": drawn(WIDTH) + 1,
        "embeddings.LayerNorm.bias": drawn(WIDTH),
    }
    sizes = {
        "attention.self.query": (WIDTH, WIDTH),
        "attention.self.key": (WIDTH, WIDTH),
        "attention.self.value": (WIDTH, WIDTH),
        "attention.output.dense": (WIDTH, WIDTH),
        "attention.output.LayerNorm": (WIDTH,),
        "intermediate.dense": (HIDDEN, WIDTH),
        "output.dense": (WIDTH, HIDDEN),
        "output.LayerNorm": (WIDTH,),
    }
    for layer in range(LAYERS):
        for name, size in sizes.items():
            found[f"encoder.layer.{layer}.{name}.weight"] = drawn(*size)
            found[f"encoder.layer.{layer}.{name}.bias"] = drawn(size[0])
    return found


def distilled(held: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights by DistilBERT's names, without segments."""
    found = dict[str, Tensor]()
    for name, tensor in held.items():
        if "token_type" in name:
            continue
        # The norm and the dense layer behind attention end in what those behind the dense layers are called.
        for theirs, new in DISTIL_NAMES.items():
            name = (
                name.replace(f".{theirs}.", f".{new}.") if ".attention." in name or "attention" not in theirs else name
            )
            name = name.replace(f"{theirs}.", f"{new}.") if theirs == "encoder.layer" else name
        found[f"distilbert.{name}"] = tensor
    return found


def hidden(held: dict[str, Tensor], tokens: list[int]) -> Tensor:
    """What the net gives for one text of their tokens, (T, D): a plain loop over layers and heads."""
    ended = [number for number, token in enumerate(tokens) if token == VOCABULARY.index("[SEP]")]
    segments = [int(bool(ended) and place > ended[0]) for place in range(len(tokens))]
    h = held["embeddings.word_embeddings.weight"][tokens] + held["embeddings.position_embeddings.weight"][: len(tokens)]
    if "embeddings.token_type_embeddings.weight" in held:
        h = h + held["embeddings.token_type_embeddings.weight"][segments]
    h = normed(held, "embeddings.LayerNorm", h)
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        query, key, value = (affine(held, f"{name}.attention.self.{part}", h) for part in ("query", "key", "value"))
        size, found = WIDTH // HEADS, []
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            weights = (query[:, part] @ key[:, part].T / math.sqrt(size)).softmax(1)
            found.append(weights @ value[:, part])
        merged = affine(held, f"{name}.attention.output.dense", torch.cat(found, 1))
        h = normed(held, f"{name}.attention.output.LayerNorm", h + merged)
        wide = affine(held, f"{name}.intermediate.dense", h)
        bent = wide * 0.5 * (1 + torch.erf(wide / math.sqrt(2)))
        h = normed(held, f"{name}.output.LayerNorm", h + affine(held, f"{name}.output.dense", bent))
    return h


def affine(held: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return x @ held[f"{name}.weight"].T + held[f"{name}.bias"]


def normed(held: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, (WIDTH,), held[f"{name}.weight"], held[f"{name}.bias"], 1e-12)


def written(
    folder: Path,
    held: dict[str, Tensor],
    config: dict[str, Any] | None = None,
    vocabulary: tuple[str, ...] = VOCABULARY,
) -> Path:
    """The folder of a net, with vocab.txt."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config or CONFIG))
    (folder / "vocab.txt").write_text("".join(f"{part}\n" for part in vocabulary), encoding="utf-8")
    safetensors.torch.save_file(held, folder / "model.safetensors")
    return folder
