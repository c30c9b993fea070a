"""Failed for what the job names: a table or a class that is not there, an output that is there already."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.prelude import own_class, package, thrown_by_sql
from evals.synthesis.trace import Throwable


@template("table-absent", FailureType.MISSING_TABLE, difficulty="easy")
def table_absent(scene: Scene) -> Truth:
    """A table, view or database that the job names is not in the catalog."""
    rng, names = scene.rng, scene.names
    table = f"`{names.database}`.`{names.other_table}_{rng.choice(('v2', 'current', 'eu', 'map'))}`"
    line, at = rng.randrange(1, 20), rng.randrange(5, 60)
    text, part = rng.choice((
        (f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {table} cannot be found. Verify the spelling and correctness of the schema and catalog.\nIf you did not "
         "qualify the name with a schema, verify the current_schema() output, or qualify the name with the correct schema and catalog.\nTo tolerate the error "
         f"on drop use DROP VIEW IF EXISTS or DROP TABLE IF EXISTS.; line {line} pos {at};\n'Project [*]\n+- 'UnresolvedRelation [{table}], [], false\n",
         f"The table or view {table} cannot be found"),
        (f"[SCHEMA_NOT_FOUND] The schema `{names.database}_{names.owner}` cannot be found. Verify the spelling and correctness of the schema and catalog.",
         f"The schema `{names.database}_{names.owner}` cannot be found"),
    ))  # fmt: skip
    scene.start()
    scene.driver.info("HiveUtils", "Initializing HiveMetastoreConnection version 2.3.9 using Spark classes.")
    scene.healthy_run()
    scene.fail(
        thrown_by_sql(
            scene, text, source=rng.choice(("frame = spark.sql(query)", "spark.sql(insert.format(day=day))"))
        )
    )
    return Truth(description="A table that the job names does not exist.", evidence=(part,))


@template("relation-absent", FailureType.MISSING_TABLE, difficulty="medium")
def relation_absent(scene: Scene) -> Truth:
    """A table is not there, as a database or Glue says it."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run()
    table = f"{names.other_table}_{rng.choice(('dim', 'latest', 'ref'))}"
    name, text, part = rng.choice((
        ("org.postgresql.util.PSQLException", f'ERROR: relation "{names.database}.{table}" does not exist\n  Position: 15', f'relation "{names.database}.{table}" does not exist'),
        ("java.sql.SQLSyntaxErrorException", f"Table '{names.database}.{table}' doesn't exist", f"Table '{names.database}.{table}' doesn't exist"),
        ("com.amazonaws.services.glue.model.EntityNotFoundException", f"Table {table} not found. (Service: AWSGlue; Status Code: 400; Error Code: "
         f"EntityNotFoundException; Request ID: {scene.ground.uuid()}; Proxy: null)", "EntityNotFoundException: Table"),
        ("com.microsoft.sqlserver.jdbc.SQLServerException", f"Invalid object name '{names.database}.{table}'.", f"Invalid object name '{names.database}.{table}'"),
    ))  # fmt: skip
    scene.fail(Throwable(name, text, ("org.apache.spark.sql.execution.datasources.jdbc.JDBCRDD$.resolveTable(JDBCRDD.scala:58)",)
                         if "amazonaws" not in name else ("com.amazonaws.services.glue.AWSGlueClient.executeGetTable(AWSGlueClient.java:7113)",)), call="load")  # fmt: skip
    return Truth(description="A table that the job reads does not exist.", evidence=(part,))


@template(
    "main-class-absent",
    FailureType.MISSING_CLASS,
    difficulty="easy",
    languages=("scala",),
    repeats=False,
    plain=True,
)
def main_class_absent(scene: Scene) -> Truth:
    """The class that the step names is not in the jar."""
    name = scene.names.main_class
    if scene.mode == "client":
        scene.submit_fails(f"Error: Failed to load class {name}.", 101)
        return Truth(
            description="The jar does not hold the main class.",
            evidence=(f"Failed to load class {name}",),
            accept=(Category.DEPENDENCY_FAILURE,),
        )
    scene.start_master()
    trace = Throwable("java.lang.ClassNotFoundException", name, (
        "java.base/java.net.URLClassLoader.findClass(URLClassLoader.java:445)" if scene.release.java_major != "8" else "java.net.URLClassLoader.findClass(URLClassLoader.java:387)",
        "org.apache.spark.deploy.yarn.ApplicationMaster.startUserApplication(ApplicationMaster.scala:726)",
        "org.apache.spark.deploy.yarn.ApplicationMaster.runDriver(ApplicationMaster.scala:507)",
    ))  # fmt: skip
    scene.fail_master(10, f"Uncaught exception: java.lang.ClassNotFoundException: {name}", trace)
    return Truth(
        description="The jar does not hold the main class.",
        evidence=(f"ClassNotFoundException: {name}",),
        accept=(Category.DEPENDENCY_FAILURE,),
    )


@template("own-class-absent", FailureType.MISSING_CLASS, difficulty="medium", languages=("scala",))
def own_class_absent(scene: Scene) -> Truth:
    """A class of the job itself can't be found where it is wanted by its name."""
    rng = scene.rng
    name = f"{package(scene)}.model.{scene.names.other_table.capitalize()}{rng.choice(('Line', 'Record', 'Codec'))}"
    top = (
        "org.apache.spark.repl.ExecutorClassLoader.findClass(ExecutorClassLoader.scala:124)",
        "java.lang.ClassLoader.loadClass(ClassLoader.java:418)",
    )
    scene.start()
    scene.healthy_run()
    if rng.random() < 0.5:
        scene.fail(
            Throwable(
                "java.lang.ClassNotFoundException",
                name,
                (
                    "java.lang.Class.forName(Class.java:375)",
                    f"{package(scene)}.Codecs$.of(Codecs.scala:{rng.randrange(20, 90)})",
                ),
            )
        )
    else:
        stage = scene.begin_stage(tasks=8, action="collect")
        scene.fail(scene.fail_task(stage, Throwable("java.lang.ClassNotFoundException", name, (
            *top[1:], "org.apache.spark.serializer.JavaDeserializationStream$$anon$1.resolveClass(JavaSerializer.scala:71)",
        ))))  # fmt: skip
    return Truth(
        description="A class of the job is not in its jar.",
        evidence=(f"ClassNotFoundException: {name}",),
        accept=(Category.DEPENDENCY_FAILURE,),
    )


@template("output-stands", FailureType.OUTPUT_EXISTS, difficulty="easy")
def output_stands(scene: Scene) -> Truth:
    """The folder or table that the job wants to make is there already."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run()
    path = names.output_path
    kind = rng.choice(("path", "folder", "table"))
    if kind == "folder":
        scene.fail(Throwable("org.apache.hadoop.mapred.FileAlreadyExistsException", f"Output directory {path} already exists", (
            "org.apache.hadoop.mapred.FileOutputFormat.checkOutputSpecs(FileOutputFormat.java:131)",
            "org.apache.spark.internal.io.HadoopMapRedWriteConfigUtil.assertConf(SparkHadoopWriter.scala:299)",
        )), call="saveAsTextFile")  # fmt: skip
        return Truth(
            description="The output's folder exists already.",
            evidence=("FileAlreadyExistsException: Output directory",),
        )
    if kind == "path":
        text = f'[PATH_ALREADY_EXISTS] Path {path} already exists. Set mode as "overwrite" to overwrite the existing path.'
        part = "[PATH_ALREADY_EXISTS] Path"
    else:
        text = (
            f"[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create table or view `{names.database}`.`{names.table}_daily` because it already exists.\nChoose a "
            "different name, drop or replace the existing object, or add the IF NOT EXISTS clause to tolerate pre-existing objects."
        )
        part = "because it already exists"
    scene.fail(thrown_by_sql(
        scene, text, source="frame.write.save(target)" if kind == "path" else "spark.sql(create)",
        frame="org.apache.spark.sql.errors.QueryCompilationErrors$.outputPathAlreadyExistsError(QueryCompilationErrors.scala:1715)" if kind == "path" else "",
    ))  # fmt: skip
    return Truth(description="The output exists already.", evidence=(part,))


@template(
    "mapreduce-output-stands",
    FailureType.OUTPUT_EXISTS,
    difficulty="easy",
    modes=("client",),
    repeats=False,
    plain=True,
)
def mapreduce_output_stands(scene: Scene) -> Truth:
    """A MapReduce step whose output folder is there from another day."""
    names, rng = scene.names, scene.rng
    out = f"hdfs://{scene.master.host}:8020/tmp/{names.job}/out"
    scene.facts.command = [
        "hadoop",
        "jar",
        f"/home/hadoop/jars/{names.job}.jar",
        names.main_class,
        names.input_path,
        out,
    ]
    log = scene.syslog
    log.info(
        "DefaultNoHARMFailoverProxyProvider",
        f"Connecting to ResourceManager at {scene.master.host}/{scene.master.ip}:8032",
    )
    if rng.random() < 0.5:
        log.warn(
            "JobResourceUploader",
            "Hadoop command-line option parsing not performed. Implement the Tool interface and execute your application with ToolRunner to remedy this.",
        )
    scene.hook_fails('Exception in thread "main" ' + Throwable("org.apache.hadoop.mapred.FileAlreadyExistsException", f"Output directory {out} already exists", (
        "org.apache.hadoop.mapreduce.lib.output.FileOutputFormat.checkOutputSpecs(FileOutputFormat.java:164)",
        "org.apache.hadoop.mapreduce.JobSubmitter.checkSpecs(JobSubmitter.java:277)",
        "org.apache.hadoop.mapreduce.Job.waitForCompletion(Job.java:1705)",
        f"{names.main_class}.main({own_class(scene)}.java:{rng.randrange(30, 90)})",
    )).text, 1)  # fmt: skip
    return Truth(
        description="The MapReduce job's output folder exists already.",
        evidence=("FileAlreadyExistsException: Output directory",),
    )
