"""A contract checked on Spark gives the verdict that it gives here: `make spark`."""
