"""The alert rules of deploy/alerts: promtool's own tests of them, and that a server exports what they look at."""
import re

import content
from imposter import Imposter
from parts import HOST, Endpoint, Lifeboat, Upstream, UpstreamRegistry
from rig import ROOT, check, check_equal, eventually, main, scenario
from token_server import USER, TokenServer

ALERTS = ROOT / "deploy" / "alerts"
TOKEN_HOST = "tokens.lifeboat-e2e.invalid"
SELECTOR = re.compile(r'\b((?:lifeboat|registry)_[a-z_]+)(?:\{([^}]*)\})?')


class RateLimited(Imposter):
    """Says with each answer how many requests it still takes."""

    @staticmethod
    def _send(connection, method, status, media_type, body, more=""):
        Imposter._send(connection, method, status, media_type, body,
                       more + "RateLimit-Limit: 100;w=21600\r\nRateLimit-Remaining: 76;w=21600\r\n")


@scenario
def the_alerts_fire_when_they_should_and_only_then(rig):
    for rules in sorted(ALERTS.glob("*.yaml")):
        what = "test" if rules.stem.endswith("_test") else "check"
        done = rig.attempt("promtool", what, "rules", rules)
        check_equal(done.returncode, 0, f"promtool about {rules.name}: {(done.stdout + done.stderr).decode()}")
        alerts = set(re.findall(r"- alert: (\w+)", rules.read_text()))
        tests = rules.with_name(f"{rules.stem}_test.yaml")
        if what == "check":
            tested = set(re.findall(r"alertname: (\w+)\n +exp_alerts", tests.read_text()))
            check_equal(alerts - tested, set(), f"alerts of {rules.name} of which nothing shows that they fire")


@scenario
def what_the_alerts_look_at_is_exported(rig):
    limited, held = RateLimited(rig), content.single_platform("held")
    limited.hold(held, "team/app", "1")
    tokens = TokenServer(rig)
    tokens.password = tokens.token(USER, [])  # a password that says itself when it expires
    registry = UpstreamRegistry(rig, auth=tokens.registry_auth())
    login = registry.endpoint(username=USER, password_file=str(rig.file("password", tokens.password)))
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(limited.url)], fresh_for="0s"), Upstream([login], TOKEN_HOST)],
                        server="builtin_upstreams = false\n",
                        storage='evict_above = "1TiB"\nevict_below = "1000GiB"\n', sections='[[probe]]\ntarget = "self"\n')
    check_equal(held.faults_at(lifeboat.client, f"{HOST}/team/app", "1"), [], "what is held")
    lifeboat.client.manifest(f"{TOKEN_HOST}/team/app", "1")
    limited.stop()

    def is_frozen() -> bool:
        lifeboat.client.manifest(f"{HOST}/team/app", "1")
        return lifeboat.metric("lifeboat_upstream_frozen", host=HOST) == 1

    eventually(is_frozen, "the host of the dead upstream is frozen", 30)
    eventually(lambda: lifeboat.metric("lifeboat_upstream_credential_expires_timestamp_seconds") > 0,
               "the login's expiry is known", 30)

    lines = lifeboat.client.get("/metrics").body.decode().splitlines()
    rules = "".join(path.read_text() for path in ALERTS.glob("*.yaml") if not path.stem.endswith("_test"))
    selectors = sorted(set(SELECTOR.findall(rules)))
    check(selectors, "no metric is named in the rules")
    for name, matchers in selectors:
        wanted = [m for m in matchers.split(",") if m]
        check(any(line.startswith((name + "{", name + " ")) and all(m in line for m in wanted) for line in lines),
              f"an alert looks at '{name}{{{matchers}}}', and nothing of that name and labels is exported")
    of_no_host = ("lifeboat_capture_failing", "lifeboat_evict_", "lifeboat_gc_", "lifeboat_scrub_")
    for name in {name for name, _ in selectors if not name.startswith(of_no_host)}:
        check(all('host="' in line or 'target="' in line for line in lines if line.startswith(name + "{")),
              f"an alert names the host or the target, and '{name}' has none")


main()
