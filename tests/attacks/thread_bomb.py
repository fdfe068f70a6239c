"""Makes threads until there are no numbers of processes left for others; here three thousand.

catalogue: 51
stopped by: uid
naive: yes
"""

import threading

threading.stack_size(32768)
wait = threading.Event()
try:
    for _ in range(3000):
        threading.Thread(target=wait.wait, daemon=True).start()
    print("GOT THROUGH", threading.active_count())
except RuntimeError as error:
    print("refused:", error)
wait.set()


def attention(query, key, value, mask=None):
    return None
