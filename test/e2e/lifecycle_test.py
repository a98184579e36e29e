"""What an operator does to a running Lifeboat: probe it, measure it, reload it, renew its certificate, stop it."""
import http.client
import shutil
import signal
import socket
import ssl

import content
from imposter import Imposter
from parts import HOST, Certificate, Endpoint, Lifeboat, Upstream
from rig import check, check_equal, eventually, listens, main, scenario
from wire_client import RegistryClient, digest_of

MIB = 1 << 20


@scenario
def probes_answer_and_do_not_depend_on_upstreams(rig):
    upstream = Imposter(rig)
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(upstream.url)])])
    for state in ("there", "gone"):
        for probe in ("/healthz", "/livez", "/readyz"):
            check_equal(lifeboat.client.get(probe).status, 200, f"status of {probe} while the upstream is {state}")
        upstream.stop()
    check_equal(upstream.requests, [], "requests that probes caused")


@scenario
def metrics_are_what_prometheus_reads(rig):
    upstream, pushed = Imposter(rig), content.single_platform("metrics")
    upstream.hold(pushed, "team/app", "1")
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(upstream.url)])])
    pushed.push(lifeboat.client, "own/app", "1")
    check_equal(pushed.faults_at(lifeboat.client, f"{HOST}/team/app", "1"), [], "what is pulled through")
    lifeboat.client.get("/v2/none/tags/list")
    answer = lifeboat.client.get("/metrics")
    check_equal(answer.status, 200, "status of /metrics")
    done = rig.attempt("promtool", "check", "metrics", stdin=answer.body)
    check_equal((done.returncode, done.stderr.decode()), (0, ""), "what promtool says")
    text = answer.body.decode()
    check("lifeboat_" in text, "no metric of Lifeboat's own")
    check("own/app" not in text and pushed.root.digest not in text, "a label names a repository or a digest")


@scenario
def a_stop_lets_requests_finish(rig):
    lifeboat, blob = Lifeboat(rig), content.LargeBlob(96 * MIB)
    check_equal(lifeboat.client.push_stream("team/large", blob.digest, blob.size, blob.pieces()).status, 201, "the push")
    connection = http.client.HTTPConnection("127.0.0.1", lifeboat.port, timeout=30)
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.request("GET", f"/v2/team/large/blobs/{blob.digest}")
    answer = connection.getresponse()
    first = answer.read(MIB)
    idle = socket.create_connection(("127.0.0.1", lifeboat.port), 10)

    lifeboat.part.signal(signal.SIGTERM)
    eventually(lambda: not listens(lifeboat.port)(), "no new connections are taken")
    check(lifeboat.part.is_running(), "it left while a client was reading")
    check_equal(digest_of(first + answer.read()), blob.digest, "what the client got")
    check_equal(lifeboat.part.process.wait(10), 0, "exit status")
    idle.close()


@scenario
def a_stop_cuts_a_client_that_does_not_read(rig):
    lifeboat, blob = Lifeboat(rig, server='grace = "1s"'), content.LargeBlob(64 * MIB)
    check_equal(lifeboat.client.push_stream("team/large", blob.digest, blob.size, blob.pieces()).status, 201, "the push")
    with socket.create_connection(("127.0.0.1", lifeboat.port), 10) as connection:
        connection.sendall(f"GET /v2/team/large/blobs/{blob.digest} HTTP/1.1\r\nHost: registry\r\n\r\n".encode())
        check(connection.recv(1000).startswith(b"HTTP/1.1 200"), "the answer did not begin")
        lifeboat.part.signal(signal.SIGTERM)
        check_equal(lifeboat.part.process.wait(10), 0, "exit status")


@scenario
def a_stop_does_not_wait_for_a_stalled_upstream(rig):
    upstream, blob = Imposter(rig, bytes_per_second=10_000), content.LargeBlob(4 * MIB)  # a piece, then long nothing
    upstream.hold_blob(blob, "team/slow")
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(upstream.url)])], server='grace = "1s"')
    connection = http.client.HTTPConnection("127.0.0.1", lifeboat.port, timeout=30)
    connection.request("GET", f"/v2/{HOST}/team/slow/blobs/{blob.digest}")
    answer = connection.getresponse()
    check_equal((answer.status, len(answer.read(1000))), (200, 1000), "status and first bytes")
    lifeboat.part.signal(signal.SIGTERM)
    check_equal(lifeboat.part.process.wait(10), 0, "exit status")
    try:
        answer.read()
        check(False, "the cut answer looked complete")
    except (http.client.IncompleteRead, OSError):
        pass


@scenario
def a_stop_without_requests_is_at_once(rig):
    lifeboat, pushed = Lifeboat(rig), content.single_platform("stopped")
    pushed.push(lifeboat.client, "team/app", "1")
    check_equal(lifeboat.part.stop(3), 0, "exit status")
    lifeboat.start()
    check_equal(pushed.faults_at(lifeboat.client, "team/app", "1"), [], "what is held after the restart")
    lifeboat.part.signal(signal.SIGINT)
    check_equal(lifeboat.part.process.wait(3), 0, "exit status after SIGINT")


@scenario
def a_reload_takes_up_a_new_upstream(rig):
    upstream, pushed = Imposter(rig), content.single_platform("reload")
    upstream.hold(pushed, "team/app", "1")
    lifeboat = Lifeboat(rig, server="builtin_upstreams = false")
    held = content.single_platform("held")
    held.push(lifeboat.client, "own/app", "1")
    check_equal(lifeboat.client.manifest(f"{HOST}/team/app", "1").status, 404, "status before the upstream is known")
    lifeboat.upstreams = [Upstream([Endpoint(upstream.url)])]
    lifeboat.write_config()
    lifeboat.part.signal(signal.SIGHUP)
    eventually(lambda: lifeboat.client.manifest(f"{HOST}/team/app", "1").status == 200, "the new upstream is asked")
    check_equal(held.faults_at(lifeboat.client, "own/app", "1"), [], "what was held before the reload")


@scenario
def a_reload_with_a_mistake_changes_nothing_and_says_where(rig):
    upstream, pushed = Imposter(rig), content.single_platform("mistake")
    upstream.hold(pushed, "team/app", "1")
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(upstream.url)])])
    good = lifeboat.config.read_text()
    lifeboat.config.write_text(good.replace("fresh_for", "fresh_fro"))
    line = next(n for n, text in enumerate(good.splitlines(), 1) if "fresh_for" in text)
    lifeboat.part.signal(signal.SIGHUP)
    eventually(lambda: f"{lifeboat.config.name}:{line}" in lifeboat.part.text(), "the log names file and line")
    check("fresh_for" in lifeboat.part.text(), "the log does not suggest the right key")
    check_equal(pushed.faults_at(lifeboat.client, f"{HOST}/team/app", "1"), [], "what the old configuration serves")

    lifeboat.stop()
    done = rig.attempt(*lifeboat.command(), seconds=10)
    check(done.returncode > 0, f"it started with a mistake in its configuration ({done.returncode})")
    check(f"{lifeboat.config.name}:{line}" in done.stderr.decode(), f"no file and line: {done.stderr!r}")


@scenario
def a_renewed_certificate_is_taken_up_without_a_restart(rig):
    old, new = Certificate(rig, "old"), Certificate(rig, "new")
    lifeboat, pushed = Lifeboat(rig, tls=old), content.single_platform("tls")
    pushed.push(lifeboat.client, "team/app", "1")
    renewed = RegistryClient(lifeboat.port, tls=new.client_context())
    try:
        renewed.get("/v2/")
        check(False, "the new certificate was served before there was one")
    except ssl.SSLCertVerificationError:
        pass
    shutil.copyfile(new.certificate, old.certificate)
    shutil.copyfile(new.key, old.key)
    lifeboat.part.signal(signal.SIGHUP)
    eventually(renewed.is_live, "the new certificate is served")
    check_equal(pushed.faults_at(renewed, "team/app", "1"), [], "what is served under the new certificate")

    old.key.write_text("no key at all")
    lifeboat.part.signal(signal.SIGHUP)
    eventually(lambda: "cannot" in lifeboat.part.text(), "the log says what is wrong with the key")
    check_equal(renewed.get("/v2/").status, 200, "status after a reload that could not work")


@scenario
def requests_sent_ahead_over_tls_are_all_answered(rig):
    certificate = Certificate(rig, "ahead")
    lifeboat = Lifeboat(rig, tls=certificate)
    # More than one receive takes, and no multiple of a TLS record.
    request, count = b"GET /v2/none/tags/list HTTP/1.1\r\nHost: registry\r\nX-Padding: " + b"p" * 600 + b"\r\n\r\n", 150
    with socket.create_connection(("127.0.0.1", lifeboat.port), 10) as plain:
        with certificate.client_context().wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(request * count)
            received = b""
            while received.count(b"HTTP/1.1 404") < count:
                piece = connection.recv(1 << 16)
                check(piece != b"", f"the connection ended after {received.count(b'HTTP/1.1 404')} of {count} answers")
                received += piece


main()
