import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as servers have it: sums are the same to the bit then
