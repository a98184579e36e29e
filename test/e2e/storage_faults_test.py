"""A data directory that is taken, full, read-only, foreign or missing: a clear error, nothing lost, pulls go on."""
import pathlib
import random

import content
from parts import Lifeboat
from rig import Rig, check, check_equal, main, scenario
from wire_client import digest_of

MIB = 1 << 20


def tmpfs(rig: Rig, name: str, size: str) -> pathlib.Path:
    point = rig.folder(name)
    rig.run("mount", "-t", "tmpfs", "-o", f"size={size}", "lifeboat-e2e", point)
    return point


def refusal(rig: Rig, lifeboat: Lifeboat) -> str:
    """What `lifeboat serve` says when it refuses to start."""
    done = rig.attempt(*lifeboat.command(), seconds=20)
    said = done.stderr.decode(errors="replace")
    check(done.returncode not in (0, 127) and done.returncode > 0, f"it left {done.returncode} and said {said!r}")
    check(str(lifeboat.data) in said, f"the error does not name '{lifeboat.data}': {said!r}")
    check("cannot" in said, f"the error does not say what cannot be done: {said!r}")
    return said


@scenario
def a_second_process_on_the_same_data_is_refused(rig):
    first, pushed = Lifeboat(rig), content.single_platform("taken")
    pushed.push(first.client, "team/app", "1")
    refusal(rig, Lifeboat(rig, name="second", data=first.data, start=False))
    check(first.part.is_running(), "the first process stopped")
    check_equal(pushed.faults_at(first.client, "team/app", "1"), [], "what the first process serves")


@scenario
def a_full_disk_refuses_pushes_and_goes_on_serving_pulls(rig):
    data = tmpfs(rig, "small", "48m")
    lifeboat, pushed = Lifeboat(rig, data=data), content.multi_platform("full", with_packages=False)
    pushed.push(lifeboat.client, "team/app", "1")
    chance, kept, refused = random.Random(3), [], []
    for _ in range(20):
        blob = chance.randbytes(5 * MIB)
        location = lifeboat.client.start_upload("team/big") if not refused else None
        if location is None:
            break
        answer = lifeboat.client.finish_upload(location, digest_of(blob), blob)
        (kept if answer.status == 201 else refused).append((digest_of(blob), answer))
    check(kept and refused, f"{len(kept)} pushes were kept and {len(refused)} refused on 48 MiB")
    answer = refused[0][1]
    check(answer.status in (507, 503), f"the push that did not fit was answered {answer}")
    check(answer.codes(), f"the push that did not fit has no error document: {answer}")
    check_equal(lifeboat.client.blob("team/big", refused[0][0]).status, 404, "status of the blob that did not fit")
    for digest, _ in kept:
        check_equal(lifeboat.client.blob_digest("team/big", digest)[:2], (200, digest), "a blob that was kept")
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "what was held before")

    rig.run("mount", "-o", "remount,size=96m", data)
    blob = chance.randbytes(5 * MIB)
    check_equal(lifeboat.client.push_blob("team/big", blob).status, 201, "status of a push once there is room again")
    lifeboat.kill()
    lifeboat.start()
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "what is held after a restart")
    check_equal(lifeboat.client.blob_digest("team/big", digest_of(blob))[0], 200, "status of the last push then")


@scenario
def a_read_only_directory_is_refused_and_left_alone(rig):
    data = tmpfs(rig, "locked", "32m")
    lifeboat, pushed = Lifeboat(rig, data=data), content.single_platform("locked")
    pushed.push(lifeboat.client, "team/app", "1")
    check_equal(lifeboat.stop(), 0, "exit status of the stop")
    rig.run("mount", "-o", "remount,ro", data)
    refusal(rig, lifeboat)
    rig.run("mount", "-o", "remount,rw", data)
    lifeboat.start()
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "what is held once it may write again")


@scenario
def a_foreign_directory_is_refused_and_left_alone(rig):
    foreign = rig.folder("foreign")
    (foreign / "thesis.txt").write_text("three years of work")
    (foreign / "blobs").mkdir()
    (foreign / "blobs" / "photo").write_text("of somebody")
    refusal(rig, Lifeboat(rig, data=foreign, start=False))
    left = sorted(p.relative_to(foreign).as_posix() for p in foreign.rglob("*"))
    check_equal(left, ["blobs", "blobs/photo", "thesis.txt"], "what is in the foreign directory afterwards")


@scenario
def a_missing_directory_is_made_with_its_parents(rig):
    lifeboat, pushed = Lifeboat(rig, data=rig.directory / "not" / "there" / "yet"), content.single_platform("missing")
    pushed.push(lifeboat.client, "team/app", "1")
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "what was pushed")


@scenario
def a_directory_that_is_no_directory_is_refused(rig):
    rig.file("occupied", "a file")
    refusal(rig, Lifeboat(rig, data=rig.directory / "occupied", start=False))
    check_equal((rig.directory / "occupied").read_text(), "a file", "the file afterwards")


main()
