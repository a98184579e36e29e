#!/usr/bin/env python3
"""bench/fsck.py [--manifests N] [--rounds N] [--growth]: `lifeboat fsck` beside `docker-registry garbage-collect --dry-run`.

Both read the same tree of 10,000 manifests in ten repositories, each manifest with a tag, a config of its own and two layers
of a hundred that all share; in turns, with what the kernel keeps in memory kept there. Both follow every manifest; fsck also
reads every link and looks at every file.

--growth: fsck alone, of 10,100 blobs and of 100,100 (5,000 and 50,000 manifests), in ten repositories and in one; what
matters is how much memory a further blob costs.

Needs docker-registry (`script/setup --test`) and 200,000 inodes in TMPDIR (--growth: 500,000); `TMPDIR=/dev/shm` makes the tree in a fraction of the
time. LIFEBOAT_BIN names another binary than the release build. Leaves 1 when the goal is missed.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test" / "e2e"))
from parts import LIFEBOAT  # noqa: E402  pylint: disable=wrong-import-position
from wire_client import MANIFEST, digest_of  # noqa: E402  pylint: disable=wrong-import-position

REPOSITORIES, SHARED_LAYERS, LAYERS_EACH = 10, 100, 2
GOAL = 0.25  # of the collector's wall time
GROWTH_MANIFESTS = (5_000, 50_000)
GROWTH_GOAL_BYTES = 512  # for each further blob, with its link, and half a manifest, a tag and their links
CONFIG, LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"


def write(path: pathlib.Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


class Tree:
    def __init__(self, data: pathlib.Path):
        self.root = data / "docker/registry/v2"

    def blob(self, data: bytes) -> dict:
        digest = digest_of(data)
        write(self.root / "blobs/sha256" / digest[7:9] / digest[7:] / "data", data)
        return {"digest": digest, "size": len(data)}

    def link(self, repository: str, below: str, digest: str) -> None:
        write(self.root / "repositories" / repository / below / "link", digest.encode())

    def fill(self, manifests: int, repositories: int = REPOSITORIES) -> None:
        layers = [self.blob(f"layer {i}".encode() * 100) for i in range(SHARED_LAYERS)]
        for repository in (f"team/app{i}" for i in range(repositories)):
            for layer in layers:
                self.link(repository, f"_layers/sha256/{layer['digest'][7:]}", layer["digest"])
        for number in range(manifests):
            repository = f"team/app{number % repositories}"
            config = self.blob(json.dumps({"architecture": "amd64", "os": "linux", "number": number}).encode())
            own = [layers[(number + i) % SHARED_LAYERS] for i in range(LAYERS_EACH)]
            body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {"mediaType": CONFIG, **config},
                               "layers": [{"mediaType": LAYER, **layer} for layer in own]}).encode()
            manifest = self.blob(body)
            self.link(repository, f"_layers/sha256/{config['digest'][7:]}", config["digest"])
            self.link(repository, f"_manifests/revisions/sha256/{manifest['digest'][7:]}", manifest["digest"])
            self.link(repository, f"_manifests/tags/v{number}/current", manifest["digest"])


def measured(command: list) -> tuple[float, float, float]:
    """Seconds, the most memory in MiB, and seconds of CPU."""
    start = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most, ended = 0, 0
    while not ended:
        # Not ru_maxrss: that begins with what this script had when it forked.
        for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
            most = max(most, int(line.split()[1])) if line.startswith("VmHWM:") else most
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        time.sleep(0 if ended else 0.002)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"'{command[0]}' ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, most / 1024, usage.ru_utime + usage.ru_stime


def measure_growth(directory: pathlib.Path) -> bool:
    """Whether a further blob costs as little memory as it should."""
    is_reached = True
    for repositories in (REPOSITORIES, 1):
        most = {}
        for manifests in GROWTH_MANIFESTS:
            data = directory / f"{manifests}-in-{repositories}"
            Tree(data).fill(manifests, repositories)
            blobs = 2 * manifests + SHARED_LAYERS
            for options in ([], ["--deep"]):
                seconds, mebibytes, cpu = measured([LIFEBOAT, "fsck", data, *options])
                most.setdefault(" ".join(["fsck", *options]), []).append((blobs, mebibytes))
                print(f"  {blobs:7} blobs in {repositories:2} repositories, fsck {' '.join(options):6} "
                      f"{seconds:6.2f} s, CPU {cpu:5.2f} s, {mebibytes:5.1f} MiB", flush=True)
            shutil.rmtree(data)
        for name, ((few, least), (many, much)) in most.items():
            each = (much - least) * 2**20 / (many - few)
            is_reached &= each <= GROWTH_GOAL_BYTES
            print(f"  {name:12} in {repositories:2} repositories: {each:.0f} bytes for a further blob, goal {GROWTH_GOAL_BYTES}: "
                  f"{'reached' if each <= GROWTH_GOAL_BYTES else 'MISSED'}")
    return is_reached


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifests", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="lifeboat-bench-"))
    try:
        if options.growth:
            sys.exit(0 if measure_growth(directory) else 1)
        start = time.monotonic()
        Tree(directory / "data").fill(options.manifests)
        print(f"{options.manifests} manifests made in {time.monotonic() - start:.0f} s")
        config = directory / "config.yml"
        config.write_text("version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n"
                          f"    rootdirectory: {directory / 'data'}\n")
        commands = {"docker-registry garbage-collect --dry-run": ["docker-registry", "garbage-collect", "--dry-run", config],
                    "lifeboat fsck": [LIFEBOAT, "fsck", directory / "data"],
                    "lifeboat fsck --deep": [LIFEBOAT, "fsck", directory / "data", "--deep"]}
        seen = {name: [] for name in commands}
        for _ in range(options.rounds):
            for name, command in commands.items():
                seen[name].append(measured(command))
        for name, runs in seen.items():
            seconds = [run[0] for run in runs]
            print(f"  {name:42} median {statistics.median(seconds):7.2f} s (least {min(seconds):.2f}, most {max(seconds):.2f}), "
                  f"CPU {statistics.median(run[2] for run in runs):.2f} s, {max(run[1] for run in runs):.1f} MiB")
        theirs, ours = (statistics.median(run[0] for run in list(seen.values())[i]) for i in (0, 1))
        verdict = "reached" if ours <= GOAL * theirs else "MISSED"
        print(f"  {ours / theirs:.2f} of the collector's time, goal {GOAL:.2f}: {verdict}")
        sys.exit(0 if verdict == "reached" else 1)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
