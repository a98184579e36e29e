"""Content that is damaged on disk under a running server: found by pulls and by `lifeboat scrub`, mended, named."""
import json
import pathlib
import sqlite3

import content
from parts import HOST, LIFEBOAT, Lifeboat, Upstream, UpstreamRegistry, skopeo
from rig import check, check_equal, eventually, main, scenario
from wire_client import digest_of

BACKUP = "backup.lifeboat-e2e.invalid"
NO_BUILTINS = "builtin_upstreams = false\n"


def path_of(lifeboat: Lifeboat, digest: str) -> pathlib.Path:
    algorithm, encoded = digest.split(":")
    return lifeboat.data / "blobs" / algorithm / encoded[:2] / encoded


def damage(lifeboat: Lifeboat, digest: str, change) -> None:
    """The bytes under a digest become change(bytes), or none."""
    path = path_of(lifeboat, digest)
    after = change(path.read_bytes())
    path.unlink()
    if after is not None:
        path.write_bytes(after)


def flipped(body: bytes) -> bytes:
    return body[:len(body) // 2] + bytes([body[len(body) // 2] ^ 1]) + body[len(body) // 2 + 1:]


def cut(body: bytes) -> bytes:
    return body[:len(body) // 2]


def extended(body: bytes) -> bytes:
    return body + b"x" * 5000


def deleted(_: bytes) -> None:
    return None


def scrub(rig, lifeboat, *more):
    """Exit code, the report and standard error."""
    done = rig.attempt(LIFEBOAT, "scrub", "--data", lifeboat.data, "-o", "json", *more, seconds=60)
    return done.returncode, json.loads(done.stdout or b"null"), done.stderr.decode()


def status(rig, lifeboat) -> tuple[int, str, dict]:
    text = rig.attempt(LIFEBOAT, "status", "--data", lifeboat.data, seconds=30)
    report = rig.attempt(LIFEBOAT, "status", "--data", lifeboat.data, "-o", "json", seconds=30)
    return text.returncode, text.stdout.decode(), json.loads(report.stdout)


@scenario
def damage_is_mended_from_a_backup_and_from_the_upstream(rig):
    backup, upstream = UpstreamRegistry(rig, name="backup"), UpstreamRegistry(rig)
    hosted, cached = content.multi_platform("hosted", with_packages=False), content.multi_platform("cached",
                                                                                                   with_packages=False)
    hosted.push(backup.client, "team/app", "1")
    cached.push(upstream.client, "org/tool", "2")
    lifeboat = Lifeboat(rig, [Upstream([upstream.endpoint()]), Upstream([backup.endpoint()], BACKUP)], server=NO_BUILTINS,
                        sections=f'[scrub]\nrepair_from = ["team/*={BACKUP}"]\n')
    hosted.push(lifeboat.client, "team/app", "1")
    check_equal(cached.faults_at(lifeboat.client, f"{HOST}/org/tool", "2"), [], "what is pulled through")

    for closure in (hosted, cached):
        everything = list(closure.blobs) + [document.digest for document in closure.documents]
        for number, digest in enumerate(everything):
            damage(lifeboat, digest, (flipped, cut, extended, deleted)[number % 4])
    code, looked, said = scrub(rig, lifeboat, "--no-repair")
    check_equal(code, 1, f"exit code of a look at damage: {said}")
    damaged = {digest for closure in (hosted, cached) for digest in closure.blobs} | {
        document.digest for closure in (hosted, cached) for document in closure.documents}
    check_equal({one["digest"] for one in looked["findings"]}, damaged, "what a look finds")
    check_equal((looked["broken"], (lifeboat.data / "quarantine").exists()), (0, False), "what a look changes")

    code, report, said = scrub(rig, lifeboat)
    check_equal((code, report and report["broken"]), (0, 0), f"exit code of the scrub, and what is broken: {said} {report}")
    check_equal(hosted.faults_at(lifeboat.client, "team/app", "1"), [], "hosted content after the scrub")
    check_equal(cached.faults_at(lifeboat.client, f"{HOST}/org/tool", "2"), [], "cached content after the scrub")
    check(lifeboat.metric("lifeboat_scrub_faults_total") >= len(damaged), "the faults are counted")
    check_equal(lifeboat.metric("lifeboat_scrub_unrepaired"), 0, "what is counted as broken")
    check(lifeboat.metric("lifeboat_scrub_last_success_timestamp_seconds") > 0, "the tour's end is told")
    kept = [path.name for path in (lifeboat.data / "quarantine").iterdir() if not path.name.endswith(".reason")]
    check(kept and all((lifeboat.data / "quarantine" / f"{name}.reason").exists() for name in kept),
          f"what was damaged is kept with its reason: {kept}")
    layout = rig.path("pulled")
    skopeo(rig, "copy", "--all", "--src-tls-verify=false", f"docker://{lifeboat.address}/team/app:1", f"oci:{layout}:1")
    check_equal(scrub(rig, lifeboat)[0], 0, "exit code of a scrub of what is whole")


@scenario
def a_pull_finds_what_is_missing_and_does_not_serve_it(rig):
    upstream = UpstreamRegistry(rig)
    cached = content.single_platform("read")
    cached.push(upstream.client, "org/tool", "2")
    lifeboat = Lifeboat(rig, [Upstream([upstream.endpoint()])], server=NO_BUILTINS)
    check_equal(cached.faults_at(lifeboat.client, f"{HOST}/org/tool", "2"), [], "what is pulled through")
    changes = (cut, extended, deleted)
    for number, digest in enumerate(cached.blobs):
        damage(lifeboat, digest, changes[number % 3])
    damage(lifeboat, cached.root.digest, flipped)
    lifeboat.stop()  # what is in memory of it goes
    lifeboat.start()
    layout = rig.path("pulled")
    skopeo(rig, "copy", "--src-tls-verify=false", f"docker://{lifeboat.address}/{HOST}/org/tool:2", f"oci:{layout}:2")
    check_equal(cached.faults_at(lifeboat.client, f"{HOST}/org/tool", "2"), [], "after the pull")


@scenario
def what_nobody_has_is_named_and_a_push_mends_it(rig):
    lifeboat, pushed = Lifeboat(rig, server=NO_BUILTINS), content.single_platform("alone")
    pushed.push(lifeboat.client, "team/app", "1")
    lost = next(iter(pushed.blobs))
    damage(lifeboat, lost, flipped)
    code, report, _ = scrub(rig, lifeboat)
    check_equal(code, 1, "exit code with something broken")
    check_equal([(one["digest"], one["breaks"]) for one in report["faults"]], [(lost, ["team/app:1"])], "what is broken")
    code, text, known = status(rig, lifeboat)
    check_equal(code, 1, "exit code of status")
    check(lost in text and "team/app:1" in text, f"status names it and what it breaks: {text}")
    check_equal(known["broken"]["pieces"], 1, "pieces in status -o json")
    check_equal(lifeboat.metric("lifeboat_scrub_unrepaired"), 1, "what is counted as broken")
    check_equal(lifeboat.client.blob("team/app", lost).status, 404, "status of the lost blob")
    lines = [line for line in lifeboat.part.text().splitlines() if "content.unrepaired" in line]
    check_equal(len(lines), 1, "lines in the log about it")
    check("team/app:1" in lines[0], f"the log names the tag: {lines}")

    lifeboat.kill()  # and it is known after that, too
    lifeboat.start()
    check_equal(lifeboat.client.blob("team/app", lost).status, 404, "status of the lost blob after a restart")
    # skopeo asks whether it is there before it uploads.
    layout = pushed.write_layout(rig.path("layout"), "1")
    skopeo(rig, "copy", "--dest-tls-verify=false", f"oci:{layout}:1", f"docker://{lifeboat.address}/team/app:1")
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "after it was pushed again")
    eventually(lambda: status(rig, lifeboat)[0] == 0, "status is fine again")
    check_equal(scrub(rig, lifeboat)[0], 0, "exit code of a scrub after the push")


@scenario
def a_push_over_bytes_that_rotted_unnoticed_mends_them(rig):
    lifeboat, pushed = Lifeboat(rig, server=NO_BUILTINS), content.single_platform("rotted")
    pushed.push(lifeboat.client, "team/app", "1")
    for digest in [*pushed.blobs, pushed.root.digest]:
        damage(lifeboat, digest, flipped)
    for digest, blob in pushed.blobs.items():
        check_equal(lifeboat.client.push_blob("team/app", blob).status, 201, "status of the push")
        check_equal(lifeboat.client.blob("team/app", digest).body == blob, True, f"whether {digest} is what was pushed")
    answer = lifeboat.client.put_manifest("team/app", "1", pushed.root.body, pushed.root.media_type)
    check_equal(answer.status, 201, "status of the manifest's push")
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "what a pull gets")


@scenario
def a_record_of_a_wrong_size_locks_nothing_out(rig):
    lifeboat, pushed = Lifeboat(rig, server=NO_BUILTINS), content.single_platform("records")
    pushed.push(lifeboat.client, "team/app", "1")
    lifeboat.stop()
    names = sqlite3.connect(lifeboat.data / "meta/lifeboat.db")
    names.execute("UPDATE content SET blob_size = blob_size + 1 WHERE blob_size IS NOT NULL")
    names.execute("UPDATE manifest SET size = size + 1")
    names.commit()
    names.close()
    lifeboat.start()
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "what a pull gets")


@scenario
def a_layout_on_disk_mends_what_is_hosted(rig):
    pushed = content.multi_platform("archived", with_packages=False)
    layout = pushed.write_layout(rig.path("archive"), "1")
    lifeboat = Lifeboat(rig, server=NO_BUILTINS, sections=f'[scrub]\nrepair_from = ["{layout}"]\n')
    pushed.push(lifeboat.client, "team/app", "1")
    for digest in [*pushed.blobs, *(document.digest for document in pushed.documents)]:
        damage(lifeboat, digest, deleted)
    code, report, said = scrub(rig, lifeboat)
    check_equal(code, 0, f"exit code of the scrub: {said} {report}")
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "after the scrub")


@scenario
def a_directory_is_scrubbed_without_a_server(rig):
    lifeboat, pushed = Lifeboat(rig, server=NO_BUILTINS), content.single_platform("offline")
    pushed.push(lifeboat.client, "team/app", "1")
    lifeboat.stop()
    check_equal(scrub(rig, lifeboat)[0], 0, "exit code with everything whole")
    lost = next(iter(pushed.blobs))
    damage(lifeboat, lost, cut)
    code, report, said = scrub(rig, lifeboat)
    check_equal((code, [one["breaks"] for one in report["faults"]]), (1, [["team/app:1"]]), f"what is broken: {said}")
    lifeboat.start()
    check_equal(lifeboat.client.blob("team/app", lost).status, 404, "status of the lost blob")
    nothing = rig.path("nothing")
    done = rig.attempt(LIFEBOAT, "scrub", "--data", nothing)
    check_equal((done.returncode, nothing.exists()), (3, False), f"where there is nothing: {done.stderr.decode()}")


@scenario
def a_source_that_is_down_is_asked_again(rig):
    backup, hosted = UpstreamRegistry(rig, name="backup"), content.single_platform("later")
    hosted.push(backup.client, "team/app", "1")
    lifeboat = Lifeboat(rig, [Upstream([backup.endpoint()], BACKUP)], server=NO_BUILTINS,
                        sections=f'[scrub]\nrepair_from = ["{BACKUP}"]\n')
    hosted.push(lifeboat.client, "team/app", "1")
    backup.kill()
    lost = next(iter(hosted.blobs))
    damage(lifeboat, lost, deleted)
    code, report, _ = scrub(rig, lifeboat)
    check_equal((code, [one["digest"] for one in report["faults"]]), (1, [lost]), "what is broken with the backup down")
    check(report["faults"][0]["retry_in_s"] > 0, f"it says when it tries again: {report['faults']}")
    backup.start("")
    def is_mended() -> bool:
        return scrub(rig, lifeboat)[0] == 0
    eventually(is_mended, "the backup is asked again", 40)
    check_equal(digest_of(lifeboat.client.blob("team/app", lost).body), lost, "the blob from the backup")


if __name__ == "__main__":
    main()
