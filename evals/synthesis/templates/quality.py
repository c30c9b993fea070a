"""Failures of what rows say: nulls, arithmetic, duplicates, and checks of the data that did not pass."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.shape import (
    SPARK,
    SQL,
    captured_worker_error,
    is_java8,
    is_spark35,
    jdbc_frames,
    jdk,
    own_name,
    package,
    query_frames,
    reading,
    row_not_written,
    say,
    worker_error,
)
from evals.synthesis.trace import PythonError, Throwable

_ANSI = 'If necessary set "spark.sql.ansi.enabled" to "false" to bypass this error.'
_ERRORS = f"{SQL}errors.QueryExecutionErrors$."


@template("column-may-not-be-empty", FailureType.NULL_VIOLATION, difficulty="easy")
def column_may_not_be_empty(scene: Scene) -> Truth:
    """A null meets a column, a field or a map's key that may hold none."""
    rng, names = scene.rng, scene.names
    column = names.columns[0]
    field = (
        f'Null value appeared in non-nullable field:\n- field (class: "scala.{rng.choice(("Long", "Int", "Double"))}", name: "{column}")\n'
        f'- root class: "{names.main_class}Row"\nIf the schema is inferred from a Scala tuple/case class, or a Java bean, please try to use '
        "scala.Option[_] or other nullable types (e.g. java.lang.Integer instead of int/scala.Int)."
    )
    delta = f"{SQL}delta.schema.DeltaInvariantViolationException"
    shapes = (
        ("Null value appeared in non-nullable field:", Throwable("java.lang.NullPointerException", field, query_frames(scene))),
        (f"NOT NULL constraint violated for column: {column}", Throwable(
            delta, f"[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for column: {column}.\n", (
            f"{delta}$.getNotNullInvariantViolatedException(InvariantViolationException.scala:71)",
            f"{SQL}delta.constraints.CheckDeltaInvariant.assertRule(CheckDeltaInvariant.scala:82)", *query_frames(scene)[:4]))),
        ("violates not-null constraint", Throwable("org.postgresql.util.PSQLException", f'ERROR: null value in column "{column}" of relation '
            f'"{names.table}" violates not-null constraint\n  Detail: Failing row contains (null, {rng.randrange(900)}, EUR).', (
            "org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2725)",
            *jdbc_frames()))),
        (f"Column '{column}' cannot be null", Throwable("java.sql.BatchUpdateException", f"Column '{column}' cannot be null", (
            "com.mysql.cj.jdbc.exceptions.SQLExceptionsMapping.translateException(SQLExceptionsMapping.java:122)",
            *jdbc_frames()))),
        ("Cannot use null as map key", Throwable(f"{SPARK}SparkRuntimeException", "[NULL_MAP_KEY] Cannot use null as map key.", (
            f"{_ERRORS}nullAsMapKeyNotAllowedError(QueryExecutionErrors.scala:261)",
            f"{SQL}catalyst.util.ArrayBasedMapBuilder.put(ArrayBasedMapBuilder.scala:52)", *query_frames(scene)))),
    )  # fmt: skip
    evidence, failure = rng.choice(shapes)
    delta_row = "delta" in failure.name
    writes = delta_row or "jdbc" in failure.frames[1]
    stage = reading(scene, writes=writes)
    failure = row_not_written(scene, failure) if delta_row else failure
    scene.fail(scene.fail_task(stage, failure), call="save" if writes else "count")
    return Truth(description="The data holds a null where none may be.", evidence=(evidence,))


@template("function-meets-none", FailureType.NULL_VIOLATION, difficulty="medium")
def function_meets_none(scene: Scene) -> Truth:
    """The job's own function computes with a value that is null in some rows."""
    rng, names = scene.rng, scene.names
    column = names.columns[1]
    stage = reading(scene)
    if scene.language == "python":
        row = ("", rng.randrange(20, 70), "to_row", f"return int(row['{column}'])")
        frame = (
            "",
            rng.randrange(20, 70),
            "to_frame",
            f"frame['{column}'] = frame['{column}'].astype('int64')",
        )
        error = rng.choice((
            PythonError("TypeError", "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'", (row,)),
            PythonError("ValueError", "cannot convert float NaN to integer", (row,)),
            PythonError("pandas.errors.IntCastingNaNError", "Cannot convert non-finite values (NA or inf) to integer", (frame,)),
        ))  # fmt: skip
        thrown = worker_error(scene, error)
        aborted = scene.fail_task(stage, thrown)
        end = captured_worker_error(scene, thrown, "count", "rows.count()") if rng.random() < 0.6 else aborted
        scene.fail(end, call="count")
        evidence = error.header
    else:
        name = own_name(scene)
        text = (
            ""
            if is_java8(scene)
            else f'Cannot invoke "java.lang.Long.longValue()" because "{column}" is null'
        )
        place = f"{package(scene)}.{name}$.$anonfun$keys$1({name}.scala:{rng.randrange(30, 90)})"
        cause = Throwable("java.lang.NullPointerException", text, (place, *query_frames(scene)))
        say(scene, f"{column} of {names.table} is null in {rng.randrange(2, 900)} rows", level="WARN")
        udf = f"(`{name}$$Lambda$3121/0x{rng.randrange(16**9, 16**10):016x}` (bigint) => bigint)"
        head = "[FAILED_EXECUTE_UDF] Failed to execute user defined function"
        text = (
            f"{head} {udf}."
            if is_spark35(scene)
            else f"{head} ({name}$$Lambda$3121/{rng.randrange(10**9)}: (bigint) => bigint)."
        )
        failure = Throwable(f"{SPARK}SparkException", text, (
            f"{_ERRORS}failedExecuteUserDefinedFunctionError(QueryExecutionErrors.scala:198)", *query_frames(scene)), cause)  # fmt: skip
        scene.fail(scene.fail_task(stage, failure), call="count")
        evidence = cause.message or f"{column} of {names.table} is null in"
    return Truth(
        description="The input holds nulls where the job's function needs values.",
        evidence=(evidence,),
        accept=(Category.CONFIGURATION_ERROR,),
    )


@template("engine-cannot-divide", FailureType.ARITHMETIC_ERROR, difficulty="easy")
def engine_cannot_divide(scene: Scene) -> Truth:
    """With ANSI mode, or in a database, a value can't be computed or has no room in its type."""
    rng, (left, right) = scene.rng, scene.names.columns[:2]
    scene.facts.extra_args.extend(["--conf", "spark.sql.ansi.enabled=true"])
    where = (
        f"\n== SQL(line 1, position 1) ==\n{left} / {right} as share\n{'^' * (len(left) + len(right) + 3)}\n"
    )
    number = f"{rng.randrange(10**9, 10**13)}.{rng.randrange(10, 99)}"
    kind = rng.choice(("integer", "long"))
    shapes = (
        ("[DIVIDE_BY_ZERO] Division by zero", Throwable(f"{SPARK}SparkArithmeticException", "[DIVIDE_BY_ZERO] Division by zero. Use `try_divide` "
            f"to tolerate divisor being 0 and return NULL instead. {_ANSI}{where}", (
            f"{_ERRORS}divideByZeroError(QueryExecutionErrors.scala:206)", *query_frames(scene)))),
        (f"{number} cannot be represented as Decimal(10, 2)", Throwable(f"{SPARK}SparkArithmeticException", f"[NUMERIC_VALUE_OUT_OF_RANGE] {number} "
            f'cannot be represented as Decimal(10, 2). If necessary set "spark.sql.ansi.enabled" to "false" to bypass this error, and return NULL '
            "instead.", (f"{_ERRORS}cannotChangeDecimalPrecisionError(QueryExecutionErrors.scala:123)",
            f"{SQL}types.Decimal.toPrecision(Decimal.scala:369)", *query_frames(scene)))),
        (f"[ARITHMETIC_OVERFLOW] {kind} overflow", Throwable(f"{SPARK}SparkArithmeticException", f"[ARITHMETIC_OVERFLOW] {kind} overflow. Use "
            f"'try_{rng.choice(('add', 'multiply'))}' to tolerate overflow and return NULL instead. {_ANSI}", (
            f"{_ERRORS}arithmeticOverflowError(QueryExecutionErrors.scala:667)", *query_frames(scene)))),
        ("ERROR: numeric field overflow", Throwable("org.postgresql.util.PSQLException", "ERROR: numeric field overflow\n  Detail: A field with "
            "precision 8, scale 2 must round to an absolute value less than 10^6.", (
            "org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2725)",
            *jdbc_frames()))),
    )  # fmt: skip
    evidence, failure = rng.choice(shapes)
    writes = "jdbc" in failure.frames[1]
    stage = reading(scene, writes=writes)
    scene.fail(scene.fail_task(stage, failure), call="save" if writes else "count")
    return Truth(
        description="An arithmetic operation on the data has no result in its type.", evidence=(evidence,),
        accept=(Category.CONFIGURATION_ERROR,),
    )  # fmt: skip


@template("function-divides-by-nothing", FailureType.ARITHMETIC_ERROR, difficulty="medium")
def function_divides_by_nothing(scene: Scene) -> Truth:
    """The job's own function divides by a value of the data that is zero."""
    rng, names = scene.rng, scene.names
    stage = reading(scene)
    if scene.language == "python":
        error = rng.choice((
            PythonError("ZeroDivisionError", "division by zero", (("", rng.randrange(20, 60), "ratio", f"return {names.columns[0]} / {names.columns[1]}"),)),
            PythonError("decimal.DivisionByZero", "[<class 'decimal.DivisionByZero'>]", (("", rng.randrange(20, 60), "ratio", "return part / whole"),)),
            PythonError("OverflowError", "math range error", (("", rng.randrange(20, 60), "ratio", "return math.exp(part / whole)"),)),
        ))  # fmt: skip
        thrown = worker_error(scene, error)
        aborted = scene.fail_task(stage, thrown)
        scene.fail(
            captured_worker_error(scene, thrown, "count", "shares.count()")
            if rng.random() < 0.6
            else aborted,
            call="count",
        )
        evidence = error.header
    else:
        name = own_name(scene)
        failure = Throwable("java.lang.ArithmeticException", rng.choice((
            "/ by zero", "Division undefined", "long overflow", "Non-terminating decimal expansion; no exact representable decimal result.",
        )), (*jdk(scene, "java.base/java.math.BigDecimal.divide(BigDecimal.java:1780)"),
             f"{package(scene)}.{name}$.share({name}.scala:{rng.randrange(20, 90)})", *query_frames(scene)))  # fmt: skip
        if failure.message in {"/ by zero", "long overflow"}:
            failure = Throwable(failure.name, failure.message, failure.frames[1:])
        scene.fail(scene.fail_task(stage, failure), call="count")
        evidence = failure.header
    return Truth(
        description="The job's own arithmetic meets values that it can't compute with.", evidence=(evidence,),
        accept=(Category.CONFIGURATION_ERROR,),
    )  # fmt: skip


@template("rows-more-than-one", FailureType.MALFORMED_INPUT, difficulty="medium")
def rows_more_than_one(scene: Scene) -> Truth:
    """The data holds keys twice where an operation takes each once."""
    rng, names = scene.rng, scene.names
    key = f"{rng.choice(('DE', 'SKU', 'K'))}-{rng.randrange(1000, 99999)}"
    twice = (
        f"[DUPLICATED_MAP_KEY] Duplicate map key {key} was found, please check the input data.\nIf you want to remove the duplicated keys, you can "
        'set "spark.sql.mapKeyDedupPolicy" to "LAST_WIN" so that the key inserted at last takes precedence.'
    )
    single = "More than one row returned by a subquery used as an expression."
    merge = (
        "[DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE] Cannot perform Merge as multiple source rows matched and attempted to modify the "
        "same target row in the Delta table in possibly conflicting ways. By SQL semantics of Merge, when multiple source rows match on the same "
        "target row, the result may be ambiguous as it is unclear which source row should be used to update or delete the matching target row."
    )
    kind = rng.choice(("map", "subquery", "merge", "unique"))
    if kind in {"map", "unique"}:
        stage = reading(scene, writes=kind == "unique")
        failure = {
            "map": Throwable(f"{SPARK}SparkRuntimeException", twice, (
                f"{_ERRORS}duplicateMapKeyFoundError(QueryExecutionErrors.scala:1213)",
                f"{SQL}catalyst.util.ArrayBasedMapBuilder.put(ArrayBasedMapBuilder.scala:73)", *query_frames(scene))),
            "unique": Throwable("org.postgresql.util.PSQLException", f'ERROR: duplicate key value violates unique constraint "{names.table}_pkey"\n'
                f"  Detail: Key ({names.column})=({key}) already exists.", (
                "org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2725)",
                *jdbc_frames())),
        }[kind]  # fmt: skip
        scene.fail(scene.fail_task(stage, failure), call="save" if kind == "unique" else "count")
    else:
        scene.start()
        scene.healthy_run()
        scene.healthy_stage(tasks=8, action="collect")
        scene.fail(
            Throwable(f"{SPARK}SparkException", f"[SCALAR_SUBQUERY_TOO_MANY_ROWS] {single}", (
                f"{_ERRORS}multipleRowScalarSubqueryError(QueryExecutionErrors.scala:2740)",
                f"{SQL}execution.ScalarSubquery.updateResult(subquery.scala:83)")) if kind == "subquery"
            else Throwable(f"{SQL}delta.DeltaUnsupportedOperationException", merge, (
                f"{SQL}delta.DeltaErrorsBase.multipleSourceRowMatchingTargetRowInMergeException(DeltaErrors.scala:1234)",
                f"{SQL}delta.commands.merge.ClassicMergeExecutor.findTouchedFiles(ClassicMergeExecutor.scala:142)")),
            call="sql" if kind == "merge" else "showString",
        )  # fmt: skip
    return Truth(
        description="The data holds rows or keys twice where an operation takes each once.",
        evidence=({"map": f"Duplicate map key {key} was found", "unique": "duplicate key value violates unique constraint",
                   "merge": "multiple source rows matched and attempted to modify", "subquery": single}[kind],),
        accept=(Category.CONFIGURATION_ERROR,),
        notes="duplicates in the data; there is no type of its own for them",
    )  # fmt: skip


@template("library-verifies-data", FailureType.QUALITY_CHECK_FAILED, difficulty="medium")
def library_verifies_data(scene: Scene) -> Truth:
    """A data quality library measures a table, finds it wanting and the job stops."""
    rng, names = scene.rng, scene.names
    column, share = names.columns[2], rng.randrange(60, 97)
    scene.start()
    scene.healthy_run(2)
    wrote = rng.random() < 0.4
    if wrote:
        scene.write()
    scene.healthy_stage(tasks=10, action="collect")
    if scene.language == "scala":
        found = f"CompletenessConstraint(Completeness({column},None,None)): Value: 0.{share} does not meet the constraint requirement!"
        say(scene, f"Check(CheckLevel.Error, {names.table}) -> Error\n{found}", level="ERROR")
        scene.fail(Throwable("java.lang.IllegalStateException", f"verification of {names.table} ended with status Error", (
            f"{package(scene)}.Verified$.orStop(Verified.scala:{rng.randrange(20, 60)})",)))  # fmt: skip
        evidence: tuple[str, ...] = (
            "does not meet the constraint requirement!",
            f"verification of {names.table} ended with status Error",
        )
    else:
        suite = f"{names.table}.{rng.choice(('warning', 'critical'))}"
        expectation = rng.choice(
            (
                "expect_column_values_to_not_be_null",
                "expect_column_values_to_be_between",
                "expect_column_values_to_be_unique",
            )
        )
        scene.driver_out.raw(
            f'{{\n  "success": false,\n  "expectation_config": {{"expectation_type": "{expectation}", "kwargs": {{"column": "{column}"}}}},\n'
            f'  "result": {{"element_count": {rng.randrange(10**5, 10**7)}, "unexpected_percent": {100 - share}.{rng.randrange(10, 99)}}}\n}}'
        )
        error = f"Validation of suite {suite} did not succeed: {rng.randrange(1, 5)} of {rng.randrange(6, 30)} expectations unmet"
        scene.fail(PythonError("great_expectations.exceptions.exceptions.ValidationError", error, (
            ("", rng.randrange(40, 160), "<module>", "checkpoint_result = checkpoint.run()"),)))  # fmt: skip
        evidence = (error,)
    return Truth(
        description="A data quality library finds that the table does not meet its rules.", evidence=evidence,
        notes="a write came before" if wrote else "",
    )  # fmt: skip


@template("own-numbers-do-not-agree", FailureType.QUALITY_CHECK_FAILED, difficulty="medium")
def own_numbers_do_not_agree(scene: Scene) -> Truth:
    """The job's own check of counts, sums or keys stops it, sometimes after its write."""
    rng, names = scene.rng, scene.names
    got, least = rng.randrange(0, 9000), rng.randrange(10000, 900000)
    text = rng.choice((
        f"row count {got} of {names.table} is below the minimum of {least}", f"{names.table} for {names.day} holds {got} rows, expected at least {least}",
        f"{got + 1} duplicate values of {names.columns[0]} in {names.table}", f"sum of {names.columns[2]} differs from the control total by {least}.{got % 90 + 10}",
        f"{got % 60 + 20} % of {names.columns[1]} are empty, allowed are 2 %",
    ))  # fmt: skip
    scene.start()
    scene.healthy_run()
    if rng.random() < 0.5:
        scene.write()
    scene.healthy_stage(action="count")
    if rng.random() < 0.3:
        scene.long_run(150)
    line = rng.randrange(60, 200)
    if scene.language == "python":
        scene.fail(PythonError(rng.choice(("AssertionError", "ValueError", "DataCheckException")), text, (
            ("", line, "<module>", "main()"), ("", line - 22, "main", f"verify({names.table}, rules)"), ("", 31, "verify", "raise_for(rule, value)"))))  # fmt: skip
    else:
        name = rng.choice(
            (
                "java.lang.AssertionError",
                "java.lang.IllegalArgumentException",
                f"{package(scene)}.DataCheckException",
            )
        )
        shown = {
            "java.lang.AssertionError": "assertion failed: ",
            "java.lang.IllegalArgumentException": "requirement failed: ",
        }.get(name, "")
        scene.fail(
            Throwable(name, shown + text, ("scala.Predef$.require(Predef.scala:281)",) if shown else ())
        )
    return Truth(description="The job's own check of its data stops it.", evidence=(text,))


@template("table-has-rules", FailureType.QUALITY_CHECK_FAILED, difficulty="easy")
def table_has_rules(scene: Scene) -> Truth:
    """A rule that a table or a query carries refuses a row."""
    rng, names = scene.rng, scene.names
    column = names.columns[3]
    delta = f"{SQL}delta.schema.DeltaInvariantViolationException"
    rule = f"{column}_positive ({column} > 0)"
    shapes = (
        (f"CHECK constraint {rule} violated by row with values", Throwable(
            delta, f"[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint {rule} violated by row with values:\n - {column} : -{rng.randrange(1, 900)}", (
            f"{delta}$.apply(InvariantViolationException.scala:82)",
            f"{SQL}delta.constraints.CheckDeltaInvariant.assertRule(CheckDeltaInvariant.scala:88)", *query_frames(scene)[:4]))),
        ("violates check constraint", Throwable("org.postgresql.util.PSQLException", f'ERROR: new row for relation "{names.table}" violates check '
            f'constraint "{names.table}_{column}_check"\n  Detail: Failing row contains ({rng.randrange(900)}, -1).', (
            "org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2725)",
            *jdbc_frames()))),
        (f"'({column} >= cast(0 as double))' is not true!", Throwable("java.lang.RuntimeException", f"'({column} >= cast(0 as double))' is not true!", (
            f"{_ERRORS}raiseError(QueryExecutionErrors.scala:2685)", *query_frames(scene)))),
    )  # fmt: skip
    evidence, failure = rng.choice(shapes)
    delta_row = "delta" in failure.name
    writes = delta_row or "jdbc" in failure.frames[1]
    stage = reading(scene, writes=writes)
    failure = row_not_written(scene, failure) if delta_row else failure
    scene.fail(scene.fail_task(stage, failure), call="save" if writes else "count")
    return Truth(description="A row breaks a rule that its table or query carries.", evidence=(evidence,))
