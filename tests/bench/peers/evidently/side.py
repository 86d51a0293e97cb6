"""Summary and drift by Evidently's presets on two frames in memory: `python side.py FILE REFERENCE` prints what that took."""

import json
import resource
import sys
import time

import pandas
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset, DataSummaryPreset

NUMBERS = ["id", *(f"f{place}" for place in range(10)), "n0", "n1"]
TEXTS = [*(f"c{place}" for place in range(5)), "flag"]

current, reference = (pandas.read_parquet(file) for file in sys.argv[1:3])
columns = DataDefinition(numerical_columns=NUMBERS, categorical_columns=TEXTS, datetime_columns=["at"])
wall, cpu = time.perf_counter(), time.process_time()
both = [Dataset.from_pandas(frame, data_definition=columns) for frame in (current, reference)]
Report([DataSummaryPreset(), DataDriftPreset()]).run(*both).dict()
took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
print(json.dumps({**took, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
