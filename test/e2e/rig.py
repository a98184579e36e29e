"""Starts Lifeboat and the real parts around it, on free loopback ports and below one temporary directory.

A scenario is a function that takes a Rig; `main()` runs the scenarios of a file one after the other. Whatever a scenario
started is gone when it ends, and when it fails, the last lines every part wrote are shown. A part that cannot be started
is a failure, never a reason to skip.
"""
import contextlib
import ctypes
import fcntl
import os
import pathlib
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENARIO_SECONDS_MAX = 240
LOG_LINES_SHOWN = 15


class Failure(Exception):
    """What went wrong, in the words of the domain."""


def check(holds, message: str) -> None:
    if not holds:
        raise Failure(message)


def check_equal(got, want, what: str) -> None:
    if got != want:
        raise Failure(f"{what}: got {got!r}, want {want!r}")


def eventually(condition, what: str, seconds: float = 10.0):
    """The first true value of `condition()`; fails when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds:.0f} s (last: {value!r})")
        time.sleep(0.02)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Part:
    """A running process with its own process group and its own log."""

    def __init__(self, name: str, command: list[str], log: pathlib.Path, env: dict | None):
        self.name, self.command, self.log = name, command, log
        with open(log, "ab") as out:
            try:
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                                                start_new_session=True, preexec_fn=_die_with_parent)
            except OSError as error:
                raise Failure(f"cannot start {name}: {error} (script/setup --test installs it)") from None

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, seconds: float = 15.0) -> int:
        """SIGTERM, and the exit status; a part that does not stop in time is killed and fails the scenario."""
        if self.is_running():
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} did not stop within {seconds:.0f} s of SIGTERM") from None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def text(self) -> str:
        return self.log.read_text(errors="replace")


class Rig:
    def __init__(self, name: str):
        self.name = name
        # Of digits only: podman makes repository names of paths, and some random names are none ("…x2_").
        self.directory = pathlib.Path(tempfile.gettempdir(), f"lifeboat-e2e-{secrets.randbelow(10**12)}")
        self.directory.mkdir(mode=0o700)
        self.parts: list[Part] = []
        self._port_locks: list[int] = []
        self._at_end = contextlib.ExitStack()

    def path(self, *names: str) -> pathlib.Path:
        """A path below the scenario's directory; its parent exists."""
        path = self.directory.joinpath(*names)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def folder(self, *names: str) -> pathlib.Path:
        path = self.directory.joinpath(*names)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def file(self, name: str, text: str) -> pathlib.Path:
        path = self.path(name)
        path.write_text(text)
        return path

    def at_end(self, what) -> None:
        self._at_end.callback(what)

    def port(self) -> int:
        """A port nobody listens on. Below the range the kernel hands out, and locked against other scenarios."""
        locks = pathlib.Path(tempfile.gettempdir()) / "lifeboat-e2e-ports"
        locks.mkdir(exist_ok=True)
        for _ in range(200):
            port = random.randrange(20000, 32000)
            lock = os.open(locks / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
                self._port_locks.append(lock)
                return port
            except OSError:
                os.close(lock)
        raise Failure("cannot find a free port on the loopback")

    def start(self, name: str, command: list, ready=None, env: dict | None = None, seconds: float = 20.0) -> Part:
        """Starts a part and waits until `ready()` is true."""
        command = [str(word) for word in command]
        part = Part(name, command, self.path("logs", f"{len(self.parts):02}-{name}.log"), env)
        self.parts.append(part)
        if ready:
            end = time.monotonic() + seconds
            while not ready():
                if not part.is_running():
                    raise Failure(f"{name} stopped while starting (exit status {part.process.returncode})")
                if time.monotonic() > end:
                    raise Failure(f"{name} was not ready within {seconds:.0f} s")
                time.sleep(0.01)
        return part

    def attempt(self, *command, seconds: float = 120.0, env: dict | None = None, stdin: bytes | None = None):
        """Runs a command to its end, whatever its exit status."""
        words = [str(word) for word in command]
        try:
            return subprocess.run(words, capture_output=True, timeout=seconds, env=env, input=stdin, check=False)
        except FileNotFoundError:
            raise Failure(f"cannot run '{words[0]}': it is not installed (script/setup --test installs it)") from None
        except subprocess.TimeoutExpired:
            raise Failure(f"'{' '.join(words)}' did not end within {seconds:.0f} s") from None

    def run(self, *command, **options) -> str:
        """Runs a command that must succeed; its standard output."""
        return self.succeeded(command, self.attempt(*command, **options))

    @staticmethod
    def succeeded(command, done) -> str:
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()[-2000:]
            raise Failure(f"'{' '.join(str(w) for w in command)}' failed with {done.returncode}: {said}")
        return done.stdout.decode(errors="replace")

    def unmount_all(self) -> None:
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            points = [line.split()[1] for line in mounts]
        for point in reversed([p for p in points if p.startswith(str(self.directory) + "/")]):
            subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)

    def close(self) -> None:
        for part in reversed(self.parts):
            if part.is_running():
                part.process.terminate()
        for part in reversed(self.parts):
            with contextlib.suppress(subprocess.TimeoutExpired):
                part.process.wait(5)
            part.kill()
        self._at_end.close()
        self.unmount_all()
        for lock in self._port_locks:
            os.close(lock)
        shutil.rmtree(self.directory, ignore_errors=True)

    def show_logs(self) -> None:
        for part in self.parts:
            state = "running" if part.is_running() else f"exit status {part.process.returncode}"
            lines = part.text().splitlines()
            print(f"--- {part.name} ({state}), last lines of {len(lines)}:")
            for line in lines[-LOG_LINES_SHOWN:]:
                print(f"    {line[:240]}")


def listens(port: int):
    """A readiness check: something accepts connections on that port."""
    def accepts() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False
    return accepts


_SCENARIOS = []


def scenario(function):
    _SCENARIOS.append(function)
    return function


def _run(function) -> bool:
    def too_long(*_):
        raise Failure(f"the scenario did not end within {SCENARIO_SECONDS_MAX} s")

    sentence = function.__name__.replace("_", " ")
    print(f"    {sentence}", flush=True)
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SCENARIO_SECONDS_MAX)
    start, rig = time.monotonic(), Rig(function.__name__)
    try:
        function(rig)
        print(f"ok  {sentence} ({time.monotonic() - start:.1f} s)", flush=True)
        return True
    except Exception as error:  # pylint: disable=broad-except
        print(f"FAILED  {sentence} ({time.monotonic() - start:.1f} s): {error or type(error).__name__}")
        if not isinstance(error, Failure):
            traceback.print_exc(file=sys.stdout)
        else:
            frames = traceback.extract_tb(error.__traceback__)
            place = next((f for f in reversed(frames) if f.filename.endswith(("_test.py", "_events.py"))), frames[-1])
            print(f"    at {os.path.basename(place.filename)}:{place.lineno}: {place.line}")
        rig.show_logs()
        return False
    finally:
        signal.alarm(0)
        _close(rig)


def _close(rig: Rig) -> None:
    """A SIGTERM that comes now waits: nobody would take up what it interrupts."""
    late = []
    before = signal.signal(signal.SIGTERM, lambda *_: late.append(True))
    rig.close()
    signal.signal(signal.SIGTERM, before)
    if late:
        sys.exit(143)


def main() -> None:
    """Runs the scenarios of this file, or those whose names are given; leaves 1 when one failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if os.getuid() != 0:
        sys.exit("end-to-end tests mount file systems and start container engines: run them as root (sudo script/test)")
    wanted = [f for f in _SCENARIOS if len(sys.argv) == 1 or f.__name__ in sys.argv[1:]]
    if not wanted:
        sys.exit(f"no such scenario (have {', '.join(f.__name__ for f in _SCENARIOS)})")
    failed = [f.__name__ for f in wanted if not _run(f)]
    print(f"{len(wanted) - len(failed)} of {len(wanted)} scenarios passed")
    sys.exit(1 if failed else 0)
