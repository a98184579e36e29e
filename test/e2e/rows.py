"""Table tests over the wire: every row has a name, sends exact bytes and says what must come back."""
import dataclasses
from collections.abc import Callable

from parts import Lifeboat
from rig import Failure, Rig
from wire_client import RawAnswer, exchange

_ROWS: list[tuple[str, Callable]] = []


@dataclasses.dataclass
class Wire:
    """What a row talks to: a port, and names of content that is there."""
    lifeboat: Lifeboat
    names: dict

    @property
    def port(self) -> int:
        return self.lifeboat.port

    def send(self, method: str, target: str, fields: dict | None = None, body: bytes = b"", **options) -> RawAnswer:
        fields = {"Host": "registry", **(fields or {})}
        if (body or method in ("POST", "PUT", "PATCH")) and "Transfer-Encoding" not in fields:
            fields.setdefault("Content-Length", str(len(body)))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n"
        return exchange(self.port, head.encode("latin-1") + body, head=method == "HEAD", **options)


def row(function):
    """A row's name is its function's: `w24_a_range_is_clamped` stands for criterion W24."""
    _ROWS.append((function.__name__.replace("_", " "), function))
    return function


def run_rows(wire: Wire) -> None:
    failed = []
    for name, function in _ROWS:
        try:
            function(wire)
            print(f"        ok  {name}")
        except (Failure, OSError, ValueError, KeyError, AssertionError) as error:
            failed.append(name)
            print(f"        FAILED  {name}: {error or type(error).__name__}")
    if failed:
        raise Failure(f"{len(failed)} of {len(_ROWS)} rows failed: {'; '.join(failed)}")
    print(f"        {len(_ROWS)} rows")


def wire_of(rig: Rig, names: dict, **options) -> Wire:
    return Wire(Lifeboat(rig, **options), names)
