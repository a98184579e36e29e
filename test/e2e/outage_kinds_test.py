"""Every way an upstream was seen to fail, while a tag and its closure are held and other names are not.

Promises 1 and 2: what is held is served right and at once, and an outage never looks like "not found".
"""
import content
from imposter import Imposter
from parts import HOST, Lifeboat, Upstream, Endpoint
from rig import check, check_equal, eventually, main, scenario
from wire_client import digest_of

NAME = f"{HOST}/team/app"
ANSWER_SECONDS_MAX = 2.5
NEVER = "sha256:" + "0" * 63 + "1"


def before(rig):
    """An upstream whose content is held, and whose tag is fresh for a second."""
    upstream, held = Imposter(rig), content.multi_platform("held", with_packages=False)
    upstream.hold(held, "team/app", "1")
    unheld = content.single_platform("not held")
    upstream.hold(unheld, "team/other", "1")
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(upstream.url)], fresh_for="1s")])
    check_equal(held.faults_at(lifeboat.client, NAME, "1"), [], "what is pulled through")
    return upstream, lifeboat, held, unheld


def quick(answer, what: str):
    check(answer.seconds <= ANSWER_SECONDS_MAX, f"{what} took {answer.seconds:.2f} s")
    return answer


def check_held(lifeboat: Lifeboat, held: content.Content) -> None:
    def is_stale():
        for method in ("HEAD", "GET"):
            answer = quick(lifeboat.client.manifest(NAME, "1", method), f"{method} of the held tag")
            check_equal(answer.status, 200, f"status of {method} of the held tag")
            check_equal(answer.header("Docker-Content-Digest"), held.root.digest, f"digest by {method} of the held tag")
        check_equal(digest_of(answer.body), held.root.digest, "digest of the bytes of the held tag")
        return answer if answer.header("X-Lifeboat-Stale") else None

    answer = eventually(is_stale, "the held tag is marked as stale", 6)
    check("110" in (answer.header("Warning") or ""), f"the stale tag has no Warning 110: {answer.headers}")
    check("age=" in answer.header("X-Lifeboat-Stale"), f"no age in '{answer.header('X-Lifeboat-Stale')}'")
    for document in held.documents:
        for method in ("HEAD", "GET"):
            answer = quick(lifeboat.client.manifest(NAME, document.digest, method), f"{method} of a held digest")
            check_equal((answer.status, answer.header("Docker-Content-Digest")), (200, document.digest), "a held digest")
        check_equal(digest_of(answer.body), document.digest, "digest of the bytes of a held manifest")
    for digest in held.blobs:
        answer = quick(lifeboat.client.blob(NAME, digest), "a held blob")
        check_equal((answer.status, digest_of(answer.body)), (200, digest), "a held blob")


def check_unheld(lifeboat: Lifeboat, unheld: content.Content, want: int) -> None:
    blob = next(iter(unheld.blobs))
    for path in ("team/other/manifests/1", f"team/other/manifests/{unheld.root.digest}", f"team/other/blobs/{blob}",
                 "team/app/manifests/2", f"team/app/manifests/{NEVER}"):
        for method in ("HEAD", "GET"):
            answer = quick(lifeboat.client.request(method, f"/v2/{HOST}/{path}"), f"{method} of {path}")
            check_equal(answer.status, want, f"status of {method} of {path}, which is not held")
            check(want == 404 or answer.header("Retry-After"), f"{method} of {path} has no Retry-After")


def outage(mode: str, want: int = 503):
    def run(rig) -> None:
        upstream, lifeboat, held, unheld = before(rig)
        upstream.mode = mode
        check_held(lifeboat, held)
        check_unheld(lifeboat, unheld, want)
        check_held(lifeboat, held)
        upstream.mode = "good"
        eventually(lambda: lifeboat.client.manifest(f"{HOST}/team/other", "1").status == 200,
                   "what was not held is served once the upstream is back", 40)
    return run


@scenario
def the_upstream_is_gone(rig):
    upstream, lifeboat, held, unheld = before(rig)
    upstream.stop()
    check_held(lifeboat, held)
    check_unheld(lifeboat, unheld, 503)
    asked = len(upstream.requests)
    upstream.listen()
    eventually(lambda: lifeboat.client.manifest(f"{HOST}/team/other", "1").status == 200,
               "what was not held is served once the upstream is back", 40)
    check(len(upstream.requests) > asked, "the upstream was never asked again")


for kind in ("silent", "401", "403", "429", "500", "503", "html", "wrong_bytes"):
    function = outage(kind)
    function.__name__ = f"the_upstream_answers_{kind}"
    scenario(function)


@scenario
def the_upstream_answers_404(rig):
    upstream, lifeboat, held, unheld = before(rig)
    upstream.mode = "404"
    check_held(lifeboat, held)
    check_unheld(lifeboat, unheld, 404)


main()
