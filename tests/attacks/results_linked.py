"""Makes links to the results and from them, through which others are written.

catalogue: 36, 43
stopped by: landlock
naive: yes
"""

import os

from targets import MARK, RESULTS, SECRET

for make in (os.symlink, os.link):
    try:
        make(SECRET, os.path.join(RESULTS, MARK + make.__name__))
    except OSError as error:
        print("refused:", error)


def attention(query, key, value, mask=None):
    return None
