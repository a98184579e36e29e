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
    """`names`: what the runbook's variables stand for."""

    def __init__(self, rig: Rig, file: str, **names):
        self.rig, self.file = rig, file
        self.steps = steps_of((RUNBOOKS / file).read_text())
        check(self.steps, f"{file} has no command")
        tools = rig.folder("tools")
        (tools / "lifeboat").unlink(missing_ok=True)
        (tools / "lifeboat").symlink_to(LIFEBOAT)
        home = rig.folder("home")
        policy = rig.path("home", ".config/containers/policy.json")
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        values = {name: str(value) for name, value in names.items()}
        self.environment = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}", HOME=str(home), **values)

    def run(self, before: dict | None = None) -> dict[str, int]:
        """All steps, and how each ended. `before`: what somebody does who reads the text around the commands, by the number
        of the command it comes before; -1 is the last."""
        acts = {number % len(self.steps): act for number, act in (before or {}).items()}
        ended = {}
        for number, step in enumerate(self.steps):
            acts.get(number, lambda: None)()
            done = subprocess.run(["bash", "-c", step.command], env=self.environment, stdin=subprocess.DEVNULL, text=True,
                                  capture_output=True, timeout=COMMAND_SECONDS_MAX, check=False, cwd=pathlib.Path("/"))
            check(done.returncode in step.exits,
                  f"{self.file}: `{step.command}` ended with {done.returncode}, and the runbook says "
                  f"{' or '.join(map(str, sorted(step.exits)))}:\n{done.stdout}{done.stderr}")
            ended[step.command] = done.returncode
        return ended
