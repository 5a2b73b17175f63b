"""Seconds an event that cloud-init's own handler takes to write a pool: POOL EVENTS."""

import sys
import time

from cloudinit import reporting
from cloudinit.reporting import events

pool, count = sys.argv[1], int(sys.argv[2])
reporting.update_configuration({"telemetry": {"type": "hyperv", "kvp_file_path": pool}})
started = time.perf_counter()
for _ in range(count):
    events.report_event(events.ReportingEvent(events.START_EVENT_TYPE, "provision_user", "x" * 150))
reporting.flush_events()
print((time.perf_counter() - started) / count)
