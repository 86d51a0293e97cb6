"""`python -m tests.spark.side CONTRACT REFERENCES FILE...`: what Spark says of each Parquet file, one line of JSON each.

Runs in the environment of requirements-spark.txt, with two of Spark's workers on this machine; files are cut into parts of 32 kB.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

from shared.data.contract import read_contract
from shared.data.on_spark import NotOnSpark, check_on_spark
from tests.spark.broken import AT, ZONE

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "512m",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.network.timeout": "800s",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.files.maxPartitionBytes": "32768",
    "spark.sql.files.openCostInBytes": "0",
    "spark.sql.session.timeZone": ZONE,
}


def main() -> None:
    from pyspark.sql import SparkSession  # only its own environment has it

    os.environ["PYSPARK_PYTHON"] = sys.executable  # else the workers are the first python3 on PATH
    contract, references, *files = (Path(word) for word in sys.argv[1:])
    builder = SparkSession.builder.master("local[2]").appName("baton")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    rules = read_contract(contract)
    for file in files:
        rows = spark.read.parquet(str(file))
        named = hashlib.sha256(file.read_bytes()).hexdigest()
        verdict, profile = check_on_spark(rows, rules, at=AT, references=references, sha256=named)
        said = {"verdict": verdict.to_dict(), "profile": profile.to_dict(), "parts": rows.rdd.getNumPartitions()}
        print(json.dumps({**said, "zone": spark.conf.get("spark.sql.session.timeZone")}), flush=True)
    refused = {}
    (text := files[0].with_suffix(".csv")).write_text("ID\n1\n")
    tables = {"text": spark.read.csv(str(text), header=True), "no files": spark.range(3).withColumnRenamed("id", "ID")}
    for name, rows in tables.items():
        try:
            check_on_spark(rows, rules)
        except NotOnSpark as error:
            refused[name] = str(error)
    print(json.dumps(refused), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
