"""A run's result, read back from a file that nobody vouches for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lamina.errors import RunError
from lamina.training.result import read_result

ACCURACY = {"accuracy": {"value": 0.5, "low": 0.25, "high": None}}
RESULT: dict[str, Any] = {
    "run": "runs/a", "net": "Classify()", "parameters": 7, "steps": 3, "seconds": 1.5,
    "valid": ACCURACY, "test": {}, "baseline": {"most frequent": ACCURACY},
}  # fmt: skip


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    assert read_result(tmp_path / "result.json") == RESULT
    assert read_result(tmp_path / "none.json") == {}


@pytest.mark.parametrize(("changes", "wrong"), [
    ({"steps": "3"}, "steps"),
    ({"run": None, "seconds": []}, "run, seconds"),
    ({"valid": [0.5]}, "valid"),
    ({"valid": {"accuracy": 0.5}}, "valid"),
    ({"test": {"accuracy": {"value": 0.5, "low": 0.25}}}, "test"),
    ({"test": {"accuracy": {"value": "0.5", "low": 0.25, "high": 1}}}, "test"),
    ({"baseline": {"most frequent": 0.5}}, "baseline"),
    ({"baseline": {"most frequent": {"accuracy": []}}}, "baseline"),
])  # fmt: skip
def test_values_of_a_wrong_type_are_all_named(tmp_path: Path, changes: dict[str, Any], wrong: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({**RESULT, **changes}))
    with pytest.raises(RunError) as error:
        read_result(path)
    assert str(error.value) == (
        f"{path} is not as lamina writes it: {wrong} missing or of a wrong type; "
        "remove it, and `lamina resume` writes it anew"
    )
