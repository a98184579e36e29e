"""Archives on a second disk: rotation, what is left by a kill or a full disk, what `verify` finds, and a store that mends
itself from them.
"""
import json
import os
import random
import signal
import subprocess
import time

import content
from archive_stage import Stage, archive, faults_in, rewritten
from parts import LIFEBOAT, Lifeboat
from rig import check, check_equal, main, scenario

ALONE = "builtin_upstreams = false\n"


def files_in(directory) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@scenario
def the_last_ones_are_kept_and_the_link_leads_to_the_newest(rig):
    stage, directory = Stage(rig, "rotation 0"), rig.path("kept")
    roots = []
    for number in range(1, 5):
        pushed = content.single_platform(f"rotation {number}")
        pushed.push(stage.registry.client, "team/app", "v1")
        roots.append(pushed.root.digest)
        archive(rig, "save", stage.name, "--dir", directory, "--keep", "3")
    names = [f"team-app-v1-{root[7:19]}.tar" for root in roots]
    wanted = sorted([f for n in names[1:] for f in (n, n + ".sha256")] + ["team-app-v1-latest.tar"])
    check_equal(files_in(directory), wanted, "what stays")
    check_equal(os.readlink(directory / "team-app-v1-latest.tar"), names[-1], "where the link leads")
    before = stage.registry.requests("/blobs/")
    said = json.loads(archive(rig, "save", stage.name, "--dir", directory, "--json"))
    check_equal((said["archives"][0]["new"], stage.registry.requests("/blobs/")), (False, before), "what was fetched again")

    listed = json.loads(archive(rig, "list", directory, "-o", "json"))["archives"]
    check_equal([one["file"] for one in listed][0], names[-1], "the newest in the list")
    check_equal(archive(rig, "prune", directory, "--keep", "1", "--dry-run").count("would remove team"), 2, "the dry run")
    check_equal(files_in(directory), wanted, "what stays of a dry run")
    (directory / names[-1]).chmod(0o600)
    with open(directory / names[-1], "r+b") as newest:
        newest.seek(-1500, os.SEEK_END)
        newest.write(b"rotten")
    archive(rig, "prune", directory, "--keep", "1")
    check_equal([n for n in files_in(directory) if n.endswith(".tar")], sorted([names[-1], names[-2], "team-app-v1-latest.tar"]),
                "what stays when the newest has rotted: the last good one")


@scenario
def a_killed_save_leaves_nothing_half_made(rig):
    stage, directory = Stage(rig, "killed"), rig.path("kept")
    archive(rig, "save", stage.name, "--dir", directory)
    before = os.readlink(directory / "team-app-v1-latest.tar")
    large = content.large_platform("large", 60 << 20)
    large.push(stage.registry.client, "team/app", "v1")
    seed = random.randrange(1 << 30)
    print(f"    seed {seed}")
    chance = random.Random(seed)
    for _ in range(12):
        process = subprocess.Popen([LIFEBOAT, "archive", "save", stage.name, "--dir", directory], stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for name in files_in(directory):
            if name.endswith(".tar") and not name.startswith("."):
                check_equal(faults_in(directory / name), [], f"blobs of {name} after a kill (seed {seed})")
            if name.endswith(".tar.sha256"):
                rig.run("sh", "-c", f"cd {directory} && sha256sum -c --quiet {name}")
    check((directory / before).exists(), "the last good one is gone")
    archive(rig, "save", stage.name, "--dir", directory)
    check_equal([name for name in files_in(directory) if name.startswith(".")], [], "what killed runs left")
    archive(rig, "verify", directory)


@scenario
def a_full_disk_is_said_before_and_leaves_what_was_there(rig):
    stage, disk = Stage(rig, "full"), rig.folder("disk")
    rig.run("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk)
    rig.at_end(lambda: rig.run("umount", disk))
    archive(rig, "save", stage.name, "--dir", disk)
    before = files_in(disk)
    content.large_platform("too large", 40 << 20).push(stage.registry.client, "team/app", "v1")
    requests = stage.registry.requests("/blobs/")
    said = archive(rig, "save", stage.name, "--dir", disk, code=3)
    check("has no room for it" in said, f"the reason is not said: {said}")
    check_equal(stage.registry.requests("/blobs/"), requests, "blobs that were fetched for nothing")
    said = archive(rig, "save", stage.name, "--dir", disk, "--compress", "zstd", code=3)
    check("No space left on device" in said, f"the reason is not said: {said}")
    check_equal(files_in(disk), before, "what is on the full disk")
    archive(rig, "verify", disk)


@scenario
def verify_names_what_an_importer_would_miss(rig):
    stage = Stage(rig, "verify")
    saved, changed = stage.save(), rig.path("changed.tar")
    archive(rig, "verify", saved)
    layer = stage.amd64["layers"][-1]["digest"]
    path = "blobs/" + layer.replace(":", "/")
    rewritten(saved, changed, lambda name, body: None if name == path else body)
    said = archive(rig, "verify", changed, code=1)
    check(layer in said and stage.name in said, f"what is missing is not said: {said}")
    rewritten(saved, changed, lambda name, body: body[:-1] + b"!" if name == path else body)
    said = archive(rig, "verify", changed, "-o", "json", code=1)
    check_equal(json.loads(said)["archives"][0]["whole"], False, "the report on a damaged layer")
    changed.write_bytes(saved.read_bytes()[:-3000])
    archive(rig, "verify", changed, code=1)
    archive(rig, "load", changed, "--into", "docker", code=1)
    archive(rig, "verify", rig.path("none.tar"), code=3)
    one = stage.save("--platform", "linux/amd64")
    check("without linux/arm64" in archive(rig, "verify", one), "what was left out is not said")
    archive(rig, "verify", one, "--platform", "linux/arm64", code=1)
    skopeo_made = stage.pushed.write_archive(rig.path("other.tar"), stage.name)
    said = archive(rig, "verify", skopeo_made, code=1)
    check("'manifest.json' is not in it" in said, f"that docker does not take it is not said: {said}")


@scenario
def what_the_registry_has_broken_gets_no_archive(rig):
    stage, directory = Stage(rig, "broken"), rig.path("kept")
    layer = stage.amd64["layers"][-1]["digest"]
    data = stage.registry.data / "docker/registry/v2/blobs/sha256" / layer[7:9] / layer[7:] / "data"
    whole = data.read_bytes()
    data.write_bytes(b"!" * len(whole))
    said = archive(rig, "save", stage.name, "--dir", directory, code=1)
    check(layer in said, f"what is broken is not said: {said}")
    check_equal(files_in(directory), [], "what is in the directory")
    data.unlink()
    archive(rig, "save", stage.name, "--dir", directory, code=1)
    archive(rig, "save", f"{stage.repository}:none", "--dir", directory, code=1)
    stage.registry.kill()
    archive(rig, "save", stage.name, "--dir", directory, code=3)


@scenario
def a_damaged_store_mends_itself_from_archives(rig):
    pushed, directory = content.multi_platform("mended"), rig.path("archives")
    lifeboat = Lifeboat(rig, server=ALONE, sections=f'[scrub]\nrepair_from = ["team/*=archive:{directory}"]\n')
    pushed.push(lifeboat.client, "team/app", "v1")
    archive(rig, "save", f"{lifeboat.address}/team/app:v1", "--dir", directory)
    archive(rig, "save", f"{lifeboat.address}/team/app:v1", "--dir", directory, "--compress", "gzip")
    for digest in [*pushed.blobs, *(document.digest for document in pushed.documents)]:
        path = lifeboat.data / "blobs/sha256" / digest[7:9] / digest[7:]
        size = path.stat().st_size
        path.chmod(0o600)
        path.write_bytes(os.urandom(size))
    done = rig.attempt(LIFEBOAT, "scrub", "--data", lifeboat.data)
    check_equal(done.returncode, 0, f"exit code of the scrub: {done.stdout.decode()}{done.stderr.decode()}")
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "v1"), [], "what a pull gets after the scrub")


main()
