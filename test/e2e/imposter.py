"""An upstream that can misbehave in every way an upstream was seen to, and that counts what is asked of it."""
import contextlib
import socket
import threading
import time

from content import Content, LargeBlob
from wire_client import INDEX, MANIFEST, digest_of

STATUSES = {"401": 401, "403": 403, "404": 404, "429": 429, "500": 500, "503": 503}
HTML = b"<!doctype html><html><body>Please log in to the hotel network</body></html>"
REASONS = {200: "OK", 206: "Partial Content", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           416: "Range Not Satisfiable", 429: "Too Many Requests", 500: "Internal Server Error",
           503: "Service Unavailable"}


class Imposter:
    """Modes: "good", "silent" (accepts, never answers), "html" (200 with a page), "wrong_bytes" (and by tag a
    digest that nothing has), or a status as text."""

    def __init__(self, rig, *, bytes_per_second: int = 0):
        self.mode = "good"
        self.bytes_per_second = bytes_per_second
        self.retry_after = 1  # seconds, of "429"
        self.documents: dict[str, tuple[str, str, bytes]] = {}  # path → media type, digest, bytes
        self.blobs: dict[str, LargeBlob | bytes] = {}
        self.requests: list[str] = []
        self.blob_bytes = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = rig.port()
        self.listen()
        rig.at_end(self.stop)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hold(self, content: Content, repository: str, tag: str) -> None:
        for document in content.documents:
            entry = (document.media_type, document.digest, document.body)
            self.documents[f"/v2/{repository}/manifests/{document.digest}"] = entry
        self.documents[f"/v2/{repository}/manifests/{tag}"] = entry
        for digest, blob in content.blobs.items():
            self.blobs[f"/v2/{repository}/blobs/{digest}"] = blob

    def hold_blob(self, blob: LargeBlob, repository: str) -> None:
        self.blobs[f"/v2/{repository}/blobs/{blob.digest}"] = blob

    def listen(self) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(256)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """As if the machine were gone: nobody listens, and what was open is cut."""
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            received = b""
            while True:
                while b"\r\n\r\n" not in received:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    received += piece
                head, received = received.split(b"\r\n\r\n", 1)
                lines = head.decode("latin-1").split("\r\n")
                method, target, _ = lines[0].split(" ")
                headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
                with self._lock:
                    self.requests.append(f"{method} {target}")
                self._answer(connection, method, target.split("?")[0], headers)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _answer(self, connection: socket.socket, method: str, path: str, headers: dict) -> None:
        mode = self.mode
        if mode == "silent":
            while self.mode == "silent" and connection in self._open:
                time.sleep(0.05)
            raise OSError("given up")
        if mode in STATUSES:
            more = {"401": 'WWW-Authenticate: Basic realm="imposter"\r\n', "429": f"Retry-After: {self.retry_after}\r\n"}.get(mode, "")
            code = {"401": "UNAUTHORIZED", "403": "DENIED", "404": "MANIFEST_UNKNOWN"}.get(mode, "TOOMANYREQUESTS")
            body = f'{{"errors":[{{"code":"{code}","message":"imposter"}}]}}'.encode()
            self._send(connection, method, STATUSES[mode], "application/json", body, more)
        elif mode == "html":
            self._send(connection, method, 200, "text/html", HTML)
        elif path == "/v2/":
            self._send(connection, method, 200, "application/json", b"{}")
        elif path in self.documents:
            media_type, digest, body = self.documents[path]
            if mode == "wrong_bytes":
                if not path.endswith(digest):
                    digest = digest_of(body + b"never")
                body = body[:-2] + b" }" if body.endswith(b"}") else body[:-1] + b"?"
            self._send(connection, method, 200, media_type, body, f"Docker-Content-Digest: {digest}\r\n")
        elif path in self.blobs:
            self._send_blob(connection, method, path, headers, flip=mode == "wrong_bytes")
        elif mode == "wrong_bytes":
            self._send(connection, method, 200, MANIFEST, b'{"schemaVersion":2}',
                       f"Docker-Content-Digest: {digest_of(path.encode())}\r\n")
        elif "/referrers/" in path:
            self._send(connection, method, 200, INDEX, b'{"schemaVersion":2,"mediaType":"' + INDEX.encode() +
                       b'","manifests":[]}')
        else:
            self._send(connection, method, 404, "application/json",
                       b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"imposter has no such thing"}]}')

    @staticmethod
    def _send(connection, method: str, status: int, media_type: str, body: bytes, more: str = "") -> None:
        head = (f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
                f"Docker-Distribution-Api-Version: registry/2.0\r\n{more}\r\n")
        connection.sendall(head.encode() + (b"" if method == "HEAD" else body))

    def _send_blob(self, connection, method: str, path: str, headers: dict, *, flip: bool) -> None:
        blob = self.blobs[path]
        size = blob.size if isinstance(blob, LargeBlob) else len(blob)
        digest = path.rsplit("/", 1)[1]
        start, end, status, more = 0, size, 200, ""
        wanted = headers.get("range", "")
        if wanted.startswith("bytes=") and "," not in wanted:
            first, _, last = wanted[6:].partition("-")
            start = int(first) if first else size - int(last)
            end = min(size, int(last) + 1) if first and last else size
            status, more = 206, f"Content-Range: bytes {start}-{end - 1}/{size}\r\n"
        connection.sendall((f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/octet-stream\r\n"
                            f"Content-Length: {end - start}\r\nDocker-Content-Digest: {digest}\r\n"
                            f"Accept-Ranges: bytes\r\n{more}\r\n").encode())
        if method == "HEAD":
            return
        pieces = blob.pieces(start) if isinstance(blob, LargeBlob) else iter([blob[start:]])
        left = end - start
        for piece in pieces:
            piece = piece[:left]
            if flip and left == len(piece) and piece:
                piece = piece[:-1] + bytes([piece[-1] ^ 1])
            connection.sendall(piece)
            left -= len(piece)
            with self._lock:
                self.blob_bytes += len(piece)
            if self.bytes_per_second:
                time.sleep(len(piece) / self.bytes_per_second)
            if left == 0:
                return
