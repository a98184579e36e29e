"""Each runbook of doc/runbooks, followed as it is written by somebody who has the trouble that it is for."""
import content
from broken_registry import Incident, make_incident
from parts import HOST, Endpoint, Lifeboat, Upstream, UpstreamRegistry, skopeo
from rig import check, check_equal, eventually, main, scenario
from runbook import Runbook

LAST_RUN = "registry_manifest_integrity_last_run_timestamp"


def backup_of(rig, incident: Incident) -> UpstreamRegistry:
    """Another registry that has all that was ever pushed to it."""
    backup = UpstreamRegistry(rig, name="backup")
    for name, pushed in incident.whole.items():
        pushed.push(backup.client, name.repository, name.tag)
    return backup


@scenario
def an_index_with_missing_children_is_whole_again(rig):
    incident = make_incident(rig, removes_untagged=False)
    backup = backup_of(rig, incident)
    name = min(incident.broken, key=str)
    ended = Runbook(rig, "broken-index.md", REGISTRY=incident.registry.address, REFERENCE=name, TREE=incident.registry.data,
                    BACKUP=backup.address).run({-1: incident.restart})
    check_equal(list(ended.values())[-1], 0, f"whether {name} is whole")
    incident.look()
    check(not incident.broken, f"still broken: {', '.join(map(str, incident.broken))}")


@scenario
def a_stale_probe_runs_again(rig):
    registry = UpstreamRegistry(rig)
    pushed = content.multi_platform("stale")
    pushed.push(registry.client, "team/app", "1")
    probe = f'[[probe]]\nname = "registry"\ntarget = "{registry.url}"\nevery = "1s"\n'
    lifeboat = Lifeboat(rig, server="builtin_upstreams = false\n", sections=probe)

    def last_run() -> float:
        return lifeboat.metric(LAST_RUN, target="registry")
    eventually(last_run, "a first tour", 30)
    registry.part.kill()

    def comes_back() -> None:
        ended, before = last_run(), registry.start("")
        eventually(lambda: last_run() > ended, "a tour since the registry is back", 60)
        return before
    ended = Runbook(rig, "stale-probe.md", DATA=lifeboat.data, REGISTRY=registry.address,
                    REFERENCE="team/app:1").run({-1: comes_back})
    check_equal([code for command, code in ended.items() if command.startswith("curl")], [7], "what curl says of a dead registry")
    check_equal([code for command, code in ended.items() if " verify " in command], [3], "what verify says of it")


@scenario
def a_corrupt_store_is_whole_again(rig):
    lifeboat = Lifeboat(rig, server="builtin_upstreams = false\n")
    backup, pushed = UpstreamRegistry(rig, name="backup"), content.multi_platform("corrupt")
    for client in (lifeboat.client, backup.client):
        pushed.push(client, "team/app", "1")
    for number, digest in enumerate(pushed.blobs):
        file = lifeboat.data / "blobs/sha256" / digest[7:9] / digest[7:]
        file.unlink() if number % 2 else file.write_bytes(b"rot" + file.read_bytes()[3:])

    def name_a_source() -> None:
        lifeboat.sections = f'[scrub]\nrepair_from = ["{HOST}"]\n'
        lifeboat.upstreams = [Upstream([Endpoint(backup.url)])]
        lifeboat.write_config()
    runbook = Runbook(rig, "corrupt-store.md", DATA=lifeboat.data)
    hup = next(number for number, step in enumerate(runbook.steps) if step.command.startswith("kill -HUP"))
    ended = runbook.run({hup: name_a_source})
    check_equal([code for command, code in ended.items() if " scrub " in command][-1], 0, "what the last scrub says")
    skopeo(rig, "copy", "--all", "--src-tls-verify=false", f"docker://{lifeboat.address}/team/app:1", f"oci:{rig.path('pulled')}:1")


@scenario
def what_nobody_has_comes_back_from_an_archive(rig):
    incident = make_incident(rig, removes_untagged=False)
    backup, name, rescue = backup_of(rig, incident), min(incident.broken, key=str), rig.path("rescue.tar")
    skopeo(rig, "copy", "--all", "--src-tls-verify=false", f"docker://{backup.address}/{name}", f"oci-archive:{rescue}")
    ended = Runbook(rig, "rebuild.md", REGISTRY=incident.registry.address, REFERENCE=name, RESCUE=rescue).run()
    check_equal(set(ended.values()), {0}, "how the steps ended")


main()
