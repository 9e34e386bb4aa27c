"""Learning without labels, as lamina is measured on it: `python -m experiments.codes [NAME ...] --out FOLDER`.

- autoencoders: codes of 30 numbers of MNIST, by PCA, by a shallow and by a deep autoencoder.
- denoising: autoencoders of 200 hidden units at growing noise, and how well their codes tell the digits apart.
- variational: the bound and ln p(x) of MNIST's pixels drawn as 0 or 1 once, by one draw and by five.
- stacked: nets of three hidden layers, with and without pretraining layer by layer, on few labels and on all.
- in-short: the same on Fashion-MNIST with fewer passes, and codes and few labels on the small digits.

Data sets are found as `lamina train` finds them (see docs/data.md). A JSON file of each is left in the folder for
results; with --runs the runs are kept, for their reports and pictures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import torch

import lamina as la
from lamina.chance import generator
from lamina.data.batches import Batch
from lamina.data.dataset import Column
from lamina.likelihood import likelihood

COMMAND = "python -m experiments.codes {} --out docs/results"
ADAM = "AdamW(cosine(0.002), weight_decay=0.0)"
SLOWER = "AdamW(cosine(0.001, warmup=200), weight_decay=0.0)"
FASTER = "AdamW(cosine(0.003), weight_decay=0.0)"

SETTINGS: dict[str, Any] = {"batch": 128, "valid": 0.02, "precision": "bfloat16", "checkpoint_seconds": 300.0}

WIDE = "Dense(1000) >> ReLU() >> Dense(500) >> ReLU() >> Dense(250) >> ReLU()"
BACK = "Dense(250) >> ReLU() >> Dense(500) >> ReLU() >> Dense(1000) >> ReLU()"
AUTOENCODERS = {
    "PCA": "PCA(30) >> Reconstruct()",
    "shallow": "Flatten() >> Dense(30) >> Sigmoid() >> Reconstruct()",
    "deep": f"Flatten() >> {WIDE} >> Dense(30) >> Reconstruct({BACK})",
}

NOISES = (0.0, 0.1, 0.3, 0.5)

DEEP = "Flatten() >> Dense(1000) >> f() >> Dense(1000) >> f() >> Dense(1000) >> f() >> Classify()"
FUNCTIONS = ("Sigmoid",)
LABELS: dict[int | None, int] = {100: 1000, 1000: 2000, 10_000: 3000, None: 8000}
"""Steps of training, by how many labels there are; None for all."""
NOISE = 0.25
"""Of Vincent et al. 2010, table 3, for this data and as many layers."""

HIDDEN = "Dense(500) >> Tanh() >> Dense(500) >> Tanh()"
VARIATIONAL = f"Flatten() >> {HIDDEN} >> {{}} >> Reconstruct({HIDDEN}, likelihood='bernoulli')"
CODES = {"VAE": "Gaussian(50, warmup_steps=5000)", "IWAE": "Gaussian(50, draws=5)"}
SAMPLES = 5000
"""Draws that ln p(x) is estimated from."""


def denoising(noise: float) -> str:
    """An autoencoder that sees an input of which a share is blanked out, and is held to the whole."""
    spoiling = f"Blankout({noise}) >> " if noise else ""
    return f"Flatten() >> {spoiling}Dense(200) >> Sigmoid() >> Reconstruct(tied=True, likelihood='bernoulli')"


def drawn_once(dataset: la.Dataset, seed: int = 0) -> la.Dataset:
    """Pictures whose pixels are 0 or 1, drawn once with their brightness as the probability of 1.

    Source: Salakhutdinov and Murray 2008, section 4.2; the draws are our own, not theirs.
    """
    chances = dataset.inputs.values.float() * (dataset.inputs.scale or 1.0)
    drawn = torch.bernoulli(chances, generator=generator(seed, "binarised")).to(torch.uint8)
    return replace(dataset, name=f"{dataset.name}-drawn-once", inputs=Column(drawn, dataset.inputs.kind, scale=1.0))


class Runs:
    """Trains nets, in folders that are kept or not.

    Args:
        folder: where runs are kept.
        settings: for all trainings, over those of this experiment.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.settings = folder, settings

    def train(self, name: str, net: str, data: Any, **settings: Any) -> la.Run:
        """One run; a folder of that name that is finished already is taken as it is."""
        folder = self.folder / name
        if (folder / "result.json").exists():
            return la.Run(folder)
        asked = {"optimizer": ADAM, **SETTINGS, **settings, **self.settings}
        if "PCA" in net:
            asked = {"valid": SETTINGS["valid"]}  # it takes no steps
        return la.train(net, data, out=folder, display=None, **asked)


def told(run: la.Run) -> dict[str, Any]:
    """What is kept of a run."""
    result = json.loads((run.folder / "result.json").read_text())
    return {key: result[key] for key in ("net", "parameters", "epochs", "steps", "seconds", "test") if key in result}


def autoencoders(runs: Runs, seeds: int, data: str = "mnist", epochs: int = 30) -> dict[str, Any]:
    """Squared error of test pictures that are given back from 30 numbers."""
    found = {}
    for name, net in AUTOENCODERS.items():
        run = runs.train(f"{data}-autoencoder-{name}", net, data, epochs=epochs)
        found[name] = {**told(run), "baseline": json.loads((run.folder / "result.json").read_text())["baseline"]}
        print(f"{data} {name}: squared error {run.test['squared_error_per_example'].value:.2f}", flush=True)
    return {"data": data, "epochs": epochs, "nets": found}


def codes_of(run: la.Run, dataset: la.Dataset) -> la.Dataset:
    """The same examples as the codes that the run's net gives them."""
    net = run.model().net
    net.eval()
    with torch.inference_mode():
        rows = torch.arange(len(dataset)).split(5000)
        codes = torch.cat([net.features(dataset.inputs.gather(part)) for part in rows]).clone()
    return replace(dataset, name="codes", inputs=Column(codes, la.Vector(codes.shape[1])))


def denoisings(runs: Runs, seeds: int, data: str = "mnist", epochs: int = 20) -> dict[str, Any]:
    """Accuracy of a linear classifier on codes that were learnt at growing noise, and on the pixels."""
    dataset, found = la.load_data(data), []
    probe = {"epochs": 20, "precision": "float32", "optimizer": "AdamW(cosine(0.003), weight_decay=0.0)"}
    plain = runs.train(f"{data}-probe-pixels", "Flatten() >> Standardize() >> Classify()", data, **probe)
    for noise in NOISES:
        for seed in range(seeds):
            name = f"{data}-denoising-{noise}-{seed}"
            run = runs.train(name, denoising(noise), data, epochs=epochs, seed=seed)
            apart = runs.train(
                f"{name}-probe", "Standardize() >> Classify()", codes_of(run, dataset), seed=seed, **probe
            )
            found.append({"noise": noise, "seed": seed, "autoencoder": told(run), "probe": told(apart)})
            print(f"{data} noise {noise} seed {seed}: {apart.test['accuracy'].value:.4f}", flush=True)
    return {"data": data, "epochs": epochs, "pixels": told(plain), "runs": found}


def variational(runs: Runs, seeds: int, data: str = "mnist", epochs: int = 50, examples: int = 2000) -> dict[str, Any]:
    """The bound of the test part, and ln p(x) of its first examples, by one draw of z and by five."""
    dataset, found = drawn_once(la.load_data(data)), {}
    assert dataset.test is not None
    tested = dataset.test[:examples]
    for name, code in CODES.items():
        run = runs.train(f"{data}-{name}", VARIATIONAL.format(code), dataset, epochs=epochs, optimizer=SLOWER)
        net, began = run.model().net, monotonic()
        parts = (Batch(dataset.inputs.gather(rows), None, rows, 0) for rows in tested.split(100))
        estimated = likelihood(net, parts, SAMPLES)
        found[name] = {
            **told(run),
            "log_probability": {
                **estimated._asdict(), "samples": SAMPLES, "examples": len(tested),
                "seconds": round(monotonic() - began, 1),
            },
        }  # fmt: skip
        print(f"{data} {name}: elbo {run.test['elbo'].value:.2f}, ln p(x) {estimated.value:.2f}", flush=True)
    return {"data": f"{data}, pixels drawn once", "epochs": epochs, "nets": found}


def stacked(
    runs: Runs, seeds: int, data: str = "mnist", steps_by_labels: dict[int | None, int] = LABELS
) -> dict[str, Any]:
    """Test accuracy by how many labels train, without and with layers that were denoising autoencoders first."""
    found = []
    for function in FUNCTIONS:
        net = DEEP.replace("f()", f"{function}()")
        for labels, steps in steps_by_labels.items():
            for pretrained in (False, True):
                asked = {"steps": steps, "labels": labels, "optimizer": SLOWER, "batch": 32 if labels == 100 else 128}
                more = (
                    {"pretrain": "layerwise", "pretrain_epochs": 5, "pretrain_batch": 128, "pretrain_noise": NOISE}
                    if pretrained
                    else {}
                )
                name = f"{data}-stacked-{function}-{labels}-{pretrained}"
                run = runs.train(name, net, data, **asked, **more)
                found.append({"function": function, "labels": labels, "pretrained": pretrained, **told(run)})
                print(f"{name}: {run.test['accuracy'].value:.4f}", flush=True)
    return {"data": data, "noise": NOISE, "runs": found}


def in_short(runs: Runs, seeds: int) -> dict[str, Any]:
    """All of it on Fashion-MNIST with fewer passes, one seed and two numbers of labels; some on digits of 8 x 8."""
    fashion, few = "fashion-mnist", {labels: LABELS[labels] for labels in (100, 1000)}
    return {
        fashion: [
            autoencoders(runs, 1, fashion, epochs=10),
            denoisings(runs, 1, fashion, epochs=5),
            variational(runs, 1, fashion, epochs=10, examples=200),
            stacked(runs, 1, fashion, few),
        ],
        "digits": [autoencoders(runs, 1, "digits", epochs=200), stacked(runs, 1, "digits", few)],
    }


EXPERIMENTS: dict[str, Callable[[Runs, int], dict[str, Any]]] = {
    "autoencoders": autoencoders,
    "denoising": denoisings,
    "variational": variational,
    "stacked": stacked,
    "in-short": in_short,
}


def main() -> None:
    """Run what is named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(EXPERIMENTS)}; all if none is named")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=Path, help="where runs are kept; nowhere if not said")
    parser.add_argument("--seeds", type=int, default=3, help="of what takes less than five minutes")
    parser.add_argument("--epochs", type=int, help="in place of those of each experiment, for a trial")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.names or EXPERIMENTS:
        with tempfile.TemporaryDirectory() as folder:
            runs = Runs(asked.runs or Path(folder), {} if asked.epochs is None else {"epochs": asked.epochs})
            result = {"command": COMMAND.format(name), **EXPERIMENTS[name](runs, asked.seeds)}
        (asked.out / f"codes-{name}.json").write_text(f"{json.dumps(result, indent=1)}\n")


if __name__ == "__main__":
    main()
