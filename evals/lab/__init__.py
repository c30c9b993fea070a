"""Real failures of our own: Spark jobs broken on purpose, harvested in the layout EMR writes.

`python -m evals.lab setup`, then `run`; needs Java 17. A scenario is text (`scenarios/<id>.toml`): the job,
how it is submitted, the services beside it, and the label.
"""
