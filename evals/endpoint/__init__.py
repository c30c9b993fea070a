"""A small real model behind an endpoint that speaks Bedrock Runtime's HTTP, to record real mistakes with.

`python -m evals.endpoint` serves, `… record` asks it about labelled cases and keeps the replies, `… select`
chooses the cases. Recordings replay without a model: only writing new ones needs the group `local-llm`.
"""
