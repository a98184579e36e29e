"""`lifeboat export`, the way out: a real docker-registry serves what it wrote, skopeo reads it, and the digests are the same."""
import json
import pathlib

import content
from broken_registry import Incident, Name
from parts import (HOST, LIFEBOAT, Containerd, Lifeboat, Upstream, UpstreamRegistry, layout_faults, skopeo)
from rig import check, check_equal, main, scenario
from wire_client import digest_of

ALONE = "builtin_upstreams = false\n"


def export(rig, lifeboat: Lifeboat, layout: str, to: pathlib.Path, *options) -> tuple[int, dict]:
    done = rig.attempt(LIFEBOAT, "export", "--data", lifeboat.data, "--layout", layout, "--to", to, "-o", "json", *options)
    check(done.returncode in (0, 1), f"exporting to {to} ended with {done.returncode}: {done.stderr.decode()}")
    return done.returncode, json.loads(done.stdout)


def wanted_of(pushed: content.Content) -> list[str]:
    return [*pushed.blobs, *(document.digest for document in pushed.documents)]


def skopeo_digest(rig, address: str, name: str) -> str:
    return digest_of(skopeo(rig, "inspect", "--raw", "--tls-verify=false", f"docker://{address}/{name}").encode())


class Server(UpstreamRegistry):
    """A docker-registry on a directory that somebody else wrote."""

    def __init__(self, rig, data: pathlib.Path, name: str):
        target = rig.path(name, "data")
        target.symlink_to(data)
        super().__init__(rig, name=name)


@scenario
def what_came_from_docker_registry_goes_back_to_it_with_the_same_digests(rig):
    incident = Incident(UpstreamRegistry(rig, name="old"))
    index, plain = content.multi_platform("round"), content.single_platform("trip")
    for name, pushed in ((("team/app", "1"), index), (("team/app", "latest"), index), (("solo", "v1"), plain)):
        incident.push(*name, pushed)
    artifact = content.artifact(index.root)
    artifact.push(incident.registry.client, "team/app", artifact.root.digest)
    before = {name: skopeo_digest(rig, incident.registry.address, str(name)) for name in incident.whole}
    incident.registry.part.stop()

    lifeboat = Lifeboat(rig, server=ALONE, start=False)
    rig.run(LIFEBOAT, "adopt", incident.registry.data, "--data", lifeboat.data)
    lifeboat.start()
    check_equal({name: skopeo_digest(rig, lifeboat.address, str(name)) for name in incident.whole}, before, "digests served")
    containerd = Containerd(rig)
    containerd.ctr("images", "pull", "--plain-http", "--all-platforms", "--snapshotter", "native", f"{lifeboat.address}/team/app:1")
    check_equal(containerd.digest_of(f"{lifeboat.address}/team/app:1"), index.root.digest, "digest containerd pulled")
    lifeboat.stop()

    code, report = export(rig, lifeboat, "distribution", rig.directory / "out")
    check_equal((code, report["tags"], report["not_exported"]), (0, 3, []), "what was exported")
    server = Server(rig, rig.directory / "out", "new")
    check_equal({name: skopeo_digest(rig, server.address, str(name)) for name in incident.whole}, before, "digests after all")
    for name, pushed in incident.whole.items():
        check_equal(pushed.faults_at(server.client, name.repository, name.tag), [], f"what {name} misses")
    check_equal(artifact.faults_at(server.client, "team/app", artifact.root.digest), [], "what the artifact misses")
    later = content.single_platform("pushed later")
    later.push(server.client, "team/app", "2")
    check_equal(later.faults_at(server.client, "team/app", "2"), [], "a push to the exported registry")
    listed = json.loads(server.client.get("/v2/_catalog").body)["repositories"]
    check_equal(listed, ["solo", "team/app"], "the catalog of the exported registry")
    rig.run("docker-registry", "garbage-collect", rig.path("new", "config.yml"))
    check_equal(index.faults_at(server.client, "team/app", "1"), [], "what the collector took of it")


@scenario
def skopeo_reads_a_layout(rig):
    lifeboat, pushed = Lifeboat(rig, server=ALONE), content.multi_platform("layout", with_packages=False)
    pushed.push(lifeboat.client, "team/app", "1")
    pushed.push(lifeboat.client, "other", "1")
    lifeboat.stop()
    export(rig, lifeboat, "oci", rig.directory / "one", "team/app")
    export(rig, lifeboat, "oci", rig.directory / "both")
    for source in (f"oci:{rig.directory / 'one'}:1", f"oci:{rig.directory / 'both'}:team/app:1"):
        copied = rig.path(f"copied-{len(source)}")
        skopeo(rig, "copy", "--all", "--preserve-digests", source, f"oci:{copied}:1")
        check_equal(layout_faults(copied, wanted_of(pushed)), [], f"what skopeo read from {source}")


@scenario
def what_is_cached_in_part_is_said_and_gets_no_name(rig):
    upstream = UpstreamRegistry(rig)
    whole, part = content.single_platform("whole"), content.multi_platform("part", with_packages=False)
    whole.push(upstream.client, "team/app", "whole")
    part.push(upstream.client, "team/app", "part")
    lifeboat = Lifeboat(rig, [Upstream([upstream.endpoint()], settings='capture = "none"\n')], server=ALONE)
    check_equal(whole.faults_at(lifeboat.client, "team/app", "whole", f"?ns={HOST}"), [], "what was pulled through")
    check_equal(lifeboat.client.manifest("team/app", "part", query=f"?ns={HOST}").status, 200, "status of the index")
    lifeboat.stop()
    code, report = export(rig, lifeboat, "distribution", rig.directory / "out")
    check_equal(code, 1, "exit code")
    check(f"{HOST}/team/app:part" in [one["name"] for one in report["not_exported"]], f"not said: {report}")
    server = Server(rig, rig.directory / "out", "new")
    check_equal(whole.faults_at(server.client, f"{HOST}/team/app", "whole"), [], "what the exported registry serves")
    check_equal(server.client.manifest(f"{HOST}/team/app", "part").status, 404, "status of what is not whole")


@scenario
def an_export_that_was_killed_is_recognised_and_goes_on(rig):
    lifeboat, pushed = Lifeboat(rig, server=ALONE), content.multi_platform("cut")
    for number in range(5):
        pushed.push(lifeboat.client, f"team/app{number}", "1")
    lifeboat.stop()
    out = rig.directory / "out"
    command = [LIFEBOAT, "export", "--data", lifeboat.data, "--layout", "distribution", "--to", out]
    part = rig.start("export", command, lambda: (out / "docker").exists())
    part.kill()
    check("not complete" in (out / "lifeboat-export").read_text(), "a cut export passes for a whole one")
    found = json.loads(rig.attempt(LIFEBOAT, "fsck", out, "-o", "json").stdout or b'{"broken_names": []}')
    check_equal([name for name in found["broken_names"] if "@" not in name], [], "tags that lead nowhere after a cut")
    check_equal(export(rig, lifeboat, "distribution", out)[0], 0, "exit code when it was let through")
    check(", complete" in (out / "lifeboat-export").read_text(), "it is not said that it is complete")
    server = Server(rig, out, "new")
    for number in range(5):
        check_equal(pushed.faults_at(server.client, f"team/app{number}", "1"), [], f"what team/app{number}:1 misses")


@scenario
def nothing_of_somebody_else_is_touched(rig):
    lifeboat = Lifeboat(rig, server=ALONE)
    rig.file("theirs/file", "precious")
    command = [LIFEBOAT, "export", "--data", lifeboat.data, "--layout", "oci", "--to", rig.directory / "theirs"]
    done = rig.attempt(*command)
    check_equal(done.returncode, 2, "exit code for a directory of somebody else")
    check_equal([path.name for path in (rig.directory / "theirs").iterdir()], ["file"], "what is in it")


main()
