"""The app that the Functions host indexes: it registers the blueprints, nothing else."""

import azure.functions as func

from functions import advance, intake, perform, sweep, web

app = func.FunctionApp()
for blueprint in (intake.bp, advance.bp, perform.bp, sweep.bp, web.bp):
    app.register_functions(blueprint)
