"""What the measures of a net that gives back its input come to, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lamina.metrics.measure import Measure

SQUARED, NATS, CODE, BOUND = "squared_error_per_example", "restoration_loss", "code_nats", "elbo"


def in_words(measures: Mapping[str, Measure], baselines: Mapping[str, Mapping[str, Measure]]) -> list[str]:
    """A sentence for each thing that the measures say together; none of a net that does not give back its input.

    Args:
        measures: by name.
        baselines: the measures of simple ways to give inputs back, by their names; may be empty.
    """
    if SQUARED not in measures:
        return []
    said = list[str]()
    error = measures[SQUARED].value
    beside = [f"{error / simple[SQUARED].value:.2f} times that of {what(name)} ({simple[SQUARED].value:.4g})"
        for name, simple in baselines.items() if SQUARED in simple and simple[SQUARED].value]  # fmt: skip
    if beside:
        by = " by a drawn code" if CODE in measures else ""
        said.append(f"an example's squared error{by}, {error:.4g}, is {' and '.join(beside)}")
    if BOUND in measures and CODE in measures:
        nats, code, bound = (measures[name].value for name in (NATS, CODE, BOUND))
        bits = code / math.log(2)
        said.append(
            f"it takes {code:.4g} nats ({bits:.3g} bits) to tell an example's code, and {nats:.4g} to tell the example"
            " by it"
        )
        # Of several draws the bound is above what the two come to.
        how = "so" if math.isclose(bound, -(nats + code), rel_tol=1e-3) else "by several codes weighed together,"
        said.append(f"{how} ln p of an example is at least {bound:.4g} on average: the elbo")
    return said


def what(name: str) -> str:
    """A baseline for people."""
    if name == "mean":
        return "the mean"
    count = name.removeprefix("pca_")
    if count == "1":
        return "the first principal component"
    return f"the first {count} principal components" if count.isdecimal() else name
