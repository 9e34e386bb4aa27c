"""The texts that lamina is measured on: `python -m experiments.texts [NAME ...] --out FOLDER`.

The files lie in $LAMINA_DATA: text/tinyshakespeare.txt, of which the last tenth tests, text/wiki.*.tokens.gz and
mt/multi30k/*.gz. Translations, from German to English, are those of a beam of five, of test_2016_flickr, which no
training sees; 2 % of the training pairs validate. A JSON file of each is left in the folder for results, with the
commands that do the same.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import lamina as la
from experiments.translated import translated


class Recipe(NamedTuple):
    """What is trained on what, how, and how good it is wanted to be in how many seconds.

    Attributes:
        data: a text, or the two sides of pairs.
        net, optimizer, settings: as `lamina.train` takes them.
        measure: the measure that counts.
        wanted: what it is to reach; None where nothing is asked.
        seconds: in how long.
        seeds: how many runs.
        test: of pairs, the two sides that are translated afterwards.
    """

    data: tuple[str, ...]
    net: str
    optimizer: str
    settings: dict[str, Any]
    measure: str
    wanted: float | None
    seconds: float
    seeds: int
    test: tuple[str, ...] = ()

    def commands(self) -> list[str]:
        """The same as lines for the shell, in $LAMINA_DATA."""
        said = {"net": self.net, "optimizer": self.optimizer, **self.settings}
        for option, setting in (("budget", "budget_seconds"), ("checkpoint", "checkpoint_seconds")):
            if setting in said:
                said[option] = f"{said.pop(setting):g}s"
        flags = {name: value for name, value in said.items() if value is True}
        options = [f"--{name.replace('_', '-')} {shlex.quote(str(said[name]))}" for name in said if name not in flags]
        line = f"lamina train {' '.join((*self.data, *(f'--{name}' for name in flags), *options))} --seeds {self.seeds}"
        reads = [f"zcat {self.test[0]} | lamina translate RUN --beam 5 > answers.txt"] if self.test else []
        return [line, *reads]


SHAKESPEARE = ("text/tinyshakespeare.txt",)
WIKITEXT = ("text/wiki.train.tokens.gz",)
WIKITEXT_PARTS = {"valid": "text/wiki.valid.tokens.gz", "test": "text/wiki.test.tokens.gz"}
MULTI30K = ("mt/multi30k/train.de.gz", "mt/multi30k/train.en.gz")
FLICKR = ("mt/multi30k/test_2016_flickr.de.gz", "mt/multi30k/test_2016_flickr.en.gz")

HOUR = 3400.0
"""What is left of one for training, where the test takes its time too."""
CHARACTERS = {"tokens": "characters", "valid": 0.001, "test": 0.1, "clip": 1.0}
PAIRS = {
    "tokens": "bpe", "vocabulary": 6000, "joint": True, "valid": 0.02, "test": 0.005, "batch": 256,
    "batch_tokens": 2048, "clip": 1.0, "budget_seconds": HOUR, "checkpoint_seconds": 300.0,
}  # fmt: skip
WRITING = "dropout=0.3, smoothing=0.1, tied=True"
LAYERS = "Positions() >> Dropout(0.2) >> Transformer(3, heads=4, hidden=512, dropout=0.2)"
SLOWLY = "AdamW(linear(0.002, warmup=200), weight_decay=0.01)"

RECIPES = {
    "shakespeare-100s": Recipe(
        SHAKESPEARE,
        "Embed(128) >> Transformer(4, heads=4, causal=True, rotary=True, dropout=0.0) >> NextToken(tied=True)",
        "Muon(linear(0.02, warmup=20), others=0.003)",
        {**CHARACTERS, "context": 64, "batch": 32, "budget_seconds": 100.0},
        "token_loss",
        1.88,
        100,
        1,
    ),
    "shakespeare-1h": Recipe(
        SHAKESPEARE,
        "Embed(192) >> Dropout(0.2) >> Transformer(6, heads=6, causal=True, rotary=True, dropout=0.2)"
        " >> NextToken(tied=True)",
        "Muon(linear(0.02, warmup=50), others=0.003)",
        {
            **CHARACTERS,
            "context": 256,
            "batch": 16,
            "budget_seconds": 2000.0,
            "checkpoint_seconds": 300.0,
            "precision": "bfloat16",
        },
        "token_loss",
        1.55,
        3600,
        1,
    ),
    "shakespeare-lstm": Recipe(
        SHAKESPEARE,
        "Embed(128) >> LSTM(400, layers=2, dropout=0.3) >> Dropout(0.3) >> NextToken()",
        "AdamW(cosine(0.003, warmup=100), weight_decay=0.01)",
        {
            **CHARACTERS,
            "context": 64,
            "batch": 32,
            "budget_seconds": 1000.0,
            "checkpoint_seconds": 300.0,
            "precision": "bfloat16",
        },
        "token_loss",
        1.55,
        3600,
        1,
    ),
    "wikitext2-lstm": Recipe(
        WIKITEXT,
        "Embed(256) >> Dropout(0.3) >> LSTM(256, layers=2, dropout=0.3) >> Dropout(0.3)"
        " >> NextToken(tied=True, cutoffs=(1000, 3000, 8000, 17000))",
        "AdamW(linear(0.003, warmup=100), weight_decay=0.01)",
        {
            "tokens": "spaced",
            **WIKITEXT_PARTS,
            "context": 35,
            "batch": 40,
            "clip": 0.5,
            "budget_seconds": 2700.0,
            "checkpoint_seconds": 600.0,
            "precision": "bfloat16",
        },
        "perplexity",
        150.0,
        3600,
        1,
    ),
    "multi30k-plain": Recipe(
        MULTI30K,
        "Embed(256) >> Dropout(0.3) >> BiLSTM(256) >> Max()"
        f" >> Write(LSTM(512), attend=Summary(), width=512, {WRITING})",
        SLOWLY,
        {**PAIRS, "budget_seconds": 2400.0, "precision": "bfloat16"},
        "bleu",
        None,
        3600,
        1,
        FLICKR,
    ),
    "multi30k-attention": Recipe(
        MULTI30K,
        f"Embed(256) >> Dropout(0.3) >> BiGRU(256) >> Write(GRU(320), attend=Additive(256), width=320, {WRITING})",
        SLOWLY,
        {**PAIRS, "budget_seconds": 2000.0},
        "bleu",
        30.0,
        3600,
        1,
        FLICKR,
    ),
    "multi30k-transformer": Recipe(
        MULTI30K,
        f"Embed(256) >> {LAYERS} >> Write({LAYERS}, smoothing=0.1, tied=True)",
        "Muon(linear(0.01, warmup=100), others=0.002)",
        PAIRS,
        "bleu",
        35.0,
        3600,
        1,
        FLICKR,
    ),
}


def trained(recipe: Recipe, where: Path, out: Path, steps: int | None) -> list[la.Run]:
    """The runs of a recipe, each of so many steps if that is asked."""
    settings = dict(recipe.settings)
    if steps is not None:
        del settings["budget_seconds"]
        settings["steps"] = steps
    files = [where / name for name in recipe.data]
    if len(files) == 2:
        settings["files"] = (str(files[1]),)
    settings |= {name: str(where / file) for name, file in settings.items() if file in WIKITEXT_PARTS.values()}
    settings |= {"optimizer": recipe.optimizer, "out": out, "display": None, "say": lambda text: None}
    return la.train_seeds(recipe.net, str(files[0]), recipe.seeds, **settings).runs


def outcome(recipe: Recipe, where: Path, steps: int | None, sentences: int | None) -> dict[str, Any]:
    """What a recipe comes to, as JSON has it."""
    with tempfile.TemporaryDirectory() as folder:
        runs = list[dict[str, Any]]()
        for run in trained(recipe, where, Path(folder, "run"), steps):
            kept = ("test", "valid", "baseline", "steps", "seconds", "net", "parameters")
            runs.append({name: run.result[name] for name in kept})
            if recipe.test:
                source, target = (where / name for name in recipe.test)
                runs[-1] |= translated(run.model(), source, target, sentences)
    return {
        "commands": recipe.commands(),
        "optimizer": recipe.optimizer,
        "settings": recipe.settings if steps is None else {**recipe.settings, "steps": steps},
        "wanted": {recipe.measure: recipe.wanted, "seconds": recipe.seconds},
        "runs": runs,
    }


def main() -> None:
    """Train what is named, or all, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(RECIPES)}; all if none is named")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, help="so many in place of the recipe's time")
    parser.add_argument("--sentences", type=int, help="translate the first so many of the test set only")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.names or RECIPES:
        recipe = RECIPES[name]
        result = outcome(recipe, Path(os.environ["LAMINA_DATA"]), asked.steps, asked.sentences)
        (asked.out / f"{name}.json").write_text(f"{json.dumps(result, indent=1, ensure_ascii=False)}\n")
        measured = [(run["test"][recipe.measure]["value"], run["seconds"]) for run in result["runs"]]
        each = ", ".join(f"{recipe.measure} {value:.3f} in {seconds:.0f} s" for value, seconds in measured)
        aim = "" if recipe.wanted is None else f" (wanted: {recipe.wanted} in {recipe.seconds:.0f} s)"
        print(f"{name}: {each}{aim}", flush=True)


if __name__ == "__main__":
    main()
