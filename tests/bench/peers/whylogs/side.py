"""Profile and drift by whylogs on a frame in memory, against a profile made before: `python side.py FILE REFERENCE`."""

import json
import resource
import sys
import time

import pandas
import whylogs
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

current, reference = (pandas.read_parquet(file) for file in sys.argv[1:3])
before = whylogs.log(reference).view()
wall, cpu = time.perf_counter(), time.process_time()
now = whylogs.log(current).view()
calculate_drift_scores(target_view=now, reference_view=before)
took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
print(json.dumps({**took, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
