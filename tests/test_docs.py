"""What the documentation shows must run: examples in docstrings, Python in the pages, and the commands they name."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import click
import pytest
import torch

import lamina as la
from lamina.command import VERBS, lamina

REPOSITORY = Path(__file__).parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
MODULES = [
    module.name
    for module in pkgutil.walk_packages(la.__path__, "lamina.")
    if module.name != "lamina.__main__" and ">>> " in Path(importlib.util.find_spec(module.name).origin).read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name: str, within: Path) -> None:
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_in_the_pages_runs(page: Path, within: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {
        "la": la,
        "torch": torch,
        "loader": [(torch.randn(5, 30), torch.tensor([0, 1, 1, 0, 1]))] * 2,
        "images": torch.zeros(3, 8, 8),
    }
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, str(page), "exec", dont_inherit=True), names)


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts} | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_pages_exist_with_their_options(page: Path) -> None:
    for line in re.findall(rf"lamina ((?:{'|'.join(VERBS)}) [^`\n]*)", page.read_text(encoding="utf-8")):
        verb, _, rest = line.partition(" ")
        command = lamina.get_command(click.Context(lamina), verb)
        assert command is not None
        used = set(re.findall(r"(?<!\S)--[a-z-]+", re.sub(r"'[^']*'", "", rest)))
        assert used <= options_of(command), line
