"""Three templates to start from: a task's failure, a service that is gone, a lost executor."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.trace import Throwable

_JDBC = (
    "org.postgresql.core.v3.ConnectionFactoryImpl.openConnectionImpl(ConnectionFactoryImpl.java:352)",
    "org.postgresql.core.ConnectionFactory.openConnection(ConnectionFactory.java:54)",
    "org.postgresql.jdbc.PgConnection.<init>(PgConnection.java:273)",
    "org.postgresql.Driver.makeConnection(Driver.java:446)",
    "org.postgresql.Driver.connect(Driver.java:298)",
    "org.apache.spark.sql.execution.datasources.jdbc.connection.BasicConnectionProvider.getConnection"
    "(BasicConnectionProvider.scala:49)",
    "org.apache.spark.sql.execution.datasources.jdbc.JdbcRelationProvider.createRelation(JdbcRelationProvider.scala:48)",
    "org.apache.spark.sql.DataFrameWriter.save(DataFrameWriter.scala:251)",
)


@template("parser-number", FailureType.MALFORMED_INPUT, difficulty="medium")
def parser_number(scene: Scene) -> Truth:
    """The job's own parser meets a field that is not a number."""
    rng, names = scene.rng, scene.names
    value = rng.choice(("12,50", "n/a", "1.204.10", "#REF!", "--", "4 711"))
    scene.start()
    scene.healthy_run()
    stage = scene.begin_stage(tasks=rng.randrange(6, 20), action="count", kind="ShuffleMapStage")
    scene.run_tasks(stage, 4)
    package = names.main_class.rsplit(".", 1)[0]
    failure = Throwable(
        "java.lang.NumberFormatException",
        f'For input string: "{value}"',
        (
            "java.base/jdk.internal.math.FloatingDecimal.readJavaFormatString(FloatingDecimal.java:2054)",
            "java.base/java.lang.Double.parseDouble(Double.java:651)",
            f"{package}.{names.table.capitalize()}Line$.parse({names.table.capitalize()}Line.scala:{rng.randrange(20, 80)})",
            "scala.collection.Iterator$$anon$10.next(Iterator.scala:461)",
        ),
    )
    scene.fail(scene.fail_task(stage, failure), call="count")
    return Truth(
        description="A field of the input is not a number and the job's parser gives up.",
        evidence=(f'NumberFormatException: For input string: "{value}"',),
        accept=(Category.CONFIGURATION_ERROR,),
        failure_type=FailureType.MALFORMED_INPUT,
    )


@template("database-refuses", FailureType.SERVICE_UNREACHABLE, difficulty="easy")
def database_refuses(scene: Scene) -> Truth:
    """The target database takes no connections; sometimes another table was written before."""
    rng, names = scene.rng, scene.names
    scene.start()
    scene.healthy_run()
    wrote = rng.random() < 0.4
    if wrote:
        scene.write()
    port = rng.choice((5432, 6432))
    refused = Throwable("java.net.ConnectException", "Connection refused", (
        "java.base/sun.nio.ch.Net.pollConnect(Native Method)",
        "java.base/java.net.Socket.connect(Socket.java:633)",
        "org.postgresql.core.PGStream.createSocket(PGStream.java:243)",
        *_JDBC,
    ))  # fmt: skip
    scene.fail(
        Throwable(
            "org.postgresql.util.PSQLException",
            f"Connection to {names.service_host}:{port} refused. Check that the hostname and port are correct and that "
            "the postmaster is accepting TCP/IP connections.",
            _JDBC,
            refused,
        ),
        call="save",
    )
    return Truth(
        description="The target database refuses connections.",
        evidence=(
            "java.net.ConnectException: Connection refused",
            "the postmaster is accepting TCP/IP connections",
        ),
        notes="another output was committed before" if wrote else "",
    )


@template("node-leaves", FailureType.NODE_LOST, difficulty="medium")
def node_leaves(scene: Scene) -> Truth:
    """A worker leaves the cluster; its shuffle files are gone too often and the stage is given up."""
    scene.start(executors=3)
    scene.healthy_run(2)
    scene.healthy_stage(kind="ShuffleMapStage", action="collect")
    stage = scene.begin_stage(tasks=12, action="collect")
    scene.run_tasks(stage, 3)
    lost = scene.executor(2)
    scene.resource_manager.info(
        "org.apache.hadoop.yarn.server.resourcemanager.rmnode.RMNodeImpl",
        f"Deactivating Node {lost.host}:8041 as it is now LOST",
        thread="RM Event dispatcher",
    )
    scene.lose_executor(
        lost, status=-100, stage=stage, by_task=False,
        diagnostics="Container released on a *lost* node",
    )  # fmt: skip
    thrown = Throwable(
        "org.apache.spark.SparkException",
        f"Job aborted due to stage failure: ResultStage {stage.id} ({stage.action}) has failed the maximum allowable "
        f"number of times: 4. Most recent failure reason:\norg.apache.spark.shuffle.MetadataFetchFailedException: "
        f"Missing an output location for shuffle {stage.id - 1} partition {scene.rng.randrange(12)}",
        ("org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)",),
    )
    scene.fail(thrown, call="collectToPython")
    return Truth(
        description="A worker node left the cluster and took shuffle files with it.",
        evidence=("Container released on a *lost* node", "as it is now LOST"),
        accept=(Category.RESOURCE_EXHAUSTION,),
        notes="the fetch failures are symptoms",
    )
