"""What can write: stages that go on from position to position about something that they look at."""

from __future__ import annotations

from lamina.chance import at_position
from lamina.kinds import Kind, Sequence, Vector
from lamina.stage import Flow, Stage, State


class Cell(Stage):
    """A causal stage that may also be built beside a memory: what an encoder gave, or one vector of it.

    `build` makes it as a stage of a chain. `build_about` makes it as the decoder of `Write`, where `begin` turns the
    memory into the state before the first position, and `carry` goes on from there, for one position or for many.
    """

    def build_about(self, given: Sequence, memory: Vector | Sequence) -> Kind:
        """Make the parameters for positions of kind `given` that are about a memory, and say what comes out.

        Raises:
            KindError: if the stage cannot look at such a memory.
        """
        raise NotImplementedError(f"{self.name()} does not say how it looks at a memory")

    def begin(self, memory: Flow) -> State:
        """The state before the first position that is about this memory."""
        raise NotImplementedError(f"{self.name()} does not say how it begins")

    def carry_at(self, x: Flow, state: State, place: int) -> tuple[Flow, State]:
        """`carry` for position number `place` of rows that are given one position at a time, with noise of its own."""
        with at_position(place):
            return self.carry(x, state)
