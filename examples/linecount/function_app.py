import os

import azure.functions as func
from azure.storage.blob import BlobClient

app = func.FunctionApp()


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="counts", queue_name="counts", connection="STORAGE")
def count_lines(event: func.EventGridEvent, counts: func.Out[str]) -> None:
    container, name = event.subject.split("/containers/")[1].split("/blobs/", 1)
    with BlobClient.from_connection_string(os.environ["STORAGE"], container, name) as blob:
        counts.set(f"{name} {len(blob.download_blob().readall().splitlines())}")
