"""Real failures of our own: Spark jobs broken on purpose, harvested in the layout EMR writes.

`python -m evals.lab run all --output datasets/lab` needs Java and the `lab` dependency group. A scenario is
text (`scenarios/<id>.toml`): the job, how it is submitted, the loopback services beside it, and the label.
"""
