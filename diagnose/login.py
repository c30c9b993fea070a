r"""The forms in which database URLs, command lines and login files hold a password. Data, no logic.

As in `secret`, a form is an RE2 pattern whose group 1 is the value; `shape` tries them and tests the edges.
Limits: a password with blanks is taken up to the first blank; a tool that is not named here is not known.
"""

from diagnose.secret import Kind, Shape

_Q = r"\\*[\"']"
_SCHEMES = (
    r"(?:postgres(?:ql)?|redshift|mysql|mariadb|mongodb|rediss?|amqps?|sftp|ftps?|https?|mssql"
    r"|oracle|snowflake"
    r"|clickhouse|trino|presto|kafka|smtps?|imaps?|ssh|jdbc:[a-z0-9:]+)(?:\+[a-z0-9]+)?"
)


def form(
    pattern: str,
    needles: str = "",
    check: str = "plain",
    kind: Kind = Kind.PASSWORD,
    *,
    lines: bool = False,
    trigger: str = "",
) -> Shape:
    """Make a shape of text; a password that is tested as a value unless told otherwise."""
    words = tuple(needles.encode().split())
    return Shape(
        kind=kind, pattern=pattern.encode(), needles=words, check=check, lines=lines, trigger=trigger.encode()
    )


LOGINS: tuple[Shape, ...] = (
    # a password that holds `/ # ? @` itself: up to the last `@` before a host
    form(
        rf"(?i)\b{_SCHEMES}:(?:\\{{0,2}}/){{2}}[^\s/:@\"'<>?#,]*:([^\s\"<>]+)@(?:[\w.-]|\[)",
        "@",
        check="authority",
    ),
    # User information in URLs, database logins, command lines of known tools
    form(r":(?:\\{0,2}/){2}[^\s/:@\"'<>?#,]*:([^\s\"'<>/?#]+)@", "@"),
    form(r":(?:\\{0,2}/){2}[^\s/:@\"'<>?#,]*:([^\s\"'<>@]+)@", "@", check="userinfo"),
    form(r"(?i)%3A(?:%2F){2}[^\s/:@\"'<>?#&%]*%3A([^\s\"'<>/?#&@]+?)(?:%40|@)", "%3A"),
    form(r"https?://([A-Za-z0-9_-]{16,})@", "@", check="credential", kind=Kind.TOKEN),
    form(
        r"(?i)(?:jdbc:oracle:(?:thin|oci8?):|sqlplus[ \t]+(?:-[a-z]+[ \t]+)*)"
        r"[^\s/@\"']+/\\*\"?([^\s@]+?)\\*\"?@",
        "@",
    ),
    form(r"[\w$#]+/([^\s/@\"']{6,})@//[\w.-]", "@//"),
    form(
        r"(?i)\b(?:password|passwd|passphrase|secret|token)[ \t]+"
        r"(?:(?:for|of)[ \t]+(?:user[ \t]+)?[^\s:=]+"
        r"(?:[ \t]*[:=]|[ \t]+(?:is|was)\b)|(?:is|was)[ \t]*[:=])[ \t]*[\"']?"
        r"([^\s\"']*[^\s\"':])(?:[\s\"']|\z)",
        trigger=r"(?:password|passwd|passphrase|secret|token)[ \t]+(?:for|of|is|was)\b",
    ),
    form(
        r"(?i)identified[ \t]+(?:with[ \t]+\S+[ \t]+)?by[ \t]+"
        r"(?:values[ \t]+|password[ \t]+)?\\*([^\s\"';\\]+)",
        "identified",
    ),
    form(
        r"(?i)identified[ \t]+(?:with[ \t]+\S+[ \t]+)?by[ \t]+"
        r"(?:values[ \t]+|password[ \t]+)?\\*[\"']([^\"'\n]+)",
        "identified",
    ),
    form(
        r"\b(?:mysql|mysqldump|mysqladmin|mysqlimport|mariadb|sshpass)\b"
        r"[^\n|;]*?[ \t][\"']?-p[ \t]*[\"']?([^\s\"'-][^\s\"']*)",
        "mysql mariadb sshpass",
    ),
    form(r"\bbeeline\b[^\n|;]*?[ \t]-p[ \t]+[\"']?([^\s\"']+)", "beeline"),
    form(r"\bredis-cli\b[^\n|;]*?[ \t]-a[ \t]+[\"']?([^\s\"']+)", "redis-cli"),
    form(r"\bldap\w+\b[^\n|;]*?[ \t]-w[ \t]+[\"']?([^\s\"']+)", trigger=r"ldap\w+[^\n|;]*[ \t]-w[ \t]"),
    form(r"\bcurl\b[^\n|]*?[ \t](?:-u|-U|--user|--proxy-user)[ \t]*[\"']?[^\s:\"']+:([^\s\"']+)", "curl"),
    form(
        r"configure[ \t]+set[ \t]+\S*(?:secret|key|token)\S*[ \t]+[\"']?([^\s\"']+)",
        kind=Kind.SECRET,
        trigger=r"configure[ \t]+set[ \t]",
    ),
    # arguments of calls
    form(
        rf"(?:\bauth[ \t]*=[ \t]*|\w*Auth|\.(?:login|auth|basic_auth|simple_bind(?:_s)?)|Credentials)\("
        rf"[ \t]*[bru]?{_Q}[^\"'\n]*{_Q}"
        rf"[ \t]*,[ \t]*(?:\w+[ \t]*=[ \t]*)?[bru]?{_Q}([^\"'\n]+?){_Q}",
        trigger=r"(?:auth(?:[ \t]*=[ \t]*)?|\.login|credentials|simple_bind(?:_s)?)\(",
    ),
    form(
        rf"\b(?:pymysql|MySQLdb|mysql\.connector|psycopg2?|pymssql)\.connect\("
        rf"[ \t]*{_Q}[^\"'\n]*{_Q}[ \t]*,[ \t]*{_Q}[^\"'\n]*{_Q}[ \t]*,[ \t]*{_Q}([^\"'\n]+?){_Q}",
        ".connect(",
    ),
    form(
        rf"\b(?:cx_Oracle|oracledb|jaydebeapi|pyodbc|hive)\.connect\("
        rf"[ \t]*{_Q}[^\"'\n]*{_Q}[ \t]*,[ \t]*{_Q}([^\"'\n]+?){_Q}",
        ".connect(",
    ),
    form(r"\bgetConnection\([^\n,]*,[^\n,]*,[ \t]*\\*[\"']?([^\"'\n)]+?)\\*[\"']?[ \t]*\)", "getConnection"),
    form(
        rf"(?i)\bset\w*(?:password|passwd|pwd|passphrase|secret|secretkey|apikey|token)"
        rf"\([ \t]*{_Q}([^\"'\n]{{4,}}?){_Q}",
        trigger=rf"(?:password|passwd|pwd|passphrase|secret|secretkey|apikey|token)\([ \t]*{_Q}",
    ),
    form(rf"(?i)=[ \t]*password\([ \t]*{_Q}([^\"'\n]+?){_Q}", "password("),
    # headers: what stands behind the scheme
    form(
        r"(?i)\bauthorization\\*[\"']?[ \t]*[:=>]+[ \t]*\\*[\"'\[]?"
        r"(?:signature|oauth|hawk)"
        r"[ \t]+([^\n'\]]{6,})",
        "authorization",
        kind=Kind.TOKEN,
    ),
    form(
        r"(?i)\bauthorization\\*[\"']?[ \t]*[:=>]+[ \t]*\\*[\"'\[]?"
        r"(?:bearer|basic|token|apikey|negotiate|ntlm|key|splunk|aws|sharedkey)[ \t]+([^\s\"'\],}\\&]+)",
        "authorization",
        check="digits",
        kind=Kind.TOKEN,
    ),
    form(
        r"(?i)\bauthorization\\*[\"']?[ \t]*[:=>]+[ \t]*\\*[\"'\[]?(?:[a-z][\w-]*[ \t]+)?"
        r"([^\s\"'\],}\\&]{6,})",
        "authorization",
        check="digits",
        kind=Kind.TOKEN,
    ),
    # command lines
    form(rf"\bbeeline\b[^\n|]*?[ \t]-p[ \t]+(?:{_Q})?([^\s\"']+)", "beeline"),
    form(
        rf"\b(?:docker|podman|helm|az|oc|nerdctl|skopeo)\b[^\n|;]*?[ \t]login\b"
        rf"[^\n|;]*?[ \t]-p[ \t]*(?:{_Q})?([^\s\"'-][^\s\"']*)",
        "login",
    ),
    form(rf"\bcredential[ \t]+create\b[^\n|;]*?[ \t]-v(?:alue)?[ \t]+(?:{_Q})?([^\s\"']+)", "credential"),
    form(
        rf"\b(?:echo|printf)[ \t]+(?:-[en]+[ \t]+)?(?:{_Q})?([^\s\"'|]+)(?:{_Q})?"
        r"[ \t]*\|[ \t]*(?:sudo[ \t]+)?"
        r"(?:kinit|passwd|docker|su|sudo|gpg|openssl|chpasswd|ldap\w+|cryptsetup)\b",
        "echo printf",
        check="digits",
    ),
    form(rf"\b(?:kinit|gpg|passwd|su)\b[^\n]*?<<<[ \t]*(?:{_Q})?([^\s\"']+)", "<<<"),
    form(
        rf"\b(?:sqlcmd|bcp|zip|unzip|osql)\b[^\n|;]*?[ \t]-P[ \t]*(?:{_Q})?([^\s\"']+)",
        trigger=r"(?-i:[ \t]-P)",
    ),
    form(
        r"(?i)\b(?:expdp|impdp|exp|imp|sqlldr|rman[ \t]+target|tnsping)[ \t]+"
        r"[\w$#]+/(?:\\*\")?([^\s@\"']+)",
        trigger=r"\b(?:expdp|impdp|exp|imp|sqlldr|target|tnsping)[ \t]+[\w$#]+/",
        check="digits",
    ),
    form(
        r"(?im)(?:^|[ \t,\"'])--?(?:auth|creds|credentials?|basic-auth|login|http-user|proxy-user|user)"
        r"[\"']?(?:[ \t]+|=|[\"'], ?[\"'])"
        rf"(?:{_Q})?[\w.@-]+:([^\s\"'/][^\s\"']*)",
        "--",
        check="digits",
    ),
    form(rf"\bsnowsql\b[^\n|;]*?[ \t]-p[ \t]*(?:{_Q})?([^\s\"']+)", "snowsql"),
    form(
        rf"\bopenssl\b[^\n|;]*?[ \t]-(?:k|K|pass(?:in|out)?)[ \t]+(?:pass:)?(?:{_Q})?([^\s\"']{{4,}})",
        "openssl",
    ),
    form(rf"\b7z[a]?\b[^\n|;]*?[ \t]-p(?:{_Q})?([^\s\"']{{4,}})", "7z", check="digits"),
    form(
        r"\b(?:ENV|ARG|setenv|export)[ \t]+[A-Z0-9_]*(?:PASS|PASSWORD|PASSWD|PWD|SECRET|TOKEN|API_?KEY)[ \t]+"
        rf"(?:{_Q})?([^\s\"']{{4,}})",
        trigger=r"(?-i:\b(?:ENV|ARG|setenv|export)[ \t])",
    ),
    # Go's database/sql, Oracle's short form
    form(r"[\w.-]+:([^\s\"'@/]+)@(?:tcp|unix|udp)\(", "@tcp( @unix( @udp("),
    form(r"\b[A-Za-z][\w$#]*/([^\s/@\"']{5,}[^\s/@\"'^])@[A-Za-z]\w*", "@", check="strong"),
    # sentences that quote what was given
    form(
        r"(?i)\b(?:password|passwd|passphrase|passcode|pwd|secret|token|(?:api|access|secret)[ _-]?key)\b"
        r"[^\n:=(),]{0,40}[ \t]\(\\*[\"'`]?([^\s()\"'`=]{6,})\\*[\"'`]?\)",
        trigger=r"(?:word|passwd|phrase|code|pwd|secret|token|key)[^\n:=(]*[ \t]\(",
        check="strong",
    ),
    form(
        r"(?i)\b(?:password|passwd|passphrase|passcode|secret|token|(?:api|access|secret|signing"
        r"|auth)[ _-]?key)[ \t]+"
        r"(?:provided|supplied|given|used|value|entered|received|sent|configured|found"
        r"|set[ \t]+to|of)[ \t]*[:=]?[ \t]*"
        r"\\*[\"'`]?([^\s()\"'`=,;]{6,})",
        trigger=r"(?:word|passwd|phrase|code|secret|token|key)[ \t]+"
        r"(?:provided|supplied|given|used|value|entered|received|sent|configured|found|set|of)\b",
        check="strong",
    ),
    form(
        r"(?i)\b(?:auth|login|logon|user(?:name)?)\b[^\n]{0,60}?[ \t,/]+(?:pass|pw"
        r"|pwd)[ \t]+\\*[\"'`]?([^\s\"'`,;]{6,})",
        trigger=r"[ \t,/](?:pass|pw|pwd)[ \t]",
        check="sentence",
    ),
    form(
        r"(?i)\b(?:credentials?|creds?|login|auth|user(?:name)?[/:]pass(?:word)?)\\*[\"']?[ \t]*[:"
        r"=][ \t]*\\*[\"']?"
        r"[\w.@-]+[:/]([^\s\"',;)}\]]{6,})",
        trigger=r"(?:creds?|credentials?|login|auth|[/:]pass(?:word)?)\\*[\"']?[ \t]*[:=]",
        check="strong",
    ),
    form(
        r"(?i)\b(?:signing|client|shared|webhook|hmac|app|api|auth|access|bearer)[ _-]?(?:secret"
        r"|key|token)[ \t]+"
        r"\\*[\"'`]?([A-Za-z0-9+/=_.~-]{16,})",
        trigger=r"(?:secret|key|token)[ \t]",
        check="credential",
        kind=Kind.SECRET,
    ),
    # the second of two cells
    form(
        r"(?im)^[ \t]*[\"']?[\w.-]*(?:password|passwd|passphrase|pwd|secret|token|api_?key)[\"']?"
        r"[ \t]*[,;|\t][ \t]*[\"']?([^\s\"'|,;]{6,})[\"']?[ \t\r]*$",
        trigger=r"(?:password|passwd|passphrase|pwd|secret|token|key)[\"']?[ \t]*[,;|\t]",
        check="strong",
    ),
    form(
        r"(?i)\b(?:password|passwd|passphrase|pwd|secret|token)[ \t]*[:=][ \t]*<([^\s<>]{6,})>",
        trigger=r"(?:password|passwd|passphrase|pwd|secret|token)[ \t]*[:=][ \t]*<",
        check="strong",
    ),
    form(
        r"(?i)(?:password|passwd|passphrase|pwd|secret|token)\[([^\s\[\]]{6,})\]",
        trigger=r"(?:password|passwd|passphrase|pwd|secret|token)\[",
        check="strong",
    ),
    # files: .pgpass, .netrc, JAAS, redis.conf
    form(
        r"(?m)(?:^|[\s'\"])[\w.*-]+:(?:[0-9]{2,5}|\*):[\w.*-]+:[\w.*-]+:([^\s\"']{3,})\r?$",
        check="pgpass",
        trigger=r":(?:[0-9]{2,5}|\*):[^\s:]+:",
    ),
    form(
        r"\blogin[ \t\r\n]+\S+[ \t\r\n]+(?:account[ \t]+\S+[ \t\r\n]+)?password[ \t]+(\S+)",
        "login",
        check="digits",
        lines=True,
    ),
    form(rf"\buser_\w+[ \t]*=[ \t]*{_Q}([^\"'\n]+?){_Q}[ \t]*(?:;|user_|\n|\r)", "LoginModule required"),
    form(
        rf"\b(?:requirepass|masterauth|bindpw|rootpw)[ \t]+(?:{_Q})?([^\s\"']+)",
        "requirepass masterauth bindpw rootpw",
    ),
    form(
        rf"\b(?:AUTH|PASS)[ \t]+(?:{_Q})?(?:[\w.-]+(?:{_Q})?[ \t]+(?:{_Q})?)?([^\s\"']{{6,}})",
        trigger=r"(?-i:\b(?:AUTH|PASS)[ \t])",
        check="sentence",
    ),
    form(
        r"(?i)\b(?:password|passwd|passphrase)(?:[ \t]+|[ \t]*[|~-][ \t]*)"
        r"([^\s\"'|,;()<>=:]{6,}[^\s\"'|,;()<>=]*)",
        trigger=r"\b(?:password|passwd|passphrase)[ \t|~-]+[^\s\"'|,;()<>=:]{6}",
        check="sentence",
    ),
    # pydantic names the field on the line before
    form(
        r"(?im)^[\w. \t:/,+-]*(?:pass(?:word|wd|phrase|code)?|pwd"
        r"|secret|token|api_?key|secret_?key|private_?key)[ \t\r]*\n"
        rf"[^\n]*\binput_value={_Q}([^\"'\n]+?){_Q}",
        "input_value=",
        lines=True,
    ),
)
