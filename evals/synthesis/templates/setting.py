"""Failed for what the job was told: settings, arguments, options, limits of the cluster."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.startup import start_context
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.prelude import own_class
from evals.synthesis.trace import PythonError, Throwable

_RM = "org.apache.hadoop.yarn.server.resourcemanager."
_SUBMIT = "org.apache.spark.deploy.SparkSubmit.main(SparkSubmit.scala)"


@template("argument-absent", FailureType.INVALID_SETTING, difficulty="easy", languages=("python",))
def argument_absent(scene: Scene) -> Truth:
    """The script's own argument parser is not content with what the step gives it."""
    rng, names = scene.rng, scene.names
    scene.facts.job_args += ["--table", f"{names.database}.{names.table}"]
    text = rng.choice((
        "the following arguments are required: --day",
        f"argument --shards: invalid int value: '{rng.choice(('auto', '12x', 'many'))}'",
        f"argument --mode: invalid choice: '{rng.choice(('replace', 'full'))}' (choose from 'append', 'overwrite')",
        f"unrecognized arguments: --{rng.choice(('dry', 'parttion', 'dayy'))} {names.day}",
    ))  # fmt: skip
    if scene.mode == "cluster":
        scene.start_master()
    scene.driver_out.raw(
        f"usage: {names.script} [-h] --day DAY --table TABLE\n{' ' * (8 + len(names.script))}[--shards SHARDS] [--mode {{append,overwrite}}]\n"
        f"{names.script}: error: {text}"
    )
    scene.exit(2)
    return Truth(
        description="The job's arguments are not those that its parser wants.",
        evidence=(f"error: {text.split(names.day)[0].strip()}",),
    )


@template("variable-absent", FailureType.INVALID_SETTING, difficulty="medium", languages=("python",))
def variable_absent(scene: Scene) -> Truth:
    """The job reads a setting that nobody gave: environment, configuration file, Spark's own settings."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run(1)
    key = rng.choice(("TARGET_BUCKET", "FEED_ENDPOINT", "RUN_STAGE"))
    number = rng.randrange(14, 60)
    error = rng.choice((
        PythonError("KeyError", f"'{key}'", (
            ("", number, "<module>", f"target = os.environ['{key}']"),
            ("/usr/lib64/python3.9/os.py", 679, "__getitem__", "raise KeyError(key) from None"),
        )),
        PythonError("configparser.NoOptionError", f"No option '{key.lower()}' in section: '{names.table}'", (
            ("", number, "<module>", f"target = settings.get('{names.table}', '{key.lower()}')"),
            ("/usr/lib64/python3.9/configparser.py", 791, "get", "d = self._unify_values(section, vars)"),
        )),
        PythonError("pydantic_core._pydantic_core.ValidationError", f"1 validation error for Settings\n{key.lower()}\n  Field required "
                    "[type=missing, input_value={'stage': 'prod'}, input_type=dict]", (("", number, "<module>", "settings = Settings()"),)),
    ))  # fmt: skip
    scene.fail(error)
    return Truth(
        description="A setting that the job needs was not given.",
        evidence=(
            f"KeyError: '{key}'",
            f"No option '{key.lower()}' in section",
            "1 validation error for Settings",
        ),
        accept=(Category.DATA_QUALITY,) if error.name.startswith("pydantic") else (),
        notes="the failing line reads the environment or a configuration file",
    )


@template("spark-value-refused", FailureType.INVALID_SETTING, difficulty="medium")
def spark_value_refused(scene: Scene) -> Truth:
    """Spark, Hive or a table format does not take a setting of the session."""
    rng, names = scene.rng, scene.names
    name, text, part, frame, setting = rng.choice((
        ("java.lang.IllegalArgumentException", "spark.sql.shuffle.partitions should be int, but was 40o", "spark.sql.shuffle.partitions should be int, but was",
         "org.apache.spark.internal.config.ConfigHelpers$.toNumber(ConfigBuilder.scala:48)", "spark.sql.shuffle.partitions=40o"),
        ("org.apache.spark.sql.connector.catalog.CatalogNotFoundException", f"Catalog '{names.owner}_lake' plugin class not found: "
         f"spark.sql.catalog.{names.owner}_lake is not defined", "plugin class not found: spark.sql.catalog.",
         "org.apache.spark.sql.connector.catalog.Catalogs$.load(Catalogs.scala:50)", "spark.sql.defaultCatalog=spark_catalog"),
        ("org.apache.spark.SparkException", "Dynamic partition strict mode requires at least one static partition column. To turn this off set "
         "hive.exec.dynamic.partition.mode=nonstrict", "Dynamic partition strict mode requires at least one static partition column",
         "org.apache.spark.sql.hive.execution.InsertIntoHiveTable$.validatePartitionSpec(InsertIntoHiveTable.scala:331)", "spark.sql.sources.partitionOverwriteMode=dynamic"),
        ("org.apache.spark.sql.delta.DeltaAnalysisException", "[DELTA_CONFIGURE_SPARK_SESSION_WITH_EXTENSION_AND_CATALOG] This Delta operation requires "
         "the SparkSession to be configured with the\nDeltaSparkSessionExtension and the DeltaCatalog. Please set the necessary\nconfigurations when creating "
         "the SparkSession as shown below.", "DELTA_CONFIGURE_SPARK_SESSION_WITH_EXTENSION_AND_CATALOG",
         "org.apache.spark.sql.delta.DeltaErrorsBase.configureSparkSessionWithExtensionAndCatalog(DeltaErrors.scala:1774)", "spark.sql.extensions="),
        ("java.lang.IllegalArgumentException", "[INVALID_CONF_VALUE.TIME_ZONE] The value 'Europe/Berln' in the config \"spark.sql.session.timeZone\" is "
         "invalid. Cannot resolve the given timezone.", "[INVALID_CONF_VALUE.TIME_ZONE]",
         "org.apache.spark.sql.internal.SQLConf$.$anonfun$SESSION_LOCAL_TIMEZONE$2(SQLConf.scala:2704)", "spark.sql.session.timeZone="),
    ))  # fmt: skip
    if setting.split("=", 1)[1]:
        scene.facts.extra_args += ["--conf", setting]
    scene.start()
    scene.healthy_run(1)
    scene.fail(
        Throwable(name, text, (frame, "org.apache.spark.sql.SparkSession.sql(SparkSession.scala:634)")),
        call="insertInto",
    )
    return Truth(description="A setting of the session is wrong.", evidence=(part,))


def _refusal(message: str) -> str:
    frames = (
        "org.apache.spark.deploy.SparkSubmitArguments.error(SparkSubmitArguments.scala:650)",
        "org.apache.spark.deploy.SparkSubmitArguments.<init>(SparkSubmitArguments.scala:127)",
        "org.apache.spark.deploy.SparkSubmit.doSubmit(SparkSubmit.scala:85)",
        _SUBMIT,
    )
    return f'Exception in thread "main" {Throwable("org.apache.spark.SparkException", message, frames).text}'


@template("submit-option", FailureType.INVALID_SETTING, difficulty="easy", modes=("client",), plain=True)
def submit_option(scene: Scene) -> Truth:
    """spark-submit itself refuses its options."""
    rng = scene.rng
    text, option = rng.choice((
        (_refusal("Unrecognized option '--executor-memroy'."), ["--executor-memroy", "4g"]),
        (_refusal("Executor cores must be a positive number"), ["--executor-cores", "0"]),
        (_refusal("Spark config without '=': spark.sql.ansi.enabled"), ["--conf", "spark.sql.ansi.enabled"]),
        ('Exception in thread "main" java.lang.NumberFormatException: Size must be specified as bytes (b), kibibytes (k), mebibytes (m), gibibytes (g), '
         "tebibytes (t), or pebibytes(p). E.g. 50b, 100k, or 250m.\nFailed to parse byte string: 6gb8\n"
         f"\tat org.apache.spark.network.util.JavaUtils.byteStringAs(JavaUtils.java:271)\n\tat {_SUBMIT}", ["--driver-memory", "6gb8"]),
    ))  # fmt: skip
    scene.facts.extra_args += option
    part = text.split("\n", 1)[0].split(": ", 1)[1]
    scene.submit_fails(text, 1)
    return Truth(description="spark-submit does not take the step's options.", evidence=(part[:90],))


@template("jvm-option", FailureType.INVALID_SETTING, difficulty="hard", repeats=False, without=(4, 5, 6, 7))
def jvm_option(scene: Scene) -> Truth:
    """No executor's Java starts, for an option that it does not know; the driver only counts lost executors."""
    rng = scene.rng
    option = (
        "UseZGC"
        if scene.release.java_major == "8"
        else rng.choice(("UseConcMarkSweepGC", "UseParNewGC", "PrintGCTimeStamps"))
    )
    words = f"Unrecognized VM option '{option}'"
    scene.facts.extra_args += ["--conf", f"spark.executor.extraJavaOptions=-XX:+{option}"]
    scene.start(executors=1)
    limit = 3
    for _ in range(limit):
        executor = scene.executor(1)
        stream = f"containers/{scene.application}/{executor.container}/stderr"
        scene.remove(stream)
        scene.facts.cut = False
        scene.file(stream).raw(
            f"{words}\nError: Could not create the Java Virtual Machine.\nError: A fatal exception has occurred. Program will exit."
        )
        mark = scene.stamp()
        diagnostics = (
            f"{mark}Exception from container-launch.\nContainer id: {executor.container}\nExit code: 1\n\n{mark}Container exited with a non-zero exit code 1. "
            f"Error file: prelaunch.err.\nLast 4096 bytes of prelaunch.err :\nLast 4096 bytes of stderr :\n{words}\nError: Could not create the Java Virtual "
            "Machine.\nError: A fatal exception has occurred. Program will exit.\n\n"
        )
        scene.lose_executor(executor, status=1, diagnostics=diagnostics)
        if _ < limit - 1:
            scene.new_executor()
    scene.fail_master(11, f"Max number of executor failures ({limit}) reached")
    return Truth(description="The executors' Java does not know an option.", evidence=(words,))


@template("host-mistyped", FailureType.INVALID_SETTING, difficulty="hard")
def host_mistyped(scene: Scene) -> Truth:
    """The address in the job's arguments has a slip; the host was never there and never will be."""
    rng, names = scene.rng, scene.names
    right = names.service_host
    wrong = rng.choice(
        (
            right.replace(".internal", ".interal"),
            right.replace("-db.", "-bd."),
            f"jdbc:{right}",
            right.replace(".internal", ".internal.")[:-3],
        )
    )
    port = rng.choice((5432, 3306))
    scene.facts.job_args += ["--db-host", wrong, "--db-port", str(port)]
    scene.start()
    scene.driver.info(
        own_class(scene), f"arguments: --db-host {wrong} --db-port {port}; default host {right} is not used"
    )
    scene.healthy_run(1)
    frames = (
        "org.postgresql.core.PGStream.createSocket(PGStream.java:241)",
        "org.postgresql.core.ConnectionFactory.openConnection(ConnectionFactory.java:54)",
    )
    cause = Throwable("java.net.UnknownHostException", wrong, frames)
    scene.fail(
        Throwable("org.postgresql.util.PSQLException", "The connection attempt failed.", frames[1:], cause),
        call="load",
    )
    return Truth(
        description="The database's address in the job's arguments is mistyped.", evidence=("java.net.UnknownHostException", "--db-host"),
        accept=(Category.DEPENDENCY_FAILURE,), notes="the argument differs from the default by a slip; a rerun can't help",
    )  # fmt: skip


@template(
    "memory-above-maximum", FailureType.REQUEST_ABOVE_LIMIT, difficulty="easy", modes=("client",), plain=True
)
def memory_above_maximum(scene: Scene) -> Truth:
    """The client refuses to ask for more memory than a container may have."""
    rng = scene.rng
    most = scene.ground.node_mb
    asked = (most // 1024 + rng.choice((1, 4, 12, 40))) * 1024
    overhead, python = asked // 10, rng.choice((0, 0, 2048))
    what = rng.choice(("executor", "AM"))
    if what == "executor":
        scene.facts.extra_args += ["--executor-memory", f"{asked // 1024}g"]
        head = f"Required executor memory ({asked} MB), offHeap memory (0) MB, overhead ({overhead} MB), and PySpark memory ({python} MB)"
    else:
        scene.facts.extra_args += ["--conf", f"spark.yarn.am.memory={asked}m"]
        head = f"Required AM memory ({asked}+{overhead} MB)"
    text = (
        f"{head} is above the max threshold ({most} MB) of this cluster! Please check the values of 'yarn.scheduler.maximum-allocation-mb' "
        "and/or 'yarn.nodemanager.resource.memory-mb'."
    )
    frames = (
        "org.apache.spark.deploy.yarn.Client.verifyClusterResources(Client.scala:431)",
        "org.apache.spark.deploy.yarn.Client.submitApplication(Client.scala:204)",
        "org.apache.spark.scheduler.cluster.YarnClientSchedulerBackend.start(YarnClientSchedulerBackend.scala:62)",
        "org.apache.spark.SparkContext.<init>(SparkContext.scala:606)",
    )
    failure = Throwable("java.lang.IllegalArgumentException", text, frames)
    start_context(scene.ground)
    scene.driver.info(
        "Client",
        f"Verifying our application has not requested more than the maximum memory capability of the cluster ({most} MB per container)",
    )
    scene.driver.error("SparkContext", "Error initializing SparkContext.")
    scene.driver.trace(failure)
    scene.fail(
        failure,
        call="None.org.apache.spark.api.java.JavaSparkContext",
        source="spark = SparkSession.builder.getOrCreate()",
    )
    return Truth(
        description="The job asks for more memory than any container may have.",
        evidence=(f"is above the max threshold ({most} MB) of this cluster",),
    )


@template("cores-above-maximum", FailureType.REQUEST_ABOVE_LIMIT, difficulty="medium", repeats=False)
def cores_above_maximum(scene: Scene) -> Truth:
    """YARN refuses the master's request for executors: more cores than a container may have."""
    rng, ground = scene.rng, scene.ground
    asked = ground.node_cores * rng.choice((2, 3, 4))
    scene.facts.extra_args += ["--executor-cores", str(asked), "--conf", f"spark.executor.cores={asked}"]
    scene.start_master()
    if scene.mode == "cluster":
        scene.facts.started = True
        start_context(ground)
    memory = ground.executor_mb + ground.overhead_mb
    text = (
        "Invalid resource request! Cannot allocate containers as requested resource is greater than maximum allowed allocation. Requested resource "
        f"type=[vcores], Requested resource=<memory:{memory}, max memory:{ground.node_mb}, vCores:{asked}, max vCores:{ground.node_cores}>, maximum allowed "
        f"allocation=<memory:{ground.node_mb}, vCores:{ground.node_cores}>, please note that maximum allowed allocation is calculated by scheduler based on "
        f"maximum resource of registered NodeManagers, which might be less than configured maximum allocation=<memory:{ground.node_mb}, vCores:128>"
    )
    name = "org.apache.hadoop.yarn.exceptions.InvalidResourceRequestException"
    scene.resource_manager.warn(
        _RM + "scheduler.SchedulerUtils",
        f"Invalid resource ask by application {ground.app_attempt}; {text}",
        thread="IPC Server handler 3 on default port 8030",
    )
    trace = Throwable(name, text, (
        f"{_RM}scheduler.SchedulerUtils.checkResourceRequestAgainstAvailableResource(SchedulerUtils.java:492)",
        "org.apache.spark.deploy.yarn.YarnAllocator.allocateResources(YarnAllocator.scala:309)",
        "org.apache.spark.deploy.yarn.ApplicationMaster.createAllocator(ApplicationMaster.scala:479)",
        "org.apache.spark.deploy.yarn.ApplicationMaster.run(ApplicationMaster.scala:265)",
    ))  # fmt: skip
    scene.fail_master(10, f"Uncaught exception: {name}: {text}", trace)
    return Truth(
        description="The job asks for more cores per executor than any container may have.",
        evidence=("requested resource is greater than maximum allowed allocation",),
    )
