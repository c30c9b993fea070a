"""Failed for a library that is missing or in conflict, or for a source that has not come yet."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.prelude import own_class, package, thrown_by_sql
from evals.synthesis.trace import PythonError, Throwable

_WORKER = "/usr/lib/spark/python/lib/pyspark.zip/pyspark/"


@template("module-absent", FailureType.MISSING_LIBRARY, difficulty="easy", languages=("python",))
def module_absent(scene: Scene) -> Truth:
    """A Python package is not installed: on the driver at the first line, or only where the tasks run."""
    rng = scene.rng
    module = rng.choice(
        ("pyarrow", "lightgbm", "phonenumbers", "great_expectations", "shapely", "psycopg2", "holidays")
    )
    last = f"ModuleNotFoundError: No module named '{module}'"
    truth = Truth(description=f"The Python package {module} is not installed.", evidence=(last,))
    if rng.random() < 0.5:
        if scene.mode == "cluster":
            scene.start_master()
        text = last.split(": ", 1)[1]
        scene.fail(
            PythonError(
                "ModuleNotFoundError", text, (("", rng.randrange(3, 14), "<module>", f"import {module}"),)
            )
        )
        return truth
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(6, 20), action="collect")
    text = (
        f'Traceback (most recent call last):\n  File "{_WORKER}worker.py", line 1100, in main\n    func, profiler, deserializer, serializer = read_udfs(pickleSer, infile, eval_type)\n'
        f'  File "{_WORKER}cloudpickle/cloudpickle.py", line 649, in subimport\n    __import__(name)\n{last}\n'
    )
    failure = Throwable("org.apache.spark.api.python.PythonException", text, (
        "org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)",
        "org.apache.spark.sql.execution.python.PythonArrowOutput$$anon$1.read(PythonArrowOutput.scala:118)",
    ))  # fmt: skip
    scene.fail(scene.fail_task(stage, failure), call="collectToPython")
    return truth


@template("jar-absent", FailureType.MISSING_LIBRARY, difficulty="easy")
def jar_absent(scene: Scene) -> Truth:
    """A jar is not on the classpath: a source's format, a JDBC driver, a class of a connector."""
    rng = scene.rng
    find = "org.apache.spark.sql.execution.datasources.DataSource$.lookupDataSource(DataSource.scala:647)"
    form = rng.choice(
        (
            "delta",
            "hudi",
            "com.databricks.spark.xml",
            "io.github.spark_redshift_community.spark.redshift",
            "mongodb",
            "kafka",
        )
    )
    driver = rng.choice(
        (
            "com.mysql.cj.jdbc.Driver",
            "org.postgresql.Driver",
            "com.microsoft.sqlserver.jdbc.SQLServerDriver",
            "oracle.jdbc.OracleDriver",
        )
    )
    name, text, part, frame = rng.choice((
        ("org.apache.spark.SparkClassNotFoundException", f"[DATA_SOURCE_NOT_FOUND] Failed to find the data source: {form}. Please find packages at "
         "`https://spark.apache.org/third-party-projects.html`.", f"Failed to find the data source: {form}", find),
        ("java.lang.ClassNotFoundException", driver, f"ClassNotFoundException: {driver}",
         "org.apache.spark.sql.execution.datasources.jdbc.DriverRegistry$.register(DriverRegistry.scala:46)"),
        ("java.sql.SQLException", "No suitable driver", "java.sql.SQLException: No suitable driver", "java.sql.DriverManager.getDriver(DriverManager.java:298)"),
        ("java.lang.NoClassDefFoundError", "org/apache/iceberg/spark/source/IcebergSource", "NoClassDefFoundError: org/apache/iceberg", "java.lang.Class.forName0(Native Method)"),
        ("org.apache.spark.SparkException", "Cannot find catalog plugin class for catalog 'glue_catalog': org.apache.iceberg.spark.SparkCatalog",
         "Cannot find catalog plugin class for catalog", "org.apache.spark.sql.errors.QueryExecutionErrors$.catalogPluginClassNotFoundForCatalogError(QueryExecutionErrors.scala:1891)"),
    ))  # fmt: skip
    scene.start()
    if rng.random() < 0.6:
        scene.healthy_run()
    scene.fail(
        Throwable(
            name, text, (frame, "org.apache.spark.sql.DataFrameReader.load(DataFrameReader.scala:172)")
        ),
        call="load",
    )
    return Truth(
        description="A library that the job needs is not on the classpath.",
        evidence=(part,),
        accept=(Category.CONFIGURATION_ERROR,),
    )


@template("package-unresolved", FailureType.MISSING_LIBRARY, difficulty="easy", modes=("client",), plain=True)
def package_unresolved(scene: Scene) -> Truth:
    """`--packages` names a version that no repository has."""
    rng = scene.rng
    group, module, version = rng.choice((
        ("io.delta", "delta-spark_2.12", "3.1.7"), ("org.apache.hudi", "hudi-spark3.5-bundle_2.12", "0.13.9"),
        ("com.crealytics", "spark-excel_2.12", "3.5.0_0.21.9"), ("org.postgresql", "postgresql", "42.7.41"),
    ))  # fmt: skip
    coordinate = f"{group}#{module};{version}"
    file = f"{group.replace('.', '/')}/{module}/{version}/{module}-{version}.pom"
    scene.facts.extra_args += ["--packages", f"{group}:{module}:{version}"]
    scene.submit_fails(
        ":: loading settings :: url = jar:file:/usr/lib/spark/jars/ivy-2.5.1.jar!/org/apache/ivy/core/settings/ivysettings.xml\n"
        "Ivy Default Cache set to: /home/hadoop/.ivy2/cache\nThe jars for the packages stored in: /home/hadoop/.ivy2/jars\n"
        f"{group}#{module} added as a dependency\n:: resolving dependencies :: org.apache.spark#spark-submit-parent-{scene.ground.uuid()};1.0\n"
        f"\tconfs: [default]\n\n:: problems summary ::\n:::: WARNINGS\n\t\tmodule not found: {coordinate}\n\n\t==== central: tried\n\n"
        f"\t  https://repo1.maven.org/maven2/{file}\n\n\t==== spark-packages: tried\n\n\t  https://repos.spark-packages.org/{file}\n\n"
        f"\t\t::::::::::::::::::::::::::::::::::::::::::::::\n\n\t\t::          UNRESOLVED DEPENDENCIES         ::\n\n\t\t:: {coordinate}: not found\n\n"
        f'Exception in thread "main" java.lang.RuntimeException: [unresolved dependency: {coordinate}: not found]\n'
        "\tat org.apache.spark.util.MavenUtils$.resolveMavenCoordinates(MavenUtils.scala:459)\n"
        "\tat org.apache.spark.util.DependencyUtils$.resolveMavenDependencies(DependencyUtils.scala:185)\n"
        "\tat org.apache.spark.deploy.SparkSubmit.main(SparkSubmit.scala)", 1,
    )  # fmt: skip
    return Truth(
        description="A package that the step asks for is in no repository.", evidence=(f"unresolved dependency: {coordinate}: not found", f"module not found: {coordinate}"),
        accept=(Category.CONFIGURATION_ERROR,), notes="the repositories answered; the version does not exist",
    )  # fmt: skip


@template("native-absent", FailureType.MISSING_LIBRARY, difficulty="medium")
def native_absent(scene: Scene) -> Truth:
    """A library of the operating system is missing on the machines."""
    rng = scene.rng
    scene.start()
    scene.healthy_run()
    if scene.language == "python":
        library = rng.choice(("libgomp.so.1", "libgdal.so.26", "libGL.so.1", "libodbc.so.2"))
        part = f"{library}: cannot open shared object file: No such file or directory"
        name = "OSError" if library == "libgomp.so.1" else "ImportError"
        scene.fail(PythonError(name, part, (
            ("", rng.randrange(20, 140), "<module>", "model = load_engine()"), ("", rng.randrange(4, 19), "load_engine", "from engine import core"),
        )))  # fmt: skip
        return Truth(description=f"The system library {library} is not installed.", evidence=(part,))
    text, part = rng.choice((
        (f"no {scene.names.table}jni in java.library.path: /usr/lib/hadoop/lib/native:/usr/lib/hadoop-lzo/lib/native", "in java.library.path"),
        ("/mnt/tmp/libxgboost4j8451.so: libgomp.so.1: cannot open shared object file: No such file or directory", "libgomp.so.1: cannot open shared object file"),
    ))  # fmt: skip
    stage = scene.begin_stage(tasks=8, action="collect")
    scene.fail(scene.fail_task(stage, Throwable("java.lang.UnsatisfiedLinkError", text, (
        "java.lang.ClassLoader.loadLibrary(ClassLoader.java:2454)", "java.lang.System.loadLibrary(System.java:2063)",
        f"{package(scene)}.Native$.<clinit>(Native.scala:{rng.randrange(6, 30)})",
    ))))  # fmt: skip
    return Truth(description="A native library is not installed.", evidence=(part,))


@template("jars-disagree", FailureType.LIBRARY_CONFLICT, difficulty="medium")
def jars_disagree(scene: Scene) -> Truth:
    """Two versions of a library meet: a method or a class is not what the caller was built with."""
    rng = scene.rng
    own = f"com/{scene.names.owner}/codec/Reader"
    choices = [
        ("java.lang.NoSuchMethodError", "'void com.google.common.base.Preconditions.checkArgument(boolean, java.lang.String, java.lang.Object)'"
         if scene.release.java_major != "8" else "com.google.common.base.Preconditions.checkArgument(ZLjava/lang/String;Ljava/lang/Object;)V",
         "NoSuchMethodError: "),
        ("java.lang.NoSuchMethodError", "'scala.collection.immutable.ArraySeq scala.runtime.ScalaRunTime$.wrapRefArray(java.lang.Object[])'", "scala.runtime.ScalaRunTime$.wrapRefArray"),
        ("com.fasterxml.jackson.databind.JsonMappingException", "Scala module 2.14.2 requires Jackson Databind version >= 2.14.0 and < 2.15.0 - Found jackson-databind "
         f"version 2.{rng.choice(('12.7', '16.1', '17.0'))}", "Scala module 2.14.2 requires Jackson Databind version"),
        ("java.lang.IncompatibleClassChangeError", f"class {own.replace('/', '.')} can not implement org.apache.parquet.io.InputFile, because it is not an interface",
         "IncompatibleClassChangeError: "),
        ("java.lang.NoClassDefFoundError", "scala/Serializable", "NoClassDefFoundError: scala/Serializable"),
    ]  # fmt: skip
    if scene.release.java_major == "8":
        choices.append((
            "java.lang.UnsupportedClassVersionError", f"{own} has been compiled by a more recent version of the Java Runtime (class file version 61.0), this version of "
            "the Java Runtime only recognizes class file versions up to 52.0", "has been compiled by a more recent version of the Java Runtime",
        ))  # fmt: skip
    name, text, part = rng.choice(choices)
    scene.start()
    scene.healthy_run()
    failure = Throwable(
        name,
        text,
        (
            f"{own.replace('/', '.')}.open(Reader.java:{rng.randrange(20, 140)})",
            f"{package(scene)}.Sources.open(Sources.java:{rng.randrange(20, 90)})",
        ),
    )
    if rng.random() < 0.4:
        stage = scene.begin_stage(tasks=6, action="collect")
        scene.fail(scene.fail_task(stage, failure), call="collectToPython")
    else:
        scene.fail(failure, call="load")
    return Truth(
        description="Two libraries do not fit together.",
        evidence=(part,),
        accept=(Category.CONFIGURATION_ERROR,),
    )


@template("wheels-disagree", FailureType.LIBRARY_CONFLICT, difficulty="medium", languages=("python",))
def wheels_disagree(scene: Scene) -> Truth:
    """Python packages, or Pythons, whose versions do not fit together."""
    rng = scene.rng
    name, text, source = rng.choice((
        ("ValueError", "numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from PyObject", "import pandas as pd"),
        ("ImportError", "cannot import name 'soft_unicode' from 'markupsafe' (/usr/local/lib/python3.9/site-packages/markupsafe/__init__.py)", "from jinja2 import Template"),
        ("AttributeError", "module 'numpy' has no attribute 'bool'.", "frame = source.toPandas()"),
        ("ImportError", "Pandas >= 1.0.5 must be installed; however, your version was 0.25.3.", "frame = source.toPandas()"),
        ("", "", ""),
    ))  # fmt: skip
    scene.start()
    scene.healthy_run(1)
    if name:
        scene.fail(PythonError(name, text, (("", rng.randrange(3, 40), "<module>", source),)))
        return Truth(
            description="Python packages do not fit together.",
            evidence=(f"{name}: {text.split(' (')[0]}",),
            accept=(Category.CONFIGURATION_ERROR,),
        )
    part = f"Python in worker has different version {rng.choice(('3.7', '3.8'))} than that in driver 3.{rng.choice((9, 11))}, PySpark cannot run with different minor versions."
    stage = scene.begin_stage(tasks=6, action="collect")
    thrown = Throwable("org.apache.spark.api.python.PythonException", (
        f'Traceback (most recent call last):\n  File "{_WORKER}worker.py", line 1100, in main\n    check_python_version(infile)\n  File "{_WORKER}worker_util.py", line 72, in '
        f"check_python_version\n    raise PySparkRuntimeError(\npyspark.errors.exceptions.base.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] {part}\n"
        "Please check environment variables PYSPARK_PYTHON and PYSPARK_DRIVER_PYTHON are correctly set.\n"
    ), ("org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)",))  # fmt: skip
    scene.fail(scene.fail_task(stage, thrown), call="collectToPython")
    return Truth(
        description="Driver and executors run different Pythons.",
        evidence=(part[:60],),
        accept=(Category.CONFIGURATION_ERROR,),
    )


@template("day-not-there", FailureType.SOURCE_DELAY, difficulty="medium", without=(2, 24))
def day_not_there(scene: Scene) -> Truth:
    """The day's folder of the input is not there yet."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run()
    if rng.random() < 0.6:
        scene.driver.info(
            own_class(scene),
            f"expected partition dt={names.day} of {names.table}, delivered by partner {names.owner} until 03:30",
        )
    if rng.random() < 0.6:
        text = f"[PATH_NOT_FOUND] Path does not exist: {names.input_path}."
        failure: PythonError | Throwable = thrown_by_sql(
            scene, text, source="frame = spark.read.load(source)",
            frame="org.apache.spark.sql.errors.QueryCompilationErrors$.dataPathNotExistError(QueryCompilationErrors.scala:1500)",
        )  # fmt: skip
        part = "[PATH_NOT_FOUND] Path does not exist"
    else:
        failure = Throwable("org.apache.hadoop.mapred.InvalidInputException", f"Input path does not exist: {names.input_path}", (
            "org.apache.hadoop.mapred.FileInputFormat.singleThreadedListStatus(FileInputFormat.java:304)",
            "org.apache.spark.rdd.HadoopRDD.getPartitions(HadoopRDD.scala:208)",
        ))  # fmt: skip
        part = "Input path does not exist"
    scene.fail(failure, call="collect")
    return Truth(
        description="The input of the day has not arrived.", evidence=(part,), accept=(Category.CONFIGURATION_ERROR, Category.DATA_QUALITY),
        notes="the path ends in the day's partition",
    )  # fmt: skip


@template("marker-awaited", FailureType.SOURCE_DELAY, difficulty="easy")
def marker_awaited(scene: Scene) -> Truth:
    """The job waits for its source's mark and gives up in the end."""
    rng, names = scene.rng, scene.names
    minutes = rng.choice((30, 45, 60, 120))
    scene.start()
    for waited in range(0, minutes, 15):
        scene.driver.info(
            own_class(scene),
            f"waiting for upstream {names.other_table} dt={names.day}: no _SUCCESS after {waited} min",
        )
        scene.wait(900)
    text = rng.choice((
        f"upstream {names.other_table} dt={names.day} has not been delivered after {minutes} minutes",
        f"no _SUCCESS marker of {names.other_table} for {names.day} within {minutes} minutes, giving up",
        f"source {names.other_table} is late: newest partition is older than {names.day}, waited {minutes} minutes",
    ))  # fmt: skip
    if scene.language == "python":
        scene.fail(
            PythonError("TimeoutError", text, (("", rng.randrange(20, 90), "<module>", "wait_for(source)"),))
        )
    else:
        scene.fail(
            Throwable(
                "java.util.concurrent.TimeoutException",
                text,
                (f"{package(scene)}.Await$.source(Await.scala:{rng.randrange(12, 60)})",),
            )
        )
    return Truth(description="The upstream data was late.", evidence=(text,), accept=(Category.DATA_QUALITY,))
