"""A job's state as a checkpoint, and back: all that the next step follows from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lamina.carried import put_together, taken_apart
from lamina.data.split import fingerprint
from lamina.errors import RunError
from lamina.training import machine
from lamina.training.checkpoint import Snapshot
from lamina.training.data import same_data
from lamina.training.optimizers import restore_state, state_tensors
from lamina.training.plan import Plan, edited
from lamina.training.weights import fit_into

if TYPE_CHECKING:
    from lamina.training.job import Job


def save(job: Job) -> None:
    """Write a checkpoint; the one that a rollback may need stays.

    Raises:
        RunError: if the disk refuses.
    """
    snapshot = snapshot_of(job)
    epoch_began = job.step // job.batches.count * job.batches.count
    try:
        snapshot.state["log_bytes"] = job.log.flush()
        job.checkpoints.save(snapshot, [epoch_began] if job.plan.nonfinite == "rollback" else [])
    except OSError as error:
        text = f"{job.log.path}: step {job.step} was not saved: {error.strerror}; free space or mend the disk"
        raise RunError(text) from None


def snapshot_of(job: Job) -> Snapshot:
    """The job as it is now, but for how long its log is."""
    behind, carried = taken_apart(job.carried.state)
    state = {
        "seconds": job.seconds(),
        **job.best.state(),
        "stopped_early": job.stopped_early,
        "troubles": job.troubles,
        "rate_factor": job.rate_factor,
        "data": fingerprint(job.whole.dataset),
        "plan": {name: value for name, value in job.plan.values().items() if name not in Plan.FREE},
        "machine": machine.fingerprint(job.device),
        "carried": behind,
    }
    tensors = {
        "model": job.net.state_dict(),
        "optimizer": state_tensors(job.groups),
        "average": job.average.tensors() if job.average is not None else {},
        "best": job.best.weights,
        "carried": carried,
    }
    return Snapshot(job.step, tensors, state)


def restore(job: Job, snapshot: Snapshot) -> None:
    """Take up a checkpoint's state.

    Raises:
        RunError: if the data or the plan are others than when it was written, or it does not fit the net.
    """
    state = snapshot.state
    same_data(job.folder, job.whole.dataset, state["data"])
    where = f"{job.folder}: the checkpoint of step {snapshot.step}"
    if changes := edited(job.plan, state["plan"]):
        raise RunError(f"{where}: run.toml was edited since: {'; '.join(changes)}; undo that, or train anew")
    fit_into(job.net.state_dict(), snapshot.tensors["model"], where)
    restore_state(job.groups, snapshot.tensors["optimizer"])
    if job.average is not None:
        fit_into(job.average.tensors(), snapshot.tensors["average"], f"{where}, average")
    behind = {name: tensor.to(job.device) for name, tensor in snapshot.tensors.get("carried", {}).items()}
    job.carried.state = put_together(state.get("carried"), behind)
    job.best.restore(state, snapshot.tensors.get("best", {}))
    job.step, job.stopped_early = snapshot.step, state["stopped_early"]
    job.troubles, job.rate_factor = state["troubles"], state["rate_factor"]
    job.seconds_before, job.started = state["seconds"], time.perf_counter()
    job.log.cut(state["log_bytes"])
    if changed := machine.changes(state["machine"], machine.fingerprint(job.device)):
        job.say(f"same samples, but not the same bits as without the break: {'; '.join(changed)}")
