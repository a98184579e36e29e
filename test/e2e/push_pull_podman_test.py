"""podman pushes what it holds, and a podman with empty storage pulls it back under the same digest."""
import json

import content
from parts import Lifeboat, Podman, layout_faults
from rig import check_equal, main, scenario
from wire_client import digest_of


@scenario
def what_podman_pushed_is_pulled_under_the_same_digest(rig):
    lifeboat, pushed = Lifeboat(rig), content.single_platform("podman", with_packages=True)
    layout = pushed.write_layout(rig.path("pushed"), "1")
    first, name = Podman(rig), f"{lifeboat.address}/team/app:1"
    identity = first.podman("pull", f"oci:{layout}:1").split()[-1]
    first.podman("push", "--tls-verify=false", "--digestfile", rig.path("digest"), identity, f"docker://{name}")
    digest = rig.path("digest").read_text().strip()
    held = lifeboat.client.manifest("team/app", "1")
    check_equal(digest_of(held.body), digest, "digest of what Lifeboat holds")

    second = Podman(rig, name="cold")
    second.podman("pull", "--tls-verify=false", name)
    second.podman("pull", "--tls-verify=false", f"{lifeboat.address}/team/app@{digest}")
    inspected = json.loads(second.podman("image", "inspect", name))[0]
    check_equal(inspected["Digest"], digest, "digest of what the second podman pulled")
    check_equal(inspected["Id"], identity, "identity of the configuration")


@scenario
def podman_pulls_its_platform_out_of_an_index(rig):
    lifeboat, pushed = Lifeboat(rig), content.multi_platform("podman index")
    pushed.push(lifeboat.client, "team/app", "1")
    podman = Podman(rig)
    podman.podman("pull", "--tls-verify=false", f"{lifeboat.address}/team/app:1")
    podman.podman("save", "--format", "oci-dir", "--output", rig.path("saved"), f"{lifeboat.address}/team/app:1")
    amd64 = json.loads(pushed.documents[0].body)
    check_equal(layout_faults(rig.path("saved"), [amd64["config"]["digest"]]), [], "the configuration podman pulled")


main()
