"""BERT and its kin as `transformers` names their settings and tensors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from lamina.errors import Problems, RunError, shown
from lamina.layers.norm import LayerNorm
from lamina.layers.transformer import Layer
from lamina.nets.bert import BERT

DENSE = {"weight": "weight", "bias": "offset"}
NORM = {"weight": "scale", "bias": "shift"}


@dataclass(frozen=True)
class Family:
    """What one of the systems calls things.

    Attributes:
        name: the `model_type` of its config.json.
        sizes: the key there of each setting of `BERT`.
        skips: the rows that the table of positions begins with, which no text ever has.
        fixed: what lamina's `BERT` always is: keys with the value that they must have, or be left out.
        layer: what stands before the number of a layer.
        inside: within a layer: query, key and value; what merges them; the norm; two dense layers; the norm.
    """

    name: str
    sizes: dict[str, str]
    layer: str
    inside: tuple[str, str, str, str, str, str, str, str]
    skips: int = 0
    fixed: dict[str, Any] = field(default_factory=dict)


BERTS = Family(
    "bert",
    {
        "layers": "num_hidden_layers",
        "heads": "num_attention_heads",
        "width": "hidden_size",
        "hidden": "intermediate_size",
        "longest": "max_position_embeddings",
        "segments": "type_vocab_size",
        "epsilon": "layer_norm_eps",
        "dropout": "hidden_dropout_prob",
    },
    "encoder.layer",
    (
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "attention.output.LayerNorm",
        "intermediate.dense",
        "output.dense",
        "output.LayerNorm",
    ),
    fixed={
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
    },
)

DISTILBERTS = Family(
    "distilbert",
    {
        "layers": "n_layers",
        "heads": "n_heads",
        "width": "dim",
        "hidden": "hidden_dim",
        "longest": "max_position_embeddings",
        "dropout": "dropout",
    },
    "transformer.layer",
    (
        "attention.q_lin",
        "attention.k_lin",
        "attention.v_lin",
        "attention.out_lin",
        "sa_layer_norm",
        "ffn.lin1",
        "ffn.lin2",
        "output_layer_norm",
    ),
    fixed={"activation": "gelu"},
)

ROBERTAS = replace(
    BERTS,
    name="roberta",
    sizes={name: key for name, key in BERTS.sizes.items() if name != "segments"},
    skips=2,
    fixed=BERTS.fixed | {"pad_token_id": 1},
)
"""Source: Liu et al. 2019. Positions count from 2, behind that of padding; all tokens are of one segment."""

FAMILIES = {family.name: family for family in (BERTS, DISTILBERTS, ROBERTAS)}

USUAL: dict[str, Any] = {"type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_dropout_prob": 0.1, "dropout": 0.1}
"""What those systems take for a key of config.json that is left out."""

WORDS = "embeddings.word_embeddings.weight"
POSITIONS, SEGMENTS = "embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight"

LEFT_OUT = re.compile(
    r"(.*\.)?embeddings\.(position_ids|token_type_ids)|(.*\.)?pooler\..*|(cls|classifier|qa_outputs|pre_classifier)\..*"
    r"|(vocab_(transform|layer_norm|projector)|lm_head)\..*"
)
"""Tensors that are no part of the encoder: counters, and heads for one task or another."""


def described(config: dict[str, Any], where: str) -> tuple[Family, BERT]:
    """The family of a net, and the net as lamina's word says it.

    Args:
        config: what is in its config.json.
        where: that file.

    Raises:
        RunError: naming every setting that is missing, or that lamina's net does not have.
    """
    family = FAMILIES.get(str(config.get("model_type")))
    if family is None:
        known = " or ".join(map(repr, FAMILIES))
        raise RunError(f"{where}: expected model_type={known}, got {shown(config.get('model_type'))}")
    sizes: dict[str, Any] = {name: config.get(key, USUAL.get(key)) for name, key in family.sizes.items()}
    sizes.setdefault("segments", 0)
    problems = Problems()
    for name, key in family.sizes.items():
        if sizes[name] is None:
            problems.extend([f"{key} is missing"])
    for key, value in family.fixed.items():
        if config.get(key, value) != value:
            problems.extend([f"{key}={shown(config[key])}, but lamina's BERT has {value!r} alone"])
    if isinstance(sizes["longest"], int):
        sizes["longest"] -= family.skips
    problems.raise_as(RunError, f"{where} describes a net that cannot be imported")
    if isinstance(sizes["width"], int) and sizes["hidden"] == 4 * sizes["width"]:
        sizes["hidden"] = 0
    try:
        return family, BERT(**sizes)
    except ValueError as error:
        raise RunError(f"{where}: {error}") from None


def paired(family: Family, bert: BERT) -> Iterator[tuple[str, Tensor]]:
    """The names of a net's tensors there, but for the vectors of tokens, each with the part of lamina's own for it."""
    assert bert.positions.weight is not None
    yield POSITIONS, bert.positions.weight.data
    if bert.segment is not None:
        yield SEGMENTS, bert.segment.data
    yield from named("embeddings.LayerNorm", bert.norm, NORM)
    for number, layer in enumerate(bert.encoder.each()):
        for name, tensor in within(family, layer, bert.width):
            yield f"{family.layer}.{number}.{name}", tensor


def settled(family: Family, held: dict[str, Tensor]) -> dict[str, Tensor]:
    """Another system's tensors as lamina's net has them: of positions that no text has, nothing is kept.

    A RoBERTa adds the vector of its one segment to that of each position.
    """
    table, segments = held.get(POSITIONS), held.get(SEGMENTS)
    if not family.skips or table is None or table.dim() != 2 or len(table) <= family.skips:
        return held
    table = table[family.skips :]
    if segments is not None and segments.shape[1:] == table.shape[1:] and len(segments):
        table = table + segments[0]
    return {name: tensor for name, tensor in held.items() if name != SEGMENTS} | {POSITIONS: table}


def within(family: Family, layer: Layer, width: int) -> Iterator[tuple[str, Tensor]]:
    """The same of one layer."""
    *three, merge, first, wide, narrow, second = family.inside
    for place, name in enumerate(three):
        rows = slice(place * width, (place + 1) * width)
        for theirs, ours in DENSE.items():
            yield f"{name}.{theirs}", getattr(layer.attention.project, ours).data[rows]
    yield from named(merge, layer.attention.merge, DENSE)
    yield from named(first, as_norm(layer.norms[0]), NORM)
    yield from named(wide, layer.inner[0], DENSE)
    yield from named(narrow, layer.inner[2], DENSE)
    yield from named(second, as_norm(layer.norms[1]), NORM)


def named(name: str, stage: Any, tensors: dict[str, str]) -> Iterator[tuple[str, Tensor]]:
    """A stage's tensors by their names there."""
    for theirs, ours in tensors.items():
        yield f"{name}.{theirs}", getattr(stage, ours).data


def as_norm(module: Any) -> LayerNorm:
    """A norm of a list of modules, which are of no type to a checker of types."""
    assert isinstance(module, LayerNorm)
    return module


def configured(family: Family, bert: BERT, vocabulary: int) -> dict[str, Any]:
    """What config.json says of a net."""
    sizes = {key: bert.values()[name] for name, key in family.sizes.items()}
    sizes[family.sizes["hidden"]] = bert.hidden or 4 * bert.width
    attention = {"attention_probs_dropout_prob": 0.0} if family is BERTS else {"attention_dropout": 0.0}
    architecture = "BertModel" if family is BERTS else "DistilBertModel"
    said = {"architectures": [architecture], "model_type": family.name, "vocab_size": vocabulary, "pad_token_id": 0}
    return said | sizes | family.fixed | attention | {"initializer_range": 0.02}
