"""One fetch per blob, whatever the number of clients and however they come and go."""
import hashlib
import http.client
import threading
import time

import content
from imposter import Imposter
from parts import HOST, Endpoint, Lifeboat, Upstream
from rig import check, check_equal, eventually, main, scenario

NAME = f"{HOST}/team/large"
MIB = 1 << 20
BYTES_SENT_MAX = 1.001
CLIENTS = 16


def cold(rig, size: int, bytes_per_second: int = 0):
    upstream, blob = Imposter(rig, bytes_per_second=bytes_per_second), content.LargeBlob(size)
    upstream.hold_blob(blob, "team/large")
    return upstream, blob, Lifeboat(rig, [Upstream([Endpoint(upstream.url)])])


def all_at_once(tasks: list) -> list:
    """The results of all tasks, started together; a raised error is a result too."""
    results, gate = [None] * len(tasks), threading.Barrier(len(tasks))

    def run(number: int) -> None:
        gate.wait()
        try:
            results[number] = tasks[number]()
        except Exception as error:  # pylint: disable=broad-except
            results[number] = error

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def check_sent_once(upstream: Imposter, blob: content.LargeBlob) -> None:
    sent = upstream.blob_bytes / blob.size
    check(sent <= BYTES_SENT_MAX, f"the upstream sent the blob {sent:.3f} times: {upstream.requests}")


@scenario
def sixteen_clients_cause_one_fetch(rig):
    upstream, blob, lifeboat = cold(rig, 200 * MIB)
    results = all_at_once([lambda: lifeboat.client.blob_digest(NAME, blob.digest)] * CLIENTS)
    check_equal(results, [(200, blob.digest, blob.size)] * CLIENTS, "what the clients got")
    check_sent_once(upstream, blob)
    check_equal(lifeboat.client.blob_digest(NAME, blob.digest), (200, blob.digest, blob.size), "what is held then")
    check_sent_once(upstream, blob)


@scenario
def a_client_that_leaves_does_not_stop_the_fetch(rig):
    upstream, blob, lifeboat = cold(rig, 48 * MIB, bytes_per_second=24 * MIB)
    connection = lifeboat.client.connect()
    connection.request("GET", f"/v2/{NAME}/blobs/{blob.digest}")
    answer = connection.getresponse()
    check_equal((answer.status, len(answer.read(MIB))), (200, MIB), "the beginning that the client saw")
    answer.close()
    connection.close()
    eventually(lambda: upstream.blob_bytes >= blob.size, "the fetch goes on without its client", 20)
    eventually(lambda: lifeboat.client.blob(NAME, blob.digest, "HEAD").status == 200, "the blob is held")
    upstream.stop()
    check_equal(lifeboat.client.blob_digest(NAME, blob.digest), (200, blob.digest, blob.size), "what is held")
    check_sent_once(upstream, blob)


@scenario
def ranges_of_a_blob_that_is_not_held_share_its_fetch(rig):
    upstream, blob, lifeboat = cold(rig, 64 * MIB, bytes_per_second=64 * MIB)
    starts = [0, 5, 8 * MIB + 3, 32 * MIB, 63 * MIB, blob.size - 1]

    def ranged(start: int):
        connection = lifeboat.client.connect()
        connection.request("GET", f"/v2/{NAME}/blobs/{blob.digest}", headers={"Range": f"bytes={start}-"})
        answer = connection.getresponse()
        running = hashlib.sha256()
        while piece := answer.read(MIB):
            running.update(piece)
        return answer.status, answer.getheader("Content-Range"), running.hexdigest()

    def wanted(start: int):
        running = hashlib.sha256()
        for piece in blob.pieces(start):
            running.update(piece)
        return 206, f"bytes {start}-{blob.size - 1}/{blob.size}", running.hexdigest()

    results = all_at_once([lambda s=s: ranged(s) for s in starts])
    check_equal(results, [wanted(s) for s in starts], "the ranges")
    check_sent_once(upstream, blob)


@scenario
def the_first_byte_does_not_wait_for_the_last(rig):
    upstream, blob, lifeboat = cold(rig, 48 * MIB, bytes_per_second=16 * MIB)
    start = time.monotonic()
    connection = lifeboat.client.connect()
    connection.request("GET", f"/v2/{NAME}/blobs/{blob.digest}")
    answer = connection.getresponse()
    check_equal(answer.read(MIB), blob.slice(0, MIB), "the first MiB")
    check(time.monotonic() - start < 2, "the first MiB took longer than two seconds")
    check(upstream.blob_bytes < blob.size, "the client waited for the whole blob")
    while answer.read(MIB):
        pass


@scenario
def a_body_with_wrong_bytes_is_never_completed(rig):
    upstream, blob, lifeboat = cold(rig, 8 * MIB)
    upstream.mode = "wrong_bytes"
    connection = lifeboat.client.connect()
    connection.request("GET", f"/v2/{NAME}/blobs/{blob.digest}")
    answer = connection.getresponse()
    try:
        got = answer.read()
        check(answer.status == 503, f"a wrong body was completed: {answer.status}, {len(got)} bytes")
    except http.client.IncompleteRead as cut:
        check(len(cut.partial) < blob.size, "a wrong body was completed")
    retry = lifeboat.client.blob(NAME, blob.digest, Range=f"bytes={MIB}-")
    check_equal(retry.status, 503, "status of the retry that follows")
    upstream.mode = "good"
    eventually(lambda: lifeboat.client.blob_digest(NAME, blob.digest) == (200, blob.digest, blob.size),
               "the blob is served once the upstream is honest again", 40)


main()
