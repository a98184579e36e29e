"""Content that looks like the real thing: a root file system from installed packages, an index over two platforms, an
artifact with a subject, and layers of any size that are made while they are sent. The same arguments give the same bytes.
"""
import dataclasses
import functools
import gzip
import hashlib
import io
import json
import os
import pathlib
import random
import stat
import subprocess
import tarfile

from wire_client import INDEX, MANIFEST, RegistryClient, digest_of

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
PIECE_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Document:
    """A manifest or an index with the bytes it is named by."""
    media_type: str
    body: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.body)

    def descriptor(self, **more) -> dict:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.body), **more}


@dataclasses.dataclass
class Content:
    """A closure: the root comes last, what it names before it."""
    blobs: dict[str, bytes]
    documents: list[Document]

    @property
    def root(self) -> Document:
        return self.documents[-1]

    def push(self, to: RegistryClient, repository: str, tag: str) -> None:
        for digest, blob in self.blobs.items():
            answer = to.push_blob(repository, blob)
            assert answer.status == 201, f"cannot push blob '{digest}' to {to.address}: got {answer}"
        for document in self.documents:
            reference = tag if document is self.root else document.digest
            answer = to.put_manifest(repository, reference, document.body, document.media_type)
            assert answer.status == 201, f"cannot push manifest '{document.digest}' to {to.address}: got {answer}"

    def faults_at(self, at: RegistryClient, repository: str, tag: str, query: str = "") -> list[str]:
        """What of this closure is not there byte for byte."""
        faults = []
        wanted = [(tag, self.root)] + [(document.digest, document) for document in self.documents]
        for reference, document in wanted:
            answer = at.manifest(repository, reference, query=query)
            if answer.status != 200 or answer.body != document.body:
                faults.append(f"manifest '{reference}': got {answer}")
        for digest in self.blobs:
            status, got, _ = at.blob_digest(repository, digest, query)
            if status != 200 or got != digest:
                faults.append(f"blob '{digest}': got {status} with digest {got}")
        return faults

    def write_layout(self, directory: pathlib.Path, name: str) -> pathlib.Path:
        """An OCI image layout whose one entry carries `name`."""
        blobs = directory / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        for content in [*self.blobs.values(), *(d.body for d in self.documents)]:
            (blobs / digest_of(content).removeprefix("sha256:")).write_bytes(content)
        annotations = {"org.opencontainers.image.ref.name": name, "io.containerd.image.name": name}
        index = {"schemaVersion": 2, "manifests": [self.root.descriptor(annotations=annotations)]}
        (directory / "index.json").write_text(json.dumps(index))
        (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        return directory

    def write_archive(self, path: pathlib.Path, name: str) -> pathlib.Path:
        layout = self.write_layout(path.with_suffix(".layout"), name)
        with tarfile.open(path, "w") as archive:
            archive.add(layout, arcname=".")
        return path


def as_json(value) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def installed_files(package: str) -> list[str]:
    listed = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True, check=True).stdout.split("\n")
    return sorted(p for p in listed if p.startswith("/") and p != "/." and os.path.lexists(p) and "/share/" not in p)


def add_to(archive: tarfile.TarFile, path: str) -> None:
    state = os.lstat(path)
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.mode = stat.S_IMODE(state.st_mode)
    if stat.S_ISLNK(state.st_mode) and not os.path.isdir(path):
        entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(path)
        archive.addfile(entry)
    elif os.path.isdir(path):
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
    elif stat.S_ISREG(state.st_mode):
        entry.size = state.st_size
        with open(path, "rb") as source:
            archive.addfile(entry, source)


def layer_of(files: list[str], note: str, *, filler: bytes = b"") -> tuple[bytes, str]:
    """The compressed layer, and the digest of its tar (the diff id). `filler` is a file that does not compress."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in files:
            add_to(archive, path)
        text = note.encode()
        entry = tarfile.TarInfo("etc-lifeboat-note")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
        if filler:
            entry = tarfile.TarInfo("filler")
            entry.size = len(filler)
            archive.addfile(entry, io.BytesIO(filler))
    return gzip.compress(plain.getvalue(), 0 if filler else 1, mtime=0), digest_of(plain.getvalue())


@functools.lru_cache(maxsize=None)
def package_layer(package: str) -> tuple[bytes, str]:
    return layer_of(installed_files(package), package)


def named_by(document: Document) -> list[str]:
    """The digests of what a manifest or an index needs."""
    fields = json.loads(document.body)
    entries = fields.get("manifests", []) + [fields[key] for key in ("config",) if key in fields] + fields.get("layers", [])
    return [entry["digest"] for entry in entries]


def describe(media_type: str, content: bytes, **more) -> dict:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


def platform_content(architecture: str, salt: str, *, with_packages: bool, filler: bytes = b"") -> Content:
    """One platform: config and layers, the manifest over them."""
    layers = [package_layer("libc6"), package_layer("coreutils")] if with_packages else []
    layers.append(layer_of([], f"{architecture} {salt}", filler=filler))
    config = as_json({"architecture": architecture, "os": "linux", "created": "2020-01-01T00:00:00Z",
                      "config": {"Cmd": ["/bin/true"], "Labels": {"salt": salt}},
                      "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
                      "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "lifeboat"} for _ in layers]})
    manifest = as_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": describe(CONFIG, config),
                        "layers": [describe(LAYER, layer) for layer, _ in layers]})
    blobs = {digest_of(config): config, **{digest_of(layer): layer for layer, _ in layers}}
    return Content(blobs, [Document(MANIFEST, manifest)])


def multi_platform(salt: str = "", *, with_packages: bool = True) -> Content:
    """An index over linux/amd64 (a root file system that runs) and linux/arm64."""
    amd64 = platform_content("amd64", salt, with_packages=with_packages)
    arm64 = platform_content("arm64", salt, with_packages=False)
    entries = [part.root.descriptor(platform={"architecture": name, "os": "linux"})
               for name, part in (("amd64", amd64), ("arm64", arm64))]
    index = Document(INDEX, as_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))
    return Content({**amd64.blobs, **arm64.blobs}, [amd64.root, arm64.root, index])


def single_platform(salt: str = "", *, with_packages: bool = False) -> Content:
    return platform_content("amd64", salt, with_packages=with_packages)


def large_platform(salt: str, size: int) -> Content:
    """One platform with one layer, a little larger than `size`, that a runtime can unpack."""
    return platform_content("amd64", salt, with_packages=False, filler=random.Random(salt).randbytes(size))


def artifact(subject: Document, salt: str = "") -> Content:
    """A signature-like artifact that refers to `subject`."""
    empty, payload = b"{}", f"signed {subject.digest} {salt}".encode()
    manifest = as_json({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.signature",
                        "config": describe(EMPTY, empty), "layers": [describe("application/octet-stream", payload)],
                        "subject": subject.descriptor()})
    return Content({digest_of(empty): empty, digest_of(payload): payload}, [Document(MANIFEST, manifest)])


class LargeBlob:
    """Bytes of any length that need not be held: one random block, and each piece begins with its own number."""

    def __init__(self, size: int, seed: int = 1):
        self.size = size
        self._block = random.Random(seed).randbytes(PIECE_BYTES)
        running = hashlib.sha256()
        for piece in self.pieces():
            running.update(piece)
        self.digest = "sha256:" + running.hexdigest()

    def piece(self, number: int) -> bytes:
        return number.to_bytes(8, "big") + self._block[8:]

    def pieces(self, start: int = 0):
        """The bytes from `start` on."""
        position = start
        while position < self.size:
            number, skip = divmod(position, PIECE_BYTES)
            piece = self.piece(number)[skip:skip + self.size - position]
            yield piece
            position += len(piece)

    def slice(self, start: int, end: int) -> bytes:
        """Bytes [start, end)."""
        taken = bytearray()
        for piece in self.pieces(start):
            taken += piece[:end - start - len(taken)]
            if len(taken) == end - start:
                break
        return bytes(taken)
