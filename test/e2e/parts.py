"""The real parts of the tests: Lifeboat, docker-registry as an upstream, and the clients people use."""
import dataclasses
import hashlib
import json
import os
import pathlib
import ssl
import sys

from rig import ROOT, Failure, Part, Rig
from wire_client import RegistryClient

LIFEBOAT = pathlib.Path(os.environ.get("LIFEBOAT_BIN", ROOT / "build" / "release" / "bin" / "lifeboat")).resolve()
# A name that no DNS knows: whoever gets an answer for it got it from Lifeboat.
HOST = "registry.lifeboat-e2e.invalid"


@dataclasses.dataclass
class Endpoint:
    url: str
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    match: str = ""
    rewrite: str = ""
    docker_config: str = ""

    def toml(self) -> str:
        fields = [f"{f.name} = {json.dumps(getattr(self, f.name))}" for f in dataclasses.fields(self)
                  if getattr(self, f.name)]
        return "{ " + ", ".join(fields) + " }"


@dataclasses.dataclass
class Upstream:
    endpoints: list[Endpoint]
    host: str = HOST
    fresh_for: str = "60s"
    settings: str = ""

    def toml(self) -> str:
        endpoints = ", ".join(e.toml() for e in self.endpoints)
        return (f'[[upstream]]\nhost = "{self.host}"\nendpoints = [{endpoints}]\n'
                f'fresh_for = "{self.fresh_for}"\n{self.settings}\n')


class Lifeboat:
    """One `lifeboat serve`, which may be stopped, killed and started again on the same port and data."""

    def __init__(self, rig: Rig, upstreams: list[Upstream] = (), *, name: str = "lifeboat", data: pathlib.Path | None = None,
                 server: str = "", storage: str = "", sections: str = "", tls: "Certificate | None" = None, start: bool = True):
        self.rig, self.name, self.upstreams = rig, name, list(upstreams)
        self.server, self.storage, self.sections = server, storage, sections
        self.port, self.tls = rig.port(), tls
        self.data = data or rig.path(name, "data")
        self.config = rig.path(name, "lifeboat.toml")
        self.part: Part | None = None
        self.client = RegistryClient(self.port, tls=tls.client_context() if tls else None)
        self.write_config()
        if start:
            self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return self.client.url

    def write_config(self) -> None:
        tls = f'tls_certificate = "{self.tls.certificate}"\ntls_key = "{self.tls.key}"\n' if self.tls else ""
        text = f'[server]\nlisten = "{self.address}"\n{tls}{self.server}\n[storage]\nroot = "{self.data}"\n{self.storage}\n{self.sections}\n'
        self.config.write_text(text + "\n".join(u.toml() for u in self.upstreams))

    def command(self) -> list[str]:
        return [str(LIFEBOAT), "serve", "--config", str(self.config)]

    def start(self) -> None:
        self.part = self.rig.start(self.name, self.command(), self.client.is_live, seconds=30)

    def stop(self) -> int:
        return self.part.stop()

    def kill(self) -> None:
        self.part.kill()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name with at least these labels; 0 when there is none."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = self.client.get("/metrics").body.decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if line.startswith((name + "{", name + " ")) and all(label in line for label in wanted))


class UpstreamRegistry:
    """docker-registry 2.8, plain or with TLS, open, with Basic, or with tokens. It may be killed and started again."""

    def __init__(self, rig: Rig, *, tls: "Certificate | None" = None, auth: str = "", name: str = "upstream",
                 address: str = "127.0.0.1", storage: str = ""):
        self.rig, self.name, self.tls, self.storage = rig, name, tls, storage
        self.port, self.data = rig.port(), rig.folder(name, "data")
        self.client = RegistryClient(self.port, address, tls=tls.client_context() if tls else None)
        self.start(auth)

    def start(self, auth: str) -> None:
        http = f'http:\n  addr: "{self.address}"\n'
        if self.tls:
            http += f"  tls:\n    certificate: {self.tls.certificate}\n    key: {self.tls.key}\n"
        config = self.rig.file(f"{self.name}/config.yml", f"version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n"
                               f"    rootdirectory: {self.data}\n  delete:\n    enabled: true\n{self.storage}{http}{auth}")
        environment = dict(os.environ, OTEL_TRACES_EXPORTER="none")
        self.part = self.rig.start(self.name, ["docker-registry", "serve", config], self.client.is_live, environment)

    @property
    def address(self) -> str:
        return self.client.address

    @property
    def url(self) -> str:
        return self.client.url

    def endpoint(self, **more) -> Endpoint:
        return Endpoint(self.url, **more)

    def kill(self) -> None:
        self.part.kill()

    def requests(self, *words: str) -> int:
        """How many requests its access log has, of those with all these words in their line ('"HEAD ', '" 206 ')."""
        return sum(1 for line in self.part.text().splitlines()
                   if ' HTTP/1.1" ' in line and all(word in line for word in words))


class Certificate:
    """A certificate for 127.0.0.1 that vouches for itself."""

    def __init__(self, rig: Rig, name: str = "server"):
        self.certificate = rig.path("tls", f"{name}.crt")
        self.key = rig.path("tls", f"{name}.key")
        rig.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", self.key, "-out", self.certificate)

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


class Containerd:
    """containerd with its own root, and `ctr` to talk to it."""

    def __init__(self, rig: Rig, name: str = "containerd"):
        self.rig = rig
        root = rig.folder(name)
        self.socket = root / "containerd.sock"
        config = rig.file(f"{name}/config.toml", f'version = 2\nroot = "{root}/root"\nstate = "{root}/state"\n'
                          'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
                          f'[grpc]\n  address = "{self.socket}"\n[ttrpc]\n  address = "{root}/ttrpc.sock"\n')
        self.part = rig.start(name, ["containerd", "--config", config],
                              lambda: rig.attempt("ctr", "--address", self.socket, "version").returncode == 0)

    def ctr(self, *arguments) -> str:
        command = ["ctr", "--address", self.socket, *arguments]
        done = self.rig.attempt(*command)
        if b"rpc error: code = Internal desc = unexpected EOF" in done.stderr:
            print("    the channel between ctr and containerd broke; once more")  # seen with 1.6; not a registry's doing
            return self.rig.run(*command)
        return self.rig.succeeded(command, done)

    def digest_of(self, name: str) -> str:
        for line in self.ctr("images", "ls", f"name=={name}").splitlines()[1:]:
            return line.split()[2]
        raise Failure(f"containerd has no '{name}'")

    def hosts_dir(self, host: str, mirror_url: str) -> pathlib.Path:
        """hosts.toml that sends `host` to the mirror and nowhere else."""
        self.rig.file(f"hosts/{host}/hosts.toml", f'server = "{mirror_url}"\n[host."{mirror_url}"]\n'
                      '  capabilities = ["pull", "resolve"]\n')
        return self.rig.directory / "hosts"


class Dockerd:
    """The Docker daemon with its own root and its own containerd, and `docker` to talk to it."""

    def __init__(self, rig: Rig, mirror_url: str = "", name: str = "dockerd"):
        self.rig = rig
        root = rig.folder(name)
        self.socket = f"unix://{root}/docker.sock"
        self.environment = dict(os.environ, DOCKER_CONFIG=str(rig.folder(name, "client")), DOCKER_HOST=self.socket)
        containerd = Containerd(rig, f"{name}-containerd")
        command = ["dockerd", "--config-file", rig.file(f"{name}/daemon.json", "{}"), "--host", self.socket,
                   "--containerd", containerd.socket, "--data-root", root / "data", "--exec-root", root / "exec",
                   "--pidfile", root / "docker.pid", "--iptables=false", "--ip6tables=false", "--bridge=none",
                   "--storage-driver=vfs"]
        if mirror_url:
            command += ["--registry-mirror", mirror_url]
        self.part = rig.start(name, command, lambda: self.attempt("version").returncode == 0, seconds=60)

    def attempt(self, *arguments):
        return self.rig.attempt("docker", *arguments, env=self.environment)

    def docker(self, *arguments) -> str:
        return self.rig.run("docker", *arguments, env=self.environment)

    def digest_of(self, name: str) -> str:
        repository = name.rsplit(":", 1)[0]
        for digest in json.loads(self.docker("image", "inspect", "--format", "{{json .RepoDigests}}", name)):
            if digest.startswith(repository + "@"):
                return digest.split("@")[1]
        raise Failure(f"Docker knows no digest of '{name}'")


class Podman:
    """podman with its own storage and its own registries.conf."""

    def __init__(self, rig: Rig, registries: str = "", name: str = "podman"):
        self.rig = rig
        root = rig.folder(name)
        conf = rig.file(f"{name}/registries.conf", 'unqualified-search-registries = []\n' + registries)
        rig.folder(name, "conf.d")
        self.environment = dict(os.environ, CONTAINERS_REGISTRIES_CONF=str(conf), HOME=str(root),
                                CONTAINERS_REGISTRIES_CONF_DIR=str(root / "conf.d"), XDG_RUNTIME_DIR=str(root),
                                REGISTRY_AUTH_FILE=str(root / "auth.json"))
        rig.file(f"{name}/auth.json", "{}")
        rig.file(f"{name}/.config/containers/policy.json", accept_anything(rig).read_text())
        self.options = ["--root", root / "root", "--runroot", root / "run", "--tmpdir", root / "tmp",
                        "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]

    def podman(self, *arguments) -> str:
        return self.rig.run("podman", *self.options, *arguments, env=self.environment)


def accept_anything(rig: Rig) -> pathlib.Path:
    return rig.file("policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}')


def skopeo(rig: Rig, *arguments) -> str:
    return rig.run("skopeo", "--policy", accept_anything(rig), "--registries.d", rig.folder("registries.d"), *arguments)


def layout_faults(layout: pathlib.Path, digests) -> list[str]:
    """Which of these digests an OCI layout lacks or has wrong."""
    faults = []
    for digest in digests:
        path = layout / "blobs" / "sha256" / digest.removeprefix("sha256:")
        if not path.is_file():
            faults.append(f"{digest} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
            faults.append(f"{digest} has other bytes")
    return faults


if not LIFEBOAT.is_file():
    sys.exit(f"cannot run end-to-end tests: there is no '{LIFEBOAT}' (build it, or set LIFEBOAT_BIN)")
