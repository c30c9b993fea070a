r"""The forms in which shells, protocols and errors echo a secret that they were given. Data, no logic.

`+ echo x` before `+ kinit`, `> PASS x`, `missing "=" after "x"`, `pwd: String = x`, webhooks, dumps of keys.
As in `login`, group 1 is the value. Limits: a message of another wording is not known.
"""

from diagnose.login import form
from diagnose.secret import Kind, Shape

_Q = r"\\*[\"']"
_TELLING = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api-?_?key|access-?_?key)"
_BIRTH_WORD = r"(?:date_?of_?birth|birth_?da(?:te|y)|\bdob)"
_BIRTH_DATE = (
    r"(?:(?:19[0-9]{2}|200[0-9]|201[0-2])[-/.][0-9]{2}[-/.][0-9]{2}"
    r"|[0-9]{2}[-/.][0-9]{2}[-/.](?:19[0-9]{2}|200[0-9]|201[0-2]))"
)
_READS_INPUT = (
    r"(?:(?:sudo[ \t]+)?(?:passwd|chpasswd|docker|gpg|openssl|smbpasswd|ktutil|cryptsetup|ldap\w+)\b"
    r"|sudo[ \t]+(?:-[a-zA-RT-Z]+[ \t]+)*-[a-z]*S\b|su\b|kinit[ \t]+[^-\s])"
)

# a word with a sign in it, and none of a path, a URL or an assignment
_SIGNED_WORD = r"[^\s\"'=:/\[\](){}-][^\s\"'=:\[\](){}]*[+!#$%^&*~?][^\s\"'=:\[\](){}]*"

ECHOES: tuple[Shape, ...] = (
    # a step's own arguments, where nothing tells what they are: made like a password
    form(
        rf"startExec '[^\n]*?\.(?:py|jar|sql|sh|R)[ \t](?:[^\n']*?[ \t])??({_SIGNED_WORD})(?:[ \t']|$)",
        "startExec",
        check="strong",
    ),
    form(rf"--arg[ \t]+(?:{_Q})?({_SIGNED_WORD})", "--arg", check="strong"),
    # command lines
    form(
        rf"--arg[ \t]+(?:{_Q})?--?[\w-]*{_TELLING}[\w-]*(?:{_Q})?[ \t]+--arg[ \t]+(?:{_Q})?([^\s\"'\\]+)",
        "--arg",
    ),
    form(
        rf"[ \t](?:-u|-U|--user(?:name)?)[ \t]+(?:{_Q})?[\w.@-]+(?:{_Q})?[ \t]+(?:-p|-P|-w)[ \t]*(?:{_Q})?"
        r"([^\s\"'-][^\s\"']*)",
        trigger=r"[ \t](?:-u|-U|--user(?:name)?)[ \t]",
        check="userinfo",
    ),
    form(
        r"[\"'](?:-u|-U|--user(?:name)?)[\"'],[ ]?[\"'][^\"'\n]+[\"'],[ ]?[\"'](?:-p|-w)(?:[\"'],[ ]?[\"'])?"
        r"([^\"'\n]{3,})[\"']",
        trigger=r"[\"'](?:-u|-U|--user(?:name)?)[\"'],",
        check="userinfo",
    ),
    form(
        r"\b(?:beeline|sshpass|mysql\w*|mariadb|ldap\w+|redis-cli|kadmin\w*|snowsql|sqlplus)\b"
        r"[^\n|;]*?[ \t]-(?:p|w|a|pw)[ \t]*'([^'\n]* [^'\n]*)'",
        "beeline sshpass mysql mariadb ldap redis-cli kadmin snowsql sqlplus",
    ),
    form(rf"\bkadmin\w*\b[^\n|;]*?[ \t\"']-p?w[ \t]+(?:{_Q})?([^\s\"']+)", "kadmin"),
    form(rf"!connect[ \t]+\S+[ \t]+\S+[ \t]+(?:{_Q})?([^\s\"']+)", "!connect"),
    form(
        r"\bhtpasswd[ \t]+-\w*b\w*(?:[ \t]+(?:-\w+|[0-9]+))*[ \t]+[^\s0-9-]\S*[ \t]+\S+[ \t]+"
        rf"(?:{_Q})?([^\s\"']+)",
        "htpasswd",
    ),
    form(rf"\bhtpasswd[ \t]+-\w*n\w*[ \t]+\S+[ \t]+(?:{_Q})?([^\s\"']+)", "htpasswd"),
    form(
        rf"\buser(?:add|mod)\b[^\n|;]*?[ \t](?:-p|--password)[ \t=]+(?:{_Q})?([^\s\"']+)",
        "useradd usermod",
    ),
    form(r"addent[ \t]+-password\b[^\n]*?\\n([^\\\s\"']{3,})", "addent"),
    form(r"(?i)\.logon[ \t]+[^\s,;]+,([^\s;]+)", ".logon"),
    form(
        r"[ \t]--(?:key|licen[cs]e(?:-key)?)[ \t=]+([A-Za-z0-9_-]{16,})",
        "--key --license --licence",
        check="credential",
        kind=Kind.SECRET,
    ),
    *(
        form(
            rf"(?i)\bsed\b[^\n]*?\bs{sign}[^{sign}\n]*(?:pass|pwd|wort|senha|clave|contrase|secret|token|key|cred)[^{sign}\n]*{sign}"
            rf"([^{sign}\n]{{4,}}){sign}",
            trigger=rf"\bs{sign}[^{sign}\n]*(?:pass|pwd|wort|senha|clave|contrase|secret|token|key|cred)",
        )
        for sign in (r"/", r"\|", r"#")
    ),
    form(
        r"\bhttps?[ \t][^\n|]*?-a[ \t]+(?:[\"'])?[\w.@-]+:([^\s\"']+)", trigger=r"\bhttps?[ \t][^\n|]*-a[ \t]"
    ),
    form(rf"\blftp\b[^\n|]*?-u[ \t]+[\w.@-]+,(?:{_Q})?([^\s\"']+)", "lftp"),
    form(rf"[ \t]-U[ \t]+(?:{_Q})?[\w.@\\-]+%(?:{_Q})?([^\s\"']+)", trigger=r"[ \t]-U[ \t]"),
    form(
        r"machine[ \t\r\n]+\S+[ \t\r\n]+login[ \t\r\n]+\S+[ \t\r\n]+password[ \t]+(\S+)",
        "machine",
        lines=True,
    ),
    # a shell that shows its commands: what one says another reads
    form(
        r"(?m)^\++ (?:echo|printf)[ \t]+(?:-[en]+[ \t]+)?[\"']?(?:[\w.-]+:)?"
        rf"([^\s\"'][^\"'\n]*?)[\"']?[ \t]*\n\++ {_READS_INPUT}",
        "echo printf",
        lines=True,
    ),
    form(
        rf"(?m)^\++ {_READS_INPUT}[^\n]*\n\++ (?:echo|printf)[ \t]+(?:-[en]+[ \t]+)?[\"']?(?:[\w.-]+:)?"
        r"([^\s\"'][^\"'\n]*?)[\"']?[ \t]*$",
        "echo printf",
        check="digits",
        lines=True,
    ),
    form(
        rf"\bput-parameter\b[^\n]*?\bSecureString\b[^\n]*?--value[ \t=]+(?:{_Q})?([^\s\"']+)",
        "put-parameter",
    ),
    form(
        r"\becho[ \t]+(?:-[en]+[ \t]+)?[\"']?(?:[\w.-]+:)?([^\s\"'|]{4,})[\"']?[ \t]*\|[ \t]*(?:sudo[ \t]+)?"
        r"(?:kinit|chpasswd)\b",
        "kinit chpasswd",
    ),
    form(r"\b7z[ar]?\b[^\n|;]*?[ \t]-p'([^'\n]+)'", "7z"),
    # protocols
    form(r":[0-9]+>[ \t]*AUTH[ \t]+(?:[\w.-]+[ \t]+)?(\S+)", trigger=r":[0-9]+>[ \t]*auth"),
    form(r"[>}][ \t]*PASS[ \t]+(\S+)", trigger=r"(?-i:[>}][ \t]*PASS[ \t])"),
    form(r"\"AUTH\"(?:[ \t]\"[^\"\n]*\")?[ \t]\"([^\"\n]+)\"", '"AUTH"'),
    form(
        r"334 UGFzc3dvcmQ6[^\n]*\n(?:[^\n]*?[\"'>:][ ]?)?([A-Za-z0-9+/]{4,}={0,2})",
        "UGFzc3dvcmQ6",
        lines=True,
    ),
    form(
        r"(?i)\bsignature:[ \t\r]*\n[ \t]*([0-9a-f]{64})\b",
        trigger=r"\bsignature:[ \t\r]*\n",
        check="edges",
        kind=Kind.TOKEN,
        lines=True,
    ),
    form(r"\bSignature=([0-9a-f]{64})", "Signature=", check="edges", kind=Kind.TOKEN),
    form(
        r"(?i)\bresponse=(?:&quot;|\\*[\"'])?([0-9a-f]{32,64})",
        "response=",
        check="edges",
        kind=Kind.TOKEN,
    ),
    form(
        r"\bAWS[ \t]+(?:A[A-Z0-9]{10,}|\[REDACTED-AWS-KEY-[0-9]+\]):([A-Za-z0-9+/]{20,}={0,2})",
        "AWS ",
        check="credential",
        kind=Kind.TOKEN,
    ),
    form(r"&s=([A-Za-z0-9+/]{20,}={0,2})", "&s=", check="credential", kind=Kind.TOKEN),
    form(
        r"SAML(?:Assertion|Response|Request)[\"']?[ \t]*[=:>][ \t]*[\"']?([A-Za-z0-9+/=%]{40,})",
        "SAMLAssertion SAMLResponse SAMLRequest",
        kind=Kind.TOKEN,
    ),
    form(
        r"(?i)[?&](?:key|app_?id|api|code|k|sid|auth_key)=([A-Za-z0-9_-]{20,})",
        trigger=r"[?&](?:key|app_?id|api|code|k|sid|auth_key)=",
        check="credential",
        kind=Kind.TOKEN,
    ),
    form(
        r"(?i)/(?:hooks/catch|api/webhooks|incomingwebhook|webhookb2|webhooks?/(?:incoming|v[0-9]))/"
        r"([^\s\"'<>?]{8,})",
        "hook",
        kind=Kind.TOKEN,
    ),
    form(r"\b(00D[A-Za-z0-9]{12,15}![A-Za-z0-9_.]{20,})", "00D", kind=Kind.TOKEN),
    form(r"bot([0-9]{8,10}:AA[A-Za-z0-9_-]{30,})", ":AA", check="credential", kind=Kind.TOKEN),
    form(r"\b([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,})", ".atlasv1.", kind=Kind.TOKEN),
    form(r"/services/(T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{16,})", "/services/", kind=Kind.TOKEN),
    form(r"(?i)\bsplunk[ \t]+([0-9a-f]{8}-[0-9a-f-]{27})", "splunk", check="edges", kind=Kind.TOKEN),
    form(
        rf"in header value: b?{_Q}([^\"'\n\\]+)",
        trigger="in header value",
        check="credential",
        kind=Kind.TOKEN,
    ),
    # hashes and keys
    form(
        r"\b(?:mysql|postgresql|mongodb)\((?:[ ]*'[^'\n]*',){4}[ ]*'([^'\n]+)'", "mysql( postgresql( mongodb("
    ),
    form(r"(?i)cryptbypassphrase\([ ]*N?'([^'\n]+)'", "cryptbypassphrase"),
    form(
        rf"The value {_Q}({_BIRTH_DATE}){_Q} of the type",
        trigger=r"the value \\*[\"']",
        check="edges",
        kind=Kind.BIRTH_DATE,
    ),
    form(
        r"(?i)\b(?:aes_(?:en|de)crypt|pgp_sym_(?:en|de)crypt)\w*\([^()\n]*?,[ ]*'([^'\n]{4,})'",
        "aes_encrypt aes_decrypt pgp_sym_",
        kind=Kind.SECRET,
    ),
    form(
        r"key\.list[^\n]{0,120}?:([A-Za-z0-9+/]{22,44}={1,2})",
        "key.list",
        check="credential",
        kind=Kind.SECRET,
    ),
    form(
        r"(\$(?:1|2[abxy]?|5|6|7|y|apr1|argon2id?|argon2i|scrypt|pbkdf2-sha[0-9]+)\$[A-Za-z0-9./$=,+-]{20,})",
        trigger=r"\$(?:1|2[abxy]?|5|6|7|y|apr1|argon2|scrypt|pbkdf2)",
        kind=Kind.SECRET,
    ),
    form(
        r"(?m)^[0-9A-Fa-f]{4}:? +((?:[0-9A-F]{2} ){7,15}[0-9A-F]{2})\b",
        trigger=r"(?-i:(?:[0-9A-F]{2} ){7})",
        check="edges",
        kind=Kind.SECRET,
    ),
    form(
        rf"(?i)\bplaintext(?:datakey|key)?[\"']?[ \t]*[:=][ \t]*b?{_Q}([A-Za-z0-9+/]{{20,}}={{0,2}})",
        "plaintext",
        check="credential",
        kind=Kind.SECRET,
    ),
    # programs that say what they hold
    form(
        rf"(?i)\b\w*{_TELLING}\w*[ \t]*:[ \t]*(?:Option(?:al)?\[)?(?:java\.lang\.)?"
        rf"(?:String|str|SecretStr)\]?[ \t]*=[ \t]*(?:Some\()?(?:{_Q})?([^\s\"')]+)",
        trigger=r":[ \t]*(?:option(?:al)?\[)?(?:java\.lang\.)?(?:string|str|secretstr)\]?[ \t]*=",
    ),
    form(
        r"\b\w*(?:Credentials?|UserPassword|UserPass|Login|BasicAuth)\w*\([\w.@-]+,[ ]?([^\s,()\"']{4,})\)",
        trigger=r"(?:credentials?|userpassword|userpass|login|basicauth)\w*\(",
        check="strong",
    ),
    form(
        rf"(?i)configuration property: [\w.-]*{_TELLING}\w*, (\S+)",
        trigger="configuration property",
    ),
    form(
        rf"(?i)\b(?:overrid\w+|property|setting|option)[ \t]+[\w.-]*(?:{_TELLING}|key)[ \t]+"
        rf"(?:with|set to|to)[ \t]+{_Q}([^\"'\n]+)",
        trigger=r"\b(?:overrid\w+|property|setting|option)[ \t]+[\w.-]+[ \t]+(?:with|set to|to)[ \t]",
    ),
    form(r"\(jdbc:[^\s,()]+,[ ]?[\w.@-]+,[ ]?([^\s,()]{4,})[,)]", "(jdbc:"),
    form(
        rf"\bCredentials\([ \t]*(?:{_Q}[^\"'\n]*{_Q}[ \t]*,[ \t]*){{3}}{_Q}([^\"'\n]+?){_Q}[ \t]*\)",
        "Credentials(",
    ),
    form(
        rf"(?i){_Q}[\w.-]*{_TELLING}{_Q}[ \t]*\n[ \t]*:[ \t]*\n?[ \t]*{_Q}([^\"'\n]+)",
        trigger=rf"{_TELLING}{_Q}[ \t]*\n",
        lines=True,
    ),
    # errors that quote a piece of what they could not read
    form(r"\buserid=[\w$#]+/([^\s@\"'/]+)", "userid="),
    form(
        rf"for type date: {_Q}({_BIRTH_DATE}){_Q}",
        trigger="for type date",
        check="edges",
        kind=Kind.BIRTH_DATE,
    ),
    form(rf"missing {_Q}={_Q} after {_Q}([^\"'\\\n]+)", "missing"),
    form(rf"cast to integer value as {_Q}([^\"'\n]*[A-Za-z][^\"'\n]*)", trigger="cast to integer"),
    form(
        rf"(?:with base 10|input string|string to float): {_Q}([2-9][0-9]{{2}}-[0-9]{{3}}-[0-9]{{4}}){_Q}",
        trigger="base 10|input string|string to float",
        check="edges",
        kind=Kind.PHONE,
    ),
    form(rf"translate host name {_Q}([^\"'@\s]+)@", trigger="translate host name"),
    form(rf"followed by {_Q}%{_Q} or {_Q}\({_Q}, found: {_Q}([^\"'\n]+)", "found: '%"),
    form(
        r"(?:^|[\s\"'(=])[A-Za-z][\w.-]*:([^\s:@/\"']{4,})@[\w-]+(?:\.[\w-]+)+",
        "@",
        check="digits",
    ),
    form(
        rf"(?i){_BIRTH_WORD}[^\n]{{0,160}}?[\"' :,(\[]({_BIRTH_DATE})\b",
        "birth dob",
        check="edges",
        kind=Kind.BIRTH_DATE,
    ),
    form(
        rf"(?i)[\"']({_BIRTH_DATE})[\"'][^\n]{{0,160}}[\"' .=]{_BIRTH_WORD}",
        "birth dob",
        check="edges",
        kind=Kind.BIRTH_DATE,
    ),
)
