#!/usr/bin/env python3
"""bench/scrub.py [--gigabytes N] [--seconds S]: how fast a store is scrubbed, and what pulls notice of it.

  speed    `lifeboat scrub` over blobs of 64 MiB that are in the page cache, beside SHA-256 on one core of the same machine in
           turns with it; the goal is 0.7 of it
  pulls    percentiles of held manifests and small blobs over one kept connection, with an ordered tour under way and
           without, in turns

Needs the release build and N GB of disk (2). LIFEBOAT_BIN names another binary. Leaves 1 when a goal is missed.
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test" / "e2e"))
import content  # noqa: E402  pylint: disable=wrong-import-position
from bench import cpu  # noqa: E402  pylint: disable=wrong-import-position
from outage import KIB, MIB, Reader, percentile, row  # noqa: E402  pylint: disable=wrong-import-position
from parts import LIFEBOAT, Lifeboat  # noqa: E402  pylint: disable=wrong-import-position
from rig import Rig, check, check_equal  # noqa: E402  pylint: disable=wrong-import-position

GB = 10 ** 9
BLOB_BYTES = 64 * MIB
SPEED_RATIO_MIN = 0.7
ROUNDS = 5


def sha256_speed() -> tuple[float, float]:
    """Bytes a second on one core: of the clock, and of CPU time, which does not care who else runs."""
    block = bytes(MIB)
    begun, begun_cpu, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - begun < 1.5:
        for _ in range(16):
            hashlib.sha256(block).digest()
        done += 16 * MIB
    return done / (time.perf_counter() - begun), done / (time.process_time() - begun_cpu)


def scrubbed(lifeboat: Lifeboat) -> tuple[float, int]:
    """Seconds and bytes of a tour."""
    begun = time.perf_counter()
    done = subprocess.run([LIFEBOAT, "scrub", "--data", lifeboat.data, "-o", "json"], capture_output=True, check=False)
    took = time.perf_counter() - begun
    check_equal(done.returncode, 0, f"exit code of the scrub: {done.stderr.decode()}")
    return took, json.loads(done.stdout)["checked_bytes"]


def speed(lifeboat: Lifeboat) -> None:
    ratios, of_cpu, speeds = [], [], []
    for _ in range(ROUNDS):
        floor, floor_cpu = sha256_speed()
        before = cpu([lifeboat.part.pid])
        took, size = scrubbed(lifeboat)
        speeds.append(size / took)
        ratios.append(size / took / floor)
        of_cpu.append(size / (cpu([lifeboat.part.pid]) - before) / floor_cpu)
    row("scrub / SHA-256, bytes a second of CPU time", f"{statistics.median(of_cpu):.2f}")
    ratio = statistics.median(ratios)
    row("scrub, MB/s", f"{statistics.median(speeds) / 1e6:.0f}")
    row("scrub / SHA-256 on one core", f"{ratio:.2f}", f">= {SPEED_RATIO_MIN}", ratio >= SPEED_RATIO_MIN)


def timed(reader: Reader, path: str, seconds: float) -> list[float]:
    samples, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        took, answer, _ = reader.get(path)
        check_equal(answer, 200, f"status of {path}")
        samples.append(took)
    return samples


def pulls(lifeboat: Lifeboat, paths: dict[str, str], seconds: float) -> None:
    reader = Reader(lifeboat.port)
    for what, path in paths.items():
        ratios = []
        for _ in range(ROUNDS):
            alone = percentile(timed(reader, path, seconds), 99)
            tour = subprocess.Popen([LIFEBOAT, "scrub", "--data", lifeboat.data, "--no-repair", "-o", "json"],
                                    stdout=subprocess.DEVNULL)
            beside = percentile(timed(reader, path, seconds), 99)
            tour.wait()
            ratios.append((alone, beside))
        alone, beside = (statistics.median(pair[i] for pair in ratios) for i in (0, 1))
        row(f"{what}: p99 without scrub, with one as fast as it goes", f"{alone * 1e3:.2f} ms, {beside * 1e3:.2f} ms")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--seconds", type=float, default=1)
    given = parser.parse_args()
    rig, chance = Rig("bench-scrub"), random.Random(1)
    try:
        lifeboat, small = Lifeboat(rig, server="builtin_upstreams = false\n"), content.single_platform("scrub")
        small.push(lifeboat.client, "team/app", "1")
        base = chance.randbytes(BLOB_BYTES)
        for number in range(max(1, int(given.gigabytes * GB / BLOB_BYTES))):
            answer = lifeboat.client.push_blob("team/big", number.to_bytes(8, "big") + base[8:])
            check_equal(answer.status, 201, "status of a push")
        os.sync()
        speed(lifeboat)
        blob = chance.randbytes(16 * KIB)
        check(lifeboat.client.push_blob("team/app", blob).status == 201, "the small blob is pushed")
        pulls(lifeboat, {"manifest by tag": "/v2/team/app/manifests/1",
                         "blob of 16 KiB": f"/v2/team/app/blobs/sha256:{hashlib.sha256(blob).hexdigest()}"}, given.seconds)
    finally:
        rig.close()
    from outage import ROWS  # pylint: disable=import-outside-toplevel
    return 1 if any(holds is False for *_, holds in ROWS) else 0


if __name__ == "__main__":
    sys.exit(main())
