"""`lifeboat fsck` on trees that a real docker-registry wrote: it finds just the names that cannot be pulled whole."""
import hashlib
import json
import os
import pathlib
import shutil
import time

import content
from broken_registry import Incident, make_incident, push_beside_the_collector
from parts import LIFEBOAT, Lifeboat, UpstreamRegistry, layout_faults, skopeo
from rig import check, check_equal, main, scenario
from wire_client import MANIFEST, digest_of


def fsck(rig, path, *options) -> tuple[int, dict]:
    """Exit code and report."""
    done = rig.attempt(LIFEBOAT, "fsck", path, "-o", "json", *options)
    check(done.returncode in (0, 1), f"fsck of {path} ended with {done.returncode}: {done.stderr.decode()}")
    return done.returncode, json.loads(done.stdout)


def rows(report: dict, severity: str = "broken") -> list[tuple]:
    """Kind, digest and broken names of each finding."""
    return sorted((f["kind"], f.get("digest", ""), tuple(f["breaks"])) for f in report["findings"]
                  if f["severity"] == severity)


def names(found) -> list[str]:
    return sorted(str(name) for name in found)


def tagged(report: dict) -> list[str]:
    """The broken names that are tags."""
    return [name for name in report["broken_names"] if "@" not in name]


def check_incident(rig, incident: Incident) -> None:
    code, report = fsck(rig, incident.registry.data)
    check_equal(code, 1, "exit code of fsck")
    check_equal(tagged(report), names(incident.broken), "broken tags")
    for name, missing in incident.broken.items():
        found = {f["digest"] for f in report["findings"] if str(name) in f["breaks"]}
        check_equal(found, missing, f"what {name} misses")


@scenario
def the_collector_with_untagged_removal_breaks_just_what_fsck_names(rig):
    incident = make_incident(rig, removes_untagged=True)
    check(incident.broken and incident.sound, f"the incident broke {names(incident.broken)} of {names(incident.whole)}")
    check_incident(rig, incident)


@scenario
def the_collector_after_removed_revisions_breaks_just_what_fsck_names(rig):
    incident = make_incident(rig, removes_untagged=False)
    check(incident.broken and incident.sound, f"the incident broke {names(incident.broken)} of {names(incident.whole)}")
    check_incident(rig, incident)


@scenario
def a_push_that_met_the_collector_is_found_while_the_registry_still_says_200(rig):
    incident = make_incident(rig, removes_untagged=False)
    name = push_beside_the_collector(incident, "late/app", "1", "late")
    _, report = fsck(rig, incident.registry.data)
    check(str(name) in report["broken_names"], f"{name} is not among {report['broken_names']}")


class Tree:
    """A registry's directory with one index, one artifact and one plain manifest in it, pushed and then at rest."""

    def __init__(self, rig):
        self.registry = UpstreamRegistry(rig)
        self.incident = Incident(self.registry)
        self.index, self.plain = content.multi_platform("fsck", with_packages=False), content.single_platform("plain")
        self.incident.push("team/app", "1", self.index)
        self.incident.push("team/app", "latest", self.index)
        self.incident.push("team/tool", "1", self.plain)
        self.artifact = content.artifact(self.index.root)
        self.artifact.push(self.registry.client, "team/app", self.artifact.root.digest)
        self.root = self.registry.data / "docker/registry/v2"

    def repository(self, name: str) -> pathlib.Path:
        return self.root / "repositories" / name

    def blob(self, digest: str) -> pathlib.Path:
        return self.incident.blob_of(digest)


def layer_of(document) -> str:
    return json.loads(document.body)["layers"][0]["digest"]


def config_of(document) -> str:
    return json.loads(document.body)["config"]["digest"]


def overwrite(path: pathlib.Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


BOTH, TOOL = ("team/app:1", "team/app:latest"), ("team/tool:1",)


def damages(tree: Tree):
    """Every way a tree is damaged: what it is called, what does it, and the findings it must make (broken, untidy)."""
    amd64, index, plain = tree.index.documents[0], tree.index.root, tree.plain.root
    layer, config, app, tool = layer_of(amd64), config_of(plain), tree.repository("team/app"), tree.repository("team/tool")
    hexed = {d: d.removeprefix("sha256:") for d in (layer, config, amd64.digest, index.digest, plain.digest)}
    revisions, week = app / "_manifests/revisions/sha256", 8 * 86400
    missing_data = tool / "_layers/sha256" / ("ab" * 32)
    return [
        ("an index's child without its link", lambda: shutil.rmtree(revisions / hexed[amd64.digest]),
         [("missing-child", amd64.digest, BOTH)], []),
        ("an index's child without its bytes", lambda: tree.blob(amd64.digest).unlink(),
         [("missing-child", amd64.digest, BOTH)], None),
        ("a layer without its link", lambda: shutil.rmtree(app / "_layers/sha256" / hexed[layer]),
         [("missing-layer", layer, BOTH)], []),
        ("a layer without its bytes", lambda: tree.blob(layer).unlink(), [("missing-layer", layer, BOTH)], []),
        ("a config without its link", lambda: shutil.rmtree(tool / "_layers/sha256" / hexed[config]),
         [("missing-config", config, TOOL)], []),
        ("a config without its bytes", lambda: shutil.rmtree(tree.blob(config).parent),
         [("missing-config", config, TOOL)], []),
        ("a tag to a revision that is gone", lambda: shutil.rmtree(tool / "_manifests/revisions/sha256" / hexed[plain.digest]),
         [("tag-without-manifest", plain.digest, TOOL)], None),
        ("a tag to a manifest whose bytes are gone", lambda: tree.blob(plain.digest).unlink(),
         [("tag-without-manifest", plain.digest, TOOL)], None),
        ("a tag without its link", lambda: (tool / "_manifests/tags/1/current/link").unlink(),
         [("tag-without-link", "", TOOL)], []),
        ("a tag with an empty link", lambda: overwrite(tool / "_manifests/tags/1/current/link", b""),
         [("bad-link", "", TOOL)], []),
        ("an empty link of a layer", lambda: overwrite(app / "_layers/sha256" / hexed[layer] / "link", b""),
         [("bad-link", layer, BOTH)], []),
        ("an empty link of a child", lambda: overwrite(revisions / hexed[amd64.digest] / "link", b""),
         [("bad-link", amd64.digest, BOTH)], []),
        ("a link that says another digest", lambda: overwrite(app / "_layers/sha256" / hexed[layer] / "link", config.encode()),
         [("bad-link", layer, BOTH)], []),
        ("a truncated layer", lambda: overwrite(tree.blob(layer), b"short"), [("wrong-size", layer, BOTH)], []),
        ("a layer of no bytes", lambda: overwrite(tree.blob(layer), b""), [("wrong-size", layer, BOTH)], []),
        ("a manifest with other bytes", lambda: overwrite(tree.blob(plain.digest), plain.body.replace(b"1", b"2")),
         [("wrong-digest", plain.digest, TOOL)], None),
        ("a manifest that is none", lambda: overwrite(tree.blob(plain.digest), b"{"),
         [("wrong-digest", plain.digest, TOOL)], None),
        ("a link that nothing needs, to a blob that is gone",
         lambda: (missing_data.mkdir(), (missing_data / "link").write_bytes(b"sha256:" + b"ab" * 32)),
         [], [("orphan-link", "sha256:" + "ab" * 32, ())]),
        ("an upload nobody went on with", lambda: old_upload(tool, week), [], [("stale-upload", "", ())]),
        ("an upload of today", lambda: old_upload(tool, 60), [], []),
        ("a directory where a file should be", lambda: (tree.blob(layer).unlink(), tree.blob(layer).mkdir()),
         [("unreadable", layer, BOTH)], []),
    ]


def old_upload(repository: pathlib.Path, seconds: float) -> None:
    upload = repository / "_uploads" / "5b2a5f0e-7d2a-4a39-9f0c-000000000000"
    upload.mkdir(parents=True)
    for path in (upload / "startedat", upload / "data", upload):
        if path != upload:
            path.write_text("2020-01-01T00:00:00Z")
        os.utime(path, (time.time() - seconds,) * 2)


@scenario
def every_kind_of_damage_is_found_and_nothing_else(rig):
    tree = Tree(rig)
    tree.registry.part.stop()
    pristine = rig.path("pristine")
    shutil.copytree(tree.registry.data, pristine)
    check_equal(fsck(rig, tree.registry.data)[1]["findings"], [], "findings in a sound tree")
    check_equal(fsck(rig, tree.root, "--deep")[1]["findings"], [], "findings of --deep in a sound tree")
    for what, damage, broken, untidy in damages(tree):
        shutil.rmtree(tree.registry.data)
        shutil.copytree(pristine, tree.registry.data)
        damage()
        code, report = fsck(rig, tree.registry.data)
        check_equal(rows(report), sorted(broken), f"broken by {what}")
        check_equal(code, 1 if broken else 0, f"exit code after {what}")
        if untidy is not None:
            check_equal(rows(report, "untidy"), sorted(untidy), f"untidy after {what}")


def push_by_sha512(registry: UpstreamRegistry, repository: str, tag: str) -> str:
    """A manifest over a layer that is pushed and named by its sha512; the layer's digest."""
    layer, config = b"a layer by its sha512" * 100, b'{"architecture":"amd64","os":"linux"}'
    digest = "sha512:" + hashlib.sha512(layer).hexdigest()
    client = registry.client
    check_equal(client.finish_upload(client.start_upload(repository), digest, layer).status, 201, "status of the layer")
    check_equal(client.push_blob(repository, config).status, 201, "status of the config")
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST,
                       "config": {"mediaType": content.CONFIG, "digest": digest_of(config), "size": len(config)},
                       "layers": [{"mediaType": content.LAYER, "digest": digest, "size": len(layer)}]}).encode()
    check_equal(client.put_manifest(repository, tag, body).status, 201, "status of the manifest")
    return digest


# Seen of 3.1 as well (linkBlob of its registry/storage/linkedblobstore.go): the bytes are kept under their sha256 alone.
# Its collector, like 2.8's, marks the sha512 and sweeps the sha256; then it fails over the link that is gone twice.
@scenario
def a_blob_pushed_by_its_sha512_is_no_fault_until_the_collector_takes_it(rig):
    registry, backup = UpstreamRegistry(rig), UpstreamRegistry(rig, name="backup")
    digest = push_by_sha512(registry, "team/app", "1")
    push_by_sha512(backup, "team/app", "1")
    for options in ([], ["--deep"]):
        check_equal(fsck(rig, registry.data, *options)[1]["findings"], [], f"findings of what the registry serves {options}")
    rig.run(LIFEBOAT, "adopt", registry.data, "--data", rig.path("adopted"))
    rig.run("docker-registry", "garbage-collect", rig.path("upstream", "config.yml"))
    check_equal(registry.client.blob("team/app", digest).status, 404, "status of the layer after the collector")
    code, report = fsck(rig, registry.data)
    check_equal((code, rows(report)), (1, [("missing-layer", digest, ("team/app:1",))]), "what the collector broke")
    check_equal(fsck(rig, registry.data, "--repair", "--from", backup.address)[0], 0, "exit code of the repair")
    for what in ("the repair", "another run of the collector"):
        check_equal(registry.client.blob("team/app", digest).status, 200, f"status of the layer after {what}")
        rig.run("docker-registry", "garbage-collect", rig.path("upstream", "config.yml"))
        registry.part.stop()
        registry.start("")
    lifeboat = Lifeboat(rig, server="builtin_upstreams = false\n", data=rig.path("adopted"))
    check_equal(lifeboat.client.blob("team/app", digest).status, 200, "status of the layer that was adopted")


@scenario
def bytes_that_changed_in_place_are_found_by_hashing_them_all(rig):
    tree = Tree(rig)
    layer = layer_of(tree.index.documents[0])
    data = bytearray(tree.blob(layer).read_bytes())
    data[len(data) // 2] ^= 1
    overwrite(tree.blob(layer), bytes(data))
    stray = b"nothing names this"
    path = tree.blob(digest_of(stray))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"and it is damaged")
    check_equal(fsck(rig, tree.registry.data)[0], 0, "exit code without --deep")
    code, report = fsck(rig, tree.registry.data, "--deep")
    check_equal(code, 1, "exit code with --deep")
    check_equal(rows(report), [("wrong-digest", layer, BOTH)], "broken")
    check_equal(rows(report, "untidy"), [("wrong-digest", digest_of(stray), ())], "damage that no name suffers from")


@scenario
def a_layout_of_skopeo_is_checked_and_its_damage_found(rig):
    registry = UpstreamRegistry(rig)
    pushed = content.multi_platform("layout", with_packages=False)
    pushed.push(registry.client, "team/app", "1")
    layout = rig.path("layout")
    skopeo(rig, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", f"docker://{registry.address}/team/app:1",
           f"oci:{layout}:1")
    code, report = fsck(rig, layout, "--deep")
    check_equal((code, report["kind"], report["findings"]), (0, "oci-layout", []), "a sound layout")
    layer = layer_of(pushed.documents[1])
    (layout / "blobs/sha256" / layer.removeprefix("sha256:")).unlink()
    code, report = fsck(rig, layout)
    check_equal((code, rows(report)), (1, [("missing-layer", layer, ("1",))]), "a layout without a layer")


@scenario
def a_lifeboat_store_is_checked_while_it_runs_and_repaired_at_rest(rig):
    lifeboat, pushed = Lifeboat(rig), content.multi_platform("store", with_packages=False)
    pushed.push(lifeboat.client, "team/app", "1")
    check_equal(fsck(rig, lifeboat.data, "--deep")[1]["findings"], [], "findings beside a server that runs")
    done = rig.attempt(LIFEBOAT, "fsck", lifeboat.data, "--repair")
    check_equal(done.returncode, 3, "exit code of a repair while a server runs")
    check(f"process {lifeboat.part.pid} holds it" in done.stderr.decode(), f"who runs is not said: {done.stderr.decode()}")
    lifeboat.kill()  # what is in the write-ahead log counts
    check_equal(fsck(rig, lifeboat.data, "--deep")[1]["findings"], [], "findings in a sound store")
    layer = layer_of(pushed.documents[0])
    blob = lifeboat.data / "blobs/sha256" / layer[7:9] / layer[7:]
    blob.rename(blob.with_name("ef" * 32))
    code, report = fsck(rig, lifeboat.data)
    check_equal((code, rows(report)), (1, [("row-without-bytes", layer, ("team/app:1",))]), "bytes that are gone")
    check_equal(rows(report, "note"), [("bytes-without-row", "sha256:" + "ef" * 32, ())], "bytes that nobody knows")
    lifeboat.start()
    lifeboat.stop()
    check_equal(fsck(rig, lifeboat.data)[0], 1, "exit code after a clean stop")


def pull(rig, registry, name: str, to: str) -> pathlib.Path:
    """skopeo has it whole, or fails."""
    layout = rig.path(to)
    skopeo(rig, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", f"docker://{registry.address}/{name}",
           f"oci:{layout}:pulled")
    return layout


def wanted_of(pushed: content.Content) -> list[str]:
    return [*pushed.blobs, *(document.digest for document in pushed.documents)]


def files_below(root: pathlib.Path) -> dict:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@scenario
def lost_links_are_restored_and_skopeo_pulls_again(rig):
    tree = Tree(rig)
    app, amd64 = tree.repository("team/app"), tree.index.documents[0]
    shutil.rmtree(app / "_manifests/revisions/sha256" / amd64.digest.removeprefix("sha256:"))
    for blob in tree.index.blobs:
        shutil.rmtree(app / "_layers/sha256" / blob.removeprefix("sha256:"))
    overwrite(tree.repository("team/tool") / "_layers/sha256" / layer_of(tree.plain.root).removeprefix("sha256:") / "link", b"")
    before = files_below(tree.registry.data)
    planned = rig.attempt(LIFEBOAT, "fsck", tree.registry.data, "--repair", "--dry-run")
    check_equal(planned.returncode, 1, "exit code of the dry run")
    check(f"would restore the link of manifest '{amd64.digest}'" in planned.stdout.decode(), planned.stdout.decode())
    check_equal(files_below(tree.registry.data), before, "files after a dry run")

    code, report = fsck(rig, tree.registry.data, "--repair")
    check_equal((code, report["broken_names"]), (0, []), "broken after the repair")
    check_equal({step["result"] for step in report["repairs"]}, {"done"}, "results of the steps")
    tree.incident.restart()
    check_equal(tree.index.faults_at(tree.registry.client, "team/app", "1"), [], "what the registry serves")
    check_equal(layout_faults(pull(rig, tree.registry, "team/app:1", "pulled"), wanted_of(tree.index)), [], "what skopeo pulled")
    check_equal(layout_faults(pull(rig, tree.registry, "team/tool:1", "tool"), wanted_of(tree.plain)), [], "what skopeo pulled")


@scenario
def what_a_repair_writes_belongs_to_whom_the_tree_belongs_to(rig):
    tree = Tree(rig)
    tree.registry.part.stop()
    for path in [tree.registry.data, *tree.registry.data.rglob("*")]:
        os.chown(path, 4711, 4712)
    folder = tree.repository("team/app") / "_layers/sha256" / layer_of(tree.index.documents[0]).removeprefix("sha256:")
    shutil.rmtree(folder)
    check_equal(fsck(rig, tree.registry.data, "--repair")[0], 0, "exit code of the repair")
    for path in (folder, folder / "link"):
        check_equal((path.stat().st_uid, path.stat().st_gid), (4711, 4712), f"owner of {path.name}")
        check(path.stat().st_mode & 0o200, f"the registry cannot write to {path.name} any more")


@scenario
def what_the_collector_took_comes_back_from_another_registry(rig):
    backup = UpstreamRegistry(rig, name="backup")
    incident = make_incident(rig, removes_untagged=True)
    for name, pushed in incident.whole.items():
        pushed.push(backup.client, name.repository, name.tag)
    check_equal(fsck(rig, incident.registry.data, "--repair")[0], 1, "exit code of a repair without another registry")
    code, report = fsck(rig, incident.registry.data, "--repair", "--from", backup.address)
    check_equal((code, report["broken_names"]), (0, []), "broken after the repair")
    incident.restart()
    for name, pushed in incident.whole.items():
        check_equal(pushed.faults_at(incident.registry.client, name.repository, name.tag), [], f"what {name} misses")


@scenario
def bytes_that_lie_are_not_taken_for_a_repair(rig):
    tree, liar = Tree(rig), UpstreamRegistry(rig, name="liar")
    tree.index.push(liar.client, "team/app", "1")
    layer = layer_of(tree.index.documents[0])
    lie = liar.data / "docker/registry/v2/blobs/sha256" / layer[7:9] / layer[7:] / "data"
    overwrite(lie, bytes(len(lie.read_bytes())))
    tree.blob(layer).unlink()
    code, report = fsck(rig, tree.registry.data, "--repair", "--from", liar.address)
    check_equal((code, rows(report)), (1, [("missing-layer", layer, BOTH)]), "broken after lies")
    check("another digest" in report["repairs"][0]["error"], f"the reason: {report['repairs']}")
    check_equal(list(tree.blob(layer).parent.iterdir()), [], "what is left of the lie")


@scenario
def a_layout_and_a_store_are_repaired_from_another_registry(rig):
    backup, lifeboat = UpstreamRegistry(rig, name="backup"), Lifeboat(rig)
    pushed = content.multi_platform("both", with_packages=False)
    for client in (backup.client, lifeboat.client):
        pushed.push(client, "team/app", "1")
    lifeboat.stop()
    layout, layer = pull(rig, backup, "team/app:1", "layout"), layer_of(pushed.documents[0])
    for blobs in (layout / "blobs/sha256", lifeboat.data / "blobs/sha256" / layer[7:9]):
        (blobs / layer[7:]).unlink()
    check_equal(fsck(rig, layout, "--repair", "--from", f"{backup.address}/team/app", "--deep")[0], 0, "exit code for the layout")
    check_equal(fsck(rig, lifeboat.data, "--repair", "--from", backup.address, "--deep")[0], 0, "exit code for the store")
    lifeboat.start()
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "what the store serves")


@scenario
def what_is_no_registry_is_refused_with_a_reason(rig):
    rig.file("stranger/file", "text")
    for path, reason in ((rig.directory / "stranger", "it is no registry's"), (rig.directory / "nowhere", "No such file"),
                         (rig.directory / "stranger/file", "it is not a directory")):
        done = rig.attempt(LIFEBOAT, "fsck", path)
        check_equal(done.returncode, 3, f"exit code for {path.name}")
        check(reason in done.stderr.decode(), f"the reason for {path.name}: {done.stderr.decode()}")
    check_equal(rig.attempt(LIFEBOAT, "fsck").returncode, 2, "exit code without a path")


main()
