"""Fine-tuning and using a BERT of MiniLM's size: lamina against transformers, with its Trainer and its pipeline.

Without transformers (`pip install transformers accelerate`) its rows are left out. Texts are made up, of as many words
as the passages of SQuAD; weights are drawn, for how long a step takes does not depend on them.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import torch

import lamina as la
from benchmarks.measure import in_turn, table
from lamina.data.dataset import Dataset
from lamina.data.feeding import training_feed
from lamina.data.questions.load import load_questions
from lamina.data.text.reading import TextReading
from lamina.imported.folder import import_folder
from lamina.training.machine import prepare
from lamina.training.optimizers import AdamW
from lamina.training.precision import Precision, slow_in

ROUNDS = 3
BATCH = 32
TEXTS = 128
STEPS = TEXTS // BATCH  # one pass, so that all read the same rows
WORDS = 1000
SIZE = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
CPU = torch.device("cpu")

Running: TypeAlias = Callable[[], Any]
Making: TypeAlias = Callable[[], Running]


def passages(count: int) -> list[str]:
    """Texts of 22 to 300 words, half of them of at most about 110, as SQuAD's passages are."""
    random = Random(0)
    lengths = (round(min(300, max(22, random.lognormvariate(math.log(110), 0.45)))) for _ in range(count))
    return [" ".join(f"w{random.randrange(WORDS)}" for _ in range(length)) for length in lengths]


def written(folder: Path) -> None:
    """A model's folder as transformers has it, and questions about passages."""
    from safetensors.torch import save_file

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{number}" for number in range(WORDS))]
    model = folder / "model"
    model.mkdir()
    (model / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    config = {
        "model_type": "bert", "vocab_size": len(words), "max_position_embeddings": 512, "type_vocab_size": 2,
        "hidden_act": "gelu", "layer_norm_eps": 1e-12, "hidden_dropout_prob": 0.1, "pad_token_id": 0,
        "attention_probs_dropout_prob": 0.1, "position_embedding_type": "absolute", **SIZE,
    }  # fmt: skip
    (model / "config.json").write_text(json.dumps(config))
    save_file(drawn(len(words)), model / "model.safetensors")
    asked = [
        {
            "context": text,
            "qas": [
                {
                    "id": f"{number}", "question": " ".join(text.split()[:10]),
                    "answers": [{"text": text.split()[5], "answer_start": text.index(text.split()[5])}],
                }
            ],
        }
        for number, text in enumerate(passages(TEXTS))
    ]  # fmt: skip
    (folder / "squad.json").write_text(
        json.dumps({"version": "1.1", "data": [{"title": "made up", "paragraphs": asked}]})
    )


def drawn(vocabulary: int) -> dict[str, torch.Tensor]:
    """Weights by the names of transformers."""
    random, width, hidden = torch.Generator().manual_seed(0), SIZE["hidden_size"], SIZE["intermediate_size"]
    shapes = {f"embeddings.{name}_embeddings.weight": (rows, width) for name, rows in
              (("word", vocabulary), ("position", 512), ("token_type", 2))}  # fmt: skip
    dense = {
        "attention.self.query": (width, width), "attention.self.key": (width, width),
        "attention.self.value": (width, width), "attention.output.dense": (width, width),
        "intermediate.dense": (hidden, width), "output.dense": (width, hidden),
    }  # fmt: skip
    for layer in range(SIZE["num_hidden_layers"]):
        shapes |= {f"encoder.layer.{layer}.{name}.weight": shape for name, shape in dense.items()}
    made = {name: 0.02 * torch.randn(shape, generator=random) for name, shape in shapes.items()}
    made |= {f"{name[:-7]}.bias": torch.zeros(shape[0]) for name, shape in shapes.items() if "embeddings" not in name}
    norms = ["embeddings", *(f"encoder.layer.{layer}.{part}" for layer in range(SIZE["num_hidden_layers"])
                             for part in ("attention.output", "output"))]  # fmt: skip
    made |= {f"{norm}.LayerNorm.weight": torch.ones(width) for norm in norms}
    return made | {f"{norm}.LayerNorm.bias": torch.zeros(width) for norm in norms}


def questions(folder: Path) -> tuple[la.Model, Dataset]:
    """The model, and the questions as its tokens."""
    model = import_folder(folder / "model").model
    return model, load_questions(str(folder / "squad.json"), TextReading(), taught=model.text)


def train_ours(folder: Path, precision: Precision) -> Running:
    """So many updates by lamina's loop, in batches of rows of like length."""
    _, data = questions(folder)
    net = la.build("BERT(6, 12, 384) >> PointTo()", data.inputs.kind, data.target.kind)
    feed = training_feed(data, torch.arange(len(data)), BATCH, None, 0, CPU, False)

    def run() -> None:
        prepare(0)
        rule = AdamW(5e-5)
        groups = rule.start(net.named_parameters())
        for step in la.fit(net, feed.from_step(0), rule, groups, lambda _: 5e-5, clip=1.0, precision=precision):
            if step.number == STEPS:
                break

    return run


def train_theirs(folder: Path, order: str) -> Running:
    """As many updates by the Trainer, each batch padded to its longest row.

    Args:
        folder: with the model.
        order: "random", as it is where nothing is said, or "group_by_length".
    """
    import transformers

    _, data = questions(folder)
    transformers.logging.set_verbosity_error()
    net = transformers.BertForQuestionAnswering(transformers.BertConfig.from_pretrained(folder / "model"))
    tokenizer = transformers.BertTokenizerFast(str(folder / "model" / "vocab.txt"))
    rows = [data.inputs.gather(torch.tensor([row])) for row in range(len(data))]
    places = data.target.gather(torch.arange(len(data)))[:, :2].tolist()
    features = [
        {"input_ids": row.values[0].tolist(), "start_positions": first, "end_positions": last}
        for row, (first, last) in zip(rows, places, strict=True)
    ]
    asked = transformers.TrainingArguments(
        output_dir=str(folder / "trainer"), per_device_train_batch_size=BATCH, max_steps=STEPS, use_cpu=True,
        report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, train_sampling_strategy=order,
    )  # fmt: skip
    collate = transformers.DataCollatorWithPadding(tokenizer)
    return lambda: transformers.Trainer(net, asked, collate, features).train()


def embed_ours(folder: Path) -> Running:
    """The mean over the positions of each text."""
    model, _ = questions(folder)
    return partial(model.embed, passages(TEXTS))


def embed_theirs(folder: Path) -> Running:
    """The mean over the positions of each text, by the pipeline, 32 texts at once as they come."""
    import transformers

    transformers.logging.set_verbosity_error()
    net = transformers.BertModel.from_pretrained(folder / "model").eval()
    tokenizer = transformers.BertTokenizerFast(str(folder / "model" / "vocab.txt"))
    pipe = transformers.pipeline("feature-extraction", model=net, tokenizer=tokenizer, batch_size=BATCH, device=CPU)
    texts = passages(TEXTS)
    return lambda: [found[0].mean(0) for found in pipe(texts, return_tensors=True, truncation=True)]


def contenders(folder: Path) -> dict[str, dict[str, Making]]:
    """What makes those that train, and those that make vectors of texts: each alone, for its memory is measured."""
    training: dict[str, Making] = {"lamina": partial(train_ours, folder, "float32")}
    if not slow_in("bfloat16", CPU):
        training["lamina in bfloat16"] = partial(train_ours, folder, "bfloat16")
    inference: dict[str, Making] = {"lamina": partial(embed_ours, folder)}
    if find_spec("transformers") is not None:
        training["transformers, Trainer"] = partial(train_theirs, folder, "random")
        training["transformers, Trainer, by length"] = partial(train_theirs, folder, "group_by_length")
        inference["transformers, pipeline"] = partial(embed_theirs, folder)
    return {"fine-tuning": training, "vectors of texts": inference}


def alone(what: str, who: str) -> None:
    """Do it once and print the most memory that was taken, in MiB."""
    prepare(0)
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder))
        contenders(Path(folder))[what][who]()()
    # Of this process alone: what `getrusage` tells begins with that of the one that started it.
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024)


def peak(what: str, who: str) -> str:
    """The most memory that a process of its own takes for it."""
    code = f"from benchmarks.reading import alone; alone({what!r}, {who!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return f"{int(done.stdout.split()[-1]):,} MiB"


def main() -> str:
    """The table."""
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder)
        _, data = questions(folder)
        tokens = {
            "fine-tuning": float(data.inputs.lengths.sum()),
            "vectors of texts": float(sum(len(text.split()) + 2 for text in passages(TEXTS))),
        }
        for what, makings in contenders(folder).items():
            timings = in_turn({who: make() for who, make in makings.items()}, ROUNDS)
            theirs = next((timings[who] for who in timings if who.startswith("transformers")), None)
            for who, timing in timings.items():
                ratio = "" if theirs is None else f"{theirs.ratio(timing):.2f}x"
                wanted = {"fine-tuning": "1.5x", "vectors of texts": "2x"}[what] if who == "lamina" else ""
                rows.append((f"{what}: {who}", f"{tokens[what] / timing.median:,.0f}", ratio, wanted, peak(what, who)))
    note = "" if find_spec("transformers") else "\ntransformers is not installed: pip install transformers accelerate"
    return table(("MiniLM's size, 6 layers of 384", "tokens/s", "of transformers", "wanted", "peak"), rows) + note
