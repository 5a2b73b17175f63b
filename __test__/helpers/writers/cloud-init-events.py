"""Reports what stdin lists, as cloud-init does on Azure: POOL. Each is {type, name, text, result?, seconds?}."""

import json
import sys
import unittest.mock

from cloudinit import reporting
from cloudinit.reporting import events, handlers
from cloudinit.sources.helpers import azure

pool = sys.argv[1]
open(pool, "a").close()
reporting.update_configuration({"telemetry": {"type": "hyperv", "kvp_file_path": pool}})
for event in json.load(sys.stdin):
    kind, name, text = event["type"], event["name"], event["text"]
    if kind == "start":
        events.report_start_event(name, text)
    elif kind == "finish":
        events.report_finish_event(name, text, event["result"])
    elif kind == "compressed":
        azure.report_compressed_event(name, text.encode())
    else:
        events.report_event(events.ReportingEvent(kind, name, text))
reporting.flush_events()
