"""The upstream of the host `*`: registries that nobody configured by name, as far as the allow-list goes."""
import content
from parts import Lifeboat, UpstreamRegistry
from rig import check, check_equal, eventually, main, scenario
from wire_client import digest_of


def any_host(allow: list[str], endpoint: str, more: str = "") -> str:
    listed = ", ".join(f'"{entry}"' for entry in allow)
    return f'[[upstream]]\nhost = "*"\nallow = [{listed}]\nendpoints = [{endpoint}]\n{more}'


def filled(rig, *names: str) -> tuple[UpstreamRegistry, content.Content]:
    upstream = UpstreamRegistry(rig)
    pushed = content.multi_platform("any", with_packages=False)
    for name in names:
        for tag in ("1", "2"):
            pushed.push(upstream.client, name, tag)
    return upstream, pushed


@scenario
def a_host_on_the_list_is_pulled_through_and_kept_over_a_restart(rig):
    upstream, pushed = filled(rig, "team/app")
    rules = 'rules = [{ match = "team/*:1", fresh_for = "0s" }]\nfresh_for = "1h"\n'
    lifeboat = Lifeboat(rig, sections=any_host(["*.example.com", upstream.address], '{ url = "http://{host}" }', rules))
    name = f"{upstream.address}/team/app"
    for tag in ("1", "2"):
        check_equal(pushed.faults_at(lifeboat.client, name, tag), [], f"what is pulled through by tag {tag}")
    by_ns = lifeboat.client.get(f"/v2/team/app/manifests/1?ns={upstream.address}")
    check_equal((by_ns.status, digest_of(by_ns.body)), (200, pushed.root.digest), "the same by ns")

    upstream.kill()
    lifeboat.stop()
    lifeboat.start()
    check_equal(pushed.faults_at(lifeboat.client, name, "2"), [], "what is held after a restart, the upstream being dead")
    moving, settled = lifeboat.client.manifest(name, "1"), lifeboat.client.manifest(name, "2")
    check_equal((moving.status, settled.status), (200, 200), "status of both tags")
    check(moving.header("X-Lifeboat-Stale"), "the tag that a rule keeps fresh for 0 s is not marked as stale")
    check(not settled.header("X-Lifeboat-Stale"), "the tag without a rule is marked as stale within its hour")


@scenario
def a_host_that_is_not_on_the_list_is_never_asked(rig):
    upstream, _ = filled(rig, "team/app")
    before = upstream.requests()
    lifeboat = Lifeboat(rig, sections=any_host(["*", "*:*", "localhost"], '{ url = "http://{host}" }'))
    plain = Lifeboat(rig, name="without")
    for part in (lifeboat, plain):
        for target in (f"/v2/team/app/manifests/1?ns={upstream.address}", f"/v2/{upstream.address}/team/app/manifests/1",
                       f"/v2/team/app/manifests/1?ns=localhost:{upstream.port}"):
            answer = part.client.get(target)
            # A ':' in a path is part of a host or of nothing.
            want = 400 if target.startswith(f"/v2/{upstream.address}") else 404
            check_equal(answer.status, want, f"status of {target} at {part.name}")
    check_equal(upstream.requests(), before, "requests that the registry on the loopback saw")


@scenario
def a_host_has_its_place_in_a_cache_that_serves_many(rig):
    host = "registry.lifeboat-e2e.invalid"
    upstream, pushed = filled(rig, f"cache/{host}/team/app")
    endpoint = f'{{ url = "{upstream.url}", rewrite = "cache/{{host}}/*" }}'
    lifeboat = Lifeboat(rig, sections=any_host(["*.lifeboat-e2e.invalid"], endpoint))
    check_equal(pushed.faults_at(lifeboat.client, f"{host}/team/app", "1"), [], "what is pulled through the cache")
    other = lifeboat.client.get("/v2/other.lifeboat-e2e.invalid/team/app/manifests/1")
    check_equal(other.status, 404, "status of what the cache has under another host's name only")


@scenario
def a_host_made_on_demand_is_probed_when_it_fails(rig):
    upstream, pushed = filled(rig, "team/app")
    lifeboat = Lifeboat(rig, sections=any_host([upstream.address], '{ url = "http://{host}" }'))
    name = f"{upstream.address}/team/app"
    upstream.kill()
    check_equal(lifeboat.client.manifest(name, "1").status, 503, "status while the upstream is dead")
    upstream.part = rig.start("upstream", upstream.part.command, upstream.client.is_live)
    # Behind an open breaker no client's request goes out: only a probe can find that it works again.
    eventually(lambda: lifeboat.client.manifest(name, "1").status == 200, "the first pull after the recovery", 30)
    check_equal(pushed.faults_at(lifeboat.client, name, "1"), [], "what is pulled through then")


main()
