"""containerd pulls through Lifeboat while its upstreams die, vanish, refuse and come back (the events are in outage_events.py)."""
import network
import outage_events
from outage_clients import ContainerdEngine
from rig import main

network.isolate()
outage_events.run_with(ContainerdEngine)
main()
