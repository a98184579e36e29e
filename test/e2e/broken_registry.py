"""The incident that took a CI down three times in three weeks, made with its real parts: docker-registry, pushes of
multi-platform content, a script that removes tag directories on disk, and `docker-registry garbage-collect`.

Nothing in it is a bug of who ran it alone: each step is a documented one. Together they leave indexes whose children are
gone, manifests whose layers are gone, and a registry that goes on saying 200 for some of it.
"""
import dataclasses
import pathlib
import shutil

import content
from content import Content, Document, as_json, single_platform
from parts import UpstreamRegistry
from wire_client import INDEX, digest_of

# As Debian's own configuration has it: what was pushed a moment ago is answered for from memory.
REMEMBERS = "  cache:\n    blobdescriptor: inmemory\n"


@dataclasses.dataclass(frozen=True)
class Name:
    """A tag of a repository of the broken registry."""
    repository: str
    tag: str

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


@dataclasses.dataclass
class Incident:
    registry: UpstreamRegistry
    whole: dict[Name, Content] = dataclasses.field(default_factory=dict)  # all that is still a tag, as it was pushed
    broken: dict[Name, set[str]] = dataclasses.field(default_factory=dict)  # what a pull of it misses, by digest
    gone: set[Name] = dataclasses.field(default_factory=set)  # tags that were removed: no names any more, so no faults

    @property
    def sound(self) -> set[Name]:
        return self.whole.keys() - self.broken.keys()

    def push(self, repository: str, tag: str, pushed: Content) -> None:
        pushed.push(self.registry.client, repository, tag)
        self.whole[Name(repository, tag)] = pushed

    # ---- what operators do on the disk ----

    def manifests_of(self, repository: str) -> pathlib.Path:
        return self.registry.data / "docker/registry/v2/repositories" / repository / "_manifests"

    def revision_of(self, repository: str, digest: str) -> pathlib.Path:
        return self.manifests_of(repository) / "revisions" / "sha256" / digest.removeprefix("sha256:")

    def blob_of(self, digest: str) -> pathlib.Path:
        """The bytes of any manifest, config or layer."""
        name = digest.removeprefix("sha256:")
        return self.registry.data / "docker/registry/v2/blobs/sha256" / name[:2] / name / "data"

    def remove_tag(self, repository: str, tag: str) -> None:
        shutil.rmtree(self.manifests_of(repository) / "tags" / tag)
        self.whole.pop(Name(repository, tag))
        self.gone.add(Name(repository, tag))

    def remove_revision(self, repository: str, digest: str) -> None:
        shutil.rmtree(self.revision_of(repository, digest))

    def collect_garbage(self, *options: str) -> str:
        """What it printed. It runs beside the registry, which keeps what it remembers."""
        return self.registry.rig.run("docker-registry", "garbage-collect", *options,
                                     self.registry.rig.path(self.registry.name, "config.yml"))

    def restart(self) -> None:
        """It forgets what it remembered."""
        self.registry.part.stop()
        self.registry.start("")

    # ---- what came of it ----

    def look(self) -> None:
        """Notes what each name misses: a link of the repository, or the bytes behind it."""
        self.broken = {name: missing for name, pushed in self.whole.items()
                       if (missing := self.missing_of(name.repository, pushed))}

    def missing_of(self, repository: str, pushed: Content) -> set[str]:
        """What is below a manifest that is gone itself is not counted: nobody can know of it."""
        documents = {document.digest: document for document in pushed.documents}
        missing, wanted = set(), [pushed.root.digest]
        while wanted:
            digest = wanted.pop()
            is_document = digest in documents
            link = self.revision_of(repository, digest) / "link" if is_document else self.layer_of(repository, digest)
            if not link.is_file() or not self.blob_of(digest).is_file():
                missing.add(digest)
            elif is_document:
                wanted += content.named_by(documents[digest])
        return missing

    def layer_of(self, repository: str, digest: str) -> pathlib.Path:
        return self.manifests_of(repository).parent / "_layers" / "sha256" / digest.removeprefix("sha256:") / "link"


def with_platform_tags(incident: Incident, repository: str, tag: str, salt: str) -> Content:
    """How `docker manifest create` and many pipelines push: a tag for each platform, and then one for the index."""
    pushed = content.multi_platform(salt, with_packages=False)
    for platform, document in zip(("amd64", "arm64"), pushed.documents):
        named = set(content.named_by(document))
        part = Content({d: b for d, b in pushed.blobs.items() if d in named}, [document])
        incident.push(repository, f"{tag}-{platform}", part)
    incident.push(repository, tag, pushed)
    return pushed


def over_shared(salt: str, shared: Content) -> Content:
    """An index of which one child is that of another index: the same digest under two names."""
    own = content.platform_content("arm64", salt, with_packages=False)
    entries = [part.descriptor(platform={"architecture": name, "os": "linux"})
               for name, part in (("amd64", shared.documents[0]), ("arm64", own.root))]
    index = Document(INDEX, as_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))
    kept = set(content.named_by(shared.documents[0]))
    blobs = {d: b for d, b in shared.blobs.items() if d in kept}
    return Content({**blobs, **own.blobs}, [shared.documents[0], own.root, index])


def make_incident(rig, *, removes_untagged: bool, name: str = "broken") -> Incident:
    """Some names broken, others sound, in several repositories; `removes_untagged`: the collector runs with -m.

    The script removes the tags of old platforms; without -m it also removes what they pointed to, as scripts do that have
    read how the registry keeps manifests. The collector then does the rest.
    """
    incident = Incident(UpstreamRegistry(rig, name=name, storage=REMEMBERS))
    old = with_platform_tags(incident, "team/app", "1.0", "old")
    with_platform_tags(incident, "team/app", "2.0", "current")
    incident.push("team/app", "1.1", over_shared("next", old))
    incident.push("team/tool", "1", single_platform("tool"))
    incident.push("team/tool", "stable", single_platform("tool"))
    incident.push("team/other", "1.0", old)  # the same content, its links in a repository of its own
    incident.push("solo", "latest", single_platform("solo"))

    incident.remove_tag("team/app", "1.0-amd64")
    incident.remove_tag("team/tool", "1")
    if not removes_untagged:
        incident.remove_revision("team/app", old.documents[0].digest)
    incident.collect_garbage(*(["-m"] if removes_untagged else []))
    incident.restart()
    incident.look()
    return incident


def push_beside_the_collector(incident: Incident, repository: str, tag: str, salt: str) -> Name:
    """A push that the collector runs into: the blobs are there, the manifest is not yet. The registry remembers them and
    takes the manifest; until it forgets, a HEAD of each blob says that it is there, and a GET gets nothing of it."""
    pushed = single_platform(salt)
    client = incident.registry.client
    for blob in pushed.blobs.values():
        assert client.push_blob(repository, blob).status == 201, f"cannot push a blob to {client.address}"
    incident.collect_garbage()
    answer = client.put_manifest(repository, tag, pushed.root.body, pushed.root.media_type)
    assert answer.status == 201, f"{client.address} noticed that the blobs are gone: {answer}"
    name = Name(repository, tag)
    incident.whole[name] = pushed
    incident.broken[name] = set(pushed.blobs)
    assert all(digest_of(b) == d for d, b in pushed.blobs.items())
    return name
