"""Runs a runbook as it is written: each line of a ```console block that begins with `$ ` is a command, and the comment
`# exits N [or M …]` behind it says how it may end (0 when it says nothing)."""
import dataclasses
import os
import pathlib
import re
import subprocess

from parts import LIFEBOAT
from rig import ROOT, Rig, check

RUNBOOKS = ROOT / "doc" / "runbooks"
COMMAND_SECONDS_MAX = 60


@dataclasses.dataclass
class Step:
    command: str
    exits: set[int]


def steps_of(text: str) -> list[Step]:
    steps = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            check(line.startswith("$ "), f"a line of a console block is no command: {line!r}")
            command, _, remark = line[2:].partition("   # exits ")
            steps.append(Step(command, {int(number) for number in remark.split(" or ")} if remark else {0}))
    return steps


class Runbook:
    """`names`: what the runbook's variables stand for. What each command printed is kept, by the command."""

    def __init__(self, rig: Rig, file: str, **names):
        self.rig, self.file, self.printed = rig, file, {}
        self.steps = steps_of((RUNBOOKS / file).read_text())
        check(self.steps, f"{file} has no command")
        tools = rig.folder("tools")
        (tools / "lifeboat").unlink(missing_ok=True)
        (tools / "lifeboat").symlink_to(LIFEBOAT)
        self.environment = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}", **{k: str(v) for k, v in names.items()})

    def run(self, *, only: str = "", until: str = "") -> dict[str, int]:
        """The steps whose command contains `only`, up to and without the first that contains `until`; how each ended."""
        ended = {}
        for step in self.steps:
            if until and until in step.command:
                break
            if only not in step.command:
                continue
            done = subprocess.run(["bash", "-c", step.command], env=self.environment, stdin=subprocess.DEVNULL, text=True,
                                  capture_output=True, timeout=COMMAND_SECONDS_MAX, check=False, cwd=pathlib.Path("/"))
            self.printed[step.command] = done.stdout + done.stderr
            check(done.returncode in step.exits,
                  f"{self.file}: `{step.command}` ended with {done.returncode}, and the runbook says "
                  f"{' or '.join(map(str, sorted(step.exits)))}:\n{done.stdout}{done.stderr}")
            ended[step.command] = done.returncode
        return ended
