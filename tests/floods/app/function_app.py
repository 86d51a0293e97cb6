"""The real functions over the app of tests/floods/served.py, for the functions host to serve."""

import atexit
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import azure.functions as func

from functions import advance, intake, perform, sweep, web
from shared import wiring
from tests.floods.counting import CallCounter
from tests.floods.served import from_environment

if "FLOOD_COUNTS" in os.environ:
    counter = CallCounter()
    wiring.use(from_environment(counter))
    atexit.register(counter.write, Path(os.environ["FLOOD_COUNTS"]))
app = func.FunctionApp()
for blueprint in (intake.bp, advance.bp, perform.bp, sweep.bp, web.bp):
    app.register_functions(blueprint)
