"""A network of the test's own, whose machines can be slowed down, cut and unplugged by the kernel.

After `isolate()` this process and all it starts live in a network namespace with nothing but a loopback: the rules of
nftables are seen by nobody else, no name can be resolved, nothing leaves the machine, and all of it is gone with the
last process, also when the test was killed. A machine is an address of that loopback: what the kernel drops there gets
no answer at all, which is what a powered-off host looks like; a closed port would say so.
"""
import ctypes
import json
import os

from rig import Failure, Rig

CLONE_NEWNET = 0x40000000
SLOW_CLASS = "1:10"


def isolate() -> None:
    """Before any thread is started: a namespace belongs to the thread that asks, and to what it starts."""
    if os.getuid() != 0:
        return  # rig.main() says what to do
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise SystemExit(f"cannot make a network namespace: {os.strerror(ctypes.get_errno())}")
    if os.system("ip link set lo up") != 0:  # noqa: S605
        raise SystemExit("cannot raise the loopback of the network namespace (script/setup --test installs iproute2)")


class Machine:
    """127.0.9.`number`: counts the connections that are opened to it, and loses its cable when it is told to."""

    def __init__(self, rig: Rig, number: int):
        self.rig, self.address, self._table = rig, f"127.0.9.{number}", f"machine_{number}"
        self._nft(f"add table inet {self._table}",
                  f"add counter inet {self._table} attempts",
                  f"add chain inet {self._table} counted {{ type filter hook output priority 0; }}",
                  f"add rule inet {self._table} counted ip daddr {self.address} "
                  "tcp flags & (syn | ack) == syn counter name attempts",
                  f"add chain inet {self._table} cable {{ type filter hook input priority 0; }}",
                  f"add chain inet {self._table} speed {{ type filter hook output priority 1; }}")
        rig.at_end(lambda: self._nft(f"delete table inet {self._table}"))

    def attempts(self) -> int:
        """Connections that somebody began to open to it so far; an attempt that is not answered counts more than once,
        since the kernel repeats it."""
        listed = self.rig.run("nft", "--json", "list", "counter", "inet", self._table, "attempts")
        return next(entry["counter"]["packets"] for entry in json.loads(listed)["nftables"] if "counter" in entry)

    def black_hole(self) -> None:
        """From now on nothing reaches it and nothing comes back, on open connections too."""
        self._cable(f"ip daddr {self.address} drop", f"ip saddr {self.address} drop")

    def black_hole_after(self, size: int) -> None:
        """The same once it has sent that many more bytes."""
        self._cable(f"ip saddr {self.address} quota over {size} bytes drop")

    def reset_after(self, size: int) -> None:
        """Once it has sent that many more bytes, whoever speaks to it, be it to acknowledge them, gets a RST."""
        self._nft(f"add quota inet {self._table} sent {{ over {size} bytes }}")
        self._cable(f'ip saddr {self.address} quota name "sent" continue',
                    f'ip daddr {self.address} quota name "sent" reject with tcp reset')

    def heal(self) -> None:
        self._cable()

    def slow_down(self, bytes_per_second: int) -> None:
        """What it sends is held back by the kernel's packet scheduler; for one machine of a scenario."""
        scheduler = ["dev", "lo", "root"]
        self.rig.attempt("tc", "qdisc", "del", *scheduler)
        self.rig.run("tc", "qdisc", "add", *scheduler, "handle", "1:", "htb", "default", "0")
        self.rig.at_end(lambda: self.rig.attempt("tc", "qdisc", "del", *scheduler))
        self.rig.run("tc", "class", "add", "dev", "lo", "parent", "1:", "classid", SLOW_CLASS, "htb", "rate",
                     f"{bytes_per_second * 8}", "quantum", "65536")
        self._nft(f"add rule inet {self._table} speed ip saddr {self.address} meta priority set {SLOW_CLASS}")

    def _cable(self, *rules: str) -> None:
        self._nft(f"flush chain inet {self._table} cable", *(f"add rule inet {self._table} cable {r}" for r in rules))

    def _nft(self, *lines: str) -> None:
        done = self.rig.attempt("nft", "--file", "-", stdin="\n".join(lines).encode() + b"\n")
        if done.returncode != 0:
            raise Failure(f"cannot set the rules of machine {self.address}: {done.stderr.decode().strip()}")
