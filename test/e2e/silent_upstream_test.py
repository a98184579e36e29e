"""Upstreams that say nothing, which is slower to find out than a refusal: a machine that lost its power while
connections to it were kept, and one that takes connections and never answers."""
import time
from concurrent.futures import ThreadPoolExecutor

import content
import network
from imposter import Imposter
from outage_clients import Engine
from outage_stage import Stage
from rig import check, check_equal, main, scenario

MANY = 6


class NoEngine(Engine):
    def __init__(self, *_):
        pass


def stage_in_a_black_hole(rig):
    """A tag that is held, tags that only the upstreams have, and kept connections to a primary that is gone."""
    stage = Stage(rig, NoEngine)
    held, more = content.single_platform("held"), [content.single_platform(f"more {i}") for i in range(MANY)]
    stage.publish(held, "team/app")
    for number, one in enumerate(more):
        for registry in (stage.primary, stage.backup):
            one.push(registry.client, "team/app", f"more{number}")
    path = f"{stage.host}/team/app"
    check_equal(held.faults_at(stage.lifeboat.client, path, "1"), [], "what is held")
    with ThreadPoolExecutor(MANY) as pool:  # misses, asked at once: each takes a connection of its own
        list(pool.map(lambda i: stage.lifeboat.client.manifest(path, f"none{i}"), range(MANY)))
    stage.primary_machine.black_hole()
    return stage, path


REFUSALS_MAX = 2  # one after the other, 2 s each (`answer_within`): silence is known after 3 s (`first_byte_timeout`)


def check_taken_over(statuses: list[int]) -> None:
    """503 before the breaker has opened, 200 from then on."""
    first = statuses.index(200) if 200 in statuses else len(statuses)
    check(first <= REFUSALS_MAX and statuses[first:] == [200] * (MANY - first),
          f"a healthy backup has it, and clients got {statuses} (want at most {REFUSALS_MAX} refusals, then 200)")


@scenario
def a_backup_takes_over_from_a_machine_that_lost_its_power(rig):
    stage, path = stage_in_a_black_hole(rig)
    check_taken_over([stage.lifeboat.client.manifest(path, f"more{i}").status for i in range(MANY)])


@scenario
def a_held_tag_does_not_wait_long_for_a_machine_that_lost_its_power(rig):
    stage, path = stage_in_a_black_hole(rig)
    asked, waited, end = 0, 0, time.monotonic() + 30
    while not stage.is_endpoint_left_alone(stage.primary):
        check(time.monotonic() < end, "the breaker never opens")
        answer = stage.lifeboat.client.manifest(path, "1", "HEAD")
        check_equal(answer.status, 200, "the held tag")
        asked, waited = asked + 1, waited + (answer.seconds > 0.5)
        time.sleep(0.05)
    check(waited <= 2, f"{waited} of {asked} clients waited for what is held (want at most 2)")


def silent_primary(rig, settings=""):
    primary = Imposter(rig)
    stage = Stage(rig, NoEngine, primary_url=primary.url, settings=settings)
    primary.mode = "silent"
    for number in range(MANY):
        stage.publish(content.single_platform(f"s{number}"), f"team/app{number}")
    return stage, [stage.lifeboat.client.manifest(f"{stage.host}/team/app{i}", "1").status for i in range(MANY)]


@scenario
def a_backup_takes_over_from_a_registry_that_never_answers(rig):
    _, statuses = silent_primary(rig)
    check_taken_over(statuses)


@scenario
def a_hedge_bridges_the_time_until_that_is_known(rig):
    _, statuses = silent_primary(rig, 'hedge_after = "300ms"\n')
    check_equal(statuses, [200] * MANY, "answers for what a healthy backup has")


network.isolate()
main()
