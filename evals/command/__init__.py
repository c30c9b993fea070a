"""The commands of `evals`: one module each, with `add`, which hangs its parser below the main one."""
