import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import lamina
from lamina.errors import RunError
from lamina.training.lock import Lock

HOLD = """
import sys
from pathlib import Path
from lamina.training.lock import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_trainer(run):
    """Another process that holds the lock until it is told to end, or is killed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(lamina.__file__).parents[1])}
    command = [sys.executable, "-c", HOLD, str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as child:
        try:
            assert child.stdout.readline() == b"held\n"
            yield child
        finally:
            child.kill()


def test_a_second_trainer_is_told_who_holds_the_run_and_gets_it_when_that_one_dies(tmp_path):
    with other_trainer(tmp_path) as child:
        with pytest.raises(RunError) as caught, Lock(tmp_path):
            pass
        assert str(caught.value) == (
            f"{tmp_path} is in use by process {child.pid} on {socket.gethostname()}; "
            "wait until it ends, stop it, or choose another folder"
        )
        child.send_signal(signal.SIGKILL)
        child.wait()
        with Lock(tmp_path):
            pass


def test_the_lock_is_free_after_the_block_even_when_it_ends_in_an_error(tmp_path):
    with pytest.raises(ValueError, match="in training"), Lock(tmp_path):
        raise ValueError("in training")
    with Lock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()} {socket.gethostname()}\n"


def test_two_locks_in_one_process_exclude_each_other(tmp_path):
    with Lock(tmp_path):
        with pytest.raises(RunError, match=f"in use by process {os.getpid()} on "), Lock(tmp_path):
            pass
        open_files = len(list(Path("/proc/self/fd").iterdir()))
        # The one that was refused must not have let go of the other's lock.
        with pytest.raises(RunError, match="in use"), Lock(tmp_path):
            pass
        assert len(list(Path("/proc/self/fd").iterdir())) == open_files


@pytest.mark.parametrize("text", ["", "no one\n", "9" * 10_000, "\x1b[2J 12\n", "12 a b\n"])
def test_a_lock_whose_text_makes_no_sense_is_held_by_another_process(tmp_path, text):
    with Lock(tmp_path):
        (tmp_path / "lock").write_text(text)
        with pytest.raises(RunError, match="is in use by another process; wait until"), Lock(tmp_path):
            pass


def test_what_an_earlier_holder_left_in_the_file_does_not_matter(tmp_path):
    (tmp_path / "lock").write_text("1 elsewhere with a long name\n" * 9)
    with Lock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()} {socket.gethostname()}\n"


def test_a_folder_that_is_not_there_cannot_be_locked(tmp_path):
    with pytest.raises(RunError) as caught, Lock(tmp_path / "gone"):
        pass
    assert str(caught.value) == (
        f"{tmp_path / 'gone'} cannot be locked: No such file or directory; choose another folder"
    )
