r"""The forms in which tools and libraries take, print or store a secret without a key. Data, no logic.

Command lines (`isql`, `db2`, `ssh-keygen -N`), one-time codes, hashes of passwords, keys as JSON, cookies as
curl and Python hold them, dumps of Kerberos, Vault, Terraform. As in `login`, group 1 is the value.
Limits: a tool that is not named here is not known.
"""

from diagnose.login import form
from diagnose.secret import Kind, Shape

_Q = r"\\*[\"']"
_S = r"[ \t]"
_CODE_NAME = (
    r"(?:otp|totp|(?:mfa|2fa|sms|one[_ -]?time|verification|security|login|auth(?:entication)?|token)"
    r"[_ -]?(?:pass)?code|one[_ -]?time[_ -]?password)"
)

TOOLS: tuple[Shape, ...] = (
    # command lines
    form(
        rf"\bi?u?sql(?:{_S}+-\w+)*{_S}+\w+{_S}+[\w.@-]+{_S}+(?:{_Q})?([^\s\"'-][^\s\"']*)",
        "isql",
        check="strong",
    ),
    form(
        rf"(?i)\bconnect{_S}+to{_S}+\S+{_S}+user{_S}+\S+{_S}+using{_S}+(?:{_Q})?([^\s\"';]+)",
        trigger=rf"\bconnect{_S}+to{_S}+\S+{_S}+user{_S}",
    ),
    form(rf"\bssh-keygen\b[^\n|;]*?{_S}-[NP]{_S}+(?:{_Q})?([^\s\"'-][^\s\"']*)", "ssh-keygen"),
    form(
        rf"\bsecrets?{_S}+(?:put|create|set|add|update)\w*(?:-\w+)*\b[^\n|;]*?"
        rf"{_S}--(?:string-value|value|secret-value|data|body){_S}*[= ](?:{_Q})?([^\s\"']+)",
        trigger=rf"\bsecrets?{_S}+(?:put|create|set|add|update)",
    ),
    form(
        rf"\b(?:wandb|huggingface-cli|hf|snyk|vercel){_S}+(?:auth{_S}+)?login{_S}+(?:{_Q})?([\w.-]{{20,}})",
        "login",
        kind=Kind.TOKEN,
    ),
    form(
        r"(?i)(?:^|[\s\"'(])(?:expdp|impdp|exp|imp|sqlldr|sqlplus)[ \t]+"
        r"(?:-\w+[ \t]+)*(?:userid=)?[\w$#]+/([^\s\"']+)@\w",
        trigger=r"(?:expdp|impdp|exp|imp|sqlldr|sqlplus)[ \t]",
    ),
    form(
        rf"(?i)(?:jdbc:oracle:(?:thin|oci8?):|sqlplus{_S}+(?:-[a-z]+{_S}+)*|userid=)[\w$#]+/\\*\"([^\"\n]+?)\\*\"@",
        trigger=r"(?:jdbc:oracle:|sqlplus|userid=)[^\n]*/\\*\"",
    ),
    form(
        rf"(?i)\bpassword{_S}+for{_S}+\S*//\S+:{_S}+([^\s\"']+)",
        trigger=rf"\bpassword{_S}+for{_S}+\S*//",
    ),
    form(rf"\baddauth{_S}+digest{_S}+[\w.-]+:(\S+)", "addauth", check="userinfo"),
    form(
        r"\bdigest[:,][\"']?[\w.-]+:([^\s\"',:]{4,})",
        trigger=r"\bdigest[:,][\"']?[\w.-]+:",
        check="strong",
    ),
    form(
        r"\bdoes \"[^\"\n]*(?i:password|passphrase|pin)[^\"\n]*\"[^\n]*"
        r"send: sending \"([^\"\n]+?)(?:\\[rn])*\"",
        trigger="send: sending",
    ),
    form(
        rf"(?i)\bdigest{_S}[^\n]*?\bresponse=(?:&quot;|{_Q})([^\"'\\\n&]+)",
        trigger=rf"\bdigest{_S}",
        kind=Kind.TOKEN,
    ),
    form(
        r"\b\w*(?:Basic|Digest|Password|PlainText|UsernamePassword)Auth\w*\(\s*(?:username=)?[\"'][^\"'\n]*[\"'],\s*"
        r"(?:password=)?[\"']([^\"'\n]+)[\"']",
        trigger=r"(?:basic|digest|password|plaintext)auth\w*\(",
    ),
    form(
        r"\|[ ]*([\w.+-]{3,}@[\w.-]*)\.{3}[ ]*\|", trigger=r"@[\w.-]*\.{3}[ ]*\|", kind=Kind.EMAIL
    ),  # a cell that Spark cut
    # cookies
    form(
        rf"\bcurl\b[^\n|]*?{_S}(?:-b|--cookie){_S}*=?(?:{_Q})?(\w[\w.-]*=[^\s\"']{{4,}}(?:;{_S}*\w[\w.-]*=[^\s\"']*)*)",
        "curl",
        kind=Kind.TOKEN,
    ),
    form(
        r"(?m)(?:^|[ \t])(?:#HttpOnly_)?[\w.-]+\t(?:TRUE|FALSE)\t\S+\t(?:TRUE|FALSE)"
        r"\t[0-9]+\t\S+\t(\S{6,})[ \t\r]*$",
        trigger=r"(?-i:\t(?:TRUE|FALSE)\t[0-9]+\t)",
        kind=Kind.TOKEN,
    ),
    form(r"<Cookie [\w.-]+=([^\s<>]{6,}) for ", "<Cookie ", kind=Kind.TOKEN),
    form(
        r"(?i)\b[\w.-]+=([^\s\"';,=]{12,}={0,2});[ ]?(?:path=/|httponly|samesite=|max-age=)",
        trigger=r";[ ]?(?:path=/|httponly|samesite=|max-age=)",
        kind=Kind.TOKEN,
    ),
    form(r"\bcu=[\w.-]+&rn=-?[0-9]+&s=([A-Za-z0-9+/=]{16,})", "&rn=", kind=Kind.TOKEN),  # Hive's
    form(r"[?&]Policy=([A-Za-z0-9_~-]{40,})", "Policy=", kind=Kind.TOKEN),  # a signed URL's, of CloudFront
    # a quote in a string of SQL is doubled
    form(
        rf"(?i)\b(?:password|passwd|pwd|secret|token){_S}*=?{_S}*''([^'\s,;)][^'\n]*)''",
        trigger=rf"(?:password|passwd|pwd|secret|token){_S}*=?{_S}*''",
    ),
    # one-time codes
    form(
        rf"(?i)\b(?:\w*[_ -])?{_CODE_NAME}\\*[\"']?"
        rf"(?:{_S}*[:=]|{_S}+is\b|{_S}+(?:for|to)[^\n:]{{1,60}}:|{_S}){_S}*\\*[\"']?([0-9]{{6,8}})\b",
        trigger=rf"{_CODE_NAME}[^\n]{{1,70}}[0-9]{{6}}",
        check="edges",
        kind=Kind.SECRET,
    ),
    form(
        rf"(?i)\b(?:totp|otp|mfa|2fa|hotp)[_-]?(?:seed|secret|key){_Q}?{_S}*[:=]{_S}*(?:{_Q})?([A-Z2-7]{{16,}}=*)",
        "totp otp mfa 2fa hotp",
        kind=Kind.SECRET,
    ),
    form(r"otpauth://[^\s\"'<>]*[?&]secret=([A-Za-z2-7]{8,})", "otpauth:", kind=Kind.SECRET),
    # hashes of passwords
    form(
        r"((?:django_)?(?:pbkdf2_sha(?:1|256|512)|bcrypt_sha256|scrypt|argon2)\$[\w.=,$+/-]{20,})",
        trigger=r"(?:pbkdf2_sha|bcrypt_sha256|scrypt|argon2)[0-9]*\$",
        kind=Kind.SECRET,
    ),
    form(
        r"((?:pbkdf2:sha(?:1|256|512)|scrypt)(?::[0-9]+){1,3}\$[\w.=,$+/-]{20,})",
        "pbkdf2: scrypt:",
        kind=Kind.SECRET,
    ),
    form(
        r"(\{(?:S?SHA(?:256|384|512)?|SMD5|PBKDF2[\w-]*)\}[A-Za-z0-9+/=$]{20,})",
        trigger=r"\{(?:s?sha|smd5|pbkdf2)",
        kind=Kind.SECRET,
    ),
    form(
        r"(SCRAM-SHA-(?:1|256|512)\$[0-9]+:[A-Za-z0-9+/=$:]{20,})",
        trigger=r"scram-sha-[0-9]+\$",
        kind=Kind.SECRET,
    ),
    form(r"(\*[0-9A-F]{40})", trigger=r"\*[0-9a-f]{40}", check="edges", kind=Kind.SECRET),  # MySQL's
    form(r":[0-9]+:([0-9a-fA-F]{32}:[0-9a-fA-F]{32}):::", ":::", kind=Kind.SECRET),  # of Windows
    form(
        r"\b([0-9a-f]{32}-us[0-9]{1,2})\b", trigger=r"[0-9a-f]{32}-us[0-9]", check="edges", kind=Kind.TOKEN
    ),  # Mailchimp's
    form(r"(SK[0-9a-f]{32})", trigger=r"\bsk[0-9a-f]{32}", check="edges", kind=Kind.TOKEN),  # Twilio's
    form(r"\b(md5[0-9a-f]{32})\b", trigger=r"\bmd5[0-9a-f]{32}\b", check="edges", kind=Kind.SECRET),
    form(
        rf"(?i)\bidentified{_S}+(?:with|via){_S}+\S+{_S}+(?:as|using){_S}+{_Q}([^\"'\n]+)",
        "identified",
        kind=Kind.SECRET,
    ),
    # keys
    form(
        r"\"(?:d|p|q|dp|dq|qi|k)\"[ \t\r\n]*:[ \t\r\n]*\"([A-Za-z0-9_-]{16,})\"",
        '"kty"',
        kind=Kind.PRIVATE_KEY,
        lines=True,
    ),
    form(
        r"\\\"(?:d|p|q|dp|dq|qi|k)\\\"[ \t]*:[ \t]*\\\"([A-Za-z0-9_-]{16,})\\\"",
        r"\"kty\"",
        kind=Kind.PRIVATE_KEY,
    ),
    form(
        r"\b(?:aes|des|des3|arcfour|camellia|rc4)[\w-]*\)[ \t]+\(0x([0-9a-fA-F]{16,})\)",
        "(0x",
        kind=Kind.SECRET,
    ),
    form(r"keyBytes \(hex dump\)[ \t]*=[ \t]*([0-9A-Fa-f]{16,})", "keyBytes", kind=Kind.SECRET),
    form(r"\b(BQI[A-Za-z0-9+/]{40,}={0,2})", trigger=r"(?-i:\bBQI)", check="credential", kind=Kind.SECRET),
    form(
        r"(?i)aes_(?:en|de)crypt\(cast\([^()\n]*\),[ ]?cast\(([^\s()]{8,})[ ]as[ ]binary\)",
        "aes_encrypt aes_decrypt",
        kind=Kind.SECRET,
    ),
    form(
        r"(?i)\b(?:unseal|recovery) key(?: [0-9]+)?:[ \t]*([A-Za-z0-9+/=]{20,})",
        trigger="(?:unseal|recovery) key",
        check="credential",
        kind=Kind.SECRET,
    ),
    # tokens
    form(
        r"\b(s\.[A-Za-z0-9]{24})\b", trigger=r"(?-i:\bs\.[A-Za-z0-9]{24}\b)", check="strong", kind=Kind.TOKEN
    ),
    form(
        r"https?://[^\s/\"']+(?:/[\w.-]+){0,3}/t/([0-9a-z]{2}-[0-9a-f-]{20,}|[A-Za-z0-9]{20,})/",
        "/t/",
        check="credential",
        kind=Kind.TOKEN,
    ),
    form(
        r"\bAC[0-9a-f]{32}(?:[\"'],[ ]?[\"']|:)([0-9a-f]{32})\b",
        trigger=r"(?-i:\bAC[0-9a-f]{32})",
        check="edges",
        kind=Kind.TOKEN,
    ),
    form(
        r"\b\w*(?:Token|Secret|Password|Credentials?|ApiKey)\((?:value|token|secret|password|key|tokenValue)="
        r"(?:[\"'])?([^\s,()\"']{6,})",
        trigger=r"(?:token|secret|password|credentials?|apikey)\((?:value|token|secret|password|key|tokenvalue)=",
        check="strong",
        kind=Kind.TOKEN,
    ),
    form(
        r"\"username\"[ ]?:[ ]?\"[^\"\n]*\",[ ]?\"key\"[ ]?:[ ]?\"([A-Za-z0-9_-]{16,})\"",
        '"key"',
        check="credential",
        kind=Kind.TOKEN,
    ),
    form(
        r"\"api_key\"[^\n]*?\"encoded\"[ ]?:[ ]?\"([A-Za-z0-9+/]{24,}={0,2})\"",
        '"encoded"',
        check="credential",
        kind=Kind.TOKEN,
    ),
    form(
        r"sasl\.username[\"']?[ ]?[:=][ ]?[\"']?([A-Z0-9]{16})\b",
        "sasl.username",
        check="digits",
        kind=Kind.SECRET,
    ),
    # Terraform
    form(
        r"\"sensitive\"[ ]?:[ ]?true,\s*(?:\"type\"[ ]?:[^\n]*,\s*)?"
        r"\"value\"[ ]?:[ ]?\"((?:[^\"\\\n]|\\.)+)\"",
        '"sensitive"',
        kind=Kind.SECRET,
        lines=True,
    ),
    form(
        r"\brandom_password\b(?:[^\n]*\n){0,24}?[^\n]*?\"result\"[ ]?:[ ]?\"((?:[^\"\\\n]|\\.)+)\"",
        "random_password",
        lines=True,
    ),
    # banks and accounts of AWS
    form(
        r"(?i)\brouting[_ -]?(?:number|no|num)[\"']?[ \t]*[:=][ \t]*[\"']?([0-9]{9})\b",
        "routing",
        check="edges",
        kind=Kind.ACCOUNT,
    ),
    form(
        r"(?i)\bsort[_ -]?code[\"']?[ \t]*[:=][ \t]*[\"']?([0-9]{2}-?[0-9]{2}-?[0-9]{2})\b",
        trigger=r"sort[_ -]?code",
        check="edges",
        kind=Kind.ACCOUNT,
    ),
    form(
        r"(?i)iban[\"']?[ \t]*[:=][ \t]*[\"']?([a-z]{2}[0-9]{2}[a-z0-9]{11,30})\b",
        "iban",
        check="edges",
        kind=Kind.IBAN,
    ),
    form(
        r"(?i)\bcatalog[_-]?id[\"']?[ \t]*[:=][ \t]*[\"']?([0-9]{12})\b",
        trigger=r"catalog[_-]?id",
        check="edges",
        kind=Kind.ACCOUNT,
    ),
    form(r"-([0-9]{12})\.d\.codeartifact\.", ".d.codeartifact.", check="edges", kind=Kind.ACCOUNT),
    form(r"[\w.+=-]+-at-([0-9]{12})[:@]", "-at-", check="edges", kind=Kind.ACCOUNT),
)
