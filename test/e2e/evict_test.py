"""A cache between two watermarks: the longest unused images of upstreams go whole, and nothing else ever does."""
import os
import time

import content
from parts import HOST, Lifeboat, Upstream, UpstreamRegistry
from rig import check, check_equal, eventually, main, scenario

SIZE = 1_000_000
# Of images of a million bytes: what three of them are is too much, two are not.
MARKS = 'evict_above = "2500KiB"\nevict_below = "2100KiB"\nevict_unused_for = "0s"\n'


def cached(rig, storage=""):
    """A Lifeboat with three images in its cache, the first of them pulled once more at the end."""
    upstream = UpstreamRegistry(rig)
    lifeboat = Lifeboat(rig, [Upstream([upstream.endpoint()], settings='capture = "none"')], storage=storage)
    images = [content.large_platform(f"image {number}", SIZE) for number in range(3)]
    for number, image in enumerate(images):
        image.push(upstream.client, "team/app", f"v{number}")
        check_equal(image.faults_at(lifeboat.client, f"{HOST}/team/app", f"v{number}"), [], f"pull of image {number}")
        time.sleep(0.01)
    # Pulls answered from memory are noted once in a while; a new process has none.
    lifeboat.stop()
    lifeboat.start()
    check_equal(images[0].faults_at(lifeboat.client, f"{HOST}/team/app", "v0"), [], "the second pull of image 0")
    return upstream, lifeboat, images


def stored(lifeboat) -> set[str]:
    return {path.name for path in (lifeboat.data / "blobs").rglob("*") if path.is_file()}


def digests_of(image) -> set[str]:
    return {document.digest.split(":")[1] for document in image.documents} | {name.split(":")[1] for name in image.blobs}


def evict_from_now_on(lifeboat) -> None:
    """Its first look comes soon after the start."""
    lifeboat.stop()
    lifeboat.storage = MARKS
    lifeboat.write_config()
    lifeboat.start()


@scenario
def the_longest_unused_goes_whole_and_comes_back(rig):
    upstream, lifeboat, images = cached(rig)
    check(digests_of(images[1]) <= stored(lifeboat), "not everything was cached")
    evict_from_now_on(lifeboat)
    eventually(lambda: "evict.ended" in lifeboat.part.text(), "an eviction", 60)
    eventually(lambda: not digests_of(images[1]) & stored(lifeboat), "the bytes of the longest unused image to go", 10)
    left = stored(lifeboat)
    for number in (0, 2):
        check(digests_of(images[number]) <= left, f"image {number} is not whole any more")
    check_equal(lifeboat.metric("lifeboat_evicted_contents_total"), float(len(digests_of(images[1]))), "contents counted")
    check(lifeboat.metric("lifeboat_evict_last_success_timestamp_seconds") > time.time() - 120, "no success is told")
    check_equal(images[1].faults_at(lifeboat.client, f"{HOST}/team/app", "v1"), [], "what was evicted, pulled again")
    upstream.kill()
    for number in range(3):
        faults = images[number].faults_at(lifeboat.client, f"{HOST}/team/app", f"v{number}")
        check_equal(faults, [], f"image {number} with the upstream dead")


@scenario
def nothing_goes_in_an_outage(rig):
    upstream, lifeboat, images = cached(rig)
    upstream.kill()
    before = stored(lifeboat)
    evict_from_now_on(lifeboat)
    eventually(lambda: "evict.short" in lifeboat.part.text(), "a look that could not make room", 60)
    check_equal(stored(lifeboat), before, "what is on disk")
    check_equal(lifeboat.metric("lifeboat_evicted_contents_total"), 0.0, "contents counted")
    for number, image in enumerate(images):
        faults = image.faults_at(lifeboat.client, f"{HOST}/team/app", f"v{number}")
        check_equal(faults, [], f"image {number} with the upstream dead")


@scenario
def what_is_hosted_stays(rig):
    _, lifeboat, images = cached(rig)
    pushed = [content.large_platform(f"pushed {number}", SIZE) for number in range(3)]
    for number, image in enumerate(pushed):
        image.push(lifeboat.client, "own/app", f"v{number}")
    evict_from_now_on(lifeboat)
    eventually(lambda: "evict.short" in lifeboat.part.text(), "a look that could not make room enough", 60)
    eventually(lambda: not stored(lifeboat) & set().union(*map(digests_of, images)), "the whole cache to go", 10)
    for number, image in enumerate(pushed):
        check_equal(image.faults_at(lifeboat.client, "own/app", f"v{number}"), [], f"pushed image {number}")


@scenario
def marks_that_contradict_each_other_are_refused(rig):
    lifeboat = Lifeboat(rig, storage='evict_above = "80%"\nevict_below = "90%"\n', start=False)
    refused = rig.attempt(*lifeboat.command(), env=dict(os.environ))
    check(refused.returncode != 0, "it started")
    check(b"storage.evict_below" in refused.stderr, f"it does not say what is wrong: {refused.stderr!r}")


if __name__ == "__main__":
    main()
