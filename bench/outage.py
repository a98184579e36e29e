#!/usr/bin/env python3
"""bench/outage.py [--only LIST] [--rounds N]: what an outage costs, and how little an upstream is asked.

  held     held content, by tag (decided anew each time), by digest and as blobs, from two Lifeboats in turns, request by
           request: one whose upstream is alive, one whose upstream refuses connections or is in a black hole
  first    clients that come every 50 ms while an upstream loses its power: who waits, how long, until when
  cold     64 clients and one client on one cold blob of 1 GiB
  fresh    10,000 pulls of one tag within its freshness window, and over ten windows

Needs root, nginx and nftables (`script/setup --test` and `--bench`), 5 GiB of disk, ten minutes. LIFEBOAT_BIN names
another binary than the release build. Everything happens in a network namespace of its own. Leaves 1 when a goal is
missed.
"""
import argparse
import hashlib
import os
import pathlib
import shutil
import socket
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test" / "e2e"))
import content  # noqa: E402  pylint: disable=wrong-import-position
import network  # noqa: E402  pylint: disable=wrong-import-position
from bench import sink  # noqa: E402  pylint: disable=wrong-import-position
from parts import HOST, Endpoint, Lifeboat, Upstream  # noqa: E402  pylint: disable=wrong-import-position
from rig import Rig, check, check_equal, eventually  # noqa: E402  pylint: disable=wrong-import-position
from upstream import Upstream as CountingUpstream  # noqa: E402  pylint: disable=wrong-import-position
from wire_client import ACCEPT, MANIFEST, digest_of  # noqa: E402  pylint: disable=wrong-import-position

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
FRESH_SECONDS = 1.0
CONNECT_SECONDS = 1.0  # `connect_timeout`, by default
DEAD_RATIO_MAX, FIRST_SLACK_SECONDS = 1.05, 0.05
REPOSITORY = f"/v2/{HOST}/team/app"
TAGS = 400
ALIVE, DEAD = 0, 1
ROWS: list[tuple[str, str, str, bool | None]] = []


def row(what: str, got: str, goal: str = "", holds: bool | None = None) -> None:
    ROWS.append((what, got, goal, holds))
    verdict = {True: "pass", False: "MISS", None: ""}[holds]
    print(f"{what:68}{got:>30}  {goal:<18}{verdict}", flush=True)


def say(*words) -> None:
    print(*words, file=sys.stderr, flush=True)


class Reader:
    """One kept connection; bodies are dropped in the kernel."""

    def __init__(self, port: int):
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._trash = bytearray(4 * MIB)

    def get(self, path: str) -> tuple[float, int, str]:
        """Seconds from the request to the last byte, the status, the head."""
        request = f"GET {path} HTTP/1.1\r\nHost: lifeboat\r\nAccept: {ACCEPT}\r\n\r\n".encode()
        start, received = time.perf_counter(), b""
        self._socket.sendall(request)
        while b"\r\n\r\n" not in received:
            piece = self._socket.recv(65536)
            check(piece, f"the connection was closed before the answer to {path}")
            received += piece
        head, body = received.split(b"\r\n\r\n", 1)
        head = head.decode("latin-1").lower()
        left = int(head.split("content-length: ", 1)[1].split("\r\n")[0]) - len(body)
        while left:
            got = self._socket.recv_into(self._trash, min(left, len(self._trash)), socket.MSG_TRUNC)
            check(got, f"the body of {path} was cut")
            left -= got
        return time.perf_counter() - start, int(head.split(" ")[1]), head


class Nginx:
    """A registry of files on a machine of its own."""

    def __init__(self, rig: Rig, number: int, tags: list[str], blobs: list[bytes]):
        self.rig, self.machine, self.port = rig, network.Machine(rig, number), rig.port()
        self.name, image = f"nginx{number}", content.single_platform("outage")
        root = rig.folder(self.name)
        for name in [*tags, image.root.digest]:
            rig.path(self.name, "www/v2/team/app/manifests", name).write_bytes(image.root.body)
        self.blobs = {digest_of(blob): blob for blob in blobs}
        for digest, blob in (image.blobs | self.blobs).items():
            rig.path(self.name, "www/v2/team/app/blobs", digest).write_bytes(blob)
        root.chmod(0o755)
        temporary = " ".join(f"{part}_temp_path {root}/{part};"
                             for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.config = rig.file(f"{self.name}/nginx.conf", f"""
user root; daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error.log; events {{ }}
http {{ access_log off; sendfile on; keepalive_requests 100000000; keepalive_timeout 1h; {temporary}
  server {{ listen {self.machine.address}:{self.port}; root {root}/www; default_type application/octet-stream;
    location = /v2/ {{ return 200 "{{}}"; }}
    error_page 404 @unknown;
    location @unknown {{ default_type application/json; return 404 '{{"errors":[{{"code":"MANIFEST_UNKNOWN"}}]}}'; }}
    location ~ ^/v2/.*/manifests/ {{ default_type {MANIFEST}; add_header Docker-Content-Digest {image.root.digest}; }}
  }} }}""")
        self.digest, self.part = image.root.digest, None
        self.start()

    def start(self) -> None:
        def is_there() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex((self.machine.address, self.port)) == 0
        self.part = self.rig.start(self.name, ["nginx", "-c", self.config], is_there)

    def die(self, kind: str) -> None:
        if kind == "refuses":
            self.part.kill()
        else:
            self.machine.black_hole()

    def revive(self, kind: str) -> None:
        if kind == "refuses":
            self.start()
        else:
            self.machine.heal()

    @property
    def url(self) -> str:
        return f"http://{self.machine.address}:{self.port}"


class Pair:
    """A Lifeboat and its upstream; what has been pulled is held."""

    def __init__(self, rig: Rig, number: int, blobs: list[bytes]):
        self.tags = [f"t{i}" for i in range(TAGS)]
        self.upstream = Nginx(rig, number, [*self.tags, "opener"], blobs)
        self.lifeboat = Lifeboat(rig, [Upstream([Endpoint(self.upstream.url)], fresh_for=f"{FRESH_SECONDS:.0f}s",
                                                settings='credential_check_every = "0s"\n')],
                                 name=f"lifeboat{number}", server="builtin_upstreams = false\n")
        reader = Reader(self.lifeboat.port)
        for path in [*self.paths_of_tags(), f"{REPOSITORY}/manifests/opener", f"{REPOSITORY}/manifests/{self.upstream.digest}",
                     *(f"{REPOSITORY}/blobs/{d}" for d in self.upstream.blobs)]:
            check_equal(reader.get(path)[1], 200, f"status of {path} from an upstream that is alive")
        eventually(lambda: self.lifeboat.metric("lifeboat_capture_waiting") == 0, "what was pulled is whole", 30)

    def paths_of_tags(self) -> list[str]:
        return [f"{REPOSITORY}/manifests/{tag}" for tag in self.tags]

    def is_left_alone(self) -> bool:
        return self.lifeboat.metric("lifeboat_upstream_breaker_state") > 0

    def revalidated(self) -> float:
        return self.lifeboat.metric("lifeboat_pull_answers_total", result="revalidated")

    def open_breaker(self) -> None:
        def is_open() -> bool:
            self.lifeboat.client.manifest(f"{HOST}/team/app", "opener")
            return self.is_left_alone()
        eventually(is_open, "the breaker opens", 30)

    def wait_until_found_again(self) -> None:
        eventually(lambda: not self.is_left_alone(), "a probe finds the upstream again", 90)


def percentile(samples: list[float], percent: float) -> float:
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * percent / 100))]


def held(rig: Rig, rounds: int) -> None:
    blobs = {"blob of 4 KiB": os.urandom(4 * KIB), "blob of 8 MiB": os.urandom(8 * MIB)}
    pairs = [Pair(rig, number, list(blobs.values())) for number in (1, 2)]
    paths = {"manifest by tag": pairs[0].paths_of_tags(),
             "manifest by digest": [f"{REPOSITORY}/manifests/{pairs[0].upstream.digest}"] * 2000,
             **{what: [f"{REPOSITORY}/blobs/{digest_of(blob)}"] * (2000 if len(blob) < MIB else 100)
                for what, blob in blobs.items()}}
    # Of two that are both alive the ratio would be 1 on a machine with nothing else to do: how far it is to be believed.
    kinds = ("both alive", "refuses", "black hole")
    samples = {(kind, what, side): [] for kind in kinds for what in paths for side in (ALIVE, DEAD)}  # a list per round
    for number, kind in enumerate(kinds * rounds):
        say(f"held: round {number // len(kinds) + 1} of {rounds}, {kind}")
        sides = pairs if number // len(kinds) % 2 else pairs[::-1]
        one_held_round(sides, kind, paths, samples)
    for kind in kinds:
        for what in paths:
            for percent in (50, 95, 99):
                alive, dead = (statistics.median(percentile(of_round, percent) for of_round in samples[kind, what, side])
                               for side in (ALIVE, DEAD))
                got = f"{dead / alive:.2f} ({dead * 1e3:.3f} / {alive * 1e3:.3f} ms)"
                name = f"held {what}, {'alive' if kind == 'both alive' else f'dead ({kind})'} / alive: p{percent}"
                if kind == "both alive" or percent == 95:
                    row(name, got)
                else:
                    row(name, got, f"≤ {DEAD_RATIO_MAX}", dead / alive <= DEAD_RATIO_MAX)


def one_held_round(sides: list[Pair], kind: str, paths: dict[str, list[str]], samples: dict) -> None:
    one, other = sides
    is_dead = kind != "both alive"
    if is_dead:
        other.upstream.die(kind)
        other.open_breaker()
    time.sleep(FRESH_SECONDS + 0.2)  # no tag is fresh any more, and no stale answer kept
    readers = [Reader(side.lifeboat.port) for side in sides]
    for what, list_of_paths in paths.items():
        is_tag, asked, got = what == "manifest by tag", one.revalidated(), ([], [])
        for turn, path in enumerate(list_of_paths):
            for side in ((ALIVE, DEAD), (DEAD, ALIVE))[turn % 2]:
                seconds, status, head = readers[side].get(path)
                check_equal(status, 200, f"status of {path}, which is held")
                check_equal("x-lifeboat-stale" in head, is_tag and is_dead and side == DEAD, f"whether {path} is stale")
                got[side].append(seconds)
        if is_tag:
            check_equal(one.revalidated() - asked, len(list_of_paths), "tags that the upstream alive confirmed")
        for side in (ALIVE, DEAD):
            samples[kind, what, side].append(got[side])
    check_equal([side.is_left_alone() for side in sides], [False, is_dead], "whose breaker is open")
    if is_dead:
        other.upstream.revive(kind)
        other.wait_until_found_again()


def first(rig: Rig, rounds: int) -> None:
    pair, every, count = Pair(rig, 3, []), 0.05, 50
    never = [f"{REPOSITORY}/blobs/sha256:{hashlib.sha256(str(i).encode()).hexdigest()}" for i in range(count)]
    kinds = {"held tag": (pair.paths_of_tags()[:count], 200),
             "unheld tag": ([f"{REPOSITORY}/manifests/u{i}" for i in range(count)], 503),
             "unheld blob": (never, 503)}
    limit = CONNECT_SECONDS + FIRST_SLACK_SECONDS
    dialled_after = every  # a kept connection is taken by the first client; the second one is the first to dial

    def one_outage(paths: list[str], status: int, is_kept: bool) -> tuple[float, int, float]:
        """The longest wait, how many waited, when the last of them had come."""
        if is_kept:
            check_equal(pair.lifeboat.client.manifest(f"{HOST}/team/app", "opener").status, 200, "the opener")
            time.sleep(FRESH_SECONDS + 0.2)
        else:
            pair.lifeboat.stop()
        pair.upstream.die("black hole")
        if not is_kept:
            pair.lifeboat.start()
        check(not pair.is_left_alone(), "the breaker is open before anybody asked")
        readers, results = [Reader(pair.lifeboat.port) for _ in paths], []

        def ask(number: int) -> None:
            came = time.perf_counter()
            seconds, got, _ = readers[number].get(paths[number])
            results.append((came - start, seconds, got))

        start, threads = time.perf_counter(), []
        for number in range(len(paths)):
            time.sleep(max(0.0, start + number * every - time.perf_counter()))
            threads.append(threading.Thread(target=ask, args=(number,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        check_equal((len(results), {got for _, _, got in results}), (len(paths), {status}), "answers, and their statuses")
        waited = [(came, seconds) for came, seconds, _ in results if seconds > FIRST_SLACK_SECONDS]
        pair.upstream.revive("black hole")
        pair.wait_until_found_again()
        return max(seconds for _, seconds, _ in results), len(waited), max((came for came, _ in waited), default=0.0)

    for is_kept in (False, True):
        for what, (paths, status) in kinds.items():
            say(f"first, {what}, {'with' if is_kept else 'without'} a kept connection")
            got = [one_outage(paths, status, is_kept) for _ in range(rounds)]
            name = f"{what} ({status}), {'connections kept' if is_kept else 'no connection yet'}"
            longest = max(seconds for seconds, _, _ in got)
            row(f"power off, {name}: longest wait", f"{longest:.3f} s", f"≤ {limit:.2f} s", longest <= limit)
            last = max(came for _, _, came in got)
            last_max = limit + (dialled_after if is_kept else 0)
            numbers = ", ".join(str(waited) for _, waited, _ in got)
            row(f"  of {count} clients, one each 50 ms: waited · last came after", f"{numbers} · {last:.2f} s",
                f"≤ {last_max:.2f} s", last <= last_max)


def cold(rig: Rig, rounds: int) -> None:
    # A hole of 1 GiB: reading it is nearly free, so that the upstream is not what is measured.
    file, digest, size = rig.path("zeros"), hashlib.sha256(), GIB
    with open(file, "wb") as made:
        made.truncate(size)
    for _ in range(size // MIB):
        digest.update(bytes(MIB))
    name, upstream = "sha256:" + digest.hexdigest(), CountingUpstream()
    upstream.add(f"/v2/team/app/blobs/{name}", str(file), size, "application/octet-stream", name)
    path, times, worst, gets = f"{REPOSITORY}/blobs/{name}", {1: [], 64: [], "held": []}, 0.0, []
    for number in range(rounds):
        for clients in (1, 64):
            say(f"cold: {clients} clients, round {number + 1} of {rounds}")
            lifeboat = Lifeboat(rig, [Upstream([Endpoint(f"http://127.0.0.1:{upstream.port}")])],
                                name=f"cold{number}-{clients}", server="builtin_upstreams = false\n")
            upstream.reset()
            times[clients].append(sink("127.0.0.1", lifeboat.port, path, clients, clients)[0])
            sink("127.0.0.1", lifeboat.port, path, 1, 1, verify=name)
            worst = max(worst, upstream.bytes / size)
            gets.append(upstream.asked[f"GET /v2/team/app/blobs/{name}"])
            if clients == 64:
                times["held"].append(sink("127.0.0.1", lifeboat.port, path, clients, clients)[0])
            lifeboat.stop()
            shutil.rmtree(lifeboat.data)
    upstream.close()
    row("64 clients and 1, one cold blob of 1 GiB: upstream bytes", f"{worst:.4f} ×", "1.00 ×", worst < 1.005)
    row("  GETs of the blob that the upstream saw, each time", ", ".join(map(str, gets)), "1", set(gets) == {1})
    one, many, warm = (statistics.median(times[key]) for key in (1, 64, "held"))
    row("  time until all 64 have it / until the only one has it", f"{many / one:.2f} ({many:.2f} / {one:.2f} s)")
    row("  time of the 64 cold / the same 64 once it is held", f"{many / warm:.2f} ({many:.2f} / {warm:.2f} s)")


def fresh(rig: Rig, rounds: int) -> None:
    image, upstream = content.single_platform("fresh"), CountingUpstream()
    for reference in ("1", image.root.digest):
        upstream.add(f"/v2/team/app/manifests/{reference}", image.root.body, len(image.root.body), MANIFEST, image.root.digest)
    for digest, blob in image.blobs.items():
        upstream.add(f"/v2/team/app/blobs/{digest}", blob, len(blob), "application/octet-stream", digest)
    for seconds, parts, pause in ((60, 1, 0.0), (1, 100, 0.1)):
        counts, windows = [], []
        for number in range(rounds):
            say(f"fresh: fresh_for {seconds} s, round {number + 1} of {rounds}")
            upstream.reset()
            lifeboat = Lifeboat(rig, [Upstream([Endpoint(f"http://127.0.0.1:{upstream.port}")], fresh_for=f"{seconds}s")],
                                name=f"fresh{seconds}-{number}", server="builtin_upstreams = false\n")
            start = time.perf_counter()
            for part in range(parts):
                time.sleep(max(0.0, start + part * pause - time.perf_counter()))
                sink("127.0.0.1", lifeboat.port, f"{REPOSITORY}/manifests/1", 32, 10_000 // parts, accept=ACCEPT)
            windows.append(int((time.perf_counter() - start) / seconds) + 1)
            counts.append(sum(n for what, n in upstream.asked.items() if what.endswith("/manifests/1")))
            lifeboat.stop()
        row(f"10,000 pulls of one tag, fresh for {seconds} s, cold at first: requests",
            f"{', '.join(map(str, counts))} in {', '.join(map(str, windows))} windows", "≤ 1 per window",
            all(1 <= count <= most for count, most in zip(counts, windows)))
    upstream.close()


WORK = {"held": (held, 8), "first": (first, 3), "cold": (cold, 3), "fresh": (fresh, 3)}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default=",".join(WORK), help="of " + ",".join(WORK))
    options.add_argument("--rounds", type=int, help="of each (default: held 8, first 3, cold 3, fresh 3)")
    given = options.parse_args()
    if unknown := set(given.only.split(",")) - set(WORK):
        options.error(f"cannot measure '{min(unknown)}' (want some of {','.join(WORK)})")
    if os.getuid() != 0:
        options.error("cannot make a network namespace: this needs root")
    network.isolate()
    for name in given.only.split(","):
        work, rounds = WORK[name]
        rig = Rig(f"outage_{name}")
        say("load before it:", " ".join(f"{load:.1f}" for load in os.getloadavg()))
        try:
            work(rig, given.rounds or rounds)
        except BaseException:
            rig.show_logs()
            raise
        finally:
            rig.close()
    missed = sum(holds is False for _, _, _, holds in ROWS)
    print(f"{sum(holds is True for _, _, _, holds in ROWS)} goals met, {missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
