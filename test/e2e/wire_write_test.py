"""What goes over the wire when something is written: WIRE criteria W3–W5, W34–W46, W48–W50, W68–W70."""
import json
import re
import socket

import content
from rig import check, check_equal, main, scenario
from rows import Wire, row, run_rows, wire_of
from wire_client import RawAnswer, digest_of, read_answer

NAME = "/v2/team/app"
UPLOADS = f"{NAME}/blobs/uploads/"
CONTENT = b"thirty bytes of nothing at all"
DIGEST = digest_of(CONTENT)
OTHER = digest_of(b"other")


def codes(answer: RawAnswer) -> list[str]:
    return [error["code"] for error in json.loads(answer.body)["errors"]]


def begin(wire: Wire) -> str:
    answer = wire.send("POST", UPLOADS)
    check_equal(answer.status, 202, "status of the new session")
    return answer.headers["location"]


def with_digest(location: str, digest: str) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"


def patch(wire: Wire, location: str, body: bytes, content_range: str = "") -> RawAnswer:
    fields = {"Content-Type": "application/octet-stream"}
    if content_range:
        fields["Content-Range"] = content_range
    return wire.send("PATCH", location, fields, body)


@row
def w3_chunked_bodies_with_extensions_and_trailers(wire: Wire):
    location = begin(wire)
    answer = wire.send("PATCH", location, {"Transfer-Encoding": "chunked", "Trailer": "X-Sum"},
                       b"a;name=value\r\n" + CONTENT[:10] + b"\r\n14\r\n" + CONTENT[10:] + b"\r\n0\r\nX-Sum: 1\r\n\r\n")
    check_equal((answer.status, answer.headers["range"]), (202, "0-29"), "the chunked PATCH")
    check_equal(wire.send("PUT", with_digest(answer.headers["location"], DIGEST)).status, 201, "status of the end")


@row
def w4_continue_comes_after_the_decision(wire: Wire):
    with socket.create_connection(("127.0.0.1", wire.port), 10) as connection:
        connection.sendall(f"PATCH {begin(wire)} HTTP/1.1\r\nHost: r\r\nContent-Length: 30\r\n"
                           "Expect: 100-continue\r\n\r\n".encode())
        check_equal(read_answer(connection).status, 100, "the word to go on")
        connection.sendall(CONTENT)
        check_equal(read_answer(connection).status, 202, "the final status")


@row
def w4_a_refusal_needs_no_body(wire: Wire):
    with socket.create_connection(("127.0.0.1", wire.port), 10) as connection:
        connection.sendall(f"PATCH {UPLOADS}no-such-session HTTP/1.1\r\nHost: r\r\nContent-Length: 1000000\r\n"
                           "Expect: 100-continue\r\n\r\n".encode())
        check_equal(read_answer(connection).status, 404, "status before any body")


@row
def w5_a_refusal_is_read_even_when_the_body_was_sent(wire: Wire):
    answer = wire.send("PATCH", f"{UPLOADS}no-such-session", body=bytes(4 << 20))
    check_equal(answer.status, 404, "status after four MiB that nobody wanted")


@row
def w34_a_new_session(wire: Wire):
    answer = wire.send("POST", UPLOADS, {"Content-Type": "application/json"})
    check_equal(answer.status, 202, "status")
    check_equal(answer.headers.get("range"), "0-0", "Range")
    check_equal(answer.headers.get("content-length"), "0", "Content-Length")
    check(answer.headers.get("docker-upload-uuid"), "no Docker-Upload-UUID")


@row
def w35_the_location_is_a_path(wire: Wire):
    answer = wire.send("POST", UPLOADS)
    location, identity = answer.headers["location"], answer.headers["docker-upload-uuid"]
    check(location.startswith(UPLOADS), f"Location: {location}")
    check(identity in location.split("?")[0], f"the session's id is not in the path of {location}")


@row
def w35_the_digest_may_come_first_or_last_in_the_query(wire: Wire):
    for front in (True, False):
        answer = patch(wire, begin(wire), CONTENT)
        path, _, query = answer.headers["location"].partition("?")
        extra = "origin=somewhere"
        parts = [f"digest={DIGEST}", *([query] if query else []), extra]
        answer = wire.send("PUT", path + "?" + "&".join(parts if front else reversed(parts)))
        check_equal(answer.status, 201, f"status with the digest {'first' if front else 'last'}")


@row
def w36_a_patch_without_a_range_appends(wire: Wire):
    answer = patch(wire, begin(wire), CONTENT[:10])
    check_equal((answer.status, answer.headers["range"]), (202, "0-9"), "the first PATCH")
    answer = patch(wire, answer.headers["location"], CONTENT[10:])
    check_equal((answer.status, answer.headers["range"]), (202, "0-29"), "the second PATCH")
    check_equal(wire.send("PUT", with_digest(answer.headers["location"], DIGEST)).status, 201, "status of the end")


@row
def w36_ranges_of_patches(wire: Wire):
    location = patch(wire, begin(wire), CONTENT[:10], "0-9").headers["location"]
    answer = patch(wire, location, CONTENT[20:], "20-29")
    check_equal(answer.status, 416, "status of a chunk out of order")
    for name in ("location", "range", "docker-upload-uuid"):
        check(answer.headers.get(name), f"the 416 has no {name}")
    answer = patch(wire, location, CONTENT[10:], "10-30")
    check_equal((answer.status, codes(answer)), (400, ["SIZE_INVALID"]), "a range that is longer than its body")
    answer = patch(wire, location, CONTENT[10:], "bytes 10-29/*")
    check_equal((answer.status, answer.headers["range"]), (202, "0-29"), "a range as RFC 9110 writes it")
    check_equal(wire.send("PUT", with_digest(answer.headers["location"], DIGEST)).status, 201, "status of the end")


@row
def w37_w38_the_state_of_a_session(wire: Wire):
    location = begin(wire)
    answer = wire.send("GET", location)
    check_equal((answer.status, answer.headers["range"]), (204, "0-0"), "a session with nothing")
    location = patch(wire, location, CONTENT[:10]).headers["location"]
    answer = wire.send("GET", location)
    check_equal((answer.status, answer.headers["range"]), (204, "0-9"), "a session with ten bytes")
    check(answer.headers.get("location"), "the state has no Location")
    check("content-length" not in answer.headers, "a 204 with a Content-Length")


@row
def w39_the_end_of_a_session(wire: Wire):
    location = patch(wire, begin(wire), CONTENT[:10]).headers["location"]
    for bad in (location, with_digest(location, "sha256:xyz")):
        answer = wire.send("PUT", bad)
        check_equal((answer.status, codes(answer)), (400, ["DIGEST_INVALID"]), f"PUT {bad[-20:]}")
    answer = wire.send("PUT", with_digest(location, DIGEST), {"Content-Range": "5-24"}, CONTENT[10:])
    check_equal(answer.status, 416, "status of a final PUT out of order")
    answer = wire.send("PUT", with_digest(location, DIGEST), {"Content-Range": "10-29"}, CONTENT[10:])
    check_equal((answer.status, answer.headers["docker-content-digest"]), (201, DIGEST), "the end")
    check_equal(wire.send("GET", answer.headers["location"]).body, CONTENT, "what the Location gives")
    check_equal(wire.send("GET", location).status, 404, "status of the finished session")


@row
def w39_a_wrong_digest_closes_the_session(wire: Wire):
    location = patch(wire, begin(wire), CONTENT).headers["location"]
    answer = wire.send("PUT", with_digest(location, OTHER))
    check_equal((answer.status, codes(answer)), (400, ["DIGEST_INVALID"]), "the wrong digest")
    check_equal(wire.send("GET", location).status, 404, "status of the session afterwards")
    check_equal(wire.send("GET", f"{NAME}/blobs/{OTHER}").status, 404, "status of the blob that is not")


@row
def w40_a_commit_may_be_repeated(wire: Wire):
    location = patch(wire, begin(wire), CONTENT).headers["location"]
    for attempt in ("first", "second", "third"):
        check_equal(wire.send("PUT", with_digest(location, DIGEST)).status, 201, f"status of the {attempt} commit")


@row
def w42_two_uploads_of_one_digest(wire: Wire):
    first, second = (patch(wire, begin(wire), CONTENT).headers["location"] for _ in range(2))
    for location in (first, second):
        check_equal(wire.send("PUT", with_digest(location, DIGEST)).status, 201, "status of the commit")


@row
def w44_a_session_can_be_given_up(wire: Wire):
    location = begin(wire)
    check_equal(wire.send("DELETE", location).status, 204, "status of the DELETE")
    check_equal(wire.send("GET", location).status, 404, "status of the session afterwards")
    check_equal(wire.send("DELETE", location).status, 404, "status of the second DELETE")


@row
def w45_a_session_belongs_to_its_repository(wire: Wire):
    location = begin(wire).replace("/team/app/", "/team/other/")
    check_equal(wire.send("GET", location).status, 404, "status under another repository")


@row
def w46_one_post_with_everything(wire: Wire):
    answer = wire.send("POST", f"{UPLOADS}?digest={DIGEST}", body=CONTENT)
    check_equal((answer.status, answer.headers["docker-content-digest"]), (201, DIGEST), "a single POST")
    answer = wire.send("POST", f"{UPLOADS}?digest={OTHER}", body=CONTENT)
    check_equal((answer.status, codes(answer)), (400, ["DIGEST_INVALID"]), "a single POST with a wrong digest")
    answer = wire.send("POST", f"{UPLOADS}?digest={DIGEST}")
    check(answer.status == 202 and answer.headers.get("location"), f"a POST whose body comes later: {answer.status}")


@row
def w46_a_blob_of_no_bytes(wire: Wire):
    empty = digest_of(b"")
    check_equal(wire.send("PUT", with_digest(begin(wire), empty)).status, 201, "status by PUT")
    check_equal(wire.send("POST", f"{UPLOADS}?digest={empty}").status, 201, "status by a single POST")
    answer = wire.send("GET", f"{NAME}/blobs/{empty}")
    check_equal((answer.status, answer.body), (200, b""), "what comes back")


@row
def w48_a_mount_that_works(wire: Wire):
    answer = wire.send("POST", f"/v2/team/mounted/blobs/uploads/?mount={wire.names['blob']}&from=team/app&origin=x&ns=y")
    check_equal(answer.status, 201, "status")
    check_equal(answer.headers["docker-content-digest"], wire.names["blob"], "digest")
    check_equal(wire.send("GET", answer.headers["location"]).status, 200, "status of what was mounted")


@row
def w48_w49_every_other_mount_is_a_session(wire: Wire):
    for query in (f"?mount={OTHER}&from=team/app", f"?mount={wire.names['blob']}&from=no/such", f"?mount={OTHER}"):
        answer = wire.send("POST", "/v2/team/unmounted/blobs/uploads/" + query)
        check(answer.status == 202 and answer.headers.get("location"), f"mount {query}: {answer.status}")


@row
def w50_a_malformed_mount_is_refused(wire: Wire):
    answer = wire.send("POST", f"{UPLOADS}?mount=sha256:xyz&from=team/app")
    check_equal((answer.status, codes(answer)), (400, ["DIGEST_INVALID"]), "a malformed digest")


@row
def w68_deletes_by_tag_and_by_digest(wire: Wire):
    pushed, client = content.single_platform("deleted"), wire.lifeboat.client
    for tag in ("one", "two"):
        pushed.push(client, "team/deleted", tag)
    path = "/v2/team/deleted/manifests/"
    check_equal(wire.send("DELETE", path + "one").status, 202, "status of a delete by tag")
    check_equal(wire.send("GET", path + "one").status, 404, "status of the deleted tag")
    check_equal(wire.send("GET", path + "two").status, 200, "status of the other tag")
    check_equal(wire.send("DELETE", path + pushed.root.digest).status, 202, "status of a delete by digest")
    for gone in ("two", pushed.root.digest):
        check_equal(wire.send("GET", path + gone).status, 404, f"status of '{gone}' afterwards")
    for absent in ("two", pushed.root.digest):
        check_equal(wire.send("DELETE", path + absent).status, 404, f"status of deleting '{absent}' again")


@row
def w68_a_deleted_artifact_is_no_referrer_any_more(wire: Wire):
    subject, client = content.single_platform("subject"), wire.lifeboat.client
    signature = content.artifact(subject.root)
    for pushed in (subject, signature):
        pushed.push(client, "team/signed", pushed.root.digest)
    path = f"/v2/team/signed/referrers/{subject.root.digest}"
    check_equal(len(json.loads(wire.send("GET", path).body)["manifests"]), 1, "referrers before")
    check_equal(wire.send("DELETE", f"/v2/team/signed/manifests/{signature.root.digest}").status, 202, "status")
    check_equal(len(json.loads(wire.send("GET", path).body)["manifests"]), 0, "referrers afterwards")


@row
def w70_a_blob_in_use_stays(wire: Wire):
    answer = wire.send("DELETE", f"{NAME}/blobs/{wire.names['blob']}")
    check_equal((answer.status, codes(answer)), (405, ["UNSUPPORTED"]), "the delete of a blob in use")
    check(wire.names["root"] in answer.body.decode(), f"the answer names no manifest: {answer.body!r}")
    check_equal(wire.send("GET", f"{NAME}/blobs/{wire.names['blob']}").status, 200, "status of the blob")


@row
def w70_an_unused_blob_goes_from_its_repository_only(wire: Wire):
    client = wire.lifeboat.client
    for repository in ("team/here", "team/there"):
        check_equal(client.push_blob(repository, b"shared bytes").status, 201, "status of the push")
    digest = digest_of(b"shared bytes")
    check_equal(wire.send("DELETE", f"/v2/team/here/blobs/{digest}").status, 202, "status of the delete")
    check_equal(wire.send("GET", f"/v2/team/here/blobs/{digest}").status, 404, "status where it was deleted")
    check_equal(wire.send("GET", f"/v2/team/there/blobs/{digest}").body, b"shared bytes", "the other repository's")


@scenario
def the_write_side_of_the_wire(rig):
    wire, pushed = wire_of(rig, {}, server="builtin_upstreams = false"), content.single_platform("wire")
    pushed.push(wire.lifeboat.client, "team/app", "1")
    wire.names.update(root=pushed.root.digest, blob=next(iter(pushed.blobs)))
    run_rows(wire)


@scenario
def w69_deletes_that_are_switched_off_are_refused_alike(rig):
    wire = wire_of(rig, {}, server="builtin_upstreams = false",
                   storage="delete_enabled = false")
    pushed = content.single_platform("kept")
    pushed.push(wire.lifeboat.client, "team/app", "1")
    for path in ("manifests/1", f"manifests/{pushed.root.digest}", f"blobs/{next(iter(pushed.blobs))}"):
        answer = wire.send("DELETE", f"{NAME}/{path}")
        check_equal((answer.status, codes(answer)), (405, ["UNSUPPORTED"]), f"DELETE {path}")
    check_equal(pushed.faults_at(wire.lifeboat.client, "team/app", "1"), [], "what is held")
    check(re.search("GET", wire.send("DELETE", f"{NAME}/manifests/1").headers.get("allow", "")), "no Allow")


main()
