"""Never ends to be imported.

catalogue: 32
stopped by: judge
naive: no (a hang is a hang)
"""

while True:
    pass
