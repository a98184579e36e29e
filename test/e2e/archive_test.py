"""What `lifeboat archive` keeps is loaded by everything that is there on the worst day: ctr, docker, podman and skopeo,
with the names and digests it was pulled by; and `lifeboat archive load` does the same with one command.
"""
import hashlib
import json

import content
from archive_stage import Stage, archive, faults_in, members_of
from parts import Containerd, Dockerd, Lifeboat, Podman, layout_faults, skopeo
from rig import check, check_equal, main, scenario
from wire_client import digest_of

ALONE = "builtin_upstreams = false\n"
NAMESPACE = ("--namespace", "k8s.io")


def digest_in(containerd: Containerd, name: str) -> str:
    for line in containerd.ctr(*NAMESPACE, "images", "ls", f"name=={name}").splitlines()[1:]:
        return line.split()[2]
    return "nothing"


def lacks(containerd: Containerd, digests) -> list[str]:
    held = containerd.ctr(*NAMESPACE, "content", "ls", "--quiet").split()
    return [digest for digest in digests if digest not in held]


def config_in(layout) -> dict:
    """Of the one image in a layout."""
    def document(digest: str) -> dict:
        return json.loads((layout / "blobs/sha256" / digest[7:]).read_bytes())
    manifest = document(json.loads((layout / "index.json").read_bytes())["manifests"][0]["digest"])
    return document(manifest["config"]["digest"])


def layers_of(config: dict) -> list[str]:
    return config["rootfs"]["diff_ids"]


@scenario
def containerd_imports_it_by_tag_and_by_digest(rig):
    stage, containerd = Stage(rig, "containerd", with_packages=True), Containerd(rig)
    saved = stage.save()
    stage.registry.kill()
    containerd.ctr(*NAMESPACE, "images", "import", saved)
    check_equal(digest_in(containerd, stage.name), stage.pushed.root.digest, "digest of the tag")
    check_equal(digest_in(containerd, stage.by_digest), stage.pushed.root.digest, "what a pod by digest would find")
    check_equal(lacks(containerd, stage.amd64["layers"][0]["digest"].split()), [], "what containerd lacks")
    containerd.ctr(*NAMESPACE, "images", "rm", stage.name, stage.by_digest)
    containerd.ctr(*NAMESPACE, "images", "import", "--all-platforms", saved)
    check_equal(lacks(containerd, stage.pushed.blobs), [], "what containerd lacks of all platforms")


@scenario
def containerd_unpacks_one_platform_out_of_it(rig):
    stage, containerd = Stage(rig, "runs", with_packages=True), Containerd(rig)
    saved = stage.save("--platform", "linux/amd64")
    stage.registry.kill()
    containerd.ctr(*NAMESPACE, "images", "import", saved)
    check_equal(digest_in(containerd, stage.name), stage.pushed.root.digest, "digest of the tag: the index keeps its own")
    arm64 = stage.pushed.documents[1]
    check(f"blobs/sha256/{arm64.digest[7:]}" not in [m.name for m in members_of(saved)], "arm64 was saved as well")
    mounted = rig.folder("mounted")
    containerd.ctr(*NAMESPACE, "images", "mount", stage.by_digest, mounted)
    has_program = (mounted / "bin/true").exists()
    containerd.ctr(*NAMESPACE, "images", "unmount", mounted)
    check(has_program, "the image's root file system has no /bin/true")


@scenario
def docker_loads_it_by_its_tag(rig):
    stage, dockerd = Stage(rig, "dockerd", with_packages=True), Dockerd(rig)
    for number, options in enumerate(((), ("--platform", "linux/amd64"), ("--names", "tag"))):
        saved = stage.save(*options)
        dockerd.docker("load", "--input", saved)
        identity = dockerd.docker("image", "inspect", "--format", "{{.Id}}", stage.name).strip()
        check_equal(identity, stage.amd64["config"]["digest"], f"identity of what docker loaded ({options})")
        dockerd.docker("image", "rm", "--force", stage.name)
    check_equal(number, 2, "how many were tried")


@scenario
def podman_loads_it_by_its_tag(rig):
    stage, podman = Stage(rig, "podman", with_packages=True), Podman(rig)
    podman.podman("load", "--input", stage.save())
    inspected = json.loads(podman.podman("image", "inspect", stage.name))[0]
    check_equal(f"sha256:{inspected['Id']}", stage.amd64["config"]["digest"], "identity, with a second name by digest")
    podman.podman("image", "rm", "--force", stage.name)
    for options in (("--names", "tag"), ("--names", "tag", "--platform", "linux/amd64")):
        podman.podman("load", "--input", stage.save(*options))
        inspected = json.loads(podman.podman("image", "inspect", stage.name))[0]
        check_equal(f"sha256:{inspected['Id']}", stage.amd64["config"]["digest"], f"identity with {options}")
        digests = [digest.split("@")[1] for digest in inspected["RepoDigests"]]
        check(stage.pushed.documents[0].digest in digests or stage.pushed.root.digest in digests,
              f"podman computed new digests with {options}: {digests}")
        podman.podman("image", "rm", "--force", stage.name)


@scenario
def skopeo_copies_all_of_it_out_again(rig):
    stage = Stage(rig, "skopeo")
    everything = [*stage.pushed.blobs, *(document.digest for document in stage.pushed.documents)]
    both, by_tag = stage.save(), stage.save("--names", "tag")
    for number, source in enumerate((f"oci-archive:{both}:{stage.name}", f"oci-archive:{by_tag}")):
        out = rig.path(f"out-{number}")
        skopeo(rig, "copy", "--all", "--preserve-digests", source, f"oci:{out}:v1")
        check_equal(layout_faults(out, everything), [], f"what skopeo got from {source}")
    out = rig.path("docker")
    skopeo(rig, "copy", f"docker-archive:{both}:{stage.name}", f"oci:{out}:v1")
    check_equal(layers_of(config_in(out)), layers_of(json.loads(stage.pushed.blobs[stage.amd64["config"]["digest"]])),
                "the layers that skopeo got from the docker-archive, of which it writes a config of its own")
    one = stage.save("--platform", "linux/arm64")
    skopeo(rig, "copy", "--override-arch", "arm64", f"oci-archive:{one}:{stage.name}", f"oci:{rig.path('arm64')}:v1")
    arm64 = json.loads(stage.pushed.documents[1].body)
    check_equal(layout_faults(rig.path("arm64"), [arm64["config"]["digest"]]), [], "what skopeo got of arm64")


@scenario
def several_names_are_loaded_from_one_file(rig):
    stage, containerd = Stage(rig, "several"), Containerd(rig)
    second = content.single_platform("second")
    second.push(stage.registry.client, "team/tool", "v2")
    tool = f"{stage.registry.address}/team/tool:v2"
    saved = rig.path("all.tar")
    archive(rig, "save", stage.name, tool, "-o", saved)
    containerd.ctr(*NAMESPACE, "images", "import", saved)
    check_equal(digest_in(containerd, tool), second.root.digest, "digest of the second name")
    check_equal(digest_in(containerd, stage.name), stage.pushed.root.digest, "digest of the first name")
    dockerd = Dockerd(rig)
    dockerd.docker("load", "--input", saved)
    for name, document in ((stage.name, stage.pushed.documents[0]), (tool, second.root)):
        check_equal(dockerd.docker("image", "inspect", "--format", "{{.Id}}", name).strip(),
                    json.loads(document.body)["config"]["digest"], f"identity of {name} in docker")


@scenario
def an_image_in_dockers_own_format_is_loaded_as_well(rig):
    stage, containerd, podman = Stage(rig, "schema 2"), Containerd(rig), Podman(rig)
    name = f"{stage.registry.address}/team/docker:v1"
    skopeo(rig, "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--override-arch", "amd64", "--format", "v2s2",
           f"docker://{stage.name}", f"docker://{name}")
    manifest = stage.registry.client.manifest("team/docker", "v1")
    config = json.loads(manifest.body)["config"]["digest"]
    both, by_tag = stage.save(reference=name), stage.save("--names", "tag", reference=name)
    containerd.ctr(*NAMESPACE, "images", "import", both)
    check_equal(digest_in(containerd, name), digest_of(manifest.body), "digest in containerd")
    for saved in (both, by_tag):
        podman.podman("load", "--input", saved)
        identity = podman.podman("image", "inspect", "--format", "{{.Id}}", name).strip()
        check_equal(f"sha256:{identity}", config, "identity in podman")
        podman.podman("image", "rm", "--force", name)
    skopeo(rig, "copy", f"docker-archive:{both}:{name}", f"oci:{rig.path('from-docker')}:v1")
    skopeo(rig, "copy", f"oci-archive:{by_tag}", f"oci:{rig.path('from-oci')}:v1")
    for layout in ("from-docker", "from-oci"):
        check_equal(len(layers_of(config_in(rig.path(layout)))), 1, f"layers that skopeo got ({layout})")


@scenario
def the_same_content_gives_the_same_bytes(rig):
    stage = Stage(rig, "same")
    first, second = stage.save(), stage.save()
    check(first.read_bytes() == second.read_bytes(), "two archives of the same content differ")
    owners = {(m.uid, m.gid, m.mtime, m.uname, m.gname, m.mode) for m in members_of(first)}
    check_equal(owners, {(0, 0, 0, "", "", 0o644)}, "owner, time and mode of what is in it")
    check_equal(faults_in(first), [], "blobs that are not what they are named")
    wanted, name = first.with_name(first.name + ".sha256").read_text().split()
    check_equal((wanted, name), (hashlib.sha256(first.read_bytes()).hexdigest(), first.name), "its checksum file")
    rig.run("sh", "-c", f"cd {first.parent} && sha256sum -c --quiet {first.name}.sha256")
    for compression in ("gzip", "zstd"):
        one, two = stage.save("--compress", compression), stage.save("--compress", compression)
        check(one.read_bytes() == two.read_bytes(), f"two archives with {compression} differ")
        archive(rig, "verify", one)


@scenario
def load_puts_it_into_each_engine(rig):
    stage, containerd = Stage(rig, "load", with_packages=True), Containerd(rig)
    directory = rig.path("kept")
    archive(rig, "save", stage.name, "--dir", directory, "--names", "tag")
    archive(rig, "save", stage.name, "--dir", directory, "--names", "tag", "--compress", "zstd")
    latest = directory / "team-app-v1-latest.tar"
    stage.registry.kill()
    archive(rig, "load", latest, "--address", containerd.socket, "--pin")
    check_equal(digest_in(containerd, stage.by_digest), stage.pushed.root.digest, "the name by digest that load made")
    listed = containerd.ctr(*NAMESPACE, "images", "ls", f"name=={stage.name}")
    check("io.cri-containerd.pinned=pinned" in listed, f"it is not pinned: {listed}")
    containerd.ctr(*NAMESPACE, "images", "rm", stage.name, stage.by_digest)
    archive(rig, "load", directory / "team-app-v1-latest.tar.zst", "--address", containerd.socket)
    check_equal(digest_in(containerd, stage.name), stage.pushed.root.digest, "digest, from a compressed archive")
    containerd.ctr(*NAMESPACE, "images", "rm", stage.name, stage.by_digest)
    other = stage.pushed.write_archive(rig.path("other.tar"), stage.name)  # an OCI layout without Docker's list
    archive(rig, "load", other, "--address", containerd.socket)
    check_equal(digest_in(containerd, stage.name), stage.pushed.root.digest, "digest, from another tool's archive")
    archive(rig, "load", other, "--into", "docker", code=1)
    said = archive(rig, "load", latest, "--address", rig.path("nothing.sock"), code=3)
    check("ctr" in said, f"it does not say what ctr said: {said}")

    lifeboat = Lifeboat(rig, server=ALONE, start=False)
    archive(rig, "load", latest, "--into", "store", "--data", lifeboat.data)
    lifeboat.start()
    check_equal(stage.pushed.faults_at(lifeboat.client, "team/app", "v1"), [], "what a pull from the store misses")


main()
