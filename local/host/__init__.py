"""The Functions host for a laptop: serves a real `function_app.py` with the contract of Azure's host.

Functions are invoked through the converters of the azure-functions library, so what reaches them is
what Azure's Python worker would give them; what starts them (webhook, queue, timer, route) follows
the sources of Azure's host. `python -m local.host --app . --port 0 --state .baton/host` starts it.
"""
