"""A child process that ends, or loses power, at a change of the disk that is named by its number."""

import functools
import itertools
import os
import traceback
import warnings
from pathlib import Path

import safetensors.torch

CHANGES = ("mkdir", "write", "fsync", "rename", "unlink", "rmdir")


class Ending:
    """Makes this process end at the `number`th change of the disk, in the midst of it where it is a write.

    Where the power fails, what was not synced is lost: contents of files, and names given by renaming.
    """

    def __init__(self, number, power_fails):
        self.number, self.power_fails = number, power_fails
        self.count = itertools.count(1)
        self.contents, self.renamed = {}, {}  # what is not synced, by the inode that has to be
        self.real = {name: getattr(os, name) for name in CHANGES}
        self.save_file, safetensors.torch.save_file = safetensors.torch.save_file, self.counted_save_file
        for name in CHANGES:
            setattr(os, name, functools.partial(self.counted, name))

    def end(self, code=137):
        if self.power_fails:
            for handle in self.contents.values():
                os.ftruncate(handle, 0)
            for old, new in (pair for pairs in self.renamed.values() for pair in reversed(pairs)):
                self.real["rename"](new, old)
        os._exit(code)

    def counted(self, name, *given, **named):
        last = next(self.count) == self.number
        if last and name == "write":
            given = given[0], given[1][: len(given[1]) // 2]
        elif last:
            self.end()
        result = self.real[name](*given, **named)
        if name == "write":
            self.contents[os.fstat(given[0]).st_ino] = os.dup(given[0])
        elif name == "rename":
            self.renamed.setdefault(Path(given[1]).parent.stat().st_ino, []).append(given)
        elif name == "fsync":
            self.contents.pop(os.fstat(given[0]).st_ino, None)
            self.renamed.pop(os.fstat(given[0]).st_ino, None)
        if last:
            self.end()
        return result

    def counted_save_file(self, tensors, path):
        last = next(self.count) == self.number
        self.save_file(tensors, path)
        handle = os.open(path, os.O_RDWR)
        self.contents[os.fstat(handle).st_ino] = handle
        if last:
            os.ftruncate(handle, path.stat().st_size // 2)
            self.end()


def ends_in_child(act, number, power_fails):
    """Whether `act`, in a child process, comes to the `number`th change of the disk and ends there."""
    with warnings.catch_warnings():
        # Newer Pythons warn of threads that are lost in the child; none is needed there.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            ending = Ending(number, power_fails)
            act()
            ending.end(0)  # what was done must be safe by now
        finally:
            traceback.print_exc()
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 137)
    return code == 137
