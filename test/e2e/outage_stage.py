"""What the outage tests play on: a container engine that knows only Lifeboat, and behind it two docker-registry
processes on machines of their own, a primary that wants tokens and a backup that wants a password.
"""
import base64
import pathlib

from content import Content
from network import Machine
from outage_clients import NEVER_SAID
from parts import Endpoint, Lifeboat, Upstream, UpstreamRegistry
from rig import Failure, check, check_equal, eventually
from token_server import PASSWORD, USER, TokenServer

BACKUP_PASSWORD = "the backup's own"
TRIES_BETWEEN_PROBES = 30


class Stage:
    """`engine`: a class of outage_clients. `primary_url`: another primary instead of the docker-registry."""

    def __init__(self, rig, engine, *, settings: str = "", primary_url: str = ""):
        self.rig, self.host = rig, engine.host
        self.primary_machine, self.backup_machine = Machine(rig, 1), Machine(rig, 2)
        self.tokens = TokenServer(rig, self.primary_machine.address)
        self.primary = UpstreamRegistry(rig, name="primary", address=self.primary_machine.address,
                                        auth=self.tokens.registry_auth())
        entry = rig.run("htpasswd", "-nbB", "-C", "4", USER, BACKUP_PASSWORD).strip()
        self.backup_auth = f"auth:\n  htpasswd:\n    realm: e2e\n    path: {rig.file('htpasswd', entry)}\n"
        self.backup = UpstreamRegistry(rig, name="backup", address=self.backup_machine.address, auth=self.backup_auth)
        self.password_file = rig.file("primary.password", PASSWORD + "\n")
        endpoints = [self.primary.endpoint(username=USER, password_file=str(self.password_file)),
                     self.backup.endpoint(username=USER, password_file=str(rig.file("backup.password", BACKUP_PASSWORD)))]
        if primary_url:
            endpoints[0] = Endpoint(primary_url)
        # The probes of a breaker that is open already are told at the level debug.
        self.lifeboat = Lifeboat(rig, [Upstream(endpoints, self.host, fresh_for="1s", settings=settings)],
                                 sections='[log]\nlevel = "debug"\n')
        self.engine = engine(rig, self.lifeboat)

    # ---- content ----

    def publish(self, content: Content, repository: str, *registries: UpstreamRegistry) -> None:
        """Pushes to the registries, both when none is named, under the tag "1"."""
        for registry in registries or (self.primary, self.backup):
            login = base64.b64encode(f"{USER}:{BACKUP_PASSWORD}".encode()).decode()
            token = self.tokens.token(USER, [f"repository:{repository}:pull,push"])
            registry.client.authorization = f"Bearer {token}" if registry is self.primary else f"Basic {login}"
            content.push(registry.client, repository, "1")

    def pull(self, content: Content, repository: str) -> None:
        """The engine pulls, with nothing of its own, and gets every byte as it was pushed."""
        self.engine.forget()
        self.engine.pull(repository, "1")
        check_equal(self.engine.faults(content, repository, "1"), [], f"what was pulled of '{repository}'")

    def hold(self, content: Content, repository: str) -> None:
        """Publishes; the engine pulls; what the engine had no need of is pulled behind it."""
        self.publish(content, repository)
        self.pull(content, repository)
        check_equal(content.faults_at(self.lifeboat.client, f"{self.host}/{repository}", "1"), [], "what is held")

    def tag(self, repository: str, method: str = "GET"):
        return self.lifeboat.client.manifest(f"{self.host}/{repository}", "1", method)

    # ---- the primary ----

    def kill_primary(self) -> None:
        self.tokens.stop()
        self.primary.kill()

    def start_primary(self) -> None:
        self.tokens.start()
        self.primary.start(self.tokens.registry_auth())

    def change_password_file(self, password: str) -> None:
        """As a secret is rotated: the new file takes the place of the old one at once, and nobody tells the process."""
        new = pathlib.Path(f"{self.password_file}.new")
        new.write_text(password + "\n")
        new.replace(self.password_file)

    # ---- what is seen ----

    def is_endpoint_left_alone(self, registry: UpstreamRegistry) -> bool:
        """Whether its breaker is open, or half open for a probe."""
        return self.lifeboat.metric("lifeboat_upstream_breaker_state", kind="endpoint", host=registry.address) > 0

    def is_realm_left_alone(self) -> bool:
        realm = f"{self.tokens.address}:{self.tokens.port}"
        return self.lifeboat.metric("lifeboat_upstream_breaker_state", kind="realm", host=realm) > 0

    def open_breakers_of(self, repository: str, *registries: UpstreamRegistry) -> None:
        """Asks for a tag whose token is known, until the endpoints are known to be dead."""
        def are_open() -> bool:
            self.tag(repository)
            return all(self.is_endpoint_left_alone(registry) for registry in registries)
        eventually(are_open, f"the breakers of {' and '.join(r.name for r in registries)} open", 30)

    def received_from(self, registry: UpstreamRegistry) -> float:
        return self.lifeboat.metric("lifeboat_upstream_received_bytes_total", host=registry.address)

    def answers(self, result: str) -> float:
        return self.lifeboat.metric("lifeboat_pull_answers_total", host=self.host, result=result)

    def probes(self) -> int:
        return self.lifeboat.part.text().count("→half_open")

    def is_probing(self) -> bool:
        return "} 1" in "\n".join(line for line in self.lifeboat.client.get("/metrics").body.decode().splitlines()
                                  if line.startswith("lifeboat_upstream_breaker_state{"))

    def check_costs_nothing(self, action, *machines: Machine) -> None:
        """No connection to the upstreams, or to those machines, is even begun. Probes go on behind it, so this looks
        between two of them."""
        def attempts() -> int:
            return sum(machine.attempts() for machine in machines or (self.primary_machine, self.backup_machine))

        for _ in range(TRIES_BETWEEN_PROBES):
            eventually(lambda: not self.is_probing(), "the probe that is under way ends")
            probes, before = self.probes(), attempts()
            action()
            begun = attempts() - before
            if self.probes() == probes:
                check_equal(begun, 0, "connections to upstreams that are known to be dead")
                return
        raise Failure(f"there was a probe during each of {TRIES_BETWEEN_PROBES} pulls")

    def check_held_is_stale(self, content: Content, repository: str, reason: str = "") -> None:
        """HEAD and GET of the tag agree, are right, and say that they could not be confirmed."""
        def is_stale():
            answers = [self.tag(repository, method) for method in ("HEAD", "GET")]
            for answer in answers:
                check_equal((answer.status, answer.header("Docker-Content-Digest")), (200, content.root.digest), "the held tag")
            marks = [answer.header("X-Lifeboat-Stale") or "" for answer in answers]
            return answers if all("age=" in mark and mark.startswith(reason) for mark in marks) else None

        for answer in eventually(is_stale, f"the held tag is marked as stale by reason of '{reason}'"):
            check("110" in (answer.header("Warning") or ""), f"the stale tag has no Warning 110: {answer.headers}")
        check(self.answers("stale") > 0, "no metric tells of a stale answer")

    def check_unavailable(self, repository: str) -> None:
        """What nobody has is unavailable for now: neither "not found" nor the upstream's own words."""
        for method in ("HEAD", "GET"):
            answer = self.tag(repository, method)
            check_equal((answer.status, bool(answer.header("Retry-After"))), (503, True),
                        f"status and Retry-After of {method} of '{repository}', which is not held")
            check(not answer.header("WWW-Authenticate"), "the upstream's challenge was handed on to the client")
        said = self.engine.failure_of_pull(repository, "1")
        check(said, f"'{repository}' was pulled, and nobody has it")
        told = [words for words in NEVER_SAID if words in said.lower()]
        check_equal(told, [], f"what the engine was told in an outage ({said})")

    def check_outage_of_all(self, held: Content, repository: str, unheld: str) -> None:
        """With every upstream gone: held content is pulled at no cost to anybody, the rest is unavailable."""
        self.check_held_is_stale(held, repository)
        self.check_unavailable(unheld)
        self.open_breakers_of(repository, self.primary, self.backup)
        self.check_costs_nothing(lambda: self.pull(held, repository))
        self.check_costs_nothing(lambda: self.check_held_is_stale(held, repository, "unavailable"))
        check(self.answers("unavailable") > 0, "no metric tells of an unavailable answer")
