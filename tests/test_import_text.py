"""BERTs of another system: the same vectors, both ways; and what cannot be imported is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import berts
import numpy as np
import pytest
import safetensors.torch
import torch
from command.conftest import called
from torch import Tensor

import lamina as la
from lamina.embedding import embedded, ranked, width_of
from lamina.errors import DataError, RunError
from lamina.imported.export import export_model
from lamina.imported.folder import import_folder
from lamina.kinds import Label, Padded, Tokens, Value
from lamina.model import Model
from lamina.net import build

TEXTS = ["a dog runs.", "", "東 zebra! CAFÉ", "a dog " * 7, "runs"]
THEIRS = [
    ["[CLS]", "a", "dog", "run", "##s", ".", "[SEP]"],
    ["[CLS]", "[SEP]"],
    ["[CLS]", "東", "[UNK]", "!", "cafe", "[SEP]"],
    ["[CLS]", *["a", "dog"] * 5, "a", "[SEP]"],  # 13 positions
    ["[CLS]", "run", "##s", "[SEP]"],
]


def numbers(parts: list[str]) -> list[int]:
    return [berts.VOCABULARY.index(part) for part in parts]


def expected(held: dict[str, Tensor]) -> Tensor:
    """The mean over the positions of each text, of length 1."""
    means = torch.stack([berts.hidden(held, numbers(parts)).mean(0) for parts in THEIRS])
    return means / means.norm(dim=1, keepdim=True)


def minilm(folder: Path, **config: Any) -> Path:
    return berts.written(folder, berts.tensors(), {**berts.CONFIG, **config})


def test_a_bert_gives_the_vectors_that_it_gave_there(tmp_path: Path) -> None:
    found = import_folder(minilm(tmp_path / "there"))
    assert found.model.net.sentence() == "BERT(2, heads=3, width=6, hidden=11, longest=13) >> Mean() >> Direction()"
    assert (found.family, found.tensors, found.left_out) == ("bert", 37, ())
    torch.testing.assert_close(found.model.embed(TEXTS), expected(berts.tensors()), rtol=1e-5, atol=1e-5)


def test_each_position_of_a_padded_batch_and_of_a_pair_is_as_there(tmp_path: Path) -> None:
    model = import_folder(minilm(tmp_path / "there")).model
    there = [*map(numbers, THEIRS), numbers(["[CLS]", "a", "[SEP]", "dog", "run", "[SEP]"])]
    here = torch.from_numpy(model.text.input.coder.order()).argsort()
    values = torch.zeros(len(there), 13, dtype=torch.long)
    visible = torch.arange(13) < torch.tensor([len(row) for row in there])[:, None]
    for place, row in enumerate(there):
        values[place, : len(row)] = here[row]
    h = model.net.body[0](Padded(values, visible)).values.detach()
    for place, row in enumerate(there):
        torch.testing.assert_close(h[place, : len(row)], berts.hidden(berts.tensors(), row), rtol=1e-5, atol=1e-5)


def test_a_distilbert_is_one_without_segments(tmp_path: Path) -> None:
    held = berts.tensors()
    found = import_folder(berts.written(tmp_path / "there", berts.distilled(held), berts.DISTIL))
    del held["embeddings.token_type_embeddings.weight"]
    assert str(found.model.net.body[0]) == "BERT(2, heads=3, width=6, hidden=11, longest=13, segments=0)"
    torch.testing.assert_close(found.model.embed(TEXTS), expected(held), rtol=1e-5, atol=1e-5)


def test_names_of_old_and_heads_for_tasks_do_no_harm(tmp_path: Path) -> None:
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    held = dict[str, Tensor]()
    for name, tensor in berts.tensors().items():
        for new, before in old.items():
            name = name.replace(new, before)
        held[f"bert.{name}"] = tensor
    more = {
        "bert.embeddings.position_ids": torch.arange(13)[None],
        "bert.pooler.dense.weight": torch.ones(6, 6),
        "cls.predictions.bias": torch.ones(7),
        "classifier.weight": torch.ones(2, 6),
    }
    found = import_folder(berts.written(tmp_path / "there", held | more))
    assert sorted(found.left_out) == sorted(more)
    torch.testing.assert_close(found.model.embed(TEXTS), expected(berts.tensors()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("segments", [0, 2])
def test_what_is_exported_is_what_was_imported(tmp_path: Path, segments: int) -> None:
    held = berts.tensors()
    family = (held, berts.CONFIG) if segments else (berts.distilled(held), berts.DISTIL)
    first = import_folder(berts.written(tmp_path / "there", *family))
    name = "bert" if segments else "distilbert"
    out = tmp_path / "back" / "again"
    assert export_model(first.model, out) == (name, 37 if segments else 36, ())
    written = safetensors.torch.load_file(out / "model.safetensors")
    wanted = {key.removeprefix("distilbert."): tensor for key, tensor in family[0].items()}
    assert set(written) == set(wanted)
    assert all(torch.equal(written[key], wanted[key]) for key in wanted)
    assert (out / "vocab.txt").read_text(encoding="utf-8").splitlines() == list(berts.VOCABULARY)
    config = json.loads((out / "config.json").read_text())
    assert config.items() >= family[1].items()
    assert config["pad_token_id"] == 0
    assert json.loads((out / "1_Pooling" / "config.json").read_text())["pooling_mode_mean_tokens"] is True
    again = import_folder(out).model
    assert again.text is not None
    assert first.model.text is not None
    assert again.text.input.digest == first.model.text.input.digest
    assert torch.equal(again.embed(TEXTS), first.model.embed(TEXTS))
    (out / "tokenizer.json").unlink()  # the list says the same
    read = import_folder(out).model.text
    assert read is not None
    assert read.input.digest == first.model.text.input.digest


def test_only_what_has_a_place_there_is_exported(tmp_path: Path) -> None:
    model = import_folder(minilm(tmp_path / "there")).model
    classifier = build("BERT(2, 3, 6, hidden=11, longest=13) >> First() >> Classify()", model.net.given, Label(2))
    told = Model(classifier, text=model.text)
    assert export_model(told, tmp_path / "out").left_out == ("First()", "Classify()")
    assert not (tmp_path / "out" / "modules.json").exists()
    for made, message in (
        (
            Model(build("Embed(3) >> Mean() >> Classify()", Tokens(19), Label(2)), text=model.text),
            "Embed(3) >> Mean() >> Classify(): expected a net that begins with BERT(...), got Embed(3)",
        ),
        (Model(classifier), "expected a model whose tokens are a BERT's, as lamina import makes them, got none"),
        (
            Model(build("BERT(1, 1, 6, segments=0, epsilon=0.1) >> Mean() >> Direction()", Tokens(19), Value(6)),
                  text=model.text),
            "BERT(1, heads=1, width=6, segments=0, epsilon=0.1): without segments it is a DistilBERT, whose epsilon is"
            " 1e-12",
        ),
        (told, f"{tmp_path / 'out'}: expected a folder that is not there yet, or is empty; name another"),
    ):  # fmt: skip
        with pytest.raises(RunError) as error:
            export_model(made, tmp_path / ("out" if made is told else "other"))
        assert str(error.value) == message
        assert not (tmp_path / "other").exists()


def pooled(folder: Path, types: list[str], said: dict[str, Any]) -> Path:
    minilm(folder)
    (folder / "modules.json").write_text(
        json.dumps([{"type": f"sentence_transformers.models.{each}"} for each in types])
    )
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(said))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 5}))
    return folder


@pytest.mark.parametrize(
    ("said", "pool"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "First()"),
        ({"pooling_mode_max_tokens": True}, "Max()"),
        ({"pooling_mode": "mean"}, "Mean()"),
        ({"pooling_mode": "cls"}, "First()"),
    ],
)
def test_the_folder_says_how_a_vector_is_made_and_of_how_many_tokens(
    tmp_path: Path, said: dict[str, Any], pool: str
) -> None:
    model = import_folder(pooled(tmp_path / "there", ["Transformer", "Pooling", "Normalize"], said)).model
    assert str(model.net.body[1]) == pool
    assert model.text is not None
    assert model.text.context == 5
    torch.testing.assert_close(model.embed(["a dog runs."]), model.embed(["a dog run zebra"])[:1])


def test_a_vector_that_is_made_otherwise_is_refused(tmp_path: Path) -> None:
    there = pooled(tmp_path / "there", ["Transformer", "Pooling"], {"pooling_mode_weightedmean_tokens": True})
    with pytest.raises(RunError) as mode:
        import_folder(there)
    assert str(mode.value) == (
        f"{there / '1_Pooling' / 'config.json'}: expected one of pooling_mode_mean_tokens, pooling_mode_cls_token,"
        " pooling_mode_max_tokens, got pooling_mode_weightedmean_tokens"
    )
    for held, message in (
        (json.dumps([{"type": "sentence_transformers.models.Dense"}]),
         "expected Transformer, Pooling, Normalize, got 'Dense', which cannot be imported"),
        ("{}[", "expected a list of modules with the type of each"),
        ("[7]", "expected a list of modules with the type of each"),
    ):  # fmt: skip
        (there / "modules.json").write_text(held)
        with pytest.raises(RunError) as error:
            import_folder(there)
        assert str(error.value) == f"{there / 'modules.json'}: {message}"


def refused(folder: Path) -> str:
    with pytest.raises(RunError) as error:
        import_folder(folder)
    return str(error.value).replace(str(folder), "there")


def test_tensors_that_do_not_fit_are_named(tmp_path: Path) -> None:
    held = berts.tensors()
    held["encoder.layer.0.output.dens.bias"] = held.pop("encoder.layer.0.output.dense.bias")
    held["embeddings.LayerNorm.bias"] = torch.zeros(7)
    assert refused(berts.written(tmp_path / "there", held)) == (
        "there/model.safetensors does not fit the net that config.json describes,"
        " BERT(2, heads=3, width=6, hidden=11, longest=13):\n"
        "  - 'encoder.layer.0.output.dense.bias' is missing\n"
        "  - 'encoder.layer.0.output.dens.bias' is none of its tensors; did you mean"
        " 'encoder.layer.0.output.dense.bias'?\n"
        "  - 'embeddings.LayerNorm.bias': expected (6,), got (7,)"
    )
    deeper = minilm(tmp_path / "there", num_hidden_layers=4)
    assert refused(deeper).endswith("'encoder.layer.3.attention.self.key.bias' is missing\n  - and 12 more")


def test_settings_that_lamina_does_not_have_are_named(tmp_path: Path) -> None:
    there = minilm(tmp_path / "there", hidden_act="relu", position_embedding_type="relative_key", is_decoder=True)
    assert refused(there) == (
        "there/config.json describes a net that cannot be imported:\n"
        "  - hidden_act='relu', but lamina's BERT has 'gelu' alone\n"
        "  - position_embedding_type='relative_key', but lamina's BERT has 'absolute' alone\n"
        "  - is_decoder=True, but lamina's BERT has False alone"
    )
    assert refused(minilm(tmp_path / "there", hidden_size=None)) == "hidden_size is missing"
    assert refused(minilm(tmp_path / "there", model_type="gpt2")) == (
        "there/config.json: expected model_type='bert' or 'distilbert' or 'roberta', got 'gpt2'"
    )
    assert refused(minilm(tmp_path / "there", type_vocab_size=3)).startswith(
        "there/config.json: BERT: segments must be one of 0, 2, got segments=3"
    )


def test_tokens_of_another_net_are_refused(tmp_path: Path) -> None:
    there = berts.written(tmp_path / "there", berts.tensors(), vocabulary=berts.VOCABULARY[:-1])
    assert refused(there) == (
        "there: expected as many tokens as vectors, got 18 tokens, 19 vectors of"
        " 'embeddings.word_embeddings.weight', and vocab_size=19; the tokens are another net's"
    )


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    there = minilm(tmp_path / "there")
    (there / "model.safetensors").rename(there / "pytorch_model.bin")
    assert refused(there) == (
        "there: expected model.safetensors, got pytorch_model.bin, a pickle, which may hold any code and is never loaded;"
        " save it anew with transformers' save_pretrained(folder, safe_serialization=True)"
    )
    (there / "model.safetensors.index.json").write_text("{}")
    assert refused(there) == (
        "there: expected model.safetensors, got weights in several files, by model.safetensors.index.json;"
        " save it anew with transformers' save_pretrained(folder, safe_serialization=True, max_shard_size='4GB')"
    )
    (there / "model.safetensors.index.json").unlink()
    (there / "pytorch_model.bin").unlink()
    assert refused(there) == ("there: expected model.safetensors, got no weights; name the folder that holds them")


def test_vectors_of_positions_are_their_mean_and_of_texts_alone(tmp_path: Path) -> None:
    model = import_folder(minilm(tmp_path / "there")).model
    whole = model.embed(TEXTS)
    assert not whole.requires_grad
    torch.testing.assert_close(torch.cat([model.embed([text]) for text in TEXTS]), whole, rtol=1e-5, atol=1e-5)
    assert model.embed([]).shape == (0, 6)
    sentence = "BERT(2, 3, 6, hidden=11, longest=13) >> Write(LSTM(6), attend=Dot(), width=5)"
    writer = build(sentence, model.net.given, Tokens(19))
    writer.body.load_state_dict(model.net.body.state_dict())
    writer.train()
    assert model.text is not None
    torch.testing.assert_close(embedded(writer, model.text, TEXTS), whole)
    assert writer.training
    assert width_of(writer) == 6
    with pytest.raises(DataError) as error:
        model.embed("a dog")
    assert str(error.value) == "expected a list of texts, got 'a dog'"


def test_those_are_ranked_that_are_nearest() -> None:
    vectors = torch.tensor([[0.6, 0.8], [1.0, 0.0], [0.8, 0.6], [1.0, 0.0]])
    found = ranked(vectors, torch.tensor([1.0, 0.0]), 3)
    assert [(place, round(cosine, 6)) for place, cosine in found] == [(1, 1.0), (3, 1.0), (2, 0.8)]


def test_the_command_imports_embeds_finds_and_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    minilm(Path("minilm"))
    code, out, _ = called("import", "minilm")
    assert code == 0
    assert out.splitlines() == [
        "bert: 37 tensors, 898 parameters, 19 tokens",
        "BERT(2, heads=3, width=6, hidden=11, longest=13) >> Mean() >> Direction()",
        "model: models/minilm  (use it: lamina embed models/minilm texts.txt, or lamina train --from models/minilm)",
    ]
    model = la.load("models/minilm")
    Path("texts.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    code, out, err = called("embed", "models/minilm", "texts.txt")
    assert code == 0
    assert err.splitlines() == ["texts.txt: 1 of the texts cut at 13 tokens"]
    printed = torch.tensor([[float(number) for number in line.split(" ")] for line in out.splitlines()])
    torch.testing.assert_close(printed, model.embed(TEXTS), rtol=1e-6, atol=1e-6)
    code, out, _ = called("embed", "models/minilm", "texts.txt", "--out", "texts.npy")
    assert (code, out) == (0, "texts.npy: 5 texts, 6 numbers each\n")
    assert np.array_equal(np.load("texts.npy"), model.embed(TEXTS).numpy())
    code, out, _ = called("embed", "models/minilm", "texts.txt", "--query", "runs", "--best", "2")
    lines = [line.split("\t") for line in out.splitlines()]
    assert lines[0] == ["1.0000", "5", "runs"]
    assert len(lines) == 2
    code, out, _ = called("embed", "models/minilm", "texts.txt", "--query", "runs", "--best", "1", "--json")
    said = json.loads(out)
    assert (said["line"], said["text"], round(said["cosine"], 5)) == (5, "runs", 1.0)
    code, out, _ = called("embed", "models/minilm", "texts.txt", "--json")
    assert [json.loads(line)["text"] for line in out.splitlines()] == TEXTS
    code, out, _ = called("export", "models/minilm", "back")
    assert (code, out) == (0, "back: bert, 37 tensors\n")
    code, out, _ = called("export", "models/minilm", "back2", "--json")
    assert json.loads(out) == {"folder": "back2", "architecture": "bert", "tensors": 37, "left_out": []}
    code, out, _ = called("import", "minilm", "--out", "again", "--json")
    assert json.loads(out.splitlines()[-1]) == {
        "model": "again", "architecture": "bert", "net": model.net.sentence(), "given": "Tokens(19)",
        "parameters": 898, "tensors": 37, "left_out": [], "context": 13,
    }  # fmt: skip


def test_the_command_names_what_goes_with_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    minilm(Path("minilm"))
    for arguments, message in (
        (("embed", "m", "t", "--best", "2"), "--best says how many lines are nearest to a --query; name one"),
        (("embed", "m", "t", "--out", "x"), "--out writes vectors as .npy, without --query and --json, got --out x"),
        (("import", "minilm", "--as", "ResNet(18)"),
         "minilm: --as and --classes are for weights of nets of pictures; leave them out"),
    ):  # fmt: skip
        code, _, err = called(*arguments)
        assert code == 2
        assert message in err


def test_a_run_starts_from_a_model_that_was_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    import_folder(minilm(Path("minilm"))).model.save(Path("model"))
    rows = [f"{text},{name}" for text, name in (("a dog", "yes"), ("runs !", "no")) for _ in range(31)]
    rows = [row.replace(",", f" {'. ' * (place % 7)},") for place, row in enumerate(rows)]
    Path("told.csv").write_text("\n".join(["text,kind", *rows]))
    la.train(None, "told.csv", target="kind", kinds=["text=text"], start="model", epochs=1, threads=1, out="run")
    assert la.load("run").net.sentence() == "BERT(2, heads=3, width=6, hidden=11, longest=13) >> Mean() >> Classify()"
    answered = la.load("run").predict(["a dog", "runs !"])
    assert answered.probabilities.shape == (2, 2)
