"""What an interpreter is and what is installed beside it, as JSON: `python describe_environment.py`.

Executed by the interpreter of the model's environment, hence standard library only, no Baton import.
"""

import importlib.metadata
import json
import platform
import sys


def main() -> None:
    """Print {"python", "implementation", "system", "machine", "packages": ["name==version", ...] sorted}."""
    packages = {
        f"{dist.metadata['Name']}=={dist.version}"
        for dist in importlib.metadata.distributions()
        if dist.metadata["Name"]
    }
    described = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": sorted(packages, key=str.lower),
    }
    json.dump(described, sys.stdout)


if __name__ == "__main__":
    main()
