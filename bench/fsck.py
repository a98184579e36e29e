#!/usr/bin/env python3
"""bench/fsck.py [--manifests N] [--rounds N]: `lifeboat fsck` beside `docker-registry garbage-collect --dry-run`.

Both read the same tree of 10,000 manifests in ten repositories, each manifest with a tag, a config of its own and two layers
of a hundred that all share; in turns, with what the kernel keeps in memory kept there. Both follow every manifest; fsck also
reads every link and looks at every file.

Needs docker-registry (`script/setup --test`) and 200,000 inodes in TMPDIR; `TMPDIR=/dev/shm` makes the tree in a fraction of the
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

    def fill(self, manifests: int) -> None:
        layers = [self.blob(f"layer {i}".encode() * 100) for i in range(SHARED_LAYERS)]
        for repository in (f"team/app{i}" for i in range(REPOSITORIES)):
            for layer in layers:
                self.link(repository, f"_layers/sha256/{layer['digest'][7:]}", layer["digest"])
        for number in range(manifests):
            repository = f"team/app{number % REPOSITORIES}"
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
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"'{command[0]}' ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - start, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifests", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="lifeboat-bench-"))
    try:
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
