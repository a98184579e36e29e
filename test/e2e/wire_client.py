"""A registry client with nothing hidden: what a test sends is what goes over the wire (standard library only)."""
import dataclasses
import hashlib
import http.client
import json
import socket
import ssl
import time

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPT = ", ".join([INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST])
READ_BYTES = 1 << 20


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclasses.dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float = 0.0

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def codes(self) -> list[str]:
        """The OCI error codes of the body."""
        try:
            return [error["code"] for error in json.loads(self.body)["errors"]]
        except (ValueError, KeyError, TypeError):
            return []

    def __str__(self) -> str:
        return f"{self.status} {self.body[:200]!r}"


class RegistryClient:
    def __init__(self, port: int, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, seconds: float = 60.0):
        self.host, self.port, self.tls, self.seconds = host, port, tls, seconds
        self.authorization = ""  # the value of that field, sent with every request() when it is set

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.address}"

    def connect(self) -> http.client.HTTPConnection:
        if self.tls:
            return http.client.HTTPSConnection(self.host, self.port, timeout=self.seconds, context=self.tls)
        return http.client.HTTPConnection(self.host, self.port, timeout=self.seconds)

    def request(self, method: str, path: str, body=None, headers: dict | None = None) -> Answer:
        start = time.monotonic()
        connection = self.connect()
        try:
            headers = dict(headers or {})
            if self.authorization:
                headers.setdefault("Authorization", self.authorization)
            if body is None and method in ("POST", "PUT", "PATCH"):
                headers.setdefault("Content-Length", "0")
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            return Answer(answer.status, answer.headers, content, time.monotonic() - start)
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def is_live(self, path: str = "/v2/") -> bool:
        try:
            return self.request("GET", path).status in (200, 401)
        except (OSError, http.client.HTTPException):
            return False

    def manifest(self, repository: str, reference: str, method: str = "GET", query: str = "") -> Answer:
        return self.request(method, f"/v2/{repository}/manifests/{reference}{query}", headers={"Accept": ACCEPT})

    def blob(self, repository: str, digest: str, method: str = "GET", query: str = "", **headers: str) -> Answer:
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.request(method, f"/v2/{repository}/blobs/{digest}{query}", headers=headers)

    def blob_digest(self, repository: str, digest: str, query: str = "") -> tuple[int, str, int]:
        """Status, digest and length of what comes, without keeping it."""
        connection = self.connect()
        try:
            connection.request("GET", f"/v2/{repository}/blobs/{digest}{query}")
            answer, running, length = connection.getresponse(), hashlib.sha256(), 0
            while piece := answer.read(READ_BYTES):
                running.update(piece)
                length += len(piece)
            return answer.status, "sha256:" + running.hexdigest(), length
        finally:
            connection.close()

    def start_upload(self, repository: str) -> str:
        """A new upload session; its Location."""
        answer = self.request("POST", f"/v2/{repository}/blobs/uploads/")
        if answer.status != 202:
            raise AssertionError(f"cannot start an upload in '{repository}': got {answer}")
        return location_of(answer)

    def finish_upload(self, location: str, digest: str, body=None, length: int | None = None) -> Answer:
        headers = {"Content-Type": "application/octet-stream"}
        if length is not None:
            headers["Content-Length"] = str(length)
        return self.request("PUT", f"{location}{'&' if '?' in location else '?'}digest={digest}", body, headers)

    def push_blob(self, repository: str, content: bytes) -> Answer:
        return self.finish_upload(self.start_upload(repository), digest_of(content), content)

    def push_stream(self, repository: str, digest: str, length: int, pieces) -> Answer:
        return self.finish_upload(self.start_upload(repository), digest, pieces, length)

    def put_manifest(self, repository: str, reference: str, content: bytes, media_type: str = MANIFEST) -> Answer:
        return self.request("PUT", f"/v2/{repository}/manifests/{reference}", content, {"Content-Type": media_type})


def location_of(answer: Answer) -> str:
    """The path and query of the Location, whatever its form."""
    location = answer.header("Location") or ""
    if location.startswith("http"):
        location = "/" + location.split("/", 3)[3]
    return location


@dataclasses.dataclass
class RawAnswer:
    status: int
    headers: dict[str, str]
    body: bytes
    closed: bool


def exchange(port: int, sent: bytes, *, head: bool = False, seconds: float = 10.0) -> RawAnswer:
    """Sends exactly these bytes and reads one answer; `closed` says whether the server then closed by itself."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.settimeout(seconds)
        connection.sendall(sent)
        return read_answer(connection, head=head)


def read_answer(connection: socket.socket, *, head: bool = False) -> RawAnswer:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return RawAnswer(0, {}, received, True)
        received += piece
    top, body = received.split(b"\r\n\r\n", 1)
    lines = top.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    status = int(lines[0].split(" ")[1])
    length = 0 if head or status in (204, 304) or status < 200 else int(headers.get("content-length", "0"))
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return RawAnswer(status, headers, body, True)
        body += piece
    return RawAnswer(status, headers, body, headers.get("connection", "").lower() == "close")
