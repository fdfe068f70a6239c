"""Returns an object that runs code where it is unpickled.

catalogue: 65
stopped by: worker
naive: pickle
"""

import os

from targets import MARK, OPEN


class Evil:
    def __reduce__(self):
        return os.mkdir, (os.path.join(OPEN, MARK),)


def attention(query, key, value, mask=None):
    return Evil(), Evil()
