import java.io.BufferedReader;
import java.io.File;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.List;
import java.util.StringJoiner;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.protocol.HdfsConstants;
import org.apache.hadoop.yarn.api.records.ApplicationId;
import org.apache.hadoop.yarn.api.records.ApplicationReport;
import org.apache.hadoop.yarn.api.records.YarnApplicationState;
import org.apache.hadoop.yarn.client.api.YarnClient;
import org.apache.hadoop.yarn.conf.YarnConfiguration;
import org.apache.hadoop.yarn.server.MiniYARNCluster;
import org.apache.hadoop.yarn.server.nodemanager.NodeStatusUpdater;

/**
 * HDFS and YARN in one process, for the lab.
 *
 * Arguments: work folder, number of node managers, MiB of each. Writes the clients' configuration to
 * FOLDER/conf, prints "READY", then takes one command a line on standard input (words apart by a tab) and
 * answers each with one line, "OK words…" or "ERROR reason". Ends with its standard input.
 */
public final class Cluster {
  private static final int NODES_WAIT_MILLIS = 60_000;

  private final Configuration base;
  private final MiniDFSCluster dfs;
  private final DistributedFileSystem files;
  private final MiniYARNCluster yarn;
  private final YarnClient client;

  private Cluster(File folder, int nodes, int memoryMb) throws Exception {
    base = configuration(folder, memoryMb);
    dfs = new MiniDFSCluster.Builder(base).numDataNodes(1).build();
    dfs.waitActive();
    files = dfs.getFileSystem();
    base.set("fs.defaultFS", files.getUri().toString());
    yarn = new MiniYARNCluster("lab", 1, nodes, 1, 1);
    yarn.init(base);
    yarn.start();
    if (!yarn.waitForNodeManagersToConnect(NODES_WAIT_MILLIS)) {
      throw new IllegalStateException("the node managers did not register");
    }
    writeClientConfiguration(new File(folder, "conf"));
    client = YarnClient.createYarnClient();
    client.init(yarn.getConfig());
    client.start();
  }

  private static YarnConfiguration configuration(File folder, int memoryMb) {
    YarnConfiguration c = new YarnConfiguration();
    c.set("hdfs.minidfs.basedir", new File(folder, "dfs").getPath());
    c.setBoolean("dfs.permissions.enabled", true);
    c.setInt("dfs.replication", 1);
    c.setInt("dfs.namenode.fs-limits.min-block-size", 0);
    c.setInt("dfs.namenode.safemode.extension", 0);
    // Spares users of the operating system, and a flood of PartialGroupNameException.
    c.set("hadoop.user.group.static.mapping.overrides",
        "hadoop=hadoop;hdfs=hdfs,supergroup;yarn=yarn;root=hdfs,supergroup;etl=etl;analyst=analyst;finance=finance");
    c.setBoolean("yarn.minicluster.control-resource-monitoring", true);
    c.setInt("yarn.minicluster.yarn.nodemanager.resource.memory-mb", memoryMb);
    c.setInt("yarn.nodemanager.resource.memory-mb", memoryMb);
    c.setInt("yarn.nodemanager.resource.cpu-vcores", 16);
    c.setBoolean("yarn.nodemanager.pmem-check-enabled", true);
    c.setBoolean("yarn.nodemanager.vmem-check-enabled", false);
    // With its default of true the monitor only watches.
    c.setBoolean("yarn.nodemanager.resource.memory.enforced", false);
    c.setInt("yarn.nodemanager.container-monitor.interval-ms", 500);
    c.setBoolean("yarn.nodemanager.disk-health-checker.enable", false);
    c.setInt("yarn.nodemanager.log.retain-seconds", 1_000_000);
    c.setInt("yarn.scheduler.minimum-allocation-mb", 128);
    c.setInt("yarn.scheduler.maximum-allocation-mb", 3072);
    c.setInt("yarn.scheduler.maximum-allocation-vcores", 16);
    c.setInt("yarn.resourcemanager.am.max-attempts", 2);
    c.setInt("yarn.nm.liveness-monitor.expiry-interval-ms", 12_000);
    c.setInt("yarn.resourcemanager.nm.liveness-monitor.expiry-interval-ms", 12_000);
    c.setBoolean("yarn.log-aggregation-enable", false);
    c.set("yarn.resourcemanager.scheduler.class",
        "org.apache.hadoop.yarn.server.resourcemanager.scheduler.capacity.CapacityScheduler");
    String queue = "yarn.scheduler.capacity.root.";
    c.set(queue + "queues", "default,etl");
    c.set(queue + "default.capacity", "90");
    c.set(queue + "default.maximum-capacity", "100");
    c.set(queue + "default.user-limit-factor", "10");
    c.set(queue + "etl.capacity", "10");
    c.set(queue + "etl.maximum-capacity", "100");
    c.set("yarn.scheduler.capacity.maximum-am-resource-percent", "1.0");
    return c;
  }

  private void writeClientConfiguration(File folder) throws Exception {
    if (!folder.isDirectory() && !folder.mkdirs()) {
      throw new IllegalStateException("can't make " + folder);
    }
    Configuration all = new Configuration(yarn.getConfig());
    // The mini cluster names a test class here that Spark's application master does not have.
    all.set("net.topology.node.switch.mapping.impl", "org.apache.hadoop.net.ScriptBasedMapping");
    all.set("fs.defaultFS", files.getUri().toString());
    write(all, new File(folder, "core-site.xml"));
    write(all, new File(folder, "yarn-site.xml"));
    // Read last: a full dump here would send the application master to the default address.
    Configuration hdfs = new Configuration(false);
    hdfs.set("fs.defaultFS", files.getUri().toString());
    hdfs.set("dfs.replication", "1");
    write(hdfs, new File(folder, "hdfs-site.xml"));
  }

  private static void write(Configuration configuration, File file) throws Exception {
    try (OutputStream stream = new FileOutputStream(file)) {
      configuration.writeXml(stream);
    }
  }

  private String run(String[] words) throws Exception {
    switch (words[0]) {
      case "reset":
        return reset();
      case "mkdir":
        files.mkdirs(new Path(words[1]));
        return own(words[1], words[2], words[3]);
      case "put":
        files.copyFromLocalFile(false, true, new Path("file://" + words[4]), new Path(words[1]));
        return own(words[1], words[2], words[3]);
      case "quota":
        files.setQuota(new Path(words[1]), quota(words[2]), quota(words[3]));
        return "";
      case "safemode":
        files.setSafeMode(HdfsConstants.SafeModeAction.valueOf("SAFEMODE_" + words[1]));
        return "";
      case "stop-datanode":
        dfs.stopDataNode(0);
        return "";
      case "lose-node":
        lose(Integer.parseInt(words[1]));
        return "";
      case "kill":
        client.killApplication(ApplicationId.fromString(words[1]));
        return "";
      case "applications":
        return applications();
      default:
        throw new IllegalArgumentException("no such command");
    }
  }

  /** Leave safe mode, remove every file, and make the folders a new EMR cluster has. */
  private String reset() throws Exception {
    files.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_LEAVE);
    for (FileStatus status : files.listStatus(new Path("/"))) {
      files.delete(status.getPath(), true);
    }
    for (String[] folder : new String[][] {
        {"/", "hdfs", "755"}, {"/tmp", "hdfs", "1777"}, {"/user", "hdfs", "755"}, {"/user/hadoop", "hadoop", "755"},
        {"/user/etl", "etl", "755"}, {"/user/analyst", "analyst", "755"}, {"/user/spark", "hdfs", "755"},
        {"/user/spark/warehouse", "hadoop", "777"}, {"/data", "hadoop", "755"}}) {
      files.mkdirs(new Path(folder[0]));
      own(folder[0], folder[1], folder[2]);
    }
    return "";
  }

  private String own(String path, String owner, String mode) throws Exception {
    files.setOwner(new Path(path), owner, owner);
    files.setPermission(new Path(path), new FsPermission((short) Integer.parseInt(mode, 8)));
    return "";
  }

  private static long quota(String word) {
    return "-".equals(word) ? HdfsConstants.QUOTA_DONT_SET : Long.parseLong(word);
  }

  /** Let a node manager fall silent, as when its machine is taken away; it expires some seconds later. */
  private void lose(int node) throws Exception {
    NodeStatusUpdater updater = yarn.getNodeManager(node).getNodeStatusUpdater();
    for (Class<?> type = updater.getClass(); type != null; type = type.getSuperclass()) {
      for (Field field : type.getDeclaredFields()) {
        if (field.getName().equals("isStopped")) {
          field.setAccessible(true);
          field.set(updater, true);
          return;
        }
      }
    }
    throw new IllegalStateException("this Hadoop's status updater can't be stopped");
  }

  private String applications() throws Exception {
    StringJoiner joiner = new StringJoiner("\t");
    List<ApplicationReport> reports = client.getApplications(EnumSet.allOf(YarnApplicationState.class));
    for (ApplicationReport report : reports) {
      joiner.add(report.getApplicationId() + " " + report.getYarnApplicationState() + " "
          + report.getFinalApplicationStatus());
    }
    return joiner.toString();
  }

  private static Cluster start(String[] arguments) {
    try {
      Cluster cluster =
          new Cluster(new File(arguments[0]), Integer.parseInt(arguments[1]), Integer.parseInt(arguments[2]));
      cluster.reset();
      return cluster;
    } catch (Throwable error) {
      // Threads of what did start would keep the process alive.
      error.printStackTrace();
      Runtime.getRuntime().halt(1);
      throw new IllegalStateException(error);
    }
  }

  public static void main(String[] arguments) throws Exception {
    // Libraries that print must not come between the answers.
    PrintStream out = System.out;
    System.setOut(System.err);
    Cluster cluster = start(arguments);
    out.println("READY");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      try {
        out.println("OK\t" + cluster.run(line.split("\t")));
      } catch (Exception error) {
        out.println("ERROR\t" + error.toString().replace('\n', ' '));
      }
    }
    System.exit(0);
  }
}
