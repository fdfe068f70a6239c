"""Moves the judge to one processor, last in line, with little time left.

catalogue: 49
stopped by: seccomp
naive: yes
"""

import os
import resource

from targets import JUDGE

attempts = [
    lambda: os.sched_setaffinity(JUDGE, {min(os.sched_getaffinity(0))}),
    lambda: os.setpriority(os.PRIO_PROCESS, JUDGE, 5),
    lambda: os.sched_setscheduler(JUDGE, os.SCHED_IDLE, os.sched_param(0)),
    lambda: resource.prlimit(JUDGE, resource.RLIMIT_CPU, (10**6, 10**6)),
]
for attempt in attempts:
    try:
        attempt()
        print("GOT THROUGH")
    except OSError as error:
        print("refused:", error)


def attention(query, key, value, mask=None):
    return None
