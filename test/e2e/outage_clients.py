"""The container engines of the outage tests, each with the way it is sent to a Lifeboat: containerd by hosts.toml, the
Docker daemon by `registry-mirror`, podman by registries.conf. What they have in common is what the events need."""
import hashlib
import json

from content import Content
from parts import HOST, Containerd, Dockerd, Lifeboat, Podman
from rig import Failure, Rig

# What a client must never be told in an outage (promise 2): each makes it give up, or ask for other credentials.
NEVER_SAID = ("not found", "manifest unknown", "unauthorized", "denied", "authentication required", "toomanyrequests")


def config_of(content: Content) -> tuple[str, list[str]]:
    """The digest of the configuration a linux/amd64 engine ends up with, and the digests of its unpacked layers."""
    digest = json.loads(content.documents[0].body)["config"]["digest"]
    return digest, json.loads(content.blobs[digest])["rootfs"]["diff_ids"]


class Engine:
    host = HOST

    def pull(self, repository: str, tag: str) -> None:
        raise NotImplementedError

    def forget(self) -> None:
        """Gives up all it has pulled, so that the next pull fetches everything."""
        raise NotImplementedError

    def faults(self, content: Content, repository: str, tag: str) -> list[str]:
        """What of that content it does not have as it was pushed."""
        raise NotImplementedError

    def failure_of_pull(self, repository: str, tag: str) -> str:
        """What it says when the pull fails; empty when it does not."""
        try:
            self.pull(repository, tag)
        except Failure as failure:
            return str(failure)
        return ""


class ContainerdEngine(Engine):
    def __init__(self, rig: Rig, lifeboat: Lifeboat):
        self.rig, self.containerd = rig, Containerd(rig)
        self.hosts = self.containerd.hosts_dir(HOST, lifeboat.url)

    def pull(self, repository: str, tag: str) -> None:
        self.containerd.ctr("images", "pull", "--hosts-dir", self.hosts, "--snapshotter", "overlayfs", "--all-platforms",
                            f"{HOST}/{repository}:{tag}")

    def forget(self) -> None:
        names = self.containerd.ctr("images", "ls", "-q").split()
        if names:
            self.containerd.ctr("images", "rm", "--sync", *names)
        left = self.containerd.ctr("content", "ls", "-q").split()
        if left:
            raise Failure(f"containerd keeps content of what it forgot: {left}")

    def faults(self, content: Content, repository: str, tag: str) -> list[str]:
        found = []
        if self.containerd.digest_of(f"{HOST}/{repository}:{tag}") != content.root.digest:
            found.append(f"the tag is {self.containerd.digest_of(f'{HOST}/{repository}:{tag}')}")
        for digest in [*content.blobs, *(document.digest for document in content.documents)]:
            got = self.rig.attempt("ctr", "--address", self.containerd.socket, "content", "get", digest)
            if "sha256:" + hashlib.sha256(got.stdout).hexdigest() != digest:
                found.append(f"{digest} has other bytes: {got.stderr.decode(errors='replace').strip()}")
        return found


class DockerdEngine(Engine):
    host = "docker.io"

    def __init__(self, rig: Rig, lifeboat: Lifeboat):
        self.dockerd = Dockerd(rig, lifeboat.url)

    def pull(self, repository: str, tag: str) -> None:
        self.dockerd.docker("pull", "--quiet", f"{repository}:{tag}")

    def forget(self) -> None:
        identities = self.dockerd.docker("image", "ls", "--quiet", "--all", "--no-trunc").split()
        if identities:
            self.dockerd.docker("image", "rm", "--force", *sorted(set(identities)))

    def faults(self, content: Content, repository: str, tag: str) -> list[str]:
        config, layers = config_of(content)
        held = json.loads(self.dockerd.docker("image", "inspect", f"{repository}:{tag}"))[0]
        rows = (("digest", self.dockerd.digest_of(f"{repository}:{tag}"), content.root.digest),
                ("configuration", held["Id"], config), ("layers", held["RootFS"]["Layers"], layers))
        return [f"{what}: got {got}, want {want}" for what, got, want in rows if got != want]


class PodmanEngine(Engine):
    def __init__(self, rig: Rig, lifeboat: Lifeboat):
        self.podman = Podman(rig, f'[[registry]]\nprefix = "{HOST}"\nlocation = "{HOST}"\n'
                             f'[[registry.mirror]]\nlocation = "{lifeboat.address}/{HOST}"\ninsecure = true\n')

    def pull(self, repository: str, tag: str) -> None:
        self.podman.podman("pull", "--quiet", f"{HOST}/{repository}:{tag}")

    def forget(self) -> None:
        self.podman.podman("rmi", "--all", "--force")

    def faults(self, content: Content, repository: str, tag: str) -> list[str]:
        config, layers = config_of(content)
        held = json.loads(self.podman.podman("image", "inspect", f"{HOST}/{repository}:{tag}"))[0]
        rows = (("configuration", "sha256:" + held["Id"], config), ("layers", held["RootFS"]["Layers"], layers))
        return [f"{what}: got {got}, want {want}" for what, got, want in rows if got != want]
