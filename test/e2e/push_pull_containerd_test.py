"""containerd pushes an index and its closure; a containerd with empty storage pulls and unpacks it."""
import content
from parts import Containerd, Lifeboat
from rig import check_equal, main, scenario


@scenario
def what_containerd_pushed_is_pulled_under_the_same_digest(rig):
    lifeboat, pushed = Lifeboat(rig), content.multi_platform("containerd")
    name = f"{lifeboat.address}/team/app:1"
    archive = pushed.write_archive(rig.path("pushed.tar"), name)
    first = Containerd(rig)
    first.ctr("images", "import", "--all-platforms", "--no-unpack", archive)
    first.ctr("images", "push", "--plain-http", name)
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "what containerd pushed")

    second = Containerd(rig, "cold")
    second.ctr("images", "pull", "--plain-http", "--snapshotter", "overlayfs", name)
    check_equal(second.digest_of(name), pushed.root.digest, "digest of what the second containerd pulled")
    unpacked = second.ctr("snapshots", "--snapshotter", "overlayfs", "ls").splitlines()[1:]
    check_equal(len(unpacked), 3, "layers that were unpacked")


@scenario
def containerd_pulls_every_platform_by_digest(rig):
    lifeboat, pushed = Lifeboat(rig), content.multi_platform("by digest")
    pushed.push(lifeboat.client, "team/app", "1")
    containerd, name = Containerd(rig), f"{lifeboat.address}/team/app@{pushed.root.digest}"
    containerd.ctr("images", "pull", "--plain-http", "--all-platforms", "--snapshotter", "overlayfs", name)
    held = containerd.ctr("content", "ls", "-q").split()
    missing = [d for d in [*pushed.blobs, *(d.digest for d in pushed.documents)] if d not in held]
    check_equal(missing, [], "content that containerd lacks")


main()
