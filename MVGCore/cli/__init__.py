"""The command line: `mvg` and its subcommands, one module each."""

import os

# NumPy's products here are small, and threads of OpenBLAS wait for the next one at full load: on two threads
# of a busy machine they took half of all processor seconds. It reads this when NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
