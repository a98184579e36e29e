"""skopeo pushes an index of two platforms, an artifact, and a layer of 1 GiB by chunks of its own; all comes back."""
import content
from parts import Endpoint, Lifeboat, Upstream, UpstreamRegistry, layout_faults, skopeo
from rig import check, check_equal, main, scenario
from wire_client import digest_of

GIB = 1 << 30


@scenario
def an_index_pushed_by_skopeo_comes_back_byte_for_byte(rig):
    lifeboat, pushed = Lifeboat(rig), content.multi_platform("skopeo")
    name = f"docker://{lifeboat.address}/team/app:1"
    pushed.write_layout(rig.path("pushed"), "1")
    skopeo(rig, "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", f"oci:{rig.path('pushed')}:1", name)
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "what was pushed")

    raw = skopeo(rig, "inspect", "--raw", "--tls-verify=false", name)
    check_equal(digest_of(raw.encode()), pushed.root.digest, "digest of the index as skopeo sees it")
    skopeo(rig, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", name, f"oci:{rig.path('pulled')}:1")
    wanted = [*pushed.blobs, *(d.digest for d in pushed.documents)]
    check_equal(layout_faults(rig.path("pulled"), wanted), [], "what skopeo pulled")
    check(skopeo(rig, "list-tags", "--tls-verify=false", name.rsplit(":", 1)[0]), "no tags listed")


@scenario
def skopeo_copies_from_another_registry_and_mounts_what_is_there(rig):
    source, lifeboat = UpstreamRegistry(rig), Lifeboat(rig)
    pushed = content.multi_platform("copied")
    pushed.push(source.client, "team/app", "1")
    for repository in ("one/app", "two/app"):
        skopeo(rig, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
               f"docker://{source.address}/team/app:1", f"docker://{lifeboat.address}/{repository}:1")
        check_equal(pushed.faults_at(lifeboat.client, repository, "1"), [], f"what was copied to {repository}")


@scenario
def a_first_push_works_while_the_default_upstream_is_dead(rig):
    dead = Upstream([Endpoint(f"http://127.0.0.1:{rig.port()}")], host="default")
    lifeboat, pushed = Lifeboat(rig, [dead]), content.multi_platform("in an outage", with_packages=False)
    pushed.write_layout(rig.path("pushed"), "1")
    skopeo(rig, "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", f"oci:{rig.path('pushed')}:1",
           f"docker://{lifeboat.address}/team/app:1")
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "what was pushed")


@scenario
def an_artifact_is_found_by_its_subject(rig):
    lifeboat, subject = Lifeboat(rig), content.single_platform("subject")
    subject.push(lifeboat.client, "team/app", "1")
    signature = content.artifact(subject.root)
    signature.push(lifeboat.client, "team/app", signature.root.digest)
    answer = lifeboat.client.get(f"/v2/team/app/referrers/{subject.root.digest}")
    check_equal(answer.status, 200, "status of the referrers")
    check(signature.root.digest.encode() in answer.body, f"the artifact is no referrer of its subject: {answer.body!r}")


@scenario
def a_layer_of_one_gib_is_pushed_and_pulled_as_a_stream(rig):
    lifeboat, layer = Lifeboat(rig), content.LargeBlob(GIB)
    answer = lifeboat.client.push_stream("team/large", layer.digest, layer.size, layer.pieces())
    check_equal(answer.status, 201, "status of the push")
    check_equal(lifeboat.client.blob_digest("team/large", layer.digest), (200, layer.digest, GIB), "what comes back")


main()
