"""The laptop's endpoints: `python -m local.serving` routes scoring requests to Microsoft's inference servers.

    POST /endpoints/<model>/score     one of the model's deployments by its share of traffic, or the one that the
                                      header azureml-model-deployment names
    GET  /health                      the router answers
    .../admin/...                     deployments and traffic, with x-baton-key (see `admin.py`)

A request's way: `connection.py` (one client, bounded) -> `scoring.py` (which deployment) -> `upstream.py` (its server)
-> `collect.py` (what is kept of it). Beside it `keeper.py` starts, watches and restarts the servers (`process.py`),
`admin.py` changes what `state.py` holds, and a process of its own (`collector.py`) brings what was collected to disk
(`segments.py`) and to storage (`upload.py`).
"""
