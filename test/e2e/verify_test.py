"""`lifeboat verify` against Debian's docker-registry: what is whole is said to be, and each fault is named for what it is."""
import base64
import json
import os
import xml.etree.ElementTree

import broken_registry
import content
from broken_registry import Incident, Name, make_incident
from imposter import Imposter
from parts import LIFEBOAT, Certificate, UpstreamRegistry
from rig import Rig, check, check_equal, main, scenario
from token_server import USER, TokenServer

WHOLE, BROKEN, USAGE, UNKNOWN = 0, 1, 2, 3


def verify(rig: Rig, *words, env: dict | None = None):
    """Exit status, and the report by reference: fault → digests (of a tag: its name)."""
    clean = {k: v for k, v in os.environ.items() if k not in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE")}
    done = rig.attempt(LIFEBOAT, "verify", "-o", "json", *words, env={**clean, "HOME": str(rig.directory), **(env or {})})
    check(done.returncode != USAGE, f"verify {words}: {done.stderr.decode()}")
    report = json.loads(done.stdout)
    faults = {}
    for one in report["references"]:
        named = faults.setdefault(one["reference"], {})
        for fault in one["faults"]:
            named.setdefault(fault["fault"], set()).add(fault["path"][-1].get("digest", fault["path"][-1].get("note", "")))
    return done.returncode, faults, report


def repositories(incident: Incident) -> list[str]:
    return sorted({f"{incident.registry.address}/{name.repository}" for name in incident.whole})


def judged(incident: Incident, faults: dict) -> dict[str, set[str]]:
    """Of each name that is broken, the digests: as Incident.broken has it."""
    prefix = incident.registry.address + "/"
    return {name.removeprefix(prefix): set().union(*found.values()) for name, found in faults.items() if found}


@scenario
def the_incident_is_found_name_by_name(rig):
    for removes_untagged in (True, False):
        incident = make_incident(rig, removes_untagged=removes_untagged, name=f"untagged-{removes_untagged}")
        check(incident.broken and incident.sound, "the incident broke something and left something")
        status, faults, _ = verify(rig, *repositories(incident))
        check_equal(status, BROKEN, f"exit status (-m: {removes_untagged})")
        check_equal(judged(incident, faults), {str(n): d for n, d in incident.broken.items()},
                    f"broken names and what they miss (-m: {removes_untagged})")
        check_equal({kind for found in faults.values() for kind in found}, {"missing"}, "what the faults are called")
        check_equal(len(faults), len(incident.whole), "names that were looked at")
        sound = [f"{incident.registry.address}/{name}" for name in sorted(map(str, incident.sound))]
        check_equal(verify(rig, "--deep", *sound)[0], WHOLE, "the sound ones alone")


@scenario
def a_push_that_the_collector_ran_into_is_found_while_the_registry_says_that_all_is_well(rig):
    incident = Incident(UpstreamRegistry(rig, storage=broken_registry.REMEMBERS))
    incident.push("team/app", "1", content.multi_platform("sound", with_packages=False))
    name = broken_registry.push_beside_the_collector(incident, "team/app", "2", "fresh")
    for digest in incident.broken[name]:
        check_equal(incident.registry.client.blob("team/app", digest, "HEAD").status, 200, "a HEAD of what is gone")
    reference = f"{incident.registry.address}/{name}"
    for word in ("--referrers", "--deep"):
        status, faults, _ = verify(rig, f"{incident.registry.address}/team/app", word)
        check_equal(status, BROKEN, "exit status")
        check_equal(faults[reference], {"empty_body": incident.broken[name]}, "200, and not one byte")
        check_equal(judged(incident, faults).keys(), {str(name)}, "broken names")
    incident.restart()
    status, faults, _ = verify(rig, reference)
    check_equal((status, faults[reference]), (BROKEN, {"missing": incident.broken[name]}), "once it has forgotten")


@scenario
def each_damage_on_the_disk_has_its_name(rig):
    registry = UpstreamRegistry(rig)
    incident = Incident(registry)
    pushed = content.multi_platform("damage", with_packages=False)
    amd64, layer = pushed.documents[0], content.named_by(pushed.documents[0])[-1]
    incident.push("team/app", "1", pushed)
    name = f"{registry.address}/team/app:1"
    check_equal(verify(rig, name)[:2], (WHOLE, {name: {}}), "before")
    link = incident.revision_of("team/app", amd64.digest) / "link"

    def without(path):
        return path, None

    def with_bytes(path, change):
        return path, change(path.read_bytes())

    rows = [
        ("a layer's bytes removed", without(incident.blob_of(layer)), [], BROKEN, {"missing": {layer}}),
        ("the link of a child removed", without(link), [], BROKEN, {"missing": {amd64.digest}}),
        ("the link of a layer removed", without(incident.layer_of("team/app", layer)), [], BROKEN, {"missing": {layer}}),
        ("a layer truncated", with_bytes(incident.blob_of(layer), lambda b: b[:-7]), [], BROKEN, {"wrong_size": {layer}}),
        ("a layer emptied", with_bytes(incident.blob_of(layer), lambda b: b""), [], BROKEN, {"empty_body": {layer}}),
        ("a bit of a layer flipped, by a look", with_bytes(incident.blob_of(layer), flipped), [], WHOLE, {}),
        ("a bit of a layer flipped, hashed", with_bytes(incident.blob_of(layer), flipped), ["--deep"], BROKEN,
         {"wrong_digest": {layer}}),
        ("a bit of a layer flipped, in the sample", with_bytes(incident.blob_of(layer), flipped), ["--sample", "100"],
         BROKEN, {"wrong_digest": {layer}}),
        ("a bit of a child flipped", with_bytes(incident.blob_of(amd64.digest), flipped), [], BROKEN,
         {"wrong_digest": {amd64.digest}}),
        ("a link of no length, as a power loss leaves it", with_bytes(link, lambda b: b""), [], BROKEN,
         {"server_error": {amd64.digest}}),
        ("a layer of another platform removed", without(incident.blob_of(layer)), ["--platform", "linux/arm64"], WHOLE, {}),
        ("a platform that is not there", without(rig.file("nothing", "")), ["--platform", "linux/s390x"], BROKEN,
         {"no_platform": {pushed.root.digest}}),
    ]
    for what, (path, damaged), words, wanted_status, wanted in rows:
        whole = path.read_bytes()
        if damaged is None:
            path.unlink()
        else:
            path.write_bytes(damaged)
        status, faults, _ = verify(rig, *words, name)
        path.write_bytes(whole)
        check_equal((status, faults[name]), (wanted_status, wanted), what)
    check_equal(verify(rig, "--deep", name)[0], WHOLE, "afterwards")


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]


@scenario
def what_cannot_be_found_out_is_not_called_broken(rig):
    pushed = content.single_platform("login")
    certificate = Certificate(rig)
    tokens = TokenServer(rig)
    registry = UpstreamRegistry(rig, name="tokens", auth=tokens.registry_auth())
    users = rig.file("htpasswd", rig.run("htpasswd", "-nbB", "ci", "right"))
    basic = UpstreamRegistry(rig, name="basic", tls=certificate,
                             auth=f"auth:\n  htpasswd:\n    realm: e2e\n    path: {users}\n")
    basic.client.authorization = "Basic " + base64.b64encode(b"ci:right").decode()
    pushed.push(basic.client, "app", "1")
    name = f"{basic.address}/app:1"
    trusted = ["--ca-file", certificate.certificate]
    right, wrong = rig.file("right", "right\n"), rig.file("wrong", "wrong\n")
    config = rig.file("docker/config.json", json.dumps(
        {"auths": {basic.address: {"auth": base64.b64encode(b"ci:right").decode()}}}))

    rows = [
        ("a login that is right", [*trusted, "--username", "ci", "--password-file", right, name], {}, WHOLE, set()),
        ("that of docker login", [*trusted, name], {"DOCKER_CONFIG": str(config.parent)}, WHOLE, set()),
        ("a wrong one", [*trusted, "--username", "ci", "--password-file", wrong, name], {}, UNKNOWN, {"unauthorized"}),
        ("none", [*trusted, name], {}, UNKNOWN, {"unauthorized"}),
        ("a certificate that nobody vouches for", [name], {}, UNKNOWN, {"unreachable"}),
        ("a password that the token server refuses",
         ["--username", USER, "--password-file", wrong, f"{registry.address}/app:1"], {}, UNKNOWN, {"unauthorized"}),
        ("a token, and no such thing",
         ["--username", USER, "--password-file", rig.file("token", tokens.password), f"{registry.address}/app:1"], {},
         BROKEN, {"missing"}),
    ]
    for what, words, env, wanted_status, wanted in rows:
        status, faults, _ = verify(rig, *words, env=env)
        check_equal((status, set().union(*(found.keys() for found in faults.values()))), (wanted_status, wanted), what)
    tokens.stop()
    status, faults, _ = verify(rig, f"{registry.address}/app:1")
    check_equal((status, list(faults.values())), (UNKNOWN, [{"unreachable": {"1"}}]), "no token server")
    basic.kill()
    for reference in (name, f"{basic.address}/app"):
        status, faults, _ = verify(rig, *trusted, reference)
        check_equal((status, {kind for found in faults.values() for kind in found}), (UNKNOWN, {"unreachable"}),
                    "no registry")


@scenario
def a_registry_that_lies_is_told_from_one_that_is_down(rig):
    pushed = content.multi_platform("lies", with_packages=False)
    liar = Imposter(rig)
    liar.hold(pushed, "app", "1")
    name = f"127.0.0.1:{liar.port}/app:1"
    rows = [("good", WHOLE, set()), ("500", UNKNOWN, {"unreachable"}), ("html", UNKNOWN, {"unreachable"}),
            ("403", UNKNOWN, {"denied"}), ("429", UNKNOWN, {"limited"}), ("404", BROKEN, {"missing"}),
            ("wrong_bytes", BROKEN, {"wrong_digest"})]
    for mode, wanted_status, wanted in rows:
        liar.mode = mode
        status, faults, _ = verify(rig, "--plain-http", f"127.0.0.1:{liar.port}", name)
        check_equal((status, set(faults[name])), (wanted_status, wanted), mode)


@scenario
def a_pipeline_gets_a_table_and_a_report_and_an_exit_status(rig):
    registry = UpstreamRegistry(rig)
    incident = Incident(registry)
    pushed = content.single_platform("ci")
    incident.push("team/app", "1", pushed)
    incident.push("team/app", "2", content.single_platform("other"))
    layer = content.named_by(pushed.root)[-1]
    incident.blob_of(layer).unlink()
    done = rig.attempt(LIFEBOAT, "verify", f"{registry.address}/team/app")
    check_equal(done.returncode, BROKEN, "exit status")
    lines = done.stdout.decode().splitlines()
    check_equal(lines[0].split(), ["REFERENCE", "FAULT", "WHAT"], "the head of the table")
    check_equal(lines[1].split()[:2], [f"{registry.address}/{Name('team/app', '1')}", "missing"], "the one row")
    check(layer in lines[1] and lines[2] == "" and lines[3].startswith("1 of 2 references broken, 1 whole"), lines)
    check_equal(done.stderr, b"", "nothing is drawn in a pipe")
    junit = xml.etree.ElementTree.fromstring(
        rig.attempt(LIFEBOAT, "verify", "-o", "junit", f"{registry.address}/team/app").stdout)
    cases = {case.get("name"): [child.tag for child in case] for case in junit.iter("testcase")}
    check_equal(cases, {"1": ["failure"], "2": []}, "the test cases")
    check_equal(rig.attempt(LIFEBOAT, "verify", f"{registry.address}/team/app:2").returncode, WHOLE, "the sound one")
    check_equal(rig.attempt(LIFEBOAT, "verify", f"{registry.address}/team/app:v*").returncode, BROKEN,
                "a pattern that no tag fits")
    for words in (["verify"], ["verify", "UPPER"], ["verify", "--jobs", "0", "a"], ["verify", "--deep", "--sample", "1", "a"],
                  ["verify", "--username", "ci", "a"]):
        check_equal(rig.attempt(LIFEBOAT, *words).returncode, USAGE, " ".join(words))


main()
