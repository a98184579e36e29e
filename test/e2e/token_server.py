"""The token server of a docker-registry: Debian has none, so here is a small real one.

It speaks the Docker token protocol and signs JWTs (RS256, by OpenSSL) with a key of its own. docker-registry verifies
each against the certificate in its `rootcertbundle`, as it does those of any other token server: signature, issuer,
audience, times and scopes. Nothing of it is known to Lifeboat.
"""
import base64
import http.server
import json
import threading
import time
import urllib.parse

from parts import Certificate

USER, PASSWORD = "puller", "correct horse battery"
LIFETIME_SECONDS = 300


def unpadded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class TokenServer:
    """Gives USER tokens for whatever is asked, for the password of the hour. It may be stopped and started again."""

    def __init__(self, rig, address: str = "127.0.0.1"):
        self.rig, self.address, self.port = rig, address, rig.port()
        self.password, self.refused = PASSWORD, 0
        self.asked: list[dict] = []
        self._keys = 0
        self._server: http.server.ThreadingHTTPServer | None = None
        self.change_key()
        self.start()
        rig.at_end(self.stop)

    def registry_auth(self) -> str:
        """The section for the registry's configuration; another one after change_key()."""
        return (f"auth:\n  token:\n    realm: http://{self.address}:{self.port}/token\n    service: e2e\n"
                f"    issuer: issuer\n    rootcertbundle: {self._authority.certificate}\n")

    def change_key(self) -> None:
        """Signs with a new key from now on."""
        self._keys += 1
        self._authority = Certificate(self.rig, f"issuer{self._keys}")
        pem = self._authority.certificate.read_text().split("-----")[2]
        self._chain = ["".join(pem.split())]

    def start(self) -> None:
        self._server = http.server.ThreadingHTTPServer((self.address, self.port), TokenHandler)
        self._server.tokens = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def token(self, user: str, scopes: list[str]) -> str:
        access = []
        for scope in scopes:
            kind, name, actions = scope.rsplit(":", 1)[0].split(":", 1) + [scope.rsplit(":", 1)[1]]
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {"iss": "issuer", "sub": user, "aud": "e2e", "exp": now + LIFETIME_SECONDS, "nbf": now - 10, "iat": now,
                  "jti": str(time.monotonic_ns()), "access": access}
        header = {"typ": "JWT", "alg": "RS256", "x5c": self._chain}
        signed = b".".join(unpadded(json.dumps(part).encode()) for part in (header, claims))
        done = self.rig.attempt("openssl", "dgst", "-sha256", "-sign", self._authority.key, stdin=signed)
        return (signed + b"." + unpadded(done.stdout)).decode()


class TokenHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # pylint: disable=invalid-name
        tokens = self.server.tokens
        expected = "Basic " + base64.b64encode(f"{USER}:{tokens.password}".encode()).decode()
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        tokens.asked.append(query)
        if self.headers.get("Authorization") != expected:
            tokens.refused += 1
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        scopes = [s for joined in query.get("scope", []) for s in joined.split()]
        body = json.dumps({"token": tokens.token(USER, scopes), "expires_in": LIFETIME_SECONDS}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass
