"""`lifeboat prefetch` and `lifeboat explain` beside a real registry: what was fetched ahead is there when the registry is
gone, and what a pull would get is said before anybody pulls.
"""
import json
import re

import content
from parts import HOST, LIFEBOAT, Lifeboat, Upstream, UpstreamRegistry, layout_faults, skopeo
from rig import check, check_equal, eventually, main, scenario

NO_BUILTINS = "builtin_upstreams = false"
NAME = f"{HOST}/team/app"


def lifeboat_command(rig, lifeboat, *words):
    """Exit code, standard output, standard error."""
    command, *rest = words
    done = rig.attempt(LIFEBOAT, command, *rest, "--data", lifeboat.data, seconds=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def explained(rig, lifeboat, reference) -> tuple[int, dict]:
    code, out, _ = lifeboat_command(rig, lifeboat, "explain", reference, "-o", "json")
    return code, json.loads(out)


def stage(rig, salt: str, **more):
    upstream, pushed = UpstreamRegistry(rig), content.multi_platform(salt)
    pushed.push(upstream.client, "team/app", "1")
    return upstream, Lifeboat(rig, [Upstream([upstream.endpoint()], **more)], server=NO_BUILTINS), pushed


def first_line(text: str) -> str:
    """What a pull gets, from an explanation for people."""
    found = re.search(r"^a pull +((?:.*\n)(?:         .*\n)*)", text, re.M)
    check(found, f"it does not say what a pull gets: {text}")
    return " ".join(found.group(1).split())


def pulled_by_skopeo(rig, lifeboat, pushed, architecture: str) -> list[str]:
    layout = rig.path(f"pulled-{architecture}")
    skopeo(rig, "--override-arch", architecture, "copy", "--src-tls-verify=false", f"docker://{lifeboat.address}/{NAME}:1",
           f"oci:{layout}:1")
    manifest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    check(manifest in [document.digest for document in pushed.documents], f"skopeo pulled another manifest: {manifest}")
    return layout_faults(layout, [manifest])


@scenario
def what_was_prefetched_is_pulled_when_the_registry_is_gone(rig):
    upstream, lifeboat, pushed = stage(rig, "prefetch", fresh_for="2s")
    code, out, err = lifeboat_command(rig, lifeboat, "prefetch", f"{NAME}:1", "--platform", "linux/amd64", "--platform",
                                      "linux/arm64")
    check_equal((code, out, err), (0, f"{NAME}:1  whole for linux/amd64, linux/arm64\n", ""), "what prefetch says")
    code, report = explained(rig, lifeboat, f"{NAME}:1")
    check_equal((code, report["digest"]), (0, pushed.root.digest), "exit code and digest while all is well")
    check(all(child["is_whole"] for child in report["children"]), f"a platform is not whole: {report['children']}")

    upstream.kill()
    eventually(lambda: (lifeboat.client.manifest(NAME, "1").status, explained(rig, lifeboat, f"{NAME}:1")[1]["pull"])[1]
               ["answer"] == "stale", "the death of the registry is known", seconds=30)
    eventually(lambda: explained(rig, lifeboat, f"{NAME}:1")[1]["is_frozen"], "the freeze is known")
    code, out, err = lifeboat_command(rig, lifeboat, "explain", f"{NAME}:1")
    check_equal((code, err, first_line(out)), (0, "", "200, stale (unavailable), with what is held"), "what explain says")
    check(re.search(r"^whole +for linux/amd64, linux/arm64$", out, re.M), f"what is whole is not told: {out}")
    check(re.search(rf"^asks +127\.0\.0\.1:{upstream.port}: down", out, re.M), f"the endpoint is not told: {out}")
    check(re.search(r"^frozen ", out, re.M), f"the freeze is not told: {out}")
    check_equal([line for line in out.splitlines() if len(line) > 80], [], "lines past 80 columns")
    for architecture in ("amd64", "arm64"):
        check_equal(pulled_by_skopeo(rig, lifeboat, pushed, architecture), [], f"what was pulled for {architecture}")

    code, out, _ = lifeboat_command(rig, lifeboat, "explain", f"{NAME}:never")
    check_equal(code, 1, "exit code for what was never seen")
    check_equal(first_line(out), f"503: it is not held, and no endpoint of {HOST} can be asked", "what is said of it")
    check_equal(lifeboat.client.manifest(NAME, "never").status, 503, "and what a pull of it gets")
    code, out, _ = lifeboat_command(rig, lifeboat, "prefetch", f"{NAME}:never")
    check_equal(code, 1, "exit code of a prefetch that cannot be")
    check(out.startswith(f"{NAME}:never  failed: "), f"what prefetch says: {out}")


@scenario
def what_is_on_the_list_is_fetched_by_itself(rig):
    upstream, pushed = UpstreamRegistry(rig), content.multi_platform("list")
    pushed.push(upstream.client, "team/app", "1")
    lifeboat = Lifeboat(rig, [Upstream([upstream.endpoint()], settings='capture = "all"')], server=NO_BUILTINS,
                        sections=f'[capture]\nprefetch = ["{NAME}:1"]')
    eventually(lambda: explained(rig, lifeboat, f"{NAME}:1")[1]["capture"]["is_whole"], "the list is fetched", seconds=30)
    upstream.kill()
    check_equal(pushed.faults_at(lifeboat.client, NAME, "1"), [], "what is held without the registry")


@scenario
def what_is_asked_in_a_wrong_way_is_explained(rig):
    upstream, lifeboat, pushed = stage(rig, "wrong")
    del pushed
    code, out, _ = lifeboat_command(rig, lifeboat, "prefetch", f"{NAME}:1", "--platform", "plan9/386")
    check_equal((code, out), (1, f"{NAME}:1  failed: it has nothing for plan9/386 (it has linux/amd64, linux/arm64)\n"),
                "a platform that is not there")
    code, out, _ = lifeboat_command(rig, lifeboat, "prefetch", f"{NAME}:2", "nowhere.example/a:1")
    check_equal(code, 1, "exit code for what nobody has")
    check(all("  failed: " in line for line in out.splitlines()) and "is no configured upstream" in out, out)
    code, _, err = lifeboat_command(rig, lifeboat, "explain", "Not/A/Name")
    check_equal((code, err.splitlines()[0].startswith("lifeboat explain: cannot parse reference")), (2, True), err)
    code, out, _ = lifeboat_command(rig, lifeboat, "explain", "nowhere.example/a:1")
    check_equal((code, first_line(out)[:4]), (1, "404:"), "a host that nobody configured")
    content.single_platform("own").push(lifeboat.client, "own/app", "1")
    code, out, _ = lifeboat_command(rig, lifeboat, "explain", "own/app:1")
    check_equal((code, first_line(out)), (0, "200: it is hosted here"), "what is hosted here")
    lifeboat.stop()
    check_equal(lifeboat_command(rig, lifeboat, "explain", "a:1")[0], 3, "exit code without a server")
    check_equal(lifeboat_command(rig, lifeboat, "prefetch", "a:1")[0], 3, "exit code of prefetch without a server")
    check(upstream.part.is_running(), "the registry died")


main()
