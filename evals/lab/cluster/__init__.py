"""A real Spark on a real YARN and HDFS, on one machine and in one process beside the job's own.

`Cluster.java` starts Hadoop's mini clusters and takes commands. An engine is a release of Spark with all it
needs: `<engine>.txt` (Python packages, locked for Linux; `shared.txt` holds those of every engine),
`<engine>.pom.xml` (jars), `<engine>.sha256` (of the jars).
"""
