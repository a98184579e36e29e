"""`lifeboat status` and the socket in the data directory behind it: what an operator sees of a running server."""
import json
import os
import re
import shutil
import socket
import stat
import threading

import yaml

import content
from imposter import Imposter
from parts import HOST, LIFEBOAT, Certificate, Endpoint, Lifeboat, Upstream
from rig import ROOT, check, check_equal, eventually, main, scenario

DEAD_HOST = "dead.lifeboat-e2e.invalid"
DOCUMENT = yaml.safe_load((ROOT / "doc" / "reference" / "openapi.yaml").read_text())
NO_BUILTINS = "builtin_upstreams = false"


def status(rig, lifeboat, *more):
    """Exit code, standard output, standard error."""
    done = rig.attempt(LIFEBOAT, "status", "--data", lifeboat.data, *more, seconds=30)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def report_of(rig, lifeboat) -> dict:
    return json.loads(status(rig, lifeboat, "-o", "json")[1])


def ask_socket(lifeboat, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, dict, bytes]:
    """Status, fields and body of an answer over the local socket, by hand."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(lifeboat.data / "lifeboat.sock"))
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                           f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        received = b""
        while piece := connection.recv(1 << 16):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:]), body


def faults_against(schema: dict, value, place: str) -> list[str]:
    """How a value differs from its schema, of which it may use what the document uses."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if "oneOf" in schema:
        tried = [faults_against(one, value, place) for one in schema["oneOf"]]
        return [] if tried.count([]) == 1 else [f"{place}: {value!r} is none or several of {schema['oneOf']}"]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if type(value) is not kinds[schema["type"]]:
        return [f"{place}: {value!r} is no {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{place}: {value!r} is none of {schema['enum']}"]
    faults = []
    if isinstance(value, dict):
        faults += [f"{place}: '{name}' is missing" for name in schema["required"] if name not in value]
        faults += [f"{place}: '{name}' is not documented" for name in value if name not in schema["properties"]]
        for name in value.keys() & schema["properties"].keys():
            faults += faults_against(schema["properties"][name], value[name], f"{place}.{name}")
    if isinstance(value, list):
        for one in value:
            faults += faults_against(schema["items"], one, f"{place}[]")
    return faults


def shape_of(text: str) -> list[list[str]]:
    """Lines and their columns, with what differs from run to run replaced."""
    text = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text)
    text = re.sub(r"up \d+s", "up TIME", text)
    text = re.sub(r"/tmp/\S+", "PATH", text)
    text = re.sub(r"lifeboat \d+\.\d+\.\d+", "lifeboat VERSION", text)
    text = re.sub(r"\d+ repositor(y|ies), \d+ manifests?, \d+ blobs?, [\d.]+ (bytes|KiB)", "TOTALS", text)
    text = re.sub(r"(?m)^ADDRESS: [^;]+(; probed in \d+s)?$", "ADDRESS: REASON", text)
    text = re.sub(r"(?m)^captures  .*\n", "", text)  # as long as the capture of what was pulled takes
    text = text.replace("down (probed now)", "down")  # whether a probe is under way is up to the moment
    return [re.split(r"  +", line) for line in text.splitlines()]


@scenario
def people_see_what_is_down_and_what_that_means(rig):
    live, dead, pushed = Imposter(rig), Imposter(rig), content.single_platform("status")
    live.hold(pushed, "team/app", "1")
    dead.stop()
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(dead.url), Endpoint(live.url)]),
                              Upstream([Endpoint(dead.url)], host=DEAD_HOST)], server=NO_BUILTINS)
    head = [["server", "lifeboat VERSION on ADDRESS, up TIME"], ["data", "PATH"], ["held", "TOTALS"],
            ["fetching", "nothing"], [""]]
    code, out, err = status(rig, lifeboat)
    check_equal((code, err), (0, ""), "exit code and errors before anything was asked")
    check_equal(shape_of(out), head + [["HOST", "STATE", "ENDPOINT"], [HOST, "no known fault", "ADDRESS"],
                                       ["", "no known fault", "ADDRESS"], [DEAD_HOST, "no known fault", "ADDRESS"]],
                "what is shown before anything was asked")

    check_equal(pushed.faults_at(lifeboat.client, f"{HOST}/team/app", "1"), [], "what is pulled through")
    check_equal(lifeboat.client.manifest(f"{DEAD_HOST}/team/app", "1").status, 503, "status of what nobody has")
    eventually(lambda: report_of(rig, lifeboat)["hosts"][1]["is_frozen"], "the freeze is known")
    code, out, err = status(rig, lifeboat)
    check_equal((code, err), (1, ""), "exit code and errors while an upstream is dead")
    check_equal(shape_of(out), head + [["HOST", "STATE", "ENDPOINT"], [HOST, "down", "ADDRESS"],
                                       ["", "no known fault", "ADDRESS"], [DEAD_HOST, "down", "ADDRESS"], [""],
                                       ["ADDRESS: REASON"], ["ADDRESS: REASON"], [""],
                                       [f"1 of 2 endpoints of {HOST} is down: the other is asked."],
                                       [f"{DEAD_HOST} is down: what is held is served, the rest gets 503."],
                                       ["Nothing that is held of what is down is removed until it can be asked again."]],
                "what is shown while an upstream is dead")
    check_equal([line for line in out.splitlines() if len(line) > 80], [], "lines past 80 columns")
    check("\x1b" not in out, "there is colour in a pipe")

    dead.listen()
    eventually(lambda: status(rig, lifeboat)[0] == 0, "the return of the upstream is seen", seconds=60)


@scenario
def programs_get_json_as_it_is_documented(rig):
    live, dead, blob = Imposter(rig, bytes_per_second=100_000), Imposter(rig), content.LargeBlob(4 << 20)
    live.hold_blob(blob, "team/slow")
    dead.stop()
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(live.url)]), Upstream([Endpoint(dead.url)], host=DEAD_HOST)],
                        server=f'{NO_BUILTINS}\ndefault_host = "{HOST}"\ngrace = "1s"')
    content.single_platform("held").push(lifeboat.client, "own/app", "1")
    lifeboat.client.manifest(f"{DEAD_HOST}/team/app", "1")
    slow = lifeboat.client.connect()
    slow.request("GET", f"/v2/{HOST}/team/slow/blobs/{blob.digest}")

    eventually(lambda: report_of(rig, lifeboat)["fetches"]["running"] == 1, "the running fetch is counted")
    eventually(lambda: report_of(rig, lifeboat)["hosts"][1]["is_frozen"], "the freeze is known")
    code, out, err = status(rig, lifeboat, "-o", "json")
    check_equal((code, err), (1, ""), "exit code and errors")
    report = json.loads(out)
    check_equal(faults_against({"$ref": "#/components/schemas/Status"}, report, "status"), [], "the schema's faults")
    check_equal((report["address"], report["data"]), (lifeboat.address, str(lifeboat.data)), "where it is")
    version = rig.run(LIFEBOAT, "version", "-o", "json")
    check_equal(report["version"], json.loads(version)["version"], "the version")
    check_equal(report["store"]["repositories"], 1, "repositories held")
    hosts = {host["host"]: host for host in report["hosts"]}
    check_equal([(name, host["is_default"]) for name, host in hosts.items()], [(HOST, True), (DEAD_HOST, False)],
                "the hosts, and which is the default")
    check_equal(hosts[HOST]["endpoints"], [{"name": f"127.0.0.1:{live.port}", "state": "closed"}], "the live endpoint")
    check(hosts[DEAD_HOST]["is_frozen"] and hosts[DEAD_HOST]["endpoints"][0]["reason"], "why it is dead is not told")
    check(hosts[DEAD_HOST]["endpoints"][0]["state"] in ("open", "half_open"), "the dead endpoint is not shown as such")
    slow.close()


@scenario
def every_documented_path_answers_on_the_socket_and_none_on_the_port(rig):
    live, pushed = Imposter(rig), content.multi_platform("documented")
    live.hold(pushed, "team/app", "1")
    lifeboat = Lifeboat(rig, [Upstream([Endpoint(live.url)])], server=NO_BUILTINS)
    unknown = lifeboat.client.get("/zebra")
    name = f"{HOST}/team/app"
    queries = {"/api/v1/capture": f"?repository={name}&digest={pushed.root.digest}",
               "/api/v1/explain": f"?reference={name}:1",
               "/api/v1/history": f"?repository={name}&tag=1",
               "/api/v1/pins": f"?reference={name}:1"}
    orders = {"/api/v1/prefetch": {"reference": f"{name}:1", "platforms": ["all"]},
              "/api/v1/restore": {"reference": f"{name}:1", "digest": str(pushed.root.digest)},
              "/api/v1/pins": {"reference": f"{name}:1", "reason": "a release"}}
    bodies = {path: json.dumps(order).encode() for path, order in orders.items()}
    for path, calls in DOCUMENT["paths"].items():
        for method in calls:
            sent = bodies.get(path, b"") if method == "post" else b""
            code, fields, body = ask_socket(lifeboat, path + queries.get(path, ""), method.upper(), sent)
            check_equal(code, 200, f"status of {method} {path}")
            check_equal((fields["Content-Type"], fields["Cache-Control"]), ("application/json", "no-store"), "fields")
            schema = calls[method]["responses"]["200"]["content"]["application/json"]["schema"]
            check_equal(faults_against(schema, json.loads(body), path), [], "the schema's faults")
            answer = lifeboat.client.request(method.upper(), path)
            check_equal((answer.status, answer.codes()), (unknown.status, unknown.codes()), f"{path} on the port")
    for path, method, want in (("/api/v1/zebra", "GET", 404), ("/api/v1/status", "DELETE", 405)):
        code, _, body = ask_socket(lifeboat, path, method)
        check_equal(code, want, f"status of {method} {path}")
        check_equal(faults_against({"$ref": "#/components/schemas/Error"}, json.loads(body), path), [], "its faults")
    check_equal(ask_socket(lifeboat, "/v2/")[0], 200, "status of the registry on the socket")


@scenario
def only_the_owner_may_ask(rig):
    lifeboat = Lifeboat(rig, server=NO_BUILTINS)
    info = (lifeboat.data / "lifeboat.sock").lstat()
    check(stat.S_ISSOCK(info.st_mode), "it is no socket")
    check_equal((stat.S_IMODE(info.st_mode), info.st_uid), (0o600, os.geteuid()), "mode and owner of the socket")
    rig.directory.chmod(0o711)  # everybody may come as far as the socket
    program = shutil.copy(LIFEBOAT, rig.directory / "lifeboat-for-all")
    done = rig.attempt("setpriv", "--reuid", 65534, "--clear-groups", program, "status", "--data", lifeboat.data)
    check_equal((done.returncode, done.stdout), (3, b""), "exit code and output for another user")
    check_equal(done.stderr.decode(), f"cannot ask the server of '{lifeboat.data}': permission denied\n"
                "Ask as the user it runs as, or as root.\n", "what another user is told")


@scenario
def a_server_that_does_not_run_is_not_mistaken_for_one(rig):
    lifeboat = Lifeboat(rig, server=NO_BUILTINS)
    name = lifeboat.data / "lifeboat.sock"
    hint = "Start one with 'lifeboat serve', or name the directory of the one that runs: '--data DIR'.\n"

    lifeboat.kill()
    check(stat.S_ISSOCK(name.lstat().st_mode), "the killed server left no socket: nothing is tested")
    want = (3, "", f"no server runs on '{lifeboat.data}' (nobody listens on '{name}')\n{hint}")
    check_equal(status(rig, lifeboat), want, "the status of a killed server")
    check_equal(status(rig, lifeboat, "-o", "json"), want, "the same in JSON")

    lifeboat.start()
    check_equal(status(rig, lifeboat)[0], 0, "exit code after the restart over the stale socket")
    check_equal(lifeboat.stop(), 0, "exit status of the server")
    check(not os.path.lexists(name), "the socket is still there after a clean stop")
    check_equal(status(rig, lifeboat), (3, "", f"no server runs on '{lifeboat.data}' (there is no '{name}')\n{hint}"),
                "the status of a stopped server")


@scenario
def a_server_that_hangs_is_not_waited_for_without_end(rig):
    lifeboat = Lifeboat(rig, server=NO_BUILTINS)
    lifeboat.part.signal(19)  # SIGSTOP
    try:
        code, out, err = status(rig, lifeboat)
    finally:
        lifeboat.part.signal(18)  # SIGCONT
    check_equal((code, out), (3, ""), "exit code and output")
    check_equal(err, f"cannot ask the server of '{lifeboat.data}': it runs and does not answer (got nothing within "
                "5s)\n", "what is said")


@scenario
def the_data_directory_is_found_as_serve_finds_it(rig):
    lifeboat = Lifeboat(rig, server=NO_BUILTINS)
    plain = {"HOME": str(rig.directory)}
    for how, words, environment in (("file", ["--config", lifeboat.config], plain),
                                    ("variable of the file", [], plain | {"LIFEBOAT_CONFIG": str(lifeboat.config)}),
                                    ("variable", [], plain | {"LIFEBOAT_STORAGE_ROOT": str(lifeboat.data)})):
        done = rig.attempt(LIFEBOAT, "status", *words, env=environment)
        check_equal((done.returncode, done.stderr), (0, b""), f"the directory by {how}: exit code and errors")


@scenario
def the_socket_is_there_under_a_long_path_and_beside_tls(rig):
    deep = rig.path("d" * 120, "data")
    lifeboat = Lifeboat(rig, server=NO_BUILTINS, data=deep, tls=Certificate(rig))
    check_equal(status(rig, lifeboat)[0], 0, "exit code")
    check("no_local_socket" not in lifeboat.part.text(), "the log complains")


@scenario
def a_socket_that_cannot_be_opened_keeps_nobody_from_pulling(rig):
    lifeboat, pushed = Lifeboat(rig, server=NO_BUILTINS), content.single_platform("blocked")
    lifeboat.stop()
    name = lifeboat.data / "lifeboat.sock"
    name.mkdir()
    lifeboat.start()
    pushed.push(lifeboat.client, "own/app", "1")
    check_equal(pushed.faults_at(lifeboat.client, "own/app", "1"), [], "what is served")
    log = lifeboat.part.text()
    check("server.no_local_socket" in log and f"cannot listen on '{name}': it is there and no socket" in log,
          "the log does not say why there is no socket")
    check_equal(lifeboat.stop(), 0, "exit status")
    check(name.is_dir(), "what is no socket was removed")


@scenario
def a_stop_does_not_wait_for_who_only_holds_the_socket(rig):
    lifeboat = Lifeboat(rig, server=NO_BUILTINS)
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(str(lifeboat.data / "lifeboat.sock"))
        closed = threading.Thread(target=lambda: idle.recv(1), daemon=True)
        closed.start()
        check_equal(lifeboat.part.stop(10), 0, "exit status")
        closed.join(10)
        check(not closed.is_alive(), "the idle connection is still open")


main()
