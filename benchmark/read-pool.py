"""Seconds a record that cloud-init's own code takes to read a pool, and to parse its values: POOL."""

import json
import sys
import time

from cloudinit.reporting.handlers import HyperVKvpReportingHandler

HyperVKvpReportingHandler._already_truncated_pool_file = True
handler = HyperVKvpReportingHandler(sys.argv[1])
started = time.perf_counter()
values = [json.loads(item["value"]) for item in handler._iterate_kvps(0)]
print((time.perf_counter() - started) / len(values))
