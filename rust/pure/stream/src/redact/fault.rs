use std::fmt;

/// What of regular expressions redaction has no use for: an automaton that never looks back finds every match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternPart {
    /// `\1`: the text of an earlier group again.
    Backreference,
    /// `(...)`: keeps what it matched.
    CaptureGroup,
    /// `+?`: the longest match always wins.
    LazyQuantifier,
    /// `(?=...)`, `(?<=...)` and their negations.
    LookAround,
}

/// Why a redaction rule cannot be used. Positions count characters of the pattern from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleFault {
    /// Two rules have the same name.
    Duplicate,
    /// The pattern matches the empty string.
    Empty,
    /// The limit of an unbounded rule is 0.
    MaxLen,
    /// The name is empty or has characters beside `a-z`, `0-9` and `_`.
    Name,
    /// No text matches the pattern, for example `a\bb`.
    Never,
    /// The replacement could break the JSON it is put into.
    Replacement {
        /// What was given.
        replacement: String,
    },
    /// The pattern is no regular expression.
    Syntax {
        /// The character where reading failed.
        position: usize,
        /// What is wrong there.
        message: String,
    },
    /// The automaton of this rule, or of all rules together, is too large: counts such as `{500}` of wide classes do it.
    TooLarge {
        /// Bytes the automaton may take.
        limit: usize,
    },
    /// There are too many rules; this is the first beyond the limit.
    TooMany {
        /// Rules allowed.
        limit: usize,
    },
    /// The pattern has no longest match, and no limit is given.
    Unbounded,
    /// The pattern holds a part that redaction does not support.
    Unsupported {
        /// The part.
        part: PatternPart,
        /// The character where it begins.
        position: usize,
    },
}

impl PatternPart {
    const fn name(self) -> &'static str {
        match self {
            Self::Backreference => "a backreference",
            Self::CaptureGroup => "a capture group",
            Self::LazyQuantifier => "a lazy quantifier",
            Self::LookAround => "look-around",
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Backreference => "write the text out",
            Self::CaptureGroup => "write (?:...)",
            Self::LazyQuantifier => "the longest match wins; exclude what must end it, as in [^;]*;",
            Self::LookAround => r"allowed are \b, \B, ^ and $",
        }
    }
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate => f.write_str("is given twice; each name is allowed once"),
            Self::Empty => f.write_str("matches the empty string; at least one character is needed"),
            Self::MaxLen => f.write_str("has max_len 0, allowed is 1 or more bytes"),
            Self::Name => f.write_str("has a name that is not allowed: use a-z, 0-9 and _"),
            Self::Never => f.write_str("matches no text at all"),
            Self::Replacement { replacement } => {
                write!(f, "has the replacement {replacement:?}, allowed is [A-Za-z0-9_*]+, also in square brackets")
            }
            Self::Syntax { position, message } => write!(f, "cannot be read at character {position}: {message}"),
            Self::TooLarge { limit } => {
                write!(f, "needs an automaton of more than {limit} bytes; use smaller counts or ASCII classes")
            }
            Self::TooMany { limit } => write!(f, "is one too many, at most {limit} rules are allowed"),
            Self::Unbounded => f.write_str("has no longest match; give max_len, in bytes"),
            Self::Unsupported { part, position } => {
                write!(f, "has {} at character {position}, which is not supported; {}", part.name(), part.advice())
            }
        }
    }
}
