"""What was pulled once can be pulled again: each real client pulls, the upstream dies, a cold client pulls the same.

The clients ask under a host name that no DNS knows, so whatever they get came from Lifeboat.
"""
import json

import content
from parts import (HOST, Containerd, Dockerd, Lifeboat, Podman, Upstream, UpstreamRegistry, layout_faults, skopeo)
from rig import check, check_equal, main, scenario
from wire_client import RegistryClient, digest_of


def mirrored(rig, salt: str, host: str = HOST, repository: str = "team/app"):
    """An upstream with content, and a Lifeboat before it that trusts a tag for a second."""
    upstream, pushed = UpstreamRegistry(rig), content.multi_platform(salt)
    pushed.push(upstream.client, repository, "1")
    return upstream, Lifeboat(rig, [Upstream([upstream.endpoint()], host, fresh_for="1s")]), pushed


def check_unheld_is_unavailable(client: RegistryClient, prefix: str, query: str = "") -> None:
    never = "sha256:" + "0" * 63 + "1"
    for path in (f"/v2/{prefix}/manifests/never", f"/v2/{prefix}-never/manifests/1", f"/v2/{prefix}/manifests/{never}",
                 f"/v2/{prefix}/blobs/{never}"):
        answer = client.get(path + query)
        check_equal(answer.status, 503, f"status of {path}, which was never held")
        check(answer.header("Retry-After"), f"{path} is unavailable without a Retry-After")


@scenario
def skopeo_by_path_prefix(rig):
    upstream, lifeboat, pushed = mirrored(rig, "skopeo")
    name = f"docker://{lifeboat.address}/{HOST}/team/app"
    skopeo(rig, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", f"{name}:1", f"oci:{rig.path('warm')}:1")
    upstream.kill()
    wanted = [*pushed.blobs, *(d.digest for d in pushed.documents)]
    for number, reference in enumerate((":1", f"@{pushed.root.digest}")):
        layout = rig.path(f"cold{number}")
        skopeo(rig, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", name + reference, f"oci:{layout}:1")
        check_equal(layout_faults(layout, wanted), [], f"what skopeo pulled as '{reference}' without the upstream")
    check_unheld_is_unavailable(lifeboat.client, f"{HOST}/team/app")


@scenario
def containerd_by_hosts_toml(rig):
    upstream, lifeboat, pushed = mirrored(rig, "containerd")
    warm = Containerd(rig)
    pull = ["images", "pull", "--hosts-dir", warm.hosts_dir(HOST, lifeboat.url), "--snapshotter", "overlayfs"]
    warm.ctr(*pull, "--all-platforms", f"{HOST}/team/app:1")
    upstream.kill()
    cold = Containerd(rig, "cold")
    cold.ctr(*pull, f"{HOST}/team/app:1")
    check_equal(cold.digest_of(f"{HOST}/team/app:1"), pushed.root.digest, "digest of what the cold containerd pulled")
    cold.ctr(*pull, "--all-platforms", f"{HOST}/team/app@{pushed.root.digest}")
    held = cold.ctr("content", "ls", "-q").split()
    check_equal([d for d in pushed.blobs if d not in held], [], "blobs the cold containerd lacks")
    check_unheld_is_unavailable(lifeboat.client, "team/app", f"?ns={HOST}")


@scenario
def podman_by_registries_conf(rig):
    upstream, lifeboat, pushed = mirrored(rig, "podman")
    registries = (f'[[registry]]\nprefix = "{HOST}"\nlocation = "{HOST}"\n'
                  f'[[registry.mirror]]\nlocation = "{lifeboat.address}/{HOST}"\ninsecure = true\n')
    Podman(rig, registries).podman("pull", f"{HOST}/team/app:1")
    upstream.kill()
    cold = Podman(rig, registries, "cold")
    config = json.loads(pushed.documents[0].body)["config"]["digest"]
    for reference in (":1", f"@{pushed.root.digest}"):
        identity = cold.podman("pull", "--quiet", f"{HOST}/team/app{reference}").strip()
        check_equal(identity, config.removeprefix("sha256:"), f"configuration that podman pulled as '{reference}'")


@scenario
def docker_as_registry_mirror(rig):
    upstream, lifeboat, pushed = mirrored(rig, "docker", host="docker.io", repository="lifeboat-e2e/app")
    Dockerd(rig, lifeboat.url).docker("pull", "lifeboat-e2e/app:1")
    upstream.kill()
    cold = Dockerd(rig, lifeboat.url, "cold")
    cold.docker("pull", "lifeboat-e2e/app:1")
    check_equal(cold.digest_of("lifeboat-e2e/app:1"), pushed.root.digest, "digest of what the cold Docker pulled")
    cold.docker("pull", f"lifeboat-e2e/app@{pushed.root.digest}")


@scenario
def what_is_held_outlives_the_process(rig):
    upstream, lifeboat, pushed = mirrored(rig, "restart")
    name = f"{HOST}/team/app"
    check_equal(pushed.faults_at(lifeboat.client, name, "1"), [], "what is pulled through")
    upstream.kill()
    lifeboat.kill()
    lifeboat.start()
    check_equal(pushed.faults_at(lifeboat.client, name, "1"), [], "what is held after a restart without the upstream")
    answer = lifeboat.client.manifest(name, "1", "HEAD")
    check_equal((answer.status, answer.header("Docker-Content-Digest")), (200, pushed.root.digest), "HEAD by tag")
    check_unheld_is_unavailable(lifeboat.client, name)


@scenario
def held_content_causes_no_upstream_request(rig):
    upstream, lifeboat, pushed = mirrored(rig, "quiet")
    name = f"{HOST}/team/app"
    check_equal(pushed.faults_at(lifeboat.client, name, "1"), [], "what is pulled through")
    before = upstream.requests()
    for document in pushed.documents:
        answer = lifeboat.client.manifest(name, document.digest)
        check_equal(digest_of(answer.body), document.digest, "digest of a held manifest")
    for digest in pushed.blobs:
        check_equal(lifeboat.client.blob(name, digest).status, 200, "status of a held blob")
    check_equal(upstream.requests(), before, "requests the upstream saw")


main()
