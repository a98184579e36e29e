#!/usr/bin/env python3
"""bench/containerd_outage.py [--rounds N] [--pulls N] [--only LIST]: what an outage costs a node.

containerd pulls content that Lifeboat holds, with both upstreams alive and with both in a black hole (nothing comes back
from them, not even a refusal), in turns; before each pull it forgets image and content. Needs root and the packages of
`script/setup --test`; two minutes on an idle machine. LIFEBOAT_BIN names another binary than the release build. Prints
medians of seconds, and leaves 1 when dead takes more than 1.2 times alive. Beside them, for a machine on which something
else runs: the ratio of the quickest pulls, and the milliseconds of a pull that are Lifeboat's own.
"""
import argparse
import collections
import dataclasses
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test" / "e2e"))
import content  # noqa: E402  pylint: disable=wrong-import-position
import network  # noqa: E402  pylint: disable=wrong-import-position
from outage_clients import ContainerdEngine  # noqa: E402  pylint: disable=wrong-import-position
from outage_stage import Stage  # noqa: E402  pylint: disable=wrong-import-position
from rig import Rig, eventually  # noqa: E402  pylint: disable=wrong-import-position

RATIO_MAX = 1.2
FRESH_SECONDS = 1.0  # of a tag at the stage
CONTENTS = {"small": lambda: content.single_platform("small"),
            "packages": lambda: content.multi_platform("packages"),
            "large": lambda: content.large_platform("large", 32 << 20)}


def timed_pull(stage: Stage, name: str) -> float:
    engine = stage.engine
    engine.forget()
    start = time.perf_counter()
    # Without --debug ctr draws its progress, and leaves only when the next picture is due, each tenth of a second.
    engine.containerd.ctr("--debug", "images", "pull", "--hosts-dir", engine.hosts, "--snapshotter", "overlayfs",
                          name)
    return time.perf_counter() - start


@dataclasses.dataclass
class Samples:
    """Of one content in one state of the upstreams."""
    pulls: list[float] = dataclasses.field(default_factory=list)  # seconds
    own: list[float] = dataclasses.field(default_factory=list)  # seconds that Lifeboat took for the requests of a pull


def measure(stage: Stage, names: dict[str, str], pulls: int, samples: dict[str, Samples]) -> None:
    def own() -> float:
        return stage.lifeboat.metric("lifeboat_http_request_duration_seconds_sum", route="manifest") + \
            stage.lifeboat.metric("lifeboat_http_request_duration_seconds_sum", route="blob")

    for _ in range(pulls):
        for what, name in names.items():
            if what.endswith("tag"):
                time.sleep(FRESH_SECONDS + 0.1)  # a tag that is confirmed, or stale, by this pull
            before = own()
            samples[what].pulls.append(timed_pull(stage, name))
            samples[what].own.append(own() - before)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3, help="of alive, then dead (default 3)")
    options.add_argument("--pulls", type=int, default=4, help="of each content in each half of a round (default 4)")
    options.add_argument("--only", default=",".join(CONTENTS), help="of small,packages,large")
    given = options.parse_args()
    network.isolate()
    rig, first = Rig("containerd_outage"), []
    alive, dead = collections.defaultdict(Samples), collections.defaultdict(Samples)
    try:
        stage, names = Stage(rig, ContainerdEngine), {}
        machines = (stage.primary_machine, stage.backup_machine)
        for what in given.only.split(","):
            held = CONTENTS[what]()
            stage.hold(held, f"team/{what}")
            names[f"{what}, by tag"] = f"{stage.host}/team/{what}:1"
            names[f"{what}, by digest"] = f"{stage.host}/team/{what}@{held.root.digest}"
        for number in range(given.rounds):
            print(f"round {number + 1} of {given.rounds}", file=sys.stderr, flush=True)
            measure(stage, names, given.pulls, alive)
            for machine in machines:
                machine.black_hole()
            time.sleep(FRESH_SECONDS + 0.1)
            first.append(timed_pull(stage, next(iter(names.values()))))
            stage.open_breakers_of(f"team/{given.only.split(',')[0]}", stage.primary, stage.backup)
            measure(stage, names, given.pulls, dead)
            for machine in machines:
                machine.heal()
            eventually(lambda: not any(map(stage.is_endpoint_left_alone, (stage.primary, stage.backup))),
                       "probes find the upstreams again", 90)
    finally:
        rig.close()
    print(f"{'pull of held content':22}{'alive s':>9}{'dead s':>9}{'ratio':>7}{'quickest':>10}{'own alive ms':>14}{'dead ms':>9}"
          f"   of {given.rounds * given.pulls} pulls each")
    worst = 0.0
    for what in names:
        one, other = alive[what], dead[what]
        medians = [statistics.median(samples) for samples in (one.pulls, other.pulls, one.own, other.own)]
        ratio = medians[1] / medians[0]
        worst = max(worst, ratio)
        print(f"{what:22}{medians[0]:9.3f}{medians[1]:9.3f}{ratio:7.2f}{min(other.pulls) / min(one.pulls):10.2f}"
              f"{medians[2] * 1e3:14.1f}{medians[3] * 1e3:9.1f}")
    after = ", ".join(f"{seconds:.3f}" for seconds in first)
    print(f"the first pull by tag after each cut, with the breakers still closed: {after} s")
    print(f"worst ratio {worst:.2f}, goal at most {RATIO_MAX}: {'ok' if worst <= RATIO_MAX else 'FAIL'}")
    return 0 if worst <= RATIO_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
