"""The best evaluation: what is kept of it, and how long it is waited for a better one."""

from __future__ import annotations

import json
import math

import torch

from lamina.training.best import Best


def judged(*losses: float) -> Best:
    best = Best()
    for place, loss in enumerate(losses, start=1):
        best.judge("loss", loss, 10 * place, lambda loss=loss: {"weight": torch.tensor(loss)})
    return best


def test_the_least_loss_is_kept_with_its_weights_and_every_evaluation_since_is_waited() -> None:
    best = judged(3.0, 2.0, 2.5, 2.0, math.nan)
    assert (best.value, best.step, best.waited) == (2.0, 20, 3)
    assert best.weights == {"weight": torch.tensor(2.0)}


def test_a_measure_that_is_no_number_is_never_the_best() -> None:
    for wrong in (math.nan, math.inf, -math.inf):
        best = judged(wrong)
        assert (best.step, best.waited, best.weights) == (0, 1, {})


def test_what_a_checkpoint_says_is_taken_up_again() -> None:
    for losses in ((3.0, 2.0, 2.5), (math.nan,), ()):
        best, again = judged(*losses), Best()
        again.restore(json.loads(json.dumps(best.state(), allow_nan=False)), best.weights)
        assert again.state() == best.state()
        assert again.weights == best.weights
        again.judge("loss", 2.2, 90, dict)
        best.judge("loss", 2.2, 90, dict)
        assert again.state() == best.state()
