"""Apps that Azure's worker refuses to start, each a whole `function_app.py`."""

from __future__ import annotations

HEAD = "import azure.functions as func\napp = func.FunctionApp()\n"
ROUTE = '@app.route(route="{name}")\ndef {name}({signature}) -> {returns}:\n    return "a"\n'


def http(name: str = "a", signature: str = "req: func.HttpRequest", returns: str = "str") -> str:
    """An HTTP function's source."""
    return ROUTE.format(name=name, signature=signature, returns=returns)


BROKEN = {
    "one wrong parameter name": HEAD + http() + http("b", "_req: func.HttpRequest"),
    "a binding without a parameter": HEAD
    + '@app.queue_output(arg_name="ring", queue_name="q", connection="C")\n'
    + http(),
    "a wrong annotation": HEAD + http(signature="req: func.QueueMessage"),
    "an annotation that does not exist": HEAD + http(signature='req: "func.Nothing"'),
    "a context of another type": HEAD + http(signature="req: func.HttpRequest, context: str"),
    "a return annotation that the output refuses": HEAD + http(returns="int"),
    "a return annotation that is no class": HEAD + http(returns="list[str]"),
    "an output without Out": HEAD
    + '@app.queue_output(arg_name="ring", queue_name="q", connection="C")\n'
    + http(signature="req: func.HttpRequest, ring: str"),
    "an input with Out": HEAD + http(signature="req: func.Out[func.HttpRequest]"),
    "an exception at import": "import os\nos.environ['MISSING_NAME']\n",
    "a module that is not installed": "import nowhere_to_be_found\n",
    "two apps": HEAD + "other = func.FunctionApp()\n",
    "no app": "import azure.functions as func\n",
    "one name twice": HEAD + http() + http(),
    "an app registered as a blueprint": HEAD + "app.register_functions(func.FunctionApp())\n",
}
