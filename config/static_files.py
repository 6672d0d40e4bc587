"""Storage of static files with hashed names, also in the imports of ES modules."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # untyped
    """Replaces the names in `import` and `export` too, so that modules can be cached forever."""

    support_js_module_import_aggregation = True
    # Each pass renames the imports of one more level of modules.
    max_post_process_passes = 20
