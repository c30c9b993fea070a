"""Reads a store of logs whole, as its users do."""

from diagnose.log import ReadBudget, ReadReport, read_lines


def names(files):
    return [file.name for file in files]


def read(store, name):
    report = ReadReport()
    try:
        with store.open(name) as stream:
            lines = [line.text for line in read_lines(stream, budget=ReadBudget(1 << 30), report=report)]
    except OSError as error:
        report.error = error.strerror
        lines = []
    return lines, report
