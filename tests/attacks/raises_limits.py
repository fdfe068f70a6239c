"""Gives itself more memory, time and files than it was allowed.

catalogue: 49, 55
stopped by: rlimits
naive: no (a naive grader sets no limits)
"""

import resource

for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
    soft, hard = resource.getrlimit(kind)
    try:
        resource.setrlimit(kind, (hard * 2 + 1, hard * 2 + 1))
        print("GOT THROUGH", kind)
    except (OSError, ValueError) as error:
        print("refused:", error)


def attention(query, key, value, mask=None):
    return None
