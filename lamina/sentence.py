"""Text to words. A hand-written parser over a closed vocabulary: reading a sentence runs nothing that is in it.

sentence = sum { ">>" sum }        sum = term { "+" term }        term = NAME "(" [ argument { "," argument } ] ")"
argument = [ NAME "=" ] value      value = number | text | True | False | None | "(" value "," ... ")" | sentence
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from lamina.end import End, Sum
from lamina.errors import Problems, SentenceError, listed, nearest, shown
from lamina.settings import UNKNOWN, bind, described
from lamina.stage import Chain, Stage
from lamina.vocabulary import WORDS
from lamina.word import Word

SomeWord = TypeVar("SomeWord", bound=Word)

LONGEST = 100_000
DEEPEST = 25

TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<text>'[^'\\\n]*'|"[^"\\\n]*")
    | (?P<mark>>>|[()+,=])
    | (?P<stop>\Z)
    )""",
    re.VERBOSE,
)

CONSTANTS = {"True": True, "true": True, "False": False, "false": False, "None": None, "none": None}


@dataclass(frozen=True)
class Call:
    """`Name(arguments)` as it was written, before anyone asked whether there is such a word."""

    name: str
    given: tuple[Any, ...]
    named: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Joined:
    """Terms with one mark between them: `>>` or `+`."""

    mark: str
    terms: tuple[Any, ...]


class Reader:
    """Recursive descent over the tokens of one text; stops at the first place that is no sentence."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self.sort = ""
        self.token = ""
        self.start = 0
        self.advance()

    def advance(self) -> None:
        match = TOKEN.match(self.text, self.position)
        if match is None:
            self.start = self.position + len(self.text[self.position :]) - len(self.text[self.position :].lstrip())
            self.refuse("a word, a number or one of >> + ( ) , =", repr(self.text[self.start]))
        self.sort = match.lastgroup or "stop"
        self.token = match[self.sort]
        self.start, self.position = match.start(self.sort), match.end()

    def refuse(self, expected: str, came: str | None = None) -> NoReturn:
        came = came or (repr(self.token) if self.token else "the end of the text")
        raise SentenceError(f"column {self.start + 1}: expected {expected}, got {came} in {self.around()}")

    def around(self) -> str:
        """The text near the mistake, on one line."""
        return repr(self.text[max(0, self.start - 30) : self.start + 30])

    def take(self, mark: str, why: str) -> None:
        if self.token != mark or self.sort != "mark":
            self.refuse(f"{mark!r} {why}")
        self.advance()

    def whole(self) -> Any:
        value = self.value()
        if self.sort != "stop":
            self.refuse("'>>' or the end of the text")
        return value

    def value(self) -> Any:
        return self.joined(">>", lambda: self.joined("+", self.term))

    def joined(self, mark: str, part: Any) -> Any:
        terms = [part()]
        while self.sort == "mark" and self.token == mark:
            self.advance()
            terms.append(part())
        return terms[0] if len(terms) == 1 else Joined(mark, tuple(terms))

    def term(self) -> Any:
        self.depth += 1
        if self.depth > DEEPEST:
            self.refuse(f"at most {DEEPEST} brackets within one another", "one more")
        try:
            return self.bracket() if self.token == "(" and self.sort == "mark" else self.atom()
        finally:
            self.depth -= 1

    def bracket(self) -> Any:
        """A value in brackets, or a tuple if there is a comma."""
        self.advance()
        items, commas = [], 0
        while self.token != ")" or self.sort != "mark":
            items.append(self.value())
            if self.token != ",":
                break
            commas += 1
            self.advance()
        self.take(")", "to close the bracket")
        return tuple(items) if commas or not items else items[0]

    def atom(self) -> Any:
        sort, token = self.sort, self.token
        if sort == "number":
            self.advance()
            return number(token)
        if sort == "text":
            self.advance()
            return token[1:-1]
        if sort != "name":
            self.refuse("a word such as Dense(128), or a value")
        self.advance()
        if token in CONSTANTS and self.token != "(":
            return CONSTANTS[token]
        self.take("(", f"after {token}: every word has brackets, as in {token}()")
        return self.arguments(token)

    def arguments(self, name: str) -> Call:
        given: list[Any] = []
        named: list[tuple[str, Any]] = []
        while self.token != ")" or self.sort != "mark":
            if self.before_equals():
                setting = self.token
                self.advance()
                self.advance()
                named.append((setting, self.value()))
            elif named:
                self.refuse("a setting with its name (width=128), as those before it have theirs")
            else:
                given.append(self.value())
            if self.token != ",":
                break
            self.advance()
        self.take(")", f"to close {name}(")
        return Call(name, tuple(given), tuple(named))

    def before_equals(self) -> bool:
        """Whether the token is a name with `=` behind it."""
        ahead = TOKEN.match(self.text, self.position)
        return self.sort == "name" and ahead is not None and ahead["mark"] == "="


def number(token: str) -> int | float:
    """A whole number where the text has neither point nor exponent, else a float."""
    plain = token.replace("_", "")
    if re.fullmatch(r"[+-]?\d+", plain):
        return int(plain) if len(plain) < 20 else float(plain)
    return float(plain)


def resolve(tree: Any, problems: Problems) -> Any:
    """The words that a tree stands for. Mistakes are collected; a best guess or UNKNOWN stands where one is."""
    if isinstance(tree, tuple):
        return tuple(resolve(item, problems) for item in tree)
    if isinstance(tree, Joined):
        return _join(tree.mark, [resolve(term, problems) for term in tree.terms], problems)
    if not isinstance(tree, Call):
        return tree
    given = tuple(resolve(value, problems) for value in tree.given)
    named: dict[str, Any] = {}
    for name, value in tree.named:
        if name in named:
            problems.add(f"{tree.name} is given {name!r} twice")
        named[name] = resolve(value, problems)
    meant = tree.name if tree.name in WORDS else nearest(tree.name, WORDS)
    if meant != tree.name:
        advice = f"did you mean {meant!r}?" if meant else "`lamina show --words` lists what there is"
        problems.add(f"there is no {tree.name!r}; {advice}")
    return UNKNOWN if meant is None else _make(WORDS[meant], given, named, problems)


def _make(word: type[Word], given: tuple[Any, ...], named: dict[str, Any], problems: Problems) -> Any:
    values, mistakes = bind(word.name(), word.settings(), given, named)
    problems.extend(mistakes or word.conflicts(**values))
    try:
        return word(**values)
    except SentenceError:
        return UNKNOWN


def _join(mark: str, terms: list[Any], problems: Problems) -> Any:
    sort, verb = (Stage, "chained by >>") if mark == ">>" else (End, "added by +")
    for term in terms:
        if not isinstance(term, sort) and term is not UNKNOWN:
            problems.add(f"{term!r} cannot be {verb}: it is no {sort.__name__.lower()}")
    if not all(isinstance(term, sort) for term in terms):
        # Without the unknown links the others can still be checked, but not how they fit together.
        return UNKNOWN
    return Chain(terms) if mark == ">>" else Sum(terms)


def read(text: str) -> tuple[Any, list[str]]:
    """Read a text as far as it can be understood.

    Returns:
        The words (with best guesses where there are mistakes; UNKNOWN if there is nothing to go by), and the mistakes.
    """
    if len(text) > LONGEST:
        return UNKNOWN, [f"a sentence has at most {LONGEST:,} characters, got {len(text):,}"]
    problems = Problems()
    try:
        tree = Reader(text).whole()
    except SentenceError as error:
        return UNKNOWN, [str(error)]
    return resolve(tree, problems), problems.texts


def read_as(sort: type[SomeWord], text: str) -> tuple[SomeWord | None, list[str]]:
    """Read a text that must say a word of one sort; None where it does not even nearly."""
    word, mistakes = read(text)
    if isinstance(word, sort):
        return word, mistakes
    if not mistakes:
        mistakes = [f"expected {described(sort)}, got {shown(word)}"]
    return None, mistakes


def parse_as(sort: type[SomeWord], text: str) -> SomeWord:
    """The word of one sort that a text says.

    Raises:
        SentenceError: naming every mistake: a word or setting that does not exist, a value of the wrong type.
    """
    word, mistakes = read_as(sort, text)
    if mistakes or word is None:
        raise SentenceError(listed(mistakes, f"{shown(text)} cannot be read"))
    return word


def parse(text: str) -> Stage:
    """The net that a sentence says.

    Example:
        >>> parse("Dense(128) >> ReLU() >> Classify()")
        Dense(128) >> ReLU() >> Classify()

    Raises:
        SentenceError: naming every mistake: a word or setting that does not exist, a value of the wrong type.
    """
    return parse_as(Stage, text)
