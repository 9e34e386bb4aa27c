"""A small file of questions, and a small net that can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lamina.data.text.pieces import Normal, Pieces
from lamina.data.text.reading import TextOrigin, TextReading
from lamina.data.text.tokenizer import Tokenizer
from lamina.kinds import Tokens, Value
from lamina.model import Model
from lamina.net import build

PARTS = (
    "[UNK]", "[CLS]", "[SEP]", "the", "dog", "cat", "run", "##s", "sleep", "who", "what", "?", ".", "in", "rome", "paris",
    "naive", "red", "blue", "a", "where", "does", "東", "京",
)  # fmt: skip


def pieces() -> Pieces:
    return Pieces.of(PARTS, PARTS[:3], Normal())


def origin(context: int = 29, overlap: int | None = None) -> TextOrigin:
    reading = TextReading("bert", context=context, overlap=overlap)
    return TextOrigin(reading, Tokenizer("bert", pieces()))


def asked(
    question: str, passage: str, *answers: str, name: str = "q", impossible: bool | None = None
) -> dict[str, Any]:
    """A question as SQuAD has it; each answer is where the passage first has it."""
    said = [{"text": answer, "answer_start": passage.find(answer)} for answer in answers]
    more = {} if impossible is None else {"is_impossible": impossible}
    return {"id": name, "question": question, "answers": said, **more}


def squad(path: Path, *articles: tuple[str, str, list[dict[str, Any]]], version: str = "1.1") -> Path:
    """A file of articles, each a title, one passage and its questions."""
    data = [{"title": title, "paragraphs": [{"context": text, "qas": qas}]} for title, text, qas in articles]
    path.write_text(json.dumps({"version": version, "data": data}), encoding="utf-8")
    return path


def eleven(path: Path) -> Path:
    """A file of eleven articles, with a question about each."""
    articles = []
    for number in range(11):
        who, where = ("dog", "cat")[number % 2], ("rome", "paris")[number // 2 % 2]
        text = f"The {who} runs in {where}." + " The naive dog sleeps." * (number % 3)
        articles.append((f"article {number}", text, [asked("Where does it run?", text, where, name=f"q{number}")]))
    return squad(path, *articles)


def reader(folder: Path) -> Path:
    """The folder of a small model that reads as BERT does."""
    net = build("BERT(1, 2, 8, longest=128) >> Mean() >> Direction()", Tokens(len(PARTS)), Value(8))
    Model(net, text=origin()).save(folder)
    return folder
