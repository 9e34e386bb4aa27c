"""The sheet of what augmentation makes of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Picture

import lamina as la
from lamina.data.named import load
from lamina.data.picture import GAP, MARGIN, thumbnails
from lamina.errors import KindError
from lamina.report.augmented import BESIDE, DRAWS, PICTURES, augmentation, augmented_sheet, raw

BODY = "Standardize() >> Flip() >> Shift(1, fill='zero') >> BatchNorm() >> Flatten() >> Classify()"


def built(sentence: str = BODY) -> la.Net:
    digits = load("digits")
    return la.build(sentence, digits.inputs.kind, digits.target.kind)


def test_a_row_has_the_picture_and_what_training_shows_of_it() -> None:
    digits = load("digits")
    page = augmented_sheet(digits, built())
    tile = thumbnails(digits.inputs.gather(torch.arange(1)))[0].width
    assert page.width >= 2 * MARGIN + (DRAWS + 1) * tile + (DRAWS - 1) * GAP + BESIDE
    assert page.height >= PICTURES * (tile + GAP)
    pixels = np.asarray(page.convert("L"))
    whole = [tuple(row) for row in pixels[:, MARGIN : MARGIN + tile].tolist()]
    mirrored = [tuple(row[::-1]) for row in pixels[:, MARGIN : MARGIN + tile].tolist()]
    seen = {
        tuple(row)
        for number in range(DRAWS)
        for left in [MARGIN + tile + BESIDE + number * (tile + GAP)]
        for row in pixels[:, left : left + tile].tolist()
    }
    assert any(row in seen for row in whole if len(set(row)) > 3)
    assert any(row in seen for row in mirrored if len(set(row)) > 3)


def test_only_the_stages_up_to_the_last_that_augments_are_drawn_and_standardizing_is_undone() -> None:
    net = built()
    stages = augmentation(net)
    assert [stage.name() for stage in stages] == ["Standardize", "Flip", "Shift"]
    x = load("digits").inputs.gather(torch.arange(5))
    net.learn(lambda: [(x, torch.zeros(5, dtype=torch.int64))])
    torch.testing.assert_close(raw(stages, stages[0](x)), x)


def test_a_net_that_changes_no_picture_is_refused() -> None:
    with pytest.raises(KindError) as error:
        augmented_sheet(load("digits"), built("Flatten() >> Classify()"))
    assert str(error.value) == (
        "Flatten() >> Classify() has no stage that changes pictures in training, such as Flip() or Shift(2)"
    )


def test_the_command_draws_it(command: Any, tmp_path: Path) -> None:
    said = command("show", BODY, "--on", "digits", "--draw", tmp_path / "seen.png")
    assert said.code == 0
    assert said.out.splitlines()[-1] == f"drawn: {tmp_path / 'seen.png'}"
    with Picture.open(tmp_path / "seen.png") as page:
        assert page.width > 600
    said = command("show", BODY, "--draw", tmp_path / "seen.png")
    assert said.code == 2
    assert "--draw needs a sentence and, with --on, pictures" in said.err
    said = command("show", BODY, "--on", "digits", "--draw", tmp_path / "no" / "seen.png")
    assert said.code == 2
    assert "cannot be written: No such file or directory; name another --draw" in said.err
