"""The collector of a real server on a real disk: what nothing names goes, what anybody was promised stays."""
import json
import os
import pathlib
import sqlite3
import threading
import time

import content
from parts import Lifeboat
from rig import check, check_equal, main, scenario
from wire_client import digest_of

DAY_S = 24 * 3600


def gc(rig, lifeboat, *arguments):
    done = rig.attempt(lifeboat.command()[0], "gc", "--data", lifeboat.data, *arguments)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def let_a_day_pass(lifeboat) -> None:
    """As if all that is there had been brought two days ago."""
    lifeboat.stop()
    with sqlite3.connect(lifeboat.data / "meta" / "lifeboat.db") as names:
        names.execute("UPDATE repository_blob SET touched = touched - ?", (2000 * DAY_S,))
        names.execute("UPDATE condemned SET since = since - ?", (2000 * DAY_S,))
    names.close()
    before = time.time() - 2 * DAY_S
    for path in (lifeboat.data / "blobs").rglob("*"):
        if path.is_file():
            os.utime(path, (before, before))


def stored(lifeboat) -> set[str]:
    return {path.name for path in (lifeboat.data / "blobs").rglob("*") if path.is_file()}


def path_of(lifeboat, digest: str) -> pathlib.Path:
    algorithm, name = digest.split(":")
    return lifeboat.data / "blobs" / algorithm / name[:2] / name


def digests_of(pushed) -> set[str]:
    return {document.digest.split(":")[1] for document in pushed.documents} | {name.split(":")[1] for name in pushed.blobs}


@scenario
def what_nothing_names_goes_and_all_else_stays(rig):
    lifeboat = Lifeboat(rig)
    kept, gone = content.multi_platform("kept", with_packages=False), content.single_platform("gone")
    kept.push(lifeboat.client, "team/app", "1")
    gone.push(lifeboat.client, "team/old", "1")
    lone = b"a blob that no manifest ever named"
    check_equal(lifeboat.client.push_blob("team/app", lone).status, 201, "the push of a lone blob")
    check_equal(lifeboat.client.request("DELETE", f"/v2/team/old/manifests/{gone.root.digest}").status, 202, "the delete")
    everything = stored(lifeboat)
    check_equal(gc(rig, lifeboat)[:2], (0, "nothing to remove\n"), "what is collected within the grace")
    check_equal(stored(lifeboat), everything, "what is on disk within the grace")

    let_a_day_pass(lifeboat)
    lifeboat.start()
    code, out, _ = gc(rig, lifeboat, "--dry-run", "-o", "json")
    foreseen = json.loads(out)
    check_equal((code, stored(lifeboat)), (0, everything), "exit code of a dry run, and what is on disk then")
    code, out, _ = gc(rig, lifeboat, "-o", "json")
    report = json.loads(out)
    left = everything - stored(lifeboat)
    check_equal(left, digests_of(gone) | {digest_of(lone).split(":")[1]}, "what went")
    keys = ("links", "contents", "bytes")
    check_equal([foreseen[k] for k in keys], [report[k] for k in keys], "what the dry run foresaw")
    check_equal(report["contents"], len(left), "contents in the report")
    check_equal(lifeboat.client.blob("team/app", digest_of(lone), "HEAD").status, 404, "status of the lone blob")
    check_equal(kept.faults_at(lifeboat.client, "team/app", "1"), [], "what was kept")
    check(lifeboat.metric("lifeboat_gc_removed_bytes_total") == report["bytes"], "the metric of removed bytes is another")
    check(lifeboat.metric("lifeboat_gc_last_success_timestamp_seconds") > time.time() - 60, "no success is told")
    gone.push(lifeboat.client, "team/old", "2")
    check_equal(gone.faults_at(lifeboat.client, "team/old", "2"), [], "what was pushed again")


@scenario
def a_client_that_asked_finds_what_it_was_told(rig):
    lifeboat, lone = Lifeboat(rig), b"asked about"
    lifeboat.client.push_blob("team/app", lone)
    let_a_day_pass(lifeboat)
    lifeboat.start()
    check_equal(lifeboat.client.blob("team/app", digest_of(lone), "HEAD").status, 200, "status of the HEAD")
    check_equal(gc(rig, lifeboat)[1], "nothing to remove\n", "what is collected behind the HEAD")
    check_equal(lifeboat.client.blob_digest("team/app", digest_of(lone))[0], 200, "status of the blob")


@scenario
def an_index_keeps_its_children(rig):
    lifeboat, pushed = Lifeboat(rig), content.multi_platform("index", with_packages=False)
    pushed.push(lifeboat.client, "team/app", "1")
    for child in json.loads(pushed.root.body)["manifests"]:
        answer = lifeboat.client.request("DELETE", f"/v2/team/app/manifests/{child['digest']}")
        check_equal((answer.status, answer.codes()), (405, ["UNSUPPORTED"]), "the delete of a child")
        check(pushed.root.digest in answer.body.decode(), f"the refusal does not name the index: {answer}")
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "the index")


@scenario
def a_store_that_lost_something_is_left_alone(rig):
    lifeboat, pushed = Lifeboat(rig), content.single_platform("damaged")
    pushed.push(lifeboat.client, "team/app", "1")
    lifeboat.client.push_blob("team/app", b"would go")
    let_a_day_pass(lifeboat)
    victim = sorted(pushed.blobs)[0]
    path_of(lifeboat, victim).unlink()
    before = stored(lifeboat)
    for how in ("offline", "through the server"):
        code, _, err = gc(rig, lifeboat)
        check_equal(code, 1, f"exit code {how}")
        check("fails its own check" in err and victim in err, f"it does not say what is wrong {how}: {err!r}")
        check_equal(stored(lifeboat), before, f"what is on disk {how}")
        if how == "offline":
            lifeboat.start()
    check_equal(lifeboat.metric("lifeboat_gc_runs_total", result="refused"), 1.0, "refusals counted")


@scenario
def it_works_without_a_server_and_after_a_kill(rig):
    lifeboat, kept = Lifeboat(rig), content.single_platform("kept")
    kept.push(lifeboat.client, "team/app", "1")
    lone = b"offline"
    lifeboat.client.push_blob("team/app", lone)
    lifeboat.kill()
    lifeboat.start()
    let_a_day_pass(lifeboat)
    orphan = b"bytes whose row never came"
    path = path_of(lifeboat, digest_of(orphan))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(orphan)
    os.utime(path, (0, 0))
    code, out, err = gc(rig, lifeboat)
    check_equal((code, err), (0, ""), f"exit code and errors without a server, which said {out!r}")
    check_equal(out, f"removed 1 link, 2 contents, {len(lone) + len(orphan)} bytes\n", "what it says")
    check(not path.exists() and not path_of(lifeboat, digest_of(lone)).exists(), "it is still there")
    lifeboat.start()
    check_equal(kept.faults_at(lifeboat.client, "team/app", "1"), [], "what was kept")
    check_equal(rig.attempt(lifeboat.command()[0], "gc", "--data", "/nowhere").returncode, 3, "exit code for no directory")


@scenario
def pushes_of_what_is_being_removed_come_through_whole(rig):
    lifeboat = Lifeboat(rig)
    images = [content.single_platform(f"again {number // 2}") for number in range(4)]
    ended, faults = threading.Event(), []
    counts = {"pushes": 0, "passes": 0}

    def push_and_delete(number):
        pushed, repository = images[number], f"team/app{number}"
        client = type(lifeboat.client)(int(lifeboat.address.rsplit(":", 1)[1]))
        while not ended.is_set():
            pushed.push(client, repository, "1")
            faults.extend(pushed.faults_at(client, repository, "1"))
            counts["pushes"] += 1
            client.request("DELETE", f"/v2/{repository}/manifests/{pushed.root.digest}")
            for digest in pushed.blobs:
                client.request("DELETE", f"/v2/{repository}/blobs/{digest}")

    def guarded(number):
        try:
            push_and_delete(number)
        except Exception as error:  # in a thread: told below
            faults.append(f"client {number}: {error!r}")

    clients = [threading.Thread(target=guarded, args=(number,)) for number in range(4)]
    for client in clients:
        client.start()
    removed, began = 0, time.monotonic()
    # Until it has met often enough, however busy the machine is.
    try:
        while (counts["pushes"] < 40 or removed < 6) and time.monotonic() < began + 90:
            code, out, err = gc(rig, lifeboat, "-o", "json")
            check_equal((code, err), (0, ""), "exit code and errors of a pass")
            counts["passes"] += 1
            removed += json.loads(out)["contents"]
    finally:
        ended.set()
    for client in clients:
        client.join()
    check_equal(faults, [], f"faults in {counts}")
    check(counts["pushes"] >= 40 and removed >= 6, f"nothing met: {counts}, {removed} removed")


if __name__ == "__main__":
    main()
