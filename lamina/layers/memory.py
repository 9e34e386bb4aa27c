"""The end-to-end memory network: sentences that a question looks at, in several hops."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from lamina.chance import generator
from lamina.errors import KindError
from lamina.initialise import Following
from lamina.kinds import END_TOKEN, Kind, Padded, Tokens, Vector
from lamina.layers.weights import new_rows, new_weight
from lamina.settings import Count, Natural
from lamina.stage import Stage, expect

SPREAD = 0.1
"""The standard deviation of first weights. Source: Sukhbaatar et al. 2015, section 4.2."""


class Story(NamedTuple):
    """Where each token of a row stands among its sentences; anything goes at hidden tokens and separators.

    Attributes:
        word: whether the token is visible and no separator.
        age: how many sentences its own lies before the question: 0 in the question, 1 in the latest sentence.
        place: j, which word of its sentence it is, from 1.
        length: J, the words of its sentence.
        before: how many sentences there are before the question.
    """

    word: Bool[Tensor, "B T"]
    age: Int64[Tensor, "B T"]
    place: Int64[Tensor, "B T"]
    length: Int64[Tensor, "B T"]
    before: Int64[Tensor, " B"]


class Uses(NamedTuple):
    """Which table of words is used where, by number.

    Attributes:
        question: B.
        hops: A and C of each hop.
    """

    question: int
    hops: tuple[tuple[int, int], ...]


class Memory(Stage):
    """u + o after the last hop: a question u looks at the sentences before it, o = sum_i softmax(u . m_i) c_i.

    A row of tokens is a story: sentences, and last of all the question. `separator` ends a sentence; behind the
    question it may stand or not. Separators without words between them make no sentence.

    Sentence i, i = 0 for the latest, is m_i = sum_j l_j * A x_ij + T_A(i) where it is looked for, and
    c_i = sum_j l_j * C x_ij + T_C(i) where it is looked up; the question is u = sum_j l_j * B x_j. Each hop goes on
    from the last one's u + o. A row without a sentence before its question gives u, one without words zeros.

    Source: Sukhbaatar, Szlam, Weston and Fergus 2015, "End-to-end memory networks", equations 1, 2 and 4, section 4.1;
    the ways of tying, section 2.2. There the answer is a word of the vocabulary, softmax(W (u + o)), and "adjacent"
    ties W to the last C; here W is that of the end that follows, such as `Classify`. As there, all weights start normal
    with a standard deviation of 0.1. They also begin training without the softmax, and add empty sentences at random
    (section 4.2); this stage does neither.

    Args:
        width: the numbers of u.
        hops: K, how often the question looks.
        separator: the token that ends a sentence.
        sentences: how many the memory holds. Earlier ones are forgotten, as if they had not been said.
        tying: "adjacent" for A of a hop = C of the hop before, and B = A of the first; "layers" for the same A and C in
            all hops, and u' = H u + o behind each; "none" for none of this. T_A and T_C are tied as A and C are.
        encoding: "position" for l_j as in `position_weights`, by which the order of words matters; "bag" for 1.

    Example:
        >>> import lamina as la
        >>> la.build(la.Memory(5, hops=2) >> la.Classify(), la.Tokens(11), la.Label(2)).parameter_count()
        927
    """

    width: Count
    hops: Count = 3
    separator: Natural = END_TOKEN
    sentences: Count = 50
    tying: Literal["adjacent", "layers", "none"] = "adjacent"
    encoding: Literal["position", "bag"] = "position"

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Tokens)
        if self.separator >= given.vocabulary:
            raise KindError(
                f"{self} ends sentences with token {self.separator}, but {given} has none above {given.vocabulary - 1};"
                " set separator to the token that does",
                cured=Tokens(self.separator + 1),
            )
        self.uses = uses(self.hops, self.tying)
        tables = len({self.uses.question, *(table for hop in self.uses.hops for table in hop)})
        timed = 1 + max(table for hop in self.uses.hops for table in hop)
        self.words = nn.ParameterList(new_rows(self, given, given.vocabulary, self.width) for _ in range(tables))
        self.times = nn.ParameterList(new_rows(self, given, self.sentences, self.width) for _ in range(timed))
        self.between = new_weight(self, given, self.width, self.width) if self.tying == "layers" else None
        return Vector(self.width)

    def initialise(self, seed: int, following: Following) -> None:
        for name, parameter in self.named_parameters():
            nn.init.normal_(parameter, 0, SPREAD, generator=generator(seed, self.place, name))

    def forward(self, x: Padded) -> Float[Tensor, "B D"]:
        story = told(x, self.separator)
        # Half the tokens of a row are as many sentences as it can hold before its question.
        count = min(self.sentences, x.values.shape[1] // 2)
        counts = self.counts(story, count, self.words[0].dtype)
        texts = [summed(F.embedding(x.values, table) * counts, story.age, count) for table in self.words]
        memories = [texts[place][:, 1:] + time[:count] for place, time in enumerate(self.times)]  # (B, N, D) each
        exists = torch.arange(count, device=story.before.device) < story.before[:, None]  # (B, N)
        u = texts[self.uses.question][:, 0]  # (B, D)
        for looked_for, looked_up in self.uses.hops:
            o = looked(u, memories[looked_for], memories[looked_up], exists)
            u = o + (u if self.between is None else F.linear(u, self.between))
        return u

    def counts(self, story: Story, count: int, dtype: torch.dtype) -> Float[Tensor, "B T _"]:
        """What the numbers of each word count in its sentence; 0 for those of none, or of one that is forgotten."""
        kept = (story.word & (story.age <= count))[..., None]  # (B, T, 1)
        if self.encoding == "bag":
            return kept.to(dtype)
        return position_weights(story.place, story.length, self.width, dtype).masked_fill(~kept, 0.0)

    def looks_back(self) -> bool:
        return False

    def multiply_adds(self) -> int:
        """Each hop compares the question with every sentence that the memory holds, and adds them up."""
        between = 0 if self.between is None else self.between.numel()
        return self.hops * (2 * self.sentences * self.width + between)


def uses(hops: int, tying: Literal["adjacent", "layers", "none"]) -> Uses:
    """The tables of words of each hop; those of the hops first. Source: Sukhbaatar et al. 2015, section 2.2."""
    if tying == "adjacent":
        return Uses(0, tuple((hop, hop + 1) for hop in range(hops)))
    if tying == "layers":
        return Uses(2, ((0, 1),) * hops)
    return Uses(2 * hops, tuple((2 * hop, 2 * hop + 1) for hop in range(hops)))


def told(x: Padded, separator: int) -> Story:
    """Where each token stands: sentences are runs of words between separators, the last one is the question."""
    word = x.visible & (x.values != separator)
    first = word & ~F.pad(word, (1, -1))  # no word comes before it
    number = first.long().cumsum(1)  # (B, T); from 1
    places = torch.arange(word.shape[1], device=word.device).expand_as(number)
    begins = places.where(first, 0).cummax(1).values
    lengths = number.new_zeros(len(word), word.shape[1] + 1).scatter_add(1, number, word.long())
    last = number[:, -1:]
    return Story(word, last - number, places - begins + 1, lengths.gather(1, number), (last[:, 0] - 1).clamp(min=0))


def summed(vectors: Float[Tensor, "B T D"], age: Int64[Tensor, "B T"], count: int) -> Float[Tensor, "B {count+1} D"]:
    """The sums over the question and over the `count` sentences before it, the latest first."""
    found = vectors.new_zeros(len(vectors), count + 1, vectors.shape[-1])
    return found.scatter_add(1, age.clamp(max=count)[..., None].expand_as(vectors), vectors)


def position_weights(
    place: Int64[Tensor, "B T"], length: Int64[Tensor, "B T"], width: int, dtype: torch.dtype
) -> Float[Tensor, "B T D"]:
    """l_kj = (1 - j / J) - (k / d) (1 - 2 j / J), k = 1, ..., d: what number k of word j counts in its sentence.

    Source: Sukhbaatar et al. 2015, section 4.1 (PE). J is the length of the sentence itself.
    """
    share = place.to(dtype)[..., None] / length.clamp(min=1)[..., None]  # (B, T, 1): j / J
    part = torch.arange(1, width + 1, device=place.device, dtype=dtype) / width  # k / d
    return (1 - share) - part * (1 - 2 * share)


def looked(
    u: Float[Tensor, "B D"], m: Float[Tensor, "B N D"], c: Float[Tensor, "B N D"], exists: Bool[Tensor, "B N"]
) -> Float[Tensor, "B D"]:
    """o = sum_i p_i c_i with p = softmax(u . m_1, ..., u . m_N), over the sentences that exist; 0 where none does.

    Source: Sukhbaatar et al. 2015, equations 1 and 2.
    """
    scores = (m @ u[..., None]).squeeze(-1)  # (B, N)
    # The least finite number, for a softmax over nothing but -inf is nan.
    p = scores.masked_fill(~exists, torch.finfo(scores.dtype).min).softmax(-1)
    return (p.masked_fill(~exists, 0.0)[:, None] @ c).squeeze(1)
