"""The local host against Microsoft's own worker library, trigger by trigger.

`theirs.py` runs on Python 3.13 inside azure-functions-runtime, `ours.py` on the app's Python inside the
local host; both drive the same app with the same cases and write what they saw as JSON.
"""
