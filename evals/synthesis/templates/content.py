"""Failures of what files hold: malformed records, broken and cut files."""

from diagnose.taxonomy import Category, FailureType
from evals.synthesis.scene import Scene
from evals.synthesis.template import Truth, template
from evals.synthesis.templates.shape import (
    SPARK,
    SQL,
    is_spark35,
    jdk,
    own_name,
    package,
    part,
    query_frames,
    reading,
    say,
    scan_frames,
)
from evals.synthesis.trace import PythonError, Throwable


def _encountered(path: str, cause: Throwable, frames: tuple[str, ...]) -> Throwable:
    """How a scan wraps what a reader throws."""
    return Throwable(f"{SPARK}SparkException", f"Encountered error while reading file {path}. Details: ", (
        f"{SQL}errors.QueryExecutionErrors$.cannotReadFilesError(QueryExecutionErrors.scala:863)", *frames,
    ), cause)  # fmt: skip


@template("strict-reader-stops", FailureType.MALFORMED_INPUT, difficulty="easy")
def strict_reader_stops(scene: Scene) -> Truth:
    """A CSV or JSON file is read in FAILFAST mode and holds a record that is none."""
    rng, names = scene.rng, scene.names
    stage = reading(scene)
    fields = ",".join(rng.choice(("null", f"{rng.randrange(10**6)}", "EUR", "2026-02-30")) for _ in range(5))
    csv = rng.random() < 0.5
    reader = f"{SQL}catalyst.csv.UnivocityParser" if csv else f"{SQL}catalyst.json.JacksonParser"
    below = (f"{SQL}catalyst.util.FailureSafeParser.parse(FailureSafeParser.scala:60)", *scan_frames(scene))
    innermost = rng.choice(
        (
            Throwable(f"{SPARK}SparkRuntimeException", "[MALFORMED_CSV_RECORD] Malformed CSV record: "
                      f"{rng.randrange(10**6)};{names.day};{rng.randrange(900)}", (f"{reader}.convert(UnivocityParser.scala:341)", *below)),
            Throwable("java.lang.NumberFormatException", f'For input string: "{rng.choice(("12,50", "n/a", "1.2.3"))}"', (
                *jdk(scene, "java.base/java.lang.Integer.parseInt(Integer.java:652)"),
                f"{reader}.$anonfun$makeConverter$12(UnivocityParser.scala:207)", *below)),
        ) if csv else (
            Throwable("com.fasterxml.jackson.core.JsonParseException", f"Unexpected character ('{rng.choice('}:')}' (code "
                      f"{rng.choice((125, 58))})): was expecting double-quote to start field name\n at [Source: (InputStreamReader); "
                      f"line: 1, column: {rng.randrange(20, 900)}]", ("com.fasterxml.jackson.core.JsonParser._constructError(JsonParser.java:2477)", *below)),
            Throwable("com.fasterxml.jackson.core.io.JsonEOFException", "Unexpected end-of-input: expected close marker for Object "
                      f"(start marker at [Source: (InputStreamReader); line: 1, column: {rng.randrange(20, 900)}])",
                      ("com.fasterxml.jackson.core.base.ParserMinimalBase._reportInvalidEOF(ParserMinimalBase.java:697)", *below)),
        )
    )  # fmt: skip
    variant = (
        "[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] "
        if is_spark35(scene)
        else "[MALFORMED_RECORD_IN_PARSING] "
    )
    text = (
        f"{variant}Malformed records are detected in record parsing: [{fields}].\nParse Mode: FAILFAST. To process malformed "
        "records as null result, try setting the option 'mode' as 'PERMISSIVE'. "
    )
    record = Throwable(
        f"{SQL}catalyst.util.BadRecordException",
        innermost.header.split("\n")[0],
        (f"{reader}.parse({reader.rsplit('.', 1)[1]}.scala:366)", *below),
        innermost,
    )
    failure = Throwable(f"{SPARK}SparkException", text, (
        f"{SQL}errors.QueryExecutionErrors$.malformedRecordsDetectedInRecordParsingError(QueryExecutionErrors.scala:1611)",
        f"{SQL}catalyst.util.FailureSafeParser.parse(FailureSafeParser.scala:79)", *scan_frames(scene),
    ), record)  # fmt: skip
    if rng.random() < 0.6:
        failure = _encountered(part(scene, ".csv" if csv else ".json"), failure, scan_frames(scene))
    scene.fail(scene.fail_task(stage, failure), call="count")
    return Truth(
        description="A record of the input is malformed and the reader is told to stop at the first one.",
        evidence=("Malformed records are detected in record parsing", innermost.header.split("\n")[0]),
    )


@template("parser-on-driver", FailureType.MALFORMED_INPUT, difficulty="easy", languages=("python",))
def parser_on_driver(scene: Scene) -> Truth:
    """A small file that the driver reads with Python is not what its name says."""
    rng, names = scene.rng, scene.names
    line, offset = rng.randrange(2, 90000), rng.randrange(40, 90000)
    calls = {
        "json": "rules = json.load(handle)", "pandas": "lookup = pd.read_csv(path)", "text": "for row in handle:",
        "xml": "tree = ElementTree.parse(path)", "number": "rate = float(row['rate'])",
    }  # fmt: skip
    kind = rng.choice(tuple(calls))
    error = {
        "json": ("json.decoder.JSONDecodeError", rng.choice((
            f"Expecting ',' delimiter: line {line} column 7 (char {offset})", "Expecting value: line 1 column 1 (char 0)",
            f"Extra data: line 2 column 1 (char {offset})"))),
        "pandas": ("pandas.errors.ParserError", f"Error tokenizing data. C error: Expected 12 fields in line {line}, saw {rng.choice((13, 15, 24))}"),
        "text": ("UnicodeDecodeError", f"'utf-8' codec can't decode byte 0x{rng.choice(('e9', 'fc', 'a0', '96'))} in position {offset}: "
                 f"invalid {rng.choice(('continuation byte', 'start byte'))}"),
        "xml": ("xml.etree.ElementTree.ParseError", f"{rng.choice(('mismatched tag', 'not well-formed (invalid token)', 'no element found'))}: line {line}, column {rng.randrange(80)}"),
        "number": ("ValueError", f"could not convert string to float: '{rng.choice(('1.204,50', '12 500', '#N/A', '7,5'))}'"),
    }[kind]  # fmt: skip
    scene.start()
    scene.healthy_run()
    say(scene, f"loading {names.other_table} of {names.day}")
    if rng.random() < 0.4:
        scene.healthy_stage()
    scene.fail(PythonError(*error, (
        ("", rng.randrange(90, 200), "<module>", f"run('{names.day}')"), ("", rng.randrange(30, 80), "load", calls[kind]),
    )))  # fmt: skip
    return Truth(
        description="A file that the driver reads is malformed.",
        evidence=(": ".join(error),),
        accept=(Category.CONFIGURATION_ERROR,) if kind in {"text", "number"} else (),
    )


@template("quote-never-closed", FailureType.MALFORMED_INPUT, difficulty="medium")
def quote_never_closed(scene: Scene) -> Truth:
    """A quote or a tag in a large text file is never closed; the parser's limit or the file's end is met."""
    rng = scene.rng
    stage = reading(scene)
    limit = rng.choice((1000000, 4096))
    shapes = (
        Throwable("com.univocity.parsers.common.TextParsingException", "java.lang.ArrayIndexOutOfBoundsException - "
                  f"{limit}\nHint: Number of characters processed may have exceeded limit of {limit} characters per column. Use "
                  "settings.setMaxCharsPerColumn(int) to define the maximum number of characters a column can have\nEnsure your "
                  "configuration is correct, with delimiters, quotes and escape sequences that match the input format you are trying to parse", (
            "com.univocity.parsers.common.AbstractParser.handleException(AbstractParser.java:402)",
            "com.univocity.parsers.common.AbstractParser.parseNext(AbstractParser.java:623)", *scan_frames(scene))),
        Throwable("org.xml.sax.SAXParseException", f'; lineNumber: {rng.randrange(9, 90000)}; columnNumber: {rng.randrange(1, 90)}; The element '
                  f'type "{scene.names.column}" must be terminated by the matching end-tag "</{scene.names.column}>".', (
            "org.apache.xerces.util.ErrorHandlerWrapper.createSAXParseException(ErrorHandlerWrapper.java:203)",
            f"{package(scene)}.{own_name(scene)}Reader.parse({own_name(scene)}Reader.java:{rng.randrange(30, 90)})", *query_frames(scene))),
        Throwable("java.nio.charset.MalformedInputException", f"Input length = {rng.choice((1, 2))}", (
            *jdk(scene, "java.base/java.nio.charset.CoderResult.throwException(CoderResult.java:274)",
                 "java.base/sun.nio.cs.StreamDecoder.implRead(StreamDecoder.java:339)"),
            "scala.io.BufferedSource$BufferedLineIterator.hasNext(BufferedSource.scala:74)", *query_frames(scene))),
    )  # fmt: skip
    failure = rng.choice(shapes)
    scene.fail(scene.fail_task(stage, failure), call="count")
    return Truth(
        description="A text file of the input breaks its own format.",
        evidence=(failure.message.split("\n")[min(1, failure.message.count("\n"))][:60].strip(),)
        if "\n" in failure.message else (failure.header if "Input" in failure.message else "must be terminated by the matching end-tag",),
        accept=(Category.CONFIGURATION_ERROR,),
    )  # fmt: skip


@template("columnar-file-is-none", FailureType.CORRUPT_FILE, difficulty="easy")
def columnar_file_is_none(scene: Scene) -> Truth:
    """A Parquet, ORC or Avro file has no valid footer, header or block."""
    rng = scene.rng
    stage = reading(scene)
    parquet, orc, avro = part(scene, ".snappy.parquet"), part(scene, ".orc"), part(scene, ".avro")
    tail = [rng.choice((0, 10, 48, 125, 34, 44)) for _ in range(4)]
    reader = "org.apache.parquet.hadoop.ParquetFileReader"
    not_parquet = rng.choice((
        f"{parquet} is not a Parquet file. Expected magic number at tail, but found {tail}",
        f"{parquet} is not a Parquet file (length is too low: {rng.choice((0, 4, 7))})",
    ))  # fmt: skip
    shapes = (
        (parquet, "is not a Parquet file", Throwable(f"{SPARK}SparkException", "Exception thrown in awaitResult: ", (
            f"{SPARK}util.ThreadUtils$.awaitResult(ThreadUtils.scala:56)",), Throwable(
            "java.io.IOException", f"Could not read footer for file: FileStatus{{path={parquet}; isDirectory=false; length="
            f"{rng.randrange(0, 9000)}; replication=0; blocksize=0; modification_time=0; access_time=0; owner=; group=; permission=rw-rw-rw-; "
            "isSymlink=false}", (f"{SQL}execution.datasources.parquet.ParquetFileFormat$.$anonfun$readParquetFootersInParallel$1(ParquetFileFormat.scala:449)",),
            Throwable("java.lang.RuntimeException", not_parquet, (f"{reader}.readFooter(ParquetFileReader.java:557)",)), remote=True))),
        (parquet, "is not a Parquet file", Throwable("java.lang.RuntimeException", not_parquet, (
            f"{reader}.readFooter(ParquetFileReader.java:557)", f"{reader}.<init>(ParquetFileReader.java:788)", *scan_frames(scene)))),
        (orc, "Malformed ORC file", Throwable("org.apache.orc.FileFormatException", f"Malformed ORC file {orc}. Invalid postscript"
            + rng.choice((".", " length 0")), ("org.apache.orc.impl.ReaderImpl.ensureOrcFooter(ReaderImpl.java:454)",
            "org.apache.orc.impl.ReaderImpl.extractFileTail(ReaderImpl.java:800)", *scan_frames(scene)))),
        (avro, "Not an Avro data file.", Throwable("org.apache.avro.InvalidAvroMagicException", "Not an Avro data file.", (
            "org.apache.avro.file.DataFileStream.initialize(DataFileStream.java:114)", *scan_frames(scene)))),
        (avro, "Invalid sync!", Throwable("org.apache.avro.AvroRuntimeException", "java.io.IOException: Invalid sync!", (
            "org.apache.avro.file.DataFileStream.hasNext(DataFileStream.java:224)", *scan_frames(scene)))),
        (parquet, "could not verify page integrity, CRC checksum verification failed", Throwable(
            "org.apache.parquet.io.ParquetDecodingException", "could not verify page integrity, CRC checksum verification failed", (
            f"{reader}$WorkaroundChunk.verifyCrc(ParquetFileReader.java:1530)", *scan_frames(scene)))),
    )  # fmt: skip
    path, evidence, cause = rng.choice(shapes)
    wrapped = _encountered(path, cause, scan_frames(scene)) if rng.random() < 0.5 else cause
    scene.fail(scene.fail_task(stage, wrapped), call="count")
    return Truth(description="A file of the input is broken and can't be read.", evidence=(evidence,))


@template("archive-ends-early", FailureType.CORRUPT_FILE, difficulty="medium")
def archive_ends_early(scene: Scene) -> Truth:
    """A compressed text file was cut or is damaged; the codec says so."""
    rng = scene.rng
    stage = reading(scene)
    path = f"{scene.names.input_path}/{scene.names.table}-{rng.randrange(24):02d}.csv.gz"
    stream = "org.apache.hadoop.io.compress.DecompressorStream."
    below = ("org.apache.hadoop.util.LineReader.readDefaultLine(LineReader.java:227)",
             "org.apache.hadoop.mapreduce.lib.input.LineRecordReader.nextKeyValue(LineRecordReader.java:200)", *scan_frames(scene))  # fmt: skip
    failure = rng.choice((
        Throwable("java.io.EOFException", "Unexpected end of input stream", (
            f"{stream}decompress(DecompressorStream.java:165)", f"{stream}read(DecompressorStream.java:105)", *below)),
        Throwable("java.util.zip.ZipException", rng.choice((
            "invalid distance too far back", "invalid stored block lengths", "incorrect header check", "unknown compression method")), (
            *jdk(scene, "java.base/java.util.zip.InflaterInputStream.read(InflaterInputStream.java:165)",
                 "java.base/java.util.zip.GZIPInputStream.read(GZIPInputStream.java:118)"), *below)),
        Throwable("java.io.IOException", "incorrect data check", (
            "org.apache.hadoop.io.compress.zlib.ZlibDecompressor.inflateBytesDirect(Native Method)",
            "org.apache.hadoop.io.compress.zlib.ZlibDecompressor.decompress(ZlibDecompressor.java:225)", *below)),
        Throwable("java.io.IOException", "not a gzip file", (
            "org.apache.hadoop.io.compress.zlib.BuiltInGzipDecompressor.processBasicHeader(BuiltInGzipDecompressor.java:496)", *below)),
    ))  # fmt: skip
    wrapped = _encountered(path, failure, scan_frames(scene)) if rng.random() < 0.5 else failure
    scene.fail(scene.fail_task(stage, wrapped), call="count")
    return Truth(description="A compressed input file is cut or damaged.", evidence=(failure.header,))
