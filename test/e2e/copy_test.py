"""`lifeboat copy`: one read and many writes, into registries of every make and layouts, with the digests that were."""
import base64
import json
import os

import content
from parts import LIFEBOAT, Certificate, Lifeboat, UpstreamRegistry
from rig import check, check_equal, eventually, listens, main, scenario
from token_server import PASSWORD, USER, TokenServer

ALONE = "builtin_upstreams = false\n"


def copy(rig, source: str, *targets, env: dict | None = None, seconds: float = 120.0) -> tuple[int, dict]:
    done = rig.attempt(LIFEBOAT, "copy", source, *targets, "-o", "json", env=env, seconds=seconds)
    check(done.stdout, f"a copy of {source} ended with {done.returncode} and said: {done.stderr.decode()}")
    check_equal(done.stderr.decode(), "", "what a copy in a pipe says besides its result")
    return done.returncode, json.loads(done.stdout)


def outcomes(report: dict) -> dict[str, str]:
    return {one["name"]: one["outcome"] for one in report["targets"]}


def target(report: dict, name: str) -> dict:
    return next(one for one in report["targets"] if one["name"] == name)


def referrers(client, repository: str, digest: str) -> list[str]:
    """By the API, else by the fallback tag."""
    answer = client.get(f"/v2/{repository}/referrers/{digest}")
    if answer.status != 200:
        answer = client.manifest(repository, digest.replace(":", "-"))
    return [one["digest"] for one in json.loads(answer.body)["manifests"]] if answer.status == 200 else []


def with_attestation(index: content.Content) -> content.Content:
    """As BuildKit makes it: a child of the index that runs nowhere, and says which one it speaks of."""
    statement, subject = content.as_json({"_type": "https://in-toto.io/Statement/v0.1"}), index.documents[0]
    config = content.as_json({"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": []}})
    manifest = content.Document(content.MANIFEST, content.as_json({
        "schemaVersion": 2, "mediaType": content.MANIFEST, "config": content.describe(content.CONFIG, config),
        "layers": [content.describe("application/vnd.in-toto+json", statement)]}))
    entries = json.loads(index.root.body)["manifests"] + [manifest.descriptor(
        platform={"architecture": "unknown", "os": "unknown"},
        annotations={"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": subject.digest})]
    root = content.Document(content.INDEX, content.as_json({"schemaVersion": 2, "mediaType": content.INDEX, "manifests": entries}))
    blobs = {**index.blobs, content.digest_of(statement): statement, content.digest_of(config): config}
    return content.Content(blobs, [*index.documents[:-1], manifest, root])


class Background:
    """A copy that runs beside the test."""

    def __init__(self, rig, source: str, *targets):
        self.rig, self.output = rig, rig.path("logs", "copy.json")
        words = [LIFEBOAT, "copy", source, *targets, "-o", "json"]
        self.part = rig.start("copy", words)

    def end(self, seconds: float = 60.0) -> tuple[int, dict]:
        code = self.part.process.wait(seconds)
        lines = [line for line in self.part.text().splitlines() if line.startswith("{")]
        check(lines, f"the copy ended with {code} and said: {self.part.text()}")
        return code, json.loads(lines[-1])


def is_receiving(registry: UpstreamRegistry) -> bool:
    """It has begun an upload, and more than a MiB of it came."""
    found = registry.data.glob("docker/registry/v2/repositories/**/_uploads/*/data")
    return any(path.stat().st_size > 1 << 20 for path in found)


@scenario
def an_index_with_its_attestation_and_a_referrer_goes_everywhere_at_once(rig):
    origin, plain, lifeboat = UpstreamRegistry(rig, name="origin"), UpstreamRegistry(rig, name="plain"), Lifeboat(rig, server=ALONE)
    index = with_attestation(content.multi_platform("everywhere"))
    index.push(origin.client, "team/app", "v1")
    signature = content.artifact(index.root)
    signature.push(origin.client, "team/app", signature.root.digest)
    listed = {"schemaVersion": 2, "mediaType": content.INDEX, "manifests": [
        signature.root.descriptor(artifactType=json.loads(signature.root.body)["artifactType"])]}
    answer = origin.client.put_manifest("team/app", index.root.digest.replace(":", "-"), content.as_json(listed), content.INDEX)
    check_equal(answer.status, 201, "the fallback tag at the origin")

    layout = rig.directory / "layout"
    to = [f"{plain.address}/backup/app", f"{lifeboat.address}/app", f"oci:{layout}"]
    code, report = copy(rig, f"{origin.address}/team/app:v1", *to, f"{plain.address}/backup/app:latest", "--referrers")
    check_equal(code, 0, f"the exit status ({report})")
    check_equal(outcomes(report), dict.fromkeys(to, "copied"), "what became of each")
    check_equal(report["digest"], index.root.digest, "the digest")
    for registry, repository, tags in ((plain, "backup/app", ("v1", "latest")), (lifeboat, "app", ("v1",))):
        for tag in tags:
            check_equal(index.faults_at(registry.client, repository, tag), [], f"what {registry.name} misses of {tag}")
        check_equal(signature.faults_at(registry.client, repository, signature.root.digest), [], "what it misses of the signature")
        check_equal(referrers(registry.client, repository, index.root.digest), [signature.root.digest], "who refers to it")
    check_equal(rig.attempt(LIFEBOAT, "fsck", "--deep", layout).returncode, 0, "fsck of the layout")
    reads = origin.requests('"GET ', "/blobs/")
    check_equal(reads, len({*index.blobs, *signature.blobs}), "blobs read at the origin: each once")

    code, report = copy(rig, f"oci:{layout}:v1", f"{plain.address}/restored:again", "--referrers")
    check_equal((code, target(report, f"{plain.address}/restored")["blobs_sent"]), (0, len({*index.blobs, *signature.blobs})),
                "what came back from the layout")
    check_equal(index.faults_at(plain.client, "restored", "again"), [], "what is missing of it")
    check_equal(referrers(plain.client, "restored", index.root.digest), [signature.root.digest], "who refers to it")


@scenario
def a_second_run_sends_nothing_and_a_dry_run_writes_nothing(rig):
    origin, other = UpstreamRegistry(rig, name="origin"), UpstreamRegistry(rig, name="other")
    index = content.multi_platform("twice", with_packages=False)
    index.push(origin.client, "app", "v1")
    code, report = copy(rig, f"{origin.address}/app:v1", f"{other.address}/app", "--dry-run")
    check_equal((code, outcomes(report)), (0, {f"{other.address}/app": "would_copy"}), "the dry run")
    check_equal(report["targets"][0]["blobs_sent"], len(index.blobs), "blobs that it would send")
    check_equal(other.requests('"POST ') + other.requests('"PUT '), 0, "writes of a dry run")
    for blobs_sent in (len(index.blobs), 0):
        code, report = copy(rig, f"{origin.address}/app:v1", f"{other.address}/app")
        check_equal((code, report["targets"][0]["blobs_sent"]), (0, blobs_sent), "blobs sent")
    before = other.requests('"PUT ')
    copy(rig, f"{origin.address}/app:v1", f"{other.address}/app")
    check_equal(other.requests('"PUT '), before, "writes of a copy of what is there")


@scenario
def repositories_of_one_registry_mount_from_each_other(rig):
    origin, other, lifeboat = UpstreamRegistry(rig, name="origin"), UpstreamRegistry(rig, name="other"), Lifeboat(rig, server=ALONE)
    index = content.multi_platform("mounted", with_packages=False)
    index.push(origin.client, "staging/app", "v1")
    code, report = copy(rig, f"{origin.address}/staging/app:v1", f"{origin.address}/production/app", f"{other.address}/a",
                        f"{other.address}/b", f"{lifeboat.address}/a", f"{lifeboat.address}/b")
    check_equal(code, 0, f"the exit status ({report})")
    count = len(index.blobs)
    mounted = {one["name"].split("/", 1)[0] + "/" + one["name"].split("/", 1)[1]: (one["blobs_sent"], one["blobs_mounted"])
               for one in report["targets"]}
    check_equal(mounted, {f"{origin.address}/production/app": (0, count), f"{other.address}/a": (count, 0),
                          f"{other.address}/b": (0, count), f"{lifeboat.address}/a": (count, 0),
                          f"{lifeboat.address}/b": (0, count)}, "blobs sent and mounted")
    for client, repository in ((origin.client, "production/app"), (other.client, "b"), (lifeboat.client, "b")):
        check_equal(index.faults_at(client, repository, "v1"), [], f"what {repository} misses")


@scenario
def one_that_dies_in_the_middle_holds_nobody_up_and_gets_the_rest_later(rig):
    origin, good, dying = (UpstreamRegistry(rig, name=name) for name in ("origin", "good", "dying"))
    image = content.large_platform("dying", 12 << 20)
    image.push(origin.client, "app", "v1")
    running = Background(rig, f"{origin.address}/app:v1", f"{dying.address}/app", f"{good.address}/app", "--bandwidth", "4MiB")
    eventually(lambda: is_receiving(dying), "the upload that is to be killed")
    dying.kill()
    code, report = running.end()
    check_equal(code, 3, f"the exit status ({report})")
    check_equal(outcomes(report), {f"{dying.address}/app": "failed", f"{good.address}/app": "copied"}, "what became of each")
    check(dying.address in target(report, f"{dying.address}/app")["reason"], f"the reason names nobody: {report}")
    check_equal(image.faults_at(good.client, "app", "v1"), [], "what the one that lived misses")
    dying.start("")
    check_equal(dying.client.manifest("app", "v1").status, 404, "the tag of half a copy")
    code, report = copy(rig, f"{origin.address}/app:v1", f"{dying.address}/app", f"{good.address}/app")
    check_equal((code, target(report, f"{good.address}/app")["blobs_sent"]), (0, 0), "what the second run sent to the good one")
    check_equal(image.faults_at(dying.client, "app", "v1"), [], "what is missing after the second run")


@scenario
def an_upload_goes_on_when_the_registry_was_restarted(rig):
    origin, shaky = UpstreamRegistry(rig, name="origin"), UpstreamRegistry(rig, name="shaky")
    image = content.large_platform("shaky", 24 << 20)
    image.push(origin.client, "app", "v1")
    running = Background(rig, f"{origin.address}/app:v1", f"{shaky.address}/app", "--bandwidth", "6MiB")
    eventually(lambda: is_receiving(shaky), "the upload that is to be cut")
    shaky.kill()
    shaky.start("")
    code, report = running.end()
    check_equal(code, 0, f"the exit status ({report})")
    check_equal(image.faults_at(shaky.client, "app", "v1"), [], "what is missing")


@scenario
def a_copy_that_is_killed_leaves_no_tag_and_is_run_again(rig):
    origin, other, lifeboat = UpstreamRegistry(rig, name="origin"), UpstreamRegistry(rig, name="other"), Lifeboat(rig, server=ALONE)
    image = content.large_platform("killed", 12 << 20)
    image.push(origin.client, "app", "v1")
    layout = rig.directory / "layout"
    to = [f"{other.address}/app", f"{lifeboat.address}/app", f"oci:{layout}:v1"]
    running = Background(rig, f"{origin.address}/app:v1", *to, "--bandwidth", "4MiB")
    eventually(lambda: is_receiving(other), "the upload that is to be cut")
    running.part.kill()
    for client in (other.client, lifeboat.client):
        check_equal(client.manifest("app", "v1").status, 404, "the tag of half a copy")
    check(not (layout / "index.json").exists(), "half a layout has an index")
    code, report = copy(rig, f"{origin.address}/app:v1", *to)
    check_equal(code, 0, f"the exit status ({report})")
    check_equal(image.faults_at(other.client, "app", "v1"), [], "what is missing in docker-registry")
    check_equal(image.faults_at(lifeboat.client, "app", "v1"), [], "what is missing in Lifeboat")
    check_equal(rig.attempt(LIFEBOAT, "fsck", "--deep", layout).returncode, 0, "fsck of the layout")
    left = [path.name for path in layout.rglob("*lifeboat-new")]
    check_equal(left, [], "what the killed copy left")


@scenario
def logins_proxies_and_small_bodies(rig):
    tokens = TokenServer(rig)
    with_tokens = UpstreamRegistry(rig, name="tokens", auth=tokens.registry_auth())
    entry = rig.run("htpasswd", "-nbB", "-C", "4", USER, PASSWORD).strip()
    passwords = rig.file("htpasswd", entry + "\n")
    basic = UpstreamRegistry(rig, name="basic", auth=f"auth:\n  htpasswd:\n    realm: e2e\n    path: {passwords}\n")
    certificate, port = Certificate(rig), rig.port()
    proxy = f"localhost:{port}"
    site = rig.file("nginx.conf", f"""user root; daemon off; pid {rig.directory}/nginx.pid; error_log stderr;
events {{}}
http {{ access_log off; client_body_temp_path {rig.folder("nginx-body")}; proxy_temp_path {rig.folder("nginx-proxy")};
  fastcgi_temp_path {rig.folder("f")}; uwsgi_temp_path {rig.folder("u")}; scgi_temp_path {rig.folder("s")};
  server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate.certificate}; ssl_certificate_key {certificate.key};
    client_max_body_size 1m;
    location / {{ proxy_pass http://{basic.address}; proxy_set_header Host {proxy}; }} }} }}
""")
    rig.start("nginx", ["nginx", "-c", site, "-e", "stderr"], listens(port))
    image = content.large_platform("small bodies", 5 << 20)
    image.write_layout(rig.directory / "source", "v1")
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    config = rig.file("docker/config.json", json.dumps({"auths": {name: {"auth": login} for name in (
        with_tokens.address, basic.address, proxy)}}))
    env = dict(os.environ, DOCKER_CONFIG=str(config.parent))
    to = [f"{with_tokens.address}/team/app", f"{with_tokens.address}/team/other"]
    code, report = copy(rig, f"oci:{rig.directory / 'source'}:v1", *to, env=env)
    check_equal(code, 0, f"the exit status ({report})")
    code, proxied = copy(rig, f"oci:{rig.directory / 'source'}:v1", f"{proxy}/app", "--ca-file", certificate.certificate, env=env)
    check_equal(code, 0, f"the exit status ({proxied})")
    check_equal(target(report, to[1])["blobs_mounted"], len(image.blobs), "blobs mounted with a token for both repositories")
    scopes = [question["scope"] for question in tokens.asked if "scope" in question]
    check(["repository:team/app:pull,push"] in scopes, f"no token was asked for to push with: {scopes}")
    check_equal(rig.attempt(LIFEBOAT, "verify", "--deep", f"{basic.address}/app:v1", env=env).returncode, 0,
                "what came through a proxy that takes 1 MiB at once")
    check_equal(rig.attempt(LIFEBOAT, "verify", "--deep", to[0] + ":v1", env=env).returncode, 0, "what came with tokens")

    wrong = base64.b64encode(f"{USER}:wrong".encode()).decode()
    authfile = rig.file("auth.json", json.dumps({"auths": {basic.address: {"auth": wrong}}}))
    code, report = copy(rig, f"oci:{rig.directory / 'source'}:v1", f"{basic.address}/app:v2", "--authfile", authfile, env=env)
    check_equal((code, report["targets"][0]["code"]), (3, "unauthorized"), "a login that is refused")
    check("wrong" not in json.dumps(report), "the password stands in the report")


@scenario
def only_one_platform_and_what_cannot_be(rig):
    origin, lifeboat = UpstreamRegistry(rig, name="origin"), Lifeboat(rig, server=ALONE)
    index = content.multi_platform("sparse", with_packages=False)
    index.push(origin.client, "app", "v1")
    layout = rig.directory / "layout"
    code, report = copy(rig, f"{origin.address}/app:v1", f"oci:{layout}", f"{origin.address}/sparse", "--platform", "linux/arm64")
    check_equal((report["digest"], report["sparse"]), (index.root.digest, True), "the digest of the sparse index")
    check_equal(outcomes(report), {f"oci:{layout}": "copied", f"{origin.address}/sparse": "failed"}, "what became of each")
    check("copy all platforms" in target(report, f"{origin.address}/sparse")["reason"], f"the reason: {report}")
    check_equal(code, 3, "the exit status")
    check_equal(origin.client.manifest("sparse", "v1").status, 404, "the tag of what was refused")
    here = {path.name for path in layout.glob("blobs/sha256/*")}
    check_equal(index.documents[1].digest[7:] in here, True, "the child for arm64")
    check_equal(index.documents[0].digest[7:] in here, False, "the child for amd64")

    code, report = copy(rig, f"{origin.address}/app:none", f"{lifeboat.address}/app")
    check_equal(code, 1, f"the exit status without a source ({report})")
    origin.part.stop()
    code, report = copy(rig, f"{origin.address}/app:v1", f"{lifeboat.address}/app")
    check_equal(code, 3, f"the exit status with a dead source ({report})")
    stranger = rig.folder("stranger")
    (stranger / "thesis.txt").write_text("mine")
    code, report = copy(rig, f"oci:{layout}:v1", f"oci:{stranger}", "--platform", "linux/arm64")
    check_equal((code, sorted(path.name for path in stranger.iterdir())), (3, ["thesis.txt"]), "somebody else's directory")
    for words in (["copy"], ["copy", "a"], ["copy", "a", "oci-archive:x.tar"], ["copy", "a", "b", "--concurrency", "0"],
                  ["copy", "a.example/a", "b.example/b", "--username", "u", "--password-file", "f"]):
        check_equal(rig.attempt(LIFEBOAT, *words).returncode, 2, f"the exit status of {' '.join(words)}")


main()
