"""RoBERTa from elsewhere: its tokens, its positions, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import berts
import pytest
import safetensors.torch
import torch
from torch import Tensor

import lamina as la
from lamina.data.text.byte_pieces import BytePieces
from lamina.data.text.subwords import letters_of_bytes
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import RunError
from lamina.imported.export import export_model
from lamina.imported.folder import import_folder
from lamina.kinds import Padded

NAMES = ("<s>", "<pad>", "</s>", "<unk>")
MERGES = [("d", "o"), ("do", "g"), ("Ġ", "dog"), ("Ġ", "a")]
VOCABULARY = (*NAMES, *letters_of_bytes(), *("".join(pair) for pair in MERGES), "<mask>")
NUMBER = {part: number for number, part in enumerate(VOCABULARY)}
CONFIG: dict[str, Any] = berts.CONFIG | {
    "model_type": "roberta",
    "vocab_size": len(VOCABULARY),
    "type_vocab_size": 1,
    "max_position_embeddings": berts.LONGEST,
}


def held() -> dict[str, Tensor]:
    """Random weights, with a vector for each of the tokens, and one segment."""
    found = berts.tensors()
    random = torch.Generator().manual_seed(1)
    found["embeddings.word_embeddings.weight"] = torch.randn(len(VOCABULARY), berts.WIDTH, generator=random)
    found["embeddings.token_type_embeddings.weight"] = found["embeddings.token_type_embeddings.weight"][:1]
    return found


def written(folder: Path, config: dict[str, Any] = CONFIG, **changed: Any) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    vocabulary = changed.get("vocabulary", NUMBER)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    merges = changed.get("merges", [" ".join(pair) for pair in MERGES])
    (folder / "merges.txt").write_text("".join(f"{line}\n" for line in ["#version: 0.2", *merges]), encoding="utf-8")
    tensors = {f"roberta.{name}": tensor.clone() for name, tensor in held().items()}
    head = {"lm_head.dense.weight": torch.ones(2, 2)}
    safetensors.torch.save_file(tensors | head, folder / "model.safetensors")
    return folder


def test_positions_count_from_two_and_the_one_segment_is_added(tmp_path: Path) -> None:
    found = import_folder(written(tmp_path / "there"))
    assert (found.family, found.left_out, found.tensors) == ("roberta", ("lm_head.dense.weight",), len(held()))
    net = found.model.net
    assert str(net.body) == "BERT(2, heads=3, width=6, hidden=11, longest=11, segments=0) >> Mean()"
    theirs = [NUMBER["<s>"], NUMBER["a"], NUMBER["Ġdog"], NUMBER["</s>"]]
    # A net whose first position is the third of these, as RoBERTa counts.
    moved = held() | {"embeddings.position_embeddings.weight": held()["embeddings.position_embeddings.weight"][2:]}
    moved["embeddings.token_type_embeddings.weight"] = moved["embeddings.token_type_embeddings.weight"].expand(2, -1)
    text = found.model.text
    assert text is not None
    ours = torch.tensor([[1, *text.input.encode("a dog"), 2]])
    with torch.no_grad():
        out = net.body[0](Padded(ours, torch.ones(1, 4, dtype=torch.bool))).values[0]
    torch.testing.assert_close(out, berts.hidden(moved, theirs))


def test_bytes_are_joined_and_special_tokens_are_no_text(tmp_path: Path) -> None:
    model = import_folder(written(tmp_path / "there")).model
    assert model.text is not None
    tokenizer = model.text.input
    coder = tokenizer.coder
    assert isinstance(coder, BytePieces)
    assert tokenizer.tokens()[:3] == ["<unknown>", "<begin>", "<end>"]
    assert tokenizer.begins
    there = [coder.vocabulary()[number] for number in coder.order()[tokenizer.encode("a dog dogé")]]
    assert there == ["a", "Ġdog", "Ġdog", "Ã", "©"]
    assert tokenizer.decode(tokenizer.encode("a  dogé 東\n")) == "a  dogé 東\n"
    assert {coder.number("<s>"), coder.number("<mask>")}.isdisjoint(tokenizer.encode("<s><mask>"))
    assert coder.spanned("a dog").spans.tolist() == [[0, 1], [2, 5]]
    assert list(coder.vocabulary()) == list(VOCABULARY)


def test_a_model_that_was_saved_reads_texts_as_before(tmp_path: Path) -> None:
    model = import_folder(written(tmp_path / "there")).model
    model.save(tmp_path / "model")
    again = la.load(tmp_path / "model")
    assert torch.equal(again.embed(["a dog", "dogs"]), model.embed(["a dog", "dogs"]))
    assert model.text is not None
    kept = Tokenizer.from_json(model.text.input.to_json())
    assert kept.encode("a dog") == model.text.input.encode("a dog")


def test_a_tagger_begins_from_a_roberta(tmp_path: Path) -> None:
    model = import_folder(written(tmp_path / "there")).model
    model.save(tmp_path / "model")
    path = tmp_path / "dogs.conll"
    path.write_text("".join(f"a O\ndog{'s' * (n % 3)} B-DOG\nruns O\n{n} O\n\n" for n in range(37)))
    settings = {"steps": 2, "threads": 1, "display": None, "layer_decay": 0.5, "unfreeze": 0.3}
    run = la.train(None, str(path), start=tmp_path / "model", out=tmp_path / "run", **settings)
    assert run.plan.net == "BERT(2, heads=3, width=6, hidden=11, longest=11, segments=0) >> Tag()"
    assert len(la.load(run.folder).tag(["a dog runs"])[0]) == 3


def test_what_cannot_be_written_back_is_said(tmp_path: Path) -> None:
    model = import_folder(written(tmp_path / "there")).model
    with pytest.raises(RunError) as error:
        export_model(model, tmp_path / "back")
    assert str(error.value) == (
        "expected a model whose tokens are a BERT's, as lamina import makes them, got tokens='roberta'"
    )


@pytest.mark.parametrize(("changed", "message"), [
    ({"vocabulary": {"<s>": 1}}, "vocab.json: expected tokens with the numbers 0, 1, ..., each once"),
    ({"vocabulary": {part: n for n, part in enumerate(VOCABULARY[4:])}}, "vocab.json: expected <unk>, <s>, </s> and every byte"
     " among its tokens; <unk> is not there"),
    ({"merges": ["d o", "g g"]}, "vocab.json: expected merges of two tokens that make a third, got ['g', 'g']"),
    ({"vocabulary": NUMBER | {"東": len(VOCABULARY)}}, "vocab.json: expected tokens of bytes, got '東'"),
])  # fmt: skip
def test_tokens_that_are_none_are_refused(tmp_path: Path, changed: dict, message: str) -> None:
    with pytest.raises(RunError) as error:
        import_folder(written(tmp_path / "there", **changed))
    assert str(error.value) == f"{tmp_path / 'there'}/{message}"


@pytest.mark.parametrize(("said", "message"), [
    ({"model": {"type": "WordPiece"}}, "expected model with type='BPE', as RoBERTa has it, got 'WordPiece'"),
    ({"model": {"type": "BPE"}, "normalizer": {"type": "NFC"}}, "expected no normalizer, as RoBERTa has none, got"
     " {'type': 'NFC'}"),
    ({"model": {"type": "BPE"}, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}},
     "expected pre_tokenizer with add_prefix_space=False, as RoBERTa has it, got True"),
])  # fmt: skip
def test_texts_that_are_cut_otherwise_are_refused(tmp_path: Path, said: dict, message: str) -> None:
    folder = written(tmp_path / "there")
    (folder / "tokenizer.json").write_text(json.dumps(said))
    with pytest.raises(RunError) as error:
        import_folder(folder)
    assert str(error.value) == f"{folder}/tokenizer.json: {message}"


def test_a_folder_without_tokens_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "there")
    (folder / "merges.txt").unlink()
    with pytest.raises(RunError) as error:
        import_folder(folder)
    assert str(error.value) == (
        f"{folder}: expected tokenizer.json, or vocab.json and merges.txt, with the tokens of the net, got none"
    )
