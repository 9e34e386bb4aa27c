"""Checkpoints: a run's whole state in a folder for each, of which the newest that is whole survives any crash."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

import lamina
from lamina.errors import RunError, shown
from lamina.training import files
from lamina.training.files import Written
from lamina.training.weights import check_tensors, load_weights, save_weights

FORMAT = 1
STATE, MANIFEST = "state.json", "manifest.json"
SUFFIX = ".safetensors"
GROUPS = ("model", "optimizer", "average", "best", "carried")
"""What a checkpoint may hold tensors of; each group that has any is a file."""
REQUIRED = {f"model{SUFFIX}", f"optimizer{SUFFIX}", STATE}
KNOWN = {STATE, *(f"{group}{SUFFIX}" for group in GROUPS)}
STATE_BYTES = 8 * 2**20
MANIFEST_BYTES = 2**16
FOLDER = re.compile(r"step-(\d{10,})(?:-(\d+))?")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything that a run needs to go on as if it had never stopped.

    Attributes:
        step: updates made so far.
        tensors: by group, then by name: "model" (the net's parameters and buffers), "optimizer", and where they are
            kept "average" (the running average of the weights) and "best" (the weights that validated best).
        state: the rest, as JSON has it: place in the data, best measure, patience, seconds trained, fingerprint.
    """

    step: int
    tensors: dict[str, dict[str, Tensor]]
    state: dict[str, Any]

    def files(self) -> dict[str, dict[str, Tensor]]:
        """The tensors by the file that they are kept in."""
        kept = {group: self.tensors.get(group, {}) for group in GROUPS}
        return {f"{group}{SUFFIX}": held for group, held in kept.items() if held or f"{group}{SUFFIX}" in REQUIRED}

    def size(self) -> int:
        """The bytes of all tensors."""
        return sum(tensor.nbytes for tensors in self.files().values() for tensor in tensors.values())


class Place(NamedTuple):
    """A checkpoint's folder. A step that was saved again has several; the last edition counts."""

    step: int
    edition: int
    folder: Path


class Checkpoints:
    """The checkpoints of one run.

    A checkpoint is prepared in a folder of another name, which is renamed when the disk has all of it; only then are
    older ones removed. They are ordered by step and never by the clock. One process may write (see `Lock`), any may
    read.

    Args:
        folder: where they lie, `RUN/checkpoints`; made when the first is saved, within a run folder that exists.
        say: takes what the user should know, a sentence each.
        keep: how many of the newest stay.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as run:
        ...     checkpoints = Checkpoints(Path(run, "checkpoints"), say=print)
        ...     folder = checkpoints.save(Snapshot(3, {"model": {"weight": torch.ones(2)}}, {"epoch": 1}))
        ...     snapshot = checkpoints.newest()
        >>> folder.name, snapshot.tensors["model"]["weight"], snapshot.state
        ('step-0000000003', tensor([1., 1.]), {'epoch': 1})
    """

    def __init__(self, folder: Path, say: Callable[[str], object], keep: int = 2) -> None:
        self.folder = folder
        self.say = say
        self.keep = keep
        self._damaged: set[Path] = set()

    def clean(self) -> None:
        """Remove what a crash left half written or half removed. Only for the process that holds the run's lock."""
        for failure in files.clean(self.folder):
            self.say(failure)

    def steps(self) -> list[int]:
        """The steps of which there are checkpoints, ascending; whether they are whole is not looked at."""
        return sorted({place.step for place in self._places()})

    def save(self, snapshot: Snapshot, protected: Collection[int] = ()) -> Path:
        """Save a snapshot so that it survives any crash from now on, then remove those that are no longer needed.

        Checkpoints of later steps are removed too: they belong to a future that was given up.

        Args:
            snapshot: its tensors must not change meanwhile.
            protected: steps whose checkpoints stay however old they are.

        Returns:
            The checkpoint's folder.

        Raises:
            RunError: it was not saved. The older checkpoints stand as they were, and training can go on.
            ValueError: the state is not what JSON can hold.
        """
        state = _written_state(snapshot.state)
        for name, tensors in snapshot.files().items():
            check_tensors(tensors, f"{self.folder}: {name}")
        saved = self._free_place(snapshot.step)
        draft = files.draft_of(saved.folder)
        try:
            files.make_folder(self.folder)
            files.check_room(self.folder, snapshot.size() + len(state))
            _fill(draft, snapshot, state)
            files.publish(draft, saved.folder)
        except OSError as error:
            text = f"{self.folder}: the checkpoint of step {saved.step} was not saved, older ones stand: {error}"
            raise RunError(f"{text}; free space or mend the disk") from error
        finally:
            files.delete([draft])
        self._prune(saved, protected)
        return saved.folder

    def newest(self) -> Snapshot | None:
        """The newest checkpoint that is whole, or None where there is none at all.

        Damaged ones are passed over, each with a sentence to `say`.

        Raises:
            RunError: there are checkpoints and all are damaged.
        """
        mistakes: list[str] = []
        places = self._places()
        for place in reversed(places):
            try:
                snapshot = _load(place)
            except RunError as error:
                mistakes.append(str(error))
                self._damaged.add(place.folder)
                continue
            for mistake in mistakes:
                self.say(f"{mistake}; this checkpoint is passed over for that of step {place.step}")
            return snapshot
        if places:
            listing = "\n".join(f"  - {mistake}" for mistake in mistakes)
            advice = "restore one from a backup, or train anew in another folder"
            raise RunError(f"{self.folder}: all checkpoints are damaged; {advice}:\n{listing}")
        return None

    def load(self, step: int) -> Snapshot:
        """The checkpoint of one step.

        Raises:
            RunError: there is none, or it is damaged.
        """
        places = self._places()
        for place in reversed(places):
            if place.step == step:
                return _load(place)
        there = ", ".join(str(known) for known in self.steps()) or "none at all"
        raise RunError(f"{self.folder}: expected a checkpoint of step {step}, there are: {there}")

    def _places(self) -> list[Place]:
        """All checkpoints, oldest first."""
        try:
            found = [(FOLDER.fullmatch(path.name), path) for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(f"{self.folder}: expected a folder of checkpoints: {error.strerror}") from error
        return sorted(Place(int(match[1]), int(match[2] or 1), path) for match, path in found if match)

    def _free_place(self, step: int) -> Place:
        """Where a step can be saved without touching what is there of it: there must be no moment without either."""
        edition = 1 + max((place.edition for place in self._places() if place.step == step), default=0)
        return Place(step, edition, self.folder / (f"step-{step:010d}" + (f"-{edition}" if edition > 1 else "")))

    def _prune(self, saved: Place, protected: Collection[int]) -> None:
        """Remove all but the newest whole checkpoints, the one just saved among them, and the protected."""
        last = {place.step: place for place in self._places() if place.step <= saved.step}
        whole = [step for step, place in last.items() if place.folder not in self._damaged]
        kept = {last[step] for step in last if step in whole[-self.keep :] or step in protected} | {saved}
        for failure in files.discard(place.folder for place in self._places() if place not in kept):
            self.say(failure)


def _fill(draft: Path, snapshot: Snapshot, state: bytes) -> None:
    """Write a checkpoint's files. The manifest comes last: where it is, everything that it names was on the disk."""
    draft.mkdir()
    written = {name: save_weights(draft / name, tensors) for name, tensors in snapshot.files().items()}
    written[STATE] = files.write(draft / STATE, state)
    listing = {name: entry._asdict() for name, entry in written.items()}
    manifest = {"format": FORMAT, "lamina": lamina.__version__, "step": snapshot.step, "files": listing}
    files.write(draft / MANIFEST, json.dumps(manifest, indent=2).encode())
    files.sync_folder(draft)


def _load(place: Place) -> Snapshot:
    """Read a checkpoint after checking every byte of it; a RunError says what is wrong."""
    expected = _read_manifest(place)
    for name, written in expected.items():
        files.verify(place.folder / name, written)
    tensors = {name.removesuffix(SUFFIX): load_weights(place.folder / name) for name in expected if name != STATE}
    return Snapshot(place.step, tensors, files.read_json(place.folder / STATE, STATE_BYTES))


def _read_manifest(place: Place) -> dict[str, Written]:
    """What the files of a checkpoint should hold. The manifest may name known files and nothing else."""
    path = place.folder / MANIFEST
    manifest = files.read_json(path, MANIFEST_BYTES)
    if manifest.get("format") != FORMAT:
        got = shown(manifest.get("format"))
        raise RunError(f"{path}: expected format={FORMAT}, got format={got}; another lamina wrote this, use that one")
    if manifest.get("step") != place.step:
        raise RunError(f"{path}: expected step={place.step}, got step={shown(manifest.get('step'))}; it was moved here")
    listing = manifest.get("files")
    names = set(listing) if isinstance(listing, dict) else set()
    if not isinstance(listing, dict) or not REQUIRED <= names <= KNOWN:
        wanted = f"expected {', '.join(sorted(REQUIRED))} and perhaps {', '.join(sorted(KNOWN - REQUIRED))}"
        raise RunError(f"{path}: {wanted}, got {shown(sorted(names))}; lamina did not write this")
    return {name: _entry(path, name, entry) for name, entry in listing.items()}


def _entry(path: Path, name: str, entry: Any) -> Written:
    match entry:
        case {"size": int(size), "sha256": str(sha256)}:
            return Written(size, sha256)
    raise RunError(f"{path}: expected the size and sha256 of {name}, got {shown(entry)}; lamina did not write this")


def _written_state(state: dict[str, Any]) -> bytes:
    """The state as JSON; refused where it would come back as something else (a tuple as a list, 1 as "1")."""
    try:
        text = json.dumps(state, allow_nan=False, indent=2)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a checkpoint's state must be plain JSON, got {shown(state)}: {error}") from error
    if len(text) > STATE_BYTES or json.loads(text) != state:
        raise ValueError(f"a checkpoint's state must be plain JSON of at most {STATE_BYTES} bytes, got {shown(state)}")
    return text.encode()
