"""Retention in a real server: what no rule keeps goes, with its reason, and no index is ever broken by it."""
import json
import sqlite3

import content
from parts import HOST, LIFEBOAT, Lifeboat, Upstream, UpstreamRegistry
from rig import check, check_equal, eventually, main, scenario

HOUR_MS = 3600 * 1000
RULES = """
[gc]
prune_every = "{every}"
[[retention]]
match = ["team/*", "{host}/*"]
keep_last = 2
keep_tags = ["release-*"]
delete_untagged_after = "{after}"
"""


def rules(every: str = "0s", after: str = "1h") -> str:
    return RULES.format(every=every, after=after, host=HOST)


def push_all(registry, repository: str) -> dict[str, content.Content]:
    """In this order; the release shares no image with the others."""
    pushed = {tag: content.multi_platform(tag, with_packages=False) for tag in ("release-1", "1", "2", "3", "4")}
    for tag, image in pushed.items():
        image.push(registry.client, repository, tag)
    return pushed


def tags_of(lifeboat, repository: str) -> list[str]:
    return json.loads(lifeboat.client.get(f"/v2/{repository}/tags/list").body)["tags"]


def prune(rig, lifeboat, *arguments, code: int = 0) -> str:
    done = rig.attempt(LIFEBOAT, "prune", "--data", lifeboat.data, *arguments)
    check_equal((done.returncode, done.stderr.decode()), (code, ""), "exit code and errors of prune")
    return done.stdout.decode()


def foreseen(rig, lifeboat, code: int = 0) -> dict:
    return json.loads(prune(rig, lifeboat, "--dry-run", "-o", "json", code=code))


def reasons_in(report: dict) -> dict[str, tuple[bool, str]]:
    return {item["tag"]: (item["is_kept"], item["reason"]) for item in report["items"] if item["tag"]}


def let_two_hours_pass(lifeboat) -> None:
    """As if all that is without a tag had lost it two hours ago."""
    lifeboat.stop()
    with sqlite3.connect(lifeboat.data / "meta" / "lifeboat.db") as names:
        names.execute("UPDATE manifest SET untagged_since = untagged_since - ? WHERE untagged_since > 0", (2 * HOUR_MS,))
    names.close()
    lifeboat.start()


def check_sound(rig, lifeboat, reference: str) -> None:
    done = rig.attempt(LIFEBOAT, "verify", f"{lifeboat.address}/{reference}", seconds=60)
    check_equal(done.returncode, 0, f"exit code of verify of '{reference}': {done.stdout.decode()}{done.stderr.decode()}")


@scenario
def says_what_goes_and_then_removes_it(rig):
    lifeboat = Lifeboat(rig, sections=rules())
    pushed = push_all(lifeboat, "team/app")
    push_all(lifeboat, "other/app")
    report = foreseen(rig, lifeboat)
    check_equal(reasons_in(report), {"release-1": (True, "its name fits 'release-*'"), "1": (False, "no rule keeps it"),
                                     "2": (False, "no rule keeps it"), "3": (True, "one of the last 2"),
                                     "4": (True, "one of the last 2")}, "what the dry run says of the tags")
    check_equal(len(tags_of(lifeboat, "team/app")), 5, "tags after a dry run")

    table = prune(rig, lifeboat).splitlines()
    check("team/app:2          goes   no rule keeps it" in table, f"no line with the reason: {table}")
    check_equal(table[-1], "2 tags and 0 manifests went of 1 repository", "what it comes to")
    check_equal(tags_of(lifeboat, "team/app"), ["3", "4", "release-1"], "tags that are left")
    check_equal(len(tags_of(lifeboat, "other/app")), 5, "tags where no rule fits")
    gone = pushed["1"]
    check_equal(lifeboat.client.manifest("team/app", "1").status, 404, "status of a tag that went")
    check_equal(lifeboat.client.manifest("team/app", gone.root.digest).status, 200, "status of what just lost its tag")

    let_two_hours_pass(lifeboat)
    check_equal(foreseen(rig, lifeboat)["manifests"], 6, "manifests that would go: two indexes, each with two images")
    going = [item["digest"] for item in json.loads(prune(rig, lifeboat, "-o", "json"))["items"] if not item["is_kept"]]
    check_equal(sorted(going), sorted(document.digest for tag in ("1", "2") for document in pushed[tag].documents),
                "manifests that went")
    for document in gone.documents:
        check_equal(lifeboat.client.manifest("team/app", document.digest).status, 404, "status of what went")
        index_first = going.index(gone.root.digest) <= going.index(document.digest)
        check(index_first, "an image went before the index that names it")
    for tag in ("3", "4", "release-1"):
        check_equal(pushed[tag].faults_at(lifeboat.client, "team/app", tag), [], f"what is left of '{tag}'")
    check_sound(rig, lifeboat, "team/app")
    gone.push(lifeboat.client, "team/app", "again")
    check_equal(gone.faults_at(lifeboat.client, "team/app", "again"), [], "what was pushed again")


@scenario
def goes_by_itself_and_leaves_untagged_manifests_for_a_while(rig):
    lifeboat = Lifeboat(rig, sections=rules(every="1s", after="30d"))
    pushed = push_all(lifeboat, "team/app")
    eventually(lambda: tags_of(lifeboat, "team/app") == ["3", "4", "release-1"], "tags go by themselves", 30)
    check(lifeboat.metric("lifeboat_retention_removed_tags_total") == 2, "the metric of removed tags is another")
    root = pushed["2"].root
    check_equal(lifeboat.client.manifest("team/app", root.digest).status, 200, "status of a manifest that lost its tag")
    check_equal(lifeboat.client.put_manifest("team/app", "4-again", root.body, root.media_type).status, 201, "the push")
    check_equal(pushed["2"].faults_at(lifeboat.client, "team/app", "4-again"), [], "what came back")


@scenario
def takes_nothing_of_an_upstream_that_is_down(rig):
    upstream = UpstreamRegistry(rig)
    images = push_all(upstream, "team/app")
    lifeboat = Lifeboat(rig, [Upstream([upstream.endpoint()], fresh_for="0s")], sections=rules())
    cached = f"{HOST}/team/app"
    for tag, image in images.items():
        check_equal(image.faults_at(lifeboat.client, cached, tag), [], f"pull of '{tag}'")
    push_all(lifeboat, "team/own")
    check_equal(foreseen(rig, lifeboat)["frozen"], [], "repositories that are frozen while the upstream is up")

    upstream.kill()

    def is_frozen() -> bool:
        lifeboat.client.manifest(cached, "4")
        return lifeboat.metric("lifeboat_upstream_frozen", host=HOST) == 1

    eventually(is_frozen, "the host is frozen", 30)
    report = foreseen(rig, lifeboat, code=1)
    check_equal(report["frozen"], [cached], "repositories of which nothing goes")
    kept = {item["tag"]: item["reason"] for item in report["items"] if item["repository"] == cached}
    check_equal(kept, {tag: "its host cannot be asked" for tag in images}, "what is said of its tags")
    table = prune(rig, lifeboat, code=1)
    check(f"nothing goes of '{cached}': its host cannot be asked\n" in table, f"it is not told: {table}")
    check_equal(tags_of(lifeboat, "team/own"), ["3", "4", "release-1"], "tags of the repository that is hosted")
    for tag, image in images.items():
        check_equal(image.faults_at(lifeboat.client, cached, tag), [], f"pull of '{tag}' in the outage")

    upstream.start("")
    eventually(lambda: lifeboat.metric("lifeboat_upstream_frozen", host=HOST) == 0, "the host is asked again", 60)
    gone = {item["tag"] for item in json.loads(prune(rig, lifeboat, "-o", "json"))["items"] if not item["is_kept"]}
    check_equal(gone, {"1", "2"}, "tags that went after the outage")


@scenario
def what_looks_at_images_does_not_use_them(rig):
    sections = ('[gc]\nprune_every = "0s"\n[[retention]]\nmatch = ["team/*"]\nkeep_pulled_within = "1h"\n'
                '[[probe]]\nname = "self"\ntarget = "self"\nevery = "1s"\n')
    lifeboat = Lifeboat(rig, server="builtin_upstreams = false\n", sections=sections)
    images = {tag: content.multi_platform(tag, with_packages=False) for tag in ("looked-at", "pulled", "asked-for")}
    for tag, image in images.items():
        image.push(lifeboat.client, "team/app", tag)
    runs = "registry_manifest_integrity_last_run_timestamp"
    for _ in range(2):
        before = lifeboat.metric(runs, target="self")
        eventually(lambda b=before: lifeboat.metric(runs, target="self") > b, "a tour of the probe", 60)
    check(lifeboat.metric("registry_manifest_integrity_tags_checked", target="self") == 3, "the probe saw other tags")
    check_sound(rig, lifeboat, "team/app:looked-at")
    rig.run(LIFEBOAT, "verify", "--deep", f"{lifeboat.address}/team/app:looked-at")
    check_equal({tag: kept for tag, (kept, _) in reasons_in(foreseen(rig, lifeboat)).items()},
                {tag: False for tag in images}, "what is kept before anybody pulls")
    check_equal(lifeboat.client.manifest("team/app", "pulled").status, 200, "the pull")
    check_equal(lifeboat.client.manifest("team/app", "asked-for", "HEAD").status, 200, "the HEAD")
    reasons = reasons_in(foreseen(rig, lifeboat))
    check_equal(reasons["looked-at"], (False, "no rule keeps it"), "what nobody pulled")
    for tag in ("pulled", "asked-for"):
        check(reasons[tag][0] and reasons[tag][1].startswith("pulled at 20"), f"what a node uses: {reasons}")


@scenario
def what_is_for_a_platform_stays(rig):
    sections = ('[gc]\nprune_every = "0s"\n[[retention]]\nmatch = ["team/*"]\nkeep_platforms = ["linux/arm64", '
                '"linux/riscv64"]\n')
    lifeboat = Lifeboat(rig, sections=sections)
    images = {"both": content.multi_platform("both", with_packages=False), "amd64": content.single_platform("amd64"),
              "riscv64": content.platform_content("riscv64", "lone", with_packages=False)}
    for tag, image in images.items():
        image.push(lifeboat.client, "team/app", tag)
    check_equal(reasons_in(foreseen(rig, lifeboat)),
                {"both": (True, "it is for a platform that is kept"), "amd64": (False, "no rule keeps it"),
                 "riscv64": (True, "it is for a platform that is kept")}, "what the dry run says of the tags")
    prune(rig, lifeboat)
    check_equal(tags_of(lifeboat, "team/app"), ["both", "riscv64"], "tags that are left")


@scenario
def untagged_manifests_have_an_hour_at_least(rig):
    lifeboat = Lifeboat(rig, sections=rules(after="59m"), start=False)
    refused = rig.attempt(*lifeboat.command())
    check_equal(refused.returncode, 2, "exit code of the start")
    check(b"'retention.delete_untagged_after'" in refused.stderr and b"the least is 1h" in refused.stderr,
          f"it does not say what is wrong: {refused.stderr!r}")


if __name__ == "__main__":
    main()
