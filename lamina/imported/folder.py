"""From the folder of a BERT, as `transformers` and `sentence-transformers` write it, to a model of lamina's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lamina.data.text.encoded import How
from lamina.data.text.pieces import Pieces
from lamina.data.text.reading import TextOrigin, TextReading
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import RunError, nearest, shown
from lamina.imported.berts import FAMILIES, LEFT_OUT, ROBERTAS, WORDS, Family, described, paired, settled
from lamina.imported.byte_vocabulary import read_byte_pieces
from lamina.imported.reading import LARGEST_BYTES, plain
from lamina.imported.vocabulary import read_pieces
from lamina.kinds import Tokens, Value
from lamina.model import Model
from lamina.net import build
from lamina.nets.bert import BERT
from lamina.training import files
from lamina.training.weights import SUGGESTIONS, load_weights

CONFIG, WEIGHTS = "config.json", "model.safetensors"
MODULES, POOLING, SENTENCES = "modules.json", "1_Pooling", "sentence_bert_config.json"
SETTINGS_BYTES = 2**24
POOLS = {"pooling_mode_mean_tokens": "Mean()", "pooling_mode_cls_token": "First()", "pooling_mode_max_tokens": "Max()"}
"""What makes one vector of a text, by what `sentence-transformers` calls it."""

PARTS = ("Transformer", "Pooling", "Normalize")
"""What a model of `sentence-transformers` may consist of."""


class ImportedText(NamedTuple):
    """A model made of a BERT's folder.

    Attributes:
        model: it.
        family: what it is called there.
        tensors: how many were taken.
        left_out: those that were not: heads for tasks, which lamina's ends take the place of.
    """

    model: Model
    family: str
    tensors: int
    left_out: tuple[str, ...]


def import_folder(folder: Path) -> ImportedText:
    """A model from a folder with config.json, model.safetensors, and tokenizer.json or vocab.txt.

    It gives a vector of length 1 for each text: the mean over its tokens, or whatever modules.json says. Its body is
    there to be trained on. Lamina's special tokens stand first, so the vectors of tokens are put into its order.

    Raises:
        RunError: if something is missing or damaged; if settings or tensors are not those of a net that lamina has; if
            the weights are pickled, for a pickle is code.
    """
    config = files.read_json(folder / CONFIG, SETTINGS_BYTES)
    family, bert = described(config, str(folder / CONFIG))
    pieces = read_byte_pieces(folder) if family is ROBERTAS else read_pieces(folder)
    pool = pooling(folder)
    held, left_out = read_weights(folder)
    count, held = len(held), settled(family, held)
    check_vocabulary(pieces, held, config, folder)
    longest = longest_text(folder, bert)
    net = build(f"{bert} >> {pool} >> Direction()", Tokens(len(pieces)), Value(bert.width))
    first = net.body[0]
    assert isinstance(first, BERT)
    fill(first, family, held, pieces, folder / WEIGHTS)
    how: How = "roberta" if family is ROBERTAS else "bert"
    text = TextOrigin(TextReading(tokens=how, context=longest), Tokenizer(how, pieces))
    return ImportedText(Model(net, text=text), family.name, count, left_out)


def read_weights(folder: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors of the encoder, by their names without what stands before all of them; and the names of others.

    Raises:
        RunError: if there are none in one file of safetensors, or they are no finite numbers.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise RunError(f"{folder}: expected {WEIGHTS}, {instead(folder)}")
    if path.stat().st_size > LARGEST_BYTES:
        raise RunError(f"{path}: expected at most {LARGEST_BYTES:,} bytes, got {path.stat().st_size:,}")
    loaded = load_weights(path)
    left_out = tuple(name for name in loaded if LEFT_OUT.fullmatch(name))
    held = plain({name: tensor for name, tensor in loaded.items() if name not in left_out}, path)
    return {modern(name): tensor for name, tensor in held.items()}, left_out


def instead(folder: Path) -> str:
    """What stands there in place of weights that are read, and what to do about it."""
    pickled = sorted(path.name for path in folder.glob("*.bin"))
    parts = sorted(path.name for path in folder.glob("*.safetensors.index.json"))
    whole = "save it anew with transformers' save_pretrained(folder, safe_serialization=True"
    if parts:
        return f"got weights in several files, by {parts[0]}; {whole}, max_shard_size='4GB')"
    if pickled:
        return f"got {pickled[0]}, a pickle, which may hold any code and is never loaded; {whole})"
    return "got no weights; name the folder that holds them"


def modern(name: str) -> str:
    """A tensor's name without the name of its net, and as norms are called today."""
    short = re.sub(rf"^({'|'.join(FAMILIES)})\.", "", name)
    return re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", short))


def fill(bert: BERT, family: Family, held: dict[str, Tensor], pieces: Pieces, path: Path) -> None:
    """Put another system's tensors into a net.

    Raises:
        RunError: listing those that are missing, that it does not have, or that have other shapes.
    """
    pairs = dict(paired(family, bert))
    names = [WORDS, *pairs]
    shapes = {WORDS: bert.embed.table.shape, **{name: ours.shape for name, ours in pairs.items()}}
    missing = [name for name in names if name not in held]
    mistakes = [f"{name!r} is missing" for name in missing]
    for place, name in enumerate(name for name in held if name not in shapes):
        meant = nearest(name, missing) if place < SUGGESTIONS else None
        mistakes.append(f"{name!r} is none of its tensors" + (f"; did you mean {meant!r}?" if meant else ""))
    mistakes += [
        f"{name!r}: expected {tuple(shapes[name])}, got {tuple(held[name].shape)}"
        for name in names
        if name in held and held[name].shape != shapes[name]
    ]
    if mistakes:
        more = [f"and {len(mistakes) - SUGGESTIONS} more"] if len(mistakes) > SUGGESTIONS else []
        listing = "\n".join(f"  - {mistake}" for mistake in [*mistakes[:SUGGESTIONS], *more])
        raise RunError(f"{path} does not fit the net that {CONFIG} describes, {bert}:\n{listing}")
    with torch.no_grad():
        bert.embed.table.copy_(held[WORDS][torch.from_numpy(pieces.order())])
        for name, ours in pairs.items():
            ours.copy_(held[name])


def check_vocabulary(pieces: Pieces, held: dict[str, Tensor], config: dict[str, Any], folder: Path) -> None:
    """Refuse tokens that are not as many as the weights have vectors, or as the settings say.

    Raises:
        RunError: with all three numbers.
    """
    table = held.get(WORDS)
    rows = len(pieces) if table is None else len(table)
    said = config.get("vocab_size", rows)
    if not len(pieces) == rows == said:
        raise RunError(
            f"{folder}: expected as many tokens as vectors, got {len(pieces):,} tokens, {rows:,} vectors of"
            f" {WORDS!r}, and vocab_size={shown(said)}; the tokens are another net's"
        )


def longest_text(folder: Path, bert: BERT) -> int:
    """How many tokens of a text are read: as many as the net knows, or fewer if the folder says so."""
    path = folder / SENTENCES
    said = files.read_json(path, SETTINGS_BYTES).get("max_seq_length") if path.is_file() else None
    return min(bert.longest, said) if isinstance(said, int) and said > 2 else bert.longest


def pooling(folder: Path) -> str:
    """What makes one vector of the tokens' vectors: the mean, if the folder does not say.

    Raises:
        RunError: if the folder says what lamina has no word for.
    """
    path = folder / MODULES
    if not path.is_file():
        return "Mean()"
    try:
        modules = files.parse_json(files.read(path, SETTINGS_BYTES))
        kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise RunError(f"{path}: expected a list of modules with the type of each") from None
    if strange := [kind for kind in kinds if kind not in PARTS]:
        raise RunError(f"{path}: expected {', '.join(PARTS)}, got {shown(strange[0])}, which cannot be imported")
    place = folder / POOLING / CONFIG
    if "Pooling" not in kinds or not place.is_file():
        return "Mean()"
    said = files.read_json(place, SETTINGS_BYTES)
    modes = [name for name, value in said.items() if name.startswith("pooling_mode_") and value is True]
    if isinstance(said.get("pooling_mode"), str):
        modes = [f"pooling_mode_{said['pooling_mode']}_tokens".replace("cls_tokens", "cls_token")]
    if len(modes) != 1 or modes[0] not in POOLS:
        raise RunError(f"{place}: expected one of {', '.join(POOLS)}, got {', '.join(modes) or 'none'}")
    return POOLS[modes[0]]


def is_folder_of_text(path: Path) -> bool:
    """Whether a path is a folder with a net's settings."""
    return path.is_dir() and (path / CONFIG).is_file()


def as_json(value: Any) -> bytes:
    """A value as these folders have it."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
