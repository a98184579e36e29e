"""`[[probe]]`: a server that proves all tags of a registry whole, again and again, and says which are not."""
import base64
import json
import signal
import time

import content
from broken_registry import Incident, Name, make_incident
from imposter import Imposter
from parts import LIFEBOAT, Lifeboat, UpstreamRegistry
from rig import Rig, check, check_equal, eventually, main, scenario

FAILURES = "registry_manifest_integrity_failures"
LAST_RUN = "registry_manifest_integrity_last_run_timestamp"
SETTINGS = "builtin_upstreams = false\n"


def probe(name: str, target: str, more: str = "") -> str:
    return f'[[probe]]\nname = "{name}"\ntarget = "{target}"\nevery = "1s"\n{more}\n'


def status(rig: Rig, lifeboat: Lifeboat) -> tuple[int, dict[str, dict]]:
    """The exit status, and the probes by name."""
    done = rig.attempt(LIFEBOAT, "status", "--data", lifeboat.data, "-o", "json")
    return done.returncode, {one["name"]: one for one in json.loads(done.stdout)["probes"]}


def has_run(lifeboat: Lifeboat, target: str, since: float = 0):
    return lambda: lifeboat.metric(LAST_RUN, target=target) > since


def ran_again(lifeboat: Lifeboat, target: str) -> None:
    """A whole tour that began behind this moment has ended."""
    for _ in range(2):
        eventually(has_run(lifeboat, target, lifeboat.metric(LAST_RUN, target=target)), f"a tour of {target}", 60)


def logged(lifeboat: Lifeboat, event: str) -> list[str]:
    """The names of which an event was told, as often as it was told."""
    lines = [line for line in lifeboat.part.text().splitlines() if f" {event} " in line]
    return sorted(word.removeprefix("name=") for line in lines for word in line.split() if word.startswith("name="))


@scenario
def the_incident_is_told_once_for_each_broken_name_and_for_no_sound_one(rig):
    incidents = {str(untagged): make_incident(rig, removes_untagged=untagged, name=f"untagged-{untagged}")
                 for untagged in (True, False)}
    sections = "".join(probe(name, one.registry.url) for name, one in incidents.items())
    lifeboat = Lifeboat(rig, server=SETTINGS, sections=sections)
    for name in incidents:
        ran_again(lifeboat, name)
    told = sorted(str(broken) for one in incidents.values() for broken in one.broken)
    check_equal(logged(lifeboat, "probe.broken"), told, "names that were told of, each once though it ran twice")
    for name, incident in incidents.items():
        check_equal(lifeboat.metric(FAILURES, target=name), len(incident.broken), f"failures of {name}")
        check_equal(lifeboat.metric("registry_manifest_integrity_tags_checked", target=name), len(incident.whole), "tags")
        check_equal(lifeboat.metric("registry_manifest_integrity_repos_checked", target=name),
                    len({one.repository for one in incident.whole}), "repositories")
        check_equal(lifeboat.metric("registry_manifest_integrity_indexes_checked", target=name),
                    len({(n.repository, c.root.digest) for n, c in incident.whole.items()
                         if len(c.documents) > 1 and c.root.digest not in incident.broken.get(n, ())}), "indexes")
        check_equal(lifeboat.metric("registry_manifest_integrity_catalog_accessible", target=name), 1, "the catalog")
    returned, probes = status(rig, lifeboat)
    check_equal(returned, 1, "exit status of `lifeboat status`")
    for name, incident in incidents.items():
        first = probes[name]["first"]
        check_equal({text.split(": ")[0] for text in first}, {str(n) for n in incident.broken}, "names in the status")
        check(all(any(d in text for d in incident.broken[Name(*text.split(": ")[0].split(":"))]) for text in first),
              f"a digest that is missing stands beside each name: {first}")

    # The operator pushes what was lost again: it is told that it is whole.
    healed = incidents["False"]
    for name in healed.broken:
        healed.whole[name].push(healed.registry.client, name.repository, name.tag)
    ran_again(lifeboat, "False")
    check_equal(lifeboat.metric(FAILURES, target="False"), 0, "failures after the repair")
    check_equal(logged(lifeboat, "probe.whole_again"), sorted(map(str, healed.broken)), "names that are whole again")


@scenario
def what_is_known_outlives_a_restart_and_an_outage_is_neither_a_failure_nor_a_run(rig):
    incident = make_incident(rig, removes_untagged=True)
    lifeboat = Lifeboat(rig, server=SETTINGS, sections=probe("main", incident.registry.url))
    eventually(has_run(lifeboat, "main"), "the first tour", 60)
    incident.registry.kill()
    eventually(lambda: status(rig, lifeboat)[1]["main"].get("error"), "the tour is interrupted", 60)
    check_equal(lifeboat.metric(FAILURES, target="main"), len(incident.broken), "failures while it cannot be asked")
    before = lifeboat.metric(LAST_RUN, target="main")
    lifeboat.kill()
    lifeboat.start()
    eventually(lambda: FAILURES + "{" in lifeboat.client.get("/metrics").body.decode(), "what was found before is read", 20)
    check_equal(lifeboat.metric(FAILURES, target="main"), len(incident.broken), "the first failures told after the start")
    check_equal(lifeboat.metric(LAST_RUN, target="main"), before, "the last run, which an outage is not")
    check_equal(logged(lifeboat, "probe.broken"), [], "what is told again")
    incident.registry.start("")
    lifeboat.kill()
    lifeboat.start()
    eventually(has_run(lifeboat, "main", before), "a tour once it is back", 60)
    check_equal(logged(lifeboat, "probe.broken"), [], "what is told again then")
    check_equal(lifeboat.metric(FAILURES, target="main"), len(incident.broken), "failures then")


@scenario
def a_server_probes_itself_and_what_should_be_its_equal(rig):
    backup = UpstreamRegistry(rig, name="backup")
    sections = (probe("me", "self", 'compare_with = "backup"') +
                probe("backup", backup.url, 'repositories = ["team/*"]\ntags = ["v*"]'))
    lifeboat = Lifeboat(rig, server=SETTINGS, sections=sections)
    one, two = (content.multi_platform(salt, with_packages=False) for salt in ("one", "two"))
    for at in (lifeboat.client, backup.client):
        one.push(at, "team/app", "v1")
    ran_again(lifeboat, "me")
    ran_again(lifeboat, "backup")
    check_equal([lifeboat.metric(FAILURES, target=name) for name in ("me", "backup")], [0, 0], "failures")
    check_equal(lifeboat.metric("lifeboat_probe_diverging_tags", target="me"), 0, "diverging tags of equals")
    check_equal(status(rig, lifeboat)[0], 0, "exit status of `lifeboat status`")

    two.push(lifeboat.client, "team/app", "v1")
    two.push(lifeboat.client, "team/app", "v2")
    one.push(backup.client, "team/app", "v3")
    one.push(backup.client, "other", "v1")
    ran_again(lifeboat, "me")
    ran_again(lifeboat, "backup")
    check_equal(logged(lifeboat, "probe.diverging"), ["team/app:v1", "team/app:v2", "team/app:v3"], "tags that differ")
    check_equal(lifeboat.metric("lifeboat_probe_diverging_tags", target="me"), 3, "diverging tags")
    check_equal(lifeboat.metric("registry_manifest_integrity_tags_checked", target="backup"), 2, "tags of the pattern")
    check_equal(status(rig, lifeboat)[0], 1, "exit status of `lifeboat status`")


@scenario
def a_catalog_that_is_closed_is_told(rig):
    users = rig.file("htpasswd", rig.run("htpasswd", "-nbB", "ci", "right"))
    auth = f"auth:\n  htpasswd:\n    realm: e2e\n    path: {users}\n"
    registry = UpstreamRegistry(rig, auth=auth)
    registry.client.authorization = "Basic " + base64.b64encode(b"ci:right").decode()
    incident = Incident(registry)
    incident.push("team/app", "1", content.single_platform("closed"))
    password = rig.file("password", "right\n")
    login = f'username = "ci"\npassword_file = "{password}"'
    lifeboat = Lifeboat(rig, server=SETTINGS, sections=probe("open", registry.url, login) + probe("closed", registry.url))
    eventually(has_run(lifeboat, "open"), "a tour with a login", 60)
    check_equal(lifeboat.metric("registry_manifest_integrity_tags_checked", target="open"), 1, "tags")
    eventually(lambda: lifeboat.metric("registry_manifest_integrity_catalog_accessible", target="closed") == 0,
               "that the catalog is closed", 60)
    check_equal(lifeboat.metric(LAST_RUN, target="closed"), 0, "a run without a catalog")
    check("credentials" in status(rig, lifeboat)[1]["closed"]["error"], "the reason is told")


@scenario
def a_reload_takes_up_what_is_to_be_probed_and_drops_the_rest(rig):
    lifeboat = Lifeboat(rig, server=SETTINGS, sections=probe("stays", "self") + probe("goes", "self"))
    content.single_platform("probed").push(lifeboat.client, "team/app", "1")
    ran_again(lifeboat, "stays")
    ran_again(lifeboat, "goes")
    lifeboat.sections = probe("stays", "self", 'tags = ["v*"]') + probe("comes", "self")
    lifeboat.write_config()
    lifeboat.part.signal(signal.SIGHUP)
    eventually(lambda: "target=\"comes\"" in lifeboat.client.get("/metrics").body.decode(), "the new probe is seen", 60)
    eventually(has_run(lifeboat, "comes"), "a tour of the new probe", 60)
    ran_again(lifeboat, "stays")
    check_equal(lifeboat.metric("registry_manifest_integrity_tags_checked", target="stays"), 0, "tags that fit v*")
    eventually(lambda: 'target="goes"' not in lifeboat.client.get("/metrics").body.decode(), "metrics of a probe nobody named")
    check_equal(sorted(status(rig, lifeboat)[1]), ["comes", "stays"], "probes in the status")
    check("config.needs_restart" not in lifeboat.part.text(), "the log says that probes need a restart")


@scenario
def a_start_needs_no_target_and_a_stop_waits_for_none(rig):
    silent = Imposter(rig)
    silent.mode = "silent"
    nobody = f"http://127.0.0.1:{rig.port()}"
    lifeboat = Lifeboat(rig, server=SETTINGS, sections=probe("silent", silent.url) + probe("nobody", nobody) + probe("me", "self"))
    content.single_platform("served").push(lifeboat.client, "team/app", "1")
    eventually(lambda: silent.requests, "the silent one is asked")
    eventually(has_run(lifeboat, "me"), "a tour of what answers", 60)
    start = time.monotonic()
    check_equal(lifeboat.stop(), 0, "exit status of a stop in the middle of a tour")
    check(time.monotonic() - start < 10, "a stop waited for a tour")


main()
