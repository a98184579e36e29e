"""What happens to upstreams while and between pulls. Each event is a scenario for each container engine; the files
outage_*_test.py say which engine."""
from concurrent.futures import ThreadPoolExecutor

import content
from imposter import Imposter
from outage_stage import Stage
from rig import check, check_equal, eventually, scenario
from token_server import PASSWORD

MIB = 1 << 20
LARGE_BYTES = 24 * MIB
CUT_BYTES = 8 * MIB
FIRST, SECOND, THIRD, NOWHERE = "team/first", "team/second", "team/third", "team/nowhere"

OURS = '"lifeboat/'  # as the access log of docker-registry names who asked

_EVENTS = []


def event(function):
    _EVENTS.append(function)
    return function


def run_with(engine) -> None:
    """Makes a scenario of each event."""
    for function in _EVENTS:
        def play(rig, function=function):
            function(rig, engine)
        play.__name__ = function.__name__
        scenario(play)


def held_and_more(stage: Stage):
    """One content that is held whole, one that only the upstreams have."""
    first, second = content.multi_platform("first", with_packages=False), content.single_platform("second")
    stage.hold(first, FIRST)
    stage.publish(second, SECOND)
    asked = stage.backup.requests(OURS, f"/v2/{FIRST}/")
    check_equal(asked, 0, "what the backup was asked while the primary was well")
    return first, second


def check_backup_takes_over(stage: Stage, pulled: content.Content, repository: str) -> None:
    asked = ('"GET ', f"/v2/{repository}/blobs/", '" 200 ')
    before = stage.backup.requests(*asked)
    stage.pull(pulled, repository)
    check(stage.backup.requests(*asked) > before, "the backup was asked for no blob")


# ---- between pulls ----

@event
def the_primary_is_killed(rig, engine):
    stage = Stage(rig, engine)
    first, second = held_and_more(stage)
    stage.kill_primary()
    stage.pull(first, FIRST)
    check_backup_takes_over(stage, second, SECOND)
    stage.open_breakers_of(FIRST, stage.primary)
    check(not stage.is_endpoint_left_alone(stage.backup), "the breaker of the backup is open")
    stage.backup.kill()
    stage.check_outage_of_all(first, FIRST, NOWHERE)


@event
def the_primary_falls_into_a_black_hole(rig, engine):
    stage = Stage(rig, engine)
    first, second = held_and_more(stage)
    stage.primary_machine.black_hole()
    stage.pull(first, FIRST)
    check_backup_takes_over(stage, second, SECOND)
    stage.open_breakers_of(FIRST, stage.primary)
    stage.backup_machine.black_hole()
    stage.check_outage_of_all(first, FIRST, NOWHERE)


@event
def the_token_server_dies_alone(rig, engine):
    stage = Stage(rig, engine)
    first, second = held_and_more(stage)
    stage.tokens.stop()
    check_backup_takes_over(stage, second, SECOND)
    check(stage.is_realm_left_alone(), "the breaker of the token realm is closed")
    check(not stage.is_endpoint_left_alone(stage.primary), "the registry is blamed for its token server")
    stage.pull(first, FIRST)
    stage.tokens.start()
    eventually(lambda: not stage.is_realm_left_alone(), "a probe finds the token server again", 40)


@event
def the_credential_of_the_primary_is_rotated(rig, engine):
    stage = Stage(rig, engine)
    first, second = held_and_more(stage)
    stage.tokens.password = "another horse"
    # The key too: the registry verifies with the new certificate only, so that old tokens are worth nothing either.
    stage.tokens.change_key()
    stage.primary.part.stop()
    stage.primary.start(stage.tokens.registry_auth())
    check_backup_takes_over(stage, second, SECOND)
    check(stage.tokens.refused > 0, "the old password was never refused")
    eventually(lambda: "change=works→rejected" in stage.lifeboat.part.text(), "the log says the credential is refused", 20)
    stage.backup.kill()
    stage.check_held_is_stale(first, FIRST)
    stage.check_unavailable(NOWHERE)

    third = content.single_platform("third")
    stage.publish(third, THIRD, stage.primary)
    stage.change_password_file("another horse")
    eventually(lambda: stage.tag(THIRD).status == 200, "the new password is read again without a signal", 20)
    stage.pull(third, THIRD)
    eventually(lambda: not stage.tag(FIRST).header("X-Lifeboat-Stale"), "the held tag is confirmed again")
    eventually(lambda: "change=rejected→works" in stage.lifeboat.part.text(), "the log says it is accepted again", 20)
    for secret in (PASSWORD, "another horse"):
        check(secret not in stage.lifeboat.part.text(), "a password stands in the log")


@event
def the_primary_limits_the_rate(rig, engine):
    primary = Imposter(rig)
    stage = Stage(rig, engine, primary_url=primary.url)
    first, second = content.multi_platform("first", with_packages=False), content.single_platform("second")
    primary.hold(first, FIRST, "1")
    stage.hold(first, FIRST)
    stage.publish(second, SECOND)
    primary.mode, primary.retry_after = "429", 600
    asked = len(primary.requests)
    check_backup_takes_over(stage, second, SECOND)
    stage.backup.kill()
    stage.check_held_is_stale(first, FIRST)
    stage.pull(first, FIRST)
    stage.check_unavailable(NOWHERE)
    since = primary.requests[asked:]
    check_equal(len(since), 1, f"requests to an upstream that asked for a pause: {since}")


@event
def the_primary_comes_back(rig, engine):
    stage = Stage(rig, engine)
    first, second = held_and_more(stage)
    stage.kill_primary()
    check_backup_takes_over(stage, second, SECOND)
    stage.open_breakers_of(FIRST, stage.primary)
    check(stage.is_realm_left_alone(), "the breaker of the token realm is closed")
    stage.check_costs_nothing(lambda: stage.pull(first, FIRST), stage.primary_machine)
    stage.start_primary()
    eventually(lambda: not stage.is_endpoint_left_alone(stage.primary), "a probe finds the registry", 40)
    eventually(lambda: not stage.is_realm_left_alone(), "a probe finds the token server", 40)
    asked, heads = stage.primary.requests(OURS), stage.primary.requests(OURS, '"HEAD ')
    check(0 < asked == heads, f"requests of the primary before it was found well: {asked}, of them {heads} probes")

    third = content.single_platform("third")
    stage.publish(third, THIRD, stage.primary)
    eventually(lambda: stage.tag(THIRD).status == 200, "what only the primary has is there", 20)
    stage.pull(third, THIRD)


# ---- in the middle of a pull ----

def pull_during(stage: Stage, pulled: content.Content, when, happens) -> None:
    """The engine pulls, and something happens on the way."""
    with ThreadPoolExecutor(1) as pool:
        pull = pool.submit(stage.pull, pulled, FIRST)
        eventually(lambda: when() or pull.done(), "the pull is under way", 20)
        check(not pull.done(), "the pull was over before anything happened")
        happens()
        pull.result()


def check_continued(stage: Stage) -> None:
    check("fetch.continued" in stage.lifeboat.part.text(), "the log does not say that the blob was continued")
    check_equal(stage.backup.requests('"GET ', "/blobs/", '" 206 '), 1, "partial answers of the backup")
    received = stage.received_from(stage.primary) + stage.received_from(stage.backup)
    check(received < LARGE_BYTES + 4 * MIB, f"what had arrived was fetched again: {received} bytes in all")


@event
def the_primary_is_killed_in_the_middle_of_a_blob(rig, engine):
    stage, large = Stage(rig, engine), content.large_platform("large", LARGE_BYTES)
    stage.publish(large, FIRST)
    stage.primary_machine.slow_down(16 * MIB)
    pull_during(stage, large, lambda: stage.received_from(stage.primary) > CUT_BYTES, stage.kill_primary)
    check_continued(stage)


@event
def the_primary_falls_into_a_black_hole_in_the_middle_of_a_blob(rig, engine):
    stage, large = Stage(rig, engine, settings='stall_timeout = "1s"\n'), content.large_platform("large", LARGE_BYTES)
    stage.publish(large, FIRST)
    stage.primary_machine.black_hole_after(CUT_BYTES)
    stage.pull(large, FIRST)
    check_continued(stage)


@event
def the_connection_is_reset_in_the_middle_of_a_blob(rig, engine):
    stage, large = Stage(rig, engine), content.large_platform("large", LARGE_BYTES)
    stage.publish(large, FIRST)
    stage.primary_machine.reset_after(CUT_BYTES)
    stage.pull(large, FIRST)
    check_continued(stage)


@event
def a_cut_that_nobody_can_continue_gives_no_wrong_content(rig, engine):
    stage, large = Stage(rig, engine), content.large_platform("large", LARGE_BYTES)
    stage.publish(large, FIRST, stage.primary)
    stage.backup.kill()
    stage.primary_machine.reset_after(CUT_BYTES)
    with ThreadPoolExecutor(1) as pool:
        pull = pool.submit(stage.engine.failure_of_pull, FIRST, "1")
        eventually(lambda: "fetch.failed" in stage.lifeboat.part.text() or pull.done(), "the blob breaks off", 20)
        check(not pull.done() or pull.result(), "the engine took a part of a blob for the whole")
        stage.primary_machine.heal()
        failure = pull.result()  # empty for an engine that tried the blob again by itself
    if failure:
        eventually(lambda: not stage.engine.failure_of_pull(FIRST, "1"), "a pull succeeds when the primary is back", 40)
    check_equal(stage.engine.faults(large, FIRST, "1"), [], "what was pulled in the end")
