#!/usr/bin/env python3
"""bench/gc.py [--manifests N] [--seconds S]: what pushes notice of a garbage collection.

Half of N manifests (10,000) are deleted, so that their configs and layers are garbage; then 8 clients push small images for S
seconds, in turns alone and beside `lifeboat gc`, each turn with its share of the garbage. A push is a config, a layer and a
manifest on one kept connection. The goal: the 99th percentile beside the collector is at most twice the one alone.

Needs the release build. LIFEBOAT_BIN names another binary. Leaves 1 when a goal is missed.
"""
import argparse
import json
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test" / "e2e"))
import content  # noqa: E402  pylint: disable=wrong-import-position
from outage import ROWS, percentile, row  # noqa: E402  pylint: disable=wrong-import-position
from parts import LIFEBOAT, Lifeboat  # noqa: E402  pylint: disable=wrong-import-position
from rig import Rig, check_equal  # noqa: E402  pylint: disable=wrong-import-position
from wire_client import RegistryClient  # noqa: E402  pylint: disable=wrong-import-position

CLIENTS = 8
TURNS = 5
P99_RATIO_MAX = 2.0


def in_parallel(work, count: int = CLIENTS) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Pushers:
    def __init__(self, lifeboat: Lifeboat):
        self.clients = [RegistryClient(lifeboat.port) for _ in range(CLIENTS)]
        self.pushed = 0

    def push(self, client: RegistryClient, repository: str, salt: str) -> str:
        one = content.single_platform(salt)
        one.push(client, repository, salt)
        return one.root.digest

    def for_seconds(self, seconds: float, turn: str) -> list[float]:
        """How long each push took."""
        took, end = [], time.perf_counter() + seconds

        def work(number: int) -> None:
            count = 0
            while time.perf_counter() < end:
                begun = time.perf_counter()
                self.push(self.clients[number], f"pushed/{number}", f"{turn}-{number}-{count}")
                took.append(time.perf_counter() - begun)
                count += 1
        in_parallel(work)
        return took


def make_garbage(pushers: Pushers, turn: int, count: int) -> None:
    """Of `count` pushed manifests every other is deleted again."""
    def work(number: int) -> None:
        for index in range(number, count, CLIENTS):
            digest = pushers.push(pushers.clients[number], f"team/{number}", f"garbage-{turn}-{index}")
            if index % 2:
                answer = pushers.clients[number].request("DELETE", f"/v2/team/{number}/manifests/{digest}")
                check_equal(answer.status, 202, "status of a delete")
    in_parallel(work)


def let_grace_pass(lifeboat: Lifeboat) -> None:
    """All that is in the store was pushed long ago."""
    lifeboat.stop()
    names = sqlite3.connect(lifeboat.data / "meta/lifeboat.db")
    names.execute("UPDATE repository_blob SET touched = 0")
    names.execute("UPDATE condemned SET since = 0")
    names.commit()
    names.close()
    lifeboat.start()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifests", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5)
    given = parser.parse_args()
    rig = Rig("bench-gc")
    try:
        lifeboat = Lifeboat(rig, server="builtin_upstreams = false\n")
        ratios, alone_all, beside_all, removed, gc_took = [], [], [], 0, []
        for turn in range(TURNS):
            make_garbage(Pushers(lifeboat), turn, given.manifests // TURNS)
            let_grace_pass(lifeboat)
            pushers = Pushers(lifeboat)
            alone = pushers.for_seconds(given.seconds, f"alone-{turn}")
            begun = time.perf_counter()
            report = rig.path(f"gc-{turn}.json")
            with open(report, "wb") as out:  # a pipe that nobody reads would stop it
                collection = subprocess.Popen([LIFEBOAT, "gc", "--data", lifeboat.data, "-o", "json"], stdout=out)
            beside: list[float] = []
            while collection.poll() is None:
                beside += pushers.for_seconds(0.5, f"beside-{turn}-{len(beside)}")
            gc_took.append(time.perf_counter() - begun)
            check_equal(collection.returncode, 0, "exit code of gc")
            removed += json.loads(report.read_text())["contents"]
            alone_all += alone
            beside_all += beside
            ratios.append(percentile(beside, 99) / percentile(alone, 99))
        row(f"{removed} contents of {given.manifests} manifests collected beside {CLIENTS} pushing clients",
            f"{statistics.mean(gc_took):.1f} s each of {TURNS}")
        row("push alone: p50 · p99 · slowest", " · ".join(f"{value * 1e3:.1f}" for value in (
            percentile(alone_all, 50), percentile(alone_all, 99), max(alone_all))) + " ms")
        row("push beside it: p50 · p99 · slowest", " · ".join(f"{value * 1e3:.1f}" for value in (
            percentile(beside_all, 50), percentile(beside_all, 99), max(beside_all))) + " ms")
        ratio = statistics.median(ratios)
        row("p99 beside / alone", f"{ratio:.2f}", f"<= {P99_RATIO_MAX}", ratio <= P99_RATIO_MAX)
    except BaseException:
        rig.show_logs()
        raise
    finally:
        rig.close()
    return 1 if any(holds is False for *_, holds in ROWS) else 0


if __name__ == "__main__":
    sys.exit(main())
