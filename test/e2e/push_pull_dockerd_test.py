"""The Docker daemon pulls, pushes and pulls back; as it is configured on loopback, over plain HTTP."""
import json

import content
from parts import Dockerd, Lifeboat
from rig import check_equal, main, scenario
from wire_client import digest_of


@scenario
def what_docker_pushed_is_pulled_under_the_same_digest(rig):
    lifeboat, original = Lifeboat(rig), content.multi_platform("docker")
    original.push(lifeboat.client, "team/app", "1")
    docker, pulled, name = Dockerd(rig), f"{lifeboat.address}/team/app:1", f"{lifeboat.address}/other/app:2"
    docker.docker("pull", pulled)
    check_equal(docker.digest_of(pulled), original.root.digest, "digest of the index Docker pulled")

    docker.docker("tag", pulled, name)
    docker.docker("push", name)
    digest = docker.digest_of(name)
    held = lifeboat.client.manifest("other/app", "2")
    check_equal(digest_of(held.body), digest, "digest of what Docker pushed")
    identity = docker.docker("image", "inspect", "--format", "{{.Id}}", name).strip()
    check_equal(json.loads(held.body)["config"]["digest"], identity, "configuration that Docker pushed")

    docker.docker("image", "rm", "--force", identity)
    docker.docker("pull", f"{lifeboat.address}/other/app@{digest}")
    docker.docker("pull", name)
    check_equal(docker.docker("image", "inspect", "--format", "{{.Id}}", name).strip(), identity, "what came back")


main()
