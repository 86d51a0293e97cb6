"""Files and folders as they lie in storage: published folders, closed folders of parts, accepted and refused drops."""
