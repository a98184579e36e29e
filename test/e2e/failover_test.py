"""Several endpoints of one host: what one of them does wrong costs nobody anything when another can do it."""
import base64
import json
import threading

import content
from imposter import Imposter
from parts import HOST, Endpoint, Lifeboat, Upstream, UpstreamRegistry
from rig import check, check_equal, eventually, main, scenario
from wire_client import digest_of

MIB = 1 << 20


@scenario
def a_blob_cut_in_the_middle_is_continued_by_the_backup(rig):
    blob, backup = content.LargeBlob(24 * MIB), UpstreamRegistry(rig, name="backup")
    check_equal(backup.client.push_stream("team/large", blob.digest, blob.size, blob.pieces()).status, 201, "the push")
    primary = Imposter(rig, bytes_per_second=16 * MIB)
    primary.hold_blob(blob, "team/large")
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(primary.url), backup.endpoint()])])
    path, answers = f"/v2/{HOST}/team/large/blobs/{blob.digest}", []
    readers = [threading.Thread(target=lambda: answers.append(lifeboat.client.get(path))) for _ in range(4)]
    for reader in readers:
        reader.start()
    eventually(lambda: primary.blob_bytes >= 4 * MIB, "the primary has sent a good part")
    primary.stop()
    for reader in readers:
        reader.join()
    check_equal({(a.status, digest_of(a.body)) for a in answers}, {(200, blob.digest)}, "what the readers got")
    check_equal(len(answers), 4, "readers")
    check(primary.blob_bytes < blob.size, "the primary was not cut")
    check("fetch.continued" in lifeboat.part.text(), "the log does not say that the blob was continued")
    line = [l for l in backup.part.text().splitlines() if "GET" in l and "/blobs/" in l and "http.response.status=206" in l]
    check_equal(len(line), 1, "partial answers of the backup")


@scenario
def wrong_bytes_from_the_primary_are_never_kept_and_the_backup_is_asked_next(rig):
    blob, backup = content.LargeBlob(3 * MIB), UpstreamRegistry(rig, name="backup")
    check_equal(backup.client.push_stream("team/app", blob.digest, blob.size, blob.pieces()).status, 201, "the push")
    primary = Imposter(rig)
    primary.hold_blob(blob, "team/app")
    primary.mode = "wrong_bytes"
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(primary.url), backup.endpoint()])])
    path = f"/v2/{HOST}/team/app/blobs/{blob.digest}"
    try:
        first = lifeboat.client.get(path)
        check(digest_of(first.body) != blob.digest or first.status != 200, "the primary did not lie")
    except Exception as error:  # noqa: BLE001 -- a cut body is what a client must see
        print(f"        the first client saw: {type(error).__name__}")
    eventually(lambda: lifeboat.client.get(path).status == 200, "the backup is asked", seconds=20)
    check_equal(digest_of(lifeboat.client.get(path).body), blob.digest, "what is served then")


@scenario
def an_endpoint_that_refuses_connections_is_asked_once_and_then_only_probed(rig):
    pushed, backup = [content.single_platform(f"app {i}") for i in range(6)], UpstreamRegistry(rig, name="backup")
    for number, image in enumerate(pushed):
        image.push(backup.client, f"team/app{number}", "1")
    dead = f"127.0.0.1:{rig.port()}"
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(f"http://{dead}"), backup.endpoint()])])
    for number, image in enumerate(pushed):
        check_equal(image.faults_at(lifeboat.client, f"{HOST}/team/app{number}", "1"), [], f"image {number}")
    breakers = [l for l in lifeboat.client.get("/metrics").body.decode().splitlines()
                if l.startswith(f'lifeboat_upstream_breaker_state{{host="{dead}"')]
    check(breakers and not breakers[0].endswith(" 0"), f"its breaker is closed: {breakers}")
    check_equal(lifeboat.part.text().count("upstream.breaker"), 1, "lines about its breaker")


@scenario
def a_backup_under_other_names_is_reached_with_the_login_of_docker(rig):
    entry = rig.run("htpasswd", "-nbB", "-C", "4", "ci", "backup-secret").strip()
    passwords = rig.file("htpasswd", entry + "\n")
    auth = f"auth:\n  htpasswd:\n    realm: e2e\n    path: {passwords}\n"
    backup, pushed = UpstreamRegistry(rig, name="backup", auth=auth), content.multi_platform("backup", with_packages=False)
    layout = pushed.write_layout(rig.path("layout"), "1")
    rig.run("skopeo", "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds",
            "ci:backup-secret", f"oci:{layout}:1", f"docker://{backup.address}/mirror/team/app:1")
    login = base64.b64encode(b"ci:backup-secret").decode()
    config = rig.file("docker/config.json", json.dumps({"auths": {backup.address: {"auth": login}}}))
    primary = Endpoint(f"http://127.0.0.1:{rig.port()}")
    second = backup.endpoint(match="team/*", rewrite="mirror/team/*", docker_config=str(config))
    lifeboat = Lifeboat(rig, [Upstream([primary, second])])
    answer = lifeboat.client.manifest(f"{HOST}/team/app", "1")
    check_equal(answer.header("X-Lifeboat-Endpoint"), backup.address, "the endpoint that is named in the answer")
    answer = lifeboat.client.manifest(f"{HOST}/team/app", "1")
    check_equal(answer.header("X-Lifeboat-Endpoint"), None, "the endpoint of an answer for which none was asked")
    check_equal(pushed.faults_at(lifeboat.client, f"{HOST}/team/app", "1"), [], "what the backup supplies")
    answer = lifeboat.client.manifest(f"{HOST}/other/app", "1")
    check_equal(answer.status, 503, "status of a name that only the dead primary may have")
    check("backup-secret" not in lifeboat.part.text(), "the password stands in the log")


@scenario
def what_comes_back_is_found_by_a_probe_and_not_by_a_client(rig):
    pushed = content.single_platform("back")
    upstream = Imposter(rig)
    upstream.hold(pushed, "team/app", "1")
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(upstream.url)])])
    upstream.stop()
    answer = lifeboat.client.get(f"/v2/{HOST}/team/app/manifests/1")
    check_equal((answer.status, answer.header("Retry-After") is not None), (503, True), "status and Retry-After")
    upstream.listen()
    eventually(lambda: "→closed" in lifeboat.part.text(), "a probe closes the breaker", seconds=20)
    check_equal(len(upstream.requests), 1, f"requests up to then: {upstream.requests}")
    check_equal(pushed.faults_at(lifeboat.client, f"{HOST}/team/app", "1"), [], "what is pulled then")


main()
