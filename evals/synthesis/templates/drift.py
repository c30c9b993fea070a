"""Failures of types and schemas: values that can't be cast, columns that changed, left or came."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.shape import (
    SPARK,
    SQL,
    analysis_error,
    captured_worker_error,
    is_spark35,
    jdbc_frames,
    part,
    query_frames,
    reading,
    row_not_written,
    say,
    scan_frames,
    worker_error,
)
from evals.synthesis.trace import PythonError, Throwable


def _cast(scene: Scene) -> tuple[str, str]:
    """The exception and the message of a cast that ANSI mode refuses, in the wording of Spark 3.4 and 3.5."""
    rng, column = scene.rng, scene.names.columns[2]
    ansi = 'If necessary set "spark.sql.ansi.enabled" to "false" to bypass this error.'
    tolerate = "Use `try_cast` to tolerate malformed input and return NULL instead."
    value, target = rng.choice((
        ("12,5", "DOUBLE"), ("n/a", "BIGINT"), ("2026-02-30", "DATE"), ("4711x", "INT"), ("yes please", "BOOLEAN"), ("03.05.2026", "TIMESTAMP"),
    ))  # fmt: skip
    name = {
        "DATE": "SparkDateTimeException",
        "TIMESTAMP": "SparkDateTimeException",
        "BOOLEAN": "SparkRuntimeException",
    }
    return rng.choice((
        (name.get(target, "SparkNumberFormatException"), f"[CAST_INVALID_INPUT] The value '{value}' of the type \"STRING\" cannot be cast to "
         f'"{target}" because it is malformed. Correct the value as per the syntax, or change its target type. {tolerate} {ansi}'),
        ("SparkArithmeticException", f'[CAST_OVERFLOW] The value {rng.randrange(3 * 10**9, 9 * 10**12)}L of the type "BIGINT" cannot be cast to '
         f'"INT" due to an overflow. Use `try_cast` to tolerate overflow and return NULL instead. {ansi}'),
        ("SparkArithmeticException", '[CAST_OVERFLOW_IN_TABLE_INSERT] Fail to assign a value of "BIGINT" type to the "INT" type column or '
         f"variable `{column}` due to an overflow. Use `try_cast` on the input value to tolerate overflow and return NULL instead."),
    ))  # fmt: skip


@template("ansi-refuses-value", FailureType.CAST_FAILURE, difficulty="easy")
def ansi_refuses_value(scene: Scene) -> Truth:
    """With ANSI mode a value can't become the type that a query wants."""
    scene.facts.extra_args.extend(["--conf", "spark.sql.ansi.enabled=true"])
    name, text = _cast(scene)
    inserts = "INSERT" in text
    stage = reading(scene, writes=inserts)
    column = scene.names.columns[2]
    where = f"\n== SQL(line 1, position 8) ==\nselect cast({column} as type) from {scene.names.table}\n       {'^' * (len(column) + 14)}\n"
    shown = text + (where if not inserts and scene.rng.random() < 0.7 else "")
    failure = Throwable(f"{SPARK}{name}", shown, (
        f"{SQL}errors.QueryExecutionErrors$.{'castingCauseOverflowError' if 'OVERFLOW' in text else 'invalidInputInCastToNumberError'}"
        "(QueryExecutionErrors.scala:145)", *query_frames(scene)[: 4 if inserts else None],
    ))  # fmt: skip
    thrown = scene.fail_task(stage, row_not_written(scene, failure) if inserts else failure)
    scene.fail(thrown, call="saveAsTable" if inserts else "count")
    return Truth(
        description="A value of the data can't be cast to the type that is asked for.",
        evidence=(text.split(" ")[0] + " " + " ".join(text.split(" ")[1:4]),),
        accept=(Category.CONFIGURATION_ERROR,),
    )


@template("database-refuses-value", FailureType.CAST_FAILURE, difficulty="medium")
def database_refuses_value(scene: Scene) -> Truth:
    """A database or a function on the executors can't take a value as the type of its column."""
    rng, names = scene.rng, scene.names
    value = rng.choice(("12k", "n/a", "1.204,10", "ABC"))
    in_python = scene.language == "python" and rng.random() < 0.5
    stage = reading(scene, writes=not in_python)
    if in_python:
        error = PythonError(
            "ValueError",
            f"invalid literal for int() with base 10: '{value}'",
            (("", rng.randrange(20, 60), "parse", "return int(text)"),),
        )
        thrown = worker_error(scene, error)
        aborted = scene.fail_task(stage, thrown)
        source = f"total = {names.table}.withColumn('n', parse('{names.column}')).count()"
        scene.fail(
            captured_worker_error(scene, thrown, "count", source) if rng.random() < 0.7 else aborted,
            call="count",
        )
        evidence = error.header
    else:
        evidence = rng.choice((
            f'ERROR: invalid input syntax for type integer: "{value}"', f'ERROR: invalid input syntax for type numeric: "{value}"',
            'ERROR: date/time field value out of range: "2026-31-12"',
        ))  # fmt: skip
        driver = "org.postgresql.jdbc.PgStatement."
        failure = Throwable("org.postgresql.util.PSQLException", f"{evidence}\n  Where: unnamed portal parameter $3 = '...'", (
            "org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2725)",
            f"{driver}executeBatch(PgStatement.java:892)",
            *jdbc_frames(),
        ))  # fmt: skip
        scene.fail(scene.fail_task(stage, failure), call="save")
    return Truth(
        description="A value of the data is not of the type that its target has.", evidence=(evidence,),
        accept=(Category.CONFIGURATION_ERROR,),
        failure_type=FailureType.MALFORMED_INPUT if evidence.startswith("ValueError") else None,
    )  # fmt: skip


@template("file-has-other-type", FailureType.SCHEMA_DRIFT, difficulty="medium")
def file_has_other_type(scene: Scene) -> Truth:
    """New files hold a column with another type than the table or the older files."""
    rng, column = scene.rng, scene.names.columns[3]
    stage = reading(scene)
    old, new = rng.choice(
        (
            ("bigint", "BINARY"),
            ("decimal(10,2)", "DOUBLE"),
            ("int", "INT64"),
            ("string", "INT32"),
            ("timestamp", "INT64"),
        )
    )
    text = f"Parquet column cannot be converted in file {part(scene, '.snappy.parquet')}. Column: [{column}], Expected: {old}, Found: {new}."
    vector = f"{SQL}execution.datasources.parquet."
    mismatch = Throwable(f"{SQL}execution.datasources.SchemaColumnConvertNotSupportedException", "", (
        f"{vector}ParquetVectorUpdaterFactory.constructConvertNotSupportedException(ParquetVectorUpdaterFactory.java:1136)",
        f"{vector}VectorizedColumnReader.readBatch(VectorizedColumnReader.java:174)", *scan_frames(scene),
    ))  # fmt: skip
    union = f"Found {rng.choice(('string', 'long', 'null'))}, expecting union"
    shapes = (
        (text, f"Column: [{column}], Expected: {old}, Found: {new}", Throwable(f"{SPARK}SparkException", text, (
            f"{SQL}errors.QueryExecutionErrors$.unsupportedSchemaColumnConvertError(QueryExecutionErrors.scala:855)", *scan_frames(scene)), mismatch)),
        (text, f"Column: [{column}], Expected: {old}, Found: {new}", Throwable(f"{SQL}execution.QueryExecutionException", text, (
            f"{SQL}errors.QueryExecutionErrors$.unsupportedSchemaColumnConvertError(QueryExecutionErrors.scala:855)", *scan_frames(scene)), mismatch)),
        (union, union, Throwable("org.apache.avro.AvroTypeException", union, (
            "org.apache.avro.io.ResolvingDecoder.doAction(ResolvingDecoder.java:309)",
            "org.apache.avro.io.parsing.Parser.advance(Parser.java:86)", *scan_frames(scene)))),
    )  # fmt: skip
    _, evidence, failure = rng.choice(shapes)
    scene.fail(scene.fail_task(stage, failure), call="count")
    return Truth(description="A column of the new files has another type than before.", evidence=(evidence,))


@template("schemas-do-not-merge", FailureType.SCHEMA_DRIFT, difficulty="medium")
def schemas_do_not_merge(scene: Scene) -> Truth:
    """Schemas of files, or of data and table, can't be brought together."""
    rng, names = scene.rng, scene.names
    column, first = names.columns[4], names.columns[0]
    merge = (
        '[CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE] Failed to merge incompatible data types "BIGINT" and "STRING".'
    )
    scene.start()
    scene.healthy_run()
    scene.healthy_stage(tasks=rng.randrange(2, 8), action="collect")
    if rng.random() < 0.45:
        initial = f'"STRUCT<{first}: BIGINT, {column}: BIGINT>"'
        other = f'"STRUCT<{first}: BIGINT, {column}: STRING>"'
        scene.fail(Throwable(f"{SPARK}SparkException", f"[CANNOT_MERGE_SCHEMAS] Failed merging schemas:\nInitial schema:\n{initial}\nSchema that "
            f"cannot be merged with the initial schema:\n{other}.", (
            f"{SQL}errors.QueryExecutionErrors$.failedMergingSchemaError(QueryExecutionErrors.scala:2320)",
            f"{SQL}execution.datasources.SchemaMergeUtils$.$anonfun$mergeSchemasInParallel$5(SchemaMergeUtils.scala:100)",
            f"{SQL}execution.datasources.parquet.ParquetUtils$.inferSchema(ParquetUtils.scala:110)",
        ), Throwable(f"{SPARK}SparkException", merge, (f"{SQL}types.StructType$.merge(StructType.scala:623)",))), call="parquet")  # fmt: skip
        return Truth(
            description="Files of one folder have schemas that can't be merged.",
            evidence=("[CANNOT_MERGE_SCHEMAS]", merge),
        )
    arity = (
        f"[INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_FIND_DATA] Cannot write incompatible data for the table `spark_catalog`.`{names.database}`."
        f"`{names.table}`: Cannot find data for the output column `{column}`." if is_spark35(scene)
        else f"Cannot write incompatible data to table '`spark_catalog`.`{names.database}`.`{names.table}`':\n- Cannot find data for "
        f"output column '{column}'"
    )  # fmt: skip
    text, evidence = rng.choice((
        (f"[DELTA_FAILED_TO_MERGE_FIELDS] Failed to merge fields '{column}' and '{column}'",) * 2,
        ("[_LEGACY_ERROR_TEMP_DELTA_0007] A schema mismatch detected when writing to the Delta table (Table ID: "
         f"{scene.ground.uuid()}).\nTo enable schema migration using DataFrameWriter or DataStreamWriter, please set:\n"
         "'.option(\"mergeSchema\", \"true\")'.\n\nTable schema:\n"
         f"root\n-- {first}: long (nullable = true)\n\nData schema:\nroot\n-- {first}: long (nullable = true)\n-- {column}: string (nullable = true)\n",
         "A schema mismatch detected when writing to the Delta table"),
        (arity, arity.split(": ", 1)[1] if is_spark35(scene) else f"Cannot find data for output column '{column}'"),
    ))  # fmt: skip
    scene.fail(
        analysis_error(
            scene, text, "saveAsTable", f"frame.write.mode('append').saveAsTable('{names.table}')"
        ),
        call="saveAsTable",
    )
    return Truth(
        description="The data no longer has the schema of the table it is written to.", evidence=(evidence,),
        accept=(Category.CONFIGURATION_ERROR,),
    )  # fmt: skip


@template("drop-came-without-column", FailureType.SCHEMA_DRIFT, difficulty="hard")
def drop_came_without_column(scene: Scene) -> Truth:
    """Today's files lack a column that yesterday's had; the query looks as if it had a wrong name."""
    rng, names = scene.rng, scene.names
    column, kept = names.columns[5], names.columns[:5]
    scene.start()
    scene.healthy_run()
    told = rng.choice((
        f"columns of {names.table} changed since the last run: gone ['{column}'], new ['{column}_v2']",
        f"{names.table}: {len(kept)} columns today, {len(kept) + 1} yesterday; no {column} any more",
        f"header of today's drop differs from {names.table}'s contract: expected {column} at position 6, end of line found",
    ))  # fmt: skip
    say(scene, told, level="WARN")
    if rng.random() < 0.5:
        scene.long_run(rng.choice((150, 400)))
    offered = ", ".join(f"`{name}`" for name in kept)
    end = (
        f"A column or function parameter with name `{column}` cannot be resolved. Did you mean one of the following? [{offered}]."
        if scene.release.spark.startswith(("3.4", "3.5")) else ""
    )  # fmt: skip
    tree = f";\n'Project ['{column}]\n+- Relation [{','.join(f'{name}#{number}' for number, name in enumerate(kept, 40))}] csv\n"
    scene.fail(
        analysis_error(
            scene,
            f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] {end}{tree}",
            "select",
            f"frame = drop.select('{column}')",
        ),
        call="select",
    )
    return Truth(
        description="Today's files came without a column that the job needs.",
        evidence=(told,),
        accept=(Category.CONFIGURATION_ERROR,),
        notes="the name in the query is right: the job itself says that the column was there before",
    )
