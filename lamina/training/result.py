"""What a run leaves in its folder, read: the plan, the log, the measures, the model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lamina.errors import RunError
from lamina.loading import load as load_model
from lamina.metrics import Measure
from lamina.model import Model
from lamina.stage import Stage
from lamina.training import files
from lamina.training.log import read_log
from lamina.training.plan import read_plan

FILE = "result.json"
LARGEST_BYTES = 2**20
EXPECTED: dict[str, Any] = {
    "run": str, "net": str, "parameters": int, "steps": int, "seconds": (int, float), "valid": dict, "test": dict,
    "baseline": dict,
}  # fmt: skip


class Run:
    """A run's folder, read.

    Attributes:
        folder: where it is.
        plan: what it followed from.
        result: what came out, as in `result.json`; empty while it has not ended.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.plan = read_plan(self.folder)
        self.result = read_result(self.folder / FILE)

    @property
    def valid(self) -> dict[str, Measure]:
        """The measures on the validation part."""
        return _measures(self.result.get("valid", {}))

    @property
    def test(self) -> Scores:
        """The measures on the test part, which prints with its baseline."""
        return Scores(_measures(self.result.get("test", {})), self.baseline)

    @property
    def baseline(self) -> dict[str, dict[str, Measure]]:
        """The measures of simple predictors on the test part, by their names."""
        return {name: _measures(values) for name, values in self.result.get("baseline", {}).items()}

    @property
    def log(self) -> list[dict[str, Any]]:
        """What every step and evaluation wrote."""
        return read_log(self.folder)

    def steps_done(self) -> int:
        """The updates that are logged."""
        return max((entry["step"] for entry in self.log), default=0)

    def model(self, net: Stage | None = None) -> Model:
        """The trained model. `net` is needed only if it holds torch modules."""
        return load_model(self.folder, net)

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}): {self.test or 'not ended'}"


def read_result(path: Path) -> dict[str, Any]:
    """What came out of a run; empty if it has not ended.

    Raises:
        RunError: if the file is not as lamina writes it.
    """
    if not path.is_file():
        return {}
    result = files.read_json(path, LARGEST_BYTES)
    wrong = [name for name, sort in EXPECTED.items() if not isinstance(result.get(name), sort)]
    for name in ("valid", "test", "baseline"):
        measured = [] if name in wrong else list(result[name].values()) if name == "baseline" else [result[name]]
        if not all(_is_measures(values) for values in measured):
            wrong.append(name)
    if wrong:
        advice = "remove it, and `lamina resume` writes it anew"
        raise RunError(f"{path} is not as lamina writes it: {', '.join(wrong)} missing or of a wrong type; {advice}")
    return result


def _is_measures(values: Any) -> bool:
    """Whether this is what `plain` makes of measures."""
    return isinstance(values, dict) and all(
        isinstance(parts, dict)
        and all(part in parts and isinstance(parts[part], (int, float, type(None))) for part in Measure._fields)
        for parts in values.values()
    )


class Scores(dict[str, Measure]):
    """Measures by name, the headline first; they print as the headline beside that of the simplest baseline."""

    def __init__(self, measures: dict[str, Measure], baseline: dict[str, dict[str, Measure]]) -> None:
        super().__init__(measures)
        self.baseline = baseline

    def __str__(self) -> str:
        if not self:
            return ""
        name, measure = next(iter(self.items()))
        beside = [f"   baseline ({who}) {what[name].value:.3f}" for who, what in self.baseline.items() if name in what]
        return f"{name} {measure}{''.join(beside)}"


def plain(measures: dict[str, Measure]) -> dict[str, dict[str, float | None]]:
    """Measures as JSON has them; what is no number becomes null."""
    return {
        name: {part: value if math.isfinite(value) else None for part, value in measure._asdict().items()}
        for name, measure in measures.items()
    }


def _measures(plain: dict[str, dict[str, float | None]]) -> dict[str, Measure]:
    return {
        name: Measure(*(math.nan if values[part] is None else float(values[part] or 0) for part in Measure._fields))
        for name, values in plain.items()
    }
