"""Personal data that a message quotes away from the name of its column."""

import random
import string

import pytest

from diagnose import personal, redact
from diagnose.secret import Kind

MESSAGES = {
    "sql server": "Violation of UNIQUE KEY constraint 'UQ_{f}'. The duplicate key value is ({v}).",
    "redshift": "colname: {f} | type: varchar | raw_field_value: {v} | err_code: 1204",
    "snowflake": "Numeric value '{v}' is not recognized File 'x.csv', line 3 Row 1, column \"T\"[\"{f}\":3]",
    "oracle": 'ORA-12899: value too large for column "APP"."T"."{f}" (actual: 41, maximum: 20), value: "{v}"',
    "cassandra": "InvalidQueryException: Unable to make value from '{v}' for column {f}",
    "deequ": 'Constraint not met for column {f}, e.g. "{v}"',
    "xml fault": "<faultstring>Invalid {f} '{v}'</faultstring>",
    "assertion": "AssertionError: {f} mismatch: expected '{v}' got 'x'",
    "validator": "{{'{f}': [\"value '{v}' does not match regex\"]}}",
    "expectations": '"partial_unexpected_counts": [{{"value": "{v}", "count": 1}}], "column": "{f}"',
    "plan": "DataFilters: [{f}#12 IN ({v},{v})], Format: Parquet",
    "avro union": '{{"id": 23, "{f}": {{"string": "{v}"}}, "amount": null}}',
    "dynamodb": "{{id={{N: 23,}}, {f}={{S: {v},}}}}",
    "dynamodb sdk": "{{id=AttributeValue(N=23), {f}=AttributeValue(S={v})}}",
    "univocity": "TextParsingException: columns=[id, {f}], Parsed content: [23, {v}]",
    "tuple": "bad: ('{f}', '{v}')",
    "elasticsearch": "failed to parse field [{f}] of type [long]. Preview of field's value: '{v}'",
    "json": '{{"id":23,"{f}":"{v}"}}',
    "record": "Customer(id=23, {f}='{v}')",
    "table": "+---+------+\n| id | {f} |\n+---+------+\n| 23 | {v} |\n",
    "csv": "id,{f},amount\n23,{v},1.50\n",
}
FORMS = {
    "national_insurance_number": "LL 99 99 99 L",
    "cpf": "999.999.999-99",
    "codice_fiscale": "LLLLLL99L99L999L",
    "aadhaar_number": "9999 9999 9999",
    "pesel": "99999999999",
    "dni": "99999999L",
    "passport_no": "LL9999999",
    "driver_license": "L999-9999-9999",
    "nhs_number": "999 999 9999",
    "patient_mrn": "LLL99999999",
    "ssn": "999-99-9999",
    "beneficiary_account": "9999999999",
}


def made_up(form, seed):
    rng = random.Random(f"{form} {seed}")
    letters = {"9": string.digits[1:], "L": "BCDEFHKMT"}  # no month of a codice fiscale is a J
    return "".join(rng.choice(letters[sign]) if sign in letters else sign for sign in form)


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("field", FORMS)
def test_a_personal_value_goes_wherever_its_message_quotes_it(message, field):
    value = made_up(FORMS[field], message)
    told = redact(MESSAGES[message].format(f=field, v=value))
    assert value not in told and "[REDACTED-" in told
    assert redact(told) == told


@pytest.mark.parametrize("message", [m for m in MESSAGES if m not in {"plan", "univocity", "tuple"}])
def test_a_full_name_goes_as_well(message):
    told = redact(MESSAGES[message].format(f="customer_name", v="Jane Okafor"))
    assert "Okafor" not in told


TOLD = [
    "rejected: national insurance number is {}",
    'Args: ["spark-submit", "--national-insurance-number", "{}", "--table", "orders"]',
    "DEBUG consumer record key=nino {{'nino': b'{}'}} offset=38834243",
    "<name>nino</name>\n  <value>{}</value>",
    "--parameters ParameterKey=nino,ParameterValue={} ParameterKey=Cores,ParameterValue=42",
    "nino: |\n  {}\nschema: analytics",
]


@pytest.mark.parametrize("message", TOLD)
def test_a_number_of_a_person_goes_behind_flags_words_and_lines(message):
    value = made_up("LL999999L", message)
    before, after = message.replace("{{", "{").replace("}}", "}").split("{}")
    told = redact(message.format(value))
    assert told.startswith(before) and told.endswith(after) and "[REDACTED-" in told


VALUES = {
    Kind.SSN: "999-99-9999", Kind.PERSONAL_ID: "LL999-999-999", Kind.CARD: "LLLLL9999L", Kind.NAME: "Jane Okafor",
    Kind.ADDRESS: "12 Main Street", Kind.ACCOUNT: "9999999999",
}  # fmt: skip
NAMES = [
    pytest.param(name + "_card_number" * (name in personal.NUMBERED), kind, form, id=name)
    for names, kind, form in personal.FIELDS
    for name in sorted(names)
]


@pytest.mark.parametrize(("field", "kind", "form"), NAMES)
def test_every_name_of_a_field_is_found(field, kind, form):
    value = made_up("999-999-999" if form == personal.SIN else VALUES[kind], field)
    assert value not in redact(f'rejected: {{"id": 23, "{field}": "{value}"}}')


@pytest.mark.parametrize(
    "line",
    [
        '{"offset": 824529747, "ssn": null, "key": "8245297471"}',
        "GROUP BY u.first_name, u.last_name, u.date_of_birth",
        "ImportError: cannot import name 'SecretStr' from 'pydantic.types'",
        'ERROR: null value in column "name" of relation "tenant" violates not-null constraint (\'York\')',
        "AnalysisException: [UNRESOLVED_COLUMN] `patient_id` cannot be resolved. Did you mean [`orders`.`id`]?",
        "StructField(national_id,StringType,true), StructField(passport_no,StringType,true)",
        "WARN TaskSetManager: Lost task 3.0 in stage 5.0 (TID 824529747) while reading column tax_id",
        "INFO Validator: 1048576 rows of patients checked, dni: required, cpf: optional",
        "fiscal_year=2026 fiscal_period=FY2026Q4 tax_rate=19.00 personal_best=1234567",
        'spark-submit --name "Load Orders" --name Timeout',
        "health: 100 of 100 nodes healthy, citizens loaded: 12345678",
    ],
)
def test_what_is_no_personal_value_stays(line):
    assert redact(line) == line
