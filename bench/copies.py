#!/usr/bin/env python3
"""bench/copies.py [--megabytes N] [--rounds R]: one image of ten layers, from one docker-registry to two others.

  speed    `lifeboat copy SRC ONE TWO` and `skopeo copy` to ONE and then to TWO, in turns; the goal is 1.5 times as fast
  reads    blobs read at the source by lifeboat: the goal is each once
  memory   the most of either

Needs the release build, skopeo, docker-registry, and six times N MB of disk (1024). LIFEBOAT_BIN names another binary. Leaves 1
when a goal is missed.
"""
import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test" / "e2e"))
import content  # noqa: E402  pylint: disable=wrong-import-position
from parts import LIFEBOAT, UpstreamRegistry  # noqa: E402  pylint: disable=wrong-import-position
from rig import Rig, check_equal  # noqa: E402  pylint: disable=wrong-import-position

LAYERS = 10
RATIO_MIN = 1.5


def push_image(to: UpstreamRegistry, size: int) -> int:
    """The number of its blobs."""
    layers = []
    for number in range(LAYERS):
        layer = random.Random(number).randbytes(size // LAYERS)
        check_equal(to.client.push_blob("app", layer).status, 201, "the push of a layer")
        layers.append(content.describe(content.LAYER, layer))
    config = content.as_json({"architecture": "amd64", "os": "linux",
                              "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}})
    check_equal(to.client.push_blob("app", config).status, 201, "the push of the config")
    manifest = content.as_json({"schemaVersion": 2, "mediaType": content.MANIFEST,
                                "config": content.describe(content.CONFIG, config), "layers": layers})
    check_equal(to.client.put_manifest("app", "v1", manifest).status, 201, "the push of the manifest")
    return LAYERS + 1


def peak_memory(pid: int, found: list[int]) -> None:
    try:
        while True:
            for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
                if line.startswith("VmHWM:"):
                    found[0] = max(found[0], int(line.split()[1]))
            time.sleep(0.05)
    except OSError:
        return


def timed(*command) -> tuple[float, float, float]:
    """Seconds, seconds of CPU, and MiB of memory at most."""
    begun = time.perf_counter()
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        memory = [0]
        threading.Thread(target=peak_memory, args=(process.pid, memory), daemon=True).start()
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    check_equal(process.returncode, 0, f"exit code of {command[0]} ({said.decode(errors='replace')[-500:]})")
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, memory[0] / 1024


def empty(registry: UpstreamRegistry) -> None:
    shutil.rmtree(registry.data / "docker", ignore_errors=True)


def measure(rig: Rig, size: int, rounds: int) -> bool:
    origin, one, two = (UpstreamRegistry(rig, name=name) for name in ("origin", "one", "two"))
    blobs, ratios, reads = push_image(origin, size), [], 0
    for number in range(rounds):
        before = origin.requests('"GET ', "/blobs/")
        ours = timed(LIFEBOAT, "copy", f"{origin.address}/app:v1", f"{one.address}/ours", f"{two.address}/ours")
        reads = origin.requests('"GET ', "/blobs/") - before
        theirs = [timed("skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false",
                        f"docker://{origin.address}/app:v1", f"docker://{to.address}/theirs:v1") for to in (one, two)]
        ratios.append((theirs[0][0] + theirs[1][0]) / ours[0])
        print(f"round {number + 1}: lifeboat {ours[0]:.1f} s, {ours[1]:.1f} s of CPU, {ours[2]:.0f} MiB; skopeo twice "
              f"{theirs[0][0] + theirs[1][0]:.1f} s, {theirs[0][1] + theirs[1][1]:.1f} s of CPU, "
              f"{max(theirs[0][2], theirs[1][2]):.0f} MiB; {ratios[-1]:.2f} times as fast", flush=True)
        empty(one)
        empty(two)
    ratio = statistics.median(ratios)
    print(f"copy to two registries / skopeo copy twice: {ratio:.2f} times as fast (goal {RATIO_MIN}); "
          f"{reads / blobs:.2f} reads of each blob (goal 1.00)")
    return ratio >= RATIO_MIN and reads == blobs


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--megabytes", type=int, default=1024)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    rig = Rig("copy")
    try:
        return 0 if measure(rig, chosen.megabytes << 20, chosen.rounds) else 1
    finally:
        rig.close()


if __name__ == "__main__":
    sys.exit(main())
