"""Reports events as cloud-init does on Azure: NAME POOL. For how many seconds comes on stdin."""

import json
import random
import sys
import time

from cloudinit import reporting
from cloudinit.reporting import events

name, pool = sys.argv[1:]
reporting.update_configuration({"telemetry": {"type": "hyperv", "kvp_file_path": pool}})
print("ready", flush=True)
until = time.monotonic() + float(sys.stdin.readline())
texts = 0
while time.monotonic() < until:
    for _ in range(random.randint(1, 20)):
        size = random.randint(1, 4000 if random.random() < 0.1 else 500)
        text = f"{texts} {size} {'x' * size}"
        events.report_event(events.ReportingEvent(events.START_EVENT_TYPE, name, text))
        texts += 1
    time.sleep(random.random() * 0.2)
reporting.flush_events()
print(json.dumps({"texts": texts}))
