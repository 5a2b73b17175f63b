"""Appends as azure-init 0.1 does, under flock alone: NAME POOL. For how many seconds comes on stdin."""

import fcntl
import json
import os
import random
import sys
import time
import uuid

name, pool = sys.argv[1:]
file = os.open(pool, os.O_WRONLY | os.O_APPEND)


def record(text):
    key = f"azure-init-0.1.1|vm|INFO|{name}|{uuid.uuid4()}"
    value = f"Time: 2026-08-31T12:34:56.789Z | Event: message={text}"
    return key.encode().ljust(512, b"\0") + value.encode().ljust(2048, b"\0")


print("ready", flush=True)
until = time.monotonic() + float(sys.stdin.readline())
texts = 0
while time.monotonic() < until:
    batch = b""
    for _ in range(random.randint(1, 20)):
        size = random.randint(1, 900)
        batch += record(f"{texts} {size} {'x' * size}")
        texts += 1
    fcntl.flock(file, fcntl.LOCK_EX)
    os.write(file, batch)
    fcntl.flock(file, fcntl.LOCK_UN)
    time.sleep(random.random() * 0.2)
print(json.dumps({"texts": texts, "records": texts}))
