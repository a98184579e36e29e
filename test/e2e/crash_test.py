"""kill -9 at any moment: nothing acknowledged is lost, nothing half-made is visible, sessions resume."""
import http.client
import os
import random
import threading

import content
from parts import Lifeboat
from rig import Failure, check, check_equal, eventually, main, scenario
from wire_client import RegistryClient, digest_of, location_of

ROUNDS = 8
WRITERS = 4
MIB = 1 << 20


class Writer(threading.Thread):
    """Pushes one small closure after another and remembers what was acknowledged."""

    def __init__(self, client: RegistryClient, name: str, seed: int):
        super().__init__(daemon=True)
        self.client, self.repository, self.random = client, f"crash/{name}", random.Random(seed)
        self.begun: dict[str, bytes] = {}  # digest → bytes
        self.blobs: set[str] = set()
        self.tags: dict[str, content.Document] = {}
        self.tags_begun: dict[str, content.Document] = {}
        self.fault = ""

    def run(self) -> None:
        number = 0
        try:
            while True:
                self.push_one(number)
                number += 1
        except (OSError, http.client.HTTPException):
            pass  # the server was killed, as is the plan
        except Failure as failure:
            self.fault = str(failure)

    def push_one(self, number: int) -> None:
        salt = f"{self.repository} {self.random.random()}"
        pushed = content.single_platform(salt)
        filler = self.random.randbytes(self.random.choice([10, 5000, 300_000, 3 * MIB]))
        for blob in [filler, *pushed.blobs.values()]:
            digest = digest_of(blob)
            self.begun[digest] = blob
            answer = self.client.push_blob(self.repository, blob)
            if answer.status != 201:
                raise Failure(f"a push was refused: {answer}")
            self.blobs.add(digest)
        tag = f"t{number % 5}"
        self.tags_begun[tag] = pushed.root
        answer = self.client.put_manifest(self.repository, tag, pushed.root.body, pushed.root.media_type)
        if answer.status != 201:
            raise Failure(f"a manifest was refused: {answer}")
        self.tags[tag] = pushed.root

    def check_survived(self) -> None:
        check(not self.fault, self.fault)
        for digest, blob in self.begun.items():
            status, got, length = self.client.blob_digest(self.repository, digest)
            if digest in self.blobs:
                check_equal((status, got, length), (200, digest, len(blob)), "an acknowledged blob")
            else:
                check(status == 404 or (status, got) == (200, digest), f"a blob is half-made: {status}, {got}")
        for tag, document in self.tags.items():
            answer = self.client.manifest(self.repository, tag)
            possible = {document.body, self.tags_begun[tag].body}
            check(answer.status == 200 and answer.body in possible, f"acknowledged tag '{tag}' is lost or old: {answer}")
            check_equal(digest_of(answer.body), answer.header("Docker-Content-Digest"), f"digest of tag '{tag}'")
            check_equal(self.client.manifest(self.repository, document.digest).status, 200, "an acknowledged manifest")


@scenario
def nothing_acknowledged_is_lost_and_nothing_is_half_made(rig):
    seed = int(os.environ.get("LIFEBOAT_SEED", random.randrange(1 << 30)))
    print(f"    seed {seed} (LIFEBOAT_SEED={seed} repeats it)")
    chance = random.Random(seed)
    lifeboat, writers = Lifeboat(rig), []
    for round_number in range(ROUNDS):
        now = [Writer(lifeboat.client, f"{round_number}-{n}", chance.randrange(1 << 30)) for n in range(WRITERS)]
        for writer in now:
            writer.start()
        now[0].join(chance.uniform(0.02, 1.2))
        lifeboat.kill()
        for writer in now:
            writer.join()
        writers += now
        lifeboat.start()
        for writer in now:
            writer.check_survived()
    for writer in writers:
        writer.check_survived()
    acknowledged = sum(len(w.blobs) + len(w.tags) for w in writers)
    check(acknowledged >= ROUNDS, f"only {acknowledged} writes were acknowledged at all")
    print(f"    {acknowledged} acknowledged writes over {ROUNDS} kills")


@scenario
def an_upload_session_goes_on_after_a_kill(rig):
    lifeboat, blob = Lifeboat(rig), random.Random(1).randbytes(6 * MIB)
    location = lifeboat.client.start_upload("team/resumed")
    answer = lifeboat.client.request("PATCH", location, blob[:3 * MIB], {"Content-Type": "application/octet-stream"})
    check_equal((answer.status, answer.header("Range")), (202, f"0-{3 * MIB - 1}"), "the first part")
    location = location_of(answer)
    lifeboat.kill()
    lifeboat.start()
    answer = lifeboat.client.get(location)
    check_equal(answer.status, 204, "status of the session after the restart")
    offset = int(answer.header("Range").split("-")[1]) + 1
    check_equal(offset, 3 * MIB, "bytes that were acknowledged before the kill")
    location = location_of(answer)
    answer = lifeboat.client.request("PATCH", location, blob[offset:], {"Content-Range": f"{offset}-{len(blob) - 1}"})
    check_equal(answer.status, 202, "status of the second part")
    check_equal(lifeboat.client.finish_upload(location_of(answer), digest_of(blob)).status, 201, "status of the end")
    check_equal(lifeboat.client.blob_digest("team/resumed", digest_of(blob)), (200, digest_of(blob), len(blob)), "the blob")


@scenario
def an_upload_that_was_cut_goes_on_where_it_stopped(rig):
    lifeboat, blob = Lifeboat(rig), random.Random(2).randbytes(4 * MIB)
    location = lifeboat.client.start_upload("team/cut")
    connection = lifeboat.client.connect()
    connection.putrequest("PATCH", location)
    connection.putheader("Content-Length", str(len(blob)))
    connection.endheaders()
    connection.send(blob[:MIB])
    connection.close()
    answer = eventually(lambda: a if (a := lifeboat.client.get(location)).status == 204 else None,
                        "the session answers after the cut")
    offset = int(answer.header("Range").split("-")[1]) + 1
    offset = 0 if offset == 1 else offset
    check(offset <= MIB, f"the session claims {offset} bytes of {MIB} that were sent")
    answer = lifeboat.client.request("PATCH", location_of(answer), blob[offset:],
                                     {"Content-Range": f"{offset}-{len(blob) - 1}"})
    check_equal(answer.status, 202, "status of the rest")
    check_equal(lifeboat.client.finish_upload(location_of(answer), digest_of(blob)).status, 201, "status of the end")


main()
