"""What goes over the wire when something is read, byte by byte: WIRE criteria W1–W8, W15–W19, W24, W25, W60–W64, W83."""
import json
import socket

import content
from rig import check, check_equal, main, scenario
from rows import Wire, row, run_rows, wire_of
from wire_client import INDEX, RawAnswer, digest_of, exchange, read_answer

BLOB = bytes(range(256)) * 40
DIGEST = digest_of(BLOB)
PATH = f"/v2/team/app/blobs/{DIGEST}"
NEVER = "sha256:" + "0" * 63 + "1"


def check_error(answer: RawAnswer, status: int, code: str) -> None:
    check_equal(answer.status, status, "status")
    check_equal(answer.headers.get("content-type", "").split(";")[0], "application/json", "Content-Type of the error")
    check_equal([e["code"] for e in json.loads(answer.body)["errors"]], [code], "codes of the error")


@row
def w1_a_connection_serves_one_request_after_the_other(wire: Wire):
    with socket.create_connection(("127.0.0.1", wire.port), 10) as connection:
        for _ in range(3):
            connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: r\r\n\r\n")
            check_equal(read_answer(connection).status, 200, "status")


@row
def w1_requests_sent_ahead_are_answered_in_order(wire: Wire):
    with socket.create_connection(("127.0.0.1", wire.port), 10) as connection:
        connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: r\r\n\r\nGET /v2/none/tags/list HTTP/1.1\r\nHost: r\r\n"
                           b"Connection: close\r\n\r\n")
        received = b""
        while piece := connection.recv(65536):
            received += piece
    statuses = [line.split()[1] for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    # An error document ends without a line break, so the second status line may share its line with a body.
    check_equal(received.count(b"HTTP/1.1 "), 2, f"answers (statuses {statuses})")
    check(received.find(b"HTTP/1.1 200") < received.find(b"HTTP/1.1 404"), f"the order of the answers: {received!r}")


@row
def w1_close_is_honoured(wire: Wire):
    with socket.create_connection(("127.0.0.1", wire.port), 10) as connection:
        connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n")
        check_equal(read_answer(connection).status, 200, "status")
        connection.settimeout(5)
        check_equal(connection.recv(1), b"", "what follows the answer")


@row
def w2_a_tls_hello_is_answered_or_closed_at_once(wire: Wire):
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(194)
    with socket.create_connection(("127.0.0.1", wire.port), 10) as connection:
        connection.settimeout(3)
        connection.sendall(hello)
        try:
            first = connection.recv(4096)
        except ConnectionResetError:
            first = b""
        check(first == b"" or first.startswith(b"HTTP/1.1 400"), f"answer to a TLS hello: {first!r}")


@row
def w3_both_length_and_chunks_are_refused_and_closed(wire: Wire):
    answer = exchange(wire.port, b"POST /v2/team/app/blobs/uploads/ HTTP/1.1\r\nHost: r\r\nContent-Length: 5\r\n"
                                 b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    check_equal((answer.status, answer.closed), (400, True), "status and whether it closed")


@row
def w6_no_content_encoding_whatever_is_accepted(wire: Wire):
    for path in ("/v2/", PATH, "/v2/team/app/manifests/1", "/v2/team/app/tags/list"):
        answer = wire.send("GET", path, {"Accept-Encoding": "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5"})
        check_equal((answer.status, answer.headers.get("content-encoding")), (200, None), f"encoding of {path}")


@row
def w7_head_says_the_length_of_get(wire: Wire):
    for path in (PATH, "/v2/team/app/manifests/1", f"/v2/team/app/manifests/{wire.names['root']}"):
        head, get = wire.send("HEAD", path), wire.send("GET", path)
        check_equal(head.headers["content-length"], str(len(get.body)), f"Content-Length of HEAD {path}")
        for name in ("docker-content-digest", "content-type", "etag"):
            check_equal(head.headers.get(name), get.headers.get(name), f"{name} of HEAD and GET {path}")


@row
def w8_every_answer_names_the_api_and_forbids_sniffing(wire: Wire):
    for path in ("/v2/", PATH, f"/v2/team/app/blobs/{NEVER}", "/v2/none/tags/list", "/v2/team/app/tags/list"):
        answer = wire.send("GET", path)
        check_equal(answer.headers.get("docker-distribution-api-version"), "registry/2.0", f"API version of {path}")
        check_equal(answer.headers.get("x-content-type-options"), "nosniff", f"X-Content-Type-Options of {path}")


@row
def w15_a_repository_may_have_components_called_like_endpoints(wire: Wire):
    for repository in ("a/blobs/uploads/b", "tags/list", "manifests/manifests", "blobs"):
        pushed = content.single_platform(repository)
        pushed.push(wire.lifeboat.client, repository, "1")
        check_equal(pushed.faults_at(wire.lifeboat.client, repository, "1"), [], f"content of '{repository}'")


@row
def w16_a_path_is_decoded_once(wire: Wire):
    check_equal(wire.send("GET", PATH.replace(":", "%3A")).status, 200, "status of an encoded colon")
    for path in ("/v2/team/%2e%2e/app/tags/list", "/v2/team%00/tags/list", "/v2/team%252Fapp/tags/list"):
        answer = wire.send("GET", path)
        check(answer.status in (400, 404), f"status of {path}: {answer.status}")
        check(json.loads(answer.body)["errors"], f"{path} has no error document")


@row
def w17_no_redirect_for_a_missing_slash(wire: Wire):
    check_equal(wire.send("GET", "/v2").status, 200, "status of /v2")
    check_equal(wire.send("POST", "/v2/team/app/blobs/uploads").status, 202, "status of uploads without a slash")


@row
def w18_an_empty_component_is_not_found(wire: Wire):
    for path in ("/v2//team/app/tags/list", "/v2/team//app/tags/list", f"/v2/team/app//blobs/{DIGEST}"):
        answer = wire.send("GET", path)
        check_equal(answer.status, 404, f"status of {path}")
        check(json.loads(answer.body)["errors"], f"{path} has no error document")


@row
def w19_errors_of_grammar_are_documents(wire: Wire):
    check_error(wire.send("GET", "/v2/team/app/blobs/sha256:xyz"), 400, "DIGEST_INVALID")
    check_error(wire.send("PUT", "/v2/team/app/manifests/sha256:xyz", body=b"{}"), 400, "DIGEST_INVALID")
    check(wire.send("GET", "/v2/team/app/manifests/sha256:xyz").status in (400, 404), "status of a malformed digest")
    check_error(wire.send("POST", "/v2/Team/app/blobs/uploads/"), 400, "NAME_INVALID")


RANGES = {
    "first and last": ("bytes=10-19", 206, BLOB[10:20], "bytes 10-19/10240"),
    "open end": ("bytes=10000-", 206, BLOB[10000:], "bytes 10000-10239/10240"),
    "from the start": ("bytes=0-", 206, BLOB, "bytes 0-10239/10240"),
    "suffix": ("bytes=-5", 206, BLOB[-5:], "bytes 10235-10239/10240"),
    "suffix longer than the blob": ("bytes=-99999", 206, BLOB, "bytes 0-10239/10240"),
    "end beyond the blob": ("bytes=10230-99999", 206, BLOB[10230:], "bytes 10230-10239/10240"),
    "start beyond the blob": ("bytes=10240-", 416, None, "bytes */10240"),
    "several ranges": ("bytes=0-1,5-6", 200, BLOB, None),
    "another unit": ("lines=1-2", 200, BLOB, None),
}


@row
def w24_ranges(wire: Wire):
    for name, (sent, status, body, content_range) in RANGES.items():
        answer = wire.send("GET", PATH, {"Range": sent})
        check_equal((answer.status, answer.headers.get("content-range")), (status, content_range), f"{name} ({sent})")
        check(body is None or answer.body == body, f"{name} ({sent}): other bytes")
        check_equal(int(answer.headers["content-length"]), len(answer.body), f"Content-Length of {name}")


@row
def w24_a_backward_range_is_not_satisfied(wire: Wire):
    answer = wire.send("GET", PATH, {"Range": "bytes=500-0"})
    check(answer.status in (200, 416), f"status: {answer.status}")
    check(answer.status == 416 or answer.body == BLOB, "a 200 that is not whole")


@row
def w25_conditions(wire: Wire):
    for sent in (f'"{DIGEST}"', DIGEST, f'W/"{DIGEST}"', f'"other", "{DIGEST}"', "*"):
        answer = wire.send("GET", PATH, {"If-None-Match": sent})
        check_equal(answer.status, 304, f"status of If-None-Match: {sent}")
        check(answer.headers.get("etag"), f"no ETag in the 304 of {sent}")
    check_equal(wire.send("GET", PATH, {"If-None-Match": '"other"'}).status, 200, "status of another ETag")
    partly = wire.send("GET", PATH, {"Range": "bytes=1-2", "If-Range": f'"{DIGEST}"'})
    check_equal((partly.status, partly.body), (206, BLOB[1:3]), "If-Range that matches")
    whole = wire.send("GET", PATH, {"Range": "bytes=1-2", "If-Range": '"other"'})
    check_equal((whole.status, len(whole.body)), (200, len(BLOB)), "If-Range that does not match")


@row
def w60_tags_are_never_null(wire: Wire):
    tags = lambda path: json.loads(wire.send("GET", path).body)  # noqa: E731
    check_equal(tags("/v2/team/app/tags/list"), {"name": "team/app", "tags": ["1", "A", "_x", "b"]}, "the tags")
    check_equal(tags("/v2/team/app/tags/list?last=zzz")["tags"], [], "tags after the last one")
    check_equal(tags("/v2/untagged/app/tags/list")["tags"], [], "tags of a repository without any")
    check_error(wire.send("GET", "/v2/none/tags/list"), 404, "NAME_UNKNOWN")


@row
def w61_pages_of_tags(wire: Wire):
    rows = {"?n=2": ["1", "A"], "?n=2&last=A": ["_x", "b"], "?last=A": ["_x", "b"], "?last=B": ["_x", "b"],
            "?n=0": [], "?n=10000": ["1", "A", "_x", "b"]}
    for query, want in rows.items():
        answer = wire.send("GET", "/v2/team/app/tags/list" + query)
        check_equal((answer.status, json.loads(answer.body)["tags"]), (200, want), f"tags{query}")
    for query in ("?n=-1", "?n=many"):
        check_equal(wire.send("GET", "/v2/team/app/tags/list" + query).status, 400, f"status of tags{query}")


@row
def w62_a_link_only_where_more_follows(wire: Wire):
    link = wire.send("GET", "/v2/team/app/tags/list?n=2").headers.get("link", "")
    check(link.startswith("</v2/team/app/tags/list?") and link.endswith('>; rel="next"'), f"the Link: {link!r}")
    following = wire.send("GET", link[1:link.index(">")])
    check_equal(json.loads(following.body)["tags"], ["_x", "b"], "tags behind the Link")
    check_equal(following.headers.get("link"), None, "the Link of a full last page")


@row
def w64_referrers_are_an_index_even_of_the_unknown(wire: Wire):
    for path in (f"/v2/team/app/referrers/{NEVER}", f"/v2/none/yet/referrers/{NEVER}"):
        answer = wire.send("GET", path)
        check_equal((answer.status, answer.headers["content-type"]), (200, INDEX), f"referrers at {path}")
        check_equal(json.loads(answer.body)["manifests"], [], f"referrers at {path}")
    check_equal(wire.send("GET", "/v2/team/app/referrers/sha256:xyz").status, 400, "status of a malformed subject")


@row
def w83_unknown_content_is_404_with_its_own_code(wire: Wire):
    check_error(wire.send("GET", f"/v2/team/app/blobs/{NEVER}"), 404, "BLOB_UNKNOWN")
    check_error(wire.send("GET", "/v2/team/app/manifests/none"), 404, "MANIFEST_UNKNOWN")
    check_error(wire.send("GET", "/v2/team/app/blobs/uploads/no-such-session"), 404, "BLOB_UPLOAD_UNKNOWN")


@row
def w83_a_blob_of_another_repository_is_unknown(wire: Wire):
    check_error(wire.send("GET", f"/v2/untagged/app/blobs/{DIGEST}"), 404, "BLOB_UNKNOWN")


@scenario
def the_read_side_of_the_wire(rig):
    wire, pushed = wire_of(rig, {}, server="builtin_upstreams = false"), content.single_platform("wire")
    client = wire.lifeboat.client
    check_equal(client.push_blob("team/app", BLOB).status, 201, "status of the blob's push")
    pushed.push(client, "team/app", "1")
    for tag in ("b", "_x", "A"):
        client.put_manifest("team/app", tag, pushed.root.body)
    pushed.push(client, "untagged/app", pushed.root.digest)
    wire.names["root"] = pushed.root.digest
    run_rows(wire)


main()
