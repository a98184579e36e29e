"""What the archive scenarios share: a registry with images, `lifeboat archive`, and what is in a tar."""
import io
import json
import pathlib
import tarfile

import content
from parts import LIFEBOAT, UpstreamRegistry
from rig import Rig, check, check_equal
from wire_client import digest_of


def archive(rig: Rig, *arguments, code: int = 0) -> str:
    """Standard output of `lifeboat archive …`, which ended with this code."""
    done = rig.attempt(LIFEBOAT, "archive", *arguments)
    said = f"{done.stdout.decode()}{done.stderr.decode()}"
    check_equal(done.returncode, code, f"exit code of 'archive {' '.join(map(str, arguments))}': {said}")
    return done.stdout.decode() or done.stderr.decode()


class Stage:
    """A registry with an index over two platforms under team/app:v1."""

    def __init__(self, rig: Rig, salt: str, *, with_packages: bool = False):
        self.rig = rig
        self.registry = UpstreamRegistry(rig)
        self.pushed = content.multi_platform(salt, with_packages=with_packages)
        self.pushed.push(self.registry.client, "team/app", "v1")
        self.repository = f"{self.registry.address}/team/app"
        self.name = f"{self.repository}:v1"
        self.by_digest = f"{self.repository}@{self.pushed.root.digest}"
        self.amd64 = json.loads(self.pushed.documents[0].body)

    def save(self, *options, reference: str = "") -> pathlib.Path:
        path = self.rig.path("archives", f"saved-{len(list(self.rig.folder('archives').iterdir()))}.tar")
        archive(self.rig, "save", reference or self.name, "-o", path, *options)
        return path


def members_of(path: pathlib.Path) -> list[tarfile.TarInfo]:
    with tarfile.open(path, "r:") as tar:
        return tar.getmembers()


def faults_in(path: pathlib.Path) -> list[str]:
    """Which blobs of a plain tar are not what their name says; and how many there are, as the last."""
    faults, blobs = [], 0
    with tarfile.open(path, "r:") as tar:
        for member in tar.getmembers():
            if not member.name.startswith("blobs/"):
                continue
            blobs += 1
            if digest_of(tar.extractfile(member).read()) != member.name.removeprefix("blobs/").replace("/", ":"):
                faults.append(member.name)
    check(blobs > 0, f"there are no blobs in {path}")
    return faults


def rewritten(path: pathlib.Path, to: pathlib.Path, change) -> pathlib.Path:
    """A copy of which `change(name, bytes)` gives each file's bytes, or None to leave it out."""
    with tarfile.open(path, "r:") as tar, tarfile.open(to, "w") as copy:
        for member in tar.getmembers():
            changed = change(member.name, tar.extractfile(member).read())
            if changed is not None:
                entry = tarfile.TarInfo(member.name)
                entry.size = len(changed)
                copy.addfile(entry, io.BytesIO(changed))
    return to
