"""Settings of Hypothesis for tests that generate requests."""

import os

from hypothesis import HealthCheck, Phase, settings


def build_fuzz_settings(default_examples: int) -> settings:
    """Return settings for FUZZ_EXAMPLES examples; fewer than ten are the same in each run."""
    examples = int(os.environ.get("FUZZ_EXAMPLES", default_examples))
    return settings(
        max_examples=examples,
        derandomize=examples < 10,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
