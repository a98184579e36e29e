"""`lifeboat tag` on a real server: a tag that went comes back until the collector has taken it, and a pin keeps one."""
import json
import os
import sqlite3
import time

import content
from parts import HOST, LIFEBOAT, Lifeboat, Upstream, UpstreamRegistry
from rig import check, check_equal, main, scenario

DAY_S = 24 * 3600
PRUNE = '[gc]\nprune_every = "0s"\n[[retention]]\nmatch = ["team/*"]\nkeep_last = 1\n'


def tag(rig, lifeboat, *arguments, code: int = 0) -> str:
    """Standard output; of a failure standard error."""
    done = rig.attempt(LIFEBOAT, "tag", *arguments, "--data", lifeboat.data)
    told = f"exit code of tag {' '.join(arguments)}: {done.stdout.decode()}{done.stderr.decode()}"
    check_equal(done.returncode, code, told)
    return (done.stderr if code > 1 else done.stdout).decode()


def history(rig, lifeboat, name: str) -> list[tuple[int, str, str, str]]:
    moments = json.loads(tag(rig, lifeboat, "history", name, "-o", "json"))["moments"]
    return [(one["number"], one["digest"], one["source"], one["restorable"]) for one in moments]


def let_days_pass(lifeboat, days: int) -> None:
    """As if all that happened to the content had happened that much earlier."""
    lifeboat.stop()
    with sqlite3.connect(lifeboat.data / "meta" / "lifeboat.db") as names:
        names.execute("UPDATE repository_blob SET touched = touched - ?", (1000 * days * DAY_S,))
        names.execute("UPDATE condemned SET since = since - ?", (1000 * days * DAY_S,))
    names.close()
    for path in (lifeboat.data / "blobs").rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - days * DAY_S
            os.utime(path, (then, then))
    lifeboat.start()


def collect(rig, lifeboat) -> None:
    rig.run(LIFEBOAT, "gc", "--data", lifeboat.data)


def delete(lifeboat, repository: str, image) -> None:
    """As clients do it: what names others first."""
    for document in reversed(image.documents):
        answer = lifeboat.client.request("DELETE", f"/v2/{repository}/manifests/{document.digest}")
        check_equal(answer.status, 202, f"the delete of '{document.digest}'")


@scenario
def a_deleted_tag_is_set_again(rig):
    lifeboat = Lifeboat(rig)
    first, second = (content.multi_platform(name, with_packages=False) for name in ("first", "second"))
    first.push(lifeboat.client, "team/app", "v1")
    second.push(lifeboat.client, "team/app", "v1")
    check_equal(lifeboat.client.request("DELETE", "/v2/team/app/manifests/v1").status, 202, "the delete of the tag")
    check_equal(history(rig, lifeboat, "team/app:v1"),
                [(2, second.root.digest, "push", "held"), (1, first.root.digest, "push", "held")], "the history")
    before = tag(rig, lifeboat, "restore", "team/app:v1", "--dry-run")
    check_equal(before, f"team/app:v1 would be at {second.root.digest} again\n", "what the dry run says")
    check_equal(lifeboat.client.manifest("team/app", "v1").status, 404, "status of the tag after a dry run")
    check_equal(tag(rig, lifeboat, "restore", "team/app:v1"), f"team/app:v1 is at {second.root.digest} again\n", "the restore")
    check_equal(second.faults_at(lifeboat.client, "team/app", "v1"), [], "the restored tag")

    told = tag(rig, lifeboat, "restore", "team/app:v1", code=2)
    check("it is there" in told, f"it does not say that the tag is there: {told}")
    tag(rig, lifeboat, "restore", "team/app:v1", "--to", first.root.digest)
    check_equal(first.faults_at(lifeboat.client, "team/app", "v1"), [], "the tag set back by digest")
    tag(rig, lifeboat, "restore", "team/app:v1", "--number", "2")
    check_equal(second.faults_at(lifeboat.client, "team/app", "v1"), [], "the tag set back by number")
    check_equal([one[2] for one in history(rig, lifeboat, "team/app:v1")],
                ["restore", "restore", "restore", "push", "push"], "who set it, the latest first")
    never = tag(rig, lifeboat, "restore", "team/app:v1", "--number", "9", code=3)
    check("it never was at number 9" in never, f"it does not say what is wrong: {never}")
    tag(rig, lifeboat, "history", "team/app:v9", code=1)


@scenario
def deleted_manifests_come_back_whole_for_the_grace(rig):
    lifeboat = Lifeboat(rig)
    image = content.multi_platform("gone", with_packages=False)
    image.push(lifeboat.client, "team/app", "v1")
    let_days_pass(lifeboat, 30)
    collect(rig, lifeboat)
    delete(lifeboat, "team/app", image)
    # It was pushed a month ago; what counts is when it was deleted.
    collect(rig, lifeboat)
    check_equal(history(rig, lifeboat, "team/app:v1"), [(1, image.root.digest, "push", "stored")], "the history")
    check("until it is collected" in tag(rig, lifeboat, "history", "team/app"), "it is not said that it will be collected")
    told = tag(rig, lifeboat, "restore", "team/app:v1")
    check("put 3 manifests again" in told, f"it does not say what it put: {told}")
    check_equal(image.faults_at(lifeboat.client, "team/app", "v1"), [], "the restored index")
    let_days_pass(lifeboat, 30)
    collect(rig, lifeboat)
    check_equal(image.faults_at(lifeboat.client, "team/app", "v1"), [], "the restored index, a month and a collection later")

    delete(lifeboat, "team/app", image)
    let_days_pass(lifeboat, 2)
    collect(rig, lifeboat)
    check_equal([one[3] for one in history(rig, lifeboat, "team/app:v1")], ["lost", "lost"], "what can be restored")
    told = tag(rig, lifeboat, "restore", "team/app:v1", code=3)
    check(f"of '{image.root.digest}' this is gone: manifest '{image.root.digest}'" in told, f"what is gone is not said: {told}")
    check_equal(lifeboat.client.manifest("team/app", "v1").status, 404, "status of the tag that is lost")
    check_equal([p for p in (lifeboat.data / "blobs").rglob("*") if p.is_file()], [], "bytes that are left")


@scenario
def a_restore_survives_a_kill_and_brings_nothing_half(rig):
    lifeboat = Lifeboat(rig)
    image = content.multi_platform("half", with_packages=False)
    image.push(lifeboat.client, "team/app", "v1")
    delete(lifeboat, "team/app", image)
    layer = sorted(image.blobs)[0]
    check_equal(lifeboat.client.request("DELETE", f"/v2/team/app/blobs/{layer}").status, 202, "the delete of a blob")
    told = tag(rig, lifeboat, "restore", "team/app:v1", code=3)
    check(f"this is gone: blob '{layer}'" in told, f"what is gone is not said: {told}")
    for document in image.documents:
        check_equal(lifeboat.client.manifest("team/app", document.digest).status, 404, "status of half an image")
    check_equal(lifeboat.client.push_blob("team/app", image.blobs[layer]).status, 201, "the push of what is lacking")
    tag(rig, lifeboat, "restore", "team/app:v1")
    lifeboat.kill()
    lifeboat.start()
    check_equal(image.faults_at(lifeboat.client, "team/app", "v1"), [], "the restored index behind a kill")


@scenario
def a_pinned_tag_stays_whatever_retention_says(rig):
    lifeboat = Lifeboat(rig, sections=PRUNE)
    images = {name: content.single_platform(name) for name in ("v1", "v2", "v3")}
    for name, image in images.items():
        image.push(lifeboat.client, "team/app", name)
        time.sleep(0.01)
    told = tag(rig, lifeboat, "pin", "team/app:v1", "--reason", "runs in production")
    check_equal(told, "pinned team/app:v1\n", "what the pin says")
    tag(rig, lifeboat, "pin", f"team/app@{images['v2'].root.digest}")
    pins = json.loads(tag(rig, lifeboat, "pins", "-o", "json"))["pins"]
    check_equal({(one["repository"], one["reference"], one["reason"]) for one in pins},
                {("team/app", "v1", "runs in production"), ("team/app", images["v2"].root.digest, "")}, "the pins")
    table = rig.run(LIFEBOAT, "prune", "--data", lifeboat.data)
    check("team/app:v1      stays  it is pinned" in table or "team/app:v1  stays  it is pinned" in table, f"why it stays: {table}")
    check_equal(lifeboat.client.manifest("team/app", "v1").status, 200, "status of the pinned tag")
    lifeboat.kill()
    lifeboat.start()
    tag(rig, lifeboat, "unpin", "team/app:v1")
    tag(rig, lifeboat, "unpin", "team/app:v1", code=3)
    rig.run(LIFEBOAT, "prune", "--data", lifeboat.data)
    for name, status in (("v1", 404), ("v2", 200), ("v3", 200)):
        check_equal(lifeboat.client.manifest("team/app", name).status, status, f"status of '{name}'")


@scenario
def a_tag_of_an_upstream_comes_back_in_an_outage(rig):
    upstream = UpstreamRegistry(rig)
    old, new = (content.single_platform(name) for name in ("old", "new"))
    lifeboat = Lifeboat(rig, [Upstream([upstream.endpoint()], fresh_for="0s")])
    name = f"{HOST}/team/app"
    for image in (old, new):
        image.push(upstream.client, "team/app", "v1")
        check_equal(image.faults_at(lifeboat.client, name, "v1"), [], "the pull")
    upstream.kill()
    check_equal([one[1:] for one in history(rig, lifeboat, f"{name}:v1")],
                [(new.root.digest, HOST, "held"), (old.root.digest, HOST, "held")], "the history")
    tag(rig, lifeboat, "restore", f"{name}:v1", "--number", "1")
    check_equal(old.faults_at(lifeboat.client, name, "v1"), [], "what the tag was before the bad release")
    upstream.start("")


if __name__ == "__main__":
    main()
