"""From a model of lamina's to the folder of a BERT, as `transformers` and `sentence-transformers` read it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor

from lamina.data.text.byte_pieces import BytePieces
from lamina.data.text.pieces import Pieces, library_of
from lamina.ends.direction import Direction
from lamina.errors import RunError
from lamina.imported.berts import BERTS, DISTILBERTS, WORDS, Family, configured, paired
from lamina.imported.folder import CONFIG, MODULES, POOLING, POOLS, SENTENCES, WEIGHTS, as_json
from lamina.imported.vocabulary import SETTINGS, TOKENIZER, VOCABULARY
from lamina.model import Model
from lamina.nets.bert import BERT
from lamina.training import files

PADDING, MASK = "[PAD]", "[MASK]"
ROLES = ("unk_token", "cls_token", "sep_token")
SENTENCE_MODULES = (("0", "", "Transformer"), ("1", POOLING, "Pooling"), ("2", "2_Normalize", "Normalize"))


class Exported(NamedTuple):
    """What was written.

    Attributes:
        family: the `model_type` there.
        tensors: how many.
        left_out: the stages behind the encoder that have no place there.
    """

    family: str
    tensors: int
    left_out: tuple[str, ...]


def export_model(model: Model, folder: Path) -> Exported:
    """Write the encoder of a model, its tokens, and how it makes a vector of a text; all of it or nothing.

    The rows of its table stand in the order that the vocabulary had where it came from. The other system's pooler is
    not there: it belongs to no encoder, and is drawn anew where it is asked for.

    Args:
        model: its first stage is a `BERT`, and its tokens are a BERT's, as `lamina import` makes them.
        folder: where to; nothing is there yet.

    Raises:
        RunError: if the model has another net or other tokens, or something is in the folder.
        OSError: if the disk fails.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder}: expected a folder that is not there yet, or is empty; name another")
    bert, pieces = encoder_of(model), pieces_of(model)
    family = BERTS if bert.segments else DISTILBERTS
    if family is DISTILBERTS and bert.epsilon != BERT.epsilon:
        raise RunError(f"{bert}: without segments it is a DistilBERT, whose epsilon is {BERT.epsilon}")
    pool = pooled_by(model)
    assert model.text is not None
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = files.draft_of(folder)
    try:
        tensors = write_encoder(draft, family, bert, pieces)
        write_tokens(draft, pieces, model.text.context)
        if pool is not None:
            write_sentences(draft, pool, bert.width, model.text.context)
        files.sync_folder(draft)
        if folder.exists():
            folder.rmdir()
        files.publish(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    behind = (*model.net.body.stages[1:], model.net.end)
    return Exported(family.name, tensors, () if pool is not None else tuple(map(str, behind)))


def encoder_of(model: Model) -> BERT:
    """The first stage, which must be a BERT."""
    first = model.net.body[0]
    if not isinstance(first, BERT):
        raise RunError(f"{model.net.sentence()}: expected a net that begins with BERT(...), got {first}")
    return first


def pieces_of(model: Model) -> Pieces:
    """The tokens, which must be a BERT's."""
    coder = None if model.text is None else model.text.input.coder
    if not isinstance(coder, Pieces) or isinstance(coder, BytePieces):
        came = "none" if model.text is None else f"tokens={model.text.input.how!r}"
        raise RunError(f"expected a model whose tokens are a BERT's, as lamina import makes them, got {came}")
    return coder


def pooled_by(model: Model) -> str | None:
    """What `sentence-transformers` calls the stage that makes one vector of a text, if that is all there is."""
    names = {sentence: name for name, sentence in POOLS.items()}
    fits = len(model.net.body) == 2 and isinstance(model.net.end, Direction)
    return names.get(str(model.net.body[1])) if fits else None


def write_encoder(folder: Path, family: Family, bert: BERT, pieces: Pieces) -> int:
    """Write the settings and the weights."""
    folder.mkdir()
    table = torch.empty_like(bert.embed.table.data)
    table[torch.from_numpy(pieces.order())] = bert.embed.table.data
    held: dict[str, Tensor] = {WORDS: table, **dict(paired(family, bert))}
    config = configured(family, bert, len(pieces))
    vocabulary = pieces.vocabulary()
    config["pad_token_id"] = vocabulary.index(PADDING) if PADDING in vocabulary else 0
    files.write(folder / CONFIG, as_json(config))
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in held.items()}
    # Readers of these folders ask which system wrote the tensors.
    safetensors.torch.save_file(plain, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / WEIGHTS).chmod(folder.stat().st_mode & 0o666)
    files.settle(folder / WEIGHTS)
    return len(plain)


def write_tokens(folder: Path, pieces: Pieces, longest: int) -> None:
    """Write the vocabulary, and how texts are cut: as a list and settings, and as the library has it."""
    from tokenizers import AddedToken, decoders, processors

    vocabulary = pieces.vocabulary()
    special = [name for name in (*pieces.names, PADDING, MASK) if name in vocabulary]
    library = library_of(vocabulary, pieces.names[0], pieces.normal)
    library.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in special])
    _, first, last = pieces.names
    library.post_processor = processors.TemplateProcessing(
        single=f"{first}:0 $A:0 {last}:0",
        pair=f"{first}:0 $A:0 {last}:0 $B:1 {last}:1",
        special_tokens=[(first, vocabulary.index(first)), (last, vocabulary.index(last))],
    )
    library.decoder = decoders.WordPiece()
    files.write(folder / TOKENIZER, json.dumps(json.loads(library.to_str()), ensure_ascii=False).encode())
    files.write(folder / VOCABULARY, "".join(f"{part}\n" for part in vocabulary).encode())
    said: dict[str, Any] = dict(zip(ROLES, pieces.names, strict=True))
    said |= {role: name for role, name in (("pad_token", PADDING), ("mask_token", MASK)) if name in vocabulary}
    said |= {"do_lower_case": pieces.normal.lower, "strip_accents": pieces.normal.accents}
    said |= {"tokenize_chinese_chars": pieces.normal.chinese, "model_max_length": longest}
    files.write(folder / SETTINGS, as_json({**said, "tokenizer_class": "BertTokenizer"}))


def write_sentences(folder: Path, pool: str, width: int, longest: int) -> None:
    """Write what `sentence-transformers` reads: how a text becomes one vector of length 1."""
    kinds = "sentence_transformers.models"
    modules = [
        {"idx": place, "name": name, "path": path, "type": f"{kinds}.{kind}"}
        for place, (name, path, kind) in enumerate(SENTENCE_MODULES)
    ]
    files.write(folder / MODULES, as_json(modules))
    files.write(folder / SENTENCES, as_json({"max_seq_length": longest, "do_lower_case": False}))
    (folder / POOLING).mkdir()
    modes = {name: name == pool for name in POOLS}
    files.write(folder / POOLING / CONFIG, as_json({"word_embedding_dimension": width, **modes}))
