"""Retention in a real server: what no rule keeps goes, and no index is ever broken by it."""
import json

import content
from parts import Lifeboat
from rig import check, check_equal, eventually, main, scenario

RULES = """
[gc]
prune_every = "{every}"
[[retention]]
match = ["team/*"]
keep_last = 2
keep_tags = ["release-*"]
delete_untagged_after = "{after}"
"""


def push_all(lifeboat, repository: str) -> dict[str, content.Content]:
    """In this order; the release shares no image with the others."""
    pushed = {tag: content.multi_platform(tag, with_packages=False) for tag in ("release-1", "1", "2", "3", "4")}
    for tag, image in pushed.items():
        image.push(lifeboat.client, repository, tag)
    return pushed


def tags_of(lifeboat, repository: str) -> list[str]:
    return json.loads(lifeboat.client.get(f"/v2/{repository}/tags/list").body)["tags"]


def check_sound(rig, lifeboat, reference: str) -> None:
    done = rig.attempt(lifeboat.command()[0], "verify", f"{lifeboat.address}/{reference}", seconds=60)
    check_equal(done.returncode, 0, f"exit code of verify of '{reference}': {done.stdout.decode()}{done.stderr.decode()}")


@scenario
def goes_by_itself_and_leaves_untagged_manifests_for_a_while(rig):
    lifeboat = Lifeboat(rig, sections=RULES.format(every="1s", after="30d"))
    pushed = push_all(lifeboat, "team/app")
    eventually(lambda: tags_of(lifeboat, "team/app") == ["3", "4", "release-1"], "tags go by themselves", 30)
    check(lifeboat.metric("lifeboat_retention_removed_tags_total") == 2, "the metric of removed tags is another")
    for tag in ("3", "4", "release-1"):
        check_equal(pushed[tag].faults_at(lifeboat.client, "team/app", tag), [], f"what is left of '{tag}'")
    check_sound(rig, lifeboat, "team/app")
    root = pushed["2"].root
    check_equal(lifeboat.client.manifest("team/app", root.digest).status, 200, "status of a manifest that lost its tag")
    check_equal(lifeboat.client.put_manifest("team/app", "4-again", root.body, root.media_type).status, 201, "the push")
    check_equal(pushed["2"].faults_at(lifeboat.client, "team/app", "4-again"), [], "what came back")


if __name__ == "__main__":
    main()
