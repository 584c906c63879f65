"""Ctrl-C between two rows: never after a row was counted and before it was written."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from scanner.database import load_database
from scanner.engines import Engine, PoolEngine, SerialEngine
from scanner.interruption import Interruption, hear, held, kept_from_children, next_of, put_off
from scanner.phones.fleet import Fleet
from scanner.scanning import Scan
from tests.conftest import ROOT
from tests.support.apk_builder import build_apk


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Ctrl-C as at a terminal: what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def numbers(pressed_before: int | None = None) -> Iterator[int]:
    for number in range(5):
        if number == pressed_before:
            press()
        yield number


def consume(ctrl_c: Interruption, written: list[int], presses: int) -> None:
    """Press while the item 2 is written."""
    for number in ctrl_c.between(numbers()):
        for _ in range(presses if number == 2 else 0):
            press()
        written.append(number)


def test_it_waits_until_the_next_item_is_asked_for() -> None:
    written: list[int] = []
    with Interruption() as ctrl_c, pytest.raises(KeyboardInterrupt):
        consume(ctrl_c, written, presses=1)
    assert written == [0, 1, 2]


def test_it_is_heard_while_an_item_is_awaited() -> None:
    with Interruption() as ctrl_c, pytest.raises(KeyboardInterrupt):
        list(ctrl_c.between(numbers(pressed_before=3)))


def test_a_second_one_does_not_wait() -> None:
    written: list[int] = []
    with Interruption() as ctrl_c, pytest.raises(KeyboardInterrupt):
        consume(ctrl_c, written, presses=2)
    assert written == [0, 1]


def test_one_that_came_too_late_is_forgotten() -> None:
    with Interruption() as ctrl_c:
        assert list(ctrl_c.between(numbers())) == [0, 1, 2, 3, 4]
        press()


def test_signals_are_given_back_and_left_alone_where_it_is_not_entered() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruption():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
    assert list(Interruption().between(numbers())) == [0, 1, 2, 3, 4]
    with pytest.raises(KeyboardInterrupt):
        consume(Interruption(), [], presses=1)


def test_another_thread_may_enter_it() -> None:
    found: list[int] = []

    def run() -> None:
        with Interruption() as ctrl_c:
            found.extend(ctrl_c.between(numbers()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [0, 1, 2, 3, 4]


class Finalized:
    """What is raised while it is thrown away is printed and ends nothing, as with the futures of a cluster."""

    def __del__(self) -> None:
        press()


def finalizing(heard: list[int], *, ask: bool) -> Iterator[int]:
    with held():
        yield 0
        Finalized()
        heard.append(1)
        if ask:
            hear()
        heard.append(2)
        yield 1


@pytest.mark.parametrize("ask", [False, True])
def test_what_holds_it_hears_it_when_it_asks_or_when_the_next_item_is_asked_for(*, ask: bool) -> None:
    heard: list[int] = []
    items: list[int] = []
    with Interruption() as ctrl_c, pytest.raises(KeyboardInterrupt):
        items.extend(ctrl_c.between(finalizing(heard, ask=ask)))
    assert heard == ([1] if ask else [1, 2])


def test_what_another_thread_holds_is_heard_here() -> None:
    held_there, heard_here, raised = threading.Event(), threading.Event(), list[BaseException]()

    def there() -> None:
        try:
            with held():
                held_there.set()
                heard_here.wait()
                hear()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it should not be there
            raised.append(error)

    def pressed() -> Iterator[int]:
        held_there.wait()
        press()
        yield 0

    thread = threading.Thread(target=there, daemon=True)
    with Interruption() as ctrl_c:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            next(ctrl_c.between(pressed()))
        heard_here.set()
        thread.join()
    assert raised == []


def test_phones_are_all_begun_before_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, start = list[int](), Fleet.start

    def pressing(self: Fleet) -> None:
        press()
        start(self)
        begun.append(1)

    monkeypatch.setattr(Fleet, "start", pressing)
    with Interruption() as ctrl_c:
        scan = Scan([], load_database(), interruption=ctrl_c)
        list(scan.rows())
    assert (begun, scan.summary().interrupted) == ([1], True)


def test_a_second_one_is_raised_although_the_first_is_held() -> None:
    def pressed() -> Iterator[int]:
        with held():
            press()
            press()
            yield 0

    with Interruption() as ctrl_c, pytest.raises(KeyboardInterrupt):
        next(ctrl_c.between(pressed()))


def test_what_must_be_there_whole_is_made_before_it_is_heard() -> None:
    made: list[int] = []

    def make(presses: int) -> None:
        with put_off():
            for _ in range(presses):
                press()
            made.append(presses)

    make(0)
    with pytest.raises(KeyboardInterrupt):
        make(1)
    assert made == [0, 1]
    with pytest.raises(KeyboardInterrupt):
        make(2)
    assert made == [0, 1]


def test_a_cluster_that_was_only_just_being_made_is_ended_without_a_word(tmp_path: Path) -> None:
    script = """
from scanner import engines
class Engine:
    def close(self):
        print("ended")
def made(*_, **__):
    press()
    print("made")
    return Engine()
engines.engine_for = made
from scanner.cli import engining
engining.engine_for = made
"""
    code, out, err = pressed(tmp_path, THE_END.format(script))
    assert (code, out, err.strip()) == (130, "made\nended\n", "")


def test_processes_that_are_started_within_never_hear_it_and_here_it_comes_at_the_end(tmp_path: Path) -> None:
    """In a process with no other thread: one that is not deaf would take what is meant to wait."""
    script = """
import os, signal, subprocess, threading
from scanner.interruption import kept_from_children

def start():
    subprocess.run(["sh", "-c", "kill -INT $$; echo unheard"])

try:
    with kept_from_children():
        start()
        thread = threading.Thread(target=start)
        thread.start()
        thread.join()
        os.kill(os.getpid(), signal.SIGINT)
        print("the end", flush=True)
except KeyboardInterrupt:
    print("heard", signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
    assert pressed(tmp_path, script) == (0, "unheard\nunheard\nthe end\nheard False\n", "")


def test_what_another_thread_took_while_processes_are_started_comes_at_the_end_too() -> None:
    said: list[str] = []

    def started() -> Iterator[int]:
        with kept_from_children():
            handler = signal.getsignal(signal.SIGINT)
            assert callable(handler)
            handler(signal.SIGINT, None)  # as Python does in the main thread, whichever thread took the signal
            said.append("started")
        said.append("too late")
        yield 0

    with Interruption() as ctrl_c, pytest.raises(KeyboardInterrupt):
        next(ctrl_c.between(started()))
    assert said == ["started"]


def test_ctrl_c_for_a_whole_group_ends_no_worker_of_a_cluster_with_a_traceback(tmp_path: Path) -> None:
    script = """
from scanner.cli import engining
make = engining.engine_for
def made(*words):
    engine = make(*words)
    os.killpg(0, signal.SIGINT)
    return engine
engining.engine_for = made
sys.argv[1:] = ["--engine", "dask", "-j", "1"]
"""
    code, _, err = pressed(tmp_path, THE_END.format(script))
    assert (code, err.strip()) == (130, "")


def test_without_anybody_who_waits_nothing_is_held() -> None:
    with held(), pytest.raises(KeyboardInterrupt):
        press()
    hear()


@pytest.mark.parametrize("how", [["-m", "pressed"], ["pressed.py"]], ids=["module", "file"])
def test_the_exit_code_is_ours_wherever_ctrl_c_came(tmp_path: Path, how: list[str]) -> None:
    """While `dataclasses` makes a class, say, which runs text as code."""
    (tmp_path / "pressed.py").write_text(
        "import sys\n"
        "from scanner.cli import run\n"
        "from scanner.interruption import Interruption\n"
        "def pressed(self, items):\n"
        "    exec('raise KeyboardInterrupt')\n"
        "Interruption.between = pressed\n"
        "sys.argv[1:] = ['scan', '.', '-q', '-o', 'jsonl=rows.jsonl']\n"
        "run()\n"
    )
    done = subprocess.run(
        [sys.executable, *how], cwd=tmp_path, env=os.environ | {"PYTHONPATH": f"{ROOT}:."}, check=False
    )
    assert done.returncode == 130
    assert (tmp_path / "rows.jsonl").exists()


@pytest.mark.parametrize("how", [["-m", "pressed"], ["pressed.py"]], ids=["module", "file"])
def test_ctrl_c_while_the_program_is_still_loaded_is_no_traceback(tmp_path: Path, how: list[str]) -> None:
    script = (
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'scanner.cli.scan':\n"
        "            exec('raise KeyboardInterrupt')\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "from scanner.__main__ import main\n"
        "main()\n"
    )
    assert pressed(tmp_path, script, how) == (130, "", "")


def pressed(folder: Path, script: str, how: Sequence[str] = ("pressed.py",)) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a script."""
    (folder / "pressed.py").write_text(script)
    there = os.environ | {"PYTHONPATH": f"{ROOT}:."}
    done = subprocess.run(
        [sys.executable, *how], cwd=folder, env=there, capture_output=True, text=True, check=False,
        start_new_session=True,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


THE_END = """
import atexit, os, signal, sys, threading
from scanner import cli

def press():
    os.kill(os.getpid(), signal.SIGINT)

class Thrown:
    def __init__(self, what): self.what = what
    def __del__(self): self.what()

def last():
    threading.main_thread().join()
    press()

{}
os.makedirs("empty", exist_ok=True)
sys.argv[1:] = ["scan", "empty", "-q", "-o", "jsonl=rows.jsonl", *sys.argv[1:]]
if __name__ == "__main__":
    cli.run()
"""
NOTHING_TO_SCAN = 4


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("cli._give_up_what_cannot_be_written = press", 130),
        ("cli._end_at_ctrl_c, end = lambda code: (end(code), press()), cli._end_at_ctrl_c", NOTHING_TO_SCAN),
        ("threading.Thread(target=last).start()", NOTHING_TO_SCAN),
        ("atexit.register(press)", NOTHING_TO_SCAN),
        ("kept = Thrown(press)", NOTHING_TO_SCAN),
    ],
    ids=["still running", "done", "waiting for a thread", "at exit", "torn down"],
)
def test_ctrl_c_at_the_very_end_is_never_a_traceback_nor_a_death_by_signal(
    tmp_path: Path, when: str, code: int
) -> None:
    assert pressed(tmp_path, THE_END.format(when)) == (code, "", "")
    assert (tmp_path / "rows.jsonl").read_text().count('"type":"summary"') == 1


def test_ctrl_c_that_python_can_raise_nowhere_is_not_printed_and_not_lost(tmp_path: Path) -> None:
    script = (
        "os.makedirs('empty/a')\n"
        "open('empty/a/text', 'w').close()\n"
        "from scanner import scanning\n"
        "make, scanning.open_source = scanning.open_source, lambda spec: (Thrown(press), make(spec))[1]"
    )
    code, out, err = pressed(tmp_path, THE_END.format(script))
    assert (code, out, err) == (130, "", "")
    assert '"interrupted":true' in (tmp_path / "rows.jsonl").read_text()


def test_what_else_python_can_raise_nowhere_is_printed(tmp_path: Path) -> None:
    code, _, err = pressed(tmp_path, THE_END.format("cli._open_what_is_closed = lambda: Thrown(lambda: 1 / 0)"))
    assert code == NOTHING_TO_SCAN
    assert "ZeroDivisionError" in err


def test_a_signal_that_another_thread_took_ends_the_wait() -> None:
    def elsewhere() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        os.kill(os.getpid(), signal.SIGINT)

    def awaited() -> Iterator[int]:
        threading.Timer(0.1, elsewhere).start()  # not before it is heard: else it would end the tests
        yield next_of(queue.SimpleQueue[int]())

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # of this thread alone: it cannot be woken
    try:
        with Interruption() as ctrl_c, pytest.raises(KeyboardInterrupt):
            next(ctrl_c.between(awaited()))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@pytest.mark.parametrize("engine", [SerialEngine, lambda: PoolEngine(2, worth_it=1)], ids=["serial", "pool"])
def test_a_scan_that_is_stopped_between_two_rows_ends_there(tmp_path: Path, engine: Callable[[], Engine]) -> None:
    data = build_apk("com.example.a")
    for number in range(200):
        (tmp_path / f"{number:03}.apk").write_bytes(data)
    scan = Scan([str(tmp_path)], load_database(), engine=engine())
    rows = scan.rows()
    next(rows)
    scan.stop()
    assert list(rows) == []
    assert (scan.summary().interrupted, scan.summary().counts["apps"]) == (True, 1)
