"""Upstreams as they are in the field: plain, behind TLS with Basic, with a token server, and several addresses of one."""
import content
from parts import HOST, Certificate, Lifeboat, Upstream, UpstreamRegistry
from rig import check, check_equal, main, scenario
from token_server import PASSWORD, USER, TokenServer
from wire_client import digest_of

NAME = f"{HOST}/team/app"


def fill(rig, upstream: UpstreamRegistry) -> content.Content:
    """Pushes through a second, open registry over the same data."""
    back_door = UpstreamRegistry(rig, name="upstream")  # the same folder
    pushed = content.multi_platform("modes", with_packages=False)
    pushed.push(back_door.client, "team/app", "1")
    back_door.part.stop()
    return pushed


@scenario
def a_plain_upstream(rig):
    upstream = UpstreamRegistry(rig)
    pushed = fill(rig, upstream)
    lifeboat = Lifeboat(rig, [Upstream([upstream.endpoint()])])
    check_equal(pushed.faults_at(lifeboat.client, NAME, "1"), [], "what is pulled through")
    check_equal(lifeboat.client.get(f"/v2/{NAME}/manifests/none").status, 404, "status of what the upstream has not")


@scenario
def an_upstream_behind_tls_that_wants_a_password(rig):
    certificate = Certificate(rig)
    entry = rig.run("htpasswd", "-nbB", "-C", "4", USER, PASSWORD).strip()
    passwords = rig.file("htpasswd", entry + "\n")
    auth = f"auth:\n  htpasswd:\n    realm: e2e\n    path: {passwords}\n"
    upstream = UpstreamRegistry(rig, tls=certificate, auth=auth)
    pushed = fill(rig, upstream)
    secret = rig.file("password", PASSWORD + "\n")
    endpoint = upstream.endpoint(username=USER, password_file=str(secret), ca_file=str(certificate.certificate))
    lifeboat = Lifeboat(rig, [Upstream([endpoint])])
    check_equal(pushed.faults_at(lifeboat.client, NAME, "1"), [], "what is pulled through")

    stranger = Lifeboat(rig, [Upstream([upstream.endpoint(ca_file=str(certificate.certificate))])], name="no-password")
    answer = stranger.client.manifest(NAME, "1")
    check_equal(answer.status, 503, "status without the password")
    check(not answer.header("WWW-Authenticate"), "the upstream's challenge was handed on to the client")
    untrusting = Lifeboat(rig, [Upstream([upstream.endpoint()])], name="no-authority")
    check_equal(untrusting.client.manifest(NAME, "1").status, 503, "status without the authority")
    for part in (lifeboat, stranger, untrusting):
        check(PASSWORD not in part.part.text(), f"the password stands in the log of {part.name}")


@scenario
def an_upstream_with_a_token_server(rig):
    tokens = TokenServer(rig)
    upstream = UpstreamRegistry(rig, auth=tokens.registry_auth())
    pushed = fill(rig, upstream)
    secret = rig.file("password", PASSWORD)
    lifeboat = Lifeboat(rig, [Upstream([upstream.endpoint(username=USER, password_file=str(secret))])])
    check_equal(pushed.faults_at(lifeboat.client, NAME, "1"), [], "what is pulled through")
    asked = [question for question in tokens.asked if "scope" in question]  # the check of the login asks without
    check(asked, "nobody asked the token server")
    check(all(question["scope"] == ["repository:team/app:pull"] for question in asked),
          f"a token was asked for with another scope: {asked}")
    check(len(asked) <= 2, f"{len(asked)} tokens were fetched for one repository")


@scenario
def the_next_endpoint_takes_over(rig):
    dead_port = rig.port()
    upstream = UpstreamRegistry(rig)
    pushed = fill(rig, upstream)
    dead = upstream.endpoint()
    dead.url = f"http://127.0.0.1:{dead_port}"
    lifeboat = Lifeboat(rig, [Upstream([dead, upstream.endpoint()])])
    answer = lifeboat.client.manifest(NAME, "1")
    check_equal((answer.status, digest_of(answer.body)), (200, pushed.root.digest), "the manifest by the second endpoint")
    check_equal(pushed.faults_at(lifeboat.client, NAME, "1"), [], "what is pulled through the second endpoint")


main()
