//! Blocks of private keys: between the lines of a block stands a key, or nothing is one.

/// A block of lines without spaces.
pub(super) const LINES: &str = r"(?x)
    -----BEGIN\ (?:[A-Z0-9]+\ ){0,2}PRIVATE\ KEY(?:\ BLOCK)?-----
    (?:(?:[\ \t]*(?:\r?\n|\\r|\\n)[\ \t]*)+ (?:[A-Za-z-]+:\ [^\n]*|[A-Za-z0-9+/=]{4,}))+
    (?:[\ \t]*(?:\r?\n|\\r|\\n)[\ \t]*)+
    -----END\ (?:[A-Z0-9]+\ ){0,2}PRIVATE\ KEY(?:\ BLOCK)?-----";

/// A block up to its end, as code, quotes and logs have it; one that is cut off before its end as far as it is base64.
pub(super) const BLOCK: &str = r#"(?x)
    -----BEGIN\ (?:[A-Z0-9]+\ ){0,2}PRIVATE\ KEY(?:\ BLOCK)?-----
    (?:[\ \t\r\n"'+,>|\#*`]|\\[nrt"])*
    (?:[A-Za-z-]+:\ [^\n]*\n[\ \t\r\n]*)*
    [A-Za-z0-9+/=]{16,}
    (?:
        (?:-{0,4}[^-])*
        -----END\ (?:[A-Z0-9]+\ ){0,2}PRIVATE\ KEY(?:\ BLOCK)?-----
    |
        (?:(?:[\ \t\r\n]|\\[nr])+[A-Za-z0-9+/=]{16,})*
        (?:(?:[\ \t\r\n]|\\[nr])+[A-Za-z0-9+/=]{1,15})?
    )"#;

/// As SSH Communications Security writes it.
pub(super) const SSH2: &str = r"(?x)
    ----\ BEGIN\ SSH2\ (?:[A-Z0-9]+\ )?PRIVATE\ KEY\ ----
    (?:[\ \t\r\n]|\\[nr])*
    (?:[A-Za-z-]+:\ [^\n]*\n[\ \t\r\n]*)*
    [A-Za-z0-9+/=]{16,}
    (?:(?:[\ \t\r\n]|\\[nr])+[A-Za-z0-9+/=]+)*
    (?:(?:[\ \t\r\n]|\\[nr])*----\ END\ SSH2\ (?:[A-Z0-9]+\ )?PRIVATE\ KEY\ ----)?";

/// As PuTTY writes it.
pub(super) const PUTTY: &str = r"(?x)
    Private-Lines:\ [0-9]{1,3}
    (?:(?:\r?\n|\\n)[A-Za-z0-9+/=]{4,})+";
