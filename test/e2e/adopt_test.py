"""`lifeboat adopt` takes over what a real docker-registry has, by its files or over its API: whole, and nothing else."""
import json
import os

import content
from broken_registry import Incident, Name, make_incident
from parts import HOST, LIFEBOAT, Lifeboat, Upstream, UpstreamRegistry, layout_faults, skopeo
from rig import check, check_equal, main, scenario


# No upstream: what is not hosted here is not there.
ALONE = "builtin_upstreams = false\n"


def adopt(rig, origin, data, *options) -> tuple[int, dict]:
    """Exit code and report."""
    done = rig.attempt(LIFEBOAT, "adopt", origin, "--data", data, "-o", "json", *options)
    check(done.returncode in (0, 1), f"adopting {origin} ended with {done.returncode}: {done.stderr.decode()}")
    return done.returncode, json.loads(done.stdout)


def refused(report: dict) -> list[str]:
    """Names that were not adopted; those by digest left out."""
    return sorted(one["name"] for one in report["not_adopted"] if "@" not in one["name"])


def filled(rig) -> Incident:
    """A registry with an index under two names, the same content in another repository, an artifact, and plain content."""
    incident = Incident(UpstreamRegistry(rig))
    index = content.multi_platform("adopted")
    incident.push("team/app", "1", index)
    incident.push("team/app", "latest", index)
    incident.push("mirror/app", "1", index)
    incident.push("solo", "v1", content.single_platform("solo"))
    artifact = content.artifact(index.root)
    artifact.push(incident.registry.client, "team/app", artifact.root.digest)
    incident.artifact = artifact
    return incident


def check_served(lifeboat: Lifeboat, whole: dict[Name, content.Content]) -> None:
    for name, pushed in whole.items():
        check_equal(pushed.faults_at(lifeboat.client, name.repository, name.tag), [], f"what {name} misses")


def check_artifact(lifeboat: Lifeboat, incident: Incident) -> None:
    subject = incident.whole[Name("team/app", "1")].root.digest
    answer = lifeboat.client.get(f"/v2/team/app/referrers/{subject}")
    check(incident.artifact.root.digest.encode() in answer.body, f"the artifact is not found by its subject: {answer}")


@scenario
def a_tree_is_adopted_by_links_and_served_byte_for_byte(rig):
    incident = filled(rig)
    incident.registry.part.stop()
    lifeboat = Lifeboat(rig, server=ALONE, start=False)
    code, report = adopt(rig, incident.registry.data, lifeboat.data, "--dry-run")
    check_equal((code, report["tags"], report["not_adopted"]), (0, 4, []), "the dry run")
    check(not lifeboat.data.exists(), "a dry run made the data directory")

    code, report = adopt(rig, incident.registry.data, lifeboat.data)
    check_equal((code, report["repositories"], report["tags"], report["not_adopted"]), (0, 3, 4, []), "what was adopted")
    check(report["blobs_by"].get("linked", 0) > 0, f"nothing was linked on one file system: {report['blobs_by']}")
    lifeboat.start()
    check_served(lifeboat, incident.whole)
    check_artifact(lifeboat, incident)
    check_equal(sorted(json.loads(lifeboat.client.get("/v2/team/app/tags/list").body)["tags"]), ["1", "latest"], "tags")
    layout = rig.path("pulled")
    skopeo(rig, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", f"docker://{lifeboat.address}/team/app:1",
           f"oci:{layout}:1")
    pushed = incident.whole[Name("team/app", "1")]
    check_equal(layout_faults(layout, [*pushed.blobs, *(d.digest for d in pushed.documents)]), [], "what skopeo pulled")

    done = rig.attempt(LIFEBOAT, "adopt", incident.registry.data, "--data", lifeboat.data)
    check_equal(done.returncode, 3, "exit code while a server runs")
    check(f"process {lifeboat.part.pid} holds it" in done.stderr.decode(), f"who runs is not said: {done.stderr.decode()}")
    lifeboat.stop()
    code, report = adopt(rig, incident.registry.data, lifeboat.data)
    check_equal((code, set(report["blobs_by"])), (0, {"held"}), "what came a second time")


@scenario
def what_the_incident_broke_gets_no_name_and_the_rest_does(rig):
    incident = make_incident(rig, removes_untagged=True)
    lifeboat = Lifeboat(rig, server=ALONE, start=False)
    code, report = adopt(rig, incident.registry.data, lifeboat.data)
    check_equal(code, 1, "exit code with broken names")
    check_equal(refused(report), sorted(map(str, incident.broken)), "names that were not adopted")
    lifeboat.start()
    check_served(lifeboat, {name: incident.whole[name] for name in incident.sound})
    for name in incident.broken:
        check_equal(lifeboat.client.manifest(name.repository, name.tag).status, 404, f"status of {name}")
    lifeboat.stop()
    done = rig.attempt(LIFEBOAT, "fsck", lifeboat.data, "--deep", "-o", "json")
    check_equal((done.returncode, json.loads(done.stdout)["broken_names"]), (0, []), "broken in the store")


@scenario
def bytes_that_are_damaged_are_not_adopted(rig):
    incident = filled(rig)
    layer = json.loads(incident.whole[Name("solo", "v1")].root.body)["layers"][0]["digest"]
    path = incident.blob_of(layer)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    lifeboat = Lifeboat(rig, server=ALONE, start=False)
    code, report = adopt(rig, incident.registry.data, lifeboat.data)
    check_equal((code, refused(report)), (1, ["solo:v1"]), "names that were not adopted")
    check("another digest" in report["not_adopted"][0]["reason"], f"the reason: {report['not_adopted']}")
    check_equal(list((lifeboat.data / "uploads").iterdir()), [], "what is left of it")


@scenario
def a_running_registry_is_adopted_over_its_api(rig):
    incident = filled(rig)
    lifeboat = Lifeboat(rig, server=ALONE, start=False)
    code, report = adopt(rig, incident.registry.address, lifeboat.data)
    check_equal((code, report["repositories"], report["tags"], report["not_adopted"]), (0, 3, 4, []), "what was adopted")
    lifeboat.start()
    check_served(lifeboat, incident.whole)


@scenario
def only_what_is_named_is_adopted(rig):
    incident = filled(rig)
    for origin in (incident.registry.data, incident.registry.address):
        data = rig.path(f"data-{os.path.basename(str(origin))}")
        code, report = adopt(rig, origin, data, "--repository", "*/app:1")
        check_equal((code, report["repositories"], report["tags"]), (0, 2, 2), f"what was adopted of {origin}")
    _, report = adopt(rig, f"{incident.registry.address}/solo", rig.path("one"))
    check_equal((report["repositories"], report["tags"]), (1, 1), "one repository alone")


@scenario
def a_layout_is_adopted_under_a_name(rig):
    pushed, lifeboat = content.multi_platform("layout", with_packages=False), Lifeboat(rig, server=ALONE, start=False)
    layout = pushed.write_layout(rig.path("layout"), "v1")
    done = rig.attempt(LIFEBOAT, "adopt", layout, "--data", lifeboat.data)
    check_equal(done.returncode, 2, "exit code without a name")
    check_equal(adopt(rig, layout, lifeboat.data, "--as", "team/app")[0], 0, "exit code")
    lifeboat.start()
    check_served(lifeboat, {Name("team/app", "v1"): pushed})


@scenario
def another_lifeboat_is_adopted_but_not_what_it_caches(rig):
    upstream, pushed = UpstreamRegistry(rig), content.single_platform("two")
    pushed.push(upstream.client, "team/cached", "1")
    other = Lifeboat(rig, [Upstream([upstream.endpoint()])], name="other", server=ALONE)
    pushed.push(other.client, "team/app", "1")
    check_equal(other.client.manifest("team/cached", "1", query=f"?ns={HOST}").status, 200, "status of what it caches")
    other.stop()
    lifeboat = Lifeboat(rig, server=ALONE, start=False)
    code, report = adopt(rig, other.data, lifeboat.data)
    check_equal((code, report["repositories"], refused(report)), (1, 1, [f"{HOST}/team/cached"]), "what was adopted")
    lifeboat.start()
    check_served(lifeboat, {Name("team/app", "1"): pushed})


@scenario
def a_tag_that_was_pushed_here_meanwhile_stays(rig):
    incident, lifeboat = filled(rig), Lifeboat(rig, server=ALONE)
    ours = content.single_platform("ours")
    ours.push(lifeboat.client, "solo", "v1")
    lifeboat.stop()
    code, report = adopt(rig, incident.registry.data, lifeboat.data)
    check_equal((code, refused(report)), (1, ["solo:v1"]), "names that were not adopted")
    lifeboat.start()
    check_served(lifeboat, {Name("solo", "v1"): ours})
    lifeboat.stop()
    check_equal(adopt(rig, incident.registry.data, lifeboat.data, "--replace")[0], 0, "exit code of --replace")
    lifeboat.start()
    check_served(lifeboat, incident.whole)


@scenario
def an_adoption_that_was_killed_goes_on(rig):
    incident, lifeboat = filled(rig), Lifeboat(rig, server=ALONE, start=False)
    for wait in (0.02, 0.05, 0.1):
        part = rig.start("adopt", [LIFEBOAT, "adopt", incident.registry.data, "--data", lifeboat.data])
        try:
            part.process.wait(wait)
        except Exception:  # pylint: disable=broad-except
            part.kill()
        lifeboat.start()
        for name, pushed in incident.whole.items():
            answer = lifeboat.client.manifest(name.repository, name.tag)
            check(answer.status in (200, 404), f"{name} after a kill: {answer}")
            if answer.status == 200:
                check_equal(pushed.faults_at(lifeboat.client, name.repository, name.tag), [], f"what {name} misses")
        lifeboat.stop()
    check_equal(adopt(rig, incident.registry.data, lifeboat.data)[0], 0, "exit code when it was let through")
    lifeboat.start()
    check_served(lifeboat, incident.whole)


main()
