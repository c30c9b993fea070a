r"""Names of fields that hold personal data → what they hold and how that is written. Data, no logic.

Sources of the forms: the issuing offices' own descriptions (HMRC's NINO, Receita Federal's CPF and CNPJ,
Agenzia delle Entrate's codice fiscale, UIDAI's Aadhaar, PESEL, BSN, INSEE's NIR, personnummer, CURP, NHS
number).
Limits: of each country's numbers only those with a name of their own, spelled in ASCII; a name of three
letters counts only as a field's last word.
"""

from typing import Final

from diagnose.secret import Kind

_WORD = rb"[A-Z\xc3-\xc5][A-Za-z\x80-\xff]*(?:['-][A-Za-z\x80-\xff]+)*"
NAME: Final = (
    rb"(?:(?:Dr|Mr|Mrs|Ms|Prof)\.? )?"
    + _WORD
    + rb"(?:,? (?:(?:de|da|di|van|von|der|la|del|dos|bin|al) ){0,2}"
    + _WORD
    + rb"\.?){0,3}"
)
"""Of a person, where only the field tells that it is one: words with capitals."""
_GAP = rb"(?: |%20|\+)"
ID: Final = (
    rb"(?:[A-Z]{0,8}[./-]?|[A-Z]{2}" + _GAP + rb")[0-9]"
    rb"(?:(?:[./-]|%2[0DdFf])?[0-9A-Z]|" + _GAP + rb"(?:[0-9]|[A-Z]\b)){5,24}"
    rb"|[A-Z0-9]{5,10}[0-9][A-Z0-9]{0,10}\b|[A-Z0-9]{3,4}[0-9][A-Z0-9]{4}\b"
)  # fmt: skip
"""Letters, then digits and letters, in groups or not."""
SIN: Final = rb"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}\b"
PAN: Final = rb"[A-Z]{5}[0-9]{4}[A-Z]\b|[0-9](?:[ -]?[0-9]){11,18}"
"""Of India's tax office; elsewhere a PAN is the number of a card."""
SSN: Final = (
    rb"[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}\b"
    rb"|[12](?: ?[0-9]{2}){3} ?[0-9]{3} ?[0-9]{3}(?: ?[0-9]{2})?\b"
)
"""Of the United States, or of France, where it goes by the same name in English."""
STREET: Final = (
    rb"(?:[0-9]{1,5}[A-Za-z]?,?(?: [A-Za-z\xc3][A-Za-z\x80-\xff.'-]*){1,6}"
    rb"(?:,? (?:(?:Apt|Unit|Suite|No)\.? )?[0-9]{1,5}[A-Za-z]?\b)?"
    rb"|[A-Z\xc3][A-Za-z\x80-\xff.'-]*(?: [A-Za-z\xc3][A-Za-z\x80-\xff.'-]*){0,5},? [0-9]{1,5}[A-Za-z]?\b)"
)
"""A number and a name in either order, where the field tells that it is an address."""
ACCOUNT: Final = rb"[0-9](?:[ -]?[0-9]){5,22}"

NUMBERS: Final = frozenset(
    "card code id identifier ids nbr no nr num number numbers raw value".split()  # noqa: SIM905 - as below
)
"""Last words of a field's name that say only that it is a number."""
NUMBERED: Final = frozenset(
    """
    citizen dl fiscal health healthinsurance national ni patient personal policyholder steuer tax taxpayer
    voter
    """.split()  # noqa: SIM905 - one word per cell reads better than quoted strings
)
"""Names that mean a number only with such a word behind them."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FIELDS: Final[tuple[tuple[frozenset[str], Kind, bytes], ...]] = (
    (_names("ssn socialsecurity secu"), Kind.SSN, SSN),
    (_names("sin socialinsurance"), Kind.PERSONAL_ID, SIN),
    (_names("pan permanentaccount"), Kind.CARD, PAN),
    (
        _names(
            """
            aadhaar aadhar ahv alienregistration amka bsn burgerservice burgerservicenummer cedula
            citizen citizenservice cnpj codicefiscale cpf cprnummer cuil cuit curp dl dni
            driverlicence driverlicense driverslicence driverslicense drivinglicence drivinglicense
            egn fiscal fodselsnummer fuehrerscheinnummer fuhrerscheinnummer health healthinsurance
            henkilotunnus hetu hkid identitydocument incometaxpan insee insurancemember itin jmbg
            medicaid medicalrecord medicare mrn mykad national nationalidentification
            nationalidentity nationalinsurance nhs ni nie nif nino nir nric nss numerosecu oib
            passport patient personal personalidentification personalidentity personnummer pesel
            policyholder reisepass residentregistration rodnecislo securitesociale sofinummer
            sozialversicherungsnummer steuer steueridentifikationsnummer steuernummer tax taxpayer
            tckimlik tckn traveldocument voter
            """
        ),
        Kind.PERSONAL_ID,
        ID,
    ),
    (
        _names(
            """
            apellido apellidos cognome etternavn familyname fornavn givenname maidenname middlename
            nachname nom nomcomplet nomdefamille nombrecompleto nomecompleto prenom primerapellido
            segundoapellido sobrenome vorname
            """
        ),
        Kind.NAME,
        NAME,
    ),
    (
        _names(
            """
            addressline billingaddress billingstreet customeraddress deliveryaddress direccion
            endereco homeaddress indirizzo mailingaddress postaladdress residentialaddress
            shippingaddress shippingstreet street streetaddress streetname
            """
        ),
        Kind.ADDRESS,
        STREET,
    ),
    (
        _names(
            """
            bankaccount bankacct beneficiaryaccount checkingaccount creditoraccount debtoraccount
            savingsaccount
            """
        ),
        Kind.ACCOUNT,
        ACCOUNT,
    ),
)
"""Names as their words run together, what such a field holds, and its form (RE2 over Latin-1 bytes)."""

KINDS: Final = frozenset(
    {
        Kind.SSN, Kind.PERSONAL_ID, Kind.CARD, Kind.IBAN, Kind.PHONE, Kind.ACCOUNT, Kind.BIRTH_DATE,
        Kind.ADDRESS, Kind.NAME,
    }
)  # fmt: skip
"""What a field of these or of `label` may hold of a person."""

# Every name of a number above holds one of these, every name of a field one of `STEMS`.
IDS: Final = (
    rb"aadha|ahv|alien_?reg|amka|bsn\b|burgerserv|cedula|citizen|cnpj|codice_?fisc|cpf|cpr_?num"
    rb"|cui[lt]\b|curp|\bdni|dni\b|\bnie\b|_nie\b|licen[cs]e|dl_?n|egn\b|fiscal|fodsels"
    rb"|fue?hrersch|health_?(?:card|ins|num)|henkilot|hkid|hetu\b|identit|id_?card|income_?tax"
    rb"|insee|insur|itin\b|jmbg|medica|mrn\b|mykad|national|\bni_?n|nif\b|nino\b|nir\b|nric|\bnss\b|nhs"
    rb"|num(?:ero)?[_ -]?secu|oib\b|passport|patient|personal_?(?:id|num)|personnum|pesel|policy_?hold"
    rb"|reisepass|resident_?reg|rodne_?cis|securite_?soc|sofinum|sozialvers|steuer|tax|tckimlik|tckn"
    rb"|travel_?doc|voter|\bsin\b|_sin\b|social|pan(?:\b|_|num)"
)
STEMS: Final = IDS + (
    rb"|ssn|card|ccn|iban|phone|mobile|msisdn|fax\b"
    rb"|\btel\b|telefon|acc(?:oun)?t|konto|birth|dob\b|geburt|address|street|direcci|endereco|indirizzo"
    rb"|strasse|name\b|nom\b|nom_|nom_?(?:complet|de_?fam)|nome_?comp|nombre|apellido|cognome|prenom|navn|sobrenome|holder"
)
