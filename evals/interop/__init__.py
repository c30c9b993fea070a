"""The same cases through a real promptfoo: a provider, an assertion, and a check that both verdicts agree."""
