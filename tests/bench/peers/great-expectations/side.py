"""The bench contract's rules by Great Expectations on a frame in memory: `python side.py FILE` prints what validating took."""

import json
import resource
import sys
import time

import great_expectations as gx
import pandas

E = gx.expectations
NUMBERS, WHOLE, TEXTS = [f"f{place}" for place in range(10)], ["n0", "n1"], [f"c{place}" for place in range(5)]
LISTED = [f"category {name}" for name in range(50)]

file = sys.argv[1]
frame = pandas.read_csv(file, engine="pyarrow") if file.endswith(".csv") else pandas.read_parquet(file)
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
asset = context.data_sources.add_pandas("bench").add_dataframe_asset("rows")
batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
rules = [E.ExpectTableColumnsToMatchSet(column_set=list(frame.columns))]
rules += [E.ExpectColumnValuesToNotBeNull(column=name) for name in ("id", *NUMBERS, *WHOLE, "at")]
rules += [E.ExpectColumnValuesToBeBetween(column=name, min_value=-100, max_value=100) for name in NUMBERS]
rules += [E.ExpectColumnValuesToBeBetween(column=name, min_value=0, max_value=1000) for name in WHOLE]
rules += [E.ExpectColumnValuesToBeInSet(column=name, value_set=LISTED) for name in TEXTS]
rules += [E.ExpectColumnValuesToMatchRegex(column=name, regex="^category [0-9]+$") for name in TEXTS]
rules += [E.ExpectColumnValuesToBeUnique(column="id")]
rules += [
    E.ExpectColumnValuesToBeOfType(column=name, type_=str(frame[name].dtype)) for name in (*NUMBERS, "id", *WHOLE)
]
suite = gx.ExpectationSuite(name="bench", expectations=rules)
wall, cpu = time.perf_counter(), time.process_time()
found = batch.validate(suite)
took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
if not found.success:
    sys.exit("the rules do not hold")
print(json.dumps({**took, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
