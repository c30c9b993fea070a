"""Failed for a defect in the job's own code or SQL: slips, closures, a new version, statements that no parser takes."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.prelude import own_class, package, thrown_by_sql
from evals.synthesis.trace import PythonError, Throwable

_WORKER = "/usr/lib/spark/python/lib/pyspark.zip/pyspark/worker.py"


@template("python-slip", FailureType.CODE_ERROR, difficulty="easy", languages=("python",))
def python_slip(scene: Scene) -> Truth:
    """The script itself is wrong: a name, an attribute, an argument that Python does not know."""
    rng, names = scene.rng, scene.names
    column, table = names.columns[2], names.table
    name, text, source = rng.choice((
        ("NameError", f"name '{table}_frame' is not defined", f"joined = {table}_frame.join(stores, '{column}')"),
        ("AttributeError", "'DataFrame' object has no attribute 'withColumnRename'", f"frame = frame.withColumnRename('{column}', 'key')"),
        ("TypeError", "unsupported operand type(s) for +: 'int' and 'str'", "label = 7 + ' days'"),
        ("UnboundLocalError", f"local variable '{table}_total' referenced before assignment", f"return {table}_total"),
        ("TypeError", f"build_{table}() missing 1 required positional argument: 'calendar'", f"frame = build_{table}(spark)"),
        ("TypeError", "'Column' object is not callable", f"frame = frame.filter(col('{column}').trim())"),
    ))  # fmt: skip
    scene.start()
    if rng.random() < 0.4:
        scene.long_run(rng.choice((200, 700)))
    else:
        scene.healthy_run()
    calls = (
        ("", rng.randrange(120, 220), "<module>", "main()"),
        ("", rng.randrange(60, 119), "main", f"result = step_{names.columns[0]}(frame)"),
        ("", rng.randrange(12, 59), f"step_{names.columns[0]}", source),
    )
    cause = None
    if rng.random() < 0.3:  # the job catches something harmless, and its handler is what is wrong
        cause = PythonError("StopIteration", "", (("", 31, "first_of", "return next(iterator)"),))
    scene.fail(PythonError(name, text, calls, cause))
    return Truth(description="The job's script has a defect of its own.", evidence=(f"{name}: {text}",))


@template("udf-slip", FailureType.CODE_ERROR, difficulty="medium", languages=("python",))
def udf_slip(scene: Scene) -> Truth:
    """A Python function that runs in tasks is wrong; sometimes executors are lost beside it."""
    rng, names = scene.rng, scene.names
    last, source = rng.choice((
        ("NameError: name 're' is not defined", "return re.sub(r'\\s+', ' ', value)"),
        ("TypeError: normalise() takes 1 positional argument but 2 were given", "return normalise(value, country)"),
        ("AttributeError: 'datetime.date' object has no attribute 'hour'", "return booked.hour // 6"),
        ("TypeError: 'NoneType' object is not callable", "return LOOKUP(value)"),
    ))  # fmt: skip
    scene.start(executors=3)
    scene.healthy_run()
    if rng.random() < 0.35:
        scene.lose_executor(
            scene.executor(2), status=-100, diagnostics="Container released by application", by_task=False
        )
        scene.new_executor()
        scene.healthy_stage()
    stage = scene.begin_stage(tasks=rng.randrange(6, 30), action="collect")
    if rng.random() < 0.5:
        scene.run_tasks(stage, 2)
    text = (
        f'Traceback (most recent call last):\n  File "{_WORKER}", line 1247, in main\n    process()\n'
        f'  File "{_WORKER}", line 1239, in process\n    serializer.dump_stream(out_iter, outfile)\n'
        f'  File "{scene.script_path}", line {rng.randrange(14, 90)}, in clean_{names.columns[1]}\n    {source}\n{last}\n'
    )
    failure = Throwable("org.apache.spark.api.python.PythonException", text, (
        "org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)",
        "org.apache.spark.sql.execution.python.PythonUDFRunner$$anon$2.read(PythonUDFRunner.scala:94)",
        "org.apache.spark.InterruptibleIterator.hasNext(InterruptibleIterator.scala:37)",
    ))  # fmt: skip
    scene.fail(scene.fail_task(stage, failure), call="collectToPython")
    return Truth(description="A function of the job that runs in tasks has a defect.", evidence=(last,))


@template("closure-travels", FailureType.CODE_ERROR, difficulty="medium")
def closure_travels(scene: Scene) -> Truth:
    """A function drags something along that can't be sent to executors."""
    rng = scene.rng
    scene.start()
    scene.healthy_run()
    if scene.language == "python":
        name, text, evidence = rng.choice((
            ("pyspark.errors.exceptions.base.PySparkRuntimeError",
             "[CONTEXT_ONLY_VALID_ON_DRIVER] It appears that you are attempting to reference SparkContext from a broadcast variable, "
             "action, or transformation. SparkContext can only be used on the driver, not in code that it run on workers. For more "
             "information, see SPARK-5063.", "attempting to reference SparkContext from a broadcast variable"),
            ("_pickle.PicklingError", "Could not serialize object: TypeError: cannot pickle '_thread.RLock' object",
             "Could not serialize object: TypeError: cannot pickle"),
            ("_pickle.PicklingError", "Could not serialize object: TypeError: cannot pickle 'psycopg2.extensions.connection' object",
             "Could not serialize object: TypeError: cannot pickle"),
        ))  # fmt: skip
        call = ("", rng.randrange(30, 180), "<module>", "rows = keys.map(lambda key: lookup(key)).collect()")
        scene.fail(
            PythonError(name, text, (call, (scene.ground.python_lib + "serializers.py", 459, "dumps", "")))
        )
        return Truth(
            description="A function for the tasks holds what can't be sent to them.", evidence=(evidence,)
        )
    held = rng.choice(
        (
            f"{package(scene)}.Settings",
            "org.apache.spark.SparkContext",
            "java.io.PrintWriter",
            f"{package(scene)}.TokenCache",
        )
    )
    own = scene.names.main_class
    text = (
        f"{held}\nSerialization stack:\n\t- object not serializable (class: {held}, value: {held}@{rng.randrange(16**7):x})\n"
        f"\t- field (class: {own}, name: helper, type: class {held})\n\t- object (class {own}, {own}@{rng.randrange(16**7):x})"
    )
    cause = Throwable("java.io.NotSerializableException", text, (
        "org.apache.spark.serializer.SerializationDebugger$.improveException(SerializationDebugger.scala:41)",
        "org.apache.spark.serializer.JavaSerializerInstance.serialize(JavaSerializer.scala:115)",
        "org.apache.spark.util.ClosureCleaner$.ensureSerializable(ClosureCleaner.scala:412)",
    ))  # fmt: skip
    scene.fail(Throwable("org.apache.spark.SparkException", "Task not serializable", (*cause.frames[2:], "org.apache.spark.SparkContext.clean(SparkContext.scala:2674)", "org.apache.spark.rdd.RDD.map(RDD.scala:421)"), cause))  # fmt: skip
    return Truth(
        description="A function for the tasks holds what can't be sent to them.",
        evidence=("SparkException: Task not serializable", f"NotSerializableException: {held}"),
    )


@template("scala-slip", FailureType.CODE_ERROR, difficulty="medium", languages=("scala",))
def scala_slip(scene: Scene) -> Truth:
    """The job's own Scala: a case that is not matched, an option that is empty, a reduce of nothing."""
    rng, names = scene.rng, scene.names
    home = f"{package(scene)}.steps.{names.table.capitalize()}Step$"
    file = f"{names.table.capitalize()}Step.scala"
    name, text, frame = rng.choice((
        ("scala.MatchError", f"Quarterly (of class {package(scene)}.Period$Quarterly$)", f"{home}.label({file}:{rng.randrange(20, 90)})"),
        ("java.lang.ClassCastException", f"class {package(scene)}.model.Daily cannot be cast to class {package(scene)}.model.Hourly "
         f"({package(scene)}.model.Daily and {package(scene)}.model.Hourly are in unnamed module of loader 'app')",
         f"{home}.narrow({file}:{rng.randrange(20, 90)})"),
        ("java.util.NoSuchElementException", "None.get", "scala.None$.get(Option.scala:529)"),
        ("java.lang.UnsupportedOperationException", "empty.reduceLeft", "scala.collection.LinearSeqOptimized.reduceLeft(LinearSeqOptimized.scala:139)"),
        ("scala.NotImplementedError", "an implementation is missing", "scala.Predef$.$qmark$qmark$qmark(Predef.scala:288)"),
    ))  # fmt: skip
    failure = Throwable(name, text, (frame, f"{home}.apply({file}:{rng.randrange(91, 140)})"))
    scene.start()
    scene.healthy_run()
    if rng.random() < 0.4 and name != "scala.NotImplementedError":
        stage = scene.begin_stage(tasks=rng.randrange(4, 14), action="collect")
        scene.run_tasks(stage, 1)
        scene.fail(scene.fail_task(stage, failure))
    else:
        scene.fail(failure)
    accept = (Category.DATA_QUALITY,) if name.startswith("java.util") or "Unsupported" in name else ()
    return Truth(description="The job's own code has a defect.", evidence=(f"{name}: {text}",), accept=accept)


@template("new-version-runs", FailureType.CODE_REGRESSION, difficulty="hard", repeats=False)
def new_version_runs(scene: Scene) -> Truth:
    """The logs tell that a new version of the job runs for the first time, and it stumbles over its own change."""
    rng, names = scene.rng, scene.names
    major, minor = rng.randrange(1, 6), rng.randrange(2, 30)
    new, old = f"{major}.{minor}.0", f"{major}.{minor - 1}.{rng.randrange(5)}"
    scene.start()
    scene.driver.info(own_class(scene), rng.choice((
        f"version {new} (deployed {scene.ground.clock.now:%Y-%m-%d}), the last good run was with {old}",
        f"job package changed since yesterday: {old} -> {new}",
        f"release {new} built from main, replaces {old}; first run in production",
    )))  # fmt: skip
    scene.healthy_run()
    column = names.columns[3]
    if scene.language == "python":
        name, text, source = rng.choice((
            ("TypeError", f"enrich_{names.table}() got an unexpected keyword argument 'keep_{column}'", f"frame = enrich_{names.table}(frame, keep_{column}=True)"),
            ("ImportError", f"cannot import name 'to_{column}' from '{names.table}_steps' ({names.table}_steps.py)", f"from {names.table}_steps import to_{column}"),
            ("AttributeError", f"'{names.table.capitalize()}Config' object has no attribute '{column}_window'", f"days = config.{column}_window"),
        ))  # fmt: skip
        scene.fail(PythonError(name, text, (("", rng.randrange(14, 160), "<module>", source),)))
        evidence = f"{name}: {text.split(' (')[0]}"
    else:
        evidence = rng.choice((
            f"unknown setting '{names.table}.{column}.window': it was renamed to '{names.table}.{column}.days' in {new}",
            f"step '{column}' is no longer part of the plan of {new}, but '{names.table}' asks for it",
        ))  # fmt: skip
        scene.fail(Throwable("java.lang.IllegalStateException", evidence, (
            f"{package(scene)}.Plan$.resolve(Plan.scala:{rng.randrange(30, 150)})",
        )))  # fmt: skip
    return Truth(
        description=f"Version {new} of the job, in its first run, breaks on its own change.", evidence=(evidence,),
        notes="the log says that the version is new",
    )  # fmt: skip


@template("sql-not-understood", FailureType.SQL_ERROR, difficulty="easy")
def sql_not_understood(scene: Scene) -> Truth:
    """Spark's parser or analyser refuses a statement of the job."""
    rng, names = scene.rng, scene.names
    column, other, third = names.columns[1], names.columns[4], names.columns[6]
    line, at = rng.randrange(2, 30), rng.randrange(0, 40)
    plan = f";\n'Project ['{column}]\n+- SubqueryAlias spark_catalog.{names.database}.{names.table}\n   +- Relation {names.database}.{names.table}[{other}#41,{third}#42] parquet\n"
    name, text, part, accept = rng.choice((
        ("ParseException", f"\n[PARSE_SYNTAX_ERROR] Syntax error at or near '{rng.choice(('FORM', 'GROUPBY', 'SELCT', ')'))}'.(line {line}, pos {at})\n\n"
         f"== SQL ==\nselect {other}, {third} ...\n{'-' * at}^^^\n", "[PARSE_SYNTAX_ERROR] Syntax error at or near", ()),
        ("AnalysisException", f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name `{column}s` cannot be resolved. "
         f"Did you mean one of the following? [`{column}`, `{other}`, `{third}`].; line {line} pos {at}{plan}",
         f"A column or function parameter with name `{column}s` cannot be resolved", (Category.DATA_QUALITY,)),
        ("AnalysisException", f'[MISSING_AGGREGATION] The non-aggregating expression "{other}" is based on columns which are not participating in the '
         f'GROUP BY clause.\nAdd the columns or the expression to the GROUP BY, aggregate the expression, or use "any_value({other})" if you do not '
         f"care which of the values within a group is returned.{plan}", "is based on columns which are not participating in the GROUP BY clause", ()),
        ("AnalysisException", f"[AMBIGUOUS_REFERENCE] Reference `{other}` is ambiguous, could be: [`a`.`{other}`, `b`.`{other}`].; line {line} pos {at}{plan}",
         f"Reference `{other}` is ambiguous", ()),
        ("AnalysisException", f"[UNRESOLVED_ROUTINE] Cannot resolve function `date_trunk` on search path [`system`.`builtin`, `system`.`session`, "
         f"`spark_catalog`.`{names.database}`].; line {line} pos {at}", "Cannot resolve function `date_trunk`", ()),
    ))  # fmt: skip
    scene.start()
    scene.healthy_run()
    if rng.random() < 0.3:
        scene.write()
    source = rng.choice(
        ("spark.sql(statement)", "frame = spark.sql(open(name).read())", "spark.sql(build(day))")
    )
    scene.fail(thrown_by_sql(scene, text, source=source, name=name))
    return Truth(
        description="A statement of the job is not valid SQL for these tables.",
        evidence=(part,),
        accept=accept,
    )


@template("database-reads-sql", FailureType.SQL_ERROR, difficulty="medium")
def database_reads_sql(scene: Scene) -> Truth:
    """A database refuses the statement that the job sends to it."""
    rng, names = scene.rng, scene.names
    column = names.columns[5]
    name, text, part, frame = rng.choice((
        ("org.postgresql.util.PSQLException", f'ERROR: syntax error at or near "{rng.choice(("FROM", "LIMIT", "qualify"))}"\n  Position: {rng.randrange(20, 400)}',
         "PSQLException: ERROR: syntax error at or near", "org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2725)"),
        ("org.postgresql.util.PSQLException", f'ERROR: column "{column}_id" does not exist\n  Hint: Perhaps you meant to reference the column "t.{column}".\n  Position: 8',
         f'ERROR: column "{column}_id" does not exist', "org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2725)"),
        ("java.sql.SQLSyntaxErrorException", "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the "
         f"right syntax to use near 'top 100 * from {names.table}' at line {rng.randrange(1, 9)}", "You have an error in your SQL syntax",
         "com.mysql.cj.jdbc.exceptions.SQLError.createSQLException(SQLError.java:120)"),
        ("java.sql.SQLSyntaxErrorException", f'ORA-00904: "{column.upper()}_ID": invalid identifier\n', "ORA-00904:", "oracle.jdbc.driver.T4CTTIoer11.processError(T4CTTIoer11.java:509)"),
        ("com.microsoft.sqlserver.jdbc.SQLServerException", f"Incorrect syntax near '{column}'.", "SQLServerException: Incorrect syntax near",
         "com.microsoft.sqlserver.jdbc.SQLServerException.makeFromDatabaseError(SQLServerException.java:262)"),
    ))  # fmt: skip
    scene.start()
    scene.healthy_run()
    failure = Throwable(name, text, (
        frame, "org.apache.spark.sql.execution.datasources.jdbc.JDBCRDD$.getQueryOutputSchema(JDBCRDD.scala:67)",
        "org.apache.spark.sql.execution.datasources.jdbc.JDBCRDD$.resolveTable(JDBCRDD.scala:58)",
    ))  # fmt: skip
    scene.fail(
        failure, call="load", source=f"frame = source.option('query', queries['{names.table}']).load()"
    )
    accept = (Category.DATA_QUALITY,) if "column" in text or "904" in text else ()
    return Truth(description="A database refused the job's SQL.", evidence=(part,), accept=accept)


@template(
    "hive-semantics", FailureType.SQL_ERROR, difficulty="easy", modes=("client",), repeats=False, plain=True
)
def hive_semantics(scene: Scene) -> Truth:
    """A Hive script with a statement that Hive does not take."""
    rng, names = scene.rng, scene.names
    line, at, column = rng.randrange(2, 40), rng.randrange(2, 60), names.columns[2]
    scene.facts.command = [
        "hive-script",
        "--run-hive-script",
        "--args",
        "-f",
        f"s3://{names.bucket}/hql/{names.job}.hql",
        "-d",
        f"DAY={names.day}",
    ]
    text, status = rng.choice((
        (f"FAILED: SemanticException [Error 10004]: Line {line}:{at} Invalid table alias or column reference '{column}': (possible column names are: "
         f"{', '.join(names.columns[3:6])})", 64),
        (f"FAILED: SemanticException [Error 10025]: Line {line}:{at} Expression not in GROUP BY key '{column}'", 64),
        (f"FAILED: ParseException line {line}:{at} missing EOF at 'wher' near '{names.table}'", 64),
        (f"FAILED: ParseException line {line}:{at} cannot recognize input near 'partition' 'by' '{column}' in table partition specification", 64),
        (f"FAILED: SemanticException [Error 10044]: Line {line}:{at} Cannot insert into target table because column number/types are different "
         f"'{names.table}': Table insclause-0 has {rng.randrange(9, 14)} columns, but query has {rng.randrange(4, 9)} columns.", 64),
    ))  # fmt: skip
    scene.client.raw(
        f"Hive Session ID = {scene.ground.uuid()}\n\nLogging initialized using configuration in file:/etc/hive/conf.dist/hive-log4j2.properties Async: true"
    )
    for _ in range(rng.randrange(0, 3)):
        scene.client.raw(f"OK\nTime taken: {rng.uniform(0.1, 3):.3f} seconds")
        scene.wait(3)
    scene.hook_fails(text, status)
    return Truth(
        description="A statement of the Hive script is wrong.",
        evidence=(text.split("'", 1)[0].split("[Error", 1)[-1].strip(),),
    )


@template("kryo-room", FailureType.SERIALIZER_LIMIT, difficulty="medium")
def kryo_room(scene: Scene) -> Truth:
    """One object is larger than the serialiser's buffer may become, or a task larger than a message."""
    rng = scene.rng
    need = rng.randrange(3_000_000, 90_000_000)
    scene.facts.extra_args += ["--conf", "spark.serializer=org.apache.spark.serializer.KryoSerializer"]
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(4, 40), action="collect")
    if rng.random() < 0.3:
        size = need + 140_000_000
        text = (
            f"Job aborted due to stage failure: Serialized task {stage.id}:0 was {size} bytes, which exceeds max allowed: "
            "spark.rpc.message.maxSize (134217728 bytes). Consider increasing spark.rpc.message.maxSize or using broadcast variables for large values."
        )
        scene.fail(Throwable("org.apache.spark.SparkException", text, (
            "org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)",
        )), call="collectToPython")  # fmt: skip
        return Truth(
            description="A task is larger than an RPC message may be.", evidence=("which exceeds max allowed: spark.rpc.message.maxSize",),
            accept=(Category.RESOURCE_EXHAUSTION,),
        )  # fmt: skip
    text = f"Kryo serialization failed: Buffer overflow. Available: 0, required: {need}. To avoid this, increase spark.kryoserializer.buffer.max value."
    frames = (
        "org.apache.spark.serializer.KryoSerializerInstance.serialize(KryoSerializer.scala:392)",
        "org.apache.spark.executor.Executor$TaskRunner.run(Executor.scala:643)",
    )
    cause = Throwable("com.esotericsoftware.kryo.KryoException", f"Buffer overflow. Available: 0, required: {need}", (
        "com.esotericsoftware.kryo.io.Output.require(Output.java:167)", *frames,
    ))  # fmt: skip
    scene.run_tasks(stage, rng.randrange(1, 4))
    scene.fail(
        scene.fail_task(stage, Throwable("org.apache.spark.SparkException", text, frames, cause)),
        call="collectToPython",
    )
    return Truth(
        description="An object is larger than Kryo's buffer may become.", evidence=("Kryo serialization failed: Buffer overflow",),
        accept=(Category.RESOURCE_EXHAUSTION,),
    )  # fmt: skip
